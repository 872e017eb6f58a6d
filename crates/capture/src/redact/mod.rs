//! Secrets are replaced before they reach the disk.
//!
//! A recording is shown to others, so it holds no token, key, signature or password. Two things give a secret away:
//!
//! 1. **Its text**, where the program knows it ([`Redactor::new`]): whole, percent-encoded, escaped for JSON, or in
//!    base64 at any of its three offsets.
//! 2. **The name it stands under**: `"listenKey":"…"` in JSON (also JSON in a JSON string), `token=…` in a URL,
//!    `Authorization: …` in text. A name counts whatever its case, with or without `_` and `-`; headers are known by
//!    how they end (`X-MBX-APIKEY`, `KC-API-SIGN`, `OK-ACCESS-PASSPHRASE`). Beside these, a path segment or parameter
//!    of 40 or more letters and digits in an address (a listen key), and `user:password@`.
//!
//! # What is replaced where
//!
//! | name | in what we send and ask for | in what comes |
//! | --- | --- | --- |
//! | `apiKey`, `listenKey`, `signature`, `secret`, `passphrase`, `access_token`, `jwt`, `Authorization`, … | always | always |
//! | `token`, `auth`, `sign`, `sig`, `client_id`, … | always | if it looks like a secret |
//! | `key` | if it looks like a secret; in an address always | if it looks like a secret |
//! | elements of `args`, `params` | text, in a message that logs in | never |
//!
//! A value looks like a secret if it has 16 or more characters of base64, base64url or percent-encoding with both a
//! letter and a digit, or 32 or more without; the address of a contract (`0x` and 40 hexadecimal digits) does not.
//! So `"token":"BTC"` in a list of instruments and `"key":"trade:1m:tBTCUSD"` of a channel stay, and so do `nonce`,
//! `"keys":[…]` and `"tokenizedEquity":true`: names count whole.
//!
//! JSON stays JSON: text is replaced by text, a number by text, and `true`, `false` and `null` are no secrets. Binary
//! frames are searched as text if they begin as JSON; else for known texts only, and these are replaced by as many
//! `x`. What a venue packed is not unpacked here: an echo of a secret inside a compressed frame is not found.
//!
//! # Arithmetic
//!
//! An entry without any of these words costs one scan by SIMD for the stems of all names and texts, and is handed on
//! borrowed: frames of 250 to 600 bytes take 60 to 230 ns (1.2 to 7 GB/s). Of known texts some eight fit into that
//! scan; each further dozen is one scan more.

mod address;
mod known;
mod value;
mod words;

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, BuildError, MatchKind};

use crate::journal::EntryKind;

use self::known::Known;

pub use self::known::KNOWN_BYTES_MIN;

/// What stands in place of a secret.
pub const REDACTED: &str = "<redacted>";

/// So many stems are searched for at once by SIMD.
const STEMS_MAX: usize = 64;

/// The known texts are too many or too long to be searched for: some gigabytes.
#[derive(Debug, thiserror::Error)]
#[error("too many or too long secrets to search for: {0}")]
pub struct TooManySecrets(#[from] BuildError);

/// Replaces secrets; see the module for which. Pure: the same entry always gives the same bytes.
pub struct Redactor {
    known: Known,
    /// Stems of all words, the beginnings of addresses and of every known text: an entry without any is clean. More
    /// than one search only where there are too many for SIMD at once.
    any: Vec<AhoCorasick>,
    words: words::Search,
    addresses: address::Search,
}

impl Redactor {
    /// Gets ready to replace what is named like a secret, and these known texts wherever they stand.
    ///
    /// Texts shorter than [`KNOWN_BYTES_MIN`] are left out, because they would be found in prices: such secrets are
    /// replaced by their names alone.
    ///
    /// # Errors
    /// [`TooManySecrets`]: give fewer.
    pub fn new(known: impl IntoIterator<Item = String>) -> Result<Self, TooManySecrets> {
        let known = Known::new(known)?;
        let stems: Vec<&[u8]> = words::STEMS.into_iter().chain(address::STEMS).chain(known.stems()).collect();
        // Leftmost, because only such a search is SIMD's.
        let search = |stems| AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(stems);
        let any = stems.chunks(STEMS_MAX).map(search).collect::<Result<_, BuildError>>()?;
        Ok(Self { known, any, words: words::Search::new()?, addresses: address::Search::new()? })
    }

    /// The payload without its secrets, and how many were replaced. With none it is the payload itself, else it
    /// stands in `scratch`, whose contents before do not matter.
    pub fn redact<'a>(
        &self,
        kind: EntryKind,
        payload: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> (&'a [u8], usize) {
        let passes: &[Pass] = match kind {
            EntryKind::Gap | EntryKind::Turn => return (payload, 0),
            EntryKind::Binary if !begins_as_json(payload) => {
                if !self.known.is_in(payload) {
                    return (payload, 0);
                }
                &[Self::known_in_binary]
            }
            // An address may hold a listen key, for which there is no word.
            _ if address::bytes_at_start(kind, payload) == 0 && !self.may_tell(payload) => {
                return (payload, 0);
            }
            _ => &[Self::known_in_text, Self::named, Self::in_addresses],
        };
        let mut replaced = 0;
        let mut work = Vec::new();
        for pass in passes {
            let input = if replaced == 0 { payload } else { scratch.as_slice() };
            let count = pass(self, kind, input, &mut work);
            if count > 0 {
                std::mem::swap(scratch, &mut work);
                replaced += count;
            }
        }
        if replaced == 0 { (payload, 0) } else { (scratch, replaced) }
    }

    /// Free text without its secrets, such as a line of a log.
    #[must_use]
    pub fn in_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.in_kind(EntryKind::Note, text)
    }

    /// An address without its secrets.
    #[must_use]
    pub fn in_address<'a>(&self, address: &'a str) -> Cow<'a, str> {
        self.in_kind(EntryKind::Connecting, address)
    }

    fn in_kind<'a>(&self, kind: EntryKind, text: &'a str) -> Cow<'a, str> {
        let mut scratch = Vec::new();
        match self.redact(kind, text.as_bytes(), &mut scratch) {
            (_, 0) => Cow::Borrowed(text),
            (redacted, _) => Cow::Owned(String::from_utf8_lossy(redacted).into_owned()),
        }
    }

    fn may_tell(&self, payload: &[u8]) -> bool {
        self.any.iter().any(|any| any.is_match(payload))
    }

    fn known_in_binary(&self, _: EntryKind, input: &[u8], out: &mut Vec<u8>) -> usize {
        self.known.replace_in_binary(input, out)
    }

    fn known_in_text(&self, _: EntryKind, input: &[u8], out: &mut Vec<u8>) -> usize {
        self.known.replace_in_text(input, out)
    }

    fn named(&self, kind: EntryKind, input: &[u8], out: &mut Vec<u8>) -> usize {
        self.words.replace(kind, input, out)
    }

    fn in_addresses(&self, kind: EntryKind, input: &[u8], out: &mut Vec<u8>) -> usize {
        self.addresses.replace(kind, input, out)
    }
}

/// One look through a payload: writes it anew if something was replaced, and says how often.
type Pass = fn(&Redactor, EntryKind, &[u8], &mut Vec<u8>) -> usize;

fn begins_as_json(payload: &[u8]) -> bool {
    matches!(payload.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// A text on its way through one pass: what was not replaced is copied once, and nothing is copied if nothing was.
struct Rewrite<'a> {
    text: &'a [u8],
    out: &'a mut Vec<u8>,
    copied: usize,
    count: usize,
}

impl<'a> Rewrite<'a> {
    fn new(text: &'a [u8], out: &'a mut Vec<u8>) -> Self {
        out.clear();
        Self { text, out, copied: 0, count: 0 }
    }

    /// Puts the parts of `with` in place of the bytes `start..end`, which lie behind all replaced so far.
    fn put(&mut self, start: usize, end: usize, with: &[&[u8]]) {
        debug_assert!(self.copied <= start && start <= end, "replacements come in order");
        self.out.extend_from_slice(self.text.get(self.copied..start).unwrap_or_default());
        for part in with {
            self.out.extend_from_slice(part);
        }
        self.copied = end;
        self.count += 1;
    }

    /// Copies the rest, if anything was replaced.
    fn finish(self) -> usize {
        if self.count > 0 {
            self.out.extend_from_slice(self.text.get(self.copied..).unwrap_or_default());
        }
        self.count
    }
}
