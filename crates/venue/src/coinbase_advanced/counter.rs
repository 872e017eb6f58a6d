//! The counter of a connection: plus one with every message, whatever its channel.
//!
//! The venue counts from 0. A first message with another number means that others were lost before it; no book of the
//! connection has a snapshot yet that could be wrong for it, so the count simply begins there, as it does for a recording
//! that begins in the middle.

use touchline_market::{Bug, planted};

use crate::ParseError;

/// So many messages in a row that are behind the count are no repetitions: the venue began to count anew.
const BEHIND_MAX: u32 = 16;

/// What to do with a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// It is the next one.
    Due,
    /// It came already, or comes late: what it says is known, or was told as lost.
    Behind,
}

/// The number that is due.
#[derive(Debug, Default)]
pub(super) struct Counter {
    due: Option<u64>,
    /// Messages in a row that were behind.
    behind: u32,
}

impl Counter {
    /// Judges the number of a message that came.
    ///
    /// # Errors
    /// [`ParseError::Lost`] where numbers are missing before it, and where the venue seems to count anew. Handed in
    /// again at once, the message is due.
    #[inline]
    pub(super) fn judge(&mut self, found: u64) -> Result<Turn, ParseError> {
        match self.due {
            Some(due) if found != due && !planted(Bug::CounterUnseen) => self.out_of_turn(due, found),
            _ => {
                self.due = Some(found.saturating_add(1));
                self.behind = 0;
                Ok(Turn::Due)
            }
        }
    }

    #[cold]
    fn out_of_turn(&mut self, due: u64, found: u64) -> Result<Turn, ParseError> {
        if found < due && self.behind < BEHIND_MAX {
            self.behind += 1;
            return Ok(Turn::Behind);
        }
        (self.due, self.behind) = (Some(found), 0);
        Err(ParseError::Lost { expected: due, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(expected: u64, found: u64) -> Result<Turn, ParseError> {
        Err(ParseError::Lost { expected, found })
    }

    /// The first number is taken as it is, then each next one.
    #[test]
    fn counting_begins_anywhere() {
        for first in [0, 7, u64::MAX - 1] {
            let mut counter = Counter::default();
            assert_eq!([first, first + 1].map(|found| counter.judge(found)), [Ok(Turn::Due); 2]);
        }
    }

    /// A hole is told once; the message behind it is taken when it is handed in again, and the count goes on there.
    #[test]
    fn a_hole_is_told_once() {
        let mut counter = Counter::default();
        let told = [4, 6, 6, 7].map(|found| counter.judge(found));
        assert_eq!(told, [Ok(Turn::Due), lost(5, 6), Ok(Turn::Due), Ok(Turn::Due)]);
    }

    /// A message told as lost but not handed in again is missing at the next one too.
    #[test]
    fn what_is_not_handed_in_again_stays_missing() {
        let mut counter = Counter::default();
        assert_eq!([4, 6, 7].map(|found| counter.judge(found)), [Ok(Turn::Due), lost(5, 6), lost(6, 7)]);
    }

    /// Doubled and late messages are known by their numbers and change nothing.
    #[test]
    fn repeated_and_late_messages_are_behind() {
        let mut counter = Counter::default();
        let told = [4, 4, 6, 6, 5, 7].map(|found| counter.judge(found));
        let (due, behind) = (Ok(Turn::Due), Ok(Turn::Behind));
        assert_eq!(told, [due, behind, lost(5, 6), due, behind, due]);
    }

    /// A counter that fell is followed in the end, and everything before it counts as lost.
    #[test]
    fn a_counter_that_begins_anew_is_followed() {
        let mut counter = Counter::default();
        assert_eq!(counter.judge(900), Ok(Turn::Due));
        let behind = (0..900).find(|&found| counter.judge(found) != Ok(Turn::Behind));
        assert_eq!(behind, Some(u64::from(BEHIND_MAX)));
        assert_eq!(counter.judge(u64::from(BEHIND_MAX)), Ok(Turn::Due));
    }
}
