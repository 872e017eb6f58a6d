//! Which instruments a venue has: from its list, saved or asked for, and by which name a user means one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use touchline_link::Rest;
use touchline_market::{Address, Instrument, Venue, What};
use touchline_venue::VenueFacts;

use crate::Error;
use crate::config::Config;
use crate::replay::is_at;

/// How long the list of instruments may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// Names shown to somebody who asked for an instrument that is not there.
const NEAREST: usize = 5;

/// The venues' lists that were read so far.
#[derive(Debug, Default)]
pub(super) struct Directory {
    lists: BTreeMap<Venue, Vec<Arc<Instrument>>>,
    notes: Vec<String>,
}

/// The roots of a venue's sockets and REST interface: the venue's own, or those the configuration names instead.
pub(super) fn roots(config: &Config, venue: &VenueFacts) -> (Arc<str>, Arc<str>) {
    match config.endpoints.iter().find(|endpoint| endpoint.venue == venue.name) {
        Some(endpoint) => (endpoint.ws.as_str().into(), endpoint.rest.as_str().into()),
        None => (venue.access.ws.into(), venue.access.rest.into()),
    }
}

/// A venue's list of instruments: from the file or the endpoint that the configuration names, or from the venue.
///
/// # Errors
/// [`Error::UnknownVenue`], [`Error::Instruments`], [`Error::Thread`].
pub fn instruments(venue: &str, config: &Config) -> Result<Vec<Instrument>, Error> {
    let facts = touchline_venue::find(venue).ok_or_else(|| Error::UnknownVenue { name: venue.to_owned() })?;
    let rest = Rest::start(&super::settings::transport(config));
    list(config, facts, &rest.map_err(|source| Error::Thread { stage: "rest", source })?)
}

/// A venue's list of instruments, from its file or by REST.
fn list(config: &Config, venue: &'static VenueFacts, rest: &Rest) -> Result<Vec<Instrument>, Error> {
    let failed = |cause: String| Error::Instruments { venue: venue.name, cause };
    let file = config.instrument_files.iter().find(|(name, _)| *name == venue.name);
    let body = match file {
        Some((_, path)) => fs::read(path).map_err(|error| failed(format!("{}: {error}", path.display())))?,
        None => {
            let request = (venue.texts.instruments)();
            let url = format!("{}{}", roots(config, venue).1.trim_end_matches('/'), request.path);
            rest.get(&url, request.weight, venue.access.limits.weight_per_minute, LIST_TIMEOUT)
                .map_err(|refusal| failed(format!("{}: {refusal}", config.secrets.in_address(&url))))?
        }
    };
    (venue.instruments)(&body).map_err(|error| failed(error.to_string()))
}

impl Directory {
    /// The instrument of an address. Where the venue's list cannot be had, its own symbol still names one: it is then
    /// learned from its data.
    pub(super) fn find(
        &mut self,
        address: &Address,
        venue: &'static VenueFacts,
        config: &Config,
        rest: &Rest,
    ) -> Result<Arc<Instrument>, Error> {
        let instruments = match self.lists.entry(venue.name) {
            Entry::Occupied(list) => list.into_mut(),
            Entry::Vacant(place) => match (list(config, venue, rest), &address.what) {
                (Ok(instruments), _) => place.insert(instruments.into_iter().map(Arc::new).collect()),
                (Err(error), What::Symbol(symbol)) => {
                    self.notes.push(format!("{error}; {symbol} is learned from its data"));
                    return Ok(Arc::new((venue.provisional)(symbol)));
                }
                (Err(error), What::Name(_)) => return Err(error),
            },
        };
        let found = instruments.iter().find(|instrument| is_at(instrument, address));
        found.cloned().ok_or_else(|| Error::UnknownInstrument {
            asked: address.to_string(),
            available: nearest(address, instruments),
        })
    }

    /// What did not go as planned.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

/// The instruments whose names are most like what was asked for.
fn nearest(address: &Address, instruments: &[Arc<Instrument>]) -> String {
    let (asked, by_symbol) = match &address.what {
        What::Name(name) => (name, false),
        What::Symbol(symbol) => (symbol, true),
    };
    let mut names: Vec<_> = instruments
        .iter()
        .map(|instrument| if by_symbol { format!("@{}", instrument.symbol) } else { instrument.name.clone() })
        .map(|name| (strsim::damerau_levenshtein(name.trim_start_matches('@'), asked), name))
        .collect();
    names.sort();
    let shown = names.iter().take(NEAREST).map(|(_, name)| format!("{}:{name}", address.venue));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if names.len() > NEAREST {
        text.push_str(&format!(" and {} more", names.len() - NEAREST));
    }
    text
}
