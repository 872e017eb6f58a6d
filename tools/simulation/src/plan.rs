//! What a seed means: the venue, the market, the network, and how likely each fault is.
//!
//! Swarm testing: in each seed many faults are off and some are very likely, so that runs reach what a little of
//! everything never would. Every choice has numbers of its own: switching one fault off leaves the others as they are.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use touchline::Placement;
use touchline_feed::Rules;
use touchline_market::{Channel, Checksum, Continuity};
use touchline_simulator::{Config, Faults, Symbol, TRUTH_LEVELS};
use touchline_venue::{CONNECT_WINDOW, Snapshots, VenueFacts};

use crate::random::Random;

macro_rules! switches {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// A fault that can be switched off.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        #[allow(missing_docs, reason = "the names say it; `Plan` says how likely each is")]
        pub enum Switch { $($variant),+ }

        impl Switch {
            /// Every switch.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

switches! {
    Drop "drop", Duplicate "duplicate", Reorder "reorder", Corrupt "corrupt", Checksum "checksum", Cross "cross", Harmless "harmless",
    Garbage "garbage", Fragment "fragment", Drip "drip", Oversize "oversize", BadFrame "bad-frame", Pings "pings",
    Disconnect "disconnect", HalfOpen "half-open", Stall "stall", Unreachable "unreachable",
    Handshake "handshake", HandshakeLimited "handshake-limited",
    Refused "refused", Unanswered "unanswered", Silent "silent", AckLost "ack-lost",
    SnapshotLost "snapshot-lost",
    SnapshotLate "snapshot-late", SnapshotOld "snapshot-old", SnapshotError "snapshot-error",
    SnapshotHtml "snapshot-html", SnapshotCut "snapshot-cut", SnapshotOther "snapshot-other",
    SnapshotLimited "snapshot-limited",
    Reset "reset", Lock "lock", Builder "builder", Shutdown "shutdown", Lifetime "lifetime", Quiet "quiet",
    Jitter "jitter", Paths "paths", Kill "kill", Crowd "crowd",
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|switch| switch.name() == text);
        found.copied().ok_or_else(|| format!("no fault is called {text:?}"))
    }
}

/// States of a book that the exchange remembers: a connection that drips may be minutes late.
const HISTORY: usize = 131_072;

/// Most connections to one book.
const PATHS_MAX: u8 = 4;

/// Faults that no book may leave LIVE for.
const HARMLESS: &[Switch] = &[
    Switch::Duplicate,
    Switch::Harmless,
    Switch::Fragment,
    Switch::Lock,
    Switch::Shutdown,
    Switch::Lifetime,
    Switch::Quiet,
    Switch::Jitter,
    Switch::Paths,
    Switch::Kill,
];

/// Something that happens again and again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Timed {
    pub(crate) switch: Switch,
    /// How often, in the mean.
    pub(crate) mean: Duration,
}

/// Everything a seed decides.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) seed: u64,
    pub(crate) venue: &'static VenueFacts,
    pub(crate) config: Config,
    pub(crate) channels: Vec<Channel>,
    pub(crate) readers: usize,
    /// Connections that bring each book.
    pub(crate) paths: u8,
    pub(crate) placement: Placement,
    pub(crate) ring_records: usize,
    pub(crate) snapshot_levels: u32,
    pub(crate) rules: Rules,
    /// Levels a side that a live book is judged to. Where a venue numbers nothing, a message that is lost shows in its
    /// checksum alone, and what stands below the levels of that nobody can know.
    pub(crate) judged: usize,
    /// To the exchange and back, each.
    pub(crate) latency: Duration,
    /// By how much the way back may take longer.
    pub(crate) jitter: Duration,
    pub(crate) timed: Vec<Timed>,
    /// What is on.
    pub(crate) on: Vec<Switch>,
    /// Nothing is on that a book may leave LIVE for.
    pub(crate) calm: bool,
}

/// Draws for one seed.
struct Draw<'a> {
    seed: u64,
    without: &'a [Switch],
    calm: bool,
    /// What does not exist at the venue.
    impossible: Vec<Switch>,
    on: Vec<Switch>,
}

impl Draw<'_> {
    /// The numbers of a fault that is on, as this share of seeds has it.
    fn on(&mut self, switch: Switch, share: f64) -> Option<Random> {
        let mut random = Random::of(self.seed, switch.name());
        let drawn = random.chance(share) && (!self.calm || HARMLESS.contains(&switch));
        let on = drawn && !self.without.contains(&switch) && !self.impossible.contains(&switch);
        if on {
            self.on.push(switch);
        }
        on.then_some(random)
    }

    /// A probability up to `most`, mostly small, as this share of seeds has it.
    fn share(&mut self, switch: Switch, share: f64, most: f64) -> f64 {
        self.on(switch, share).map_or(0.0, |mut random| most * random.unit().powi(2))
    }

    /// How many connections bring each book: mostly one. Where they are several, more worlds are calm: that nobody notices
    /// a path that is lost shows in these.
    fn paths(&mut self, asked: Option<u8>) -> u8 {
        let drawn = self.on(Switch::Paths, 0.25).map_or(1, |mut random| {
            self.calm = self.calm || random.chance(0.2);
            random.one_of(&[2, 2, 3, 4], 2)
        });
        let paths = asked.unwrap_or(drawn).clamp(1, PATHS_MAX);
        self.on.retain(|switch| *switch != Switch::Paths);
        if paths > 1 {
            self.on.push(Switch::Paths);
        } else {
            self.impossible.push(Switch::Kill);
        }
        paths
    }

    fn timed(&mut self, switch: Switch, share: f64, mean_s: (f64, f64)) -> Option<Timed> {
        let mut random = self.on(switch, share)?;
        Some(Timed { switch, mean: Duration::from_secs_f64(random.magnitude(mean_s.0, mean_s.1)) })
    }
}

impl Plan {
    /// What `seed` means, without some faults, at the venue it draws or at this one only.
    /// `None` for a venue that is not in the registry.
    #[must_use]
    pub fn of(seed: u64, without: &[Switch], only: Option<&str>) -> Option<Self> {
        Self::of_paths(seed, without, only, None)
    }

    /// The same, with so many connections to each book instead of those that the seed draws.
    #[must_use]
    pub fn of_paths(seed: u64, without: &[Switch], only: Option<&str>, paths: Option<u8>) -> Option<Self> {
        let mut random = Random::of(seed, "plan");
        let venues = touchline_venue::all().iter().filter(|venue| (venue.exchange)().is_some());
        // The venue that draws most: one venue more takes some seeds, and leaves the others as they were.
        let venue = venues.filter(|venue| only.is_none_or(|only| venue.name.as_str() == only));
        let venue = venue.max_by_key(|venue| Random::of(seed, venue.name.as_str()).bits())?;
        let rules = (venue.exchange)()?.rules();
        let name = venue.name.as_str();
        let calm = random.chance(0.08);
        let mut draw = Draw { seed, without, calm, impossible: impossible(venue), on: Vec::new() };
        let paths = draw.paths(paths);
        let mut symbols = 1 + random.below(6) as usize;
        // In a calm world silence means something: nothing is ever quiet for long by chance.
        let least = if draw.calm { 4.0 * symbols as f64 } else { 2.0 };
        let mut rate = random.magnitude(least, 400.0);
        let mut levels = random.one_of(&[50, 100, 400], 100);
        if let Some(mut random) = draw.on(Switch::Crowd, 0.05) {
            symbols = random.magnitude(50.0, 300.0) as usize;
            (rate, levels) = (symbols as f64 * random.magnitude(0.05, 0.5), 50);
        }
        let mut config = Config {
            symbols: symbols_of(name, symbols, levels),
            seed: random.bits(),
            rate,
            tls: false,
            history: HISTORY,
            ..Config::new(name)
        };
        let mut life = Rules::default();
        if random.chance(0.3) {
            life.idle = Duration::from_secs(6);
        }
        config.faults = faults(&mut draw);
        if let Some(mut random) = draw.on(Switch::Lifetime, 0.2) {
            let limit = random.between(Duration::from_secs(40), Duration::from_secs(400));
            (config.lifetime, life.lifetime) = (Some(limit), Some(limit));
        }
        let channels = channels(&mut random, venue);
        let timed = timed(&mut draw);
        let unseen = |switch: &Switch| UNNUMBERED.contains(switch);
        let blind = venue.continuity == Continuity::Unchecked && draw.on.iter().any(unseen);
        let judged = if blind { rules.checksum_levels } else { TRUTH_LEVELS };
        let readers = if random.chance(0.3) { 2 } else { 1 };
        if paths > 1 || draw.on.contains(&Switch::Crowd) {
            let least = lifetime_least(venue, symbols * channels.len(), readers, paths);
            for lifetime in [&mut config.lifetime, &mut life.lifetime].into_iter().flatten() {
                *lifetime = least.max(*lifetime);
            }
        }
        let jitter = draw.on(Switch::Jitter, 0.5);
        let jitter = jitter.map_or(0.0, |mut random| random.magnitude(1e-4, 0.05));
        Some(Self {
            seed,
            venue,
            config,
            channels,
            paths,
            readers,
            placement: if random.chance(0.3) { Placement::Reader } else { Placement::BookThread },
            ring_records: random.one_of(&[128, 256, 1_024, 8_192], 8_192),
            snapshot_levels: random.one_of(&[50, 100, 1_000], 1_000),
            rules: life,
            judged,
            latency: Duration::from_secs_f64(random.magnitude(1e-4, 0.15)),
            jitter: Duration::from_secs_f64(jitter),
            timed,
            calm: draw.calm
                || draw.on.iter().all(|switch| HARMLESS.contains(switch)) && rate >= 4.0 * symbols as f64,
            on: draw.on,
        })
    }

    /// What is on.
    #[must_use]
    pub fn switches(&self) -> &[Switch] {
        &self.on
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on: Vec<&str> = self.on.iter().map(|switch| switch.name()).collect();
        write!(
            f,
            "seed {}: {}, {} symbols of {} levels, {:.1} messages/s, {} paths, {} readers, {:?}, ring of {}, snapshots \
             of {}, latency {:?}, jitter {:?}, idle {:?}{}; {}",
            self.seed,
            self.venue.name,
            self.config.symbols.len(),
            self.config.symbols.first().map_or(0, |symbol| symbol.levels),
            self.config.rate,
            self.paths,
            self.readers,
            self.placement,
            self.ring_records,
            self.snapshot_levels,
            self.latency,
            self.jitter,
            self.rules.idle,
            if self.calm { ", calm" } else { "" },
            on.join(" ")
        )
    }
}

/// The shortest life at which replacing all connections takes a quarter of what the venue allows of connects.
fn lifetime_least(venue: &VenueFacts, streams: usize, readers: usize, paths: u8) -> Duration {
    let limits = &venue.access.limits;
    let each = streams.div_ceil(readers).div_ceil(limits.streams_per_connection);
    let connections = (readers * each * usize::from(paths)) as u32;
    CONNECT_WINDOW * 4 * connections / limits.connects_per_window.max(1)
}

fn symbols_of(venue: &str, count: usize, levels: usize) -> Vec<Symbol> {
    let mut symbols = Config::symbols(venue, count);
    for symbol in &mut symbols {
        symbol.levels = levels;
    }
    symbols
}

/// Messages that are lost, late or wrong: without a number on each they show in a checksum, or not at all.
const UNNUMBERED: &[Switch] = &[Switch::Drop, Switch::Corrupt, Switch::Reorder, Switch::Stall];

/// What nobody could find out at a venue, or what it has not got: such a fault does not exist there.
fn impossible(venue: &VenueFacts) -> Vec<Switch> {
    let mut all = Vec::new();
    if venue.checksum == Checksum::None {
        all.extend([Switch::Corrupt, Switch::Checksum]);
        if venue.continuity == Continuity::Unchecked {
            all.extend(UNNUMBERED);
        }
    }
    match venue.texts.snapshots {
        Snapshots::Rest { .. } => all.push(Switch::SnapshotLost),
        Snapshots::Stream => all.extend([
            Switch::SnapshotOld,
            Switch::SnapshotError,
            Switch::SnapshotHtml,
            Switch::SnapshotCut,
            Switch::SnapshotOther,
            Switch::SnapshotLimited,
        ]),
    }
    all
}

/// Books, and now and then what else the venue has a view of.
fn channels(random: &mut Random, venue: &VenueFacts) -> Vec<Channel> {
    let more = if random.chance(0.3) { &[Channel::Trade, Channel::Bbo][..] } else { &[] };
    let more = more.iter().filter(|wanted| venue.channels.contains(wanted));
    std::iter::once(&Channel::Book).chain(more).copied().collect()
}

/// What happens to messages, requests and answers by chance.
fn faults(draw: &mut Draw<'_>) -> Faults {
    let mut faults = Faults {
        drop: draw.share(Switch::Drop, 0.5, 0.3),
        duplicate: draw.share(Switch::Duplicate, 0.5, 0.5),
        reorder: draw.share(Switch::Reorder, 0.5, 0.1),
        cross: draw.share(Switch::Cross, 0.4, 0.02),
        harmless: draw.share(Switch::Harmless, 0.5, 0.3),
        garbage: draw.share(Switch::Garbage, 0.4, 0.02),
        fragment: draw.share(Switch::Fragment, 0.4, 0.2),
        drip: draw.share(Switch::Drip, 0.3, 0.002),
        oversize: draw.share(Switch::Oversize, 0.3, 0.002),
        bad_frame: draw.share(Switch::BadFrame, 0.3, 0.001),
        ping_flood: draw.share(Switch::Pings, 0.3, 0.0005),
        refuse: draw.share(Switch::Refused, 0.15, 0.3),
        unanswered: draw.share(Switch::Unanswered, 0.3, 0.5),
        silent: draw.share(Switch::Silent, 0.3, 0.5),
        ack_lost: draw.share(Switch::AckLost, 0.3, 0.3),
        snapshot_lost: draw.share(Switch::SnapshotLost, 0.3, 0.3),
        snapshot_stale: draw.share(Switch::SnapshotOld, 0.5, 0.5),
        snapshot_late: draw.share(Switch::SnapshotLate, 0.5, 0.5),
        snapshot_error: draw.share(Switch::SnapshotError, 0.4, 0.3),
        snapshot_html: draw.share(Switch::SnapshotHtml, 0.3, 0.2),
        snapshot_cut: draw.share(Switch::SnapshotCut, 0.3, 0.2),
        snapshot_other: draw.share(Switch::SnapshotOther, 0.3, 0.2),
        snapshot_limited: draw.share(Switch::SnapshotLimited, 0.3, 0.05),
        upgrade_error: draw.share(Switch::Handshake, 0.4, 0.5),
        upgrade_dropped: 0.0,
        upgrade_limited: draw.share(Switch::HandshakeLimited, 0.3, 0.3),
        lock: draw.share(Switch::Lock, 0.4, 0.02),
        ..Faults::default()
    };
    faults.upgrade_dropped = faults.upgrade_error / 2.0;
    faults.corrupt = draw.share(Switch::Corrupt, 0.4, 0.02);
    faults.checksum = draw.share(Switch::Checksum, 0.4, 0.02);
    let mut random = Random::of(draw.seed, "faults");
    faults.late_ms = (random.magnitude(10.0, 30_000.0)) as u64;
    faults.stale_messages = random.magnitude(1.0, 500.0) as usize;
    faults.retry_after_s = 1 + random.below(20);
    faults.drip_bytes = 1 + random.below(16) as usize;
    faults.pings = random.one_of(&[20, 500, 2_000], 500);
    faults
}

/// What happens at moments of its own.
fn timed(draw: &mut Draw<'_>) -> Vec<Timed> {
    let kinds = [
        draw.timed(Switch::Disconnect, 0.5, (1.0, 600.0)),
        draw.timed(Switch::HalfOpen, 0.3, (30.0, 300.0)),
        draw.timed(Switch::Stall, 0.4, (20.0, 300.0)),
        draw.timed(Switch::Unreachable, 0.2, (60.0, 300.0)),
        draw.timed(Switch::Reset, 0.2, (100.0, 400.0)),
        draw.timed(Switch::Builder, 0.4, (2.0, 60.0)),
        draw.timed(Switch::Shutdown, 0.3, (60.0, 300.0)),
        draw.timed(Switch::Quiet, 0.3, (60.0, 300.0)),
        draw.timed(Switch::Kill, 0.6, (10.0, 120.0)),
    ];
    kinds.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each fault is off in many seeds and on in some; switching one off leaves the rest as it was; some worlds are calm.
    #[test]
    fn seeds_are_a_swarm() {
        let plans: Vec<Plan> = (0..400).map(|seed| Plan::of(seed, &[], None).unwrap()).collect();
        for switch in Switch::ALL {
            let on = plans.iter().filter(|plan| plan.on.contains(switch)).count();
            assert!((10..280).contains(&on), "{switch}: {on} of 400");
            assert_eq!(switch.name().parse(), Ok(*switch));
        }
        assert!((20..80).contains(&plans.iter().filter(|plan| plan.calm).count()));
        for plan in plans.iter().filter(|plan| plan.on.contains(&Switch::Drop)) {
            let less = Plan::of(plan.seed, &[Switch::Drop], None).unwrap();
            assert_eq!(less.config.faults, Faults { drop: 0.0, ..plan.config.faults.clone() });
            assert_eq!((less.config.rate, less.timed), (plan.config.rate, plan.timed.clone()));
        }
        assert!("nothing".parse::<Switch>().is_err());
    }

    /// Some worlds have several paths, as many as are asked for, and then one may be killed; otherwise none is, and the
    /// market is what it is with one. Lives are long enough for the connects that they cost.
    #[test]
    fn paths_are_drawn_apart() {
        for seed in 0..400 {
            let plan = |without: &[Switch], paths| Plan::of_paths(seed, without, None, paths).unwrap();
            let (drawn, alone, asked) = (plan(&[], None), plan(&[Switch::Paths], None), plan(&[], Some(3)));
            assert_eq!(
                (drawn.paths > 1, alone.paths, asked.paths),
                (drawn.on.contains(&Switch::Paths), 1, 3)
            );
            assert!(!alone.on.contains(&Switch::Kill) && asked.on.contains(&Switch::Paths));
            assert_eq!((alone.config.seed, alone.ring_records), (asked.config.seed, asked.ring_records));
            let limit = f64::from(asked.venue.access.limits.connects_per_window);
            let connects = |lifetime: Duration| 3.0 * CONNECT_WINDOW.as_secs_f64() / lifetime.as_secs_f64();
            assert!(asked.config.lifetime.is_none_or(|lifetime| connects(lifetime) <= limit / 4.0));
        }
    }
}
