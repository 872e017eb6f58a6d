//! Recordings that were cut short or changed: no panic, every whole record used, and what is wrong is said.

use std::path::Path;

use touchline::verify::Verification;
use touchline::verify::{Verified, Verifier};
use touchline::{Error, Finished, Replay};
use touchline_tests::{captures, small_recording, tell};

/// How many cuts, and how many flips.
const TRIES: u64 = 200;

/// A number for each try, spread over `bound`; the same in every run.
fn spread(i: u64, bound: u64) -> u64 {
    (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17).wrapping_mul(0xBF58_476D_1CE4_E5B9) % bound
}

fn verify(path: &Path) -> Result<(Verified, Finished<Verifier>), Error> {
    Verification::start(Replay::open_as(path, "binance-usdm")?, None)?.join()
}

/// The recordings to damage: one made here, and a real one where the folder is.
fn recordings() -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("made here".to_owned(), small_recording(5_000))];
    if let Some(folder) = captures() {
        let name = "binance-usdm-small-ws1-20210722.cap.zst";
        all.push((name.to_owned(), std::fs::read(folder.join(name)).unwrap()));
    }
    all
}

/// Cut at any of 200 bytes: the end is reported, once, and the messages before it count as always.
#[test]
fn a_cut_recording_gives_what_is_whole_and_says_where_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.cap.zst");
    for (name, bytes) in recordings() {
        let mut updates = 0;
        for i in 0..TRIES {
            let cut = spread(i, bytes.len() as u64) as usize;
            std::fs::write(&path, &bytes[..cut]).unwrap();
            match verify(&path) {
                Ok((_, finished)) => {
                    assert!(finished.damage.is_some(), "{name} cut at {cut}: nobody noticed");
                    assert!(finished.balances(), "{name} cut at {cut}");
                    updates += finished.intake.updates;
                }
                Err(error) => panic!("{name} cut at {cut}: {error}"),
            }
        }
        assert!(updates > 0, "{name}: no cut left anything to verify");
        tell(&format!("{name}: {TRIES} cuts, {updates} updates out of what was left"));
    }
}

/// One bit changed at any of 200 places: never a panic, always told, since the file carries a checksum or its framing
/// breaks.
#[test]
fn a_flipped_bit_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flip.cap.zst");
    for (name, bytes) in recordings() {
        let (mut told, mut silent) = (0, 0);
        let whole = reference(&path, &bytes);
        for i in 0..TRIES {
            let mut flipped = bytes.clone();
            let bit = spread(i, 8 * bytes.len() as u64);
            flipped[(bit / 8) as usize] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).unwrap();
            let (verified, finished) =
                verify(&path).unwrap_or_else(|error| panic!("{name} bit {bit}: {error}"));
            assert!(finished.balances(), "{name} bit {bit}");
            if finished.damage.is_some() {
                told += 1;
            } else {
                // A flip that changes no byte of the text (a reserved bit of a header) may pass: but then the books
                // are exactly those of the sound file.
                assert_eq!(
                    serde_json::to_value(&verified).unwrap(),
                    whole,
                    "{name} bit {bit}: silently different"
                );
                silent += 1;
            }
        }
        tell(&format!("{name}: {TRIES} flips, {told} told, {silent} without effect"));
        assert!(told > silent);
    }
}

fn reference(path: &Path, bytes: &[u8]) -> serde_json::Value {
    std::fs::write(path, bytes).unwrap();
    let (verified, finished) = verify(path).unwrap();
    assert!(finished.damage.is_none());
    serde_json::to_value(verified).unwrap()
}
