//! Which instruments need a snapshot, and when to ask for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::Moment;
use crate::random::Random;

/// The longest wait before a second request for the same instrument; it doubles with each further one.
const WAIT_FIRST: Duration = Duration::from_millis(250);

/// The longest wait there is.
const WAIT_MAX: Duration = Duration::from_secs(8);

/// An instrument that needed nothing for so long begins anew, without a wait.
const CALM: Duration = Duration::from_secs(60);

/// A stream that was begun and did not bring its snapshot for so long has failed.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A need that is not met for so long is reported.
const LATE: Duration = Duration::from_secs(5);

/// The needs of all instruments of a reader, by their dense numbers. One request at a time for each, which is under way
/// until it is [answered](Self::answered), however long it stands in the queue for a host's budget: another one would
/// only spend more of it. One whose snapshots do not help waits longer and longer, and none waits for another.
///
/// Steady state takes no memory: the tables grow with the largest number seen.
#[derive(Debug)]
pub struct Resyncs {
    needs: Vec<Need>,
    /// When a request is due, or a stream has not brought its snapshot. Entries are not taken out when their reason goes: one counts only if the
    /// need still says the same moment.
    timers: BinaryHeap<Reverse<(Moment, u8, u32)>>,
    /// When a need becomes late, likewise.
    lates: BinaryHeap<Reverse<(Moment, u32)>>,
    random: Random,
}

#[derive(Clone, Copy, Debug)]
struct Need {
    needed: bool,
    allowed: bool,
    in_flight: bool,
    priority: u8,
    tries: u32,
    /// When the request is due; while it is under way, when its stream has not brought the snapshot.
    timer: Moment,
    late_at: Moment,
    met_at: Moment,
}

impl Default for Need {
    fn default() -> Self {
        Self {
            needed: false,
            allowed: false,
            in_flight: false,
            priority: u8::MAX,
            tries: 0,
            timer: Moment::NEVER,
            late_at: Moment::NEVER,
            met_at: Moment(0),
        }
    }
}

impl Resyncs {
    /// No instrument needs anything, and none is allowed to.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let (timers, lates) = (BinaryHeap::new(), BinaryHeap::new());
        Self { needs: Vec::new(), timers, lates, random: Random::new(seed) }
    }

    /// The instrument needs a snapshot; of several that are due, lower priorities come first. Saying it again while the
    /// need stands changes nothing.
    pub fn need(&mut self, id: u32, priority: u8, now: Moment) {
        if self.begin(id, priority, now) {
            self.schedule(id, now);
        }
    }

    /// The instrument needs a snapshot, and one is to come without a further request: its stream began `since` then, at the
    /// latest now. It is asked for if it does not come in time.
    pub fn expect(&mut self, id: u32, priority: u8, since: Moment, now: Moment) {
        self.begin(id, priority, now);
        let need = self.get(id);
        (need.in_flight, need.timer) = (true, since + TIMEOUT);
        self.arm_timer(id);
    }

    /// A snapshot came, whether it was asked for or not.
    pub fn came(&mut self, id: u32, now: Moment) {
        let need = self.get(id);
        if need.needed {
            (need.needed, need.in_flight) = (false, false);
            need.met_at = now;
            need.late_at = Moment::NEVER;
        }
    }

    /// Whether a snapshot would be of use: only once the instrument's stream is acknowledged do its updates follow.
    /// Lateness counts from here.
    pub fn allow(&mut self, id: u32, allowed: bool, now: Moment) {
        let need = self.get(id);
        if need.allowed == allowed {
            return;
        }
        need.allowed = allowed;
        // Nothing was needed when the stream ended: the snapshots before it have helped, and what paces the next one
        // is the connection's own back-off.
        if !allowed && !need.needed {
            need.tries = 0;
        }
        need.late_at = if allowed && need.needed { now + LATE } else { Moment::NEVER };
        if need.needed && !need.in_flight {
            need.timer = need.timer.max(now);
            self.arm_timer(id);
        }
        self.arm_late(id);
    }

    /// The request was answered: with a snapshot, or not. Whether it helped is for the book to say: if it did not,
    /// the book [needs](Self::need) another.
    pub fn answered(&mut self, id: u32, ok: bool, now: Moment) {
        let need = self.get(id);
        if !need.in_flight {
            return;
        }
        if ok {
            self.came(id, now);
        } else {
            need.in_flight = false;
            self.schedule(id, now);
        }
    }

    /// The instrument is no longer carried.
    pub fn forget(&mut self, id: u32) {
        *self.get(id) = Need::default();
    }

    /// The next instrument whose snapshot is to be asked for now; it counts as under way from here.
    pub fn next_due(&mut self, now: Moment) -> Option<u32> {
        while let Some(&Reverse((at, _, id))) = self.timers.peek() {
            if at > now {
                return None;
            }
            self.timers.pop();
            let need = self.get(id);
            if need.timer != at || !need.needed {
                continue;
            }
            if need.in_flight {
                self.answered(id, false, now);
            } else if need.allowed {
                need.in_flight = true;
                need.tries = need.tries.saturating_add(1);
                need.timer = Moment::NEVER;
                return Some(id);
            }
        }
        None
    }

    /// The next instrument whose need has become late and was not reported yet.
    pub fn late(&mut self, now: Moment) -> Option<u32> {
        while let Some(&Reverse((at, id))) = self.lates.peek() {
            if at > now {
                return None;
            }
            self.lates.pop();
            let need = self.get(id);
            if need.needed && need.late_at == at {
                need.late_at = Moment::NEVER;
                return Some(id);
            }
        }
        None
    }

    /// When [`next_due`](Self::next_due) or [`late`](Self::late) may have something to say.
    #[must_use]
    pub fn wake(&self) -> Moment {
        let timer = self.timers.peek().map_or(Moment::NEVER, |&Reverse((at, _, _))| at);
        let late = self.lates.peek().map_or(Moment::NEVER, |&Reverse((at, _))| at);
        timer.min(late)
    }

    /// Would a snapshot be of use?
    #[must_use]
    pub fn is_allowed(&self, id: u32) -> bool {
        self.needs.get(id as usize).is_some_and(|need| need.allowed)
    }

    /// Does the instrument need a snapshot that has not come?
    #[must_use]
    pub fn is_needed(&self, id: u32) -> bool {
        self.needs.get(id as usize).is_some_and(|need| need.needed)
    }

    /// A need begins, if it does not stand already.
    fn begin(&mut self, id: u32, priority: u8, now: Moment) -> bool {
        let need = self.get(id);
        need.priority = priority;
        if need.needed {
            return false;
        }
        need.needed = true;
        if now.since(need.met_at) >= CALM {
            need.tries = 0;
        }
        need.late_at = if need.allowed { now + LATE } else { Moment::NEVER };
        self.arm_late(id);
        true
    }

    fn get(&mut self, id: u32) -> &mut Need {
        let place = id as usize;
        if place >= self.needs.len() {
            self.needs.resize(place + 1, Need::default());
        }
        #[allow(clippy::indexing_slicing, reason = "the table was grown to hold it")]
        &mut self.needs[place]
    }

    /// A request is due: at once if it is the first, else after a wait with jitter.
    fn schedule(&mut self, id: u32, now: Moment) {
        let wait = match self.get(id).tries.checked_sub(1) {
            None => Duration::ZERO,
            Some(before) => {
                let most = WAIT_FIRST.saturating_mul(2_u32.saturating_pow(before)).min(WAIT_MAX);
                most / 2 + self.random.up_to(most / 2)
            }
        };
        self.get(id).timer = now + wait;
        self.arm_timer(id);
    }

    fn arm_timer(&mut self, id: u32) {
        let need = *self.get(id);
        self.timers.push(Reverse((need.timer, need.priority, id)));
    }

    fn arm_late(&mut self, id: u32) {
        let at = self.get(id).late_at;
        if at != Moment::NEVER {
            self.lates.push(Reverse((at, id)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Moment {
        Moment(millis * 1_000_000)
    }

    fn allowed() -> Resyncs {
        let mut resyncs = Resyncs::new(1);
        (0..10).for_each(|id| resyncs.allow(id, true, ms(0)));
        resyncs
    }

    /// A first need is due at once, once; nothing is due before its stream is acknowledged.
    #[test]
    fn first_need_is_due_at_once() {
        let mut resyncs = allowed();
        resyncs.need(3, 0, ms(100_000));
        resyncs.need(3, 0, ms(100_000));
        assert_eq!(resyncs.wake(), ms(100_000));
        assert_eq!((resyncs.next_due(ms(100_000)), resyncs.next_due(ms(100_000))), (Some(3), None));
        resyncs.allow(4, false, ms(100_000));
        resyncs.need(4, 0, ms(100_000));
        assert_eq!(resyncs.next_due(ms(100_001)), None);
        resyncs.allow(4, true, ms(100_002));
        assert_eq!(resyncs.next_due(ms(100_002)), Some(4));
    }

    /// Of those due together the lower priority number comes first.
    #[test]
    fn priority_decides_among_those_due() {
        let mut resyncs = allowed();
        for (id, priority) in [(1, 2), (2, 0), (3, 1)] {
            resyncs.need(id, priority, ms(0));
        }
        let order: Vec<_> = std::iter::from_fn(|| resyncs.next_due(ms(0))).collect();
        assert_eq!(order, [2, 3, 1]);
    }

    /// Failed and useless snapshots are asked for again after waits that double from 250 ms to 8 s, and no oftener;
    /// after a calm minute the next need is due at once.
    #[test]
    fn renewed_needs_wait_longer_and_longer() {
        for useless in [false, true] {
            let (mut resyncs, mut now, mut waits) = (allowed(), ms(0), Vec::new());
            resyncs.need(1, 0, now);
            for _ in 0..9 {
                let asked = now;
                assert_eq!(resyncs.next_due(now), Some(1));
                resyncs.answered(1, useless, now);
                if useless {
                    resyncs.need(1, 0, now);
                }
                now = resyncs.needs[1].timer;
                waits.push(now.since(asked).as_millis());
            }
            for (wait, most) in waits.into_iter().zip([250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]) {
                assert!(wait <= most && wait >= most / 2, "{wait} of {most} ms");
            }
            assert_eq!(resyncs.next_due(now), Some(1));
            resyncs.answered(1, true, now);
            let calm = now + CALM;
            resyncs.need(1, 0, calm);
            assert_eq!(resyncs.next_due(calm), Some(1));
        }
    }

    /// A book that was whole when its stream ended has its next snapshot at once, however often that happens; one that
    /// was not waits on.
    #[test]
    fn ended_stream_of_a_whole_book_is_no_failure() {
        let (mut resyncs, mut now) = (allowed(), ms(0));
        for _ in 0..5 {
            resyncs.need(1, 0, now);
            assert_eq!(resyncs.next_due(now), Some(1));
            resyncs.answered(1, true, now);
            resyncs.allow(1, false, now);
            now = now + Duration::from_secs(1);
            resyncs.allow(1, true, now);
        }
        resyncs.need(1, 0, now);
        assert_eq!(resyncs.next_due(now), Some(1));
        resyncs.answered(1, false, now);
        resyncs.allow(1, false, now);
        resyncs.allow(1, true, now);
        assert_eq!(resyncs.next_due(now), None);
    }

    /// A request that waits its turn in a queue is not made a second time, however long that takes; once it is answered
    /// with nothing it is.
    #[test]
    fn request_is_under_way_until_it_is_answered() {
        let mut resyncs = allowed();
        resyncs.need(1, 0, ms(0));
        assert_eq!(resyncs.next_due(ms(0)), Some(1));
        resyncs.need(1, 0, ms(1_000));
        resyncs.allow(1, false, ms(20_000));
        resyncs.allow(1, true, ms(30_000));
        assert_eq!((resyncs.next_due(ms(900_000)), resyncs.is_needed(1)), (None, true));
        resyncs.answered(1, false, ms(900_000));
        assert_eq!(resyncs.next_due(ms(900_250)), Some(1));
        resyncs.answered(1, true, ms(900_300));
        assert!(!resyncs.is_needed(1));
    }

    /// The end of a stream's time, which brought its snapshot, says nothing about the next request.
    #[test]
    fn old_timeout_does_not_fail_the_next_request() {
        let mut resyncs = allowed();
        resyncs.expect(1, 0, ms(0), ms(0));
        resyncs.came(1, ms(1_000));
        resyncs.need(1, 0, ms(9_000));
        assert_eq!(resyncs.next_due(ms(9_250)), Some(1));
        assert_eq!(resyncs.next_due(ms(10_000)), None);
        resyncs.answered(1, true, ms(10_001));
        assert!(!resyncs.is_needed(1));
    }

    /// A stream that begins with its snapshot is not asked for another while that may still come; if it does not, the
    /// stream is asked for it after 10 s, reported late after 5 s; and one that comes meets the need, asked for or not.
    #[test]
    fn expected_snapshot_is_asked_for_when_it_does_not_come() {
        let mut resyncs = allowed();
        resyncs.expect(1, 0, ms(0), ms(0));
        resyncs.expect(2, 0, ms(0), ms(0));
        resyncs.need(1, 0, ms(100));
        resyncs.came(2, ms(200));
        assert_eq!((resyncs.late(ms(4_999)), resyncs.late(ms(5_000))), (None, Some(1)));
        assert_eq!((resyncs.next_due(ms(9_999)), resyncs.next_due(ms(10_000))), (None, Some(1)));
        // Asked for, its stream begins again: from there it has its time again.
        resyncs.expect(1, 0, ms(10_100), ms(10_100));
        assert_eq!(resyncs.next_due(ms(20_099)), None);
        resyncs.came(1, ms(20_099));
        assert_eq!((resyncs.next_due(ms(60_000)), resyncs.is_needed(1)), (None, false));
        // Needed while there is no stream; the snapshot comes before the acknowledgement.
        resyncs.allow(1, false, ms(60_000));
        resyncs.need(1, 0, ms(60_000));
        resyncs.came(1, ms(61_000));
        resyncs.allow(1, true, ms(61_001));
        assert_eq!((resyncs.next_due(ms(90_000)), resyncs.late(ms(90_000))), (None, None));
    }

    /// A need is reported late once, 5 s after it could first be met; one met or forgotten is not.
    #[test]
    fn late_needs_are_reported_once() {
        let mut resyncs = allowed();
        for id in 1..4 {
            resyncs.need(id, 0, ms(0));
        }
        resyncs.forget(2);
        while resyncs.next_due(ms(0)).is_some() {}
        resyncs.answered(3, true, ms(4_000));
        assert_eq!(resyncs.late(ms(4_999)), None);
        assert_eq!((resyncs.late(ms(5_000)), resyncs.late(ms(5_000))), (Some(1), None));
        resyncs.allow(5, false, ms(5_000));
        resyncs.need(5, 0, ms(5_000));
        resyncs.allow(5, true, ms(9_000));
        assert_eq!((resyncs.late(ms(13_999)), resyncs.late(ms(14_000))), (None, Some(5)));
    }
}
