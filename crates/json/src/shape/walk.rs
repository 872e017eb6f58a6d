//! Where the values of an object stand in a message's bytes: a slow walk, taken when a shape is learned.
//!
//! The message is known to be sound JSON. Whatever this walk does not understand, escapes above all, it gives up on, and
//! then no shape is learned.

use std::ops::Range;

/// The values of an object, each with its key, in the order of the bytes.
pub(super) type Entries<'f> = Vec<(&'f [u8], Range<usize>)>;

/// The entries of the object that begins at `at`, perhaps behind white space.
pub(super) fn object(frame: &[u8], at: usize) -> Option<Entries<'_>> {
    let mut at = expect(frame, at, b'{')?;
    let mut entries = Vec::new();
    loop {
        at = blank(frame, at);
        if frame.get(at) == Some(&b'}') {
            return Some(entries);
        }
        let key = string(frame, at)?;
        at = blank(frame, expect(frame, key.end + 1, b':')?);
        let value = at..value_end(frame, at)?;
        at = blank(frame, value.end);
        entries.push((frame.get(key)?, value));
        if frame.get(at) == Some(&b',') {
            at += 1;
        }
    }
}

/// The elements of the array that begins at `at`.
pub(super) fn array(frame: &[u8], at: usize) -> Option<Vec<Range<usize>>> {
    let mut at = expect(frame, at, b'[')?;
    let mut elements = Vec::new();
    loop {
        at = blank(frame, at);
        if frame.get(at) == Some(&b']') {
            return Some(elements);
        }
        let value = at..value_end(frame, at)?;
        at = blank(frame, value.end);
        elements.push(value);
        if frame.get(at) == Some(&b',') {
            at += 1;
        }
    }
}

/// The text of a value without its quotes, if it has any.
pub(super) fn unquoted(frame: &[u8], value: Range<usize>) -> Option<Range<usize>> {
    if frame.get(value.start) == Some(&b'"') { string(frame, value.start) } else { Some(value) }
}

fn expect(frame: &[u8], at: usize, byte: u8) -> Option<usize> {
    let at = blank(frame, at);
    (frame.get(at) == Some(&byte)).then_some(at + 1)
}

fn blank(frame: &[u8], at: usize) -> usize {
    let rest = frame.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// What stands between the quotes of the string that begins at `at`; none with an escape in it.
fn string(frame: &[u8], at: usize) -> Option<Range<usize>> {
    let start = expect(frame, at, b'"')?;
    let length = frame.get(start..)?.iter().position(|&byte| byte == b'"' || byte == b'\\')?;
    (frame.get(start + length) == Some(&b'"')).then_some(start..start + length)
}

/// Where the value that begins at `at` ends.
fn value_end(frame: &[u8], at: usize) -> Option<usize> {
    match frame.get(at)? {
        b'"' => string(frame, at).map(|text| text.end + 1),
        b'{' | b'[' => {
            let (mut at, mut depth) = (at, 0usize);
            loop {
                match frame.get(at)? {
                    b'"' => at = string(frame, at)?.end,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            frame.get(at..)?.iter().position(ends).map(|length| at + length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values are found where they stand, whatever stands around them; an escape is given up on.
    #[test]
    fn values_are_found() {
        let frame = br#" { "a" : [ 1 , "x]" , {"y":2} ] ,"b":-1.5e3, "c":"t" } "#;
        let entries = object(frame, 0).unwrap();
        let text = |range: &Range<usize>| std::str::from_utf8(&frame[range.clone()]).unwrap();
        let values: Vec<_> = entries.iter().map(|(_, value)| text(value)).collect();
        assert_eq!(values, [r#"[ 1 , "x]" , {"y":2} ]"#, "-1.5e3", r#""t""#]);
        let elements = array(frame, entries[0].1.start).unwrap();
        assert_eq!(elements.iter().map(text).collect::<Vec<_>>(), ["1", r#""x]""#, r#"{"y":2}"#]);
        assert_eq!(text(&unquoted(frame, entries[2].1.clone()).unwrap()), "t");
        assert!(object(br#"{"a\"":1}"#, 0).is_none());
        assert!(object(b"[1]", 0).is_none());
        assert!(object(b"{\"a\":", 0).is_none());
    }
}
