//! The walk: cursors on the tape and iterators over it.

use std::num::NonZeroU32;

use simd_json::{Node, StaticNode};

use super::Document;
use crate::decimal::{self, DecimalError};

/// A value of the message: a small cursor that is copied freely.
///
/// Every accessor answers `None` (or `WrongType`) where the value is of another kind.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    /// The tape from this value to its end: a suffix, so that its length is the value's place.
    nodes: &'d [Node<'d>],
    document: &'d Document<'d>,
}

impl<'d> Value<'d> {
    #[inline(always)]
    pub(super) fn new(document: &'d Document<'d>, nodes: &'d [Node<'d>]) -> Self {
        Self { nodes, document }
    }

    /// Where the value stands: four bytes to keep instead of the cursor; see [`Document::at`]. `None` for the root.
    #[inline(always)]
    pub fn place(self) -> Option<Place> {
        // A frame of 16 MiB has fewer nodes than that.
        NonZeroU32::new((self.document.tape.0.len() - self.nodes.len()) as u32).map(Place)
    }

    /// The text of a string, unescaped.
    #[inline(always)]
    pub fn as_str(self) -> Option<&'d str> {
        match self.nodes.first() {
            Some(Node::String(text)) => Some(text),
            _ => None,
        }
    }

    /// A bare integer without sign, fraction or exponent, up to 64 bits.
    #[inline(always)]
    pub fn as_u64(self) -> Option<u64> {
        match self.nodes.first() {
            Some(Node::Static(StaticNode::U64(number))) => Some(*number),
            _ => None,
        }
    }

    /// `true` or `false`.
    #[inline(always)]
    pub fn as_bool(self) -> Option<bool> {
        match self.nodes.first() {
            Some(Node::Static(StaticNode::Bool(fact))) => Some(*fact),
            _ => None,
        }
    }

    /// Whether the value is `null`.
    #[inline(always)]
    pub fn is_null(self) -> bool {
        matches!(self.nodes.first(), Some(Node::Static(StaticNode::Null)))
    }

    /// The fields of an object, in the order they were sent, repeated keys included.
    #[inline(always)]
    pub fn object(self) -> Option<Fields<'d>> {
        match self.nodes.split_first() {
            Some((Node::Object { len, .. }, rest)) => {
                Some(Fields { left: *len, rest, document: self.document })
            }
            _ => None,
        }
    }

    /// The elements of an array.
    #[inline(always)]
    pub fn array(self) -> Option<Elements<'d>> {
        match self.nodes.split_first() {
            Some((Node::Array { len, .. }, rest)) => {
                Some(Elements { left: *len, rest, document: self.document })
            }
            _ => None,
        }
    }

    /// Both elements of an array of exactly two: a price level as most venues send it, in one step.
    #[inline(always)]
    pub fn pair(self) -> Option<(Value<'d>, Value<'d>)> {
        match self.nodes {
            [Node::Array { len: 2, .. }, rest @ ..] => {
                let first = Value::new(self.document, rest);
                Some((first, Value::new(self.document, rest.get(span(rest)..)?)))
            }
            _ => None,
        }
    }

    /// The elements of an array whose elements are themselves arrays of exactly two: a whole side of a book. Faster
    /// than [`Value::array`] and [`Value::pair`], which give the same.
    #[inline(always)]
    pub fn pairs(self) -> Option<Pairs<'d>> {
        self.array().map(|elements| Pairs { elements })
    }

    /// The digits exactly as sent: a string's content, or the token of a bare number with its trailing zeros and its
    /// exponent.
    ///
    /// A string costs nothing. A bare number is looked for in the frame; reading a message forward, from its first
    /// value to its last, is linear in its length, each jump backward may be linear in itself.
    #[inline(always)]
    pub fn text(self) -> Option<&'d [u8]> {
        match self.nodes.first()? {
            Node::String(text) => Some(text.as_bytes()),
            _ => number_text(self.nodes, self.document),
        }
    }

    /// Mantissa of a price sent as a string or as a bare number; see [`decimal::price`].
    ///
    /// # Errors
    /// Those of [`decimal::price`], and `WrongType`.
    #[inline(always)]
    pub fn price(self, scale: u8) -> Result<i64, DecimalError> {
        match self.text() {
            Some(text) => decimal::price(text, scale),
            None => Err(DecimalError::WrongType),
        }
    }

    /// Mantissa of a quantity sent as a string or as a bare number; see [`decimal::quantity`].
    ///
    /// # Errors
    /// Those of [`decimal::quantity`], and `WrongType`.
    #[inline(always)]
    pub fn quantity(self, scale: u8) -> Result<u64, DecimalError> {
        match self.text() {
            Some(text) => decimal::quantity(text, scale),
            None => Err(DecimalError::WrongType),
        }
    }
}

/// The token of a bare number; `None` for any other kind. The cursor comes in its parts, to stay in registers.
#[inline(never)]
fn number_text<'d>(nodes: &'d [Node<'d>], document: &'d Document<'d>) -> Option<&'d [u8]> {
    match nodes.first()? {
        Node::Static(StaticNode::U64(_) | StaticNode::I64(_) | StaticNode::F64(_)) => {
            document.token(document.tape.0.len() - nodes.len())
        }
        _ => None,
    }
}

/// A price and its quantity, each sent as a string or as a bare number; see [`decimal::level`]. Leave the loop over a
/// side at the first error: the common result then never waits in memory to be told from an error.
///
/// # Errors
/// Those of [`Value::price`], then those of [`Value::quantity`].
#[inline(always)]
pub fn level(
    (price, quantity): (Value<'_>, Value<'_>),
    price_scale: u8,
    quantity_scale: u8,
) -> Result<(i64, u64), DecimalError> {
    let (Some(price), Some(quantity)) = (price.text(), quantity.text()) else {
        return Err(DecimalError::WrongType);
    };
    decimal::level(price, price_scale, quantity, quantity_scale)
}

/// Where a value stands in its document. Means nothing in another one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place(NonZeroU32);

impl Place {
    /// The value's index on the tape, where the root has 0.
    #[inline(always)]
    pub(super) fn index(self) -> usize {
        self.0.get() as usize
    }
}

/// The nodes that the first value of `nodes` takes on the tape.
#[inline(always)]
fn span(nodes: &[Node<'_>]) -> usize {
    match nodes.first() {
        Some(Node::Object { count, .. } | Node::Array { count, .. }) => count + 1,
        _ => 1,
    }
}

/// The elements of an array; knows how many are left.
#[derive(Clone)]
pub struct Elements<'d> {
    left: usize,
    rest: &'d [Node<'d>],
    document: &'d Document<'d>,
}

impl<'d> Iterator for Elements<'d> {
    type Item = Value<'d>;

    #[inline(always)]
    fn next(&mut self) -> Option<Value<'d>> {
        self.left = self.left.checked_sub(1)?;
        let value = Value::new(self.document, self.rest);
        self.rest = self.rest.get(span(self.rest)..).unwrap_or_default();
        Some(value)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Elements<'_> {}

/// The elements of an array, each as a pair; knows how many are left.
#[derive(Clone)]
pub struct Pairs<'d> {
    elements: Elements<'d>,
}

impl<'d> Pairs<'d> {
    /// The next pair, if both its elements are strings, as their texts: the common case in one comparison of shape.
    /// `None` leaves the pair for [`next`](Iterator::next), and also stands for the end.
    #[inline(always)]
    pub fn next_texts(&mut self) -> Option<(&'d [u8], &'d [u8])> {
        let Elements { left, rest, .. } = &mut self.elements;
        let [Node::Array { len: 2, count: 2 }, Node::String(first), Node::String(second), next @ ..] = *rest
        else {
            return None;
        };
        *left = left.checked_sub(1)?;
        *rest = next;
        Some((first.as_bytes(), second.as_bytes()))
    }
}

impl<'d> Iterator for Pairs<'d> {
    /// `None` inside stands for an element that is not an array of exactly two.
    type Item = Option<(Value<'d>, Value<'d>)>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let Elements { left, rest, document } = &mut self.elements;
        // Two nodes for two elements: none is nested. The next element is then three nodes on, and the processor need
        // not wait for a length from the tape to know that.
        let [Node::Array { len: 2, count: 2 }, pair @ ..] = *rest else {
            return self.elements.next().map(Value::pair);
        };
        let [_, second @ ..] = pair else { return None };
        let [_, next @ ..] = second else { return None };
        *left = left.checked_sub(1)?;
        *rest = next;
        Some(Some((Value::new(document, pair), Value::new(document, second))))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.elements.size_hint()
    }
}

impl ExactSizeIterator for Pairs<'_> {}

/// The fields of an object: keys and values; knows how many are left.
#[derive(Clone)]
pub struct Fields<'d> {
    left: usize,
    rest: &'d [Node<'d>],
    document: &'d Document<'d>,
}

impl<'d> Iterator for Fields<'d> {
    type Item = (&'d str, Value<'d>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // simd-json puts a string before each value of an object; anything else would end the walk.
        let [Node::String(key), rest @ ..] = self.rest else {
            return None;
        };
        self.rest = rest.get(span(rest)..).unwrap_or_default();
        Some((key, Value::new(self.document, rest)))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}
