//! Does a book that says LIVE lag the venue for longer than it may?

use std::collections::VecDeque;
use std::time::Duration;

/// When messages were sent that a book may not have seen.
#[derive(Debug)]
pub(crate) struct Staleness {
    /// The true book's sequence when it was last looked at.
    last: u64,
    /// By this moment something newer than this sequence had been sent; oldest first.
    sent: VecDeque<(Duration, u64)>,
    /// The venue began to count anew at this moment.
    anew: Option<Duration>,
    /// Whoever asked the venue before this moment may have been misled.
    excused: Duration,
}

impl Staleness {
    pub(crate) fn new(sequence: u64) -> Self {
        Self { last: sequence, sent: VecDeque::new(), anew: None, excused: Duration::ZERO }
    }

    /// A silent stream is judged by asking the venue: one that does not answer, or answers with an old book, leaves
    /// nobody the wiser, and silence counts anew from then.
    pub(crate) fn excuse(&mut self, until: Duration) {
        self.excused = self.excused.max(until);
    }

    /// The true book is at `truth`, its view (if it is live) at `view`. Returns since when something was sent that the
    /// view does not show, if that is longer than `bound` ago.
    ///
    /// The true book runs a little ahead of its messages: that it moved on says that everything before was sent.
    pub(crate) fn look(
        &mut self,
        truth: u64,
        view: Option<u64>,
        now: Duration,
        bound: Duration,
    ) -> Option<Duration> {
        if truth < self.last {
            self.sent.clear();
            self.anew = Some(now);
        } else if truth > self.last {
            self.sent.push_back((now, self.last));
        }
        self.last = truth;
        let excused = self.excused;
        let long_ago = |at: Duration| now > at.max(excused) + bound;
        let Some(view) = view else {
            while self.sent.front().is_some_and(|(at, _)| long_ago(*at)) {
                self.sent.pop_front();
            }
            return None;
        };
        if let Some(anew) = self.anew {
            // A sequence that the new count has not reached is of the old one.
            if view > truth {
                return Some(anew).filter(|at| long_ago(*at));
            }
            self.anew = None;
        }
        while self.sent.front().is_some_and(|(_, sequence)| *sequence < view) {
            self.sent.pop_front();
        }
        self.sent.front().map(|(at, _)| *at).filter(|at| long_ago(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A view that keeps up is never stale; one that stands still is as soon as the bound has passed since something newer
    /// was sent, also in a new count; one that is not live is not judged.
    #[test]
    fn a_view_that_stands_still_is_stale() {
        let secs = Duration::from_secs;
        let mut books = Staleness::new(100);
        assert_eq!(books.look(110, Some(104), secs(1), secs(10)), None);
        assert_eq!(books.look(120, Some(111), secs(2), secs(10)), None);
        assert_eq!(books.look(130, Some(111), secs(12), secs(10)), None);
        assert_eq!(books.look(130, Some(111), secs(13), secs(10)), None);
        assert_eq!(books.look(130, Some(111), secs(23), secs(10)), Some(secs(12)));
        assert_eq!(books.look(130, None, secs(24), secs(10)), None);
        assert_eq!(books.look(5, Some(131), secs(30), secs(10)), None);
        assert_eq!(books.look(9, Some(131), secs(41), secs(10)), Some(secs(30)));
        assert_eq!(books.look(9, Some(9), secs(42), secs(10)), None);
    }
}
