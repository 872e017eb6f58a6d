//! The bytes of a file as text, one piece at a time: plain, gzip or zstd, told apart by the first byte.

use std::io::{self, BufRead, BufReader, Read};

use super::gzip::Gunzip;
use crate::unpack::{Unpack, UnpackError};

/// File bytes read at once, and text handed on at once.
const PIECE_BYTES: usize = 128 * 1024;

/// Why there is no next piece.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    Damaged(String),
    Truncated,
}

/// Where the bytes come from.
pub(super) type Bytes = Box<dyn Read + Send>;

enum Packing {
    Plain(BufReader<Bytes>),
    Gzip(BufReader<Bytes>, Box<Gunzip>),
    Zstd(Box<Unpack<BufReader<Bytes>>>),
}

/// A stream of text pieces out of a file.
pub(super) struct Text {
    packing: Packing,
    /// What the last refill gave, of plain text and gzip; zstd has its own.
    piece: Box<[u8]>,
    file_bytes: u64,
}

impl Text {
    pub(super) fn new(bytes: Bytes) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(PIECE_BYTES, bytes);
        let packing = match filled(&mut file)?.first() {
            Some(0x1f) => Packing::Gzip(file, Box::new(Gunzip::new())),
            // zstd's frames and its skippable ones. No line of text in any of the forms begins so.
            Some(0x28 | 0x50..=0x5f) => Packing::Zstd(Box::new(Unpack::new(file))),
            _ => Packing::Plain(file),
        };
        let piece_bytes = if matches!(packing, Packing::Zstd(_)) { 0 } else { PIECE_BYTES };
        Ok(Self { packing, piece: vec![0; piece_bytes].into_boxed_slice(), file_bytes: 0 })
    }

    /// Overwrites the piece with the text that follows. Returns its length; 0 is the sound end of the file.
    pub(super) fn refill(&mut self) -> Result<usize, Fault> {
        let Self { packing, piece, file_bytes } = self;
        match packing {
            Packing::Plain(file) => {
                let length = filled(file).and_then(|mut input| input.read(piece)).map_err(Fault::Io)?;
                file.consume(length);
                *file_bytes += length as u64;
                // An empty file is a recorder that never came to write: nothing is known to be whole.
                if *file_bytes == 0 { Err(Fault::Truncated) } else { Ok(length) }
            }
            Packing::Gzip(file, gunzip) => loop {
                let input = filled(file).map_err(Fault::Io)?;
                if input.is_empty() {
                    let made = gunzip.rest(piece);
                    return if made > 0 || gunzip.is_whole() { Ok(made) } else { Err(Fault::Truncated) };
                }
                let outcome = gunzip.step(input, piece);
                let (used, made) = outcome.map_err(|error| Fault::Damaged(error.to_string()))?;
                file.consume(used);
                *file_bytes += used as u64;
                if made > 0 {
                    return Ok(made);
                }
            },
            Packing::Zstd(unpack) => unpack.refill().map_err(|error| match error {
                UnpackError::Io(source) => Fault::Io(source),
                UnpackError::Zstd(error) => Fault::Damaged(error.to_string()),
                UnpackError::Truncated => Fault::Truncated,
                UnpackError::NotARecording => Fault::Damaged("not zstd".to_owned()),
            }),
        }
    }

    /// The piece's whole room; only what the last `refill` counted holds text.
    pub(super) fn piece(&self) -> &[u8] {
        if let Packing::Zstd(unpack) = &self.packing { unpack.piece() } else { &self.piece }
    }

    /// Bytes of the file used up to now.
    pub(super) fn file_bytes(&self) -> u64 {
        if let Packing::Zstd(unpack) = &self.packing { unpack.file_bytes() } else { self.file_bytes }
    }

    /// Whether the file's end proves itself: that of compressed text does, that of plain text does not.
    pub(super) fn end_is_proven(&self) -> bool {
        !matches!(self.packing, Packing::Plain(_))
    }
}

/// The bytes buffered, after reading some if there were none; a signal that interrupts the read is no error.
fn filled(file: &mut BufReader<Bytes>) -> io::Result<&[u8]> {
    while file.buffer().is_empty() {
        match file.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(file.buffer())
}
