//! The file's bytes as text, one piece at a time: zstd frames, or plain text as it is.
//!
//! zstd's streaming call decodes as many blocks as its input holds, and if the last of them is bad it reports the
//! error without the text of the good ones before it. So each call here is offered exactly one step of the format:
//! the frame header, a block header (3 bytes), a block, the checksum. zstd says after each call how many bytes the
//! next step takes, plus 3 where it would like the following block header along; leaving those 3 for a call of
//! their own is what keeps every whole block in front of the damage.

use std::io::{self, BufRead, BufReader, Read};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

/// Text handed on at once, and file bytes read at once. zstd's blocks hold at most this much text, so a piece with
/// all its room free always takes a whole block.
const PIECE_BYTES: usize = 128 * 1024;

/// The largest zstd window accepted, as a power of two: 128 MiB, the limit of `zstd -d` without options.
const WINDOW_LOG_MAX: u32 = 27;

/// What zstd is offered at a frame's start: 5 bytes, from which it learns the header's length.
const FRAME_START_BYTES: usize = 8;

/// Length of a block header.
const BLOCK_HEADER_BYTES: usize = 3;

/// Why there is no next piece.
#[derive(Debug)]
pub(crate) enum UnpackError {
    Io(io::Error),
    NotARecording,
    Zstd(io::Error),
    Truncated,
}

enum Form {
    /// Nothing has been read yet.
    Unknown,
    /// Plain text.
    Plain,
    /// Inside or between zstd frames.
    Zstd { decoder: Decoder<'static>, next_bytes: usize, in_frame: bool },
}

/// A stream of text pieces out of a file.
pub(crate) struct Unpack<R> {
    file: BufReader<R>,
    form: Form,
    piece: Box<[u8]>,
    file_bytes: u64,
}

impl<R: Read> Unpack<R> {
    pub(crate) fn new(file: R) -> Self {
        Self {
            file: BufReader::with_capacity(PIECE_BYTES, file),
            form: Form::Unknown,
            piece: vec![0; PIECE_BYTES].into_boxed_slice(),
            file_bytes: 0,
        }
    }

    /// Overwrites the piece with the text that follows. Returns its length; 0 is the sound end of the file.
    pub(crate) fn refill(&mut self) -> Result<usize, UnpackError> {
        if matches!(self.form, Form::Unknown) {
            self.form = self.recognise()?;
        }
        let Self { file, form, piece, file_bytes } = self;
        match form {
            Form::Unknown => Ok(0),
            Form::Plain => loop {
                match file.read(piece) {
                    Ok(length) => {
                        *file_bytes += length as u64;
                        return Ok(length);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(UnpackError::Io(error)),
                }
            },
            Form::Zstd { decoder, next_bytes, in_frame } => loop {
                let input = filled(file).map_err(UnpackError::Io)?;
                if input.is_empty() {
                    return if *in_frame { Err(UnpackError::Truncated) } else { Ok(0) };
                }
                let step = match *next_bytes {
                    0 => FRAME_START_BYTES - BLOCK_HEADER_BYTES,
                    bytes if bytes > BLOCK_HEADER_BYTES => bytes - BLOCK_HEADER_BYTES,
                    bytes => bytes,
                };
                let mut source = InBuffer::around(input.get(..step).unwrap_or(input));
                let mut target = OutBuffer::around(&mut **piece);
                let outcome = decoder.run(&mut source, &mut target);
                let (used, length) = (source.pos(), target.pos());
                file.consume(used);
                *file_bytes += used as u64;
                *next_bytes = outcome.map_err(UnpackError::Zstd)?;
                *in_frame = *next_bytes != 0;
                if length > 0 {
                    return Ok(length);
                }
            },
        }
    }

    /// The piece's whole room; only what the last `refill` counted holds text.
    pub(crate) fn piece(&self) -> &[u8] {
        &self.piece
    }

    /// Bytes of the file used up to now.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Tells zstd frames from plain text by the first byte: a text line begins with a digit, a zstd frame with
    /// `28` and a skippable one with `50` to `5f`.
    fn recognise(&mut self) -> Result<Form, UnpackError> {
        match filled(&mut self.file).map_err(UnpackError::Io)?.first() {
            // An empty file is a recorder that never came to write: no recording, but no text to doubt either.
            None => Err(UnpackError::Truncated),
            Some(b'0'..=b'9') => Ok(Form::Plain),
            Some(0x28 | 0x50..=0x5f) => {
                let mut decoder = Decoder::new().map_err(UnpackError::Zstd)?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(UnpackError::Zstd)?;
                Ok(Form::Zstd { decoder, next_bytes: 0, in_frame: false })
            }
            Some(_) => Err(UnpackError::NotARecording),
        }
    }
}

/// The bytes buffered, after reading some if there were none; a signal that interrupts the read is no error.
fn filled<R: Read>(file: &mut BufReader<R>) -> io::Result<&[u8]> {
    while file.buffer().is_empty() {
        match file.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(file.buffer())
}
