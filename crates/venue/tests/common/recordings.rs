//! The recordings, where the folder of recordings is there, and what one connection makes of one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use touchline_capture::{Kind, Reader};
use touchline_market::{Head, Instrument, Record};
use touchline_venue::{Parsed, Rest};

use super::{Session, ignored};

/// The recordings whose names are wanted, sorted; none if there is no such folder. `TOUCHLINE_CAPTURES` names it, else
/// `../shared/captures` beside the workspace. Under `CI=true` an absent folder fails the test.
pub(crate) fn recordings(wanted: impl Fn(&str) -> bool) -> Vec<(String, PathBuf)> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let folder = std::env::var_os("TOUCHLINE_CAPTURES").map_or(beside, PathBuf::from);
    let name = |path: &PathBuf| path.file_name()?.to_str()?.strip_suffix(".cap.zst").map(str::to_owned);
    let entries = std::fs::read_dir(&folder).into_iter().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.expect("a folder entry").path())
        .filter_map(|path| name(&path).map(|name| (name, path)))
        .filter(|(name, _)| wanted(name))
        .collect();
    found.sort();
    if found.is_empty() {
        println!("no recordings in {}: nothing read", folder.display());
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI needs recordings");
    }
    found
}

/// What a recording gave.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) frames: u64,
    /// By kind of update, or reason of none; the instruments of its lists as `listed`.
    pub(crate) counts: BTreeMap<String, u64>,
    /// With their lines.
    pub(crate) rejected: Vec<String>,
    pub(crate) listed: Vec<Instrument>,
}

/// Reads a recording; `each` sees every update.
pub(crate) fn read(path: &Path, session: &mut Session, mut each: impl FnMut(&Head, &[Record])) -> Tally {
    let mut reader = Reader::open(path).expect("a recording");
    let mut tally = Tally::default();
    while let Some(record) = reader.next().expect("a sound recording") {
        let outcome = match record.kind {
            Kind::Connected => {
                session.dialect.connected(std::str::from_utf8(record.payload).expect("a URL"));
                continue;
            }
            Kind::Text => {
                tally.frames += 1;
                session.frame(record.payload)
            }
            Kind::Rest => {
                let (url, body) = record.rest().expect("a response");
                match session.dialect.rest_kind(url) {
                    Rest::Snapshot { symbol } => session.snapshot(symbol, body),
                    Rest::Instruments => {
                        let list = session.dialect.instruments(body).expect("a list of instruments");
                        assert!(!list.is_empty(), "{}: instruments", path.display());
                        *tally.counts.entry("listed".to_owned()).or_default() += list.len() as u64;
                        tally.listed.extend(list);
                        continue;
                    }
                    Rest::Other => continue,
                }
            }
            _ => continue,
        };
        for (head, body) in session.sink.messages.drain(..) {
            each(&head, &body);
            *tally.counts.entry(format!("{:?}", head.kind)).or_default() += 1;
        }
        match outcome {
            Ok(Parsed::Updates(_)) => {}
            Ok(Parsed::Ignored(reason)) => *tally.counts.entry(ignored(reason)).or_default() += 1,
            Err(rejected) => {
                let start = record.payload.get(..record.payload.len().min(120)).unwrap_or(record.payload);
                let start = String::from_utf8_lossy(start);
                tally.rejected.push(format!("line {}: {rejected}: {start}", record.line));
                *tally.counts.entry(format!("rejected: {}", rejected.error.reason())).or_default() += 1;
            }
        }
    }
    println!("{}: {} frames, {:?}", path.display(), tally.frames, tally.counts);
    tally
}
