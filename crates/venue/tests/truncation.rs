//! Samples cut short and samples with a byte changed: rejected or ignored, never a panic, never a wrong commit.

mod common;

use common::{Session, VENUES, facts, is_rest, sample, sample_names};
use touchline_venue::{ParseError, Parsed};

/// Every strict prefix of every sample is no JSON, says so, and leaves the connection as it was.
#[test]
fn every_prefix_of_a_sample_is_rejected() {
    let mut prefixes = 0;
    for (venue, folder) in VENUES {
        let mut session = Session::learning(venue);
        for name in sample_names(folder) {
            let text = sample(folder, &name);
            for end in 0..text.len() {
                let prefix = &text.as_bytes()[..end];
                let context = || format!("{venue} {name} cut at {end}");
                match name.as_str() {
                    "exchange_info" => {
                        assert!(facts(venue).dialect().instruments(prefix).is_err(), "{}", context());
                    }
                    "depth_snapshot" => {
                        let rejected = session.snapshot("AB", prefix).expect_err(&context());
                        assert!(matches!(rejected.error, ParseError::Json(_)), "{}", context());
                    }
                    _ => {
                        let rejected = session.frame(prefix).expect_err(&context());
                        assert!(matches!(rejected.error, ParseError::Json(_)), "{}", context());
                        assert_eq!((rejected.instrument, rejected.channel), (None, None), "{}", context());
                    }
                }
                prefixes += 1;
            }
        }
        assert!(session.sink.messages.is_empty());
        let good = session.frame(sample(folder, "depth_update"));
        assert_eq!(good, Ok(Parsed::Updates(1)), "{venue} reads on behind all of it");
    }
    assert!(prefixes > 5_000, "{prefixes} prefixes tried");
}

/// Every byte of every frame replaced by each of a few telling ones: the session checks that the sink agrees with the
/// report, and nothing panics.
#[test]
fn no_changed_byte_is_half_taken() {
    for (venue, folder) in VENUES {
        for name in sample_names(folder).into_iter().filter(|name| !is_rest(name) || name == "depth_snapshot")
        {
            let text = sample(folder, &name);
            let mut session = Session::learning(venue);
            for at in 0..text.len() {
                for byte in *b"\0\"\\{[]},:-.0e \xff" {
                    let mut changed = text.clone().into_bytes();
                    changed[at] = byte;
                    let _ = if is_rest(&name) {
                        session.snapshot("AB", &changed)
                    } else {
                        session.frame(&changed)
                    };
                }
            }
        }
    }
}
