//! The book thread of a live feed: several readers' rings in, views out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use crossbeam_queue::ArrayQueue;
use touchline_market::{Head, Nanos, Reason};

use super::control::{BookControl, Told};
use super::watch::Watch;
use crate::pipeline::{LaneReceiver, LaneSender, Received, Shard, lane, split_update};

/// Messages taken from one ring before the next one is looked at.
const FAIR: usize = 256;

/// Rounds without a message before the thread yields its core, some tens of microseconds, and before it sleeps.
const SPINS: u32 = 2_000;
const YIELDS: u32 = 10;

/// Longest sleep: the bound for a message whose reader just missed that the thread went to sleep.
const SLEEP: Duration = Duration::from_micros(500);

/// Room for what the front door tells a book thread at once.
const MAIL: usize = 4_096;

/// One book thread's rings, books and mail.
pub(crate) struct Books {
    pub(crate) shard: Shard<Watch>,
    /// The ring of each reader, with whether its books have heard of its present overrun.
    pub(crate) lanes: Vec<(LaneReceiver, bool)>,
    pub(crate) mail: Arc<ArrayQueue<BookControl>>,
    pub(crate) asleep: Arc<AtomicBool>,
    /// Never sleep and never yield.
    pub(crate) spin: bool,
}

impl Books {
    /// Books behind a ring of each of so many readers, and the readers' ends of these rings.
    pub(crate) fn behind_rings(
        shard: Shard<Watch>,
        readers: usize,
        ring_records: usize,
        spin: bool,
    ) -> (Vec<LaneSender>, Self) {
        let (senders, lanes) = (0..readers).map(|_| lane(ring_records)).unzip::<_, _, Vec<_>, Vec<_>>();
        let lanes = lanes.into_iter().map(|receiver| (receiver, false)).collect();
        let (mail, asleep) = (Arc::new(ArrayQueue::new(MAIL)), Arc::default());
        (senders, Self { shard, lanes, mail, asleep, spin })
    }

    /// Builds books until every reader is gone.
    pub(crate) fn run(mut self) -> Shard<Watch> {
        let mut idle = 0u32;
        let mut gone = vec![false; self.lanes.len()];
        loop {
            let mut took = false;
            for reader in 0..self.lanes.len() {
                took |= self.take(reader, &mut gone);
            }
            while let Some(control) = self.mail.pop() {
                obey(&mut self.shard, control);
                took = true;
            }
            if self.shard.is_holding() {
                self.shard.give_up_held(wall_clock());
            }
            self.shard.observer().flush();
            if took {
                idle = 0;
            } else if gone.iter().all(|gone| *gone) {
                return self.shard;
            } else {
                idle = idle.saturating_add(1);
                self.wait(idle);
            }
        }
    }

    /// Takes what a reader has sent, up to the fair share. False if there was nothing.
    #[inline]
    pub(super) fn take(&mut self, reader: usize, gone: &mut [bool]) -> bool {
        let Some((lane, told)) = self.lanes.get_mut(reader) else { return false };
        let shard = &mut self.shard;
        let abandoned = lane.is_abandoned();
        for n in 0..FAIR {
            // What is still in the ring is older than what was dropped: no book of it is up to date.
            if lane.is_overrun() && !*told {
                let concerned: Vec<_> =
                    (0..shard.len()).filter(|index| shard.observer().is_of(*index, reader)).collect();
                shard.overrun(|index| concerned.binary_search(&index).is_ok());
                *told = true;
            }
            let took = lane.next(|received| match received {
                Received::Ring(message) => match Head::from_record(message.first()) {
                    Some(head) if message.len() == head.body_records() + 1 => {
                        shard.take(&head, message.rest())
                    }
                    _ => shard.strays += 1,
                },
                Received::Large(mut records) => {
                    while let Some((head, body, rest)) = split_update(records) {
                        shard.take(&head, body.iter());
                        records = rest;
                    }
                    shard.strays += u64::from(!records.is_empty());
                }
            });
            if !took {
                if abandoned && let Some(gone) = gone.get_mut(reader).filter(|gone| !**gone) {
                    *gone = true;
                    self.end(reader);
                    return true;
                }
                return n > 0;
            }
            *told = false;
        }
        true
    }

    /// A reader is gone: nothing will come for its books any more.
    #[cold]
    fn end(&mut self, reader: usize) {
        let concerned: Vec<_> =
            (0..self.shard.len()).filter(|index| self.shard.observer().is_of(*index, reader)).collect();
        self.shard.end(|index| concerned.binary_search(&index).is_ok(), None, Reason::WriterDead);
    }

    fn wait(&self, idle: u32) {
        if self.spin || idle < SPINS {
            std::hint::spin_loop();
        } else if idle < SPINS + YIELDS {
            std::thread::yield_now();
        } else if self.asleep.swap(true, SeqCst) {
            // It said so in the round before, and has looked at everything since: nothing came.
            std::thread::park_timeout(SLEEP);
            self.asleep.store(false, SeqCst);
        }
    }
}

#[cold]
fn wall_clock() -> Nanos {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Nanos(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// Does what the front door asks of a group of books.
#[cold]
pub(crate) fn obey(shard: &mut Shard<Watch>, control: BookControl) {
    match control {
        BookControl::Add(index, book) => {
            let (desk, watched) = *book;
            shard.add(index, desk);
            shard.observer().add(index, watched);
        }
        BookControl::End(index, channel) => shard.end(|other| other == index, channel, Reason::Config),
        BookControl::Revive(index) => shard.revive(index),
        // Whoever asked may have gone.
        BookControl::Settle(reply) => _ = reply.try_send(()),
        BookControl::Consumer(sender) => shard.observer().add_consumer(sender),
        BookControl::Incidents(index, reply) => _ = reply.try_send(shard.incidents(index)),
        BookControl::Report(next, reply) => {
            let told = Told {
                latencies: shard.swap_latencies(*next).map(Box::new),
                books: shard.report(),
                strays: shard.strays,
                retired: shard.retired(),
                ..Told::default()
            };
            // Whoever asked may have gone.
            let _ = reply.try_send(told);
        }
    }
}
