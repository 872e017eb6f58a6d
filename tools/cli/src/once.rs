//! `touchline once`: one book, as soon as it can be trusted.

use std::time::{Duration, Instant};

use serde::Serialize;
use touchline::market::{Channel, Level};
use touchline::{BookView, VIEW_DEPTH};

use crate::arguments::Once;
use crate::exit::{Ending, Failure};
use crate::watch::gather::{Gatherer, now};
use crate::watch::lines;
use crate::{interrupt, live, out, progress, screen};

/// How often the book is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// What `--json` prints.
#[derive(Serialize)]
struct Outcome {
    ts: u64,
    instrument: String,
    state: &'static str,
    reason: Option<&'static str>,
    /// The last word about the connection, if the book did not become live.
    why: Option<String>,
    epoch: u32,
    sequence: u64,
    ts_event: u64,
    ts_recv: u64,
    bids: Vec<[String; 2]>,
    asks: Vec<[String; 2]>,
    levels: [u32; 2],
}

pub(crate) fn run(arguments: &Once) -> Result<Ending, Failure> {
    let interrupt = interrupt::flag();
    let instruments = std::slice::from_ref(&arguments.instrument);
    let mut config = live::config(&arguments.live, instruments, &[Channel::Book])?;
    // Only this one, whatever else the file subscribes to.
    config.subscriptions.retain(|one| one.instrument == arguments.instrument);
    config.measured = false;
    // One look is no recording.
    config.journal = None;
    let until = Instant::now() + Duration::from_secs(arguments.timeout);
    let mut gatherer = Gatherer::new(config);
    let waiting = format!("waiting for {}", arguments.instrument);
    let found = progress::during(&waiting, || -> Result<_, Failure> {
        loop {
            gatherer.look()?;
            let book = gatherer.view(0).map(touchline::View::read);
            if book.is_some_and(|book| book.is_live()) || Instant::now() >= until {
                return Ok(book);
            }
            if interrupt.sleep_until(Instant::now() + LOOK) {
                return Ok(None);
            }
        }
    });
    let book = found?;
    if interrupt.is_set() {
        return Ok(Ending::Interrupted);
    }
    let name = gatherer.model.books.first().map(|book| book.name.clone()).unwrap_or_default();
    let state = gatherer.model.books.first().map(|book| book.state).unwrap_or_default();
    let live = book.filter(BookView::is_live);
    let why = gatherer.last_word().map(str::to_owned);
    let rows = usize::from(arguments.depth);
    if arguments.json {
        let mut shown = live.or(book).unwrap_or_else(BookView::busy);
        if live.is_none() {
            shown.state = state;
        }
        out::json(&outcome(name, &shown, rows, why.filter(|_| live.is_none())))?;
    } else if let Some(book) = &live {
        out::result(screen::ladder(&name, book, rows).trim_end())?;
    } else {
        let why =
            why.map_or_else(|| "nothing was heard of a connection".to_owned(), |why| format!("last: {why}"));
        let seconds = arguments.timeout;
        out::error(&format!("{name} did not become LIVE within {seconds} s: it is {state}; {why}"));
    }
    if let Some(Ok(report)) = gatherer.stop() {
        report.notes.iter().for_each(|note| out::remark(&format!("note: {note}")));
    }
    Ok(if live.is_some() { Ending::Sound } else { Ending::Untrusted })
}

fn outcome(instrument: String, book: &BookView<VIEW_DEPTH>, rows: usize, why: Option<String>) -> Outcome {
    let (state, reason) = lines::words(book.state);
    let levels = |levels: &[Level]| {
        let text = |level: &Level| {
            [level.price.at(book.price_scale).to_string(), level.qty.at(book.qty_scale).to_string()]
        };
        levels.iter().take(rows).map(text).collect()
    };
    Outcome {
        ts: now().0,
        instrument,
        state,
        reason,
        why,
        epoch: book.epoch,
        sequence: book.sequence.0,
        ts_event: book.ts_event.0,
        ts_recv: book.ts_recv.0,
        bids: levels(book.bids()),
        asks: levels(book.asks()),
        levels: book.levels,
    }
}
