//! gzip as a stream, RFC 1952: members one after another, each with its checksum.
//!
//! `flate2`'s own reader drops what the failing call had already decoded, and with it whole lines in front of the
//! damage. Here the output that was made before an error is given first, and the error with the next step.

use flate2::{Crc, Decompress, FlushDecompress, Status};

/// Flags of a member's head, in the order in which their fields follow it.
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const HEAD_CRC: u8 = 2;

/// Why a gzip stream cannot be read on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum GzipError {
    #[error("no gzip member here")]
    NotAMember,
    #[error("not deflate")]
    Deflate,
    #[error("gzip checksum or length differs")]
    Checksum,
}

/// Which byte comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// This one of the ten that begin a member.
    Fixed(u8),
    /// The low byte of the extra field's length.
    ExtraLow,
    /// The high byte of it.
    ExtraHigh(u8),
    /// One of so many that do not matter.
    Skip(u16),
    /// One of a text that a zero ends.
    Text,
    /// One of the deflate stream.
    Body,
    /// This one of the eight that end a member.
    Trailer(u8),
}

/// The state of a gzip stream between two pieces of it.
pub(super) struct Gunzip {
    place: Place,
    /// Fields of the head that are still to come.
    flags: u8,
    trailer: u64,
    inflate: Decompress,
    crc: Crc,
    /// Whether a member has come to its sound end.
    any: bool,
    /// Found in the last step, after it had made some output.
    late: Option<GzipError>,
}

impl Gunzip {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Fixed(0),
            flags: 0,
            trailer: 0,
            inflate: Decompress::new(false),
            crc: Crc::new(),
            any: false,
            late: None,
        }
    }

    /// Reads some of `input` and overwrites some of `output`. Returns how much of each; at least one of them is not
    /// 0 if neither slice is empty.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), GzipError> {
        if let Some(error) = self.late {
            return Err(error);
        }
        for (used, &byte) in input.iter().enumerate() {
            if self.place == Place::Body {
                let (taken, made) = self.body(input.get(used..).unwrap_or_default(), output)?;
                return Ok((used + taken, made));
            }
            self.head_or_trailer(byte)?;
        }
        Ok((input.len(), 0))
    }

    /// What a stream without more input still has decoded; 0 when that is all.
    pub(super) fn rest(&mut self, output: &mut [u8]) -> usize {
        if self.place != Place::Body || self.late.is_some() {
            return 0;
        }
        self.body(&[], output).map_or(0, |(_, made)| made)
    }

    /// Whether the stream may end here: behind a whole member.
    pub(super) fn is_whole(&self) -> bool {
        self.any && self.place == Place::Fixed(0)
    }

    fn body(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), GzipError> {
        let (taken, made) = (self.inflate.total_in(), self.inflate.total_out());
        let outcome = self.inflate.decompress(input, output, FlushDecompress::None);
        let taken = usize::try_from(self.inflate.total_in() - taken).unwrap_or(usize::MAX);
        let made = usize::try_from(self.inflate.total_out() - made).unwrap_or(usize::MAX);
        self.crc.update(output.get(..made).unwrap_or_default());
        match outcome {
            Ok(Status::StreamEnd) => self.place = Place::Trailer(0),
            Ok(_) if taken > 0 || made > 0 => {}
            Err(_) if made > 0 => self.late = Some(GzipError::Deflate),
            Ok(_) | Err(_) => return Err(GzipError::Deflate),
        }
        Ok((taken, made))
    }

    fn head_or_trailer(&mut self, byte: u8) -> Result<(), GzipError> {
        self.place = match self.place {
            // gzip itself ignores the zeros that tapes put behind the last member.
            Place::Fixed(0) if self.any && byte == 0 => Place::Fixed(0),
            Place::Fixed(at) => {
                let fits = match at {
                    0 => byte == 0x1f,
                    1 => byte == 0x8b,
                    2 => byte == 8,
                    3 => byte < 32,
                    _ => true,
                };
                if !fits {
                    return Err(GzipError::NotAMember);
                }
                if at == 3 {
                    self.flags = byte;
                }
                if at == 9 { self.next_field() } else { Place::Fixed(at + 1) }
            }
            Place::ExtraLow => Place::ExtraHigh(byte),
            Place::ExtraHigh(low) => match u16::from_le_bytes([low, byte]) {
                0 => self.next_field(),
                length => Place::Skip(length),
            },
            Place::Skip(left) if left > 1 => Place::Skip(left - 1),
            Place::Skip(_) => self.next_field(),
            Place::Text if byte != 0 => Place::Text,
            Place::Text => self.next_field(),
            Place::Body => Place::Body,
            Place::Trailer(at) => {
                self.trailer = self.trailer >> 8 | u64::from(byte) << 56;
                if at < 7 { Place::Trailer(at + 1) } else { self.end_of_member()? }
            }
        };
        Ok(())
    }

    /// The next field of the head that the flags name, or the body.
    fn next_field(&mut self) -> Place {
        let fields = [
            (EXTRA, Place::ExtraLow),
            (NAME, Place::Text),
            (COMMENT, Place::Text),
            (HEAD_CRC, Place::Skip(2)),
        ];
        for (flag, place) in fields {
            if self.flags & flag != 0 {
                self.flags &= !flag;
                return place;
            }
        }
        self.inflate.reset(false);
        self.crc.reset();
        Place::Body
    }

    fn end_of_member(&mut self) -> Result<Place, GzipError> {
        let sum = u64::from(self.crc.sum()) | u64::from(self.crc.amount()) << 32;
        if self.trailer != sum {
            return Err(GzipError::Checksum);
        }
        self.any = true;
        Ok(Place::Fixed(0))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;
    use flate2::{Compression, GzBuilder};

    use super::*;

    /// The whole stream in steps of `step` bytes of input and `room` of output; what came, and how it ended.
    fn run(file: &[u8], step: usize, room: usize) -> (Vec<u8>, Result<bool, GzipError>) {
        let (mut gunzip, mut text, mut output) = (Gunzip::new(), Vec::new(), vec![0; room]);
        let mut at = 0;
        while at < file.len() {
            let input = &file[at..file.len().min(at + step)];
            match gunzip.step(input, &mut output) {
                Ok((used, made)) => {
                    assert!(used > 0 || made > 0, "a step that does nothing");
                    text.extend_from_slice(&output[..made]);
                    at += used;
                }
                Err(error) => return (text, Err(error)),
            }
        }
        loop {
            match gunzip.rest(&mut output) {
                0 => return (text, Ok(gunzip.is_whole())),
                made => text.extend_from_slice(&output[..made]),
            }
        }
    }

    #[test]
    fn members_with_every_field_come_back_at_any_step() {
        // Two members, the first with extra field, name and comment, then padding; input dripped and output narrow.
        let mut file = GzBuilder::new()
            .extra(vec![1, 2, 3])
            .filename("btcusdt_20240808")
            .comment("a comment")
            .write(Vec::new(), Compression::default());
        file.write_all(&b"one line\n".repeat(300)).unwrap();
        let mut file = file.finish().unwrap();
        let mut second = GzEncoder::new(Vec::new(), Compression::fast());
        second.write_all(b"another\n").unwrap();
        file.extend(second.finish().unwrap());
        file.extend([0; 20]);
        let whole = [b"one line\n".repeat(300), b"another\n".to_vec()].concat();
        for step in [1, 2, 7, 4_096] {
            for room in [1, 3, 8_192] {
                assert_eq!(run(&file, step, room), (whole.clone(), Ok(true)), "{step} {room}");
            }
        }
    }

    #[test]
    fn what_is_decoded_before_the_damage_is_given() {
        // A stored block of 400 bytes, then a byte that begins no block: the text first, then the error.
        let text = b"a line of text\n".repeat(27);
        let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 0];
        let length = u16::try_from(text.len()).unwrap();
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend_from_slice(&text);
        file.extend([0b111; 4]);
        assert_eq!(run(&file, 4_096, 4_096), (text, Err(GzipError::Deflate)));
    }

    #[test]
    fn another_checksum_and_rubbish_behind_are_errors() {
        // One member with its checksum changed; one with text behind it; one cut in its trailer.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"text\n").unwrap();
        let file = encoder.finish().unwrap();
        let mut changed = file.clone();
        *changed.iter_mut().nth_back(7).unwrap() ^= 1;
        assert_eq!(run(&changed, 64, 64), (b"text\n".to_vec(), Err(GzipError::Checksum)));
        let behind = [file.as_slice(), b"rubbish"].concat();
        assert_eq!(run(&behind, 64, 64), (b"text\n".to_vec(), Err(GzipError::NotAMember)));
        assert_eq!(run(&file[..file.len() - 1], 64, 64), (b"text\n".to_vec(), Ok(false)));
    }
}
