//! Messages written otherwise: the same in other words, or not what they should be.

use touchline_venue::exchange::Fields;

use crate::random::Random;
use crate::tree::Tree;

type Object<'a> = Vec<(&'a str, Tree<'a>)>;

/// The same message with its fields in another order, with white space, or with a field nobody knows.
pub(crate) fn harmless(text: &str, random: &mut Random) -> String {
    match random.below(3) {
        0 => rewritten(text, random, |_, _| {}),
        // Our texts hold no quotes or commas within strings.
        1 => text.replace(",\"", " ,\n\t\"").replace("\":", "\" : "),
        _ => rewritten(text, random, |tree, _| {
            let value = Tree::Leaf(r#"{"new":[1,"two",null]}"#.to_owned());
            if let Some(event) = event(tree) {
                event.push(("zz", value));
            }
        }),
    }
}

/// A message that must not be taken: cut, not JSON, a needed field missing or of another type.
pub(crate) fn garbage(text: &str, fields: &Fields, random: &mut Random) -> String {
    let spoilt = match random.below(5) {
        0 => {
            // All texts are ASCII but for symbols, which stand in the first half: look for a border.
            let mut cut = text.len() / 2 + random.below(text.len() as u64 / 2) as usize;
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            text.get(..cut).unwrap_or_default().to_owned()
        }
        1 => String::new(),
        2 => rewritten(text, random, |tree, random| {
            one_needed(tree, fields, random, |event, place| {
                if let Some((_, value)) = event.get_mut(place) {
                    *value = Tree::Leaf("true".to_owned());
                }
            });
        }),
        3 => rewritten(text, random, |tree, random| {
            one_needed(tree, fields, random, |event, place| _ = event.remove(place));
        }),
        _ => rewritten(text, random, |tree, random| bad_number(tree, fields, random)),
    };
    // Nothing that is needed stands in it.
    if spoilt.is_empty() || Tree::read(&spoilt).is_some_and(|spoilt| same(&spoilt, text)) {
        return format!("<{text}");
    }
    spoilt
}

/// The message with a digit of one quantity changed; `None` if it has no levels.
pub(crate) fn corrupt(text: &str, fields: &Fields, random: &mut Random) -> Option<String> {
    let mut changed = false;
    let text = rewritten(text, random, |tree, random| {
        let mut count = 0;
        each_level(tree, fields, &mut |_| {
            count += 1;
            false
        });
        let mut skip = random.below(count);
        each_level(tree, fields, &mut |qty| {
            changed = skip == 0;
            if changed {
                let (quote, digits) = qty.split_at(qty.starts_with('"').into());
                let digits = match digits.strip_prefix('9') {
                    Some(rest) => format!("8{rest}"),
                    None => format!("9{digits}"),
                };
                *qty = format!("{quote}{digits}");
            }
            skip = skip.wrapping_sub(1);
            changed
        });
    });
    changed.then_some(text)
}

/// The message with a bit of its checksum changed; `None` if it has none.
pub(crate) fn checksum(text: &str, fields: &Fields, random: &mut Random) -> Option<String> {
    let mut changed = false;
    let text = rewritten(text, random, |tree, random| {
        changed = tree.objects(&mut |object| {
            let found = object.iter_mut().find(|(key, _)| *key == fields.checksum);
            let Some((_, Tree::Leaf(text))) = found else { return false };
            let quoted = text.trim_matches('"');
            let Ok(number) = quoted.parse::<i64>() else { return false };
            *text = text.replace(quoted, &(number ^ 1 << random.below(31)).to_string());
            true
        });
    });
    changed.then_some(text)
}

/// Numbers that are none, or that no book can hold.
const BAD_NUMBERS: [&str; 8] =
    ["NaN", "-1", "", "1e400", "0x10", "1.2.3", "Infinity", "99999999999999999999999999"];

/// One quantity of the event is no number a book can hold.
fn bad_number(tree: &mut Tree<'_>, fields: &Fields, random: &mut Random) {
    let bad = BAD_NUMBERS.get(random.below(BAD_NUMBERS.len() as u64) as usize).copied().unwrap_or_default();
    let written = |qty: &mut String| {
        *qty = if qty.starts_with('"') { format!("\"{bad}\"") } else { bad.to_owned() };
        true
    };
    let alone = tree.objects(&mut |object| {
        let qty = object.iter_mut().find_map(|(key, value)| match value {
            Tree::Leaf(text) if fields.qty.contains(key) => Some(text),
            _ => None,
        });
        qty.is_some_and(written)
    });
    if alone || each_level(tree, fields, &mut |qty| written(qty)) {
        return;
    }
    // A book message without levels.
    tree.objects(&mut |object| {
        let levels = object.iter_mut().find(|(key, _)| fields.levels.contains(key));
        levels.is_some_and(|(_, value)| {
            *value = Tree::Leaf(format!("\"{bad}\""));
            true
        })
    });
}

/// Shows the quantity of each level to somebody, until one is taken.
fn each_level(tree: &mut Tree<'_>, fields: &Fields, take: &mut impl FnMut(&mut String) -> bool) -> bool {
    tree.objects(&mut |object| {
        let lists = object.iter_mut().filter(|(key, _)| fields.levels.contains(key));
        let mut levels = lists.flat_map(|(_, list)| match list {
            Tree::Array(levels) => levels.iter_mut(),
            _ => [].iter_mut(),
        });
        levels.any(|level| match level {
            Tree::Array(parts) => match parts.get_mut(1) {
                Some(Tree::Leaf(qty)) => take(qty),
                _ => false,
            },
            Tree::Object(parts) => parts.iter_mut().any(|(key, value)| match value {
                Tree::Leaf(qty) if fields.qty.contains(key) => take(qty),
                _ => false,
            }),
            Tree::Leaf(_) => false,
        })
    })
}

/// Does something to one of the needed fields that are there.
fn one_needed<'a>(
    tree: &mut Tree<'a>,
    fields: &Fields,
    random: &mut Random,
    change: impl FnOnce(&mut Object<'a>, usize),
) {
    let mut present = Vec::new();
    tree.objects(&mut |object| {
        present.extend(object.iter().map(|(key, _)| *key).filter(|key| fields.needed.contains(key)));
        false
    });
    present.sort_unstable();
    present.dedup();
    let Some(name) = present.get(random.below(present.len() as u64) as usize) else { return };
    let mut change = Some(change);
    tree.objects(&mut |object| {
        let Some(place) = object.iter().position(|(key, _)| key == name) else { return false };
        if let Some(change) = change.take() {
            change(object, place);
        }
        true
    });
}

/// The object that holds the news: within its envelopes, without going into levels.
fn event<'t, 'a>(tree: &'t mut Tree<'a>) -> Option<&'t mut Object<'a>> {
    let Tree::Object(object) = tree else { return None };
    let inner = object.iter().position(|(key, value)| match value {
        Tree::Object(_) => true,
        Tree::Array(values) => {
            matches!(key, &"data" | &"events") && matches!(values.as_slice(), [Tree::Object(_)])
        }
        Tree::Leaf(_) => false,
    });
    let Some(inner) = inner else { return Some(object) };
    match object.get_mut(inner) {
        Some((_, Tree::Array(values))) => values.first_mut().and_then(event),
        Some((_, inner)) => event(inner),
        None => None,
    }
}

/// A message changed, its fields then in an order that is drawn.
fn rewritten(text: &str, random: &mut Random, change: impl FnOnce(&mut Tree<'_>, &mut Random)) -> String {
    let Some(mut tree) = Tree::read(text) else { return text.to_owned() };
    change(&mut tree, random);
    tree.objects(&mut |object| {
        for last in (1..object.len()).rev() {
            object.swap(last, random.below(last as u64 + 1) as usize);
        }
        false
    });
    let mut out = String::with_capacity(text.len() + 32);
    tree.write(&mut out);
    out
}

/// Do they say the same, whatever the order of fields?
fn same(tree: &Tree<'_>, text: &str) -> bool {
    fn sorted(tree: &mut Tree<'_>) {
        tree.objects(&mut |object| {
            object.sort_by_key(|(key, _)| *key);
            false
        });
    }
    let (mut tree, Some(mut other)) = (tree.clone(), Tree::read(text)) else { return false };
    sorted(&mut tree);
    sorted(&mut other);
    tree == other
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const ARRAYS: (&str, Fields) = (
        r#"{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[["1.5","2"]],"a":[]}}"#,
        Fields { needed: &["b", "a", "u"], levels: &["b", "a"], qty: &["q"], checksum: "" },
    );
    const OBJECTS: (&str, Fields) = (
        r#"{"channel":"book","type":"update","data":[{"symbol":"A/B","bids":[{"price":105944.20,"qty":0.00000500}],"asks":[],"checksum":2114181697}]}"#,
        Fields {
            needed: &["bids", "asks", "checksum"],
            levels: &["bids", "asks"],
            qty: &["qty"],
            checksum: "checksum",
        },
    );

    fn read(text: &str) -> Option<Value> {
        let mut value: Value = serde_json::from_str(text).ok()?;
        let data = value.get_mut("data")?;
        if data.is_array() { data.get_mut(0)? } else { data }.as_object_mut()?.remove("zz");
        Some(value)
    }

    /// The harmless forms say the same, with every number as it was written; the others do not.
    #[test]
    fn harmless_is_equal_and_garbage_is_not() {
        for (text, fields) in [ARRAYS, OBJECTS] {
            let mut forms = std::collections::BTreeSet::new();
            for seed in 0..200 {
                let other = harmless(text, &mut Random::new(seed));
                assert_eq!(read(&other), read(text), "{other}");
                assert!(fields.checksum.is_empty() || other.contains("105944.20"), "{other}");
                forms.insert(other);
                let bad = garbage(text, &fields, &mut Random::new(seed));
                assert_ne!(read(&bad), read(text), "{bad}");
                let wrong = read(&corrupt(text, &fields, &mut Random::new(seed)).unwrap());
                assert!(wrong.is_some() && wrong != read(text));
            }
            assert!(forms.len() > 50);
        }
    }

    /// A wrong checksum is another number that fits, and nothing else is changed; without one there is nothing to do.
    #[test]
    fn a_wrong_checksum_is_all_that_is_wrong() {
        let (text, fields) = OBJECTS;
        for seed in 0..200 {
            let mut wrong = read(&checksum(text, &fields, &mut Random::new(seed)).unwrap()).unwrap();
            let number = wrong["data"][0]["checksum"].as_u64().unwrap();
            assert!(number != 2_114_181_697 && u32::try_from(number).is_ok());
            wrong["data"][0]["checksum"] = 2_114_181_697_u64.into();
            assert_eq!(Some(wrong), read(text));
        }
        assert_eq!(checksum(ARRAYS.0, &ARRAYS.1, &mut Random::new(0)), None);
        let empty = OBJECTS.0.replace(r#"{"price":105944.20,"qty":0.00000500}"#, "");
        assert_eq!(corrupt(&empty, &OBJECTS.1, &mut Random::new(0)), None);
    }
}
