//! From a running feed to the model.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use touchline::config::Config;
use touchline::events::{Event, EventKind, Events, EventsConfig, Kinds};
use touchline::latency::{Recorder, Stage};
use touchline::market::{Channel, InstrumentId, Nanos, Reason, State};
use touchline::{Error, Feed, FeedReport, View};
use touchline_feed::{Phase, Report};

use crate::observe::Observing;

use super::model::{Book, Connection, Figures, Happening, Model, Status};

/// How often rates, latencies and connections are asked for.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// The first and the longest wait before a feed that could not start is tried again.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// How long an event may be behind the view.
const ON_ITS_WAY: Duration = Duration::from_millis(150);

/// Events that may wait between two looks.
const EVENTS: usize = 16_384;

/// A feed that is being started, kept trying, or running; and the model of it.
pub(crate) struct Gatherer {
    config: Config,
    observing: Observing,
    phase: FeedPhase,
    retry: Duration,
    began: Instant,
    reported: Instant,
    pub(crate) model: Model,
    /// Everything that happened since it was taken the last time.
    news: Vec<Status>,
    /// Connections that ended or could not be had, by venue and number.
    ended: BTreeMap<(String, u32), u32>,
    /// The last word about a connection.
    last_word: Option<String>,
}

enum FeedPhase {
    /// A list of instruments may take seconds: a thread waits for it.
    Starting(Receiver<Result<(Feed, Events), Error>>),
    Waiting(Instant),
    Running(Box<Running>),
}

struct Running {
    feed: Feed,
    events: Events,
    instruments: Vec<Watched>,
    /// By the number that events call an instrument: its place here.
    places: BTreeMap<InstrumentId, usize>,
}

/// One instrument.
struct Watched {
    view: View,
    channels: Vec<Channel>,
    /// Messages at the last report.
    before: u64,
    /// The state that was told last, and since when the view says another.
    told: State,
    differs: Option<Instant>,
}

/// Our clock.
pub(crate) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

impl Gatherer {
    /// Begins to start a feed.
    pub(crate) fn new(config: Config) -> Self {
        Self::observed(config, Observing::default())
    }

    /// The same, of a feed that is shown to other programs.
    pub(crate) fn observed(config: Config, mut observing: Observing) -> Self {
        let named = |name: String| Book { name, ..Book::default() };
        let subscriptions = &config.subscriptions;
        let books = subscriptions.iter().map(|one| named(one.instrument.to_string())).collect();
        Self {
            phase: starting(&config, &mut observing),
            config,
            observing,
            retry: RETRY[0],
            began: Instant::now(),
            reported: Instant::now(),
            model: Model { now: now(), books, ..Model::default() },
            news: Vec::new(),
            ended: BTreeMap::new(),
            last_word: None,
        }
    }

    /// Brings the model up to date. True if rates, latencies and connections are new.
    ///
    /// # Errors
    /// The feed cannot start, and trying again would not help.
    pub(crate) fn look(&mut self) -> Result<bool, Error> {
        self.model.now = now();
        self.model.uptime = self.began.elapsed();
        self.start()?;
        let FeedPhase::Running(running) = &mut self.phase else {
            return Ok(self.is_due());
        };
        while let Some(event) = running.events.poll() {
            if let Event::State { instrument, to, .. } = &event
                && let Some(place) = running.places.get(instrument)
                && let Some(watched) = running.instruments.get_mut(*place)
            {
                watched.told = *to;
            }
            let named = |id| running.places.get(&id).and_then(|place| self.model.books.get(*place));
            if let Some(status) = status(event, |id| named(id).map(|book| book.name.clone())) {
                if let Happening::Connection(text) = &status.what {
                    self.last_word = Some(format!("{}: {text}", status.whose));
                }
                self.news.push(status);
            }
        }
        for (watched, book) in running.instruments.iter_mut().zip(&mut self.model.books) {
            watched.show(book);
            self.news.extend(watched.missed(book, self.model.now));
        }
        let due = self.is_due();
        if due {
            self.report();
        }
        Ok(due)
    }

    /// What happened since the last time, which is then in the model.
    pub(crate) fn news(&mut self) -> Vec<Status> {
        let news = std::mem::take(&mut self.news);
        for status in &news {
            if let Happening::Connection(text) = &status.what
                && (text.starts_with(DOWN) || text.starts_with(REFUSED))
                && let Some((venue, number)) = status.whose.split_once(" #")
            {
                let number = number.parse().unwrap_or_default();
                let ended = self.ended.entry((venue.to_owned(), number)).or_default();
                *ended += 1;
                let shown = self.model.connections.iter_mut();
                for connection in shown.filter(|one| (one.venue.as_str(), one.number) == (venue, number)) {
                    connection.reconnects = *ended;
                }
            }
            self.model.tell(status.clone());
        }
        news
    }

    /// The last word about a connection, for somebody who waited in vain.
    pub(crate) fn last_word(&self) -> Option<&str> {
        self.last_word.as_deref()
    }

    /// The view of an instrument, once the feed runs.
    pub(crate) fn view(&self, place: usize) -> Option<&View> {
        match &self.phase {
            FeedPhase::Running(running) => running.instruments.get(place).map(|watched| &watched.view),
            FeedPhase::Starting(_) | FeedPhase::Waiting(_) => None,
        }
    }

    /// Stops the feed, if there is one.
    pub(crate) fn stop(self) -> Option<Result<FeedReport, Error>> {
        match self.phase {
            FeedPhase::Running(running) => Some(running.feed.stop()),
            FeedPhase::Starting(_) | FeedPhase::Waiting(_) => None,
        }
    }

    fn is_due(&mut self) -> bool {
        let due = self.reported.elapsed() >= REPORT_EVERY;
        if due && !matches!(self.phase, FeedPhase::Running(_)) {
            self.reported = Instant::now();
        }
        due
    }

    /// Takes the feed when it has started, or tries again when that is due.
    fn start(&mut self) -> Result<(), Error> {
        match &self.phase {
            FeedPhase::Running(_) => {}
            FeedPhase::Waiting(until) if Instant::now() < *until => {}
            FeedPhase::Waiting(_) => self.phase = starting(&self.config, &mut self.observing),
            FeedPhase::Starting(started) => match started.try_recv() {
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(Error::Panicked { stage: "start" }),
                Ok(Ok((feed, events))) => self.run(feed, events)?,
                Ok(Err(error @ Error::Instruments { .. })) => {
                    let what = Happening::Note(format!("{error}; again in {} s", self.retry.as_secs()));
                    self.last_word = Some(error.to_string());
                    self.news.push(Status { at: self.model.now, whose: "start".to_owned(), what });
                    for book in &mut self.model.books {
                        book.state = State::Stale(Reason::Disconnected);
                    }
                    self.phase = FeedPhase::Waiting(Instant::now() + self.retry);
                    self.retry = (self.retry * 2).min(RETRY[1]);
                }
                Ok(Err(error)) => return Err(error),
            },
        }
        Ok(())
    }

    fn run(&mut self, feed: Feed, events: Events) -> Result<(), Error> {
        self.observing.attach(&feed)?;
        let name = |view: &View| format!("{}:{}", view.instrument().venue, view.instrument().name);
        let mut instruments = Vec::<Watched>::new();
        self.model.books.clear();
        for subscription in &self.config.subscriptions {
            let view = feed.view(&subscription.instrument.to_string())?;
            // Two addresses may name the same instrument.
            if let Some(watched) = instruments.iter_mut().find(|watched| is_same(&watched.view, &view)) {
                watched.channels.extend(&subscription.channels);
                continue;
            }
            self.model.books.push(Book { name: name(&view), ..Book::default() });
            let (channels, told) = (subscription.channels.clone(), State::Init);
            instruments.push(Watched { view, channels, before: 0, told, differs: None });
        }
        let place = |view: &View| instruments.iter().position(|watched| is_same(&watched.view, view));
        let views = feed.views();
        let places = views.iter().filter_map(|(id, view)| Some((*id, place(view)?))).collect();
        self.phase = FeedPhase::Running(Box::new(Running { feed, events, instruments, places }));
        Ok(())
    }

    /// Rates, latencies and connections of the time since the last report.
    fn report(&mut self) {
        let FeedPhase::Running(running) = &mut self.phase else { return };
        let seconds = self.reported.elapsed().as_secs_f64();
        self.reported = Instant::now();
        for (watched, book) in running.instruments.iter_mut().zip(&mut self.model.books) {
            book.rate = (book.messages - watched.before.min(book.messages)) as f64 / seconds;
            watched.before = book.messages;
        }
        match running.feed.report() {
            Ok(report) => {
                self.model.stages = report.latencies.as_ref().map(figures).unwrap_or_default();
                let connection = |one: &touchline::ConnectionReport| Connection {
                    number: one.number,
                    venue: one.venue.to_string(),
                    url: one.url.clone(),
                    phase: phase(one.phase).to_owned(),
                    streams: [one.acknowledged, one.streams],
                    reconnects: self.ended.get(&(one.venue.to_string(), one.number)).copied().unwrap_or(0),
                };
                self.model.connections = report.connections.iter().map(connection).collect();
            }
            Err(error) => {
                let what = Happening::Note(error.to_string());
                self.news.push(Status { at: self.model.now, whose: "feed".to_owned(), what });
            }
        }
    }
}

/// Do two views show the same instrument?
fn is_same(one: &View, other: &View) -> bool {
    let (one, other) = (one.instrument(), other.instrument());
    (one.venue, &one.symbol) == (other.venue, &other.symbol)
}

impl Watched {
    /// A change of state that no event told of: the instrument has no book, or the event was lost.
    fn missed(&mut self, book: &Book, now: Nanos) -> Option<Status> {
        if book.state == self.told {
            self.differs = None;
            return None;
        }
        if self.differs.get_or_insert_with(Instant::now).elapsed() < ON_ITS_WAY {
            return None;
        }
        let (from, to, epoch) = (self.told, book.state, book.epoch);
        let what = Happening::State { from, to, epoch, why: None };
        (self.told, self.differs) = (book.state, None);
        Some(Status { at: now, whose: book.name.clone(), what })
    }

    /// Shows what the views say.
    fn show(&self, book: &mut Book) {
        let (view, bbo, trade) = (self.view.read(), self.view.bbo(), self.view.last_trade());
        book.take(&view);
        // Without a book, what is subscribed to says what the instrument is worth.
        book.state = match self.channels.as_slice() {
            channels if channels.contains(&Channel::Book) => view.state,
            channels if channels.contains(&Channel::Bbo) => bbo.state,
            channels if channels.contains(&Channel::Trade) => trade.state,
            _ => view.state,
        };
        book.heard = view.ts_recv.max(bbo.ts_recv).max(trade.ts_recv);
        book.trade = (trade.ts_recv != Nanos::NONE).then_some(trade);
        book.messages = self.view.messages().iter().sum();
    }
}

/// Starts a feed on a thread.
fn starting(config: &Config, observing: &mut Observing) -> FeedPhase {
    let (done, started) = channel();
    let mut builder = Feed::builder().config(config.clone());
    observing.listen(&mut builder);
    let kinds = Kinds::of(&[EventKind::State, EventKind::Connection]);
    let events = builder.events_with(EventsConfig { capacity: EVENTS, kinds });
    // A thread that cannot be had shows as one that said nothing.
    let _ = std::thread::Builder::new().name("touchline-start".to_owned()).spawn(move || {
        // Nobody may be there any more: the feed then stops when it is dropped.
        let _ = done.send(builder.start().map(|feed| (feed, events)));
    });
    FeedPhase::Starting(started)
}

fn figures(recorder: &Recorder) -> Vec<Figures> {
    let figures = |stage: Stage| {
        let histogram = recorder.stage(stage);
        let at = |quantile| histogram.value_at_quantile(quantile);
        let (p50, p99) = (at(0.5), at(0.99));
        Figures { stage: stage.title(), count: histogram.len(), p50, p99, max: histogram.max() }
    };
    Stage::ALL.into_iter().map(figures).filter(|figures| figures.count > 0).collect()
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Closed => "closed",
        Phase::Waiting => "waiting",
        Phase::Connecting => "connecting",
        Phase::Subscribing => "subscribing",
        Phase::Live => "live",
    }
}

/// How the words for the end of a connection begin, and for one that could not be had.
const DOWN: &str = "down: ";
const REFUSED: &str = "refused: ";

fn status(event: Event, name: impl Fn(InstrumentId) -> Option<String>) -> Option<Status> {
    match event {
        Event::State { instrument, from, to, epoch, at, incident } => {
            let whose = name(instrument).unwrap_or_default();
            let why = incident.map(|incident| incident.why());
            Some(Status { at, whose, what: Happening::State { from, to, epoch, why } })
        }
        Event::Connection(event) => {
            let whose = format!("{} #{}", event.venue, event.connection);
            Some(Status { at: event.at, whose, what: Happening::Connection(words(&event.report)) })
        }
        Event::Lost(count) => {
            let what = Happening::Note(format!("{count} events came too fast to be shown"));
            Some(Status { at: now(), whose: "feed".to_owned(), what })
        }
        Event::Book { .. } | Event::Trade { .. } | Event::Bbo { .. } => None,
    }
}

/// What happened to a connection, in words.
fn words(report: &Report) -> String {
    match report {
        Report::Connecting { attempt: 1 } => "connecting".to_owned(),
        Report::Connecting { attempt } => format!("connecting, attempt {attempt}"),
        Report::Open => "open".to_owned(),
        Report::Live { streams: 1 } => "live, 1 stream".to_owned(),
        Report::Live { streams } => format!("live, {streams} streams"),
        Report::Refused { refusal, .. } => format!("{REFUSED}{refusal}"),
        Report::Down { ending, .. } => format!("{DOWN}{ending}"),
        Report::Stalled { stream: None } => "silent for too long".to_owned(),
        Report::Stalled { stream: Some(_) } => "a stream is silent while the venue moves on".to_owned(),
        Report::Rejected { code, text, terminal, .. } => {
            let again = if *terminal { "not asked for again" } else { "asked for again" };
            format!("a stream was refused: {text} (code {code}), {again}")
        }
        Report::Leaving => "about to be replaced".to_owned(),
    }
}
