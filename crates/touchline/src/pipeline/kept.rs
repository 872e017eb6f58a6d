//! A book as a desk keeps it: of one stream, or of several paths that bring the same.

use touchline_book::{Counters, Keeper, KeeperConfig, Outcome, PathFigures, Paths, PathsConfig};
use touchline_market::{Head, Nanos};

/// A book, or the several that its paths build.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one value a book, made once; the frequent one is not behind a pointer"
)]
pub(crate) enum Kept {
    /// Of one stream.
    One(Keeper),
    /// Of several paths.
    Several(Box<Paths>),
}

impl Kept {
    /// An empty book that so many paths bring.
    pub(crate) fn new(config: &KeeperConfig, paths: u8) -> Self {
        if paths > 1 {
            Self::Several(Box::new(Paths::new(&PathsConfig {
                keeper: *config,
                paths,
                ..PathsConfig::default()
            })))
        } else {
            Self::One(Keeper::new(config))
        }
    }

    /// Takes a break: of its path, or of all.
    pub(crate) fn hear_break(&mut self, head: &Head, all: bool) -> Outcome {
        match self {
            Self::One(keeper) if all && keeper.outlasts(head) => Outcome::Ignored,
            Self::One(keeper) => keeper.handle(head, std::iter::empty()),
            Self::Several(paths) if all => paths.break_all(head),
            Self::Several(paths) => paths.handle(head, std::iter::empty()),
        }
    }

    /// The book to publish.
    #[inline]
    pub(crate) fn keeper(&self) -> &Keeper {
        match self {
            Self::One(keeper) => keeper,
            Self::Several(paths) => paths.keeper(),
        }
    }

    /// The paths, if there are several.
    #[inline]
    pub(crate) fn paths(&self) -> Option<&Paths> {
        match self {
            Self::One(_) => None,
            Self::Several(paths) => Some(paths),
        }
    }

    /// When messages that are held for another path are to be given up.
    #[inline]
    pub(crate) fn deadline(&self) -> Option<Nanos> {
        self.paths().and_then(Paths::deadline)
    }

    pub(crate) fn counters(&self) -> Counters {
        self.paths().map_or_else(|| *self.keeper().counters(), Paths::counters)
    }

    pub(crate) fn buffered(&self) -> usize {
        self.paths().map_or_else(|| self.keeper().buffered(), Paths::buffered)
    }

    /// What each path has brought; nothing where there is one.
    pub(crate) fn figures(&self) -> Vec<PathFigures> {
        let paths = self.paths().into_iter();
        paths.flat_map(|paths| (0..paths.count()).map(|path| paths.figures(path).clone())).collect()
    }
}
