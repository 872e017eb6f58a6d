//! What a feed is made from and told, as it stands in a journal.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use touchline_feed::Rules;
use touchline_market::{Channel, Instrument, InstrumentId, Venue};

use crate::live::control::{Control, Subscribe};

/// The version of these words. A journal of another one cannot be run again, its frames can still be read.
pub(crate) const WORDS: u32 = 1;

/// All that decides what a feed does with what comes: the payload of a journal's
/// [`Setup`](touchline_capture::journal::EntryKind::Setup).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SetupWord {
    /// [`WORDS`].
    pub(crate) words: u32,
    /// The version of Touchline that wrote it.
    pub(crate) touchline: String,
    /// Books are built on their readers' threads.
    pub(crate) direct: bool,
    /// How many groups of books there are.
    pub(crate) groups: usize,
    pub(crate) paths: u8,
    pub(crate) snapshot_levels: u32,
    pub(crate) ring_records: usize,
    /// How often a book's hash is written down, by the stamps of what came for it.
    pub(crate) hash_every_ns: u64,
    pub(crate) rules: Rules,
    pub(crate) readers: Vec<ReaderWord>,
}

/// One reader.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ReaderWord {
    /// What its retries are spread by.
    pub(crate) seed: u64,
    /// What it subscribes to at the start.
    pub(crate) first: Vec<SubscribeWord>,
}

/// A subscription.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SubscribeWord {
    pub(crate) id: u32,
    pub(crate) desk: u32,
    pub(crate) outlet: usize,
    pub(crate) instrument: Instrument,
    pub(crate) channels: Vec<Channel>,
    pub(crate) venue: Venue,
    pub(crate) ws: String,
    pub(crate) rest: String,
}

/// What another thread told a reader, as far as it decides anything: the payload of a
/// [`Control`](touchline_capture::journal::EntryKind::Control).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ControlWord {
    Subscribe(Box<SubscribeWord>),
    Unsubscribe { id: u32, channels: Vec<Channel> },
    Snapshots(Vec<(u32, bool)>),
    Stop,
}

impl ControlWord {
    /// `None` for what is asked of a reader and changes nothing.
    pub(crate) fn of(control: &Control) -> Option<Self> {
        Some(match control {
            Control::Subscribe(subscribe) => Self::Subscribe(Box::new(SubscribeWord::of(subscribe))),
            Control::Unsubscribe { id, channels } => {
                Self::Unsubscribe { id: *id, channels: channels.clone() }
            }
            Control::Snapshots(needs) => Self::Snapshots(needs.clone()),
            Control::Stop => Self::Stop,
            Control::Consumer(_) | Control::Books(_) | Control::Report(..) => return None,
        })
    }
}

impl SubscribeWord {
    pub(crate) fn of(subscribe: &Subscribe) -> Self {
        Self {
            id: subscribe.id,
            desk: subscribe.desk.0,
            outlet: subscribe.outlet,
            instrument: Instrument::clone(&subscribe.instrument),
            channels: subscribe.channels.clone(),
            venue: subscribe.venue.name,
            ws: subscribe.ws.as_ref().to_owned(),
            rest: subscribe.rest.as_ref().to_owned(),
        }
    }

    /// The subscription; `None` if its venue is not known here.
    pub(crate) fn subscribe(&self) -> Option<Subscribe> {
        Some(Subscribe {
            id: self.id,
            desk: InstrumentId(self.desk),
            outlet: self.outlet,
            instrument: Arc::new(self.instrument.clone()),
            channels: self.channels.clone(),
            venue: touchline_venue::find(self.venue.as_str())?,
            ws: self.ws.as_str().into(),
            rest: self.rest.as_str().into(),
        })
    }
}
