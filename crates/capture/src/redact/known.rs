//! Secrets whose text is known.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::{REDACTED, Rewrite};

/// Known texts shorter than this are not searched for: they would be found in prices.
pub const KNOWN_BYTES_MIN: usize = 6;

/// What strict encoders encode, what RFC 3986 asks for, and what JavaScript's `encodeURIComponent` does.
const ENCODED: [&AsciiSet; 3] = [
    NON_ALPHANUMERIC,
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~'),
    &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~')
        .remove(b'!')
        .remove(b'*')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')'),
];

/// Enough of a secret's beginning to be rare.
const STEM_BYTES: usize = 4;

/// Base64 texts shorter than this would be found by chance.
const BASE64_BYTES_MIN: usize = 7;

/// Finds known secrets in every way they are written.
pub(super) struct Known {
    texts: Vec<Vec<u8>>,
    search: AhoCorasick,
}

impl Known {
    pub(super) fn new(secrets: impl IntoIterator<Item = String>) -> Result<Self, BuildError> {
        let mut texts = BTreeSet::new();
        for secret in secrets.into_iter().filter(|secret| secret.len() >= KNOWN_BYTES_MIN) {
            add_forms(&secret, &mut texts);
        }
        let texts: Vec<Vec<u8>> = texts.into_iter().collect();
        // The longest wins: a secret that ends in a backslash is a part of its own escaped form.
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&texts)?;
        Ok(Self { texts, search })
    }

    /// How all forms of all secrets begin: fewer than there are forms.
    pub(super) fn stems(&self) -> impl Iterator<Item = &[u8]> {
        let stems = self.texts.iter().map(|text| text.get(..STEM_BYTES).unwrap_or(text));
        stems.collect::<BTreeSet<_>>().into_iter()
    }

    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        !self.texts.is_empty() && self.search.is_match(bytes)
    }

    /// Replaces each by the usual text.
    pub(super) fn replace_in_text(&self, text: &[u8], out: &mut Vec<u8>) -> usize {
        let mut rewrite = Rewrite::new(text, out);
        if self.texts.is_empty() {
            return 0;
        }
        for found in self.search.find_iter(text) {
            let (start, end) = (found.start(), found.end());
            let secret = text.get(start..end).unwrap_or_default();
            let around = [start.checked_sub(1), Some(end)].map(|at| at.and_then(|at| text.get(at)).copied());
            if !secret.iter().all(u8::is_ascii_digit) {
                rewrite.put(start, end, &[REDACTED.as_bytes()]);
            } else if around.iter().flatten().all(|&byte| !byte.is_ascii_alphanumeric() && byte != b'.') {
                // Digits alone are a secret only where they stand alone, and may be a number in JSON.
                let is_number =
                    matches!(around, [Some(b':' | b',' | b'[' | b' '), Some(b',' | b'}' | b']' | b' ')]);
                let quote: &[u8] = if is_number { b"\"" } else { b"" };
                rewrite.put(start, end, &[quote, REDACTED.as_bytes(), quote]);
            }
        }
        rewrite.finish()
    }

    /// Replaces each by as many bytes, so that lengths and places in a binary frame stay.
    pub(super) fn replace_in_binary(&self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let mut rewrite = Rewrite::new(bytes, out);
        for found in self.search.find_iter(bytes) {
            rewrite.put(found.start(), found.end(), &[&vec![b'x'; found.len()]]);
        }
        rewrite.finish()
    }
}

fn add_forms(secret: &str, texts: &mut BTreeSet<Vec<u8>>) {
    texts.insert(secret.as_bytes().to_vec());
    for set in ENCODED {
        let encoded = percent_encode(secret.as_bytes(), set).to_string();
        texts.insert(encoded.replace("%20", "+").into_bytes());
        texts.insert(lower_case_escapes(&encoded).into_bytes());
        texts.insert(encoded.into_bytes());
    }
    let escaped = escape_json(secret);
    texts.insert(escaped.replace('/', "\\/").into_bytes());
    // JSON in a JSON string.
    texts.insert(escape_json(&escaped).into_bytes());
    texts.insert(escaped.into_bytes());
    for engine in [STANDARD, URL_SAFE, STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        texts.insert(engine.encode(secret).into_bytes());
    }
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        texts.extend((0..3).filter_map(|offset| base64_inside(&engine, secret, offset)));
    }
}

/// The characters of base64 that the secret alone decides when it begins `offset` bytes behind a multiple of three.
fn base64_inside(engine: &impl base64::Engine, secret: &str, offset: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(secret.as_bytes());
    let encoded = engine.encode(&bytes).into_bytes();
    // Six bits a character: those that hold a bit of what stands before or after are left out.
    let start = (offset * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    encoded.get(start..end).filter(|inside| inside.len() >= BASE64_BYTES_MIN).map(<[u8]>::to_vec)
}

/// `%2F` as `%2f`.
fn lower_case_escapes(encoded: &str) -> String {
    let mut since_percent = usize::MAX;
    let lower = |letter: char| {
        since_percent = if letter == '%' { 0 } else { since_percent.saturating_add(1) };
        if since_percent <= 2 { letter.to_ascii_lowercase() } else { letter }
    };
    encoded.chars().map(lower).collect()
}

/// As every JSON writer escapes it.
fn escape_json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\\' => escaped.extend(['\\', letter]),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form() {
        // One secret with characters that each encoding changes, written in nine ways between other text.
        let secret = "a/b+c\"d\\e f=g";
        let known = Known::new([secret.to_owned()]).unwrap();
        let mut forms = vec![
            secret.to_owned(),
            "a%2Fb%2Bc%22d%5Ce%20f%3Dg".to_owned(),
            "a%2fb%2bc%22d%5ce%20f%3dg".to_owned(),
            "a%2Fb%2Bc%22d%5Ce+f%3Dg".to_owned(),
            r#"a/b+c\"d\\e f=g"#.to_owned(),
            r#"a\/b+c\"d\\e f=g"#.to_owned(),
        ];
        forms.extend(["", "u", "us"].map(|before| STANDARD.encode(format!("{before}{secret}"))));
        for form in forms {
            let mut out = Vec::new();
            let text = format!("({form})");
            assert_eq!(known.replace_in_text(text.as_bytes(), &mut out), 1, "{form}");
            let left = String::from_utf8(out).unwrap().replace(REDACTED, "");
            assert!(left.len() <= 2 + 6, "{form} left {left}");
        }
    }

    #[test]
    fn digits_are_a_secret_only_where_they_stand_alone() {
        // A numeric secret as a JSON number, as text, inside a longer number and as a fraction.
        let known = Known::new(["12345678".to_owned()]).unwrap();
        for (text, redacted) in [
            (r#"{"a":12345678}"#, r#"{"a":"<redacted>"}"#),
            (r#"{"a":"12345678"}"#, r#"{"a":"<redacted>"}"#),
            (r#"{"a":912345678}"#, ""),
            (r#"{"a":0.12345678}"#, ""),
        ] {
            let mut out = Vec::new();
            known.replace_in_text(text.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), redacted, "{text}");
        }
    }

    #[test]
    fn a_binary_frame_keeps_its_length_and_short_texts_are_left_alone() {
        // A planted text among other bytes, and a known text of five characters.
        let known = Known::new(["planted-text".to_owned(), "short".to_owned()]).unwrap();
        let mut out = Vec::new();
        assert_eq!(known.replace_in_binary(b"\x0c\x00planted-text\xffshort", &mut out), 1);
        assert_eq!(out, b"\x0c\x00xxxxxxxxxxxx\xffshort");
    }
}
