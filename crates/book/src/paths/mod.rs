//! One book from several paths: connections that carry the same stream, so that the failure of one costs nothing and
//! the fastest of them counts.
//!
//! ```text
//! path 0 ──▶ ┐                 numbered: one Keeper; the first to bring a sequence wins, what leaves
//! path 1 ──▶ ├─ Paths ──────▶            something out is held for the path that will bring it
//! path 2 ──▶ ┘   figures       unnumbered: a Keeper for each path; the leader is shown
//! ```
//!
//! **Numbered streams** (families Range, Predecessor, Counter) tell which message is which, so their messages are merged
//! one by one, in the order they arrive ([`Head::flags`](touchline_market::Head::flags) name the path):
//!
//! - A message that follows is applied, whoever brings it; the same from another path is stale.
//! - A message that leaves something out is *held* as long as a path that is up has not come to that place yet (a
//!   connection keeps the order): it will bring what is missing. Meanwhile the book is LIVE at its last sequence, exact there and merely late. That is
//!   bounded: in messages, bytes and time ([`PathsConfig`]). Beyond a bound, and as soon as every path that is up has
//!   passed the hole, the held messages go to the book in their order, which says that there is a gap.
//! - A break of a path concerns that path alone while another one is up. A path is up when a message of it was of use,
//!   or an exact repetition, since its last break.
//! - A snapshot of the stream is of no use to a LIVE book while another path is up: it says what is known, or what that
//!   path will bring. One that goes back behind what its own path brought is the first of a new count, and replaces
//!   the book. A snapshot beside the stream goes to the book as ever.
//!
//! **Unnumbered streams** (Connection, Unchecked) cannot be merged: nothing says that two messages are the same. Each
//! path has a book of its own; the first that is LIVE leads. When the leader is LIVE no more, the next book that is
//! takes its place, with an epoch later than the leader's, so that epochs never fall. Its sequence may be lower: no two
//! paths are equally late.
//!
//! A stream of one path needs none of this: use the [`Keeper`] itself. What several paths cost: some 10 KB a book to
//! remember who brought what, a lookup a message, and the memory of what was held at most, which is kept up to 128 KB.

mod figures;
mod hold;
mod merged;
mod separate;

pub use figures::{Leads, PathFigures};

use touchline_market::{Continuity, Flags, Head, Nanos, Record};

use crate::{Counters, Keeper, KeeperConfig, Outcome};
use figures::Figures;
use merged::Merged;
use separate::Separate;

/// How a book of several paths is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PathsConfig {
    /// The book's rules.
    pub keeper: KeeperConfig,
    /// How many paths there are, made 1 to [`Flags::PATHS_MAX`].
    pub paths: u8,
    /// Most messages held for another path.
    pub hold_messages: usize,
    /// Most bytes of them.
    pub hold_bytes: usize,
    /// How long a message is held at most, ns: from its receipt to that of the newest message seen.
    pub hold_ns: u64,
}

impl Default for PathsConfig {
    /// Two paths; 1,024 messages, 4 MiB, 50 ms.
    fn default() -> Self {
        Self {
            keeper: KeeperConfig::default(),
            paths: 2,
            hold_messages: 1_024,
            hold_bytes: 4 << 20,
            hold_ns: 50_000_000,
        }
    }
}

/// One book that several paths bring.
///
/// ```
/// use touchline_book::{Outcome, Paths, PathsConfig};
/// use touchline_market::{Head, InstrumentId, Sequence, State, UpdateKind};
///
/// let mut book = Paths::new(&PathsConfig::default());
/// let mut bring = |path: u8, kind, previous, sequence| {
///     let mut head = Head::new(kind, InstrumentId(0));
///     (head.previous, head.sequence) = (Sequence(previous), Sequence(sequence));
///     head.flags = head.flags.on_path(path);
///     book.handle(&head, [].iter())
/// };
/// assert_eq!(bring(0, UpdateKind::Snapshot, 0, 7), Outcome::Applied);
/// assert_eq!(bring(1, UpdateKind::Snapshot, 0, 7), Outcome::Ignored);
/// assert_eq!(bring(0, UpdateKind::Delta, 8, 9), Outcome::Buffered); // 8 was lost on path 0,
/// assert_eq!(bring(1, UpdateKind::Delta, 7, 8), Outcome::Applied); // and path 1 brings it.
/// assert_eq!((book.keeper().state(), book.keeper().sequence()), (State::Live, Sequence(9)));
/// assert_eq!(book.figures(0).losses, 1);
/// ```
#[derive(Clone, Debug)]
pub struct Paths {
    figures: Figures,
    way: Way,
}

/// How the paths become one book.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "one value a book, made once")]
enum Way {
    Merged(Merged),
    Separate(Separate),
}

impl Paths {
    /// An empty book, every path down.
    #[must_use]
    pub fn new(config: &PathsConfig) -> Self {
        let paths = usize::from(config.paths.clamp(1, Flags::PATHS_MAX));
        let way = match config.keeper.continuity {
            Continuity::Range | Continuity::Predecessor | Continuity::Counter => {
                Way::Merged(Merged::new(config))
            }
            Continuity::Connection | Continuity::Unchecked => {
                Way::Separate(Separate::new(&config.keeper, paths))
            }
        };
        Self { figures: Figures::new(paths), way }
    }

    /// Takes one whole message of the stream, or a break, of the path that `head.flags` name. A path that there is not
    /// counts as the last one.
    ///
    /// A message held for another path is [`Outcome::Buffered`]; a break that concerns its path alone is
    /// [`Outcome::Ignored`]. Where each path has a book of its own, the outcome is that book's, whether it leads or not.
    #[inline]
    pub fn handle<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        match &mut self.way {
            Way::Merged(merged) => merged.handle(&mut self.figures, head, body),
            Way::Separate(separate) => separate.handle(&mut self.figures, head, body),
        }
    }

    /// Takes a break of every path at once, such as an overrun of the ring that they share.
    pub fn break_all(&mut self, head: &Head) -> Outcome {
        match &mut self.way {
            Way::Merged(merged) => merged.break_all(&mut self.figures, head),
            Way::Separate(separate) => separate.break_all(&mut self.figures, head),
        }
    }

    /// Time has passed without a message: held messages whose time is over go to the book. Tells whether there were
    /// any, so that the book is to be published.
    pub fn tick(&mut self, now: Nanos) -> bool {
        match &mut self.way {
            Way::Merged(merged) => merged.tick(&mut self.figures, now),
            Way::Separate(_) => false,
        }
    }

    /// When [`tick`](Self::tick) has something to do: the end of the time for which messages are held now.
    #[inline]
    #[must_use]
    pub fn deadline(&self) -> Option<Nanos> {
        match &self.way {
            Way::Merged(merged) => merged.deadline(),
            Way::Separate(_) => None,
        }
    }

    /// The book to publish. Its epoch never falls, whichever path it comes from.
    #[inline]
    #[must_use]
    pub fn keeper(&self) -> &Keeper {
        match &self.way {
            Way::Merged(merged) => merged.keeper(),
            Way::Separate(separate) => separate.keeper(),
        }
    }

    /// The path whose book is published; `None` where it is everyone's.
    #[must_use]
    pub fn leader(&self) -> Option<u8> {
        match &self.way {
            Way::Merged(_) => None,
            Way::Separate(separate) => Some(separate.leader()),
        }
    }

    /// Should this path ask for a snapshot, or subscribe anew where the stream brings it? Of the paths of one book only
    /// one is told so: the first that is up, or the first of all. Where each path has a book, each is told of its own.
    #[must_use]
    pub fn wants_snapshot(&self, path: u8) -> bool {
        match &self.way {
            Way::Merged(merged) => merged.keeper().wants_snapshot() && self.figures.first_up() == path,
            Way::Separate(separate) => separate.of(path).wants_snapshot(),
        }
    }

    /// A snapshot to refresh the published book's depth is being asked for, by [`leader`](Self::leader) if there is
    /// one: see [`Keeper::expect_refresh`].
    pub fn expect_refresh(&mut self) {
        match &mut self.way {
            Way::Merged(merged) => merged.keeper_mut().expect_refresh(),
            Way::Separate(separate) => separate.keeper_mut().expect_refresh(),
        }
    }

    /// Was a message of this path of use, or an exact repetition, since its last break?
    #[must_use]
    pub fn is_up(&self, path: u8) -> bool {
        self.figures.is_up(path)
    }

    /// What this path has brought.
    #[must_use]
    pub fn figures(&self, path: u8) -> &PathFigures {
        self.figures.of(path)
    }

    /// How many paths there are.
    #[must_use]
    pub fn count(&self) -> u8 {
        self.figures.paths()
    }

    /// What happened so far, to all books together. Messages that are held are not in it yet.
    #[must_use]
    pub fn counters(&self) -> Counters {
        match &self.way {
            Way::Merged(merged) => *merged.keeper().counters(),
            Way::Separate(separate) => separate.counters(),
        }
    }

    /// How many messages are kept for a snapshot, in all books.
    #[must_use]
    pub fn buffered(&self) -> usize {
        match &self.way {
            Way::Merged(merged) => merged.keeper().buffered(),
            Way::Separate(separate) => separate.buffered(),
        }
    }

    /// How many messages are held for another path.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.way {
            Way::Merged(merged) => merged.held(),
            Way::Separate(_) => 0,
        }
    }
}

#[cfg(test)]
mod race;
#[cfg(test)]
mod tests;
