//! What a running command shows of its feed to other programs: metrics over HTTP, and a log.

use std::sync::{Arc, Mutex, PoisonError};

use touchline::config::Config;
use touchline::events::Events;
use touchline::market::InstrumentId;
use touchline::{Builder, Error, Feed, FeedReport, Reporter};
use touchline_observe::logs::{self, Follower, Scrub, Settings};
use touchline_observe::{Server, serve};

use crate::arguments::Observe;
use crate::exit::Failure;
use crate::hlog::{Growing, Hlog};
use crate::out;

/// The feed that runs now, if one does.
type Running = Arc<Mutex<Option<Arc<Reporter>>>>;

/// What was asked for, from before the feed is there until after its end.
#[derive(Default)]
pub(crate) struct Observing {
    feed: Running,
    /// There is a log, whose lines pass through this.
    logs: Option<Scrub>,
    /// What a feed that is being started has told so far.
    heard: Option<Events>,
    _server: Option<Server>,
    hlog: Option<Hlog>,
    growing: Option<Growing>,
    follower: Option<Follower>,
}

impl Observing {
    /// Starts what was asked for, on the command line or else in the configuration.
    pub(crate) fn start(arguments: &Observe, config: &Config) -> Result<Self, Failure> {
        let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
        let filter = logs::wanted(arguments.log.as_deref(), config.logs.level.as_deref());
        let mut logs = None;
        if filter != Settings::default().filter {
            let redactor = config.secrets.redactor().map_err(|error| usage(&error))?;
            let scrub: Scrub = Arc::new(move |line| redactor.in_text(line));
            let json = arguments.log_json || config.logs.json;
            let settings = Settings { filter, json, scrub: Some(Arc::clone(&scrub)) };
            logs::start(&settings).map_err(|error| usage(&error))?;
            logs = Some(scrub);
        }
        let feed = Running::default();
        let server = arguments.metrics.or(config.metrics).map(|address| {
            let feed = Arc::clone(&feed);
            serve(address, move || report(&feed)).map_err(|error| usage(&error))
        });
        let server = server.transpose()?;
        if let Some(server) = &server {
            out::remark(&format!("metrics: http://{}/metrics", server.address()));
        }
        let hlog = arguments.hlog.as_deref().map(Hlog::create).transpose()?;
        Ok(Self { feed, logs, heard: None, _server: server, hlog, growing: None, follower: None })
    }

    /// A feed is about to start: its log begins with its first connection.
    pub(crate) fn listen(&mut self, builder: &mut Builder) {
        self.heard = self.logs.is_some().then(|| builder.events_with(logs::EVENTS));
    }

    /// The feed runs: it is shown from now on.
    pub(crate) fn attach(&mut self, feed: &Feed) -> Result<(), Error> {
        let reporter = Arc::new(feed.reporter());
        *self.feed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&reporter));
        if let Some(hlog) = self.hlog.take() {
            self.growing = Some(hlog.grow(feed.reporter())?);
        }
        if let Some(events) = self.heard.take() {
            let name = move |id: InstrumentId| {
                let instrument = reporter.instrument(id)?;
                Some(format!("{}:{}", instrument.venue, instrument.name))
            };
            let follower = logs::follow(events, self.logs.clone(), name);
            self.follower = Some(follower.map_err(|source| Error::Thread { stage: "log", source })?);
        }
        Ok(())
    }
}

/// How the feed stands. One that is still being started has nothing to report, which is no reason to end the program.
fn report(feed: &Running) -> Result<FeedReport, Error> {
    let running = feed.lock().unwrap_or_else(PoisonError::into_inner).clone();
    running.map_or_else(|| Ok(FeedReport::default()), |reporter| reporter.report())
}
