//! `convert` and `recover`.

use std::path::Path;

use touchline_capture::journal::{EntryKind, Reader};

use super::{Recordings, text, touchline};

fn unpacked(path: &Path) -> Vec<u8> {
    zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()
}

/// A recording becomes a journal and that becomes lines again: the same text, byte for byte. Also of real recordings of
/// five venues, where they are.
#[test]
fn there_and_back_is_the_same_text() {
    let here = Recordings::new();
    let mut recordings = vec![here.sound(300)];
    let folder =
        std::env::var("TOUCHLINE_CAPTURES").unwrap_or_else(|_| "../../../shared/captures".to_owned());
    let names = [
        "binance-usdm-small-ws1-20210722",
        "bitfinex-ws11-20210417",
        "bitget-v1-ws2-20220407",
        "ascendex-spot-ws1-20210417",
        "bitstamp-ws1-20220105",
    ];
    if Path::new(&folder).is_dir() {
        recordings.extend(names.map(|name| Path::new(&folder).join(format!("{name}.cap.zst"))));
    } else {
        assert!(std::env::var("CI").is_err(), "no recordings at {folder}");
        println!("no recordings at {folder}: only one of our own is converted");
    }
    let (journals, lines) = (here.path("journals"), here.path("lines"));
    for recording in &recordings {
        let ran = touchline(["convert", text(recording), "--to", "tlj", "--out", text(&journals)]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
        let name = recording.file_name().unwrap().to_str().unwrap().strip_suffix(".cap.zst").unwrap();
        let journal = journals.join(format!("{name}.tlj"));
        let ran = touchline(["convert", text(&journal), "--to", "cap", "--out", text(&lines), "--json"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let told = &ran.json()[0];
        assert!(told["entries"].as_u64() > Some(10) && told["left_out"] == 0, "{told}");
        assert!(unpacked(recording) == unpacked(&lines.join(format!("{name}.cap.zst"))), "{name}");
    }
    assert_eq!(recordings.len(), if Path::new(&folder).is_dir() { 6 } else { 1 });
}

/// A result that is there is not written again; what was left half done is; nothing half done stays in its place.
#[test]
fn a_second_run_goes_on_where_the_first_stopped() {
    let here = Recordings::new();
    let (recording, out) = (here.sound(50), here.path("out"));
    let convert = ["convert", text(&recording), "--to", "hftbacktest", "--out", text(&out)];
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("sound.hft.gz.part"), b"half done").unwrap();
    let ran = touchline(convert);
    assert!(ran.code == Some(0) && ran.out.contains("entries"), "{ran:?}");
    let names =
        || -> Vec<_> { std::fs::read_dir(&out).unwrap().map(|one| one.unwrap().file_name()).collect() };
    assert_eq!(names(), ["sound.hft.gz"]);
    let ran = touchline(convert);
    assert!(ran.code == Some(0) && ran.out.contains("is there already"), "{ran:?}");
}

/// A recording cut off gives every whole record and 3; one that is none gives 3 and no file; an unknown form is 2.
#[test]
fn damaged_recordings_give_what_is_whole() {
    let here = Recordings::new();
    let (cut, out) = (here.cut(), here.path("out"));
    let ran = touchline(["convert", text(&cut), "--to", "tlj", "--out", text(&out)]);
    assert!(ran.code == Some(3) && ran.out.contains("DAMAGED"), "{ran:?}");
    let mut journal = Reader::open(out.join("cut.tlj")).unwrap();
    let mut frames = 0;
    while let Some(entry) = journal.next().unwrap() {
        frames += usize::from(entry.kind == EntryKind::Text);
    }
    assert!(frames > 100 && journal.is_finished(), "{frames}");
    let foreign = here.file("foreign.gz", b"PK\x03\x04 nothing of ours\n");
    let ran = touchline(["convert", text(&foreign), "--to", "tlj", "--out", text(&out)]);
    assert!(ran.code == Some(3) && !out.join("foreign.tlj").exists(), "{ran:?}");
    assert_eq!(touchline(["convert", text(&cut), "--to", "mp3", "--out", text(&out)]).code, Some(2));
}

/// A journal with a damaged byte: its clean copy reads to the end, is never written over a file, and says what is lost.
#[test]
fn a_damaged_journal_is_recovered() {
    let here = Recordings::new();
    let (recording, out) = (here.sound(5_000), here.path("out"));
    assert_eq!(touchline(["convert", text(&recording), "--to", "tlj", "--out", text(&out)]).code, Some(0));
    let mut bytes = std::fs::read(out.join("sound.tlj")).unwrap();
    bytes[200] ^= 4;
    let (damaged, copy) = (here.file("damaged.tlj", &bytes), here.path("copy.tlj"));
    let ran = touchline(["recover", text(&damaged), text(&copy), "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.json()["lost"].as_u64() > Some(0), "{ran:?}");
    let mut journal = Reader::open(&copy).unwrap();
    while journal.next().unwrap().is_some() {}
    assert!(journal.is_finished());
    let again = touchline(["recover", text(&damaged), text(&copy)]);
    assert!(again.code == Some(2) && again.err.contains("copy.tlj"), "{again:?}");
}
