//! A client that hears a run, with the pipeline that ships, and holds every view against the truth.

use std::cell::RefCell;
use std::rc::Rc;

use touchline::market::{Head, Level, Nanos, Side, State};
use touchline::venue::exchange::Connection;
use touchline::venue::{Blind, Snapshots};
use touchline::{Event, Inline, Input, Keeper, Marking, Observer, Outcome, Plan, Start};

use crate::trace::{BEGIN_US, Trace};

/// What the keeper says after a message: copied out, since the pipeline owns it.
#[derive(Debug, Default)]
struct Seen {
    wants_snapshot: bool,
    /// The whole book, where it was live.
    live: Option<(u64, u64, Vec<Level>, Vec<Level>)>,
}

#[derive(Debug, Default)]
struct Watcher(Rc<RefCell<Seen>>);

impl Observer for Watcher {
    fn book(&mut self, _: &Head, keeper: &Keeper, _: Outcome) {
        let mut seen = self.0.borrow_mut();
        seen.wants_snapshot = keeper.wants_snapshot();
        seen.live = keeper.state().is_live().then(|| {
            let side = |side| keeper.book().levels(side).collect();
            (keeper.sequence().0, keeper.ts_event().0, side(Side::Bid), side(Side::Ask))
        });
    }
}

/// What the judge found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verdicts {
    /// States compared, level by level.
    pub(crate) states: u64,
    /// Of them, wrong ones that nobody could have noticed, by what the venue sends.
    pub(crate) blind: u64,
    /// Messages after which the book was not live.
    pub(crate) not_live: u64,
    /// Faults that were followed by a book that was not live.
    pub(crate) declared: u64,
    /// Faults.
    pub(crate) faults: u64,
}

impl Verdicts {
    pub(crate) fn add(&mut self, other: Self) {
        self.states += other.states;
        self.blind += other.blind;
        self.not_live += other.not_live;
        self.declared += other.declared;
        self.faults += other.faults;
    }
}

/// The client.
pub(crate) struct Player<'a> {
    trace: &'a Trace,
    inline: Inline<Watcher>,
    seen: Rc<RefCell<Seen>>,
    connection: Connection,
    /// The step whose state was last said by the venue.
    pub(crate) at: usize,
    /// The step up to which the venue has written, for answers to this client.
    pub(crate) verdicts: Verdicts,
    line: u64,
    what: String,
    /// The epoch of the last view that was live, and whether one that was not came after it.
    epoch: (u32, bool),
}

impl<'a> Player<'a> {
    /// A client that has just subscribed, after step `at`. Nothing of a book has come yet. `what` names the run.
    pub(crate) fn new(trace: &'a Trace, at: usize, what: &str) -> Self {
        let mut plan = Plan::new(trace.facts);
        plan.marking = Marking::Line;
        plan.instruments = vec![(trace.instrument(), Start::Snapshot)];
        let watcher = Watcher::default();
        let seen = Rc::clone(&watcher.0);
        let (connection, said) = trace.subscribe();
        let mut player = Self {
            trace,
            inline: Inline::new(&plan, watcher),
            seen,
            connection,
            at,
            verdicts: Verdicts::default(),
            line: 0,
            what: what.to_owned(),
            epoch: (0, true),
        };
        let route = trace.facts.access.routes[0].path;
        player.take(Event::Connected { url: &format!("{}{route}", trace.facts.access.ws) });
        for text in said {
            let text = player.seal(&text, None);
            player.frame(&text);
        }
        player
    }

    /// The venue's envelope: in the order of sending, whether or not it arrives.
    fn seal(&mut self, text: &str, stream: Option<&str>) -> String {
        let mut sealed = String::new();
        self.trace.exchange.seal(&mut self.connection, stream, text, &mut sealed);
        sealed
    }

    /// The venue sends the message of a step; what leaves is returned, heard or not.
    pub(crate) fn send(&mut self, step: usize) -> String {
        let trace = self.trace;
        self.at = step;
        self.seal(&trace.steps[step].text, Some(&trace.stream.name))
    }

    /// A frame arrives.
    pub(crate) fn frame(&mut self, text: &str) {
        self.take(Event::Frame(text.as_bytes()));
    }

    /// The snapshot of step `at` comes, the way the venue gives them: by REST, or in the stream after subscribing anew.
    pub(crate) fn snapshot(&mut self, at: usize) {
        let trace = self.trace;
        match trace.facts.texts.snapshots {
            Snapshots::Rest { request, .. } => {
                let path = request(&trace.traded.symbol, 1_000).path;
                let body = trace.rest_snapshot(at);
                self.take(Event::Rest {
                    url: &format!("{}{path}", trace.facts.access.rest),
                    body: body.as_bytes(),
                });
            }
            Snapshots::Stream => {
                let text = self.seal(&trace.stream_snapshot(at), Some(&trace.stream.name));
                self.frame(&text);
            }
        }
    }

    fn take(&mut self, event: Event<'_>) {
        self.line += 1;
        let recv = Nanos((BEGIN_US + self.line * 1_000) * 1_000);
        self.inline.take(Input::new(recv, self.line, event));
        self.judge();
    }

    pub(crate) fn state(&self) -> State {
        self.inline.views()[0].read().state
    }

    pub(crate) fn is_live(&self) -> bool {
        self.state().is_live()
    }

    pub(crate) fn wants_snapshot(&self) -> bool {
        self.seen.borrow().wants_snapshot
    }

    /// Holds the published view, and the whole book behind it, against the truth.
    fn judge(&mut self) {
        let view = self.inline.views()[0].read();
        if !view.state.is_live() {
            self.verdicts.not_live += 1;
            self.epoch.1 = true;
            return;
        }
        let (epoch, interrupted) = std::mem::replace(&mut self.epoch, (view.epoch, false));
        assert!(view.epoch > epoch || !interrupted, "{}: live again in the epoch of before", self.what);
        let at = self.trace.state_of(view.sequence.0, view.ts_event.0);
        let at = at.unwrap_or_else(|| {
            panic!("{}: a view at {:?} {:?}, which never was", self.what, view.sequence, view.ts_event)
        });
        let truth = &self.trace.steps[at].truth;
        self.verdicts.states += 1;
        let scaled = |levels: &[Level]| -> Vec<Level> {
            levels.iter().map(|level| self.at_scales(*level, view.price_scale, view.qty_scale)).collect()
        };
        let (bids, asks) = (scaled(view.bids()), scaled(view.asks()));
        let top = truth.best(touchline::VIEW_DEPTH);
        let whole = {
            let seen = self.seen.borrow();
            let (_, _, bids, asks) = seen.live.as_ref().expect("the keeper says what the view says");
            (scaled(bids), scaled(asks))
        };
        if (bids == top.bids && asks == top.asks) && (whole.0 == truth.bids && whole.1 == truth.asks) {
            return;
        }
        let covered = match self.trace.facts.blind() {
            Blind::Nothing => usize::MAX,
            Blind::Below(levels) => levels,
            Blind::Everything => 0,
        };
        let same =
            |ours: &[Level], theirs: &[Level]| ours.iter().take(covered).eq(theirs.iter().take(covered));
        assert!(
            same(&whole.0, &truth.bids) && same(&whole.1, &truth.asks),
            "{}: LIVE and wrong at step {at} of {}:\nbids {:?}\ntrue {:?}\nasks {:?}\ntrue {:?}",
            self.what,
            self.at,
            &whole.0[..whole.0.len().min(12)],
            &truth.bids[..truth.bids.len().min(12)],
            &whole.1[..whole.1.len().min(12)],
            &truth.asks[..truth.asks.len().min(12)],
        );
        self.verdicts.blind += 1;
    }

    /// A level of a view at the market's scales.
    fn at_scales(&self, level: Level, price_scale: u8, qty_scale: u8) -> Level {
        let traded = &self.trace.traded;
        let price = 10_i64.pow(u32::from(price_scale.saturating_sub(traded.price_scale)));
        let qty = 10_u64.pow(u32::from(qty_scale.saturating_sub(traded.qty_scale)));
        assert!(price_scale >= traded.price_scale && qty_scale >= traded.qty_scale, "{}: scales", self.what);
        assert!(
            level.price.0 % price == 0 && level.qty.0.is_multiple_of(qty),
            "{}: digits appeared",
            self.what
        );
        Level::new(level.price.0 / price, level.qty.0 / qty)
    }

    /// Every message is accounted for.
    pub(crate) fn finish(self) -> Verdicts {
        assert!(self.inline.counters().balances(), "{}: {:?}", self.what, self.inline.counters());
        for book in self.inline.report() {
            assert!(book.counters.balance(book.buffered), "{}: {:?}", self.what, book.counters);
        }
        self.verdicts
    }
}
