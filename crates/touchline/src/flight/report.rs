//! An incident as text: what is printed, written to files, and read back.

use serde::{Deserialize, Serialize};
use touchline_market::{Flags, Head, Level, Side, UpdateKind};

use super::Incident;
use super::ring::{Effect, Passed};
use crate::pipeline::Marking;

/// The version of the form.
const FORMAT: u32 = 1;

/// An incident with every number as exact text; its JSON is what `touchline why --json` and the incident files hold.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct IncidentReport {
    /// Version of the form.
    pub format: u32,
    /// The instrument's address, `venue:NAME`.
    pub instrument: String,
    /// The venue's text for it.
    pub symbol: String,
    /// When, in ns since 1970 UTC by our clock; 0 if nobody knows.
    pub at_ns: u64,
    /// What the book was worth before.
    pub from: String,
    /// What it was worth from then on.
    pub to: String,
    /// The reason in a word or two.
    pub reason: String,
    /// What happened, in one sentence.
    pub why: String,
    /// How often the book had begun anew.
    pub epoch: u32,
    /// The book's sequence before the message.
    pub sequence: u64,
    /// The line of the recording that did it, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// That line's frame: its beginning, with everything unprintable escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// The message that did it.
    pub message: MessageReport,
    /// Its levels, the first 64.
    pub levels: Vec<LevelReport>,
    /// The book's best ten bids after it: price and quantity.
    pub best_bids: Vec<[String; 2]>,
    /// The book's best ten asks after it.
    pub best_asks: Vec<[String; 2]>,
    /// The messages before it, the oldest first.
    pub before: Vec<MessageReport>,
}

/// A message without its levels.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MessageReport {
    /// The line of the recording that brought it, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// `snapshot`, `rest snapshot`, `delta`, `depth` or `break`.
    pub kind: String,
    /// The venue's stamp in ns; 0 without one.
    pub ts_event_ns: u64,
    /// Our stamp in ns; 0 without one.
    pub ts_recv_ns: u64,
    /// The sequence it follows.
    pub previous: u64,
    /// The sequence it brings the book to.
    pub sequence: u64,
    /// Bid levels in it.
    pub bids: u16,
    /// Ask levels in it.
    pub asks: u16,
    /// Which of several connections brought it.
    pub path: u8,
    /// Was the book LIVE after it?
    pub live: bool,
    /// What became of it: `applied`, `kept`, `old`, `ignored`, `too old`, `gap`, `rejected`, `broken`.
    pub effect: String,
}

/// A level of a message.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct LevelReport {
    /// `bid` or `ask`.
    pub side: String,
    /// The price.
    pub price: String,
    /// The quantity; 0 removes the level.
    pub qty: String,
}

impl IncidentReport {
    /// An incident as text. `marking` says whether its messages carry lines.
    #[must_use]
    pub fn new(incident: &Incident, marking: Marking) -> Self {
        let Incident { instrument, head, scales: [price_scale, qty_scale], .. } = incident;
        let best = |levels: &[Level]| {
            let text = |level: &Level| {
                [level.price.at(*price_scale).to_string(), level.qty.at(*qty_scale).to_string()]
            };
            levels.iter().map(text).collect()
        };
        let [bids, asks] = &incident.best;
        let message = Passed { head: *head, effect: Effect::from(incident.outcome), live: false };
        let message = MessageReport::new(&message, marking);
        Self {
            format: FORMAT,
            instrument: format!("{}:{}", instrument.venue, instrument.name),
            symbol: instrument.symbol.clone(),
            at_ns: incident.at().0,
            from: incident.from.to_string(),
            to: incident.to.to_string(),
            reason: incident.reason().map_or("", touchline_market::Reason::name).to_owned(),
            why: incident.why(),
            epoch: incident.epoch,
            sequence: incident.sequence.0,
            line: message.line,
            frame: None,
            message,
            levels: incident
                .levels
                .iter()
                .map(|&(side, level)| LevelReport::new(head, side, level))
                .collect(),
            best_bids: best(bids),
            best_asks: best(asks),
            before: incident.before.iter().map(|passed| MessageReport::new(passed, marking)).collect(),
        }
    }

    /// Reads what was written; `None` if the text is no incident of this version.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().filter(|report: &Self| report.format == FORMAT)
    }
}

impl MessageReport {
    fn new(passed: &Passed, marking: Marking) -> Self {
        let head = &passed.head;
        let (bids, asks) = match head.kind {
            UpdateKind::Break => (0, 0), // They say which channel broke.
            _ => (head.bids, head.asks),
        };
        Self {
            line: (marking == Marking::Line).then_some(head.mark),
            kind: kind(head).to_owned(),
            ts_event_ns: head.ts_event.0,
            ts_recv_ns: head.ts_recv.0,
            previous: head.previous.0,
            sequence: head.sequence.0,
            bids,
            asks,
            path: head.flags.path(),
            live: passed.live,
            effect: passed.effect.name().to_owned(),
        }
    }
}

impl LevelReport {
    fn new(head: &Head, side: Side, level: Level) -> Self {
        let side = if side == Side::Bid { "bid" } else { "ask" };
        let (price, qty) = (level.price.at(head.price_scale), level.qty.at(head.qty_scale));
        Self { side: side.to_owned(), price: price.to_string(), qty: qty.to_string() }
    }
}

fn kind(head: &Head) -> &'static str {
    match head.kind {
        UpdateKind::Snapshot if head.flags.has(Flags::BESIDE_STREAM) => "rest snapshot",
        UpdateKind::Snapshot => "snapshot",
        UpdateKind::Delta => "delta",
        UpdateKind::Break => "break",
        other => other.channel().name(),
    }
}
