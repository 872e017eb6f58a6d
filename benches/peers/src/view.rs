//! What is published, read on another core while it is written: our cells beside the crates that people use.

use touchline_benches::cells::{
    Payload, arc_swap, contended, copy_ns, empty_ns, our_block, our_line, seqlock, triple_buffer, uncontended,
};
use touchline_benches::cores::Ticks;
use touchline_view::block::Block;

use crate::cycles::Cycles;
use crate::race::{Lap, Race};
use crate::row::{Bound, Row};

/// The measures of a contended race.
const MEASURES: &[&str] = &["read p50", "read p99", "read p99.9"];

/// The pauses between two writes, in ns, and how they are called.
const INTERVALS: [(u64, &str); 4] = [
    (1_000, "a write per us"),
    (250, "a write per 250 ns"),
    (20, "a write per 20 ns"),
    (0, "writes flat out"),
];

/// How long a contended lap is.
const LAP_NS: u64 = 1_500_000;

/// Calls of an uncontended lap.
const CALLS: u64 = 10_000;

/// The stage.
pub fn run(cycles: &Cycles, rounds: usize) -> Vec<Row> {
    let ticks = cycles.ticks();
    let mut rows = alone::<[u64; 7], _, _>("view best level, read alone", our_line, 1.5, ticks, rounds);
    rows.extend(alone::<Block<20>, _, _>("view 20x2 levels, read alone", our_block, 1.3, ticks, rounds));
    for (interval, name) in INTERVALS {
        let stage = format!("view best level, {name}");
        let mut race = contest::<[u64; 7], _, _>(stage.clone(), interval, our_line, ticks);
        race.goal("read p99.9", "seqlock", Bound::Within(1.0 / 3.0));
        rows.extend(race.run(2 * rounds));
        rows.extend(busy::<[u64; 7], _, _>(stage, interval, our_line, ticks, rounds));
        let stage = format!("view 20x2 levels, {name}");
        let mut race = contest::<Block<20>, _, _>(stage.clone(), interval, our_block, ticks);
        race.goal("read p99.9", "triple_buffer", Bound::Within(0.6));
        race.goal("read p99.9", "arc-swap", Bound::Within(0.6));
        rows.extend(race.run(2 * rounds));
        rows.extend(busy::<Block<20>, _, _>(stage, interval, our_block, ticks, rounds));
    }
    rows
}

/// One writer and one reader, on two cores, of each kind of cell.
fn contest<'a, P, W, R>(
    stage: String,
    interval: u64,
    ours: impl Fn() -> (W, R) + 'a,
    ticks: &'a Ticks,
) -> Race<'a>
where
    P: Payload,
    W: FnMut(&P) + Send + 'a,
    R: FnMut(&mut P) -> bool + Send + 'a,
{
    let mut race = Race::new(stage, MEASURES);
    let empty = empty_ns();
    race.ours("view", move || lap(ours(), interval, empty, ticks));
    race.peer("seqlock", move || lap(seqlock::<P>(), interval, empty, ticks));
    race.peer("triple_buffer", move || lap(triple_buffer::<P>(), interval, empty, ticks));
    race.peer("arc-swap", move || lap(arc_swap::<P>(), interval, empty, ticks));
    race
}

fn lap<P, W, R>(ends: (W, R), interval: u64, empty: u64, ticks: &Ticks) -> Lap
where
    P: Payload,
    W: FnMut(&P) + Send,
    R: FnMut(&mut P) -> bool + Send,
{
    let ran = contended::<P>(ends, ticks.of_ns(LAP_NS), ticks.of_ns(interval), ticks);
    let (mut times, _) = ran.second;
    times.sort_unstable();
    let share = |share: f64| {
        let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        // A tenth of a nanosecond at least: below its own resolution the clock says nothing.
        times.get(index).map_or(f64::NAN, |time| (time.saturating_sub(empty) as f64).max(0.1))
    };
    Lap { figures: vec![share(0.5), share(0.99), share(0.999)], is_quiet: ran.is_quiet }
}

/// Reads that gave up because the writer overtook every try. Nobody may.
fn busy<P, W, R>(
    stage: String,
    interval: u64,
    ours: impl Fn() -> (W, R),
    ticks: &Ticks,
    rounds: usize,
) -> Vec<Row>
where
    P: Payload,
    W: FnMut(&P) + Send,
    R: FnMut(&mut P) -> bool + Send,
{
    let mut race = Race::new(stage, &["reads given up"]).unit("reads");
    race.ours("view", || {
        let ran = contended::<P>(ours(), ticks.of_ns(LAP_NS), ticks.of_ns(interval), ticks);
        Lap::new([ran.second.1 as f64])
    });
    race.goal("reads given up", "", Bound::AtMost(0.0));
    race.run(rounds)
}

/// Reads without a writer, beside a copy within the first cache.
fn alone<P, W, R>(stage: &str, ours: impl Fn() -> (W, R), most: f64, ticks: &Ticks, rounds: usize) -> Vec<Row>
where
    P: Payload,
    W: FnMut(&P),
    R: FnMut(&mut P) -> bool,
{
    let both = |(write, read): (f64, f64)| Lap::new([read, write]);
    let mut race = Race::new(stage, &["read", "write"]);
    race.ours("view", || both(uncontended::<P>(ours(), CALLS, ticks)));
    race.peer("seqlock", || both(uncontended::<P>(seqlock(), CALLS, ticks)));
    race.peer("triple_buffer", || both(uncontended::<P>(triple_buffer(), CALLS, ticks)));
    race.peer("arc-swap", || both(uncontended::<P>(arc_swap(), CALLS, ticks)));
    race.floor("copy", || {
        let copy = copy_ns::<P>(CALLS, ticks);
        Lap::new([copy, copy])
    });
    race.goal("read", "copy", Bound::Within(most));
    race.run(rounds)
}
