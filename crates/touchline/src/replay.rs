//! A recording of any form through the pipeline that live data takes.

use std::path::{Path, PathBuf};

use touchline_book::Start;
use touchline_market::{Address, Instrument, What};

use crate::Error;
use crate::part::{Part, nothing_there};
use crate::pipeline::{self, Finished, Marking, Observer, Overflow, Pace, Placement, Plan, Running};
use crate::recording::{Reading, Recording, Window};
use crate::survey::Survey;

/// Replays a recording.
///
/// ```no_run
/// let replay = touchline::Replay::open("btcusdt.cap.zst")?;
/// let running = replay.start()?;
/// let btc = running.view("binance-usdm:@BTCUSDT")?; // Clone, Send, Sync
/// while !running.is_finished() {
///     if let Some((bid, ask)) = btc.read().touch() {
///         println!("{} / {}", bid.price.at(btc.instrument().price_scale), ask.price.at(btc.instrument().price_scale));
///     }
/// }
/// let finished = running.join()?;
/// assert!(finished.balances());
/// # Ok::<(), touchline::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Replay {
    path: PathBuf,
    survey: Survey,
    plan: Plan,
}

impl Replay {
    /// Surveys the recording at `path`; every instrument in it is subscribed to.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::UnknownRecording`], [`Error::SeveralVenues`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_part(path, None, &Part::default())
    }

    /// As [`open`](Self::open), in the dialect of `venue` whatever the recording says.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::UnknownRecording`], [`Error::UnknownVenue`].
    pub fn open_as(path: impl AsRef<Path>, venue: &str) -> Result<Self, Error> {
        Self::open_part(path, Some(venue), &Part::default())
    }

    /// As [`open`](Self::open), or in the dialect of `venue`, of a part of the recording.
    ///
    /// # Errors
    /// As [`open_as`](Self::open_as); [`Error::Backwards`], [`Error::NothingThere`].
    pub fn open_part(path: impl AsRef<Path>, venue: Option<&str>, part: &Part) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let unknown = |name: &str| Error::UnknownVenue { name: name.to_owned() };
        let venue = venue.map(|name| touchline_venue::find(name).ok_or_else(|| unknown(name))).transpose()?;
        let window = part.window(&path)?;
        let survey = Survey::of_part(&path, venue, Reading { window, ..Reading::default() })?;
        if window != Window::ALL && survey.lines == 0 && survey.damage.is_none() {
            return Err(nothing_there(&path, window));
        }
        let start = if survey.has_snapshot { Start::Snapshot } else { Start::Empty };
        let mut plan = Plan::new(survey.venue);
        plan.instruments =
            survey.instruments.iter().map(|surveyed| (surveyed.instrument.clone(), start)).collect();
        Ok(Self { path, survey, plan })
    }

    /// Subscribes to these instruments only (`venue:BASE-QUOTE…` or `venue:@SYMBOL`); the others' messages are
    /// ignored as not subscribed.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::UnknownInstrument`].
    pub fn only<'a>(mut self, addresses: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let all = std::mem::take(&mut self.plan.instruments);
        for text in addresses {
            let address: Address = text.parse()?;
            let found = all.iter().find(|(instrument, _)| is_at(instrument, &address));
            let found = found.ok_or_else(|| unknown(text, all.iter().map(|(instrument, _)| instrument)))?;
            // Two names of one instrument are one wish.
            if !self.plan.instruments.iter().any(|(instrument, _)| instrument.symbol == found.0.symbol) {
                self.plan.instruments.push(found.clone());
            }
        }
        Ok(self)
    }

    /// Where books are built; a book thread by default.
    #[must_use]
    pub fn placement(mut self, placement: Placement) -> Self {
        self.plan.placement = placement;
        self
    }

    /// How fast; as fast as possible by default.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.plan.pace = pace;
        self
    }

    /// Cores for the reader's and the book's thread; not pinned by default.
    #[must_use]
    pub fn cores(mut self, reader: usize, book: usize) -> Self {
        self.plan.cores = [Some(reader), Some(book)];
        self
    }

    /// Records of the ring; [`RING_RECORDS`](crate::RING_RECORDS) by default.
    #[must_use]
    pub fn ring_records(mut self, records: usize) -> Self {
        self.plan.ring_records = records;
        self
    }

    /// What a full ring means; by default the reader waits.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.plan.overflow = overflow;
        self
    }

    /// What the recording holds.
    #[must_use]
    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// The recording's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the pipeline will be made from.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The recording from where it is to be read.
    pub(crate) fn recording(&self) -> Result<Recording, Error> {
        Recording::open_for(&self.path, &self.survey.reading)
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Thread`].
    pub fn start(self) -> Result<Running<()>, Error> {
        self.start_observed((), Marking::Clock)
    }

    /// Starts the threads with an observer on the books.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Thread`].
    pub fn start_observed<O>(mut self, observer: O, marking: Marking) -> Result<Running<O>, Error>
    where
        O: Observer + Send + 'static,
    {
        self.plan.marking = marking;
        let recording = self.recording()?;
        pipeline::start(self.plan, recording, observer)
    }

    /// Replays to the end.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Thread`], [`Error::Panicked`].
    pub fn run(self) -> Result<Finished<()>, Error> {
        self.start()?.join()
    }
}

/// Is this the instrument of that address?
pub(crate) fn is_at(instrument: &Instrument, address: &Address) -> bool {
    instrument.venue == address.venue
        && match &address.what {
            What::Name(name) => instrument.name == *name,
            What::Symbol(symbol) => instrument.symbol == *symbol,
        }
}

/// The error for an address that none of these instruments has.
pub(crate) fn unknown<'a>(asked: &str, instruments: impl ExactSizeIterator<Item = &'a Instrument>) -> Error {
    const SHOWN: usize = 8;
    let more = instruments.len() > SHOWN;
    let mut names: Vec<_> = instruments
        .take(SHOWN)
        .map(|instrument| format!("{}:{}", instrument.venue, instrument.name))
        .collect();
    if more {
        names.push("…".to_owned());
    }
    Error::UnknownInstrument { asked: asked.to_owned(), available: names.join(", ") }
}
