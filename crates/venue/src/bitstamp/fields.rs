//! Fields of an object by their names, whatever their order.

use touchline_json::{DecimalError, Value};

use crate::ParseError;

/// A field that may be missing, with the venue's key for it.
#[derive(Clone, Copy)]
pub(super) struct Field<'d> {
    pub(super) name: &'static str,
    value: Option<Value<'d>>,
}

impl<'d> Field<'d> {
    /// Its value; it must be there.
    #[inline(always)]
    pub(super) fn need(self) -> Result<Value<'d>, ParseError> {
        self.value.ok_or(ParseError::Missing(self.name))
    }

    /// Its text; it must be there.
    #[inline(always)]
    pub(super) fn text(self) -> Result<&'d str, ParseError> {
        self.need()?.as_str().ok_or(ParseError::WrongType(self.name))
    }

    /// Its whole number; it must be there.
    pub(super) fn count(self) -> Result<u64, ParseError> {
        self.need()?.as_u64().ok_or(ParseError::WrongType(self.name))
    }

    /// Its microseconds since 1970, sent as text; they must be there. None is 0: as a sequence that would join any
    /// snapshot.
    pub(super) fn micros(self) -> Result<u64, ParseError> {
        match self.need()?.quantity(0) {
            Ok(0) => Err(ParseError::Number(self.name, DecimalError::OutOfRange)),
            Ok(micros) => Ok(micros),
            Err(error) => Err(ParseError::Number(self.name, error)),
        }
    }
}

/// The fields of these names; others are passed over. `what` is what the object is called where it stands.
#[inline(always)]
pub(super) fn pick<'d, const N: usize>(
    object: Value<'d>,
    what: ParseError,
    names: [&'static str; N],
) -> Result<[Field<'d>; N], ParseError> {
    let mut fields = names.map(|name| Field { name, value: None });
    for (key, value) in object.object().ok_or(what)? {
        for field in &mut fields {
            if field.name == key && field.value.replace(value).is_some() {
                return Err(ParseError::Duplicate(field.name));
            }
        }
    }
    Ok(fields)
}
