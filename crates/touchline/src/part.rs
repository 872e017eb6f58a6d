//! Which part of a recording is meant.

use std::path::Path;
use std::time::Duration;

use touchline_capture::import;
use touchline_market::Nanos;

use crate::Error;
use crate::recording::{Recording, Window};
use crate::source::Source;

/// A moment of a recording, by the stamps of receipt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Point {
    /// By the wall clock.
    At(Nanos),
    /// So long after the first entry.
    After(Duration),
}

/// Which part of a recording is replayed.
///
/// A book that begins in the middle knows nothing of what stood there before: only a snapshot says. So what came before
/// the part is read as well and leads there, without being waited for or measured: books are then at `from` what they
/// were. With a `warm_up` no more than that is read before `from`, which a journal finds by its index; a book that has no
/// snapshot in what is read is not LIVE.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Part {
    /// Where it begins; the beginning if none.
    pub from: Option<Point>,
    /// Where it ends: what came then is not in it any more. The end if none.
    pub to: Option<Point>,
    /// How much of what came before is read; all of it if none.
    pub warm_up: Option<Duration>,
}

impl Part {
    /// The part in stamps.
    pub(crate) fn window(&self, path: &Path) -> Result<Window, Error> {
        if self.from.is_none() && self.to.is_none() {
            return Ok(Window::ALL);
        }
        let first = match (self.from, self.to) {
            (Some(Point::After(_)), _) | (_, Some(Point::After(_))) => first_stamp(path)?,
            _ => Nanos::NONE,
        };
        let resolve = |point| match point {
            Point::At(at) => at,
            Point::After(offset) => Nanos(first.0.saturating_add(nanos(offset))),
        };
        let from = self.from.map_or(Nanos(0), resolve);
        let to = self.to.map_or(Nanos(u64::MAX), resolve);
        if to <= from {
            return Err(Error::Backwards { from, to });
        }
        let begin = self.warm_up.map_or(0, |warm_up| from.0.saturating_sub(nanos(warm_up)));
        Ok(Window { begin: Nanos(begin), from, to })
    }
}

/// The error for a window in which nothing was received.
pub(crate) fn nothing_there(path: &Path, window: Window) -> Error {
    let between = match window.to {
        Nanos(u64::MAX) => format!("from {} on", import::utc(window.from)),
        to if window.from.0 == 0 => format!("before {}", import::utc(to)),
        to => format!("from {} to {}", import::utc(window.from), import::utc(to)),
    };
    match first_stamp(path) {
        Ok(begins) => Error::NothingThere { path: path.to_owned(), between, begins },
        Err(error) => error,
    }
}

/// When the first entry came.
fn first_stamp(path: &Path) -> Result<Nanos, Error> {
    let mut recording = Recording::open(path)?;
    loop {
        match recording.next() {
            Ok(Some(input)) if input.recv != Nanos::NONE => return Ok(input.recv),
            Ok(Some(_)) => {}
            Err(error) if !error.is_final() => {}
            Ok(None) | Err(_) => return Ok(Nanos::NONE),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
