//! The names that secrets stand under, and the pass that replaces what stands there.

use aho_corasick::{AhoCorasick, BuildError, Input, MatchKind};

use crate::journal::EntryKind;

use super::value::{self, Place};
use super::{REDACTED, Rewrite, address};

/// Each name holds one of these in lower case, capitals or with a capital first. Three letters and more, and not more
/// than 64 stems, so that the search is SIMD's.
#[rustfmt::skip]
pub(super) const STEMS: [&[u8]; 27] = [
    b"oken", b"OKEN",
    b"key", b"Key", b"KEY",
    b"ecret", b"ECRET",
    b"sig", b"Sig", b"SIG", b"-Sign", b"_sign",
    b"assp", b"ASSP", b"assw", b"ASSW",
    b"uth", b"UTH",
    b"jwt", b"Jwt", b"JWT",
    b"ookie", b"OOKIE",
    b"lient_id", b"lientId", b"lient-id", b"LIENT_ID",
];

/// A name that ends so stands for a secret everywhere. Without `_` and `-`, in lower case.
const ENDINGS: [&[u8]; 23] = [
    b"listenkey",
    b"apikey",
    b"accesskey",
    b"accesskeyid",
    b"authkey",
    b"privatekey",
    b"secretkey",
    b"secret",
    b"passphrase",
    b"password",
    b"signature",
    b"apisign",
    b"accesssign",
    b"partnersign",
    b"authsig",
    b"signedchallenge",
    b"accesstoken",
    b"refreshtoken",
    b"connectiontoken",
    b"authorization",
    b"authent",
    b"jwt",
    b"cookie",
];

/// A whole name that stands for a secret where we say it, and in what comes if its value looks like one.
const TOLD: [&[u8]; 11] = [
    b"token",
    b"auth",
    b"xauth",
    b"sign",
    b"sig",
    b"authtoken",
    b"wstoken",
    b"sessiontoken",
    b"bearertoken",
    b"csrftoken",
    b"clientid",
];

/// Longer names are not looked up.
const NAME_BYTES_MAX: usize = 48;

/// What a message that logs in calls itself; it may hold its secrets in a list, without names.
const LOGINS: [&[u8]; 8] = [
    b"\"auth\"",
    b"\"login\"",
    b"\"authKeyExpires\"",
    b"\"authKey\"",
    b"\"authenticate\"",
    b".auth\"",
    b"/auth\"",
    b".login\"",
];

/// The lists of such a message.
const LISTS: [&[u8]; 2] = [b"\"args\"", b"\"params\""];

/// How surely a name stands for a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sure {
    /// Always.
    Always,
    /// Where we say it.
    Told,
    /// If it looks like one.
    Looks,
}

fn classify(name: &[u8]) -> Option<Sure> {
    let mut plain = [0; NAME_BYTES_MAX];
    let letters = name.iter().filter(|byte| !matches!(byte, b'_' | b'-'));
    let mut length = 0;
    for letter in letters {
        *plain.get_mut(length)? = letter.to_ascii_lowercase();
        length += 1;
    }
    let plain = plain.get(..length)?;
    if ENDINGS.iter().any(|ending| plain.ends_with(ending)) {
        Some(Sure::Always)
    } else if TOLD.contains(&plain) {
        Some(Sure::Told)
    } else {
        (plain == b"key").then_some(Sure::Looks)
    }
}

/// Finds names and replaces their values.
pub(super) struct Search {
    stems: AhoCorasick,
    logins: AhoCorasick,
    lists: AhoCorasick,
}

impl Search {
    pub(super) fn new() -> Result<Self, BuildError> {
        Ok(Self {
            stems: AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(STEMS)?,
            logins: AhoCorasick::new(LOGINS)?,
            lists: AhoCorasick::new(LISTS)?,
        })
    }

    pub(super) fn replace(&self, kind: EntryKind, text: &[u8], out: &mut Vec<u8>) -> usize {
        let told_until = match kind {
            EntryKind::Text | EntryKind::Binary | EntryKind::Rest => address::bytes_at_start(kind, text),
            _ => text.len(),
        };
        let address_until = address::bytes_at_start(kind, text);
        let logs_in = kind == EntryKind::Sent && self.logins.is_match(text);
        let mut rewrite = Rewrite::new(text, out);
        let mut at = 0;
        while let Some((name_start, name_end)) = self.next_name(text, at, logs_in) {
            let name = text.get(name_start..name_end).unwrap_or_default();
            let is_list = logs_in && LISTS.iter().any(|list| list.get(1..list.len() - 1) == Some(name));
            let sure = if is_list { Some(Sure::Always) } else { classify(name) };
            at = name_end;
            let Some(sure) = sure else { continue };
            let is_told = sure == Sure::Told && name_start < told_until;
            let must = sure == Sure::Always || is_told || name_start < address_until;
            let place = value::behind_name(text, name_end);
            if is_list && !matches!(place, Some(Place::List { .. })) {
                continue;
            }
            // Behind a colon in free text only what is sure, or looks so: the colon may be a channel's.
            let must = must && (sure == Sure::Always || !matches!(place, Some(Place::Free { .. })));
            let lower = name.to_ascii_lowercase();
            let whole_line = lower.ends_with(b"authorization") || lower.ends_with(b"cookie");
            at = place.map_or(at, |place| put(&mut rewrite, place, must, whole_line)).max(name_end);
        }
        rewrite.finish()
    }

    /// Where the next whole name stands that holds a stem, or is a list of a message that logs in.
    fn next_name(&self, text: &[u8], at: usize, logs_in: bool) -> Option<(usize, usize)> {
        let stem = self.stems.find(Input::new(text).range(at..)).map(|found| {
            let before = text.get(at..found.start()).unwrap_or_default();
            let after = text.get(found.end()..).unwrap_or_default();
            let start = found.start() - before.iter().rev().take_while(|&&byte| is_name_byte(byte)).count();
            (start, found.end() + after.iter().take_while(|&&byte| is_name_byte(byte)).count())
        });
        let list = if logs_in { self.lists.find(Input::new(text).range(at..)) } else { None };
        // Without the quotes.
        let list = list.map(|found| (found.start() + 1, found.end() - 1));
        match (stem, list) {
            (Some(stem), Some(list)) => Some(stem.min(list)),
            (stem, list) => stem.or(list),
        }
    }
}

/// Replaces what stands at a place, if it must be or looks like a secret. Where to go on.
fn put(rewrite: &mut Rewrite<'_>, place: Place, must: bool, whole_line: bool) -> usize {
    let text = rewrite.text;
    let is_secret = |start: usize, end: usize| {
        let value = text.get(start..end).unwrap_or_default();
        let is_open = !value.is_empty() && !value.starts_with(REDACTED.as_bytes());
        is_open && (must || value::looks_secret(value))
    };
    match place {
        Place::Text { start, end } | Place::Query { start, end } => {
            if is_secret(start, end) {
                rewrite.put(start, end, &[REDACTED.as_bytes()]);
            }
            end
        }
        Place::Free { start, end, line_end } => {
            let end = if whole_line { line_end } else { end };
            if is_secret(start, end) {
                rewrite.put(start, end, &[REDACTED.as_bytes()]);
            }
            end
        }
        Place::Number { start, end, quote } => {
            if is_secret(start, end) {
                let quote = text.get(quote.0..quote.1).unwrap_or_default();
                rewrite.put(start, end, &[quote, REDACTED.as_bytes(), quote]);
            }
            end
        }
        Place::List { mut at, slashes } => {
            while let Some((start, end)) = value::next_in_list(text, &mut at, slashes) {
                if is_secret(start, end) {
                    rewrite.put(start, end, &[REDACTED.as_bytes()]);
                }
            }
            at
        }
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_whole_and_however_they_are_spelled() {
        // Names of secrets in the spellings of venues, and names in market data that merely resemble them.
        for name in "listenKey LISTEN_KEY apiKey api_key API-Key X-MBX-APIKEY KC-API-SIGN OK-ACCESS-PASSPHRASE \
            OK-ACCESS-SIGN CB-ACCESS-KEY X-BAPI-SIGN access_token connectionToken client_secret Set-Cookie jwt \
            Authorization authSig signed_challenge KC-API-PARTNER-SIGN API-Sign AccessKeyId"
            .split(' ')
            .filter(|name| !name.is_empty())
        {
            assert_eq!(classify(name.as_bytes()), Some(Sure::Always), "{name}");
            assert!(STEMS.iter().any(|stem| memchr::memmem::find(name.as_bytes(), stem).is_some()), "{name}");
        }
        for name in "token SIGN sig auth client_id".split(' ') {
            assert_eq!(classify(name.as_bytes()), Some(Sure::Told), "{name}");
        }
        for name in "nonce keys tokenizedEquity baseTokenVolume collateralToken signal sessionInterval author"
            .split(' ')
        {
            assert_eq!(classify(name.as_bytes()), None, "{name}");
        }
        assert_eq!(classify(&[b'a'; 100]), None);
    }

    #[test]
    fn every_name_holds_a_stem() {
        // A name without a stem would never be looked at. One name is only spelled in two words.
        for name in ENDINGS.iter().chain(&TOLD).chain(&[b"key".as_slice()]) {
            let spelled = if *name == b"clientid" { b"client_id" } else { *name };
            for spelled in [spelled.to_vec(), spelled.to_ascii_uppercase()] {
                let holds = STEMS.iter().any(|stem| memchr::memmem::find(&spelled, stem).is_some());
                assert!(holds, "{}", spelled.escape_ascii());
            }
        }
    }
}
