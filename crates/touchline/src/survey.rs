//! A first look at a recording: its venue, its instruments, whether its books begin with a snapshot.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use touchline_capture::{CaptureError, Reader};
use touchline_market::{Head, Instrument, InstrumentId, Record, Sink, SinkFull, UpdateKind};
use touchline_venue::{Adopt, Dialect, Listing, Rest, VenueFacts};

use crate::Error;
use crate::recording::Recording;
use crate::source::{Event, Source};

/// Most updates of one kind a recording's instruments are remembered with.
const KINDS: usize = UpdateKind::ALL.len();

/// What a recording holds.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The venue whose dialect the recording is read in.
    pub venue: &'static VenueFacts,
    /// Lines, whole ones.
    pub lines: u64,
    /// Received frames.
    pub frames: u64,
    /// Instruments with at least one update, in the order they came.
    pub instruments: Vec<Surveyed>,
    /// Does any book snapshot stand in the recording? If not, books begin empty at their first delta.
    pub has_snapshot: bool,
    /// The first thing wrong with the file itself.
    pub damage: Option<String>,
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
    /// Reads the whole recording once. The venue is `venue`, or the one whose host a URL in the recording names, or
    /// the one the file's name begins with.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::UnknownRecording`]. Damage further in is no error: it is noted in the survey.
    pub fn of(path: &Path, venue: Option<&'static VenueFacts>) -> Result<Self, Error> {
        let open = || Reader::open(path).map_err(|source| Error::Open { path: path.to_owned(), source });
        let by_name = || touchline_venue::by_name_prefix(path.file_name().and_then(|name| name.to_str())?);
        let venue = match venue {
            Some(venue) => venue,
            None => match (venue_of_urls(open()?), by_name()) {
                (Ok(Some(venue)), _) | (_, Some(venue)) => venue,
                (Ok(None), None) => return Err(Error::UnknownRecording { path: path.to_owned() }),
                (Err(source), None) => return Err(Error::Open { path: path.to_owned(), source }),
            },
        };
        Ok(Surveyor::new(venue).read(Recording::new(open()?)))
    }
}

/// The venue that a URL names. The error is that of a file without one readable line: no recording at all.
fn venue_of_urls(reader: Reader<impl Read>) -> Result<Option<&'static VenueFacts>, CaptureError> {
    let mut source = Recording::new(reader);
    let mut lines = 0_u64;
    loop {
        match source.next() {
            Ok(Some(input)) => {
                lines += 1;
                if let Event::Connected { url } | Event::Rest { url, .. } = input.event
                    && let Some(venue) = touchline_venue::by_host_of(url)
                {
                    return Ok(Some(venue));
                }
            }
            Err(error) if !error.is_final() => lines += 1,
            Err(error) if lines == 0 => return Err(error),
            Ok(None) | Err(_) => return Ok(None),
        }
    }
}

struct Surveyor {
    dialect: Dialect,
    listing: Listing,
    listed: HashMap<String, Instrument>,
    counts: Counts,
    survey: Survey,
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
            dialect: venue.dialect(),
            listing: venue.listing(InstrumentId(0), Adopt::Provisional),
            listed: HashMap::new(),
            counts: Counts::default(),
            survey: Survey {
                venue,
                lines: 0,
                frames: 0,
                instruments: Vec::new(),
                has_snapshot: false,
                damage: None,
            },
        }
    }

    fn read(mut self, mut source: impl Source) -> Survey {
        loop {
            match source.next() {
                Ok(Some(input)) => {
                    self.survey.lines += 1;
                    self.take(input.event);
                }
                Ok(None) => break,
                Err(error) => {
                    self.survey.lines += u64::from(matches!(error, CaptureError::Malformed { .. }));
                    self.survey.damage.get_or_insert_with(|| error.to_string());
                }
            }
        }
        self.finish()
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Connected { url } => self.dialect.connected(url),
            Event::Frame(frame) => {
                self.survey.frames += 1;
                // What is wrong with a frame is counted when it is replayed.
                let _ = self.dialect.frame(frame, &mut self.listing, &mut self.counts);
            }
            Event::BrokenFrame => self.survey.frames += 1,
            Event::Rest { url, body } => match self.dialect.rest_kind(url) {
                Rest::Instruments => {
                    let list = self.dialect.instruments(body).unwrap_or_default();
                    self.listed.extend(list.into_iter().map(|entry| (entry.symbol.clone(), entry)));
                }
                Rest::Snapshot { symbol } => {
                    self.survey.has_snapshot = true;
                    let _ = self.dialect.snapshot(symbol, body, &mut self.listing, &mut self.counts);
                }
                Rest::Other => {}
            },
            Event::Nothing => {}
        }
    }

    fn finish(mut self) -> Survey {
        for (id, learned) in self.listing.instruments() {
            let Some(&updates) = self.counts.by_instrument.get(&id) else { continue };
            let instrument = self.listed.remove(&learned.symbol).unwrap_or_else(|| learned.clone());
            self.survey.instruments.push(Surveyed { instrument, updates });
        }
        self.survey
    }
}
