//! What other crates say through the `log` facade (TLS, WebSockets, HTTP) as lines of our log.
//!
//! They say it on whatever thread they run, a reader among them, which must not wait for a terminal or a pipe: what is said
//! goes into a queue, and a thread of the log's own makes lines of it, of each module and level so many a second. Half of
//! it is the other side's words. Known secrets are taken out first, then it is escaped and cut: the other way round the
//! cut could leave one half of a secret, which nobody knows any more.
//!
//! What they say at TRACE is not taken: there they print frames byte by byte, in hexadecimal too, where a search for
//! secrets finds none.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use log::{Level, Log, Metadata, Record};
use tracing_log::AsTrace;

use super::follow::{LOOK, say_over};
use super::limiter::Limiter;
use super::words::shown;
use super::{LogError, Scrub};

/// What may wait to be written.
const QUEUE: usize = 1_024;

/// From now on what other crates say is written.
pub(super) fn start(scrub: Option<Scrub>) -> Result<(), LogError> {
    let (facade, mut lines) = queue(scrub);
    let thread = std::thread::Builder::new().name("touchline-facade".to_owned());
    thread.spawn(move || lines.run()).map_err(LogError::Thread)?;
    log::set_boxed_logger(Box::new(facade)).map_err(|_| LogError::Started)?;
    log::set_max_level(log::LevelFilter::Debug);
    Ok(())
}

fn queue(scrub: Option<Scrub>) -> (Facade, Lines) {
    let (sender, said) = sync_channel(QUEUE);
    let lost = Arc::new(AtomicU64::new(0));
    let lines = Lines { said, lost: Arc::clone(&lost), scrub, limiter: Limiter::default() };
    (Facade { sender, lost }, lines)
}

/// Something that was said.
struct Said {
    level: Level,
    target: String,
    module: &'static str,
    text: String,
}

/// Where other crates say it.
struct Facade {
    sender: SyncSender<Said>,
    lost: Arc<AtomicU64>,
}

impl Log for Facade {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Debug
            && tracing::dispatcher::get_default(|log| log.enabled(&metadata.as_trace()))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let said = Said {
            level: record.level(),
            target: record.target().to_owned(),
            module: record.module_path_static().unwrap_or("elsewhere"),
            text: record.args().to_string(),
        };
        if self.sender.try_send(said).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    fn flush(&self) {}
}

/// What makes lines of it.
struct Lines {
    said: Receiver<Said>,
    lost: Arc<AtomicU64>,
    scrub: Option<Scrub>,
    limiter: Limiter,
}

impl Lines {
    /// Until nobody can say anything any more.
    fn run(&mut self) {
        let began = Instant::now();
        loop {
            match self.said.recv_timeout(LOOK) {
                Ok(said) => self.take(&said, began.elapsed()),
                Err(RecvTimeoutError::Timeout) => say_over(self.limiter.over(began.elapsed())),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        say_over(self.limiter.finish());
    }

    fn take(&mut self, said: &Said, now: Duration) {
        say_over(self.limiter.over(now));
        let lost = self.lost.swap(0, Relaxed);
        if lost > 0 {
            tracing::warn!(target: "touchline::log", lost, "other crates said more than could be written");
        }
        if self.limiter.may((said.module, said.level.as_str()), now) {
            // It gives no error.
            let _ = self.say(said);
        }
    }

    fn say(&self, said: &Said) -> io::Result<()> {
        let text = shown(self.scrub.as_ref(), &said.text);
        let mut record = Record::builder();
        record.level(said.level).target(&said.target).module_path_static(Some(said.module));
        tracing_log::format_trace(&record.args(format_args!("{text}")).build())
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::logs::tests::logged;
    use crate::logs::{LINES_PER_SECOND, Settings};

    fn settings(filter: &str) -> Settings {
        Settings { filter: filter.to_owned(), ..Settings::default() }
    }

    /// What becomes of texts that a module of another crate says one after the other at this level.
    fn said(settings: &Settings, level: Level, texts: &[&str]) -> String {
        let (facade, mut lines) = queue(Some(Arc::new(|text| Cow::Owned(text.replace("hunter2", "***")))));
        logged(settings, || {
            for text in texts {
                let mut record = Record::builder();
                record.level(level).target("tls::hello").module_path_static(Some("tls::hello"));
                facade.log(&record.args(format_args!("{text}")).build());
            }
            drop(facade);
            lines.run();
        })
    }

    /// A line with the target and level it was said with, of JSON too.
    #[test]
    fn a_line_looks_like_our_own() {
        for json in [false, true] {
            let log = said(&Settings { json, ..settings("debug") }, Level::Debug, &["Using ciphersuite X"]);
            assert_eq!(log.lines().count(), 1, "{log}");
            for part in ["tls::hello", "DEBUG", "Using ciphersuite X"] {
                assert!(log.contains(part), "{part}: {log}");
            }
            assert!(json == log.starts_with('{') && (json || !log.contains("log.")), "{log}");
        }
    }

    /// What is asked for by level and target is written, and nothing below debug, whatever is asked for.
    #[test]
    fn the_filter_holds_for_other_crates() {
        for (filter, level, written) in [
            ("info", Level::Warn, true),
            ("info", Level::Debug, false),
            ("off,tls=debug", Level::Debug, true),
            ("debug,tls=off", Level::Error, false),
            ("trace", Level::Debug, true),
            ("trace", Level::Trace, false),
        ] {
            let log = said(&settings(filter), level, &["hello"]);
            assert_eq!(!log.is_empty(), written, "{filter}: {log}");
        }
    }

    /// A text that tries to be two lines and holds a secret right where it is cut: one line, harmless, no part of it.
    #[test]
    fn a_foreign_text_is_made_harmless() {
        let text = format!("bye\nERROR \u{1b}[31m{}hunter2{}", "x".repeat(230), "y".repeat(10_000));
        let log = said(&settings("debug"), Level::Info, &[&text]);
        assert!(log.lines().count() == 1 && log.len() < 500, "{log}");
        assert!(log.contains("x***y") && !log.contains("hun") && !log.contains('\u{1b}'), "{log}");
    }

    /// A burst is ten lines and a count; what finds no room in the queue is counted as well.
    #[test]
    fn a_burst_is_counted() {
        let texts = vec!["again"; QUEUE + 5];
        let log = said(&settings("info"), Level::Warn, &texts);
        let count = |what| log.lines().filter(|line| line.contains(what)).count();
        assert_eq!(count(": again"), LINES_PER_SECOND as usize, "{log}");
        assert_eq!((count("lost=5"), count(&format!("lines={}", QUEUE - 10))), (1, 1), "{log}");
    }
}
