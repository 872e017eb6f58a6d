//! Table, exhaustive and random tests of both versions; the random ones against arithmetic on big integers.

use num_bigint::BigInt;
use proptest::prelude::*;

use super::DecimalError::{Malformed, Negative, OutOfRange, TooPrecise};
use super::*;

/// Both versions must agree on everything; returns what they say.
fn both(text: &[u8], scale: u8) -> (Result<i64, DecimalError>, Result<u64, DecimalError>) {
    let (as_price, as_quantity) = (price(text, scale), quantity(text, scale));
    let shown = String::from_utf8_lossy(text);
    assert_eq!(as_price, simple::price(text, scale), "price of {shown:?} at scale {scale}");
    assert_eq!(as_quantity, simple::quantity(text, scale), "quantity of {shown:?} at scale {scale}");
    let beside_price = as_price.map(|price| (price, 1_500));
    assert_eq!(
        level(text, scale, b"1.5", 3),
        beside_price,
        "level with the price {shown:?} at scale {scale}"
    );
    let beside_quantity = as_quantity.map(|quantity| (6_183_763, quantity));
    assert_eq!(level(b"61837.63", 2, text, scale), beside_quantity, "level with {shown:?} at scale {scale}");
    (as_price, as_quantity)
}

fn agree(text: &[u8], scale: u8) {
    let _ = both(text, scale);
}

#[test]
fn price_is_exact_at_the_scale_or_names_the_fault() {
    // A table of texts as venues send them, and of the faults a venue may commit.
    let table: [(&str, u8, Result<i64, DecimalError>); 40] = [
        ("61837.63", 2, Ok(6_183_763)),
        ("61837.63000000", 2, Ok(6_183_763)),
        ("61837.63", 8, Ok(6_183_763_000_000)),
        ("61837.6", 2, Ok(6_183_760)),
        ("2.507", 3, Ok(2_507)),
        ("0.00000000", 0, Ok(0)),
        ("0.00000001", 8, Ok(1)),
        ("15328", 0, Ok(15_328)),
        ("15328", 3, Ok(15_328_000)),
        ("0", 18, Ok(0)),
        ("7", 18, Ok(7_000_000_000_000_000_000)),
        ("1234567.12345678", 8, Ok(123_456_712_345_678)),
        ("123456789.123456789", 9, Ok(123_456_789_123_456_789)),
        ("-61837.63", 2, Ok(-6_183_763)),
        ("2e-8", 8, Ok(2)),
        ("1.16539E8", 0, Ok(116_539_000)),
        ("7.548E+4", 1, Ok(754_800)),
        ("1.50e-1", 2, Ok(15)),
        ("100e-2", 0, Ok(1)),
        ("0e99999999999999999999", 0, Ok(0)),
        ("9223372036854775807", 0, Ok(i64::MAX)),
        ("-9223372036854775808", 0, Ok(i64::MIN)),
        ("9223372036854775808", 0, Err(OutOfRange)),
        ("-9223372036854775809", 0, Err(OutOfRange)),
        ("10", 18, Err(OutOfRange)),
        ("1e19", 0, Err(OutOfRange)),
        ("1e99999999999999999999", 0, Err(OutOfRange)),
        ("1", 19, Err(OutOfRange)),
        ("0.1", 19, Err(OutOfRange)),
        ("61837.635", 2, Err(TooPrecise { needed: 3 })),
        ("0.1234567890", 8, Err(TooPrecise { needed: 9 })),
        ("1.5", 0, Err(TooPrecise { needed: 1 })),
        ("1e-7", 6, Err(TooPrecise { needed: 7 })),
        ("1e-99999999999999999999", 18, Err(TooPrecise { needed: 255 })),
        ("-0", 0, Err(Malformed)),
        ("-0.0", 2, Err(Malformed)),
        ("-0e5", 2, Err(Malformed)),
        ("007", 0, Err(Malformed)),
        ("00.5", 1, Err(Malformed)),
        ("-01", 1, Err(Malformed)),
    ];
    for (text, scale, expected) in table {
        assert_eq!(both(text.as_bytes(), scale).0, expected, "{text:?} at scale {scale}");
    }
}

#[test]
fn everything_outside_the_grammar_is_malformed() {
    // A list of near misses, each at several scales, as a price and as a quantity.
    let list = [
        "",
        "-",
        "+",
        ".",
        "e",
        "+1",
        "+1.5",
        ".5",
        "-.5",
        "1.",
        "1.e5",
        "-1.",
        "1e",
        "1e+",
        "1E-",
        "1.5.2",
        "1..2",
        "1 2",
        " 1",
        "1 ",
        "1,5",
        "1_000",
        "0x10",
        "0b1",
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "inf",
        "1e5.5",
        "--1",
        "1-",
        "1-2",
        "1\0",
        "\u{661}",
        "12345678.",
        "1234567a",
        "a2345678",
        "1234.567\0",
        "61837.63 ",
        "0.0000000x",
        "1e5e5",
        "61837.6300000x",
        "1234567.1234567.",
        "\"1\"",
    ];
    for text in list {
        for scale in [0, 2, 8, 18] {
            assert_eq!(both(text.as_bytes(), scale), (Err(Malformed), Err(Malformed)), "{text:?}");
        }
        assert_eq!(scale_of(text.as_bytes()), Err(Malformed), "{text:?}");
    }
}

#[test]
fn quantity_is_never_negative_and_reaches_64_bits() {
    // The cases in which a quantity differs from a price.
    assert_eq!(both(b"-1", 0).1, Err(Negative));
    assert_eq!(both(b"-0.5", 0).1, Err(Negative));
    assert_eq!(both(b"-0", 0).1, Err(Malformed));
    assert_eq!(both(b"18446744073709551615", 0).1, Ok(u64::MAX));
    assert_eq!(both(b"1844674407370955161.5", 1).1, Ok(u64::MAX));
    assert_eq!(both(b"18446744073709551616", 0).1, Err(OutOfRange));
    assert_eq!(both(b"18446744073709.551616", 6).1, Err(OutOfRange));
    assert_eq!(integer(b"1e3"), Ok(1_000));
    assert_eq!(integer(b"1.5"), Err(TooPrecise { needed: 1 }));
}

#[test]
fn scale_is_the_smallest_that_holds_the_value() {
    // A table; zeros at the end and exponents both count.
    let table = [
        ("1", 0),
        ("1.0", 0),
        ("1.250", 2),
        ("0.00000001", 8),
        ("100e-2", 0),
        ("1.5e-3", 4),
        ("0.0", 0),
        ("1e400", 0),
    ];
    for (text, scale) in table {
        assert_eq!(scale_of(text.as_bytes()), Ok(scale), "{text}");
    }
    assert_eq!(scale_of(b"1e-18"), Ok(18));
    assert_eq!(scale_of(b"1e-19"), Err(TooPrecise { needed: 19 }));
}

#[test]
fn four_hundred_digits_are_judged_by_value() {
    // Long texts of each outcome: nothing overflows and nothing is cut.
    let zeros = "0".repeat(400);
    assert_eq!(both(format!("1.{zeros}").as_bytes(), 2).0, Ok(100));
    assert_eq!(both(format!("1.{zeros}1").as_bytes(), 2).0, Err(TooPrecise { needed: 255 }));
    assert_eq!(both(format!("1{zeros}").as_bytes(), 0).0, Err(OutOfRange));
    assert_eq!(both(format!("1{zeros}e-400").as_bytes(), 0).0, Ok(1));
    assert_eq!(both(format!("0.{zeros}12e402").as_bytes(), 0).0, Ok(12));
    assert_eq!(both("9".repeat(400).as_bytes(), 0).0, Err(OutOfRange));
    assert_eq!(both(format!("0{zeros}").as_bytes(), 0).0, Err(Malformed));
}

#[test]
fn fast_equals_simple_for_all_texts_of_six_characters_with_a_point() {
    // Every five-digit text, leading zeros included, with the point at every place, at nine scales; and the same
    // behind a fixed head and before a fixed tail, so that the digits meet both ends of the words.
    let numbers = if cfg!(miri) { 20 } else { 100_000 };
    for number in 0..numbers {
        let digits = format!("{number:05}");
        for point in 0..=5 {
            let text = format!("{}.{}", &digits[..point], &digits[point..]);
            for scale in 0..9 {
                agree(text.as_bytes(), scale);
            }
        }
        agree(digits.as_bytes(), 4);
        agree(format!("{}.{digits}000", number % 97).as_bytes(), 5);
        agree(format!("61{digits}.{digits}").as_bytes(), 5);
        agree(format!("{digits}.{digits}00000").as_bytes(), 8);
    }
}

#[test]
fn fast_equals_simple_for_all_short_texts_of_the_hostile_alphabet() {
    // Every text of up to four characters that occur in numbers, and some that do not.
    const ALPHABET: &[u8; 16] = b"0123459.+-eE ,\0\xff";
    let longest = if cfg!(miri) { 2 } else { 4 };
    for length in 0..=longest {
        for code in 0..1usize << (4 * length) {
            let text: Vec<u8> = (0..length).map(|place| ALPHABET[code >> (4 * place) & 15]).collect();
            for scale in [0, 1, 3] {
                agree(&text, scale);
            }
        }
    }
}

/// The value by its definition, on integers of any size.
fn reference(text: &str, scale: u8) -> Result<BigInt, DecimalError> {
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (number, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, "0"), |(n, e)| (n, e));
    let (whole, decimals) = number.split_once('.').map_or((number, None), |(w, d)| (w, Some(d)));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let sound = all_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && decimals.is_none_or(all_digits)
        && all_digits(exponent_digits);
    let decimals = decimals.unwrap_or_default();
    let mut significand: BigInt = format!("{whole}{decimals}").parse().map_err(|_| Malformed)?;
    let zero = significand == BigInt::ZERO;
    if !sound || (zero && negative) {
        return Err(Malformed);
    }
    if zero {
        return Ok(significand);
    }
    let mut power: i64 = exponent.parse::<i64>().map_err(|_| Malformed)? - decimals.len() as i64;
    while (&significand % 10u8) == BigInt::ZERO {
        significand /= 10u8;
        power += 1;
    }
    if power < -i64::from(scale) {
        return Err(TooPrecise { needed: u8::try_from(-power).unwrap_or(u8::MAX) });
    }
    let mantissa = significand * BigInt::from(10u8).pow((power + i64::from(scale)) as u32);
    Ok(if negative { -mantissa } else { mantissa })
}

/// Compares both versions, as price and as quantity, with the reference.
fn compare(text: &str, scale: u8) {
    let (as_price, as_quantity) = both(text.as_bytes(), scale);
    let expected = reference(text, scale);
    let expected_price = expected.clone().and_then(|value| i64::try_from(value).map_err(|_| OutOfRange));
    assert_eq!(as_price, expected_price, "{text:?} at scale {scale}");
    let negative = text.starts_with('-') && expected != Err(Malformed);
    let expected_quantity = if negative {
        Err(Negative)
    } else {
        expected.and_then(|value| u64::try_from(value).map_err(|_| OutOfRange))
    };
    assert_eq!(as_quantity, expected_quantity, "{text:?} at scale {scale}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 20 } else { 60_000 }))]

    #[test]
    fn numbers_of_the_grammar_equal_big_integer_arithmetic(
        text in "-?(0|[1-9][0-9]{0,9}|[1-9][0-9]{0,20})(\\.[0-9]{1,10}|\\.[0-9]{0,20}0{0,9})?([eE][+-]?[0-9]{1,2})?",
        scale in 0..=SCALE_MAX,
    ) {
        // Random numbers, now and then with a bare point or too many digits.
        compare(&text, scale);
    }

    #[test]
    fn common_shapes_equal_big_integer_arithmetic(
        text in "[1-9][0-9]{0,6}\\.[0-9]{1,8}|0\\.[0-9]{1,8}|[0-9]{1,8}|[0-9]{1,4}\\.[0-9]{0,3}0{1,5}",
        scale in 0u8..12,
    ) {
        // The shapes that the fast path is made for.
        compare(&text, scale);
    }

    #[test]
    fn hostile_texts_equal_big_integer_arithmetic(text in "[0-9.+\\-eE ]{0,17}", scale in 0..=SCALE_MAX) {
        // Random characters of the kind found in numbers. Exponents are cut to what the reference can hold.
        let end = text.find(['e', 'E']).map_or(text.len(), |place| text.len().min(place + 5));
        compare(&text[..end], scale);
    }

    #[test]
    fn any_bytes_are_judged_alike(text in proptest::collection::vec(any::<u8>(), 0..24), scale: u8) {
        // Bytes that are not even text, at any scale.
        agree(&text, scale);
    }
}
