//! Fields of an object by their names, whatever their order.

use touchline_json::Value;
use touchline_market::Nanos;

use crate::ParseError;
use crate::stamp::rfc3339;

/// A field that may be missing, with the venue's key for it.
#[derive(Clone, Copy)]
pub(super) struct Field<'d> {
    pub(super) name: &'static str,
    pub(super) value: Option<Value<'d>>,
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

    /// Its stamp; it must be there.
    pub(super) fn stamp(self) -> Result<Nanos, ParseError> {
        rfc3339(self.text()?).ok_or(ParseError::WrongType(self.name))
    }
}

/// The fields of these names; others are passed over.
///
/// # Errors
/// [`ParseError::Shape`] if it is no object; [`ParseError::Duplicate`]: which of two holds nobody can say.
#[inline(always)]
pub(super) fn pick<'d, const N: usize>(
    object: Value<'d>,
    names: [&'static str; N],
) -> Result<[Field<'d>; N], ParseError> {
    let mut fields = names.map(|name| Field { name, value: None });
    for (key, value) in object.object().ok_or(ParseError::Shape)? {
        for field in &mut fields {
            if field.name == key && field.value.replace(value).is_some() {
                return Err(ParseError::Duplicate(field.name));
            }
        }
    }
    Ok(fields)
}
