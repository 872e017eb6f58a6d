//! Sorted levels in pieces of fixed size, with a directory over them: cheap inserts at any depth.
//!
//! ```text
//! firsts   [ 40 | 97 | 180 ]                 smallest key of each piece, sorted: one binary search
//! spans    [ #2,3 | #0,4 | #1,2 ]            which piece, how many levels in it
//! pieces   #0 [97 99 120 130 ..]  #1 [180 200 ..]  #2 [40 41 77 ..]
//! ```
//!
//! An insert moves at most one piece's levels (1 KB) instead of the whole side (80 KB at 5,000 levels). A full piece
//! is split; a piece that thins out is joined with a neighbour, so two neighbours hold more than 16 levels together and
//! there is never more than one piece for every 8 levels and one more. Pieces come from one array and go back to a list of free ones: no allocation but when the
//! side is larger than it ever was.

use touchline_market::Qty;

use super::{Key, Ladder};

/// Levels in a piece.
const PIECE: usize = 64;

/// Two neighbours with at most this many levels together become one piece.
const MERGED: usize = PIECE / 2;

#[derive(Clone, Debug)]
struct Piece {
    keys: [u64; PIECE],
    qtys: [u64; PIECE],
}

const _: () = assert!(size_of::<Piece>() == 1024, "a piece is sixteen cache lines");

/// Which piece stands at a place of the directory, and how many levels it holds.
#[derive(Clone, Copy, Debug)]
struct Span {
    piece: u32,
    len: u32,
}

/// One side in sorted pieces: 16 bytes a level when full, 12 bytes of directory a piece.
#[derive(Clone, Debug, Default)]
pub struct Chunked {
    firsts: Vec<u64>,
    spans: Vec<Span>,
    pieces: Vec<Piece>,
    free: Vec<u32>,
    len: usize,
    /// Where the last update was: the next one is often there too, since venues send levels in order.
    hint: usize,
}

impl Piece {
    const EMPTY: Self = Self { keys: [0; PIECE], qtys: [0; PIECE] };

    /// Where the first key not below `key` stands among the first `len`.
    #[inline]
    fn find(&self, key: u64, len: usize) -> usize {
        self.keys.get(..len).unwrap_or_default().partition_point(|&other| other < key)
    }

    fn insert(&mut self, at: usize, len: usize, key: u64, qty: u64) {
        for (slots, value) in [(&mut self.keys, key), (&mut self.qtys, qty)] {
            if let Some(tail @ [_, ..]) = slots.get_mut(at..=len) {
                tail.copy_within(..tail.len() - 1, 1);
                if let Some(first) = tail.first_mut() {
                    *first = value;
                }
            }
        }
    }

    fn remove(&mut self, at: usize, len: usize) {
        for slots in [&mut self.keys, &mut self.qtys] {
            if let Some(tail @ [_, ..]) = slots.get_mut(at..len) {
                tail.copy_within(1.., 0);
            }
        }
    }

    /// Puts levels `from..from + len` of `other` behind our first `at`.
    fn copy(&mut self, at: usize, other: &Self, from: usize, len: usize) {
        for (to, source) in [(&mut self.keys, &other.keys), (&mut self.qtys, &other.qtys)] {
            if let (Some(to), Some(source)) = (to.get_mut(at..at + len), source.get(from..from + len)) {
                to.copy_from_slice(source);
            }
        }
    }
}

impl Chunked {
    /// An empty side with room for about `levels` levels before it allocates.
    #[must_use]
    pub fn with_capacity(levels: usize) -> Self {
        let mut side = Self::default();
        if levels > 0 {
            // Splits and removals leave pieces some two thirds full.
            side.grow(levels.div_ceil(PIECE * 2 / 3));
        }
        side
    }

    /// The level with the largest key, removed.
    pub fn pop(&mut self) -> Option<(Key, Qty)> {
        let last = self.spans.last_mut()?;
        let at = (last.len as usize).checked_sub(1)?;
        let piece = self.pieces.get(last.piece as usize)?;
        let level = (Key(*piece.keys.get(at)?), Qty(*piece.qtys.get(at)?));
        last.len -= 1;
        self.len -= 1;
        if at == 0 {
            self.drop_span(self.spans.len() - 1);
        }
        Some(level)
    }

    /// The level with the smallest key, removed.
    pub fn pop_worst(&mut self) -> Option<(Key, Qty)> {
        let piece = self.pieces.get(self.spans.first()?.piece as usize)?;
        let level = (Key(*piece.keys.first()?), Qty(*piece.qtys.first()?));
        self.remove(0, 0);
        Some(level)
    }

    /// Puts a level above all others.
    pub fn push(&mut self, key: Key, qty: Qty) {
        debug_assert!(self.best().is_none_or(|(best, _)| best < key));
        let full = self.spans.last().is_none_or(|span| span.len as usize == PIECE);
        if full {
            let piece = self.take();
            self.firsts.push(key.0);
            self.spans.push(Span { piece, len: 0 });
        }
        let Some(span) = self.spans.last_mut() else { return };
        if let Some(piece) = self.pieces.get_mut(span.piece as usize) {
            piece.insert(span.len as usize, span.len as usize, key.0, qty.0);
            span.len += 1;
            self.len += 1;
        }
    }

    /// Replaces everything by these levels: keys strictly falling, quantities not zero.
    pub fn load_falling(&mut self, best_first: impl Iterator<Item = (Key, Qty)>) {
        self.clear();
        // Falling keys fill each piece backwards; both orders are turned at the end of it.
        for (key, qty) in best_first {
            let full = self.spans.last().is_none_or(|span| span.len as usize == PIECE);
            if full {
                let piece = self.take();
                self.firsts.push(key.0);
                self.spans.push(Span { piece, len: 0 });
            }
            let Some(span) = self.spans.last_mut() else { return };
            let Some(piece) = self.pieces.get_mut(span.piece as usize) else { return };
            piece.insert(span.len as usize, span.len as usize, key.0, qty.0);
            span.len += 1;
            self.len += 1;
        }
        for (span, first) in self.spans.iter().zip(&mut self.firsts) {
            let Some(piece) = self.pieces.get_mut(span.piece as usize) else { return };
            for slots in [&mut piece.keys, &mut piece.qtys] {
                slots.get_mut(..span.len as usize).unwrap_or_default().reverse();
            }
            *first = piece.keys.first().copied().unwrap_or_default();
        }
        self.spans.reverse();
        self.firsts.reverse();
    }

    /// Every level, the best first; the iterator can be cloned.
    pub fn levels(&self) -> impl Iterator<Item = (Key, Qty)> + Clone {
        self.spans.iter().rev().flat_map(|span| {
            let piece = self.pieces.get(span.piece as usize).unwrap_or(&Piece::EMPTY);
            let levels = piece.keys.iter().zip(&piece.qtys).take(span.len as usize);
            levels.rev().map(|(&key, &qty)| (Key(key), Qty(qty)))
        })
    }

    /// As [`place`](Self::place), tried first where the last update was.
    #[inline]
    fn place_near(&mut self, key: u64) -> usize {
        let here = self.firsts.get(self.hint).is_some_and(|&first| first <= key);
        let below = self.firsts.get(self.hint + 1).is_none_or(|&next| key < next);
        if !(here && below) {
            self.hint = self.place(key);
        }
        self.hint
    }

    /// The place in the directory whose piece holds `key` or would hold it.
    #[inline]
    fn place(&self, key: u64) -> usize {
        self.firsts.partition_point(|&first| first <= key).saturating_sub(1)
    }

    /// Inserts a key that is not there at `at` of the piece at `place`, which has room or is split.
    fn insert(&mut self, mut place: usize, mut at: usize, key: u64, qty: u64) {
        let full = self.spans.get(place).is_none_or(|span| span.len as usize == PIECE);
        if full {
            (place, at) = self.split(place, at);
        }
        let (Some(span), Some(first)) = (self.spans.get_mut(place), self.firsts.get_mut(place)) else {
            return;
        };
        let Some(piece) = self.pieces.get_mut(span.piece as usize) else { return };
        piece.insert(at, span.len as usize, key, qty);
        span.len += 1;
        *first = if at == 0 { key } else { *first };
        self.len += 1;
    }

    fn remove(&mut self, place: usize, at: usize) {
        let (Some(span), Some(first)) = (self.spans.get_mut(place), self.firsts.get_mut(place)) else {
            return;
        };
        let Some(piece) = self.pieces.get_mut(span.piece as usize) else { return };
        piece.remove(at, span.len as usize);
        span.len -= 1;
        *first = piece.keys.first().copied().unwrap_or_default();
        self.len -= 1;
        if span.len as usize <= MERGED / 2 {
            self.thin(place);
        }
    }

    /// Splits the full piece at `place` (or makes the very first one); where index `at` of it now is.
    #[inline(never)]
    fn split(&mut self, place: usize, at: usize) -> (usize, usize) {
        let new = self.take();
        let Some(span) = self.spans.get_mut(place) else {
            self.firsts.push(0);
            self.spans.push(Span { piece: new, len: 0 });
            return (0, 0);
        };
        // Behind the last level of all, start an empty piece: levels that come in rising order fill them whole.
        let half = if at == PIECE && place + 1 == self.firsts.len() { PIECE } else { PIECE / 2 };
        let old = span.piece;
        span.len = half as u32;
        let [from, to] = match self.pieces.get_disjoint_mut([old as usize, new as usize]) {
            Ok(pair) => pair,
            Err(_) => return (place, at),
        };
        to.copy(0, from, half, PIECE - half);
        let first = to.keys.first().copied().unwrap_or_default();
        self.firsts.insert(place + 1, first);
        self.spans.insert(place + 1, Span { piece: new, len: (PIECE - half) as u32 });
        if at > half || half == PIECE { (place + 1, at - half) } else { (place, at) }
    }

    /// The piece at `place` holds few levels: joins it with a neighbour, or drops it if it is empty.
    #[inline(never)]
    fn thin(&mut self, place: usize) {
        let len = |place: usize| self.spans.get(place).map(|span| span.len as usize);
        let Some(here) = len(place) else { return };
        if here == 0 {
            return self.drop_span(place);
        }
        let fits = |other: usize| here + other <= MERGED;
        if len(place + 1).is_some_and(fits) {
            self.merge(place);
        } else if place > 0 && len(place - 1).is_some_and(fits) {
            self.merge(place - 1);
        }
    }

    /// Moves the levels of the piece after `place` behind those of the piece at `place`.
    fn merge(&mut self, place: usize) {
        let (Some(&into), Some(&from)) = (self.spans.get(place), self.spans.get(place + 1)) else { return };
        let pair = [into.piece as usize, from.piece as usize];
        let Ok([target, source]) = self.pieces.get_disjoint_mut(pair) else { return };
        target.copy(into.len as usize, source, 0, from.len as usize);
        if let Some(span) = self.spans.get_mut(place) {
            span.len += from.len;
        }
        self.drop_span(place + 1);
    }

    fn drop_span(&mut self, place: usize) {
        let span = self.spans.remove(place);
        self.firsts.remove(place);
        self.free.push(span.piece);
    }

    /// A piece that is not in use.
    fn take(&mut self) -> u32 {
        if self.free.is_empty() {
            self.grow(self.pieces.len().max(1));
        }
        self.free.pop().unwrap_or_default()
    }

    /// Takes memory for `more` pieces, and for a directory that can hold them all.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) {
        let from = self.pieces.len();
        let all = from + more;
        self.pieces.reserve_exact(more);
        self.pieces.resize(all, Piece::EMPTY);
        self.firsts.reserve_exact(all - self.firsts.len());
        self.spans.reserve_exact(all - self.spans.len());
        self.free.reserve_exact(all - self.free.len());
        self.free.extend((from..all).rev().map(|piece| piece as u32));
    }
}

impl Ladder for Chunked {
    #[inline]
    fn set(&mut self, key: Key, qty: Qty) -> bool {
        let place = self.place_near(key.0);
        let found = self.spans.get(place).and_then(|span| {
            let len = span.len as usize;
            let piece = self.pieces.get_mut(span.piece as usize)?;
            let at = piece.find(key.0, len);
            let known = at < len && piece.keys.get(at) == Some(&key.0);
            Some((at, if known { piece.qtys.get_mut(at) } else { None }))
        });
        match found {
            Some((_, Some(slot))) if qty.0 != 0 => {
                *slot = qty.0;
                true
            }
            Some((at, Some(_))) => {
                self.remove(place, at);
                true
            }
            Some((at, None)) => {
                if qty.0 != 0 {
                    self.insert(place, at, key.0, qty.0);
                }
                false
            }
            None => {
                if qty.0 != 0 {
                    self.insert(0, 0, key.0, qty.0);
                }
                false
            }
        }
    }

    fn get(&self, key: Key) -> Option<Qty> {
        let span = self.spans.get(self.place(key.0))?;
        let piece = self.pieces.get(span.piece as usize)?;
        let at = piece.find(key.0, span.len as usize);
        let known = at < span.len as usize && piece.keys.get(at) == Some(&key.0);
        if known { piece.qtys.get(at).copied().map(Qty) } else { None }
    }

    #[inline]
    fn best(&self) -> Option<(Key, Qty)> {
        let span = self.spans.last()?;
        let piece = self.pieces.get(span.piece as usize)?;
        let at = (span.len as usize).checked_sub(1)?;
        Some((Key(*piece.keys.get(at)?), Qty(*piece.qtys.get(at)?)))
    }

    fn iter(&self) -> impl Iterator<Item = (Key, Qty)> {
        self.levels()
    }

    fn len(&self) -> usize {
        self.len
    }

    fn clear(&mut self) {
        self.free.extend(self.spans.drain(..).map(|span| span.piece));
        self.firsts.clear();
        self.len = 0;
    }

    fn load(&mut self, best_first: impl Iterator<Item = (Key, Qty)> + Clone) {
        self.load_falling(best_first);
    }

    fn heap_bytes(&self) -> usize {
        self.pieces.capacity() * size_of::<Piece>()
            + self.spans.capacity() * size_of::<Span>()
            + self.firsts.capacity() * size_of::<u64>()
            + self.free.capacity() * size_of::<u32>()
    }
}

impl Chunked {
    /// How many pieces are in use.
    #[cfg(test)]
    pub(super) fn pieces_used(&self) -> usize {
        self.spans.len()
    }
}
