//! Secrets in addresses: listen keys, which no word announces, and `user:password@`.

use std::ops::Range;

use aho_corasick::{AhoCorasick, BuildError};

use crate::journal::EntryKind;

use super::{REDACTED, Rewrite};

/// How the addresses of streams begin, as they are and escaped for JSON.
pub(super) const STEMS: [&[u8]; 4] = [b"ws:/", b"ws:\\/", b"wss:/", b"wss:\\/"];

/// This many letters and digits in a row are a key, not a name: listen keys have 60 and more.
const KEY_BYTES_MIN: usize = 40;

/// How many bytes at the start of such an entry are an address.
pub(super) fn bytes_at_start(kind: EntryKind, payload: &[u8]) -> usize {
    match kind {
        EntryKind::Connecting | EntryKind::Opened | EntryKind::Asked => payload.len(),
        EntryKind::Rest | EntryKind::RestFailed => memchr::memchr(b' ', payload).unwrap_or(payload.len()),
        _ => 0,
    }
}

/// Finds addresses and what is secret in them.
pub(super) struct Search(AhoCorasick);

impl Search {
    pub(super) fn new() -> Result<Self, BuildError> {
        AhoCorasick::new(STEMS).map(Self)
    }

    pub(super) fn replace(&self, kind: EntryKind, text: &[u8], out: &mut Vec<u8>) -> usize {
        let mut rewrite = Rewrite::new(text, out);
        let mut done = bytes_at_start(kind, text);
        replace_in(&mut rewrite, 0..done);
        for found in self.0.find_iter(text) {
            if found.start() >= done {
                let rest = text.get(found.end()..).unwrap_or_default();
                let length = rest.iter().position(|byte| b" \"<>\r\n\t".contains(byte)).unwrap_or(rest.len());
                done = found.end() + length;
                replace_in(&mut rewrite, found.start()..done);
            }
        }
        rewrite.finish()
    }
}

/// Replaces what is secret in one address.
fn replace_in(rewrite: &mut Rewrite<'_>, range: Range<usize>) {
    let text = rewrite.text;
    let address = text.get(range.clone()).unwrap_or_default();
    let host = match memchr::memmem::find(address, b"//") {
        Some(at) => at + 2,
        None => memchr::memmem::find(address, b"/\\/").map_or(0, |at| at + 3),
    };
    let behind_scheme = address.get(host..).unwrap_or_default();
    let host_bytes =
        behind_scheme.iter().position(|byte| b"/?#\\".contains(byte)).unwrap_or(behind_scheme.len());
    let authority = behind_scheme.get(..host_bytes).unwrap_or_default();
    if let Some(at) = memchr::memrchr(b'@', authority) {
        let user = authority.get(..at).unwrap_or_default();
        if !user.is_empty() && user != REDACTED.as_bytes() {
            let start = range.start + host;
            rewrite.put(start, start + at, &[REDACTED.as_bytes()]);
        }
    }
    let mut at = range.start + host + host_bytes;
    let path = text.get(at..range.end).unwrap_or_default();
    for run in path.split(|&byte| !is_key_byte(byte)) {
        let end = at + run.len();
        let mixed = run.iter().any(u8::is_ascii_digit) && run.iter().any(u8::is_ascii_alphabetic);
        if run.len() >= KEY_BYTES_MIN && mixed {
            rewrite.put(at, end, &[REDACTED.as_bytes()]);
        }
        at = end + 1;
    }
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_users_go_and_streams_stay() {
        // Addresses with and without secrets, by themselves and inside a body.
        let key = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1";
        let search = Search::new().unwrap();
        let stays = "wss://stream.example.com/stream?streams=btcusdt@depth@100ms/ethusdt@bookTicker";
        for (kind, text, redacted) in [
            (EntryKind::Opened, format!("wss://h/ws/{key}"), "wss://h/ws/<redacted>".to_owned()),
            (
                EntryKind::Opened,
                format!("wss://h/s?streams={key}/a@b"),
                "wss://h/s?streams=<redacted>/a@b".to_owned(),
            ),
            (EntryKind::Asked, "https://me:pass@h/x".to_owned(), "https://<redacted>@h/x".to_owned()),
            (
                EntryKind::Rest,
                format!("https://h/{key} {{\"id\":\"{key}\"}}"),
                format!("https://h/<redacted> {{\"id\":\"{key}\"}}"),
            ),
            (
                EntryKind::Text,
                format!(r#"{{"u":"wss:\/\/h\/ws\/{key}"}}"#),
                r#"{"u":"wss:\/\/h\/ws\/<redacted>"}"#.to_owned(),
            ),
            (EntryKind::Text, format!(r#"{{"hash":"{key}"}}"#), String::new()),
            (EntryKind::Opened, stays.to_owned(), String::new()),
            (EntryKind::Opened, "wss://<redacted>@h/".to_owned(), String::new()),
        ] {
            let mut out = Vec::new();
            search.replace(kind, text.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), redacted, "{text}");
        }
    }
}
