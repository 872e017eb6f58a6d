//! A message taken apart and put together again, with every number as it was written.

/// A value of JSON. The texts are the exchange's own: nothing is checked that it does not get wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Tree<'a> {
    /// Keys without their quotes.
    Object(Vec<(&'a str, Tree<'a>)>),
    Array(Vec<Tree<'a>>),
    /// A number, a word, or a string with its quotes.
    Leaf(String),
}

impl<'a> Tree<'a> {
    /// `None` where the text is no JSON.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let mut rest = text;
        let tree = value(&mut rest)?;
        rest.trim_start().is_empty().then_some(tree)
    }

    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Leaf(text) => out.push_str(text),
            Self::Array(values) => {
                out.push('[');
                for (place, value) in values.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { "," });
                    value.write(out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (place, (key, value)) in fields.iter().enumerate() {
                    out.push_str(if place == 0 { "\"" } else { ",\"" });
                    out.push_str(key);
                    out.push_str("\":");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// Shows each object to somebody, the outermost first, until one is taken.
    pub(crate) fn objects(&mut self, take: &mut impl FnMut(&mut Vec<(&'a str, Self)>) -> bool) -> bool {
        match self {
            Self::Leaf(_) => false,
            Self::Array(values) => values.iter_mut().any(|value| value.objects(take)),
            Self::Object(fields) => take(fields) || fields.iter_mut().any(|(_, value)| value.objects(take)),
        }
    }
}

fn value<'a>(rest: &mut &'a str) -> Option<Tree<'a>> {
    *rest = rest.trim_start();
    match rest.bytes().next()? {
        b'{' => {
            let mut fields = Vec::new();
            *rest = rest.get(1..)?.trim_start();
            while !rest.starts_with('}') {
                let key = string(rest)?;
                *rest = rest.trim_start().strip_prefix(':')?;
                fields.push((key.get(1..key.len() - 1)?, value(rest)?));
                comma(rest, '}')?;
            }
            *rest = rest.get(1..)?;
            Some(Tree::Object(fields))
        }
        b'[' => {
            let mut values = Vec::new();
            *rest = rest.get(1..)?.trim_start();
            while !rest.starts_with(']') {
                values.push(value(rest)?);
                comma(rest, ']')?;
            }
            *rest = rest.get(1..)?;
            Some(Tree::Array(values))
        }
        b'"' => Some(Tree::Leaf(string(rest)?.to_owned())),
        _ => {
            let end = rest.find([',', ']', '}']).unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            *rest = after;
            let text = text.trim_end();
            (!text.is_empty()).then(|| Tree::Leaf(text.to_owned()))
        }
    }
}

/// A comma, or the end of the list.
fn comma(rest: &mut &str, end: char) -> Option<()> {
    *rest = rest.trim_start();
    match rest.strip_prefix(',') {
        Some(after) => *rest = after.trim_start(),
        None => return rest.starts_with(end).then_some(()),
    }
    Some(())
}

/// A string with its quotes.
fn string<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let mut escaped = false;
    let inner = rest.strip_prefix('"')?;
    let end = inner.find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })?;
    let (text, after) = rest.split_at(end + 2);
    *rest = after;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was read is written as it was, numbers with their zeros; what is no JSON is not read.
    #[test]
    fn texts_survive() {
        for text in [
            r#"{"a":[{"price":105944.20,"qty":0.00000500},[]],"b":{},"c":"x\"y,}","d":null,"e":-1e5}"#,
            "[]",
            "\"\"",
            "1",
        ] {
            let mut out = String::new();
            Tree::read(text).unwrap().write(&mut out);
            assert_eq!(out, text);
        }
        assert_eq!(Tree::read(" { \"a\" : [ 1 , 2 ] } "), Tree::read(r#"{"a":[1,2]}"#));
        for text in ["", "{", r#"{"a"}"#, "[1 2", r#""a"#, "{}x", r#"{"a":}"#] {
            assert_eq!(Tree::read(text), None, "{text}");
        }
    }
}
