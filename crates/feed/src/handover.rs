//! Make before break: two connections carry the same streams for a while, and what is forwarded of them is one stream
//! without a gap and without a duplicate.
//!
//! ```text
//! L: the last sequence forwarded.   A message covers (covers_from, sequence].
//!
//! old owns ── new: covers_from <= L ─────────────────────────────▶ new owns: forwards what is above L
//!     │  new: covers_from > L: dropped, its sequence remembered
//!     └── old forwards exactly the remembered sequence ──────────▶ new owns: its next message follows exactly
//! ```
//!
//! `covers_from` is what a book's delta follows (`previous`); for a message that stands for itself (a trade, a best bid
//! and offer), and for one of a venue that does not say what it follows, it is its own sequence. A snapshot in the
//! stream follows nothing and replaces all: the new connection owns from it on, unless it is older than `L`.

use std::time::Duration;

use crate::Moment;

/// Silence on both sides after which a stream is handed over without an overlap. What follows is judged by the book.
const QUIET: Duration = Duration::from_secs(1);

/// How long the new connection may bring nothing but what the old one had: longer, and the venue counts anew, so that
/// its numbers say nothing of what was forwarded. What follows is judged by the book.
const BEHIND: Duration = Duration::from_secs(2);

/// Decides for each message of the two connections whether it is forwarded. Used only while both are open.
#[derive(Clone, Debug)]
pub struct Handover {
    streams: Vec<Stream>,
    left: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    is_new: bool,
    /// It is the new one's, but that has not yet brought all that the old one had: what it brings again is dropped.
    behind: bool,
    /// Since when it was seen to be.
    behind_since: Option<Moment>,
    /// The new connection's subscription is acknowledged.
    acknowledged: bool,
    acknowledged_at: Moment,
    /// Silence alone does not hand it over; and whether the venue has said that the old one brought all there is.
    strict: bool,
    proved: bool,
    /// `L`; 0: nothing forwarded yet, or the venue gives no sequence.
    last: u64,
    /// The last sequence of the new one's messages that were dropped because they were ahead; 0: none.
    ahead: u64,
    /// Something came since `quiet_since` was looked at.
    spoke: bool,
    quiet_since: Moment,
}

impl Handover {
    /// Every one of so many streams is the old connection's.
    #[must_use]
    pub fn new(streams: usize) -> Self {
        Self { streams: vec![Stream::default(); streams], left: streams }
    }

    /// The last sequence of a stream that was forwarded before the overlap began, where it is known.
    pub fn begin(&mut self, stream: usize, last: u64) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.last = last;
        }
    }

    /// However quiet the stream is, it is not handed over before a snapshot of the new connection came, both have brought
    /// the same, or it was [proved](Self::proved).
    pub fn awaits_proof(&mut self, stream: usize) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.strict = true;
        }
    }

    /// The new connection's subscription to this stream was acknowledged.
    pub fn acknowledged(&mut self, stream: usize, now: Moment) {
        if let Some(stream) = self.streams.get_mut(stream) {
            (stream.acknowledged, stream.acknowledged_at) = (true, now);
            stream.quiet_since = now;
            stream.spoke = false;
        }
    }

    /// The venue was asked at `asked` and had nothing that the old connection had not brought. If the new one was
    /// acknowledged by then, all that follows comes by it as well.
    pub fn proved(&mut self, stream: usize, asked: Moment) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.proved |= stream.acknowledged && asked >= stream.acknowledged_at;
        }
    }

    /// The streams that have been quiet for 1 s and wait for their proof: each at most once a second.
    pub fn awaiting(&mut self, now: Moment) -> Vec<usize> {
        let mut all = Vec::new();
        for (place, stream) in self.streams.iter_mut().enumerate() {
            if !stream.strict || !stream.acknowledged || stream.is_new || stream.proved {
                continue;
            }
            if std::mem::take(&mut stream.spoke) {
                stream.quiet_since = now;
            } else if now.since(stream.quiet_since) >= QUIET {
                stream.quiet_since = now;
                all.push(place);
            }
        }
        all
    }

    /// The old connection brought a message up to `sequence` (0: the venue gives none): is it forwarded?
    #[inline]
    pub fn old(&mut self, stream: usize, sequence: u64) -> bool {
        let Some(stream) = self.streams.get_mut(stream) else { return false };
        stream.spoke = true;
        if stream.is_new {
            return false;
        }
        // Before the new one can say anything, the old one's last word counts, also where the venue has begun to count anew.
        let fell = sequence > 0 && !stream.acknowledged;
        stream.last = if fell { sequence } else { stream.last.max(sequence) };
        if stream.ahead != 0 && sequence == stream.ahead {
            stream.is_new = true;
            self.left -= 1;
        } else if sequence > stream.ahead {
            stream.ahead = 0;
        }
        true
    }

    /// The new connection brought a message that covers (`covers_from`, `sequence`]: is it forwarded? Where the venue
    /// gives no sequence, the first one after the acknowledgement is the first that is forwarded.
    #[inline]
    pub fn new_one(&mut self, stream: usize, covers_from: u64, sequence: u64) -> bool {
        let Some(stream) = self.streams.get_mut(stream) else { return false };
        stream.spoke = true;
        if stream.is_done() {
            // Less than before is for the book to judge: the venue may count anew.
            return sequence == 0 || std::mem::replace(&mut stream.last, sequence) != sequence;
        }
        if !stream.is_new {
            let overlaps = if sequence == 0 { stream.acknowledged } else { covers_from <= stream.last };
            if !overlaps {
                (stream.ahead, stream.proved) = (sequence, false);
                return false;
            }
            (stream.is_new, stream.behind) = (true, true);
        }
        let forward = sequence == 0 || sequence > stream.last;
        if forward || sequence == stream.last {
            stream.behind = false;
            self.left -= 1;
        }
        stream.last = stream.last.max(sequence);
        forward
    }

    /// The new connection brought a snapshot in the stream: is it forwarded? One that is older than what was forwarded is
    /// not, but all that followed it will come.
    pub fn new_snapshot(&mut self, stream: usize, sequence: u64) -> bool {
        if let Some(stream) = self.streams.get_mut(stream).filter(|stream| sequence >= stream.last) {
            stream.spoke = true;
            stream.last = sequence;
            if !stream.is_done() {
                (stream.is_new, stream.behind) = (true, false);
                self.left -= 1;
            }
            return true;
        }
        self.new_one(stream, sequence, sequence)
    }

    /// The new connection does not bring this stream any more: until it is acknowledged there again, it is the old one's.
    /// Returns whether it was handed over: then what the old one brought meanwhile is missing.
    pub fn give_back(&mut self, stream: usize) -> bool {
        let Some(stream) = self.streams.get_mut(stream) else { return false };
        self.left += usize::from(stream.is_done());
        let fresh = Stream { last: stream.last, strict: stream.strict, ..Stream::default() };
        std::mem::replace(stream, fresh).is_new
    }

    /// The last sequence of a stream that was forwarded; 0 where none is known.
    #[must_use]
    pub fn last(&self, stream: usize) -> u64 {
        self.streams.get(stream).map_or(0, |stream| stream.last)
    }

    /// Hands over the streams that were quiet for 1 s since their acknowledgement, and those on which the new connection
    /// has been behind for 2 s. To be called every 100 ms or so. Returns those that were quiet: neither connection has
    /// proved that the old one brought all there was, so the new one carries on with the old one's silence.
    pub fn settle(&mut self, now: Moment) -> Vec<usize> {
        let mut quiet = Vec::new();
        for (place, stream) in self.streams.iter_mut().enumerate() {
            if stream.behind && now.since(*stream.behind_since.get_or_insert(now)) >= BEHIND {
                (stream.behind, stream.last) = (false, 0);
                self.left -= 1;
            }
            if stream.is_done() || !stream.acknowledged || stream.strict && !stream.proved {
                continue;
            }
            if stream.spoke {
                stream.spoke = false;
                stream.quiet_since = now;
            } else if now.since(stream.quiet_since) >= QUIET {
                (stream.is_new, stream.behind) = (true, false);
                self.left -= 1;
                quiet.push(place);
            }
        }
        quiet
    }

    /// The old connection is gone: every stream is the new one's. Returns the streams that were not handed over before,
    /// of which something may be missing.
    pub fn old_ended(&mut self) -> impl Iterator<Item = usize> {
        self.left = 0;
        let streams = self.streams.iter_mut().enumerate();
        streams.filter_map(|(place, stream)| (!std::mem::replace(&mut stream.is_new, true)).then_some(place))
    }

    /// Is this stream the new connection's?
    #[must_use]
    pub fn is_new(&self, stream: usize) -> bool {
        self.streams.get(stream).is_some_and(|stream| stream.is_new)
    }

    /// Is this stream the new connection's, and has that brought all that the old one had?
    #[must_use]
    pub fn is_done(&self, stream: usize) -> bool {
        self.streams.get(stream).is_some_and(|stream| stream.is_done())
    }

    /// Is that so of every stream? Then the old one can be closed, and this be dropped.
    #[must_use]
    pub fn all_done(&self) -> bool {
        self.left == 0
    }
}

impl Stream {
    fn is_done(&self) -> bool {
        self.is_new && !self.behind
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The new connection is behind, level, or ahead by one: each way the stream changes hands without a break.
    #[test]
    fn stream_changes_hands_without_a_break() {
        let mut behind = Handover::new(1);
        assert!(behind.old(0, 12));
        assert!(!behind.new_one(0, 8, 10), "seen before, but it overlaps");
        assert!(!behind.all_done() && !behind.old(0, 14), "the new one will bring it");
        assert!(!behind.new_one(0, 10, 12) && behind.all_done() && behind.new_one(0, 12, 14));

        let mut ahead = Handover::new(1);
        assert!(ahead.old(0, 12));
        assert!(!ahead.new_one(0, 14, 16) && !ahead.is_done(0));
        assert!(ahead.old(0, 14) && !ahead.is_done(0));
        assert!(ahead.old(0, 16) && ahead.is_done(0), "level with what the new one said last");
        assert!(ahead.new_one(0, 16, 18) && !ahead.old(0, 18));
    }

    /// The old one passes what was remembered of the new one: it goes on, and the next overlap hands over.
    #[test]
    fn old_one_passes_the_new_one() {
        let mut handover = Handover::new(1);
        handover.begin(0, 10);
        assert!(!handover.new_one(0, 12, 14));
        assert!(handover.old(0, 13) && handover.old(0, 17) && !handover.is_done(0));
        assert!(!handover.new_one(0, 14, 16) && !handover.old(0, 18));
        assert!(handover.new_one(0, 16, 18) && handover.is_done(0));
    }

    /// Without sequences the first message after the acknowledgement hands over; quiet streams do after a second.
    #[test]
    fn streams_without_sequence_or_words_hand_over() {
        let mut handover = Handover::new(3);
        assert!(handover.old(0, 0) && !handover.new_one(0, 0, 0));
        handover.acknowledged(0, Moment(0));
        assert!(handover.old(0, 0) && handover.new_one(0, 0, 0) && !handover.old(0, 0));
        handover.acknowledged(1, Moment(0));
        assert!(handover.old(1, 5));
        assert!(handover.settle(Moment(500_000_000)).is_empty());
        assert!(handover.settle(Moment(1_499_999_999)).is_empty());
        assert!(!handover.is_done(1));
        assert_eq!(handover.settle(Moment(1_500_000_000)), [1]);
        assert!(handover.is_done(1) && !handover.all_done(), "the third is not acknowledged");
        assert_eq!(handover.old_ended().collect::<Vec<_>>(), [2]);
        assert!(handover.all_done());
    }

    /// A quiet stream whose silence proves nothing is the old one's until a snapshot comes, or an overlap.
    #[test]
    fn quiet_stream_waits_for_its_proof() {
        let mut handover = Handover::new(3);
        handover.awaits_proof(0);
        handover.awaits_proof(2);
        (0..3).for_each(|stream| handover.acknowledged(stream, Moment(0)));
        handover.settle(Moment(0) + QUIET);
        assert!(!handover.is_new(0) && handover.is_new(1) && handover.old(0, 0));
        assert!(handover.new_snapshot(0, 0) && handover.is_done(0) && !handover.is_new(2));
        assert!(handover.old(2, 7) && !handover.new_one(2, 7, 7) && handover.all_done());
    }

    /// Such a stream is handed over in silence once the venue, asked after the acknowledgement, had nothing more. What the
    /// new one brings first disproves that.
    #[test]
    fn proved_silence_hands_over() {
        let mut handover = Handover::new(2);
        (0..2).for_each(|stream| handover.awaits_proof(stream));
        let at = |ms: u64| Moment(ms * 1_000_000);
        (0..2).for_each(|stream| handover.acknowledged(stream, at(1_000)));
        assert_eq!((handover.awaiting(at(1_999)), handover.awaiting(at(2_000))), (vec![], vec![0, 1]));
        handover.proved(0, at(999));
        assert_eq!((handover.awaiting(at(2_999)), handover.awaiting(at(3_000))), (vec![], vec![0, 1]));
        (0..2).for_each(|stream| handover.proved(stream, at(1_500)));
        assert!(!handover.new_one(1, 7, 7));
        assert!(handover.settle(at(3_999)).is_empty() && handover.awaiting(at(3_999)).is_empty());
        assert_eq!(handover.settle(at(4_000)), [0]);
        assert_eq!((handover.settle(at(9_000)), handover.awaiting(at(9_000))), (vec![], vec![1]));
    }

    /// A snapshot of the new connection takes over, ahead or level; one that is behind does too, but only what is newer
    /// of all that follows it is forwarded.
    #[test]
    fn snapshot_in_the_stream_takes_over() {
        let mut handover = Handover::new(2);
        handover.begin(0, 10);
        handover.begin(1, 10);
        assert!(handover.new_snapshot(0, 15) && handover.is_done(0));
        assert!(!handover.old(0, 12) && handover.new_one(0, 16, 16));
        assert!(!handover.new_snapshot(1, 8) && !handover.is_done(1));
        assert!(!handover.old(1, 12) && !handover.new_one(1, 10, 10) && handover.all_done());
        assert!(handover.new_one(1, 12, 12));
        assert!(handover.new_snapshot(1, 20) && !handover.new_one(1, 20, 20), "begun anew on the new one");
    }

    /// The venue counts anew before the new connection is there, while that is behind, or after it took over: each time
    /// what the new one brings of the new count is forwarded, at the latest after two seconds.
    #[test]
    fn new_count_is_not_held_back() {
        let mut before = Handover::new(1);
        before.begin(0, 1_000_000);
        assert!(before.old(0, 1_000_003) && before.old(0, 5));
        before.acknowledged(0, Moment(0));
        assert!(!before.new_one(0, 3, 5) && before.all_done() && before.new_one(0, 5, 9));

        let mut behind = Handover::new(1);
        behind.begin(0, 1_000_000);
        behind.acknowledged(0, Moment(0));
        assert!(!behind.new_one(0, 0, 5) && !behind.old(0, 5), "old numbers, as it seems");
        behind.settle(Moment(1_000_000_000));
        assert!(!behind.new_one(0, 5, 9) && !behind.all_done());
        behind.settle(Moment(2_999_999_999));
        assert!(!behind.all_done());
        behind.settle(Moment(3_000_000_000));
        assert!(behind.all_done() && behind.new_one(0, 9, 12) && behind.last(0) == 12);

        let mut after = Handover::new(2);
        after.begin(0, 1_000_000);
        assert!(after.new_one(0, 1_000_000, 1_000_002) && after.is_done(0));
        assert!(after.new_one(0, 0, 5) && !after.new_one(0, 0, 5) && after.new_one(0, 5, 9));
    }

    /// A stream that the new connection loses is the old one's again, and can be handed over once more.
    #[test]
    fn stream_is_given_back() {
        let mut handover = Handover::new(1);
        handover.begin(0, 10);
        assert!(!handover.give_back(0), "it never was the new one's");
        assert!(handover.new_one(0, 10, 11) && handover.all_done());
        assert!(!handover.old(0, 12));
        assert!(handover.give_back(0) && !handover.all_done());
        assert!(handover.old(0, 13));
        assert!(handover.new_one(0, 13, 14) && handover.all_done());
    }

    proptest! {
        /// Two connections bring the same messages, each at its own pace, the new one from somewhere in the middle, and
        /// either may repeat a message it sent. As long as both bring all of theirs, what is forwarded is the original,
        /// message by message, also where nobody looks at the new one's any more once all is done.
        #[test]
        fn forwarded_is_the_original(
            spans in prop::collection::vec(1..4_u64, 20..200),
            first in 0..20_usize,
            steps in prop::collection::vec((any::<bool>(), any::<bool>(), 1..6_usize), 1..200),
            single: bool,
        ) {
            let mut messages = Vec::new();
            for span in spans {
                let previous = messages.last().map_or(1_000, |&(_, last)| last);
                messages.push((previous, previous + if single { 1 } else { span }));
            }
            let covers = |(previous, sequence): (u64, u64)| if single { sequence } else { previous };
            let (mut handover, mut forwarded) = (Handover::new(1), Vec::new());
            handover.begin(0, 1_000);
            let (mut old, mut new) = (0, first);
            // The steps, then both sides to their end, one message each in turn.
            let rest = (0..messages.len() * 2).map(|step| (step % 2 == 0, false, 1));
            for (is_new, repeat, count) in steps.into_iter().chain(rest) {
                for _ in 0..count {
                    let at = if is_new { &mut new } else { &mut old };
                    let Some(&message) = messages.get(*at) else { break };
                    *at += 1;
                    let done = handover.all_done();
                    let take = if is_new {
                        done || handover.new_one(0, covers(message), message.1)
                    } else {
                        !done && handover.old(0, message.1)
                    };
                    if take {
                        forwarded.push(message);
                    }
                    // Only the new one may repeat itself: its duplicates are what the handover must drop.
                    if repeat && is_new && !handover.all_done() && handover.new_one(0, covers(message), message.1) {
                        forwarded.push(message);
                    }
                }
            }
            prop_assert_eq!(forwarded, messages);
        }
    }
}
