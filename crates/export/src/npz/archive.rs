//! The archive: a ZIP file with one array in NumPy's format, version 1.0.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::event::BYTES;

/// The array's name in the archive: key `data`.
const NAME: &str = "data.npy";

/// The fields of a record, as NumPy writes them down.
const FIELDS: &str = "[('ev', '<u8'), ('exch_ts', '<i8'), ('local_ts', '<i8'), ('px', '<f8'), ('qty', '<f8'), \
                      ('order_id', '<u8'), ('ival', '<i8'), ('fval', '<f8')]";

/// Writes the archive of so many records, which stand in `rows`.
pub(super) fn write<W: Write + Seek>(out: W, mut rows: File, count: u64) -> io::Result<W> {
    let header = header(count)?;
    let bytes = header.len() as u64 + count.saturating_mul(BYTES as u64);
    let mut zip = ZipWriter::new(out);
    // Readers that know only the old format are spared the new one where the old one does.
    let options = SimpleFileOptions::default().large_file(bytes >= u64::from(u32::MAX));
    zip.start_file(NAME, options)?;
    zip.write_all(&header)?;
    rows.seek(SeekFrom::Start(0))?;
    let copied = io::copy(&mut rows, &mut zip)?;
    if copied != count.saturating_mul(BYTES as u64) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(zip.finish()?)
}

/// Magic, version, and what the array is; padded so that the records begin at a multiple of 64 bytes.
fn header(count: u64) -> io::Result<Vec<u8>> {
    const FRONT: usize = 10;
    let mut text = format!("{{'descr': {FIELDS}, 'fortran_order': False, 'shape': ({count},), }}");
    let whole = (FRONT + text.len() + 1).next_multiple_of(BYTES);
    text.extend(std::iter::repeat_n(' ', whole - FRONT - text.len() - 1));
    text.push('\n');
    let length = u16::try_from(text.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok([b"\x93NUMPY\x01\x00".as_slice(), &length.to_le_bytes(), text.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use zip::ZipArchive;

    /// The archive reads back: one array under its key, a header as NumPy wants it, the records behind it.
    #[test]
    fn archive_reads_back() {
        let mut rows = tempfile::tempfile().unwrap();
        let records: Vec<u8> = (0..3 * BYTES).map(|byte| byte as u8).collect();
        rows.write_all(&records).unwrap();
        let out = write(io::Cursor::new(Vec::new()), rows, 3).unwrap();
        let mut zip = ZipArchive::new(out).unwrap();
        assert_eq!(zip.len(), 1);
        let mut npy = Vec::new();
        zip.by_name("data.npy").unwrap().read_to_end(&mut npy).unwrap();
        let length = usize::from(u16::from_le_bytes([npy[8], npy[9]]));
        assert_eq!((&npy[..8], (10 + length) % 64), (b"\x93NUMPY\x01\x00".as_slice(), 0));
        let text = std::str::from_utf8(&npy[10..10 + length]).unwrap();
        assert!(text.starts_with("{'descr': [('ev', '<u8'), ") && text.ends_with(" \n"), "{text}");
        assert!(text.contains("('fval', '<f8')], 'fortran_order': False, 'shape': (3,), }"), "{text}");
        assert_eq!(npy[10 + length..], records);
    }

    /// Records that are not all there make no archive.
    #[test]
    fn a_missing_record_is_an_error() {
        let error = write(io::Cursor::new(Vec::new()), tempfile::tempfile().unwrap(), 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
