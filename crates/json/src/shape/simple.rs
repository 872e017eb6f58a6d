//! The same fields read by the general parser: the twin that every way of reading by shape is held to.

use super::{COUNTS, NUMBERS, Names, Part, Scales};
use crate::{Parser, decimal, document};

/// What a message says in the named fields.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Simple {
    /// Whole numbers by their place.
    pub counts: [u64; COUNTS],
    /// Mantissas by their place.
    pub numbers: [u64; NUMBERS],
    /// What the flag says; true where there is none.
    pub flag: bool,
    /// Price and quantity of each level.
    pub levels: Vec<[u64; 2]>,
    /// How many of them are the first array's.
    pub first: usize,
}

/// Reads the fields of a message; `None` if it is no message, or one of them is not what it should be.
pub fn read(parser: &mut Parser, message: &[u8], names: Names<'_>, scales: Scales) -> Option<Simple> {
    let document = parser.parse(message).ok()?;
    let mut object = document.root();
    if let Some(inside) = names.inside {
        object = object.object()?.find(|(key, _)| *key == inside)?.1;
    }
    let mut read =
        Simple { counts: [0; COUNTS], numbers: [0; NUMBERS], flag: true, levels: Vec::new(), first: 0 };
    for &(name, part) in names.fields {
        let value = object.object()?.find(|(key, _)| *key == name)?.1;
        match part {
            Part::Count(slot) => *read.counts.get_mut(slot)? = value.as_u64()?,
            Part::Digits => drop(value.as_u64()?),
            Part::Number(slot, unit) => {
                let text = value.as_str()?.as_bytes();
                *read.numbers.get_mut(slot)? = decimal::quantity(text, scales.of(unit)).ok()?;
            }
            Part::Flag => read.flag = value.as_bool()?,
            Part::Levels(number) => {
                for element in value.array()? {
                    let (price, qty) = document::level(element.pair()?, scales.price, scales.qty).ok()?;
                    read.levels.push([u64::try_from(price).ok().filter(|&price| price > 0)?, qty]);
                }
                if number == 0 {
                    read.first = read.levels.len();
                }
            }
        }
    }
    Some(read)
}
