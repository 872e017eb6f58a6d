//! The best levels that the clients of one stream have, for venues that cut their books to a depth.

use touchline_market::{Level, Side};

use crate::market::{Change, Market};

/// What the clients have, and what they are told next.
#[derive(Debug)]
pub(crate) struct Cut {
    depth: usize,
    bids: Half,
    asks: Half,
}

/// One side.
#[derive(Debug)]
struct Half {
    side: Side,
    /// Best first.
    held: Vec<Level>,
    changed: Vec<Level>,
}

impl Cut {
    /// What a client has after a snapshot of this depth.
    pub(crate) fn new(depth: usize, market: &Market) -> Self {
        let half = |side| {
            let mut held = Vec::with_capacity(depth + 1);
            market.best(side, depth, &mut held);
            Half { side, held, changed: Vec::new() }
        };
        Self { depth, bids: half(Side::Bid), asks: half(Side::Ask) }
    }

    /// The market has come to where it is by these changes, each the newest of its level.
    pub(crate) fn follow(&mut self, changes: &[Change], market: &Market) {
        self.bids.follow(self.depth, changes, market);
        self.asks.follow(self.depth, changes, market);
    }

    /// The best levels a side of what the clients have, best first: so many, or as many as there are.
    pub(crate) fn best(&self, count: usize) -> (&[Level], &[Level]) {
        let best = |half: &'_ Half| half.held.len().min(count);
        let (bids, asks) = (best(&self.bids), best(&self.asks));
        let (bids, asks) = (self.bids.held.get(..bids), self.asks.held.get(..asks));
        (bids.unwrap_or_default(), asks.unwrap_or_default())
    }

    /// What is to be said of the last changes: levels changed within the depth, and those that came into it.
    pub(crate) fn changed(&self) -> (&[Level], &[Level]) {
        (&self.bids.changed, &self.asks.changed)
    }
}

impl Half {
    fn follow(&mut self, depth: usize, changes: &[Change], market: &Market) {
        self.changed.clear();
        // Beyond the last level of a full side nothing is known: what comes from there is read from the market.
        let last = self.held.last().filter(|_| self.held.len() >= depth).map(|level| level.price);
        let side = self.side;
        let better = |a: Level, b: Level| match side {
            Side::Bid => a.price > b.price,
            Side::Ask => a.price < b.price,
        };
        for change in changes.iter().filter(|change| change.side == side) {
            let level = change.level;
            if last.is_some_and(|last| better(Level { price: last, ..level }, level)) {
                continue;
            }
            let place = self.held.partition_point(|held| better(*held, level));
            let found = self.held.get_mut(place).filter(|held| held.price == level.price);
            match found {
                Some(_) if level.qty.0 == 0 => {
                    self.held.remove(place);
                    self.changed.push(level);
                }
                Some(held) => {
                    *held = level;
                    self.changed.push(level);
                }
                None if level.qty.0 > 0 => {
                    self.held.insert(place, level);
                    self.changed.push(level);
                }
                // It came and went between two messages.
                None => {}
            }
        }
        self.held.truncate(depth);
        if let Some(last) = last.filter(|_| self.held.len() < depth) {
            let known = self.held.len();
            market.beyond(side, last, depth - known, &mut self.held);
            self.changed.extend(self.held.iter().skip(known));
        }
        // What was put in and pushed out again at once is not said.
        if let Some(worst) = self.held.last().copied() {
            self.changed.retain(|level| level.qty.0 == 0 || !better(worst, *level));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(book: &mut Vec<Level>, side: Side, changes: &[Level], depth: usize) {
        for change in changes {
            book.retain(|level| level.price != change.price);
            book.extend((change.qty.0 > 0).then_some(*change));
        }
        book.sort_by_key(|level| if side == Side::Bid { -level.price.0 } else { level.price.0 });
        book.truncate(depth);
    }

    /// A client that applies what it is told and cuts its book to the depth has the market's best levels after every
    /// message, at depths less and greater than the market's, and most changes beyond a small depth go unsaid.
    #[test]
    fn a_client_that_cuts_has_the_best_levels() {
        for (depth, levels) in [(10, 60), (25, 60), (1_000, 60)] {
            let mut market = Market::new(3, 10_000, levels);
            let mut cut = Cut::new(depth, &market);
            let (bids, asks) = cut.best(usize::MAX);
            let mut book = [bids.to_vec(), asks.to_vec()];
            let mut silent = 0;
            for message in 0..5_000 {
                let mut changes: Vec<Change> = Vec::new();
                for _ in 0..=message % 7 {
                    let change = market.step();
                    changes.retain(|old| (old.side, old.level.price) != (change.side, change.level.price));
                    changes.push(change);
                }
                cut.follow(&changes, &market);
                let (bids, asks) = cut.changed();
                silent += usize::from(bids.len() + asks.len() == 0);
                apply(&mut book[0], Side::Bid, bids, depth);
                apply(&mut book[1], Side::Ask, asks, depth);
                for (side, book) in [Side::Bid, Side::Ask].into_iter().zip(&book) {
                    let mut best = Vec::new();
                    market.best(side, depth, &mut best);
                    assert_eq!(*book, best, "message {message}, depth {depth}");
                }
                assert_eq!(cut.best(usize::MAX), (&book[0][..], &book[1][..]));
            }
            assert_eq!(silent > 100, depth == 10, "{silent} at {depth}");
        }
    }
}
