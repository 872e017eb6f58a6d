//! Any bytes behind a handshake, in any pieces: both transports hear the same messages and end the same way.
//!
//! The first byte says how many of the next are the pieces' lengths, which come round again and again.
#![no_main]

use touchline_link::agree::both;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&count, rest)) = input.split_first() else { return };
    let (pieces, bytes) = rest.split_at(usize::from(count % 8).min(rest.len()));
    let pieces: Vec<_> = pieces.iter().map(|&length| usize::from(length)).collect();
    let [first, second] = both(bytes, &pieces);
    assert_eq!(first, second);
});
