//! Eight secrets that tests plant wherever an exchange can let one slip, and the search for them in all that is left
//! behind: as they are, percent-encoded, in base64 and in hexadecimal.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use touchline_simulator::Plants;

/// The secrets, by what they are planted in.
pub const SECRETS: [(&str, &str); 8] = [
    ("socket path", "qmZ81xWv7JcT0sLk94RbYpNu26GhDfEa35KiOtUy"),
    ("REST path", "rest-7Qk2Wm9Xz4"),
    ("cookie", "bm0.Zx81-Kq7/Lp3+Wd=="),
    ("REST body", "body/9Tq+4Vn=2Xs"),
    ("refusal", "refused-5Jd8Nw3Rb6Yk"),
    ("reply", "listen4Hs7Gt2Pf9Lc5Mv8"),
    ("close reason", "closing-1Xc6Vb9Nm3Qa"),
    ("ping", "pinged-2Ez5Rt8Yu1Io"),
];

/// Those that no name and no shape gives away: a feed has to be told of them.
#[must_use]
pub fn told() -> [&'static str; 3] {
    [1, 3, 7].map(|place| SECRETS[place].1)
}

/// What an exchange lets slip.
#[must_use]
pub fn plants() -> Plants {
    let [socket_path, rest_path, cookie, body, refusal, reply, close, ping] =
        SECRETS.map(|(_, text)| text.to_owned());
    let close = format!("bye, token={close}");
    Plants { socket_path, rest_path, cookie, body, refusal, reply, close, ping }
}

/// The name of a secret that stands in these bytes.
///
/// # Panics
/// If the search cannot be made, which does not happen.
#[must_use]
pub fn find(bytes: &[u8]) -> Option<&'static str> {
    static SEARCH: OnceLock<(AhoCorasick, Vec<&'static str>)> = OnceLock::new();
    let (search, names) = SEARCH.get_or_init(|| {
        let all = SECRETS.iter().flat_map(|(name, text)| forms(text).into_iter().map(|form| (form, *name)));
        let (forms, names): (Vec<_>, Vec<_>) = all.unzip();
        (AhoCorasick::new(forms).expect("some dozens of short texts"), names)
    });
    search.find(bytes).map(|found| names[found.pattern()])
}

/// A secret as it is, percent-encoded, in hexadecimal, and in base64 wherever it begins there.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![text.as_bytes().to_vec()];
    forms.push(percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string().into_bytes());
    let hexadecimal: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    forms.extend([hexadecimal.to_uppercase().into_bytes(), hexadecimal.into_bytes()]);
    for offset in 0..3 {
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode([&b"xxx"[..offset], text.as_bytes()].concat()).into_bytes();
            // The characters that also hold bits of what stands before and behind are left out.
            let whole = (offset * 8).div_ceil(6)..(offset + text.len()) * 8 / 6;
            forms.push(encoded[whole].to_vec());
        }
    }
    forms
}

/// What a search of files came to.
#[derive(Debug, Default)]
pub struct Searched {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// In which files which secret was found.
    pub found: Vec<(PathBuf, &'static str)>,
}

impl Searched {
    /// Searches a file, or all files below a folder.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn add(&mut self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                self.add(&entry?.path())?;
            }
            return Ok(());
        }
        let bytes = fs::read(path)?;
        (self.files, self.bytes) = (self.files + 1, self.bytes + bytes.len() as u64);
        self.found.extend(find(&bytes).map(|name| (path.to_owned(), name)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each secret is found among other bytes however it is written, and what resembles one is not.
    #[test]
    fn every_form_is_found() {
        for (name, text) in SECRETS {
            let percent = percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
            let hexadecimal = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
            let base64 =
                ["", "a", "ab"].map(|before| STANDARD_NO_PAD.encode(format!("{before}{text}, more")));
            for form in [text.to_owned(), percent, hexadecimal(text)].iter().chain(&base64) {
                assert_eq!(find(format!("\0they said {form} aloud").as_bytes()), Some(name), "{form}");
            }
            let half = &text[..text.len() - 2];
            assert_eq!(find(format!("{half}, {}", hexadecimal(half)).as_bytes()), None, "{half}");
        }
    }

    /// A secret in a file deep in a folder is found, and where; files without one are counted.
    #[test]
    fn files_are_searched() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(folder.path().join("clean"), "nothing").unwrap();
        let mut searched = Searched::default();
        searched.add(folder.path()).unwrap();
        assert!(searched.found.is_empty() && (searched.files, searched.bytes) == (1, 7), "{searched:?}");
        let path = deep.join("log");
        fs::write(&path, format!("WARN {} {}", "x".repeat(100_000), SECRETS[5].1)).unwrap();
        let mut searched = Searched::default();
        searched.add(folder.path()).unwrap();
        assert_eq!((searched.files, searched.found), (2, vec![(path, "reply")]));
        assert!(Searched::default().add(&folder.path().join("nowhere")).is_err());
    }
}
