//! `touchline watch`: live books, on a whole screen or as lines.

pub(crate) mod gather;
mod ladder;
pub(crate) mod lines;
pub(crate) mod model;
mod screen;
mod table;
pub(crate) mod terminal;

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::arguments::Watch;
use crate::exit::{Ending, Failure};
use crate::observe::Observing;
use crate::{interrupt, live, out};

use gather::Gatherer;
use lines::Form;
use screen::Look;
use terminal::{Key, Screen};

/// How often the screen is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// How often it is looked whether something happened, where lines are printed.
const LOOK: Duration = Duration::from_millis(20);

/// What ended a watch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// A person who has seen enough.
    Quit,
    /// The time that was given.
    Time,
    Interrupt,
    /// Nobody reads any more.
    Closed,
}

pub(crate) fn run(arguments: &Watch) -> Result<Ending, Failure> {
    let config = live::config(&arguments.live, &arguments.instruments, &arguments.channels)?;
    let observing = Observing::start(&arguments.observe, &config)?;
    if let Some(journal) = &config.journal {
        out::remark(&format!("journal: {}", journal.folder.display()));
    }
    let gatherer = Gatherer::observed(config, observing);
    let until = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let whole_screen = !arguments.json && std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if whole_screen {
        return on_screen(gatherer, usize::from(arguments.depth), until);
    }
    as_lines(gatherer, if arguments.json { Form::Json } else { Form::Plain }, until)
}

/// What a watch ends with.
fn ending(end: End, gatherer: &Gatherer) -> Ending {
    match end {
        End::Quit | End::Closed => Ending::Sound,
        End::Interrupt => Ending::Interrupted,
        End::Time if gatherer.model.live() == gatherer.model.books.len() => Ending::Sound,
        End::Time => Ending::Untrusted,
    }
}

/// Stops the feed and says what is worth saying of its life.
fn stop(gatherer: Gatherer) {
    match gatherer.stop() {
        Some(Ok(report)) => {
            for note in &report.notes {
                out::remark(&format!("note: {note}"));
            }
            if !report.balances() {
                out::remark("note: MESSAGES UNACCOUNTED FOR: this is a defect, please report it");
            }
        }
        Some(Err(error)) => out::remark(&format!("note: {error}")),
        None => {}
    }
}

fn on_screen(mut gatherer: Gatherer, depth: usize, until: Option<Instant>) -> Result<Ending, Failure> {
    let interrupt = interrupt::flag();
    let mut screen = Screen::open()?;
    // The convention of https://no-color.org.
    let colours = std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let mut look = Look { selected: 0, paused: false, depth, colours };
    let mut frozen = None;
    let end = loop {
        gatherer.look()?;
        gatherer.news();
        let model = frozen.as_ref().unwrap_or(&gatherer.model);
        screen.draw(|frame| screen::draw(model, look, frame.area(), frame.buffer_mut()))?;
        let next = Instant::now() + FRAME;
        let key = loop {
            if interrupt.is_set() {
                break Some(Key::Interrupt);
            }
            let left = next.saturating_duration_since(Instant::now());
            match screen.key(left)? {
                None if left.is_zero() => break None,
                None => {}
                key => break key,
            }
        };
        let books = gatherer.model.books.len();
        match key {
            Some(Key::Quit) => break End::Quit,
            Some(Key::Interrupt) => break End::Interrupt,
            Some(Key::Next) => look.selected = (look.selected + 1) % books.max(1),
            Some(Key::Previous) => look.selected = (look.selected + books.max(1) - 1) % books.max(1),
            Some(Key::Pause) => {
                frozen = if look.paused { None } else { Some(gatherer.model.clone()) };
                look.paused = !look.paused;
            }
            Some(Key::Other) | None => {}
        }
        look.selected = look.selected.min(books.saturating_sub(1));
        if until.is_some_and(|until| Instant::now() >= until) {
            break End::Time;
        }
    };
    drop(screen);
    let ending = ending(end, &gatherer);
    out::remark(&lines::end(Form::Plain, &gatherer.model, end == End::Interrupt));
    stop(gatherer);
    Ok(ending)
}

fn as_lines(mut gatherer: Gatherer, form: Form, until: Option<Instant>) -> Result<Ending, Failure> {
    let interrupt = interrupt::flag();
    let mut end = loop {
        let due = gatherer.look()?;
        let mut lines: Vec<_> = gatherer.news().iter().map(|status| lines::status(form, status)).collect();
        if due {
            let model = &gatherer.model;
            lines.extend(model.books.iter().map(|book| lines::book(form, model, book)));
        }
        if !print(&lines)? {
            break End::Closed;
        }
        let next = Instant::now() + LOOK;
        if interrupt.sleep_until(until.map_or(next, |until| until.min(next))) {
            break End::Interrupt;
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            break End::Time;
        }
    };
    if end != End::Closed {
        // What happened since the last look belongs to the end.
        gatherer.look()?;
        let mut lines: Vec<_> = gatherer.news().iter().map(|status| lines::status(form, status)).collect();
        lines.push(lines::end(form, &gatherer.model, end == End::Interrupt));
        if !print(&lines)? && end != End::Interrupt {
            end = End::Closed;
        }
    }
    let ending = ending(end, &gatherer);
    stop(gatherer);
    Ok(ending)
}

/// Prints lines, whole and at once. False if nobody reads them any more.
fn print(lines: &[String]) -> Result<bool, Failure> {
    if lines.is_empty() {
        return Ok(true);
    }
    let text = lines.join("\n") + "\n";
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(source) => Err(Failure::Write { path: "to standard output".into(), source }),
    }
}
