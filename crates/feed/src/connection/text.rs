//! A venue's text as it may be shown: foreign, so escaped and cut.

/// Bytes kept of a text.
const TEXT_MAX: usize = 256;

/// Escapes what would steer a terminal or a log (control characters, marks that turn the direction of writing) and
/// cuts to 256 bytes.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        let unseen = matches!(letter, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}');
        let before = out.len();
        if letter.is_control() || unseen {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
        if out.len() > TEXT_MAX {
            out.truncate(before);
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Control characters and direction marks are escaped, other letters stay, and no escape or letter is cut in two.
    #[test]
    fn foreign_text_is_escaped_and_cut() {
        assert_eq!(clean("bad\x1b[2J\r\n\u{202E}币"), "bad\\u{1b}[2J\\r\\n\\u{202e}币");
        assert_eq!(clean(&"x".repeat(300)).len(), 256);
        assert_eq!(clean(&"币".repeat(300)), "币".repeat(85));
        assert_eq!(clean(&"\n".repeat(300)), "\\n".repeat(128));
    }
}
