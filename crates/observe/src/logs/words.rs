//! Texts that are not ours: shown, without doing anything.

use super::Scrub;

/// Bytes of a foreign text that are shown, its escapes counted.
pub const TEXT_BYTES_MAX: usize = 256;

/// A foreign text as it may stand in a log: control characters and other invisible ones escaped, cut at
/// [`TEXT_BYTES_MAX`] bytes with `…` for the rest.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        let before = shown.len();
        // Quotes and backslashes stay: nobody reads it back, and whoever writes JSON escapes them anyhow.
        if matches!(letter, '"' | '\'' | '\\') {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_debug());
        }
        if shown.len() > TEXT_BYTES_MAX {
            shown.truncate(before);
            shown.push('…');
            break;
        }
    }
    shown
}

/// A foreign text without the secrets that are known, then [`escaped`].
pub(super) fn shown(scrub: Option<&Scrub>, text: &str) -> String {
    let open = scrub.map(|scrub| scrub(text));
    escaped(open.as_deref().unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// New lines, terminal sequences, marks that turn the writing round and invisible letters are shown as escapes; what
    /// can be read stays as it is.
    #[test]
    fn nothing_invisible_is_left() {
        let text = "a\r\nb\u{1b}[31m\u{202e}\u{0}\u{7f}\u{200b} \"Ünïcode\" \\ 東京";
        let expected = "a\\r\\nb\\u{1b}[31m\\u{202e}\\0\\u{7f}\\u{200b} \"Ünïcode\" \\ 東京";
        assert_eq!(escaped(text), expected);
    }

    /// Exactly the bound is whole; one more is cut, at a whole letter and a whole escape.
    #[test]
    fn long_texts_are_cut() {
        let whole = "x".repeat(TEXT_BYTES_MAX);
        assert_eq!(escaped(&whole), whole);
        assert_eq!(escaped(&format!("{whole}y")), format!("{whole}…"));
        for letter in ["é", "東", "🦀", "\n", "\u{202e}"] {
            for before in 0..8 {
                let shown = escaped(&format!("{}{}", "x".repeat(before), letter.repeat(1_000)));
                let kept = shown.strip_suffix('…').unwrap();
                assert!((TEXT_BYTES_MAX - 8..=TEXT_BYTES_MAX).contains(&kept.len()), "{letter:?}");
                let one = escaped(letter);
                assert!(kept[before..].len().is_multiple_of(one.len()), "{letter:?} is cut in two");
            }
        }
    }
}
