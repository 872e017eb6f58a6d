//! A recording in place of a market: its frames at their pace, its snapshots as they were.

use std::collections::HashMap;
use std::fs::File;
use std::time::Instant;

use touchline_capture::{Kind, Reader};
use touchline_venue::exchange::{Exchange, Resource};

use crate::config::{Playback, StartError};

/// A recording being played. It begins with the first subscription, and its end is silence.
pub(crate) struct Player {
    reader: Reader<File>,
    speed: f64,
    /// When it began, and the stamp it began with.
    begun: Option<(Instant, u64)>,
    /// The frame that is not due yet.
    next: Option<(u64, String)>,
    /// Bodies by symbol, the newest before the present position.
    snapshots: HashMap<String, String>,
    list: Option<String>,
}

impl std::fmt::Debug for Player {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Player").field("at", &self.reader.position()).finish_non_exhaustive()
    }
}

impl Player {
    pub(crate) fn open(playback: &Playback, exchange: &dyn Exchange) -> Result<Self, StartError> {
        let wrong =
            |cause: String| StartError::Recording { path: playback.path.display().to_string(), cause };
        let mut player = Self {
            reader: Reader::open(&playback.path).map_err(|error| wrong(error.to_string()))?,
            speed: playback.speed,
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
            let (begun, first) = *self.begun.get_or_insert((now, *stamp));
            let due = now.saturating_duration_since(begun).as_secs_f64() * self.speed;
            if stamp.saturating_sub(first) as f64 / 1e9 > due {
                return;
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
        while let Some(record) = self.reader.next().map_err(|error| error.to_string())? {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            if record.kind == Kind::Text {
                self.next = Some((record.recv.0, text(record.payload)));
                return Ok(());
            }
            let Some((url, body)) = record.rest() else { continue };
            let path =
                url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
            match exchange.resource(path.unwrap_or(url)) {
                Resource::Snapshot { symbol, .. } => {
                    self.snapshots.insert(symbol, text(body));
                }
                Resource::Instruments { .. } => self.list = Some(text(body)),
                Resource::Unknown | Resource::Illegal => {}
            }
        }
        Ok(())
    }
}
