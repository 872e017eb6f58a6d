//! `convert` to tables: CSV, Parquet, and hftbacktest's archives.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use touchline::market::{InstrumentId, Level, Side, UpdateKind};
use touchline::{Keeper, Marking, Observer, Placement, Replay};
use touchline_tests::{captures, tell};
use zip::ZipArchive;

use super::interrupt::interrupted;
use super::{Ran, Recordings, text, touchline};

/// Both sides of a book: price to quantity.
type Sides<P, Q> = [BTreeMap<P, Q>; 2];

/// Every book of a recording as the pipeline leaves it.
#[derive(Default)]
struct Last {
    books: HashMap<u32, LastBook>,
}

/// A book's levels, and the scales of prices and quantities.
type LastBook = (Vec<(Side, Level)>, u8, u8);

impl Observer for Last {
    fn end(&mut self, instrument: InstrumentId, keeper: &Keeper) {
        let book = keeper.book();
        let levels = [Side::Bid, Side::Ask]
            .into_iter()
            .flat_map(|side| book.levels(side).map(move |level| (side, level)));
        self.books.insert(instrument.0, (levels.collect(), book.price_scale(), book.qty_scale()));
    }
}

/// The recordings: one of our own and, where they are, real ones of several families of rules.
fn recordings(here: &Recordings) -> Vec<PathBuf> {
    let mut recordings = vec![here.sound(300)];
    if let Some(folder) = captures() {
        let names = [
            "binance-usdm-small-ws1-20210722",
            "bitstamp-ws1-20220105",
            "coinbase-advanced-ws2-20260809a",
            "kraken-v1-ws50-20210417",
            "binance-spot-btcusdt-20230405",
        ];
        recordings.extend(names.map(|name| folder.join(format!("{name}.cap.zst"))));
    }
    recordings
}

fn convert(recording: &Path, to: &str, out: &Path) -> Ran {
    touchline(["convert", text(recording), "--to", to, "--out", text(out), "--json"])
}

/// Fixed-point text at the finest scale.
fn worth(text: &str) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<18}").parse().unwrap()
}

/// A reader of the CSV that knows nothing but what the layout says.
#[derive(Default)]
struct Twin {
    sides: Sides<i128, i128>,
    sequence: u64,
    started: bool,
    kept: Vec<Message>,
}

#[derive(Clone, Default)]
struct Message {
    kind: String,
    beside_stream: bool,
    sequence: u64,
    cut: Option<usize>,
    levels: Vec<(usize, i128, i128)>,
}

impl Twin {
    fn take(&mut self, message: Message) {
        match message.kind.as_str() {
            "snapshot" => {
                self.sides = Sides::default();
                self.started = true;
                self.apply(&message);
                for kept in std::mem::take(&mut self.kept) {
                    if message.beside_stream && kept.sequence > self.sequence {
                        self.apply(&kept);
                    }
                }
            }
            "delta" if !self.started => self.kept.push(message),
            "delta" if message.sequence == 0 || message.sequence > self.sequence => self.apply(&message),
            "break" => (self.started, self.sequence) = (false, 0),
            _ => {}
        }
    }

    fn apply(&mut self, message: &Message) {
        self.sequence = message.sequence;
        for &(side, price, qty) in &message.levels {
            set(&mut self.sides[side], price, qty, qty > 0);
        }
        for _ in 0..message.cut.map_or(0, |cut| self.sides[0].len().saturating_sub(cut)) {
            self.sides[0].pop_first();
        }
        for _ in 0..message.cut.map_or(0, |cut| self.sides[1].len().saturating_sub(cut)) {
            self.sides[1].pop_last();
        }
    }
}

fn set<P: Ord, Q>(side: &mut BTreeMap<P, Q>, price: P, qty: Q, is_there: bool) {
    if is_there {
        side.insert(price, qty);
    } else {
        side.remove(&price);
    }
}

/// What a CSV holds: the books that its rows make, by symbol; its messages, by symbol and kind; its rows.
#[derive(Default)]
struct Table {
    twins: HashMap<String, Twin>,
    messages: HashMap<(String, String), u64>,
    rows: u64,
}

fn read_csv(path: &Path, begins_empty: bool) -> Table {
    let table = std::fs::read_to_string(path).unwrap();
    let mut lines = table.split_terminator("\r\n");
    assert_eq!(lines.next().unwrap(), touchline_export::COLUMNS.join(","));
    let (mut read, mut message, mut updates) = (Table::default(), Message::default(), 0);
    for line in lines {
        read.rows += 1;
        let fields: Vec<_> = line.split(',').collect();
        let [update, _, _, _, _, symbol, kind, beside, _, sequence, side, price, qty, _, cut, _, _, last] =
            fields[..]
        else {
            panic!("{line}");
        };
        assert_eq!(update, updates.to_string(), "{line}");
        message.kind = kind.to_owned();
        (message.beside_stream, message.sequence) = (beside == "true", sequence.parse().unwrap());
        message.cut = cut.parse().ok();
        if side == "bid" || side == "ask" {
            message.levels.push((usize::from(side == "ask"), worth(price), worth(qty)));
        }
        if last == "true" {
            updates += 1;
            *read.messages.entry((symbol.to_owned(), kind.to_owned())).or_default() += 1;
            let new = || Twin { started: begins_empty, ..Twin::default() };
            read.twins.entry(symbol.to_owned()).or_insert_with(new).take(std::mem::take(&mut message));
        }
    }
    read
}

/// Rows of the CSV rebuild every book that the pipeline ends with, level by level, exact; each kind has as many messages
/// as the survey counts; and the program tells how many rows there are.
#[test]
fn csv_rows_rebuild_the_books() {
    let here = Recordings::new();
    let (mut books, mut levels) = (0, 0);
    for recording in recordings(&here) {
        let ran = convert(&recording, "csv", &here.path("tables"));
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
        let told = &ran.json()[0];
        let replay = Replay::open(&recording).unwrap().placement(Placement::Reader);
        let survey = replay.survey().clone();
        let table = Path::new(told["results"][0].as_str().unwrap());
        let table = read_csv(table, !survey.has_snapshot);
        assert!(table.rows > 100 && told["rows"] == table.rows, "{told}");

        let finished = replay.start_observed(Last::default(), Marking::Line).unwrap().join().unwrap();
        let kinds = [
            (UpdateKind::Snapshot, "snapshot"),
            (UpdateKind::Delta, "delta"),
            (UpdateKind::Bbo, "bbo"),
            (UpdateKind::Trade, "trade"),
        ];
        for (id, surveyed) in (0..).zip(&survey.instruments) {
            let symbol = &surveyed.instrument.symbol;
            for (kind, name) in kinds {
                let counted =
                    table.messages.get(&(symbol.clone(), name.to_owned())).copied().unwrap_or_default();
                assert_eq!(counted, surveyed.updates[kind as usize - 1], "{symbol} {name}");
            }
            let (last, price_scale, qty_scale) = &finished.observer.books[&id];
            let mut expected = Sides::default();
            for (side, level) in last {
                let at_finest = |mantissa: i128, scale: u8| mantissa * 10i128.pow(18 - u32::from(scale));
                let price = at_finest(level.price.0.into(), *price_scale);
                expected[*side as usize].insert(price, at_finest(level.qty.0.into(), *qty_scale));
            }
            if finished.books[id as usize].counters.received > 0 {
                assert!(table.twins[symbol].sides == expected, "{} {symbol}", recording.display());
                (books, levels) = (books + 1, levels + last.len());
            }
        }
    }
    assert!(books > 0 && levels > 50, "{books} books, {levels} levels");
    tell(&format!("rebuilt {books} books of {levels} levels from CSV"));
}

/// What hftbacktest makes of an archive: the book of the side that hears `heard_by`, event after event.
fn read_npz(path: &Path, heard_by: u64) -> (Sides<u64, f64>, u64) {
    let mut npy = Vec::new();
    let mut archive = ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    std::io::Read::read_to_end(&mut archive.by_name("data.npy").unwrap(), &mut npy).unwrap();
    let begin = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    let header = std::str::from_utf8(&npy[10..begin]).unwrap();
    let rows = (npy.len() - begin) / 64;
    assert!(header.contains(&format!("'shape': ({rows},)")) && begin % 64 == 0, "{header}");
    let (mut sides, mut last) = (Sides::default(), 0);
    for record in npy[begin..].chunks_exact(64) {
        let word = |at: usize| u64::from_le_bytes(record[8 * at..8 * at + 8].try_into().unwrap());
        let (flags, stamp) = (word(0), word(if heard_by == 1 << 31 { 1 } else { 2 }));
        if flags & heard_by == 0 {
            continue;
        }
        assert!(stamp >= last, "{} goes back to {stamp}", path.display());
        last = stamp;
        let side = usize::from(flags & (1 << 28) != 0);
        match flags & 0xff {
            3 => sides = Sides::default(),
            1 | 4 => {
                let (price, qty) = (f64::from_bits(word(3)), f64::from_bits(word(4)));
                // Prices are positive: their bits are in their order.
                set(&mut sides[side], price.to_bits(), qty, qty > 0.0);
            }
            2 => {}
            other => panic!("event {other}"),
        }
    }
    (sides, rows as u64)
}

/// A reader that applies an archive's events has, on our side and on the exchange's, the book of the pipeline; each
/// instrument with a book has its archive.
#[test]
fn npz_events_are_the_books() {
    let here = Recordings::new();
    let mut books = 0;
    for recording in recordings(&here) {
        let ran = convert(&recording, "npz", &here.path("archives"));
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
        let told = &ran.json()[0];
        let archives: Vec<_> = told["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|path| PathBuf::from(path.as_str().unwrap()))
            .collect();
        let replay = Replay::open(&recording).unwrap().placement(Placement::Reader);
        let finished = replay.start_observed(Last::default(), Marking::Line).unwrap().join().unwrap();
        let mut rows = 0;
        for (id, book) in (0..).zip(&finished.books) {
            let name = format!(".{}.npz", book.instrument.symbol.replace('/', "-"));
            let Some(archive) = archives.iter().find(|path| text(path).ends_with(&name)) else {
                assert_eq!(book.counters.received, 0, "{} has no archive", book.instrument.symbol);
                continue;
            };
            let (last, price_scale, qty_scale) = &finished.observer.books[&id];
            let mut expected = Sides::default();
            for (side, level) in last {
                let price = level.price.to_f64(*price_scale).to_bits();
                expected[*side as usize].insert(price, level.qty.to_f64(*qty_scale));
            }
            let (ours, count) = read_npz(archive, 1 << 30);
            assert!(ours == expected, "{}", archive.display());
            assert!(read_npz(archive, 1 << 31).0 == expected, "{}: the exchange's side", archive.display());
            (rows, books) = (rows + count, books + 1);
        }
        assert_eq!(told["rows"], rows, "{told}");
    }
    assert!(books > 0);
    tell(&format!("{books} books are in their archives"));
}

/// A Parquet file is written whole, in a second run not again; a cut recording gives what is whole and 3, and of a file
/// that is none there is no table; nothing half done stays.
#[test]
fn damaged_recordings_give_the_rows_that_are_whole() {
    let here = Recordings::new();
    let (cut, out) = (here.cut(), here.path("out"));
    let names = || -> Vec<_> {
        let mut names: Vec<_> =
            std::fs::read_dir(&out).unwrap().map(|one| one.unwrap().file_name()).collect();
        names.sort();
        names
    };
    for to in ["csv", "parquet", "npz"] {
        let ran = convert(&cut, to, &out);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        let told = &ran.json()[0];
        assert!(told["updates"].as_u64() > Some(100) && told["damage"].is_string(), "{told}");
        let again = convert(&cut, to, &out);
        assert!(again.code == Some(0) && again.json()[0]["skipped"] == true, "{again:?}");
    }
    assert_eq!(names(), ["cut.BTCUSDT.npz", "cut.csv", "cut.parquet"]);
    let parquet = std::fs::read(out.join("cut.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let foreign = here.file("binance-foreign.gz", b"PK\x03\x04 nothing of ours\n");
    let ran = convert(&foreign, "parquet", &out);
    assert!(ran.code == Some(3) && ran.json()[0]["damage"].is_string(), "{ran:?}");
    assert_eq!(names().len(), 3);
}

/// Arguments that do not fit what is written are refused, as is a venue that nobody knows, before anything is written.
#[test]
fn arguments_that_do_not_fit_are_refused() {
    let here = Recordings::new();
    let (sound, out) = (here.sound(20), here.path("out"));
    for (to, more, named) in [
        ("tlj", ["--venue", "binance-usdm"], "--venue"),
        ("csv", ["--rest-url", "https://example.com/depth"], "--rest-url"),
        ("csv", ["--venue", "nobody"], "nobody"),
        ("npz", ["--level", "23"], "23"),
    ] {
        let ran = touchline(
            [["convert", text(&sound), "--to", to, "--out", text(&out)].as_slice(), &more].concat(),
        );
        assert!(ran.code == Some(2) && ran.err.contains(named), "{to} {more:?}: {ran:?}");
        assert!(!out.exists() || std::fs::read_dir(&out).unwrap().next().is_none(), "{to} {more:?}");
    }
    let named = ["convert", text(&sound), "--to", "csv", "--out", text(&out), "--venue", "binance-usdm"];
    assert_eq!(touchline(named).code, Some(0));
}

/// Ctrl-C ends a conversion with 130 and leaves nothing; the same command then begins anew.
#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_leaves_nothing_half_done() {
    let here = Recordings::new();
    let sound = here.sound(20_000);
    for to in ["csv", "parquet", "npz"] {
        let out = here.path(to);
        let arguments = ["convert", text(&sound), "--to", to, "--out", text(&out)];
        let ran = interrupted(&arguments);
        assert!(ran.code == Some(130) && ran.out.contains("stopped by Ctrl-C"), "{ran:?}");
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
    }
}
