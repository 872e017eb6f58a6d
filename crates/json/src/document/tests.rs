//! What a document shows against `serde_json`, and every kind of bad frame.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::decimal::DecimalError;

/// A message as a test makes it up: numbers and strings as they stand in the text.
#[derive(Clone, Debug)]
enum Tree {
    Word(&'static str),
    Number(String),
    /// The escaped form.
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Writes the tree with white space from `spaces`, used round and round.
    fn write(&self, spaces: &mut dyn Iterator<Item = &'static str>, out: &mut String) {
        let mut space = |out: &mut String| out.push_str(spaces.next().unwrap_or_default());
        space(out);
        match self {
            Self::Word(word) => out.push_str(word),
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => out.push_str(&format!("\"{text}\"")),
            Self::Array(elements) => {
                out.push('[');
                for (place, element) in elements.iter().enumerate() {
                    out.push_str(if place > 0 { "," } else { "" });
                    element.write(spaces, out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (place, (key, value)) in fields.iter().enumerate() {
                    out.push_str(&format!("{}\"{key}\":", if place > 0 { "," } else { "" }));
                    value.write(spaces, out);
                }
                out.push('}');
            }
        }
        out.push_str(spaces.next().unwrap_or_default());
    }

    /// The number texts in the order they stand in.
    fn numbers<'t>(&'t self, out: &mut Vec<&'t str>) {
        match self {
            Self::Number(number) => out.push(number),
            Self::Array(elements) => elements.iter().for_each(|element| element.numbers(out)),
            Self::Object(fields) => fields.iter().for_each(|(_, value)| value.numbers(out)),
            _ => {}
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["null", "true", "false"]).prop_map(Tree::Word),
        "-?(0|[1-9][0-9]{0,21})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,2})?".prop_map(Tree::Number),
        "([a-z0-9.é€😀\\[\\]{},: ]|\\\\n|\\\\\"|\\\\\\\\|\\\\u00e9|\\\\ud83d\\\\ude00){0,40}"
            .prop_map(Tree::Text),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Tree::Array),
            prop::collection::btree_map("[a-zA-Z]{0,6}|a\\\\t", inner, 0..8)
                .prop_map(|fields| Tree::Object(fields.into_iter().collect())),
        ]
    })
}

fn spaces() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(vec!["", "", " ", "\n", "\t\r\n  "]), 1..7)
}

fn written(tree: &Tree, spaces: &[&'static str]) -> String {
    let mut out = String::new();
    tree.write(&mut spaces.iter().copied().cycle(), &mut out);
    out
}

/// The value as `serde_json` would hold it, made by walking; number texts are gathered on the way.
fn walked(value: Value<'_>, numbers: &mut Vec<String>) -> serde_json::Value {
    if let Some(text) = value.as_str() {
        assert_eq!(value.text(), Some(text.as_bytes()), "the text of a string is its content");
        return text.into();
    }
    if let Some(elements) = value.array() {
        assert_eq!(value.pair().is_some(), elements.len() == 2, "a pair is an array of two");
        return elements.map(|element| walked(element, numbers)).collect();
    }
    if let Some(fields) = value.object() {
        return fields.map(|(key, value)| (key.to_owned(), walked(value, numbers))).collect();
    }
    if let Some(text) = value.text() {
        numbers.push(String::from_utf8_lossy(text).into_owned());
        return serde_json::from_slice(text).expect("the text of a number is a number");
    }
    assert_eq!(value.price(2), Err(DecimalError::WrongType));
    value.as_bool().map_or(serde_json::Value::Null, Into::into)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn walk_shows_what_serde_json_shows(tree in tree(), spaces in spaces()) {
        // Random documents with random white space: equal structure and strings, and each number's text as written.
        let frame = written(&tree, &spaces);
        let mut parser = Parser::new();
        let document = parser.parse(frame.as_bytes()).expect("a sound document");
        let mut numbers = Vec::new();
        let walked = walked(document.root(), &mut numbers);
        prop_assert_eq!(walked, serde_json::from_str::<serde_json::Value>(&frame).expect("a sound document"));
        let mut expected = Vec::new();
        tree.numbers(&mut expected);
        prop_assert_eq!(numbers, expected);
    }

    #[test]
    fn order_of_keys_and_white_space_do_not_matter(
        fields in prop::collection::btree_map("[a-z]{1,6}", tree(), 1..8), shift: Index, spaces in spaces(),
    ) {
        // The same fields turned round, and written with other white space: equal values under equal keys.
        let fields: Vec<(String, Tree)> = fields.into_iter().collect();
        let mut turned = fields.clone();
        turned.rotate_left(shift.index(fields.len()));
        let (one, other) = (written(&Tree::Object(fields), &[""]), written(&Tree::Object(turned), &spaces));
        let (mut parser, mut second) = (Parser::new(), Parser::new());
        let one = parser.parse(one.as_bytes()).expect("a sound document");
        let other = second.parse(other.as_bytes()).expect("a sound document");
        prop_assert_eq!(walked(one.root(), &mut Vec::new()), walked(other.root(), &mut Vec::new()));
    }

    #[test]
    fn numbers_are_found_in_any_order(
        rows in prop::collection::vec(("[0-9]{1,3}\\.[0-9]{1,4}", "[1-9][0-9]{0,4}", "[a\\\\\"]{0,3}"), 1..60),
        visits in prop::collection::vec(any::<Index>(), 1..60),
    ) {
        // Rows of numbers and of strings with escapes, visited forward, backward and at random places.
        let sound = |number: &str| if number.starts_with('0') { format!("1{number}") } else { number.to_owned() };
        let rows: Vec<(String, String, String)> = rows
            .into_iter()
            .map(|(a, b, text)| (sound(&a), b, text.replace('\\', "\\\\").replace('"', "\\\"")))
            .collect();
        let body: Vec<String> = rows
            .iter()
            .map(|(a, b, text)| if text.len() > 2 { format!("[{a}, {b} ,\"{text}\"]") } else { format!("[{a},{b},[]]") })
            .collect();
        let frame = format!("[{}]", body.join(" ,"));
        let mut parser = Parser::new();
        let document = parser.parse(frame.as_bytes()).expect("a sound document");
        let places: Vec<Value<'_>> = document.root().array().expect("an array").collect();
        for visit in visits {
            let place = visit.index(rows.len());
            let numbers: Vec<_> = places[place].array().expect("a row").take(2).map(Value::text).collect();
            prop_assert_eq!(&numbers, &[Some(rows[place].0.as_bytes()), Some(rows[place].1.as_bytes())]);
        }
    }

    #[test]
    fn damaged_frames_are_refused_or_still_sound(tree in tree(), place: Index, byte: u8) {
        // One byte of a document replaced: refused, or a document that `serde_json` accepts as well and sees alike.
        let mut frame = written(&tree, &[""]).into_bytes();
        let place = place.index(frame.len());
        frame[place] = byte;
        let mut parser = Parser::new();
        if let Ok(document) = parser.parse(&frame) {
            let theirs = serde_json::from_slice::<serde_json::Value>(&frame);
            prop_assert_eq!(Some(walked(document.root(), &mut Vec::new())), theirs.ok());
        }
    }

    #[test]
    fn marks_are_counted_as_simd_json_sets_them(
        frame in prop::collection::vec(prop::sample::select(b"{}[]\",:01.e-\\n \t\n\x0c\xc3\xa9a".to_vec()), 0..300),
        tree in tree(), spaces in spaces(),
    ) {
        // Bytes that JSON is made of, in no order, and sound documents: as many marks as the scan leaves behind, or no
        // fewer where the scan itself gives up.
        let written = written(&tree, &spaces);
        for frame in [&frame[..], written.as_bytes()] {
            let mut parser = Parser::new();
            let error = parser.parse(frame).err();
            let set = parser.buffers.structural_indexes().len();
            prop_assert!(marks_at_most(frame) >= marks_in(frame));
            match error {
                Some(JsonError::BrokenString | JsonError::NotUtf8) => prop_assert!(marks_in(frame) >= set),
                _ => prop_assert_eq!(marks_in(frame), set, "{:?}", error),
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(frame in prop::collection::vec(prop::sample::select(b"{}[]\",:0123.e-\\u \x00\xff".to_vec()), 0..80)) {
        // Bytes that JSON is made of, in no order: whatever is accepted can be walked.
        if let Ok(document) = Parser::new().parse(&frame) {
            walked(document.root(), &mut Vec::new());
        }
    }
}

#[test]
fn fields_answer_only_as_what_they_are() {
    // One message with every kind of value, asked for everything.
    let mut parser = Parser::with_capacity(1 << 10);
    let frame = br#"{"u":18446744073709551615,"i":-1,"f":1.50,"s":"2.50","t":true,"n":null,"a":[["1","2"],["1"],3],"o":{},"s":7}"#;
    let document = parser.parse(frame).expect("a sound message");
    let fields: Vec<_> = document.root().object().expect("an object").collect();
    assert_eq!(fields.iter().filter(|(key, _)| *key == "s").count(), 2, "a repeated key is shown twice");
    let field = |name| fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value).expect(name);
    assert_eq!(field("u").as_u64(), Some(u64::MAX));
    assert_eq!(field("u").text(), Some(&b"18446744073709551615"[..]));
    assert_eq!(field("i").as_u64(), None);
    assert_eq!((field("i").price(1), field("i").quantity(1)), (Ok(-10), Err(DecimalError::Negative)));
    assert_eq!(
        (field("f").as_u64(), field("f").text(), field("f").price(2)),
        (None, Some(&b"1.50"[..]), Ok(150))
    );
    assert_eq!((field("s").as_str(), field("s").quantity(1)), (Some("2.50"), Ok(25)));
    assert_eq!((field("t").as_bool(), field("t").is_null(), field("t").text()), (Some(true), false, None));
    assert_eq!((field("n").as_bool(), field("n").is_null()), (None, true));
    assert!(field("n").array().is_none() && field("n").object().is_none() && field("n").pair().is_none());
    let pairs: Vec<bool> = field("a").pairs().expect("an array").map(|pair| pair.is_some()).collect();
    assert_eq!(pairs, [true, false, false]);
    assert_eq!(field("o").object().map(|fields| fields.len()), Some(0));
    assert_eq!(field("o").price(0), Err(DecimalError::WrongType));
}

#[test]
fn numbers_too_long_for_the_tape_keep_their_text() {
    // Whole numbers beyond 64 bits and decimals beyond a double.
    let mut parser = Parser::new();
    let document = parser
        .parse(b"[340282366920938463463374607431768211456, 0.10000000000000000555, 1E5]")
        .expect("sound");
    let texts: Vec<_> = document.root().array().expect("an array").filter_map(Value::text).collect();
    assert_eq!(texts, [&b"340282366920938463463374607431768211456"[..], b"0.10000000000000000555", b"1E5"]);
}

#[test]
fn bare_numbers_of_a_deep_snapshot_are_found_in_linear_time() {
    // 27,000 levels a side without a string in sight. Were each look-up to start anew, this would take minutes.
    let side: Vec<String> = (0..27_000).map(|level| format!("[{level}.10,{level}]")).collect();
    let frame = format!("[[{0}],[{0}]]", side.join(","));
    let mut parser = Parser::new();
    let document = parser.parse(frame.as_bytes()).expect("a sound snapshot");
    for side in document.root().array().expect("two sides") {
        for (place, pair) in side.pairs().expect("levels").enumerate() {
            let expected = (place as i64 * 100 + 10, place as u64);
            assert_eq!(level(pair.expect("a pair"), 2, 0), Ok(expected));
        }
    }
}

#[test]
fn hostile_frames_are_typed_errors_and_the_next_frame_is_sound() {
    // A table of frames by what is wrong with them; after each, the same parser reads a good frame.
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let (deep_33, deep_10_000, open) = (deep(33), deep(10_000), "[".repeat(10_000));
    let objects = "{\"a\":".repeat(40);
    let table: Vec<(&[u8], JsonError)> = vec![
        (b"", JsonError::Empty),
        (b" \r\n\t ", JsonError::Empty),
        (b"{\"a\":1}{\"a\":2}", JsonError::Syntax { offset: 6 }),
        (b"1 2", JsonError::Syntax { offset: 0 }),
        (b"{\"a\":1,}", JsonError::Syntax { offset: 7 }),
        (b"[1,]", JsonError::Syntax { offset: 3 }),
        (b"{\"a\" 1}", JsonError::Syntax { offset: 5 }),
        (b"{\"a\":tru}", JsonError::Syntax { offset: 5 }),
        (b"{\"a\":007}", JsonError::Syntax { offset: 6 }),
        (b"{\"a\":NaN}", JsonError::Syntax { offset: 5 }),
        (b"{\"a\":1", JsonError::Syntax { offset: 5 }),
        (b"{\"a\":1]", JsonError::Syntax { offset: 6 }),
        (b"{\"a\":\"b", JsonError::BrokenString),
        (b"\"a\0b\"", JsonError::BrokenString),
        (b"[\"a\nb\"]", JsonError::BrokenString),
        (br#"["\ud800"]"#, JsonError::BrokenEscape),
        (br#"["\udc00"]"#, JsonError::BrokenEscape),
        (br#"["\x41"]"#, JsonError::BrokenEscape),
        (br#"["\u12g4"]"#, JsonError::BrokenEscape),
        (b"[\"\xff\xfe\"]", JsonError::NotUtf8),
        (deep_33.as_bytes(), JsonError::TooDeep { offset: 32 }),
        (deep_10_000.as_bytes(), JsonError::TooDeep { offset: 32 }),
        (open.as_bytes(), JsonError::TooDeep { offset: 32 }),
        (objects.as_bytes(), JsonError::TooDeep { offset: 160 }),
    ];
    let mut parser = Parser::new();
    for (frame, expected) in table {
        let shown = String::from_utf8_lossy(&frame[..frame.len().min(40)]).into_owned();
        assert_eq!(parser.parse(frame).err(), Some(expected), "{shown}");
        let document = parser.parse(br#"{"u":7}"#).expect("a sound frame");
        assert_eq!(document.root().object().and_then(|mut fields| fields.next()?.1.as_u64()), Some(7));
    }
    assert!(parser.parse(b"[1\0]").is_err() && parser.parse(b"\0").is_err());
    assert!(parser.parse(deep(32).as_bytes()).is_ok(), "the deepest allowed");
}

#[test]
fn a_frame_cut_anywhere_is_refused() {
    // Each proper beginning of a message.
    let frame = r#"{"e":"depthUpdate","u":7,"b":[["61837.63","0.1"],[1.5,true]],"x":"é\n"}"#.as_bytes();
    let mut parser = Parser::new();
    assert!(parser.parse(frame).is_ok());
    for cut in 0..frame.len() {
        assert!(parser.parse(&frame[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn limits_are_reached_and_not_exceeded() {
    // Length and number of marks: the greatest allowed, and one more. A string of 10 MiB is one value.
    let mut parser = Parser::new();
    let long = format!("\"{}\"", "x".repeat(10 << 20));
    assert_eq!(
        parser.parse(long.as_bytes()).expect("a long string").root().as_str().map(str::len),
        Some(10 << 20)
    );
    let mut frame = vec![b' '; FRAME_BYTES_MAX];
    frame[FRAME_BYTES_MAX - 1] = b'1';
    assert_eq!(parser.parse(&frame).expect("as long as allowed").root().as_u64(), Some(1));
    frame.push(b' ');
    assert_eq!(parser.parse(&frame).err(), Some(JsonError::TooLong));

    // `[[],1,1,...]` has four marks and two for each number; a space more makes the frame longer than the limit.
    let numbers = ",1".repeat((MARKS_MAX - 4) / 2);
    assert!(parser.parse(format!(" [[]{numbers}]").as_bytes()).is_ok());
    assert_eq!(
        parser.parse(format!(" [[],{}1]", "1,".repeat(MARKS_MAX / 2)).as_bytes()).err(),
        Some(JsonError::TooMany)
    );
    assert_eq!(
        parser.parse(format!("[[],[]{}]", ",1".repeat((MARKS_MAX - 6) / 2)).as_bytes()).err(),
        Some(JsonError::TooMany)
    );
}

#[test]
fn a_book_at_every_limit_is_one_frame() {
    // 32,768 levels a side, each an object of four texts with a stamp in it, as wordy as any venue writes them; and twelve
    // million structural characters within one string.
    let level = |price: usize| {
        format!(
            r#"{{"side":"offer","event_time":"2026-08-09T21:05:48.170326Z","price_level":"{price}.01","new_quantity":"0.20371215"}}"#
        )
    };
    let levels: Vec<_> = (0..2 * 32_768).map(level).collect();
    let frame = format!("[{}]", levels.join(","));
    let mut parser = Parser::new();
    let document = parser.parse(frame.as_bytes()).expect("levels within the limit");
    assert_eq!(document.root().array().map(Iterator::count), Some(2 * 32_768));
    drop(document);
    assert_eq!(marks_in(frame.as_bytes()), 2 * 32_768 * 18 + 1);
    // Closing quotes and the stamp's colons count too: still cheap enough to know.
    assert_eq!(marks_at_most(frame.as_bytes()), 2 * 32_768 * (18 + 8 + 2 * 2) + 1);

    let text = format!("\"{}\"", ",:{}[]".repeat(2 << 20));
    assert!(parser.parse(text.as_bytes()).is_ok());
    assert_eq!(marks_in(text.as_bytes()), 1);
}
