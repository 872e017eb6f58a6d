//! A first look at a recording: its venue, its instruments, whether its books begin with a snapshot.

use std::collections::HashMap;
use std::path::Path;

use touchline_capture::import::{Form, ImportError, symbol_of};
use touchline_market::{Head, Instrument, InstrumentId, Record, Sink, SinkFull, UpdateKind};
use touchline_venue::{Adopt, Dialect, Listing, Rest, Snapshots, VenueFacts};

use crate::Error;
use crate::recording::{Reading, Recording, Window};
use crate::source::{Event, Input, Source};

/// Levels that stand in a URL made for a snapshot without one. They say nothing of the body.
const LEVELS: u32 = 1_000;

/// Most updates of one kind a recording's instruments are remembered with.
const KINDS: usize = UpdateKind::ALL.len();

/// What a recording holds.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The venue whose dialect the recording is read in.
    pub venue: &'static VenueFacts,
    /// Whole lines, or entries of a journal, in what was asked for.
    pub lines: u64,
    /// Received frames in what was asked for.
    pub frames: u64,
    /// Instruments with at least one update, in the order they came.
    pub instruments: Vec<Surveyed>,
    /// Does any book snapshot stand in what is read? If not, books begin empty at their first delta.
    pub has_snapshot: bool,
    /// The first thing wrong with the file itself.
    pub damage: Option<String>,
    /// How the recording is read.
    pub(crate) reading: Reading,
    several_venues: bool,
}

/// An instrument of a recording.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// From the venue's list where the recording holds one, else learned from the data.
    pub instrument: Instrument,
    /// Updates by [`UpdateKind::ALL`].
    pub updates: [u64; KINDS],
}

impl Surveyed {
    /// Has it a book: snapshots or deltas?
    #[must_use]
    pub fn has_book(&self) -> bool {
        self.book_updates() > 0
    }

    /// Snapshots and deltas.
    #[must_use]
    pub fn book_updates(&self) -> u64 {
        let of = |kind: UpdateKind| self.updates.get(kind as usize - 1).copied().unwrap_or_default();
        of(UpdateKind::Snapshot) + of(UpdateKind::Delta)
    }
}

impl Survey {
    /// Is it a journal of several venues, of which one is read?
    #[must_use]
    pub fn is_of_several_venues(&self) -> bool {
        self.several_venues
    }

    /// Where REST bodies were asked for that stand in the recording without their URL; empty if that is not known, or
    /// there are none.
    #[must_use]
    pub fn rest_url(&self) -> &str {
        &self.reading.rest_url
    }

    /// Which part of the recording was asked for.
    #[must_use]
    pub fn window(&self) -> Window {
        self.reading.window
    }

    /// Reads the whole recording once. The venue is `venue`, or the one whose host a URL in the recording names, or
    /// the one the file's name begins with.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::UnknownRecording`], [`Error::SeveralVenues`]. Damage further in is no error: it is
    /// noted in the survey.
    pub fn of(path: &Path, venue: Option<&'static VenueFacts>) -> Result<Self, Error> {
        Self::of_part(path, venue, Reading::default())
    }

    /// As [`of`](Self::of), of what `reading` says.
    pub(crate) fn of_part(
        path: &Path,
        venue: Option<&'static VenueFacts>,
        reading: Reading,
    ) -> Result<Self, Error> {
        let venue = match venue {
            Some(venue) => venue,
            None => venue_of(path)?,
        };
        let mut reading = Reading { venue: Some(venue.name), ..reading };
        if Recording::open(path)?.form() != Some(Form::HftBacktest) {
            return Surveyor::new(venue).read(path, reading);
        }
        // A collector's bodies do not say whose they are: the file's name does, or that there is one book alone.
        let named = symbol_of(path).and_then(|symbol| snapshot_url(venue, &symbol));
        reading.rest_url = named.unwrap_or_default();
        let survey = Surveyor::new(venue).read(path, reading.clone())?;
        let mut books = survey.instruments.iter().filter(|surveyed| surveyed.has_book());
        match (books.next(), books.next()) {
            (Some(only), None) if !survey.has_snapshot => {
                reading.rest_url = snapshot_url(venue, &only.instrument.symbol).unwrap_or_default();
                Surveyor::new(venue).read(path, reading)
            }
            _ => Ok(survey),
        }
    }
}

/// Where a snapshot of this symbol is asked for.
fn snapshot_url(venue: &VenueFacts, symbol: &str) -> Option<String> {
    let Snapshots::Rest { request, .. } = venue.texts.snapshots else { return None };
    Some(format!("{}{}", venue.access.rest, request(symbol, LEVELS).path))
}

/// The venue that the recording speaks of: a feed's own word, a URL, or the file's name.
fn venue_of(path: &Path) -> Result<&'static VenueFacts, Error> {
    let mut source = Recording::open(path)?;
    let by_name = || touchline_venue::by_name_prefix(path.file_name().and_then(|name| name.to_str())?);
    let unknown = || Error::UnknownRecording { path: path.to_owned() };
    let mut any = false;
    loop {
        let read = source.next();
        let named = match &read {
            Ok(Some(Input { event: Event::Connected { url } | Event::Rest { url, .. }, .. })) => {
                touchline_venue::by_host_of(url)
            }
            _ => None,
        };
        any |= matches!(read, Ok(Some(_))) || read.as_ref().is_err_and(|error| !error.is_final());
        match (named, read) {
            (Some(venue), _) => return Ok(venue),
            (None, Ok(Some(_))) => {}
            (None, Ok(None)) => return by_name().ok_or_else(unknown),
            (None, Err(error)) if !error.is_final() => {}
            // Not one readable entry: no recording at all.
            (None, Err(source)) if !any => {
                return by_name().ok_or_else(|| Error::Open { path: path.to_owned(), source });
            }
            (None, Err(_)) => {}
        }
        match source.story().venues()[..] {
            [] => {}
            [one] => return touchline_venue::find(one.as_str()).ok_or_else(unknown),
            ref several => {
                let names: Vec<_> = several.iter().map(ToString::to_string).collect();
                return Err(Error::SeveralVenues { path: path.to_owned(), venues: names.join(", ") });
            }
        }
    }
}

struct Surveyor {
    venue: &'static VenueFacts,
    /// A parser for each connection that is kept apart; the first is that of the only one.
    dialects: Vec<(u32, Dialect)>,
    listing: Listing,
    listed: HashMap<String, Instrument>,
    counts: Counts,
    lines: u64,
    frames: u64,
    has_snapshot: bool,
    damage: Option<String>,
}

/// Counts updates and keeps nothing of them.
#[derive(Default)]
struct Counts {
    by_instrument: HashMap<InstrumentId, [u64; KINDS]>,
}

impl Sink for Counts {
    fn push(&mut self, _: Record) -> Result<(), SinkFull> {
        Ok(())
    }

    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        let counts = self.by_instrument.entry(head.instrument).or_default();
        if let Some(count) = counts.get_mut(head.kind as usize - 1) {
            *count += 1;
        }
        Ok(())
    }

    fn abandon(&mut self) {}
}

impl Surveyor {
    fn new(venue: &'static VenueFacts) -> Self {
        Self {
            venue,
            dialects: vec![(0, venue.dialect())],
            listing: venue.listing(InstrumentId(0), Adopt::Provisional),
            listed: HashMap::new(),
            counts: Counts::default(),
            lines: 0,
            frames: 0,
            has_snapshot: false,
            damage: None,
        }
    }

    fn read(mut self, path: &Path, reading: Reading) -> Result<Survey, Error> {
        let mut source = Recording::open_for(path, &reading)?;
        loop {
            match source.next() {
                Ok(Some(input)) => {
                    let asked = u64::from(!input.ahead);
                    self.lines += asked;
                    self.frames +=
                        asked * u64::from(matches!(input.event, Event::Frame(_) | Event::BrokenFrame));
                    self.take(input.connection, input.event);
                }
                Ok(None) => break,
                Err(error) => {
                    self.lines += u64::from(matches!(error, ImportError::Malformed { .. }));
                    self.damage.get_or_insert_with(|| error.to_string());
                }
            }
        }
        let known = source.story().instruments().iter().filter(|known| known.venue == self.venue.name);
        self.listed.extend(known.map(|known| (known.symbol.clone(), known.clone())));
        let several_venues = source.story().venues().len() > 1;
        Ok(self.finish(reading, several_venues))
    }

    fn take(&mut self, connection: u32, event: Event<'_>) {
        let place = match self.dialects.iter().position(|(number, _)| *number == connection) {
            Some(place) => place,
            None => {
                self.dialects.push((connection, self.venue.dialect()));
                self.dialects.len() - 1
            }
        };
        let Some((_, dialect)) = self.dialects.get_mut(place) else { return };
        match event {
            Event::Connected { url } => dialect.connected(url),
            Event::Closed if connection == 0 => dialect.connected(""),
            Event::Closed => _ = self.dialects.swap_remove(place),
            Event::Frame(frame) => {
                // What is wrong with a frame is counted when it is replayed.
                let _ = dialect.frame(frame, &mut self.listing, &mut self.counts);
            }
            Event::Rest { url, body } => match dialect.rest_kind(url) {
                Rest::Instruments => {
                    let list = dialect.instruments(body).unwrap_or_default();
                    self.listed.extend(list.into_iter().map(|entry| (entry.symbol.clone(), entry)));
                }
                Rest::Snapshot { symbol } => {
                    self.has_snapshot = true;
                    let _ = dialect.snapshot(symbol, body, &mut self.listing, &mut self.counts);
                }
                Rest::Other => {}
            },
            Event::BrokenFrame | Event::Unsubscribed { .. } | Event::Lost | Event::Nothing => {}
        }
    }

    fn finish(mut self, reading: Reading, several_venues: bool) -> Survey {
        let mut instruments = Vec::new();
        for (id, learned) in self.listing.instruments() {
            let Some(&updates) = self.counts.by_instrument.get(&id) else { continue };
            let instrument = self.listed.remove(&learned.symbol).unwrap_or_else(|| learned.clone());
            instruments.push(Surveyed { instrument, updates });
        }
        let Self { venue, lines, frames, has_snapshot, damage, .. } = self;
        Survey { venue, lines, frames, instruments, has_snapshot, damage, reading, several_venues }
    }
}
