//! One message written in many ways that all mean the same: what a venue may change without notice.

/// A value as the venue means it.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Count(u64),
    Bool(bool),
    Decimal(Number),
    Levels(Vec<(Number, Number)>),
    Object(Vec<(String, Value)>),
}

/// `mantissa × 10^-scale`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    pub(crate) mantissa: u64,
    pub(crate) scale: u8,
}

/// A small random generator (SplitMix64), so that a case is replayed from its seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        (self.next() % sides as u64) as usize
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

/// The message as the venue writes it: in order, tight, decimals in strings.
pub(crate) fn plainly(value: &Value) -> String {
    let list = |parts: Vec<String>| parts.join(",");
    match value {
        Value::Text(text) => format!("{text:?}"),
        Value::Count(count) => count.to_string(),
        Value::Bool(fact) => fact.to_string(),
        Value::Decimal(number) => format!("{:?}", plain(*number)),
        Value::Levels(levels) => {
            let level = |(price, qty): &(Number, Number)| format!("[{:?},{:?}]", plain(*price), plain(*qty));
            format!("[{}]", list(levels.iter().map(level).collect()))
        }
        Value::Object(fields) => {
            let field = |(key, value): &(String, Value)| format!("{key:?}:{}", plainly(value));
            format!("{{{}}}", list(fields.iter().map(field).collect()))
        }
    }
}

/// The same message in another way: keys shuffled, white space, unknown fields, escapes, numbers in other forms.
pub(crate) fn somehow(value: &Value, dice: &mut Dice) -> String {
    match value {
        Value::Text(text) => quoted(text, dice),
        Value::Count(count) => count.to_string(),
        Value::Bool(fact) => fact.to_string(),
        Value::Decimal(number) => decimal(*number, dice),
        Value::Levels(levels) => {
            let level = |(price, qty): &(Number, Number), dice: &mut Dice| {
                let parts = [decimal(*price, dice), decimal(*qty, dice)];
                spaced('[', parts.into_iter(), ']', dice)
            };
            let levels: Vec<_> = levels.iter().map(|at| level(at, dice)).collect();
            spaced('[', levels.into_iter(), ']', dice)
        }
        Value::Object(fields) => {
            let mut written: Vec<_> =
                fields.iter().map(|(key, value)| field(key, &somehow(value, dice), dice)).collect();
            for _ in 0..dice.roll(4) {
                let unknown = field(UNKNOWN_KEYS[dice.roll(UNKNOWN_KEYS.len())], &anything(dice, 0), dice);
                written.push(unknown);
            }
            for at in (1..written.len()).rev() {
                let other = dice.roll(at + 1);
                written.swap(at, other);
            }
            spaced('{', written.into_iter(), '}', dice)
        }
    }
}

/// Keys that no message of the venue reads; some begin like one that is.
const UNKNOWN_KEYS: &[&str] =
    &["", "zz", "ee", "uu", "U ", "lastUpdate", "streams", "dat", "Б", "k", "ps", "W", "\u{1f600}"];

fn field(key: &str, value: &str, dice: &mut Dice) -> String {
    format!("{}{}:{}{value}", quoted(key, dice), space(dice), space(dice))
}

fn spaced(open: char, parts: impl Iterator<Item = String>, close: char, dice: &mut Dice) -> String {
    let mut text = String::from(open);
    for (i, part) in parts.enumerate() {
        text.push_str(if i == 0 { "" } else { "," });
        text += &format!("{}{part}{}", space(dice), space(dice));
    }
    text.push(close);
    text
}

fn space(dice: &mut Dice) -> &'static str {
    ["", "", "", "", " ", "\n", "\t", "\r\n  "][dice.roll(8)]
}

/// Text with some of its characters escaped.
fn quoted(text: &str, dice: &mut Dice) -> String {
    let mut quoted = String::from('"');
    let escaping = dice.one_in(4);
    for character in text.chars() {
        if escaping && dice.one_in(2) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let upper = dice.one_in(2);
                quoted += &if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
            }
        } else {
            quoted.push(character);
        }
    }
    quoted.push('"');
    quoted
}

/// Any value at all, nested a few times, with keys inside that would matter outside.
fn anything(dice: &mut Dice, depth: usize) -> String {
    match dice.roll(if depth < 4 { 9 } else { 6 }) {
        0 => "null".to_owned(),
        1 => "false".to_owned(),
        2 => dice.next().to_string(),
        3 => "-1.5e-7".to_owned(),
        4 => quoted("a \"} ] text", &mut Dice(1)).replace("\"}", "\\\"}"),
        5 => "{}".to_owned(),
        6 => {
            let parts: Vec<_> = (0..dice.roll(3)).map(|_| anything(dice, depth + 1)).collect();
            spaced('[', parts.into_iter(), ']', dice)
        }
        _ => {
            let inner = ["e", "s", "b", "u", "stream", "data"];
            let parts: Vec<_> =
                (0..dice.roll(3)).map(|i| field(inner[i], &anything(dice, depth + 1), dice)).collect();
            spaced('{', parts.into_iter(), '}', dice)
        }
    }
}

/// All digits, the point where the scale says.
fn plain(Number { mantissa, scale }: Number) -> String {
    let unit = 10u64.pow(u32::from(scale));
    match scale {
        0 => mantissa.to_string(),
        scale => format!("{}.{:0width$}", mantissa / unit, mantissa % unit, width = usize::from(scale)),
    }
}

/// The same number in any of its forms, in a string or bare.
fn decimal(number: Number, dice: &mut Dice) -> String {
    let Number { mantissa, scale } = number;
    let e = if dice.one_in(2) { 'e' } else { 'E' };
    let text = match dice.roll(7) {
        0 => format!("{mantissa}{e}-{scale}"),
        1 => format!("{mantissa}0{e}-{}", scale + 1),
        2 => format!("{}{e}+00", plain(number)),
        3 => {
            // One digit before the point.
            let digits = mantissa.to_string();
            let (first, rest) = digits.split_at(1);
            let rest = if rest.is_empty() { "0" } else { rest };
            format!("{first}.{rest}{e}{}", digits.len() as i32 - 1 - i32::from(scale))
        }
        4 if scale > 0 => format!("{}000", plain(number)),
        _ => plain(number),
    };
    if dice.one_in(3) { text } else { format!("\"{text}\"") }
}
