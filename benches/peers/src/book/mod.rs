//! Levels into a book: the same real updates in the same order from the same snapshot, in the form each book takes them
//! in, made beforehand. Books agree on the best bid and ask after every message before anything is timed.

#[cfg(feature = "barter")]
pub mod barter;
#[cfg(feature = "hftbacktest")]
pub mod hftbacktest;
#[cfg(feature = "nautilus")]
mod nautilus;
mod ours;
mod tree;

use std::hint::black_box;
use std::time::Instant;

use touchline::market::Level;

use crate::cycles::Cycles;
use crate::error::BenchError;
use crate::race::{Lap, Race};
use crate::recording::{Depth, Recording, USDM_SCALES, level};
use crate::row::{Bound, Row};

pub use ours::{Message, Ours, config, messages};

/// The measures: a level's mean, a message's percentiles, ten levels of both sides.
const MEASURES: &[&str] = &["update", "message p50", "message p99", "top 10 of both sides"];

/// Reads of the best ten in one lap.
const READS: u32 = 20_000;

/// What all books are fed with.
pub struct Input {
    /// The levels at the start.
    pub snapshot: Depth,
    /// The updates.
    pub messages: Vec<Depth>,
    /// All levels of all updates.
    pub updates: usize,
}

impl Input {
    /// The numbers of a recording.
    ///
    /// # Errors
    /// As [`Recording::depths`].
    pub fn of(recording: &Recording) -> Result<Self, BenchError> {
        let messages = recording.depths(USDM_SCALES)?;
        let updates = messages.iter().map(|message| message.sides[0].len() + message.sides[1].len()).sum();
        Ok(Self { snapshot: recording.snapshot_levels(USDM_SCALES)?, messages, updates })
    }
}

/// Applies updates in turn, so many in all, with nothing timed: what an instruction counter is put on.
pub fn repeat(input: &Input, count: usize) {
    let ours = Ours::new(input);
    let mut book = ours.fresh();
    for nth in 0..count {
        ours.apply(&mut book, nth % input.messages.len());
    }
}

/// A kind of book, with the input in its own form.
pub trait Shelf {
    /// The book.
    type Book;

    /// A book that holds the snapshot, and whatever it consumes.
    fn fresh(&self) -> Self::Book;

    /// Applies the message of this number.
    fn apply(&self, book: &mut Self::Book, nth: usize);

    /// The best bid and ask as mantissas; none if the side is empty.
    fn best(&self, book: &Self::Book) -> [Option<i64>; 2];

    /// Copies the ten best levels of both sides, and hands them to the optimiser as something that is needed.
    fn top(&self, book: &Self::Book);
}

/// The stage.
pub fn run(input: &Input, cycles: &Cycles, rounds: usize) -> Result<Vec<Row>, BenchError> {
    let mut race = Race::new("book", MEASURES);
    let expected = bests(&tree::Tree { input }, input);
    let ours = Ours::new(input);
    agree("touchline Book", &expected, &bests(&ours, input))?;
    race.ours("Book", lap(ours, input, cycles));
    let keeper = ours::Kept::new(input);
    agree("touchline Keeper", &expected, &bests(&keeper, input))?;
    race.ours("Keeper: with continuity and state", lap(keeper, input, cycles));
    race.peer("BTreeMap", lap(tree::Tree { input }, input, cycles));
    peers(&mut race, input, &expected, cycles)?;
    race.floor("copy of 10 entries", copy(input));
    race.goal("update", "hftbacktest HashMap", Bound::Faster(8.0));
    race.goal("update", "hftbacktest ROIVector", Bound::Faster(4.0));
    race.goal("update", "BTreeMap", Bound::Faster(15.0));
    race.goal("top 10 of both sides", "copy of 10 entries", Bound::Within(1.0));
    Ok(race.run(rounds))
}

#[allow(unused_variables, reason = "without peers")]
fn peers<'a>(
    race: &mut Race<'a>,
    input: &'a Input,
    expected: &[Bests],
    cycles: &'a Cycles,
) -> Result<(), BenchError> {
    macro_rules! peer {
        ($feature:literal, $name:literal, $shelf:expr) => {
            #[cfg(feature = $feature)]
            {
                let shelf = $shelf;
                agree($name, expected, &bests(&shelf, input))?;
                race.peer($name, lap(shelf, input, cycles));
            }
            #[cfg(not(feature = $feature))]
            race.missing($name, concat!("built without ", $feature));
        };
    }
    peer!("hftbacktest", "hftbacktest HashMap", hftbacktest::hash_map(input));
    peer!("hftbacktest", "hftbacktest ROIVector", hftbacktest::vector(input));
    peer!("nautilus", "nautilus OrderBook", nautilus::Nautilus::new(input));
    peer!("barter", "barter OrderBook", barter::Barter::new(input));
    Ok(())
}

/// The best bid and ask after a message.
type Bests = [Option<i64>; 2];

fn bests<S: Shelf>(shelf: &S, input: &Input) -> Vec<Bests> {
    let mut book = shelf.fresh();
    let apply = |nth| {
        shelf.apply(&mut book, nth);
        shelf.best(&book)
    };
    (0..input.messages.len()).map(apply).collect()
}

/// The two have the same best levels after every message.
fn agree(who: &str, expected: &[Bests], theirs: &[Bests]) -> Result<(), BenchError> {
    match expected.iter().zip(theirs).position(|(expected, theirs)| expected != theirs) {
        None => Ok(()),
        Some(frame) => Err(BenchError::Differs {
            stage: "book".to_owned(),
            who: who.to_owned(),
            frame,
            detail: format!("best bid and ask {:?}, BTreeMap has {:?}", theirs[frame], expected[frame]),
        }),
    }
}

fn lap<'a, S: Shelf + 'a>(shelf: S, input: &'a Input, cycles: &'a Cycles) -> impl FnMut() -> Lap + 'a {
    let count = input.messages.len();
    move || {
        let mut book = shelf.fresh();
        let began = Instant::now();
        for nth in 0..count {
            shelf.apply(&mut book, nth);
        }
        let update = began.elapsed().as_nanos() as f64 / input.updates as f64;
        let top = read_top(|| shelf.top(black_box(&book)));
        let mut book = shelf.fresh();
        let mut times: Vec<_> = (0..count).map(|nth| cycles.of(|| shelf.apply(&mut book, nth))).collect();
        let [p50, p99] = cycles.percentiles(&mut times, [0.5, 0.99]);
        Lap::new([update, p50, p99, top])
    }
}

fn read_top(top: impl Fn()) -> f64 {
    let began = Instant::now();
    for _ in 0..READS {
        top();
    }
    began.elapsed().as_nanos() as f64 / f64::from(READS)
}

/// Ten entries of an array that stands best first, of each side: what reading the best ten cannot go below.
fn copy(input: &Input) -> impl FnMut() -> Lap {
    let first =
        |side: usize| -> [Level; 10] { std::array::from_fn(|nth| level(input.snapshot.sides[side][nth])) };
    let sides = [first(0), first(1)];
    move || {
        let top = read_top(|| {
            let mut copied = [[Level::default(); 10]; 2];
            copied.copy_from_slice(black_box(&sides));
            black_box(&copied);
        });
        Lap::new([f64::NAN, f64::NAN, f64::NAN, top])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two messages on a small book: ours and the standard library's map hold the same best levels after each, and a
    /// book that does not is named with the message's number.
    #[test]
    fn books_are_held_against_each_other() {
        let snapshot = Depth { sequence: [5; 3], sides: [vec![(100, 1), (90, 2)], vec![(110, 1), (120, 2)]] };
        let messages = vec![
            Depth { sequence: [4, 6, 5], sides: [vec![(100, 0)], vec![(105, 7)]] },
            Depth { sequence: [7, 8, 6], sides: [vec![(101, 3)], vec![(105, 0)]] },
        ];
        let input = Input { snapshot, messages, updates: 4 };
        let expected = bests(&tree::Tree { input: &input }, &input);
        assert_eq!(expected, [[Some(90), Some(105)], [Some(101), Some(110)]]);
        assert!(agree("ours", &expected, &bests(&Ours::new(&input), &input)).is_ok());
        assert!(agree("ours", &expected, &bests(&ours::Kept::new(&input), &input)).is_ok());
        let wrong = [expected[0], [Some(90), Some(110)]];
        assert!(matches!(agree("wrong", &expected, &wrong), Err(BenchError::Differs { frame: 1, .. })));
    }
}
