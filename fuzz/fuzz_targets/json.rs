//! Any bytes: parsed or refused, never a panic; what is accepted can be walked, and both decimal parsers agree on
//! every text found in it and on the frame itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchline_json::decimal::{self, DecimalError, simple};
use touchline_json::{Parser, Plain, Value};

fn decimals(text: &[u8]) {
    for scale in [0, 2, 8, 18] {
        assert_eq!(decimal::price(text, scale), simple::price(text, scale));
        assert_eq!(decimal::quantity(text, scale), simple::quantity(text, scale));
    }
    if let Ok(scale) = decimal::scale_of(text) {
        match decimal::price(text, scale) {
            Ok(mantissa) => {
                let again = Plain::price(mantissa, scale).to_string();
                assert_eq!(decimal::price(again.as_bytes(), scale), Ok(mantissa));
            }
            Err(error) => assert_eq!(error, DecimalError::OutOfRange),
        }
    }
}

fn walk(value: Value<'_>) {
    value.text().into_iter().for_each(decimals);
    value.array().into_iter().flatten().for_each(walk);
    value.object().into_iter().flatten().for_each(|(_, value)| walk(value));
    for (pair, element) in value.pairs().into_iter().flatten().zip(value.array().into_iter().flatten()) {
        assert_eq!(pair.is_some(), element.array().is_some_and(|elements| elements.len() == 2));
    }
}

fuzz_target!(|frame: &[u8]| {
    decimals(frame);
    let mut parser = Parser::new();
    for _ in 0..2 {
        if let Ok(document) = parser.parse(frame) {
            walk(document.root());
        }
    }
});
