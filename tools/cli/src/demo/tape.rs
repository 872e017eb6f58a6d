//! The market's messages in wire form, all written before the first is sent: the demo measures the pipeline, not the
//! market.

use touchline::market::{Instrument, Level, Nanos, Side};
use touchline::{Event, Input, Source};
use touchline_capture::CaptureError;
use touchline_venue::binance::exchange::{DepthUpdate, Exchange};

use super::market::{Change, Market};

/// When the tape begins: 2026-01-01 UTC.
const BEGIN_NS: u64 = 1_767_225_600_000_000_000;

/// Changes of the book in one depth message at most.
const CHANGES_MAX: usize = 24;

/// Messages for a pipeline, with the market that sent them.
pub(crate) struct Tape {
    instrument: Instrument,
    market: Market,
    events: Vec<(u64, Sent)>,
    next: usize,
    rest_url: String,
}

/// What the exchange sent.
enum Sent {
    Frame(String),
    Snapshot(String),
}

/// A tape being written.
struct Writer {
    exchange: Exchange,
    market: Market,
    events: Vec<(u64, Sent)>,
    /// Changes not yet sent, the newest of each level.
    pending: Vec<Change>,
    /// The last update id sent, and the first of those pending.
    sent: u64,
    first: u64,
}

impl Tape {
    /// Writes `seconds` of a market that sends `rate` messages a second; `None` for a venue without an exchange side.
    pub(crate) fn record(venue: &str, seed: u64, seconds: u64, rate: u64) -> Option<Self> {
        let (exchange, symbol, mid, scales) = match venue {
            "binance" => (Exchange::spot("BTCUSDT", 2, 5), "BTCUSDT", 6_180_000, (2, 5)),
            "binance-usdm" => (Exchange::usdm("BTCUSDT", 1, 3), "BTCUSDT", 618_000, (1, 3)),
            "binance-coinm" => (Exchange::coinm("BTCUSD_PERP", 1, 0), "BTCUSD_PERP", 618_000, (1, 0)),
            _ => return None,
        };
        let mut instrument = match venue {
            "binance" => provisional::<touchline_venue::binance::Binance>(symbol),
            "binance-usdm" => provisional::<touchline_venue::binance_usdm::BinanceUsdm>(symbol),
            _ => provisional::<touchline_venue::binance_coinm::BinanceCoinm>(symbol),
        };
        (instrument.price_scale, instrument.qty_scale) = scales;
        let rest_url = exchange.snapshot_url();
        let market = Market::new(seed, mid);
        let sent = market.sequence;
        let mut writer = Writer { exchange, market, events: Vec::new(), pending: Vec::new(), sent, first: 0 };
        let (messages, step_ns) = (seconds * rate, 1_000_000_000 / rate);
        // The snapshot comes late, as real ones do: the first deltas have to wait for it.
        let late = (messages / 50).clamp(1, 200);
        let mut snapshot_due = true;
        let mut at = 0;
        while at < messages {
            let before = writer.events.len() as u64;
            writer.step(BEGIN_NS + at * step_ns, at + 1 >= messages);
            at += writer.events.len() as u64 - before;
            if snapshot_due && at >= late {
                snapshot_due = false;
                writer.snapshot(BEGIN_NS + at * step_ns);
            }
        }
        writer.depth(BEGIN_NS + at * step_ns);
        let Writer { market, events, .. } = writer;
        Some(Self { instrument, market, events, next: 0, rest_url })
    }

    /// What is traded.
    pub(crate) fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// The market as it stands after the last message.
    pub(crate) fn truth(&self) -> &Market {
        &self.market
    }

    /// Frames on the tape.
    pub(crate) fn frames(&self) -> u64 {
        self.events.iter().filter(|(_, sent)| matches!(sent, Sent::Frame(_))).count() as u64
    }
}

fn provisional<V: touchline_venue::Venue>(symbol: &str) -> Instrument {
    V::provisional(symbol)
}

impl Writer {
    /// One thing happens, and what the venue sends of it at once: trades and best prices; depth when enough came
    /// together.
    fn step(&mut self, ns: u64, last: bool) {
        let before = self.market.bbo();
        let sequence = self.market.sequence;
        let change = self.market.step();
        if self.pending.is_empty() {
            self.first = sequence + 1;
        }
        self.pending.retain(|old| (old.side, old.level.price) != (change.side, change.level.price));
        self.pending.push(change);
        if let Some(trade) = change.trade {
            let mut text = String::new();
            self.exchange.trade(&mut text, ns / 1_000_000, &trade);
            self.events.push((ns, Sent::Frame(text)));
        }
        let best = self.market.bbo();
        if best != before {
            let mut text = String::new();
            self.exchange.book_ticker(&mut text, ns / 1_000_000, self.market.sequence, &best);
            self.events.push((ns, Sent::Frame(text)));
        }
        if self.pending.len() >= CHANGES_MAX || last {
            self.depth(ns);
        }
    }

    fn depth(&mut self, ns: u64) {
        if self.pending.is_empty() {
            return;
        }
        let side = |side: Side| {
            self.pending.iter().filter(|change| change.side == side).map(|change| change.level).collect()
        };
        let (bids, asks): (Vec<Level>, Vec<Level>) = (side(Side::Bid), side(Side::Ask));
        let update = DepthUpdate {
            event_ms: ns / 1_000_000,
            first: self.first,
            last: self.market.sequence,
            previous: self.sent,
            bids: &bids,
            asks: &asks,
        };
        let mut text = String::new();
        self.exchange.depth_update(&mut text, &update);
        self.events.push((ns, Sent::Frame(text)));
        self.sent = self.market.sequence;
        self.pending.clear();
    }

    fn snapshot(&mut self, ns: u64) {
        let mut text = String::new();
        let (bids, asks) = (self.market.levels(Side::Bid), self.market.levels(Side::Ask));
        self.exchange.snapshot(&mut text, self.market.sequence, ns / 1_000_000, &bids, &asks);
        self.events.push((ns, Sent::Snapshot(text)));
    }
}

impl Source for Tape {
    fn next(&mut self) -> Result<Option<Input<'_>>, CaptureError> {
        let line = self.next as u64;
        let Some((ns, sent)) = self.events.get(self.next) else { return Ok(None) };
        self.next += 1;
        let event = match sent {
            Sent::Frame(text) => Event::Frame(text.as_bytes()),
            Sent::Snapshot(text) => Event::Rest { url: &self.rest_url, body: text.as_bytes() },
        };
        Ok(Some(Input { recv: Nanos(*ns), line, event }))
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (self.next as u64, Some(self.events.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every venue with an exchange side has a tape, with its snapshot among the frames; another has none.
    #[test]
    fn each_venue_has_a_tape() {
        for venue in ["binance", "binance-usdm", "binance-coinm"] {
            let tape = Tape::record(venue, 1, 1, 500).unwrap();
            let snapshots = tape.events.iter().filter(|(_, sent)| matches!(sent, Sent::Snapshot(_))).count();
            assert_eq!(snapshots, 1, "{venue}");
            assert!(tape.frames() >= 500, "{venue}");
            assert!(tape.events.is_sorted_by_key(|(ns, _)| *ns), "{venue}");
        }
        assert!(Tape::record("kraken", 1, 1, 500).is_none());
    }
}
