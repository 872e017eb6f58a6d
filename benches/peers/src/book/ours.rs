//! Ours: records as a parser leaves them, into the book as every instrument of a feed has it; and the keeper around it,
//! which also checks the numbers, judges crossing and keeps the state.

use std::hint::black_box;

use touchline::market::{
    Head, InstrumentId, Level, LevelPacker, Price, Record, Sequence, Side, Sink, SinkFull, UpdateKind,
};
use touchline_book::{Book, BookConfig, Keeper, KeeperConfig};

use super::{Input, Shelf};
use crate::recording::{Depth, USDM_SCALES, level};

/// A message as it leaves a ring.
pub type Message = (Head, Vec<Record>);

/// The book alone.
pub struct Ours {
    fresh: Book,
    messages: Vec<Message>,
}

impl Ours {
    /// A book of the default size with the snapshot in it.
    pub fn new(input: &Input) -> Self {
        let mut fresh = Book::new(&config());
        let (head, body) = message(UpdateKind::Snapshot, &input.snapshot);
        fresh.load_snapshot(&head, body.iter()).expect("a sound snapshot");
        Self { fresh, messages: messages(input) }
    }
}

impl Shelf for Ours {
    type Book = Book;

    fn fresh(&self) -> Book {
        self.fresh.clone()
    }

    #[inline]
    fn apply(&self, book: &mut Book, nth: usize) {
        let (head, body) = &self.messages[nth];
        black_box(book.apply_delta(head, body.iter())).expect("a sound delta");
    }

    fn best(&self, book: &Book) -> [Option<i64>; 2] {
        best(book)
    }

    #[inline]
    fn top(&self, book: &Book) {
        top(book);
    }
}

/// The book with its keeper.
pub(super) struct Kept {
    fresh: Keeper,
    messages: Vec<Message>,
}

impl Kept {
    /// A keeper of the default size that has taken the snapshot.
    pub(super) fn new(input: &Input) -> Self {
        let mut fresh = Keeper::new(&KeeperConfig { book: config(), ..KeeperConfig::default() });
        let (head, body) = message(UpdateKind::Snapshot, &input.snapshot);
        fresh.handle(&head, body.iter());
        let mut messages = messages(input);
        // The first update begins before the snapshot's end, as the venue's rule has it; here it follows directly.
        if let Some((head, _)) = messages.first_mut() {
            head.previous = Sequence(input.snapshot.sequence[1]);
        }
        Self { fresh, messages }
    }
}

impl Shelf for Kept {
    type Book = Keeper;

    fn fresh(&self) -> Keeper {
        self.fresh.clone()
    }

    #[inline]
    fn apply(&self, book: &mut Keeper, nth: usize) {
        let (head, body) = &self.messages[nth];
        black_box(book.handle(head, body.iter()));
    }

    fn best(&self, book: &Keeper) -> [Option<i64>; 2] {
        assert!(book.state().is_live(), "the stream is whole");
        best(book.book())
    }

    #[inline]
    fn top(&self, book: &Keeper) {
        top(book.book());
    }
}

/// As a feed makes it for an instrument whose tick the venue's list says.
pub fn config() -> BookConfig {
    let (price_scale, qty_scale) = USDM_SCALES;
    BookConfig { tick: Some(Price(10)), price_scale, qty_scale, ..BookConfig::default() }
}

/// Every update as a message.
pub fn messages(input: &Input) -> Vec<Message> {
    input.messages.iter().map(|depth| message(UpdateKind::Delta, depth)).collect()
}

fn best(book: &Book) -> [Option<i64>; 2] {
    [Side::Bid, Side::Ask].map(|side| book.best(side).map(|level| level.price.0))
}

#[inline]
fn top(book: &Book) {
    let mut top = [[Level::default(); 10]; 2];
    for (side, levels) in [Side::Bid, Side::Ask].into_iter().zip(&mut top) {
        book.top(side, levels);
    }
    black_box(&top);
}

/// The message of these levels.
pub fn message(kind: UpdateKind, depth: &Depth) -> Message {
    let mut head = Head::new(kind, InstrumentId(0));
    let [_, last, previous] = depth.sequence.map(Sequence);
    (head.previous, head.sequence) = (previous, last);
    (head.price_scale, head.qty_scale) = USDM_SCALES;
    (head.bids, head.asks) = (depth.sides[0].len() as u16, depth.sides[1].len() as u16);
    let (mut records, mut packer) = (Records::default(), LevelPacker::default());
    for &pair in depth.sides.iter().flatten() {
        packer.push(level(pair), &mut records).expect("room");
    }
    packer.finish(&mut records).expect("room");
    (head, records.0)
}

#[derive(Default)]
struct Records(Vec<Record>);

impl Sink for Records {
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.0.push(record);
        Ok(())
    }

    fn commit(&mut self, _: Head) -> Result<(), SinkFull> {
        Ok(())
    }

    fn abandon(&mut self) {}
}
