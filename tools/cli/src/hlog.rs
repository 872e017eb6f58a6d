//! The stage latencies of a running feed, second by second, as an interval log.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use touchline::latency::IntervalLog;
use touchline::{Error, Reporter};

use crate::exit::Failure;
use crate::out;

/// How long an interval is.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often it is looked whether the end has come.
const LOOK: Duration = Duration::from_millis(20);

/// A log that has its head, and no feed yet.
#[derive(Debug)]
pub(crate) struct Hlog {
    log: IntervalLog<File>,
    path: PathBuf,
    began: Instant,
}

/// A log that grows.
#[derive(Debug)]
pub(crate) struct Growing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hlog {
    /// Begins a new file.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let failed = |source| Failure::Write { path: path.to_owned(), source };
        let file = File::create_new(path).map_err(failed)?;
        let about = "Latency of a live feed, in nanoseconds, by touchline; an interval a second";
        let log = IntervalLog::begin(file, SystemTime::now(), &[about]).map_err(failed)?;
        Ok(Self { log, path: path.to_owned(), began: Instant::now() })
    }

    /// Adds an interval each second from now on, until the feed ends or the handle is dropped.
    pub(crate) fn grow(self, reporter: Reporter) -> Result<Growing, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread =
            std::thread::Builder::new().name("hlog".to_owned()).spawn(move || self.run(&reporter, &told));
        let thread = thread.map_err(|source| Error::Thread { stage: "hlog", source })?;
        Ok(Growing { stop, thread: Some(thread) })
    }

    fn run(mut self, reporter: &Reporter, stop: &AtomicBool) {
        let mut from = self.began.elapsed();
        let mut failing = false;
        while !stop.load(Relaxed) {
            std::thread::sleep(LOOK);
            let to = self.began.elapsed();
            if to < from + INTERVAL {
                continue;
            }
            let Ok(report) = reporter.report() else { return };
            let Some(latencies) = report.latencies else { continue };
            let done = self.log.append(&latencies, from, to - from);
            if let Err(error) = &done
                && !failing
            {
                out::remark(&format!("note: cannot write {}: {error}", self.path.display()));
            }
            failing = done.is_err();
            from = to;
        }
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has told what went wrong.
            let _ = thread.join();
        }
    }
}
