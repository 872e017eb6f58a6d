//! A recording in place of a market: its frames at their pace, its snapshots as they were.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Instant;

use touchline_capture::import::{self, Options, Recording};
use touchline_capture::journal::{Entry, EntryKind};
use touchline_market::Nanos;
use touchline_venue::exchange::{Exchange, Resource};

use crate::config::{Playback, StartError};

/// What leads to the part that is played goes so fast: a client has room to ask for its snapshot meanwhile.
const LEAD_FRAMES_PER_SECOND: f64 = 5_000.0;

/// A recording being played. It begins with the first subscription, and its end is silence.
///
/// Of a journal it plays what came by the first of the paths that brought the same books. An answer that was asked for
/// only to find out how far the venue is, is no snapshot.
pub(crate) struct Player {
    recording: Recording,
    path: PathBuf,
    /// Requests that ask only how far the venue is.
    probes: HashSet<(u16, u64)>,
    speed: f64,
    begin: Nanos,
    from: Nanos,
    to: Nanos,
    /// What leads to the part: since when, and how many frames.
    lead: Option<(Instant, u64)>,
    /// When the part began, and the stamp it began with.
    begun: Option<(Instant, Nanos)>,
    /// The frame that is not due yet.
    next: Option<(Nanos, String)>,
    /// Bodies by symbol, the newest before the present position.
    snapshots: HashMap<String, String>,
    list: Option<String>,
}

impl std::fmt::Debug for Player {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Player").field("at", &self.recording.number()).finish_non_exhaustive()
    }
}

impl Player {
    pub(crate) fn open(playback: &Playback, exchange: &dyn Exchange) -> Result<Self, StartError> {
        let wrong =
            |cause: String| StartError::Recording { path: playback.path.display().to_string(), cause };
        let options = Options { form: None, rest_url: playback.rest_url.clone() };
        let mut player = Self {
            recording: import::open(&playback.path, &options).map_err(|error| wrong(error.to_string()))?,
            path: playback.path.clone(),
            probes: HashSet::new(),
            speed: playback.speed,
            begin: playback.begin,
            from: playback.from,
            to: playback.to,
            lead: None,
            begun: None,
            next: None,
            snapshots: HashMap::new(),
            list: None,
        };
        player.advance(exchange).map_err(wrong)?;
        if player.next.is_none() {
            return Err(wrong("there is no text frame in it".to_owned()));
        }
        Ok(player)
    }

    /// Hands out the frames that are due.
    pub(crate) fn play(&mut self, exchange: &dyn Exchange, now: Instant, mut frame: impl FnMut(&str)) {
        while let Some((stamp, text)) = &self.next {
            if self.begun.is_none() && *stamp < self.from {
                let (since, frames) = self.lead.get_or_insert((now, 0));
                let due = now.saturating_duration_since(*since).as_secs_f64() * LEAD_FRAMES_PER_SECOND;
                if *frames as f64 > due {
                    return;
                }
                *frames += 1;
            } else {
                let (begun, first) = *self.begun.get_or_insert((now, *stamp));
                let due = now.saturating_duration_since(begun).as_secs_f64() * self.speed;
                if stamp.0.saturating_sub(first.0) as f64 / 1e9 > due {
                    return;
                }
            }
            frame(text);
            // A recording that breaks off is a recording that ends.
            if self.advance(exchange).is_err() {
                self.next = None;
            }
        }
    }

    /// The body of a symbol's snapshot, as it was last before the present position.
    pub(crate) fn snapshot(&self, symbol: &str) -> Option<&str> {
        self.snapshots.get(symbol).map(String::as_str)
    }

    /// The list of instruments, if the recording had it so far.
    pub(crate) fn list(&self) -> Option<&str> {
        self.list.as_deref()
    }

    /// Reads on to the next frame; what REST answered on the way is kept.
    fn advance(&mut self, exchange: &dyn Exchange) -> Result<(), String> {
        self.next = None;
        loop {
            let entry = match self.recording.next() {
                Ok(Some(entry)) => entry,
                Ok(None) => {
                    let Recording::Journal(journal) = &mut self.recording else { return Ok(()) };
                    let Some((next, path)) = journal.next_file(&self.path) else { return Ok(()) };
                    (**journal, self.path) = (next, path);
                    continue;
                }
                Err(error) => return Err(error.to_string()),
            };
            let Entry { kind, reader, source, recv, payload, .. } = entry;
            match kind {
                EntryKind::Text | EntryKind::Rest if recv >= self.to => return Ok(()),
                EntryKind::Text if entry.path == 0 && recv >= self.begin => {
                    self.next = Some((recv, String::from_utf8_lossy(payload).into_owned()));
                    return Ok(());
                }
                EntryKind::Asked if payload.starts_with(b"probe ") => {
                    _ = self.probes.insert((reader, source))
                }
                EntryKind::Rest if !self.probes.remove(&(reader, source)) => {
                    let text = String::from_utf8_lossy(payload);
                    let (url, body) = text.split_once(' ').unwrap_or((&text, ""));
                    let path = url
                        .split_once("://")
                        .and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
                    match exchange.resource(path.unwrap_or(url)) {
                        Resource::Snapshot { symbol, .. } if recv >= self.begin => {
                            self.snapshots.insert(symbol, body.to_owned());
                        }
                        Resource::Instruments { .. } => self.list = Some(body.to_owned()),
                        Resource::Snapshot { .. } | Resource::Unknown | Resource::Illegal => {}
                    }
                }
                _ => {}
            }
        }
    }
}
