//! A recording of foreign bytes never panics, ends, and counts its lines without a hole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchline_capture::{Encoding, Inflater, Reader};

fuzz_target!(|bytes: &[u8]| {
    let (mut reader, mut inflater, mut frame, mut output) =
        (Reader::new(bytes), Inflater::new(), Vec::new(), Vec::new());
    let mut line = 0;
    loop {
        match reader.next() {
            Ok(None) => break,
            Ok(Some(record)) => {
                assert_eq!(record.line, line);
                if record.binary(&mut frame).is_ok() {
                    let _ = inflater.unpack(Encoding::Gzip, &frame, &mut output);
                    let _ = inflater.unpack(Encoding::Deflate, &frame, &mut output);
                }
            }
            Err(error) if error.is_final() => break,
            Err(_) => {}
        }
        line += 1;
    }
    assert!(matches!(reader.next(), Ok(None)));
});
