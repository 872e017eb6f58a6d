//! Unpacks binary frames: gzip (HTX, BingX) and bare deflate (OKX v3, BitMart), against a bound.
//!
//! deflate can pack 1,032 bytes into one, so a frame of 16 MiB may claim 16 GiB. The bound is known before the first
//! byte is unpacked: the smaller of 16 MiB and 1,000 times the frame, where 64 KiB are always free. Output memory
//! grows by doubling up to the bound and stays with the caller for the next frame; the decoder's own state (some
//! 43 KiB) is kept too, so in steady state nothing allocates.

use flate2::{Crc, Decompress, FlushDecompress, Status};

/// The most bytes one frame may unpack to.
pub const OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most bytes unpacked for each byte of frame, once past [`RATIO_FREE_BYTES`].
pub const RATIO_MAX: usize = 1_000;

/// Up to this size the ratio does not matter.
pub const RATIO_FREE_BYTES: usize = 64 * 1024;

/// How a venue packs its frames.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Encoding {
    /// Not at all.
    #[default]
    Plain,
    /// gzip, RFC 1952: one member, whose CRC-32 and length are checked.
    Gzip,
    /// Bare deflate, RFC 1951: no header and no checksum.
    Deflate,
}

/// Why a frame could not be unpacked. The output is empty then; count the frame as a bad message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InflateError {
    /// Unpacks to more than [`OUTPUT_BYTES_MAX`]. Treat the peer as hostile.
    #[error("frame of {input_bytes} bytes unpacks to over {OUTPUT_BYTES_MAX} bytes")]
    TooLarge {
        /// The frame's length.
        input_bytes: usize,
    },
    /// Unpacks to more than [`RATIO_MAX`] times its size. Treat the peer as hostile.
    #[error("frame of {input_bytes} bytes unpacks to over {RATIO_MAX} times its size")]
    Ratio {
        /// The frame's length.
        input_bytes: usize,
    },
    /// The frame ends before its last block or its trailer.
    #[error("frame of {input_bytes} bytes ends inside its compressed data")]
    Truncated {
        /// The frame's length.
        input_bytes: usize,
    },
    /// Not a deflate stream, from about this byte on.
    #[error("not deflate near byte {at}")]
    Corrupt {
        /// Offset in the frame.
        at: usize,
    },
    /// No gzip header, or one with a method or flags that RFC 1952 does not define.
    #[error("no gzip header")]
    Header,
    /// The gzip trailer's CRC-32 or length does not match the output.
    #[error("gzip checksum or length differs")]
    Checksum,
    /// Bytes follow the end of the compressed data.
    #[error("{bytes} bytes after the end of the compressed data")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

/// A reusable bounded decoder.
///
/// # Example
/// ```
/// use touchline_capture::{Encoding, Inflater};
///
/// let mut inflater = Inflater::new();
/// let mut output = Vec::new();
/// // The text "book" in one stored deflate block.
/// let frame = [1, 4, 0, 251, 255, b'b', b'o', b'o', b'k'];
/// inflater.unpack(Encoding::Deflate, &frame, &mut output)?;
/// assert_eq!(output, b"book");
/// # Ok::<(), touchline_capture::InflateError>(())
/// ```
#[derive(Debug)]
pub struct Inflater {
    state: Decompress,
}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

impl Inflater {
    /// A decoder with its state allocated.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Decompress::new(false) }
    }

    /// Replaces the content of `output` by the unpacked `frame`.
    ///
    /// # Errors
    /// [`InflateError`]; `output` is then empty, though it may have grown up to [`OUTPUT_BYTES_MAX`].
    pub fn unpack(
        &mut self,
        encoding: Encoding,
        frame: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        output.clear();
        let outcome = match encoding {
            Encoding::Plain if frame.len() > OUTPUT_BYTES_MAX => {
                Err(InflateError::TooLarge { input_bytes: frame.len() })
            }
            Encoding::Plain => {
                output.extend_from_slice(frame);
                Ok(())
            }
            Encoding::Deflate => {
                self.inflate(frame, frame.len(), output).and_then(|used| none_after(frame, used))
            }
            Encoding::Gzip => self.gunzip(frame, output),
        };
        if outcome.is_err() {
            output.clear();
        }
        outcome
    }

    fn gunzip(&mut self, frame: &[u8], output: &mut Vec<u8>) -> Result<(), InflateError> {
        let cut = InflateError::Truncated { input_bytes: frame.len() };
        let body = gzip_body(frame)?;
        let used = self.inflate(body, frame.len(), output)?;
        let trailer = body.get(used..).unwrap_or_default();
        let (crc, rest) = trailer.split_first_chunk::<4>().ok_or(cut)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
        let mut actual = Crc::new();
        actual.update(output);
        if u32::from_le_bytes(*crc) != actual.sum() || u32::from_le_bytes(*length) != actual.amount() {
            return Err(InflateError::Checksum);
        }
        none_after(rest, 0)
    }

    /// Unpacks the deflate stream at the start of `body` and returns its length.
    fn inflate(
        &mut self,
        body: &[u8],
        frame_bytes: usize,
        output: &mut Vec<u8>,
    ) -> Result<usize, InflateError> {
        self.state.reset(false);
        let limit = output_limit(frame_bytes);
        loop {
            if output.len() == output.capacity() {
                grow(output, frame_bytes, limit);
            }
            let used = usize::try_from(self.state.total_in()).unwrap_or(usize::MAX);
            let input = body.get(used..).unwrap_or_default();
            let before = output.len();
            let status = self
                .state
                .decompress_vec(input, output, FlushDecompress::None)
                .map_err(|_| InflateError::Corrupt { at: used + (frame_bytes - body.len()) })?;
            let used_now = usize::try_from(self.state.total_in()).unwrap_or(usize::MAX);
            if output.len() > limit {
                return Err(over_limit(frame_bytes));
            }
            match status {
                Status::StreamEnd => return Ok(used_now),
                // Neither input taken nor output made, with room left: the rest of the stream is missing.
                _ if used_now == used && output.len() == before => {
                    return Err(InflateError::Truncated { input_bytes: frame_bytes });
                }
                _ => {}
            }
        }
    }
}

/// The most bytes that a frame of this size may become.
fn output_limit(frame_bytes: usize) -> usize {
    frame_bytes.saturating_mul(RATIO_MAX).clamp(RATIO_FREE_BYTES, OUTPUT_BYTES_MAX)
}

/// Makes room: first four times the frame (JSON packs five to ten times), then double, and never more than one
/// byte past the limit, which is the byte that proves the frame too large.
#[cold]
fn grow(output: &mut Vec<u8>, frame_bytes: usize, limit: usize) {
    let wanted = output.capacity().saturating_mul(2).max(frame_bytes.saturating_mul(4)).max(1_024);
    output.reserve_exact(wanted.min(limit + 1).saturating_sub(output.len()).max(1));
}

fn over_limit(input_bytes: usize) -> InflateError {
    if output_limit(input_bytes) == OUTPUT_BYTES_MAX {
        InflateError::TooLarge { input_bytes }
    } else {
        InflateError::Ratio { input_bytes }
    }
}

fn none_after(frame: &[u8], used: usize) -> Result<(), InflateError> {
    match frame.len().saturating_sub(used) {
        0 => Ok(()),
        bytes => Err(InflateError::Trailing { bytes }),
    }
}

/// What follows the gzip header (RFC 1952, section 2.3): ten fixed bytes, then the optional extra field, file name,
/// comment and header checksum, in that order, as the flags say.
fn gzip_body(frame: &[u8]) -> Result<&[u8], InflateError> {
    const HEADER_CRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let cut = InflateError::Truncated { input_bytes: frame.len() };
    let after = |bytes: &mut &[u8], count: usize| -> Result<(), InflateError> {
        *bytes = bytes.get(count..).ok_or(cut)?;
        Ok(())
    };
    let (&[magic_0, magic_1, method, flags, ..], mut rest) = frame.split_first_chunk::<10>().ok_or(cut)?;
    if (magic_0, magic_1, method) != (0x1f, 0x8b, 8) || flags >= 32 {
        return Err(InflateError::Header);
    }
    if flags & EXTRA != 0 {
        let (length, behind) = rest.split_first_chunk::<2>().ok_or(cut)?;
        rest = behind;
        after(&mut rest, usize::from(u16::from_le_bytes(*length)))?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = memchr::memchr(0, rest).ok_or(cut)?;
            after(&mut rest, end + 1)?;
        }
    }
    if flags & HEADER_CRC != 0 {
        after(&mut rest, 2)?;
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(encoding: Encoding, frame: &[u8]) -> Result<Vec<u8>, InflateError> {
        let mut output = vec![7; 3];
        let outcome = Inflater::new().unpack(encoding, frame, &mut output);
        assert!(outcome.is_ok() || output.is_empty(), "a failed frame leaves no output");
        outcome.map(|()| output)
    }

    #[test]
    fn the_error_is_small_and_copied() {
        // Size and Copy, asked of the compiler.
        fn copied<T: Copy>() -> usize {
            size_of::<T>()
        }
        assert!(copied::<InflateError>() <= 16);
    }

    proptest! {
        #[test]
        fn packed_text_comes_back(text in prop::collection::vec(0_u8..4, 0..5_000)) {
            // Random compressible bytes through both encodings, with one decoder and one buffer reused.
            let mut inflater = Inflater::new();
            let mut output = Vec::new();
            for (encoding, frame) in
                [(Encoding::Gzip, gzip(&text)), (Encoding::Deflate, deflate(&text)), (Encoding::Plain, text.clone())]
            {
                inflater.unpack(encoding, &frame, &mut output).unwrap();
                prop_assert_eq!(&output, &text);
            }
        }

        #[test]
        fn foreign_bytes_never_panic(frame in prop::collection::vec(any::<u8>(), 0..300)) {
            // Random bytes, bare and behind a valid gzip header.
            let _ = unpack(Encoding::Deflate, &frame);
            let _ = unpack(Encoding::Gzip, &frame);
            let with_header = [[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].as_slice(), &frame].concat();
            let _ = unpack(Encoding::Gzip, &with_header);
        }
    }

    #[test]
    fn every_cut_of_a_frame_is_an_error() {
        // A frame with text enough for dynamic codes, cut at each byte.
        let text: Vec<u8> = (0..400_u32).flat_map(|n| n.to_string().into_bytes()).collect();
        for (encoding, frame) in [(Encoding::Gzip, gzip(&text)), (Encoding::Deflate, deflate(&text))] {
            for length in 0..frame.len() {
                let outcome = unpack(encoding, &frame[..length]);
                assert_eq!(
                    outcome,
                    Err(InflateError::Truncated { input_bytes: length }),
                    "{encoding:?} {length}"
                );
            }
            let longer = [frame.as_slice(), b"xy"].concat();
            assert_eq!(unpack(encoding, &longer), Err(InflateError::Trailing { bytes: 2 }));
        }
    }

    #[test]
    fn every_flipped_bit_behind_the_gzip_header_is_an_error() {
        // The header's time, level and system bytes mean nothing. After them only the bits that pad the last deflate
        // byte may be flipped unseen, at most 7, and then the text is still right.
        let text: Vec<u8> = (0..400_u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let frame = gzip(&text);
        let mut unseen = 0;
        for bit in 80..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(unpacked) = unpack(Encoding::Gzip, &flipped) {
                assert_eq!(unpacked, text, "bit {bit}");
                unseen += 1;
            }
        }
        assert!(unseen < 8, "{unseen} flips unseen");
    }

    #[test]
    fn the_optional_gzip_fields_are_skipped() {
        // A header with extra field, name, comment and header checksum, each cut of it too.
        let mut frame = vec![0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3];
        frame.extend_from_slice(&[3, 0, 1, 2, 3]);
        frame.extend_from_slice(b"name\0comment\0");
        frame.extend_from_slice(&[9, 9]);
        let header = frame.len();
        frame.extend_from_slice(&gzip(b"book")[10..]);
        assert_eq!(unpack(Encoding::Gzip, &frame).unwrap(), b"book");
        for length in 0..header {
            assert_eq!(
                unpack(Encoding::Gzip, &frame[..length]),
                Err(InflateError::Truncated { input_bytes: length })
            );
        }
        frame[3] |= 32;
        assert_eq!(unpack(Encoding::Gzip, &frame), Err(InflateError::Header));
    }

    #[test]
    fn a_bomb_stops_at_its_bound_and_the_memory_too() {
        // Zeros pack over 1,000 fold: 1 MiB to 256 MiB of them, both encodings, with the buffer's room looked at.
        let pack = |bytes: u64, encoding: Encoding| {
            let mut frame = Vec::new();
            let zeros = std::io::repeat(0).take(bytes);
            match encoding {
                Encoding::Gzip => {
                    flate2::read::GzEncoder::new(zeros, Compression::best()).read_to_end(&mut frame)
                }
                _ => flate2::read::DeflateEncoder::new(zeros, Compression::best()).read_to_end(&mut frame),
            }
            .unwrap();
            frame
        };
        for encoding in [Encoding::Gzip, Encoding::Deflate] {
            for mebibytes in [1, 8, 32, 256] {
                let frame = pack(mebibytes << 20, encoding);
                let input_bytes = frame.len();
                let mut output = Vec::new();
                let outcome = Inflater::new().unpack(encoding, &frame, &mut output);
                let bytes = (mebibytes << 20) as usize;
                let expected = if bytes > OUTPUT_BYTES_MAX && input_bytes * RATIO_MAX >= OUTPUT_BYTES_MAX {
                    Err(InflateError::TooLarge { input_bytes })
                } else if bytes > input_bytes * RATIO_MAX {
                    Err(InflateError::Ratio { input_bytes })
                } else {
                    Ok(())
                };
                assert_eq!(outcome, expected, "{mebibytes} MiB");
                assert!(output.capacity() <= OUTPUT_BYTES_MAX + 1, "{}", output.capacity());
            }
            // Below the free size the ratio does not matter.
            assert_eq!(unpack(encoding, &pack(60_000, encoding)).unwrap().len(), 60_000);
        }
    }

    #[test]
    fn the_largest_frame_passes() {
        // Exactly 16 MiB of poorly packed text fit; one byte more does not.
        let mut text: Vec<u8> = (0..OUTPUT_BYTES_MAX as u32 / 4)
            .flat_map(|n| (n.wrapping_mul(2_654_435_761) % 997).to_le_bytes())
            .collect();
        assert_eq!(unpack(Encoding::Gzip, &gzip(&text)).unwrap().len(), OUTPUT_BYTES_MAX);
        text.push(1);
        let frame = gzip(&text);
        assert_eq!(unpack(Encoding::Gzip, &frame), Err(InflateError::TooLarge { input_bytes: frame.len() }));
        assert_eq!(unpack(Encoding::Plain, &text), Err(InflateError::TooLarge { input_bytes: text.len() }));
    }
}
