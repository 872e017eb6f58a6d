//! A value from one core to another: our ring beside the queues that people use, and the bare transfer of one line.

use disruptor::{BusySpin, Producer, build_single_producer};
use touchline_benches::cores::Ticks;
use touchline_benches::hop::{
    CAPACITY, Receiver, Sender, Value, array_queue, flat_out, latency, ours, ours_of_8, rtrb, rtrb_of_8, word,
};

use crate::cycles::Cycles;
use crate::race::{Lap, Race};
use crate::row::{Bound, Row};

/// The measures; a queue of batches is flat out only.
const MEASURES: &[&str] = &["p50", "p99", "flat out"];

/// Messages of a lap, one a microsecond; and flat out.
const PACED: u64 = 2_000;
const MANY: u64 = 20_000;

/// The stage.
pub fn run(cycles: &Cycles, rounds: usize) -> Vec<Row> {
    // Laps are short, so that most are undisturbed: there are four times as many.
    let rounds = 4 * rounds;
    let mut race = Race::new("ring hop", MEASURES);
    macro_rules! queue {
        ($race:ident, $who:ident, $name:literal, $make:expr) => {
            $race.$who($name, || single($make, || Some($make), cycles));
        };
    }
    queue!(race, ours, "ring", ours());
    queue!(race, peer, "rtrb", rtrb());
    queue!(race, peer, "crossbeam ArrayQueue", array_queue());
    queue!(race, peer, "disruptor", disruptor());
    race.floor("one line", || single(word(), || None::<(NoSender, NoReceiver)>, cycles));
    race.goal("p50", "rtrb", Bound::Within(0.9));
    race.goal("p99", "rtrb", Bound::Within(0.9));
    race.goal("p50", "one line", Bound::Within(1.15));
    let mut rows = race.run(rounds);
    let mut race = Race::new("ring hop, 8 at a time", &["flat out"]);
    race.ours("ring", || batched(ours_of_8(), cycles.ticks()));
    race.peer("rtrb chunks", || batched(rtrb_of_8(), cycles.ticks()));
    race.peer("disruptor", || batched(disruptor_of_8(), cycles.ticks()));
    race.goal("flat out", "rtrb chunks", Bound::Within(1.0));
    rows.extend(race.run(rounds));
    rows
}

fn single<S: Sender, R: Receiver, T: Sender, U: Receiver>(
    paced: (S, R),
    many: impl Fn() -> Option<(T, U)>,
    cycles: &Cycles,
) -> Lap {
    let ticks = cycles.ticks();
    let mut taken = latency(paced, PACED, ticks.of_ns(1_000), ticks);
    taken.second.iter_mut().for_each(|time| *time = time.saturating_sub(ticks.empty));
    let [p50, p99] = cycles.percentiles(&mut taken.second, [0.5, 0.99]);
    let (flat, is_quiet) = many().map_or((f64::NAN, true), |ends| flat_out(ends, MANY, ticks));
    Lap { figures: vec![p50, p99, flat], is_quiet: taken.is_quiet && is_quiet }
}

fn batched(ends: (impl Sender, impl Receiver), ticks: &Ticks) -> Lap {
    let (flat, is_quiet) = flat_out(ends, MANY, ticks);
    Lap { figures: vec![flat / 8.0], is_quiet }
}

/// The ends of a queue that cannot be driven flat out: the bare line loses what is written over.
struct NoSender;
struct NoReceiver;
impl Sender for NoSender {
    fn push(&mut self, _: Value) -> bool {
        false
    }
}
impl Receiver for NoReceiver {
    fn pop(&mut self) -> Option<Value> {
        None
    }
}

/// A sending end as a function.
struct Give<F>(F);
impl<F: FnMut(Value) -> bool + Send> Sender for Give<F> {
    fn push(&mut self, value: Value) -> bool {
        (self.0)(value)
    }
}

/// A receiving end as a function.
struct Take<F>(F);
impl<F: FnMut() -> Option<Value> + Send> Receiver for Take<F> {
    fn pop(&mut self) -> Option<Value> {
        (self.0)()
    }
}

/// The crate `disruptor`, an event a message.
fn disruptor() -> (impl Sender, impl Receiver) {
    let (mut poller, builder) = build_single_producer(CAPACITY, || [0; 7], BusySpin).new_event_poller();
    let mut producer = builder.build();
    let give = move |value| producer.try_publish(|slot| *slot = value).is_ok();
    let mut taken = Taken::<1>::new();
    (
        Give(give),
        Take(move || taken.next(|all| poller.take(ROOM).ok().map(|mut events| all.fill(&mut events)))),
    )
}

/// The crate `disruptor`, eight events a message.
fn disruptor_of_8() -> (impl Sender, impl Receiver) {
    let (mut poller, builder) = build_single_producer(CAPACITY, || [0; 7], BusySpin).new_event_poller();
    let mut producer = builder.build();
    let give =
        move |value| producer.try_batch_publish(8, |slots| slots.for_each(|slot| *slot = value)).is_ok();
    let mut taken = Taken::<8>::new();
    (
        Give(give),
        Take(move || taken.next(|all| poller.take(ROOM).ok().map(|mut events| all.fill(&mut events)))),
    )
}

/// Events taken at once from a disruptor at most.
const ROOM: u64 = 64;

/// Events that were taken together, as the disruptor wants it, and are given on a message at a time.
struct Taken<const EACH: usize> {
    values: [Value; ROOM as usize],
    at: usize,
    end: usize,
}

impl<const EACH: usize> Taken<EACH> {
    fn new() -> Self {
        Self { values: [[0; 7]; ROOM as usize], at: 0, end: 0 }
    }

    fn fill<'a>(&mut self, events: impl Iterator<Item = &'a Value>) {
        (self.at, self.end) = (0, 0);
        for (slot, event) in self.values.iter_mut().zip(events) {
            *slot = *event;
            self.end += 1;
        }
    }

    #[inline]
    fn next(&mut self, more: impl FnOnce(&mut Self) -> Option<()>) -> Option<Value> {
        if self.at == self.end {
            more(self)?;
        }
        self.at += EACH;
        self.values.get(self.at - EACH).copied()
    }
}
