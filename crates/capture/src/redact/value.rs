//! Where the value behind a name begins and ends: in JSON, in JSON inside a JSON string, in an address, in text.

/// Where a value stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// A JSON string, without its quotes.
    Text { start: usize, end: usize },
    /// A JSON number; `quote` is where a quote of the same depth stands.
    Number { start: usize, end: usize, quote: (usize, usize) },
    /// A JSON array; its first element begins at or behind `at`, its quotes have so many backslashes.
    List { at: usize, slashes: usize },
    /// Behind `name=`.
    Query { start: usize, end: usize },
    /// Behind `name:` in text: one word, or the whole line.
    Free { start: usize, end: usize, line_end: usize },
}

/// What stands behind the name that ends here; `None` if it is no name of a value.
pub(super) fn behind_name(text: &[u8], name_end: usize) -> Option<Place> {
    let (slashes, quote) = quote_at(text, name_end);
    if quote {
        let colon = skip_space(text, name_end + slashes + 1);
        if text.get(colon) != Some(&b':') {
            return None;
        }
        let start = skip_space(text, colon + 1);
        return in_json(text, start, (name_end, name_end + slashes + 1));
    }
    let start = name_end + 1;
    match text.get(name_end)? {
        b'=' => Some(Place::Query { start, end: until(text, start, b"&#\"'\\<>;,)}] \t\r\n") }),
        b':' => {
            let start = start + text.get(start..)?.iter().take_while(|&&byte| byte == b' ').count();
            let line_end = until(text, start, b"\"\\\r\n");
            let end = until(text, start, b"\"\\\r\n &,;)}]'");
            Some(Place::Free { start, end, line_end })
        }
        _ => None,
    }
}

/// The next text of an array, without its quotes, and `at` behind it. `None` at its end or at a nested value.
pub(super) fn next_in_list(text: &[u8], at: &mut usize, slashes: usize) -> Option<(usize, usize)> {
    loop {
        *at = skip_space(text, *at);
        match text.get(*at)? {
            b']' | b'[' | b'{' | b'}' => return None,
            b'"' | b'\\' => {
                let (found, quote) = quote_at(text, *at);
                if !quote || found != slashes {
                    return None;
                }
                let start = *at + slashes + 1;
                let end = string_end(text, start, slashes);
                *at = (end + slashes + 1).min(text.len());
                return Some((start, end));
            }
            _ => *at += 1,
        }
    }
}

/// Whether a value is as long and as mixed as tokens, keys and signatures are, and no contract's address.
pub(super) fn looks_secret(value: &[u8]) -> bool {
    let is_plain = |&byte: &u8| byte.is_ascii_alphanumeric() || b"+/=_.~%-".contains(&byte);
    let is_address = value.len() == 42 && value.starts_with(b"0x");
    let is_mixed = value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic);
    value.len() >= 16 && (is_mixed || value.len() >= 32) && value.iter().all(is_plain) && !is_address
}

fn in_json(text: &[u8], start: usize, quote: (usize, usize)) -> Option<Place> {
    let slashes = quote.1 - quote.0 - 1;
    match text.get(start)? {
        b'"' | b'\\' => {
            let (found, is_quote) = quote_at(text, start);
            if !is_quote || found != slashes {
                return None;
            }
            let start = start + slashes + 1;
            Some(Place::Text { start, end: string_end(text, start, slashes) })
        }
        b'-' | b'0'..=b'9' => {
            let digits = text.get(start..)?.iter();
            let length = digits.take_while(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)).count();
            Some(Place::Number { start, end: start + length, quote })
        }
        b'[' => Some(Place::List { at: start + 1, slashes }),
        _ => None,
    }
}

/// How many backslashes stand here, and whether a quote follows them.
fn quote_at(text: &[u8], at: usize) -> (usize, bool) {
    let rest = text.get(at..).unwrap_or_default();
    let slashes = rest.iter().take_while(|&&byte| byte == b'\\').count();
    (slashes, rest.get(slashes) == Some(&b'"'))
}

/// Where the string ends whose quotes have so many backslashes: 0 in JSON, 1 in JSON inside a string, 3 one deeper.
///
/// A backslash of the content stands there `slashes + 1` times twice; what is left over belongs to the quote. Fewer
/// than `slashes` in front of a quote end the string around this one, and a cut text ends at its end.
fn string_end(text: &[u8], start: usize, slashes: usize) -> usize {
    let mut from = start;
    while let Some(found) = memchr::memchr(b'"', text.get(from..).unwrap_or_default()) {
        let quote = from + found;
        let content = text.get(start..quote).unwrap_or_default();
        let run = content.iter().rev().take_while(|&&byte| byte == b'\\').count();
        if run < slashes || run % (2 * (slashes + 1)) == slashes {
            return quote - run.min(slashes);
        }
        from = quote + 1;
    }
    text.len()
}

fn skip_space(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn until(text: &[u8], start: usize, ends: &[u8]) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    start + rest.iter().position(|byte| ends.contains(byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_at_its_own_quote_at_every_depth() {
        // Content with escaped quotes and backslashes, as JSON and as JSON inside one and two strings.
        for (text, slashes, content) in [
            (r#"abc","x":1"#, 0, r"abc"),
            (r#"a\"b\\","x""#, 0, r#"a\"b\\"#),
            (r#"abc\",\"x\":1"#, 1, r"abc"),
            (r#"a\\\"b\\\\\",\"x\""#, 1, r#"a\\\"b\\\\"#),
            (r#"abc\\\",\\\"x"#, 3, r"abc"),
            (r#"cut","#, 1, r"cut"),
            ("no end", 0, "no end"),
        ] {
            let end = string_end(text.as_bytes(), 0, slashes);
            assert_eq!(&text[..end], content, "{text}");
        }
    }

    #[test]
    fn long_mixed_values_look_secret_and_names_do_not() {
        // Tokens of venues; names, times, channels and a contract's address.
        for secret in
            ["1Dwc4lzSwNWOAwkMdqhssNNFhs1ed606d1WcF3XfEMw", "0123456789abcdef", "a.b-c_d~e+f/g=h%2F1"]
        {
            assert!(looks_secret(secret.as_bytes()), "{secret}");
        }
        let address = "0xdAC17F958D2ee523a2206206994597C13D831ec7";
        for name in
            ["BTC", "mockAuth", "trade:1m:tBTCUSD0123", "2024-08-08 00:00:00.000", "WrappedBitcoins", address]
        {
            assert!(!looks_secret(name.as_bytes()), "{name}");
        }
    }
}
