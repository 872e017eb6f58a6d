//! Many books: what an update takes when 1 to 10,000 of them share the caches, and what an idle one holds.
//!
//! The real updates of one instrument, each message sent to a book drawn from a Zipf distribution (the n-th busiest
//! instrument has 1/n of the busiest one's messages, as on an exchange's whole list). The draws are the same in every
//! round, and the books stay what they are from one to the next, after a first that is not timed. What grows with the number of books is misses of caches and of address translation.

use std::hint::black_box;
use std::time::Instant;

use touchline_book::{Book, Keeper, KeeperConfig, Publisher};

use crate::book::{Input, Message, Ours, Shelf, config, messages};
use crate::heap;
use crate::race::{Lap, Race};
use crate::row::{Bound, Row};

/// How many books, their names, and what is asked beside one.
const COUNTS: [(usize, &str, Option<f64>); 4] = [
    (10, "10 books", None),
    (100, "100 books", None),
    (1_000, "1,000 books", Some(2.0)),
    (10_000, "10,000 books", Some(4.0)),
];

/// Most bytes of an idle book.
const IDLE_BYTES: f64 = 72_000.0;

/// The stage.
pub fn run(input: &Input, rounds: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let messages = messages(input);
    let mut one = Many::new(input, 1, &messages);
    for (count, name, most) in COUNTS {
        let mut many = Many::new(input, count, &messages);
        let mut race = Race::new("growth", &["update"]);
        race.ours(name, || many.lap(&messages, input.updates));
        race.floor("1 book", || one.lap(&messages, input.updates));
        if let Some(most) = most {
            race.goal("update", "1 book", Bound::Within(most));
        }
        rows.extend(race.run(rounds));
    }
    rows.extend(idle());
    rows
}

/// Books and which of them each message goes to.
struct Many {
    books: Vec<Book>,
    drawn: Vec<usize>,
}

impl Many {
    /// Books that have all taken the snapshot, and each its share of the messages once.
    fn new(input: &Input, count: usize, messages: &[Message]) -> Self {
        let books = vec![Ours::new(input).fresh(); count];
        let mut many = Self { books, drawn: zipf(count, messages.len()) };
        many.lap(messages, input.updates);
        many
    }

    fn lap(&mut self, messages: &[Message], updates: usize) -> Lap {
        let began = Instant::now();
        for ((head, body), &book) in messages.iter().zip(&self.drawn) {
            // A message of a stream that this book has seen a part of: some removals name levels that are not there.
            black_box(self.books[book].apply_delta(head, body.iter())).expect("a sound delta");
        }
        Lap::new([began.elapsed().as_nanos() as f64 / updates as f64])
    }
}

/// So many draws of 0 to `count - 1`, the n-th with a weight of 1/(n + 1).
fn zipf(count: usize, draws: usize) -> Vec<usize> {
    let mut sums: Vec<f64> = Vec::with_capacity(count);
    for rank in 1..=count {
        sums.push(sums.last().unwrap_or(&0.0) + 1.0 / rank as f64);
    }
    let all = sums.last().copied().unwrap_or(1.0);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let share = (state >> 11) as f64 / (1_u64 << 53) as f64;
        sums.partition_point(|&sum| sum < share * all).min(count - 1)
    };
    (0..draws).map(|_| draw()).collect()
}

/// Bytes of a book that has seen nothing yet, the structs themselves included.
fn idle() -> Vec<Row> {
    let keeper = KeeperConfig { book: config(), ..KeeperConfig::default() };
    let (book, held) = heap::of(|| Box::new(Keeper::new(&keeper)));
    let (views, ends) = heap::of(|| Box::new(Publisher::<20>::new()));
    drop((held, ends));
    let row = |measure: &str, bytes: i64, bound| {
        Row::alone("growth", measure, &[bytes as f64; crate::row::ROUNDS_LEAST], bound)
            .unit("bytes")
            .between(measure, "")
    };
    vec![row("idle book", book.bytes, Some(Bound::AtMost(IDLE_BYTES))), row("its views", views.bytes, None)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of ten thousand draws from a hundred, the first has a fifth (1 / 5.19), twice what the second has, and every
    /// draw is one of the hundred.
    #[test]
    fn draws_fall_with_the_rank() {
        let drawn = zipf(100, 10_000);
        let of = |rank: usize| drawn.iter().filter(|&&one| one == rank).count();
        assert!((1_700..2_200).contains(&of(0)), "{}", of(0));
        assert!((800..1_100).contains(&of(1)), "{}", of(1));
        assert!(drawn.iter().all(|&one| one < 100));
    }
}
