//! The text of bare numbers.
//!
//! The tape holds a bare number as an integer or a double, so trailing zeros and exact digits are lost there. The
//! frame still has them, and simd-json leaves behind where each value starts: its list of marks has one entry for
//! each value on the tape, in the same order, and entries for the `,` `:` `]` `}` between them. Tape and marks are
//! walked in step by a cursor that the document remembers, so that a forward walk over 27,000 levels of bare numbers
//! touches each mark once. Where a string stands close before the number (its key, mostly), its address leads to its
//! mark by binary search, and nothing in between is walked.

use std::cell::Cell;

use simd_json::Node;

use super::Document;

/// The value last looked up: its place on the tape and the place of its mark.
#[derive(Clone, Copy, Default)]
struct Place {
    node: usize,
    mark: usize,
}

/// Where the last lookup ended. Both lists begin with the root, at 0.
#[derive(Default)]
pub(super) struct Cursor(Cell<Place>);

/// Walking this far costs less than a binary search.
const WALK_NODES: usize = 16;
/// A string this close before the number is worth looking for: the key, or the first element of a level.
const LOOK_BACK_NODES: usize = 4;

impl<'p> Document<'p> {
    /// The text of the number at `node` of the tape, as sent.
    pub(super) fn token(&self, node: usize) -> Option<&'p [u8]> {
        let mut place = self.nearest(node);
        while place.node < node {
            place.mark += 1;
            while matches!(self.frame.get(self.mark(place.mark)?)?, b',' | b':' | b']' | b'}') {
                place.mark += 1;
            }
            place.node += 1;
        }
        self.cursor.0.set(place);
        let rest = self.frame.get(self.mark(place.mark)?..)?;
        let length =
            rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        rest.get(..length.unwrap_or(rest.len()))
    }

    fn mark(&self, index: usize) -> Option<usize> {
        self.marks.get(index).map(|&offset| offset as usize)
    }

    /// A known place at or before `node`, close by if there is one.
    fn nearest(&self, node: usize) -> Place {
        let cursor = self.cursor.0.get();
        if cursor.node <= node && node - cursor.node <= WALK_NODES {
            return cursor;
        }
        let close = node.saturating_sub(LOOK_BACK_NODES);
        if let Some(place) = self.string_before(node, close) {
            return place;
        }
        if cursor.node <= node { cursor } else { self.string_before(close, 0).unwrap_or_default() }
    }

    /// The last string on the tape in `oldest..node`, found in the frame by its address.
    fn string_before(&self, node: usize, oldest: usize) -> Option<Place> {
        let nodes = self.tape.0.get(oldest..node)?;
        let (index, text) = nodes.iter().enumerate().rev().find_map(|(index, node)| match node {
            Node::String(text) => Some((index, text)),
            _ => None,
        })?;
        // The text starts where it did in the frame, one byte behind its quote; the quote is the mark.
        let quote = text.as_ptr().addr().checked_sub(self.scratch_start + 1)?;
        let mark = self.marks.binary_search_by(|&offset| (offset as usize).cmp(&quote)).ok()?;
        Some(Place { node: oldest + index, mark })
    }
}
