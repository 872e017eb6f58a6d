//! The demo's journey: an exchange, a feed of it, a cut in the middle, and a judge beside it all.

use std::time::{Duration, Instant};

use touchline::config::Endpoint;
use touchline::market::{Sequence, State};
use touchline::{BookView, Feed, FeedReport, VIEW_DEPTH, View};
use touchline_simulator::{Command, Config, End, Simulator, Truth, Verdict, Which};

use crate::arguments::Demo;
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::simulate::Certificate;

/// How often the book is looked at.
const LOOK: Duration = Duration::from_micros(100);

/// How long the book may take to become live, first or again: far longer than it does.
const LIVE_WITHIN: Duration = Duration::from_secs(15);

/// How long after the market has paused its last messages may take.
const SETTLED: Duration = Duration::from_millis(300);

/// Everything that takes part.
pub(super) struct Journey {
    exchange: Simulator,
    feed: Feed,
    view: View,
    judge: Judge,
    interrupt: Interrupt,
    began: Instant,
    /// The feed trusts it as long as it runs.
    _certificate: Option<Certificate>,
}

/// Compares what is published with the market's own book.
struct Judge {
    truth: Truth,
    last: Option<Sequence>,
    compared: Compared,
}

/// Verdicts on published books, each sequence once.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(super) struct Compared {
    pub(super) equal: u64,
    pub(super) differing: u64,
    /// The market no longer knows what its book was.
    pub(super) unknown: u64,
}

/// How a cut healed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heal {
    /// What the book said first, and how long after the cut; none if it was live again before anybody looked.
    pub(super) flagged: Option<(State, Duration)>,
    /// How long after the cut it was live again; none if it was not in time.
    pub(super) live: Option<Duration>,
}

impl Judge {
    fn look(&mut self, view: &View) -> BookView<VIEW_DEPTH> {
        let book = view.read();
        if book.is_live() && self.last != Some(book.sequence) {
            self.last = Some(book.sequence);
            match self.verdict(&book) {
                Verdict::Equal => self.compared.equal += 1,
                Verdict::Differs => self.compared.differing += 1,
                Verdict::Unknown => self.compared.unknown += 1,
            }
        }
        book
    }

    fn verdict(&self, book: &BookView<VIEW_DEPTH>) -> Verdict {
        let (price, qty) = (book.price_scale, book.qty_scale);
        self.truth.judge(book.sequence.0, price, qty, book.bids(), book.asks())
    }
}

impl Journey {
    /// Opens the exchange and lets the feed connect to it.
    pub(super) fn begin(arguments: &Demo, interrupt: Interrupt) -> Result<Self, Failure> {
        let mut config = Config::new(&arguments.venue);
        (config.seed, config.rate) = (arguments.seed, f64::from(arguments.rate));
        let symbol = config.symbols.first().map(|symbol| symbol.name.clone()).unwrap_or_default();
        let exchange = Simulator::start(config)?;
        let certificate = Certificate::write(&exchange, None)?;
        let unknown = || touchline::Error::UnknownVenue { name: arguments.venue.clone() };
        let facts = touchline_venue::find(&arguments.venue).ok_or_else(unknown)?;
        let truth = exchange.truth(&symbol).ok_or_else(unknown)?;
        let address = format!("{}:@{symbol}", facts.name);
        let endpoint = Endpoint::new(facts.name, &exchange.ws_root()).with_rest(&exchange.rest_root());
        let mut builder = Feed::builder().book(&address).trades(&address).bbo(&address).endpoint(endpoint);
        if let Some(certificate) = &certificate {
            builder = builder.root(certificate.path());
        }
        let [reader, book] = arguments.threads.cores()?;
        builder = builder.placement(arguments.threads.placement());
        if let Some(reader) = reader {
            builder = builder.reader_cores([reader]);
        }
        if let (Some(book), touchline::Placement::BookThread) = (book, arguments.threads.placement()) {
            builder = builder.book_cores([book]);
        }
        let began = Instant::now();
        let feed = builder.start()?;
        let view = feed.view(&address)?;
        let judge = Judge { truth, last: None, compared: Compared::default() };
        Ok(Self { exchange, feed, view, judge, interrupt, began, _certificate: certificate })
    }

    /// Where the exchange is.
    pub(super) fn place(&self) -> String {
        self.exchange.ws_root()
    }

    /// The instrument with its venue.
    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.view.instrument().venue, self.view.instrument().name)
    }

    /// Since the feed was started.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits until the book is live: how long it took, none if it was not in time or Ctrl-C came first.
    pub(super) fn first_live(&mut self) -> Option<Duration> {
        let began = self.began;
        self.until(began + LIVE_WITHIN, BookView::is_live).then(|| began.elapsed())
    }

    /// Lets it run, and shows what is published some times a second. False if Ctrl-C came first.
    pub(super) fn run(&mut self, time: Duration, mut show: impl FnMut(&BookView<VIEW_DEPTH>)) -> bool {
        let until = Instant::now() + time;
        let mut shown: Option<Instant> = None;
        self.until(until, |book| {
            if shown.is_none_or(|shown| shown.elapsed() > Duration::from_millis(100)) {
                shown = Some(Instant::now());
                show(book);
            }
            false
        });
        !self.interrupt.is_set()
    }

    /// Cuts every connection, and waits until the book is live again.
    pub(super) fn cut(&mut self) -> Heal {
        let epoch = self.view.touch().epoch;
        let cut = Instant::now();
        self.exchange.command(Command::End { which: Which::All, how: End::Reset });
        let mut flagged = None;
        self.until(cut + LIVE_WITHIN, |book| {
            if !book.is_live() && flagged.is_none() {
                flagged = Some((book.state, cut.elapsed()));
            }
            flagged.is_some() || book.epoch != epoch
        });
        let live = self.until(cut + LIVE_WITHIN, |book| book.is_live() && book.epoch != epoch);
        Heal { flagged, live: live.then(|| cut.elapsed()) }
    }

    /// Lets the market pause, waits for its last messages, and judges what is published then.
    pub(super) fn last_verdict(&mut self) -> (BookView<VIEW_DEPTH>, Verdict) {
        self.exchange.command(Command::Pause { symbol: None });
        self.until(Instant::now() + SETTLED, |_| false);
        let book = self.view.read();
        let verdict = self.judge.verdict(&book);
        (book, if book.is_live() { verdict } else { Verdict::Differs })
    }

    /// Ends the feed, then the exchange.
    pub(super) fn end(self) -> Result<(FeedReport, Compared), Failure> {
        Ok((self.feed.stop()?, self.judge.compared))
    }

    /// Looks at the book, judging it, until something holds, or the time has come, or Ctrl-C. True if it holds.
    fn until(&mut self, until: Instant, mut holds: impl FnMut(&BookView<VIEW_DEPTH>) -> bool) -> bool {
        loop {
            if holds(&self.judge.look(&self.view)) {
                return true;
            }
            if self.interrupt.is_set() || Instant::now() >= until {
                return false;
            }
            std::thread::sleep(LOOK);
        }
    }
}
