//! Recordings in other programs' forms: what this crate writes of a recording in such a form comes back as the same
//! frames with the same stamps, whatever the file's name, its packing or its damage.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use touchline_capture::import::{self, Export, Form, ImportError, Losses, Options, Recording};
use touchline_capture::journal::{Entry, EntryKind, FileWriter, Header};
use touchline_capture::{Kind, Reader, Writer};
use touchline_market::Nanos;

/// An entry that owns its payload, without what only a live feed knows.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Owned {
    kind: EntryKind,
    recv: u64,
    payload: Vec<u8>,
}

/// Every entry of a recording, how many lines were malformed, and the final error.
fn read(recording: &mut Recording) -> (Vec<Owned>, u64, Option<ImportError>) {
    let (mut entries, mut malformed) = (Vec::new(), 0);
    loop {
        match recording.next() {
            Ok(Some(Entry { kind, recv, payload, .. })) => {
                entries.push(Owned { kind, recv: recv.0, payload: payload.to_vec() });
            }
            Ok(None) => return (entries, malformed, None),
            Err(error) if !error.is_final() => malformed += 1,
            Err(error) => {
                assert!(matches!(recording.next(), Ok(None)), "the end stays the end");
                return (entries, malformed, Some(error));
            }
        }
    }
}

/// Every entry of a sound file.
fn import(path: &Path, options: &Options) -> Vec<Owned> {
    let mut recording =
        import::open(path, options).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (entries, malformed, error) = read(&mut recording);
    assert!(malformed == 0 && error.is_none(), "{}: {malformed} malformed, {error:?}", path.display());
    let progress = recording.progress();
    assert_eq!(Some(progress.done_bytes), progress.total_bytes, "{}", path.display());
    entries
}

/// Writes a file of another form out of a recording.
fn export(from: &Path, mut export: Export<Vec<u8>>) -> (Vec<u8>, Losses) {
    let mut recording = import::open(from, &Options::default()).unwrap();
    while let Some(entry) = recording.next().unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        export.entry(&entry).unwrap();
    }
    let losses = export.losses();
    (export.finish().unwrap(), losses)
}

fn write(folder: &TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// The recordings of at most `bytes_max`, sorted; none if there is no such folder. `TOUCHLINE_CAPTURES` names it, else
/// `../shared/captures` beside the workspace. Under `CI=true` an absent folder fails the test.
#[expect(clippy::print_stdout, reason = "a test that compares nothing says so")]
fn recordings(bytes_max: u64) -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let folder = std::env::var_os("TOUCHLINE_CAPTURES").map_or(beside, PathBuf::from);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.to_string_lossy().ends_with(".cap.zst"))
        .filter(|path| fs::metadata(path).is_ok_and(|data| data.len() <= bytes_max))
        .collect();
    paths.sort();
    if paths.is_empty() {
        println!("no recordings in {}: nothing compared", folder.display());
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI needs recordings");
    }
    paths
}

#[test]
fn every_recording_comes_back_through_entries_byte_for_byte() {
    // Lines to entries and back to lines; the text of both files is compared whole.
    let mut count = 0;
    for path in recordings(3_000_000) {
        let (file, losses) = export(&path, Export::lines(Vec::new(), 1).unwrap());
        assert_eq!(losses, Losses::default(), "{}", path.display());
        let ours = zstd::decode_all(file.as_slice()).unwrap();
        let theirs = zstd::decode_all(fs::File::open(&path).unwrap()).unwrap();
        assert!(ours == theirs, "{}", path.display());
        count += 1;
    }
    println!("{count} recordings came back byte for byte");
}

#[test]
fn every_recording_imports_from_other_forms_as_the_same_frames() {
    // Each recording with text frames as a collector file and as a raw feed, both imported again: frames and stamps
    // are those of the recording, in its order; of a raw feed the stamps to 100 ns.
    let folder = tempfile::tempdir().unwrap();
    let (mut files, mut frames, mut bodies, mut cut) = (0, 0, 0, 0);
    for path in recordings(2_200_000) {
        let original = import(&path, &Options::default());
        let held = |entry: &&Owned| {
            entry.kind == EntryKind::Text && matches!(entry.payload.first(), Some(b'{' | b'['))
        };
        let texts: Vec<Owned> = original.iter().filter(held).cloned().collect();
        if texts.is_empty() {
            continue;
        }
        let (file, losses) = export(&path, Export::hftbacktest(Vec::new()));
        assert_eq!(losses.rewritten + losses.stamps_cut + losses.noted, 0, "{}", path.display());
        let imported = import(&write(&folder, "collector", &file), &Options::default());
        let (rest, imported): (Vec<Owned>, Vec<Owned>) =
            imported.into_iter().partition(|entry| entry.kind == EntryKind::Rest);
        assert!(imported == texts, "{}", path.display());
        bodies += rest.len();

        let (file, losses) = export(&path, Export::tardis(Vec::new()));
        cut += losses.stamps_cut;
        let mut imported = import(&write(&folder, "feed", &file), &Options::default());
        imported.retain(|entry| entry.kind != EntryKind::Ended);
        let texts: Vec<Owned> = original
            .into_iter()
            .filter(|entry| entry.kind == EntryKind::Text)
            .map(|entry| Owned { recv: entry.recv / 100 * 100, ..entry })
            .collect();
        assert!(imported == texts, "{}", path.display());
        files += 1;
        frames += texts.len();
    }
    println!("{files} recordings, {frames} frames, {bodies} snapshots by REST, {cut} stamps cut to 100 ns");
}

/// A recording as cryptofeed's recorder would have written it, and the entries that such a file holds.
fn cryptofeed(entries: Vec<Owned>) -> (Vec<u8>, Vec<Owned>) {
    let (mut file, mut held, mut url) = (Vec::new(), Vec::new(), "wss://unknown".to_owned());
    for entry in entries {
        let seconds = format!("{}.{:09}", entry.recv / 1_000_000_000, entry.recv % 1_000_000_000);
        let seconds = match seconds.trim_end_matches('0') {
            short if short.ends_with('.') => format!("{short}0"),
            short => short.to_owned(),
        };
        let text = String::from_utf8_lossy(&entry.payload).into_owned();
        let line = match entry.kind {
            EntryKind::Text => format!("{seconds}: {text}"),
            EntryKind::Binary => format!("{seconds}: b'{}'", entry.payload.escape_ascii()),
            EntryKind::Sent => format!("{url} <- {seconds}: {text}"),
            EntryKind::Opened => {
                url = text;
                format!("{url} <-> {seconds}")
            }
            EntryKind::Rest => {
                // A documentation sample names where it is from instead of an address.
                let Some((address, body)) =
                    text.split_once(' ').filter(|(address, _)| address.starts_with("http"))
                else {
                    continue;
                };
                format!("{address} -> {seconds}: {body}")
            }
            _ => continue,
        };
        file.extend_from_slice(line.as_bytes());
        file.push(b'\n');
        held.push(entry);
    }
    (file, held)
}

#[test]
fn every_recording_imports_from_cryptofeeds_raw_files_as_itself() {
    // Each recording in both forms of the program that recorded most of them, binary frames as Python prints bytes or in
    // base64;
    // imported again, every entry that the form has a line for is the recording's own, stamps to the nanosecond.
    let folder = tempfile::tempdir().unwrap();
    let (mut files, mut count, mut binary) = (0, 0, 0);
    for path in recordings(600_000) {
        let (file, held) = cryptofeed(import(&path, &Options::default()));
        let imported = import(&write(&folder, "raw", &file), &Options::default());
        assert!(imported == held, "{}", path.display());
        let packed = zstd::encode_all(records(&held).as_slice(), 1).unwrap();
        let imported = import(&write(&folder, "raw.jsonl.zst", &packed), &Options::default());
        assert!(imported[0].kind == EntryKind::Note && imported[1..] == held, "{}", path.display());
        files += 1;
        count += held.len();
        binary += held.iter().filter(|entry| entry.kind == EntryKind::Binary).count();
    }
    println!("{files} recordings, {count} entries, {binary} binary frames");
}

/// The same as cryptofeed's recorder of the second form writes it: every connection by the same name.
fn records(held: &[Owned]) -> Vec<u8> {
    let mut file = "{\"t\":\"header\",\"format\":2,\"exchange\":\"X\",\"config\":{}}\n".to_owned();
    for entry in held {
        let text = String::from_utf8_lossy(&entry.payload).into_owned();
        let (recv, fine) = (entry.recv / 1_000_000_000, entry.recv % 1_000_000_000);
        let mut record = match entry.kind {
            EntryKind::Text => serde_json::json!({"t": "recv", "data": text}),
            EntryKind::Binary => serde_json::json!({"t": "recv", "b64": STANDARD.encode(&entry.payload)}),
            EntryKind::Sent => serde_json::json!({"t": "send", "addr": "wss://x", "data": text}),
            EntryKind::Opened => serde_json::json!({"t": "connect", "addr": text}),
            EntryKind::Rest => {
                let (url, body) = text.split_once(' ').unwrap();
                serde_json::json!({"t": "http", "url": url, "data": body})
            }
            other => panic!("{other:?}"),
        };
        record["conn"] = "X.ws.1".into();
        let record = record.to_string();
        file += &format!("{},\"ts\":{recv}.{fine:09}}}\n", record.strip_suffix('}').unwrap());
    }
    file.into_bytes()
}

/// A small recording with an entry of each kind that has a letter; two connections.
fn small() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    let mut recv = 1_723_161_255_030_314_667;
    for (kind, payload) in [
        (Kind::Note, b"where it is from".as_slice()),
        (Kind::Connected, b"wss://h/stream"),
        (Kind::Sent, b"{\"op\":\"subscribe\"}"),
        (Kind::Text, b"{\"stream\":\"x@depth\",\"data\":{\"u\":1}}"),
        (Kind::Rest, b"https://h/depth?symbol=X {\"lastUpdateId\":1,\"bids\":[]}"),
        (Kind::Headers, b"{\"Sequence\":\"1\"}"),
        (Kind::Rest, b"https://h/time {\"serverTime\":1}"),
        (Kind::Binary, b"\x1f\x8b\x08"),
        (Kind::Connected, b"wss://h/stream"),
        (Kind::Text, b"[1,2]"),
        (Kind::Text, b"pong"),
    ] {
        writer.record(Nanos(recv), kind, payload).unwrap();
        recv += 1_000_000_007;
    }
    writer.finish().unwrap()
}

fn owned(kind: EntryKind, recv: u64, payload: &str) -> Owned {
    Owned { kind, recv, payload: payload.as_bytes().to_vec() }
}

#[test]
fn a_collector_file_keeps_snapshots_and_the_reader_gives_their_url() {
    // The small recording as a collector file: what is left, with and without the URL told.
    let folder = tempfile::tempdir().unwrap();
    let (file, losses) = export(&write(&folder, "a.cap.zst", &small()), Export::hftbacktest(Vec::new()));
    assert_eq!(losses, Losses { left_out: 8, ..Losses::default() });
    let path = write(&folder, "x_20240808.gz", &file);
    for (rest_url, rest) in [("", " "), ("https://h/depth?symbol=X", "https://h/depth?symbol=X ")] {
        let options = Options { rest_url: rest_url.to_owned(), ..Options::default() };
        assert_eq!(
            import(&path, &options),
            [
                owned(
                    EntryKind::Text,
                    1_723_161_258_030_314_688,
                    "{\"stream\":\"x@depth\",\"data\":{\"u\":1}}"
                ),
                owned(
                    EntryKind::Rest,
                    1_723_161_259_030_314_695,
                    &format!("{rest}{{\"lastUpdateId\":1,\"bids\":[]}}")
                ),
                owned(EntryKind::Text, 1_723_161_264_030_314_730, "[1,2]"),
            ]
        );
    }
}

#[test]
fn a_raw_feed_keeps_text_frames_and_where_a_connection_was_lost() {
    // The small recording as a raw feed: the second connection shows as the loss of the first.
    let folder = tempfile::tempdir().unwrap();
    let (file, losses) = export(&write(&folder, "a.cap.zst", &small()), Export::tardis(Vec::new()));
    assert_eq!(losses, Losses { left_out: 8, stamps_cut: 3, ..Losses::default() });
    assert_eq!(
        import(&write(&folder, "feed.gz", &file), &Options::default()),
        [
            owned(EntryKind::Text, 1_723_161_258_030_314_600, "{\"stream\":\"x@depth\",\"data\":{\"u\":1}}"),
            owned(EntryKind::Ended, 1_723_161_258_030_314_600, ""),
            owned(EntryKind::Text, 1_723_161_264_030_314_700, "[1,2]"),
            owned(EntryKind::Text, 1_723_161_265_030_314_700, "pong"),
        ]
    );
}

#[test]
fn the_content_tells_form_and_packing_whatever_the_name() {
    // One text of each form: plain, gzip, gzip in two members, and zstd, all under one misleading name; and a journal.
    let folder = tempfile::tempdir().unwrap();
    for (form, text) in [
        (Form::Lines, "1000 R {\"a\":1}\n2000 N x\n"),
        (Form::HftBacktest, "1000 {\"a\":1}\n2000 [2]\n"),
        (Form::Cryptofeed, "configuration: {}\nwss://x <-> 0.000001\n0.000002: b'a'\n"),
        (Form::Tardis, "\n1970-01-01T00:00:00.000001Z {}\n\n1970-01-01T00:00:00.000002Z []\n"),
    ] {
        let (first, second) = text.as_bytes().split_at(text.len() / 2);
        let packed = [
            text.as_bytes().to_vec(),
            gzip(text.as_bytes()),
            [gzip(first), gzip(second)].concat(),
            zstd::encode_all(text.as_bytes(), 3).unwrap(),
        ];
        let read = packed.map(|content| {
            let path = write(&folder, "a.tlj", &content);
            assert_eq!(import::open(&path, &Options::default()).unwrap().form(), form);
            import(&path, &Options::default())
        });
        assert!(read[0].len() >= 2 && read.iter().all(|entries| *entries == read[0]), "{form:?}: {read:?}");
    }

    let path = folder.path().join("b.gz");
    let mut journal = FileWriter::create(&path, &Header::default(), 3).unwrap();
    let entry = Entry {
        kind: EntryKind::Ping,
        reader: 1,
        path: 2,
        source: 3,
        recv: Nanos(1_000),
        now: 5,
        kernel: Nanos(900),
        payload: b"p",
    };
    journal.push(&entry).unwrap();
    journal.finish().unwrap();
    let mut recording = import::open(&path, &Options::default()).unwrap();
    assert_eq!(recording.form(), Form::Journal);
    assert_eq!(recording.next().unwrap(), Some(entry));
    assert_eq!(recording.next().unwrap(), None);
}

#[test]
fn a_form_that_is_named_is_not_guessed() {
    // A file of lines read as another form: each line is malformed, none is lost silently; and a file of no form.
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "a", b"1000 R {}\n2000 R {}\n");
    let options = Options { form: Some(Form::Tardis), ..Options::default() };
    let (entries, malformed, error) = read(&mut import::open(&path, &options).unwrap());
    assert!(entries.is_empty() && error.is_none());
    assert_eq!(malformed, 2);
    let options = Options { form: Some(Form::Journal), ..Options::default() };
    assert!(matches!(import::open(&path, &options), Err(ImportError::Journal(_))));

    let path = write(&folder, "b", b"a,b,c\n1,2,3\n");
    assert!(matches!(import::open(&path, &Options::default()), Err(ImportError::UnknownForm)));
    assert!(matches!(
        import::open(folder.path().join("absent"), &Options::default()),
        Err(ImportError::Io { .. })
    ));
}

#[test]
fn a_last_line_without_its_newline_counts_where_the_end_is_proven() {
    // Two lines of each foreign form, the last one open: whole in gzip, withheld in plain text; ours never.
    let folder = tempfile::tempdir().unwrap();
    for (text, in_gzip) in [
        ("1000 {}\n2000 {}", 2),
        ("1.0: {}\n2.0: {}", 2),
        ("1970-01-01T00:00:01Z {}\n1970-01-01T00:00:02Z {}", 2),
        ("1000 R {}\n2000 R {}", 1),
    ] {
        for (content, count) in [(gzip(text.as_bytes()), in_gzip), (text.as_bytes().to_vec(), 1)] {
            let path = write(&folder, "a", &content);
            let (entries, malformed, error) = read(&mut import::open(&path, &Options::default()).unwrap());
            assert_eq!((entries.len(), malformed), (count, 0), "{text}");
            let cut = matches!(error, Some(ImportError::Truncated { .. }));
            assert_eq!(cut, count == 1, "{text}: {error:?}");
        }
    }
}

#[test]
fn our_own_reader_and_the_import_agree_on_every_line() {
    // The same file by both readers: stamps and kinds line by line; binary frames are bytes, not base64.
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "a.cap.zst", &small());
    let entries = import(&path, &Options::default());
    let mut reader = Reader::open(&path).unwrap();
    let mut count = 0;
    while let Some(record) = reader.next().unwrap() {
        let entry = &entries[count];
        assert_eq!(entry.recv, record.recv.0);
        assert_eq!(entry.kind.is_frame(), record.kind.is_frame());
        if record.kind == Kind::Binary {
            assert_eq!(entry.payload, b"\x1f\x8b\x08");
        } else {
            assert_eq!(entry.payload, record.payload);
        }
        count += 1;
    }
    assert_eq!(count, entries.len());
}
