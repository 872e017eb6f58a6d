//! Messages written otherwise: the same in other words, or not what they should be.

use serde_json::{Map, Value};

use crate::random::Random;

/// The same message with its fields in another order, with white space, or with a field nobody knows.
pub(crate) fn harmless(text: &str, random: &mut Random) -> String {
    match random.below(3) {
        0 => rewritten(text, random, |_, _| {}),
        // Our texts hold no quotes or commas within strings.
        1 => text.replace(",\"", " ,\n\t\"").replace("\":", "\" : "),
        _ => rewritten(text, random, |event, _| {
            event.insert("zz".to_owned(), serde_json::json!({ "new": [1, "two", null] }));
        }),
    }
}

/// A message that must not be taken: cut, not JSON, a needed field missing or of another type.
pub(crate) fn garbage(text: &str, random: &mut Random) -> String {
    let needed = ["b", "a", "u", "U", "pu", "p", "q", "B", "bids", "asks", "lastUpdateId"];
    let one = |event: &Map<String, Value>, random: &mut Random| {
        let present: Vec<&str> = needed.into_iter().filter(|name| event.contains_key(*name)).collect();
        present.get(random.below(present.len() as u64) as usize).map(|name| (*name).to_owned())
    };
    match random.below(5) {
        0 => {
            // All texts are ASCII but for symbols, which stand in the first half: look for a border.
            let mut cut = text.len() / 2 + random.below(text.len() as u64 / 2) as usize;
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            text.get(..cut).unwrap_or_default().to_owned()
        }
        1 => format!("<{text}"),
        2 => rewritten(text, random, |event, random| {
            if let Some(name) = one(event, random) {
                event.insert(name, Value::Bool(true));
            }
        }),
        3 => rewritten(text, random, |event, random| {
            if let Some(name) = one(event, random) {
                event.remove(&name);
            }
        }),
        _ => rewritten(text, random, bad_number),
    }
}

/// Numbers that are none, or that no book can hold.
const BAD_NUMBERS: [&str; 8] =
    ["NaN", "-1", "", "1e400", "0x10", "1.2.3", "Infinity", "99999999999999999999999999"];

/// One quantity of the event is no number a book can hold.
fn bad_number(event: &mut Map<String, Value>, random: &mut Random) {
    let bad = BAD_NUMBERS.get(random.below(BAD_NUMBERS.len() as u64) as usize).copied().unwrap_or_default();
    for key in ["q", "B", "b", "a", "bids", "asks"] {
        let qty = match event.get_mut(key) {
            Some(Value::Array(levels)) => levels.first_mut().and_then(|level| level.get_mut(1)),
            whole => whole,
        };
        if let Some(qty) = qty.filter(|qty| qty.is_string()) {
            *qty = bad.into();
            return;
        }
    }
    // A book message without levels.
    event.insert("b".to_owned(), bad.into());
}

/// The message with a digit of one quantity changed; as it was where it has no levels.
pub(crate) fn corrupt(text: &str, random: &mut Random) -> String {
    rewritten(text, random, |event, random| {
        let side = if random.below(2) == 0 { ["b", "a"] } else { ["a", "b"] };
        for key in side {
            let Some(levels) = event.get_mut(key).and_then(Value::as_array_mut) else { continue };
            let place = random.below(levels.len() as u64) as usize;
            let Some(Value::String(qty)) = levels.get_mut(place).and_then(|level| level.get_mut(1)) else {
                continue;
            };
            *qty = if qty.starts_with('9') { qty.replacen('9', "8", 1) } else { format!("9{qty}") };
            return;
        }
    })
}

/// The event of a message changed, its fields then in an order that is drawn.
fn rewritten(
    text: &str,
    random: &mut Random,
    change: impl FnOnce(&mut Map<String, Value>, &mut Random),
) -> String {
    let Ok(mut message) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    let event = if message.get("data").is_some() { message.get_mut("data") } else { Some(&mut message) };
    let Some(event) = event.and_then(Value::as_object_mut) else { return text.to_owned() };
    change(event, random);
    let event = shuffled(event, random);
    match message.get("stream") {
        Some(stream) => format!(r#"{{"data":{event},"stream":{stream}}}"#),
        None => event,
    }
}

fn shuffled(event: &Map<String, Value>, random: &mut Random) -> String {
    let mut fields: Vec<String> =
        event.iter().map(|(key, value)| format!("{}:{value}", Value::from(key.as_str()))).collect();
    for last in (1..fields.len()).rev() {
        fields.swap(last, random.below(last as u64 + 1) as usize);
    }
    format!("{{{}}}", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[["1.5","2"]],"a":[]}}"#;

    /// The harmless forms say the same, the others do not.
    #[test]
    fn harmless_is_equal_and_garbage_is_not() {
        let read = |text: &str| {
            let mut value: Value = serde_json::from_str(text).ok()?;
            value["data"].as_object_mut()?.remove("zz");
            Some(value)
        };
        let mut forms = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let other = harmless(TEXT, &mut Random::new(seed));
            assert_eq!(read(&other), read(TEXT), "{other}");
            assert_ne!(other, TEXT);
            forms.insert(other);
            let bad = garbage(TEXT, &mut Random::new(seed));
            assert_ne!(read(&bad), read(TEXT), "{bad}");
            let wrong = read(&corrupt(TEXT, &mut Random::new(seed)));
            assert!(wrong.is_some() && wrong != read(TEXT));
        }
        assert!(forms.len() > 50);
    }
}
