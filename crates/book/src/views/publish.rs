//! The way from a book to its readers.

use touchline_market::{Nanos, Reason, State};
use touchline_view::block::{self, Block, BlockReader, BlockWriter};
use touchline_view::line::{self, LineReader, LineWriter};

use super::{BookView, Touch, Verdict};
use crate::Keeper;

/// Publishes one book: its touch in a cache line of its own, its best `N` levels in a block.
///
/// Call [`publish`](Self::publish) after each handled message, also when only the state changed: what a reader sees
/// is what the last call wrote.
#[derive(Debug)]
pub struct Publisher<const N: usize = 20> {
    line: LineWriter,
    block: BlockWriter<N>,
    /// The block last written: too large to build anew each time.
    words: Block<N>,
}

/// Reads one book. Clone it for every thread that wants one.
#[derive(Clone, Debug)]
pub struct BookReader<const N: usize = 20> {
    line: LineReader,
    block: BlockReader<N>,
}

/// Makes the two ends of a book's publication, which says INIT until the first one.
impl<const N: usize> Publisher<N> {
    /// A publisher and its reader.
    #[must_use]
    pub fn new() -> (Self, BookReader<N>) {
        let words = Block::new();
        let (line, line_reader) = line::channel(&[0; 7]);
        let (block, block_reader) = block::channel(&words);
        let publisher = Self { line, block, words };
        (publisher, BookReader { line: line_reader, block: block_reader })
    }

    /// Publishes what the book is now. Never waits. `ts_view` is the time of it, taken by the caller.
    #[inline]
    pub fn publish(&mut self, keeper: &Keeper, ts_view: Nanos) {
        self.line.write(&Touch::of(keeper).to_words());
        BookView::encode(keeper, ts_view, &mut self.words);
        self.block.write(&self.words);
    }

    /// Publishes that nobody keeps this book any more: DEAD for this reason, no levels. Touches no book, so that it
    /// can be called when one is half changed.
    #[cold]
    pub fn bury(&mut self, reason: Reason) {
        let verdict = Verdict { state: State::Dead(reason), ..Verdict::default() };
        self.words = Block::new();
        self.words.head = [verdict.to_word(), 0, 0, 0, 0, 0, 0];
        self.line.write(&[verdict.to_word(), 0, 0, 0, 0, 0, 0]);
        self.block.write(&self.words);
    }
}

impl<const N: usize> BookReader<N> {
    /// The best level of both sides. A read that the writer disturbed at every attempt says STALE(busy).
    #[inline]
    #[must_use]
    pub fn touch(&self) -> Touch {
        self.line.read().map_or_else(|_| Touch::busy(), Touch::from_words)
    }

    /// The best levels of both sides. A read that the writer disturbed at every attempt says STALE(busy).
    #[inline]
    #[must_use]
    pub fn read(&self) -> BookView<N> {
        let mut block = Block::new();
        match self.block.read_into(&mut block) {
            Ok(()) => BookView::from_block(&block),
            Err(_) => BookView::busy(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeeperConfig;
    use crate::testing::{delta, in_stream};
    use touchline_market::Level;

    /// A book goes through its life; after each message both views say what the keeper says.
    #[test]
    fn views_follow_the_book_message_by_message() {
        let mut keeper = Keeper::new(&KeeperConfig::default());
        let (mut publisher, reader) = Publisher::<3>::new();
        assert_eq!((reader.touch().state, reader.read().state), (State::Init, State::Init));
        let bids = [(100, 1), (99, 2), (98, 3), (97, 4)];
        let messages = [
            in_stream(5, &bids, &[(101, 7)]),
            delta(5, 6, &[(100, 0)], &[(102, 9), (105, 1)]),
            delta(7, 8, &[(100, 1)], &[]),
            in_stream(20, &[], &[(3, 3)]),
        ];
        for (n, (head, body)) in messages.iter().enumerate() {
            keeper.handle(head, body.iter());
            publisher.publish(&keeper, Nanos(77));
            let (touch, view) = (reader.touch(), reader.read());
            assert_eq!((touch.state, touch.sequence, touch.epoch), (view.state, view.sequence, view.epoch));
            assert_eq!((view.state, view.ts_view), (keeper.state(), Nanos(77)));
            assert_eq!(touch.get(), view.touch());
            let expected: [(&[_], &[_]); 4] = [
                (&bids[..3], &[(101, 7)]),
                (&bids[1..], &[(101, 7), (102, 9), (105, 1)]),
                (&bids[1..], &[(101, 7), (102, 9), (105, 1)]),
                (&[], &[(3, 3)]),
            ];
            let levels =
                |levels: &[(i64, u64)]| levels.iter().map(|&(p, q)| Level::new(p, q)).collect::<Vec<_>>();
            assert_eq!((view.bids(), view.asks()), (&*levels(expected[n].0), &*levels(expected[n].1)));
        }
        assert_eq!(reader.read().levels, [0, 1]);
        assert_eq!(reader.clone().touch().get(), None, "one side is empty");
    }

    /// A gap changes the state only; the readers are told, and `touch` gives nothing while the levels stay readable.
    #[test]
    fn gap_is_visible_at_once_and_closes_the_touch() {
        let mut keeper = Keeper::new(&KeeperConfig::default());
        let (mut publisher, reader) = Publisher::<20>::new();
        for (head, body) in [in_stream(5, &[(10, 1)], &[(11, 1)]), delta(8, 9, &[], &[])] {
            keeper.handle(&head, body.iter());
            publisher.publish(&keeper, Nanos(1));
        }
        let view = reader.read();
        assert_eq!((view.state, view.reason()), (State::Stale(Reason::Gap), Some(Reason::Gap)));
        assert_eq!((view.touch(), reader.touch().get()), (None, None));
        assert_eq!((view.bids().len(), view.proven), (1, [1, 1]));
    }

    /// A book that lost levels is published as if it never had them: nothing of an earlier view is left in its rows.
    #[test]
    fn views_keep_nothing_of_earlier_ones() {
        let mut keeper = Keeper::new(&KeeperConfig::default());
        let (mut publisher, reader) = Publisher::<4>::new();
        let bids = [(9, 1), (8, 1), (7, 1)];
        for (head, body) in [in_stream(5, &bids, &[(10, 1)]), delta(5, 6, &[(9, 0), (8, 0)], &[(10, 0)])] {
            keeper.handle(&head, body.iter());
            publisher.publish(&keeper, Nanos(1));
        }
        let (mut fresh, fresh_reader) = Publisher::<4>::new();
        fresh.publish(&keeper, Nanos(1));
        assert_eq!(reader.read(), fresh_reader.read());
        assert_eq!(reader.read().bids(), [Level::new(7, 1)]);
    }

    /// A book that nobody keeps any more says so in both views, without a level.
    #[test]
    fn buried_books_are_dead_and_empty() {
        let mut keeper = Keeper::new(&KeeperConfig::default());
        let (mut publisher, reader) = Publisher::<20>::new();
        let (head, body) = in_stream(5, &[(10, 1)], &[(11, 1)]);
        keeper.handle(&head, body.iter());
        publisher.publish(&keeper, Nanos(1));
        assert!(reader.read().is_live());
        publisher.bury(Reason::Panic);
        let dead = State::Dead(Reason::Panic);
        assert_eq!((reader.read().state, reader.touch().state), (dead, dead));
        assert_eq!((reader.read().bids(), reader.touch().bid()), (&[][..], None));
    }

    /// A read that cannot get through says so and shows no level.
    #[test]
    fn busy_views_are_stale_and_empty() {
        assert_eq!(Touch::busy().state, State::Stale(Reason::Busy));
        assert_eq!(Touch::busy().bid(), None);
        let view = BookView::<5>::busy();
        assert_eq!((view.state, view.bids(), view.asks()), (State::Stale(Reason::Busy), &[][..], &[][..]));
    }
}
