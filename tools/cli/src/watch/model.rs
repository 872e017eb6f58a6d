//! What a watch shows, as plain values: the screen and the lines are functions of it.

use std::collections::VecDeque;
use std::time::Duration;

use touchline::market::{Decimal, Level, Nanos, State};
use touchline::{BookView, TradeView, VIEW_DEPTH};

/// Status lines that are kept.
pub(crate) const STATUSES: usize = 64;

/// Everything that is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// By our clock.
    pub(crate) now: Nanos,
    /// Since the watch began.
    pub(crate) uptime: Duration,
    pub(crate) books: Vec<Book>,
    /// The last second's, in the order of the journey; those without a value are left out.
    pub(crate) stages: Vec<Figures>,
    pub(crate) connections: Vec<Connection>,
    /// Newest last.
    pub(crate) statuses: VecDeque<Status>,
}

/// One instrument.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    /// With its venue.
    pub(crate) name: String,
    /// What it is worth.
    pub(crate) state: State,
    pub(crate) epoch: u32,
    pub(crate) sequence: u64,
    pub(crate) price_scale: u8,
    pub(crate) qty_scale: u8,
    /// The best ones, best first.
    pub(crate) bids: Vec<Level>,
    pub(crate) asks: Vec<Level>,
    /// How many there are: bids, asks.
    pub(crate) levels: [u32; 2],
    /// When its newest message came; no stamp before the first.
    pub(crate) heard: Nanos,
    /// Of all channels, since it began.
    pub(crate) messages: u64,
    /// Messages a second.
    pub(crate) rate: f64,
    pub(crate) trade: Option<TradeView>,
}

/// What a stage took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    pub(crate) stage: &'static str,
    pub(crate) count: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

/// One connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Connection {
    pub(crate) number: u32,
    pub(crate) venue: String,
    pub(crate) url: String,
    pub(crate) phase: String,
    /// Acknowledged, and in all.
    pub(crate) streams: [usize; 2],
    /// Attempts to connect since the watch began, beyond the first.
    pub(crate) reconnects: u32,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Status {
    pub(crate) at: Nanos,
    /// An instrument or a connection.
    pub(crate) whose: String,
    pub(crate) what: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Happening {
    /// An instrument is worth something else from now on.
    State { from: State, to: State, epoch: u32, why: Option<String> },
    /// To a connection.
    Connection(String),
    /// Something else a person wants to know.
    Note(String),
}

impl Status {
    /// What happened, in words.
    pub(crate) fn text(&self) -> String {
        match &self.what {
            Happening::State { from, to, epoch, why } => {
                let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                format!("{from} -> {to}, epoch {epoch}{why}")
            }
            Happening::Connection(text) | Happening::Note(text) => text.clone(),
        }
    }

    /// What the instrument is worth from then on; none for a connection.
    pub(crate) fn state(&self) -> Option<State> {
        match self.what {
            Happening::State { to, .. } => Some(to),
            Happening::Connection(_) | Happening::Note(_) => None,
        }
    }
}

impl Model {
    /// Adds a status line, and forgets the oldest if there are too many.
    pub(crate) fn tell(&mut self, status: Status) {
        if self.statuses.len() == STATUSES {
            self.statuses.pop_front();
        }
        self.statuses.push_back(status);
    }

    /// How many instruments may be traded on.
    pub(crate) fn live(&self) -> usize {
        self.books.iter().filter(|book| book.state.is_live()).count()
    }

    /// Messages a second, of all instruments.
    pub(crate) fn rate(&self) -> f64 {
        self.books.iter().map(|book| book.rate).sum()
    }
}

impl Book {
    /// Takes over what a view shows; `state` stays.
    pub(crate) fn take(&mut self, view: &BookView<VIEW_DEPTH>) {
        (self.epoch, self.sequence) = (view.epoch, view.sequence.0);
        (self.price_scale, self.qty_scale) = (view.price_scale, view.qty_scale);
        self.bids.clear();
        self.bids.extend_from_slice(view.bids());
        self.asks.clear();
        self.asks.extend_from_slice(view.asks());
        self.levels = view.levels;
    }

    /// How long ago its newest message came.
    pub(crate) fn age(&self, now: Nanos) -> Option<Duration> {
        self.heard.get().map(|heard| Duration::from_nanos(now.0.saturating_sub(heard)))
    }

    /// Best ask less best bid.
    pub(crate) fn spread(&self) -> Option<Decimal> {
        let (bid, ask) = (self.bids.first()?, self.asks.first()?);
        let mantissa = i128::from(ask.price.0) - i128::from(bid.price.0);
        Some(Decimal { mantissa, scale: self.price_scale })
    }

    /// The spread in ten-thousandths of the price; none around a price of zero.
    pub(crate) fn spread_bps(&self) -> Option<f64> {
        let (bid, ask) = (self.bids.first()?.price.0 as f64, self.asks.first()?.price.0 as f64);
        let middle = f64::midpoint(bid, ask).abs();
        (middle > 0.0).then(|| (ask - bid) / middle * 1e4)
    }

    /// A price as text.
    pub(crate) fn price(&self, level: &Level) -> String {
        level.price.at(self.price_scale).to_string()
    }

    /// A quantity as text.
    pub(crate) fn qty(&self, level: &Level) -> String {
        level.qty.at(self.qty_scale).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(bid: i64, ask: i64) -> Book {
        Book {
            bids: vec![Level::new(bid, 1)],
            asks: vec![Level::new(ask, 1)],
            price_scale: 2,
            ..Book::default()
        }
    }

    /// Ordinary, negative, extreme and absent prices: exact, and no division by zero.
    #[test]
    fn spreads_are_exact() {
        let shown = |book: Book| book.spread().map(|spread| spread.to_string());
        assert_eq!(shown(book(9_999, 10_001)).as_deref(), Some("0.02"));
        assert_eq!(book(9_999, 10_001).spread_bps().map(f64::round), Some(2.0));
        assert_eq!(shown(book(-5, 5)).as_deref(), Some("0.1"));
        assert_eq!(book(-5, 5).spread_bps(), None);
        assert_eq!(shown(book(i64::MIN, i64::MAX)).as_deref(), Some("184467440737095516.15"));
        assert_eq!(shown(Book::default()), None);
    }

    /// The newest status lines are kept, the oldest forgotten.
    #[test]
    fn status_lines_are_bounded() {
        let mut model = Model::default();
        for at in 0..STATUSES as u64 + 3 {
            let what = Happening::Note(String::new());
            model.tell(Status { at: Nanos(at), whose: String::new(), what });
        }
        assert_eq!((model.statuses.len(), model.statuses[0].at), (STATUSES, Nanos(3)));
    }
}
