//! What must hold at every publication: judged against the exchange's own books, which share no code with ours.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::time::Duration;

use touchline::{BookView, Keeper, Outcome, View};
use touchline_market::{Head, InstrumentId, Level, Nanos, Reason, Side, State, UpdateKind};
use touchline_simulator::{TRUTH_LEVELS, Truth, Verdict};

use crate::staleness::Staleness;

/// Of so many live publications of a book one is compared whole, level by level.
const WHOLE_EVERY: u64 = 32;

/// Deltas that a book may keep at most, and a snapshot beside them.
const BUFFERED_MAX: usize = 8_192 + 1;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counted {
    /// Publications of books.
    pub publications: u64,
    /// Live ones compared with the true book, twenty levels a side.
    pub compared: u64,
    /// Live ones compared with all levels of the true book.
    pub whole: u64,
    /// Live ones that show fewer than twenty proven levels, at a sequence of which only twenty are remembered.
    pub unjudged: u64,
}

/// The judge of one world.
#[derive(Debug)]
pub(crate) struct Checker {
    pub(crate) now: Duration,
    pub(crate) books: Vec<Judged>,
    pub(crate) hash: u64,
    pub(crate) failure: Option<String>,
    pub(crate) counted: Counted,
    /// Changes of state, from and to, and how often.
    pub(crate) edges: BTreeMap<(&'static str, &'static str), u64>,
    /// What was said, newest last, if anybody wants to know.
    pub(crate) trace: VecDeque<String>,
    /// How many lines of it are kept.
    lines: usize,
    /// Nothing happens that a book may leave LIVE for.
    pub(crate) calm: bool,
    /// Levels a side that a live book is judged to.
    judged: usize,
}

/// One book under judgement.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) symbol: String,
    pub(crate) view: View,
    pub(crate) truth: Truth,
    pub(crate) state: State,
    pub(crate) staleness: Staleness,
    epoch: u32,
    sequence: u64,
    live: u64,
    /// Its subscription was given up, and it has not been live since.
    rejected: bool,
    /// The venue last answered with another symbol's book, or with an old one.
    pub(crate) misled: bool,
}

impl Judged {
    pub(crate) fn new(symbol: String, view: View, truth: Truth) -> Self {
        let staleness = Staleness::new(truth.sequence());
        Self {
            symbol,
            view,
            truth,
            state: State::Init,
            staleness,
            epoch: 0,
            sequence: 0,
            live: 0,
            rejected: false,
            misled: false,
        }
    }
}

impl Judged {
    /// Is it live, or at an end where only a person can help: the venue refuses the book, or has not answered five
    /// requests for it?
    pub(crate) fn is_back(&self) -> bool {
        self.state.is_live()
            || self.rejected
            || matches!(
                self.state,
                State::Dead(Reason::SubscriptionRejected | Reason::Config | Reason::Blocked)
            )
    }
}

impl Checker {
    pub(crate) fn new(calm: bool, judged: usize, lines: usize) -> Self {
        Self {
            now: Duration::ZERO,
            books: Vec::new(),
            hash: 0xCBF2_9CE4_8422_2325,
            failure: None,
            counted: Counted::default(),
            edges: BTreeMap::new(),
            trace: VecDeque::new(),
            lines,
            calm,
            judged,
        }
    }

    /// Something is not as promised; the first such thing counts.
    pub(crate) fn fail(&mut self, text: impl FnOnce() -> String) {
        if self.failure.is_none() {
            self.failure = Some(format!("at {:.6} s: {}", self.now.as_secs_f64(), text()));
        }
    }

    /// Adds to the hash of all that happened.
    pub(crate) fn mix(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(23);
    }

    /// Nothing more is noted.
    pub(crate) fn trace_ends(&mut self) {
        self.lines = 0;
    }

    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.lines == 0 {
            return;
        }
        if self.trace.len() >= self.lines {
            self.trace.pop_front();
        }
        self.trace.push_back(format!("{:>12.6} {}", self.now.as_secs_f64(), text()));
    }

    /// A book was published.
    pub(crate) fn published(&mut self, id: InstrumentId, head: &Head, keeper: &Keeper, outcome: Outcome) {
        let Some(book) = self.books.get_mut(id.0 as usize) else { return };
        let read = book.view.read();
        let touch = book.view.touch();
        let (from, to) = (book.state, read.state);
        let before = (book.epoch, book.sequence);
        let after = (read.epoch, read.sequence.0);
        (book.state, book.epoch, book.sequence) = (to, read.epoch, read.sequence.0);
        book.live += u64::from(read.is_live());
        let refused = Reason::SubscriptionRejected;
        book.rejected |= to == State::Stale(refused) || to == State::Dead(refused);
        book.rejected &= !read.is_live();
        let whole = read.is_live() && book.live.is_multiple_of(WHOLE_EVERY);
        let (truth, symbol) = (book.truth.clone(), book.symbol.clone());
        self.counted.publications += 1;
        self.mix_view(id, &read);
        // The ordinary is not worth a line.
        if from != to || outcome != Outcome::Applied || head.kind != UpdateKind::Delta {
            self.note(|| describe(&symbol, head, outcome, from, &read, keeper));
        }
        if (keeper.state(), keeper.epoch(), keeper.sequence()) != (read.state, read.epoch, read.sequence)
            || touch.state != read.state
            || touch.get() != read.touch()
        {
            self.fail(|| format!("{symbol}: the view is not the book's: {read:?} {touch:?}"));
        }
        if keeper.buffered() > BUFFERED_MAX {
            self.fail(|| format!("{symbol}: {} messages are kept", keeper.buffered()));
        }
        self.judge_life(&symbol, (from, to), before, after);
        if read.is_live() {
            self.judge_levels(&symbol, &truth, &read, whole.then_some(keeper));
        }
    }

    /// States follow one another by the table, epochs never fall, sequences rise within one.
    fn judge_life(
        &mut self,
        symbol: &str,
        (from, to): (State, State),
        before: (u32, u64),
        after: (u32, u64),
    ) {
        if from != to {
            *self.edges.entry((name(from), name(to))).or_default() += 1;
            if !is_legal(from, to) {
                self.fail(|| format!("{symbol}: from {from} to {to}"));
            }
            if self.calm && from.is_live() {
                self.fail(|| format!("{symbol}: LIVE was lost to {to} though nothing was wrong"));
            }
        }
        if after.0 < before.0 {
            self.fail(|| format!("{symbol}: epoch {} after {}", after.0, before.0));
        }
        if from.is_live() && to.is_live() && after.0 == before.0 && after.1 < before.1 {
            self.fail(|| format!("{symbol}: sequence {} after {} in one epoch", after.1, before.1));
        }
    }

    /// A live book has the true levels at its sequence.
    fn judge_levels(&mut self, symbol: &str, truth: &Truth, read: &BookView, keeper: Option<&Keeper>) {
        self.counted.compared += 1;
        // The proof that a quiet stream has nothing is no message of the venue, and has no stamp of it.
        let sequence = match read.ts_event {
            Nanos::NONE => read.sequence.0,
            ts_event => truth.key(read.sequence.0, ts_event.0),
        };
        let known = read.proven.map(|proven| proven as usize);
        let (price, qty) = (read.price_scale, read.qty_scale);
        let mut verdict = truth.judge_to(self.judged, sequence, price, qty, read.bids(), read.asks());
        if verdict == Verdict::Differs && known.iter().any(|known| *known < self.judged) {
            // Beyond what is proven levels may be missing.
            verdict = begins(truth, sequence, (price, qty), [read.bids(), read.asks()], known);
            if verdict == Verdict::Unknown {
                self.counted.unjudged += 1;
                return;
            }
        }
        if verdict == Verdict::Unknown && sequence == 0 {
            // A venue that counts anew and has sent nothing since: no message ends there.
            self.counted.unjudged += 1;
            return;
        }
        if verdict != Verdict::Equal {
            self.fail(|| format!("{symbol}: LIVE at {sequence}, which {}: {read:?}", wrong(verdict)));
        }
        let Some(keeper) = keeper.filter(|_| self.judged == TRUTH_LEVELS) else { return };
        self.counted.whole += 1;
        let book = keeper.book();
        let [bids, asks] = [Side::Bid, Side::Ask].map(|side| book.levels(side).collect::<Vec<_>>());
        let known = [book.proven(Side::Bid), book.proven(Side::Ask)];
        let verdict = begins(truth, sequence, (price, qty), [&bids, &asks], known);
        // A count of the venue that is over is remembered for twenty levels only.
        if verdict == Verdict::Differs {
            self.fail(|| format!("{symbol}: LIVE at {sequence}, wrong below the best twenty levels"));
        }
    }

    fn mix_view(&mut self, id: InstrumentId, read: &BookView) {
        let [state, reason] = read.state.to_bytes();
        let mut levels = read.bids().len() as u64;
        for level in read.bids().iter().chain(read.asks()) {
            levels = (levels ^ level.price.0 as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ level.qty.0;
            levels ^= levels >> 29;
        }
        let what = u64::from(id.0) << 32 | u64::from(state) << 8 | u64::from(reason);
        for word in [self.now.as_nanos() as u64, what, u64::from(read.epoch), read.sequence.0, levels] {
            self.mix(word);
        }
    }
}

fn wrong(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Equal => "is right",
        Verdict::Differs => "is wrong",
        Verdict::Unknown => "never was the end of a message",
    }
}

/// Does the true book begin with these levels, as far as they are known to be all there are?
fn begins(
    truth: &Truth,
    sequence: u64,
    scales: (u8, u8),
    levels: [&[Level]; 2],
    known: [usize; 2],
) -> Verdict {
    let Some(whole) = truth.whole_at(sequence) else { return Verdict::Unknown };
    // A book may have learned finer scales than the market's; coarser ones could not show it.
    let (price, qty) = truth.scales();
    let finer = |ours: u8, theirs: u8| ours.checked_sub(theirs).map(|digits| 10_i128.pow(u32::from(digits)));
    let (Some(price), Some(qty)) = (finer(scales.0, price), finer(scales.1, qty)) else {
        return Verdict::Differs;
    };
    let equal = |(ours, true_one): (&Level, &Level)| {
        i128::from(ours.price.0) == i128::from(true_one.price.0) * price
            && i128::from(ours.qty.0) == i128::from(true_one.qty.0) * qty
    };
    let same = |whole: &[Level], ours: &[Level], known: usize| {
        let shown = known.min(ours.len());
        whole.len() >= shown && ours.iter().take(shown).zip(whole).all(equal)
    };
    let [bids, asks] = levels;
    let equal = same(&whole.bids, bids, known[0]) && same(&whole.asks, asks, known[1]);
    if equal { Verdict::Equal } else { Verdict::Differs }
}

/// The states without their reasons.
pub(crate) const fn name(state: State) -> &'static str {
    match state {
        State::Init => "INIT",
        State::Syncing => "SYNCING",
        State::Live => "LIVE",
        State::Stale(_) => "STALE",
        State::Dead(_) => "DEAD",
    }
}

/// The changes of state that there may be.
pub(crate) const EDGES: [(&str, &str); 13] = [
    ("INIT", "SYNCING"),
    ("INIT", "STALE"),
    ("INIT", "LIVE"),
    ("INIT", "DEAD"),
    ("SYNCING", "LIVE"),
    ("SYNCING", "STALE"),
    ("SYNCING", "DEAD"),
    ("LIVE", "STALE"),
    ("LIVE", "DEAD"),
    ("STALE", "STALE"),
    ("STALE", "LIVE"),
    ("STALE", "DEAD"),
    ("DEAD", "STALE"),
];

fn is_legal(from: State, to: State) -> bool {
    EDGES.contains(&(name(from), name(to))) || matches!((from, to), (State::Dead(_), State::Dead(_)))
}

fn describe(
    symbol: &str,
    head: &Head,
    outcome: Outcome,
    from: State,
    read: &BookView,
    keeper: &Keeper,
) -> String {
    let mut text = format!(
        "{symbol} {:?} {}..{} -> {outcome:?}: {}",
        head.kind, head.previous.0, head.sequence.0, read.state
    );
    if from != read.state {
        let _ = write!(text, " (was {from})");
    }
    if head.flags.path() > 0 {
        let _ = write!(text, " by path {}", head.flags.path());
    }
    let _ = write!(text, " epoch {} at {} kept {}", read.epoch, read.sequence.0, keeper.buffered());
    text
}
