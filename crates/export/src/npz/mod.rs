//! One instrument's book and trades as hftbacktest's event array, in a NumPy archive.
//!
//! A record of 64 bytes is one event: what it is and who hears it (`ev`), the venue's stamp (`exch_ts`), ours
//! (`local_ts`), price, quantity, and three fields that stay 0. Prices and quantities are floats there, the nearest to
//! the exact number. The array stands under the key `data`.
//!
//! The events are those of the book, not of the wire: a delta that the book does not take (it is old, or waits for a
//! snapshot) has none, and where the book begins anew there is one event that clears both sides, then a snapshot event
//! for every level of the book as it stands, with the deltas behind the snapshot already in it. Levels that leave
//! because the venue keeps only so many are removed by name. So a reader that applies event after event has the book of
//! the recording. After a break the book stays as it was until it begins anew.

mod archive;
mod event;
mod levels;
mod order;

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use touchline::market::{Decimal, Level, Levels, Nanos, Side, Trade, UpdateKind};
use touchline::{Keeper, Update};

use crate::row::trailer;
use event::{BUY, DEPTH, DEPTH_CLEAR, DEPTH_SNAPSHOT, Event, SELL, TRADE};
use levels::Prices;
use order::Order;

/// Events that wait for the first stamp of the venue, at most.
const UNSTAMPED_MAX: usize = 1 << 17;

/// What an archive holds, and what had to be bent for it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Told {
    /// Records of the array.
    pub rows: u64,
    /// Events that stand twice, once for the exchange's side and once for ours, because the venue's stamps and our
    /// receipts order them differently.
    pub split: u64,
    /// Events whose stamp was raised to the one before: the venue's went back further than a second of receipts holds, or
    /// ours went back.
    pub raised: u64,
    /// Events that the venue stamped later than we received them: its clock is ahead. hftbacktest's
    /// `correct_local_timestamp` shifts them.
    pub ahead: u64,
}

/// Writes one instrument's events.
#[derive(Debug)]
pub struct Npz {
    order: Order,
    rows: BufWriter<File>,
    prices: Prices,
    /// The book's counts of snapshots and of deltas, as they were.
    counts: (u64, u64),
    /// The venue's newest stamp.
    heard: Nanos,
    /// When the update at hand was received.
    received: Nanos,
    /// What waits for the venue's first stamp.
    unstamped: Vec<Event>,
    /// Our stamp of the last event.
    last: Nanos,
    raised: u64,
    ahead: u64,
}

impl Npz {
    /// Begins an archive; the array is collected in a file without a name in `folder`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            order: Order::default(),
            rows: BufWriter::new(tempfile::tempfile_in(folder)?),
            prices: Prices::default(),
            counts: (0, 0),
            heard: Nanos::NONE,
            received: Nanos::NONE,
            unstamped: Vec::new(),
            last: Nanos::NONE,
            raised: 0,
            ahead: 0,
        })
    }

    /// Writes what an update of the instrument did. False if it has no place here: all but book and trades.
    ///
    /// # Errors
    /// What the file says.
    pub fn update(&mut self, update: &Update<'_>) -> io::Result<bool> {
        let head = update.head;
        self.hear(head.ts_event)?;
        self.received = head.ts_recv;
        match head.kind {
            UpdateKind::Snapshot | UpdateKind::Delta => self.book(update)?,
            UpdateKind::Trade => {
                if let Some(record) = update.body.first() {
                    let trade = Trade::from_record(record);
                    let side = if trade.aggressor == Side::Bid { BUY } else { SELL };
                    let level = Level { price: trade.price, qty: trade.qty };
                    self.event(TRADE | side, head.ts_event, level, head.price_scale, head.qty_scale)?;
                }
            }
            UpdateKind::Break => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// What one of the files says.
    pub fn finish<W: Write + Seek>(mut self, out: W) -> io::Result<(W, Told)> {
        self.stamp(Nanos::NONE)?;
        let Told { rows, split, raised, .. } = self.order.finish(&mut self.rows)?;
        let told = Told { rows, split, raised: self.raised + raised, ahead: self.ahead };
        let rows = self.rows.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((archive::write(out, rows, told.rows)?, told))
    }

    /// What the book took of a message.
    fn book(&mut self, update: &Update<'_>) -> io::Result<()> {
        let counters = update.keeper.counters();
        let before = std::mem::replace(&mut self.counts, (counters.snapshots, counters.updates));
        if self.counts == before {
            return Ok(());
        }
        let is_next = update.head.kind == UpdateKind::Delta && self.counts == (before.0, before.1 + 1);
        if is_next { self.delta(update) } else { self.anew(update.keeper) }
    }

    fn delta(&mut self, update: &Update<'_>) -> io::Result<()> {
        let head = update.head;
        let (price_scale, qty_scale) = (head.price_scale, head.qty_scale);
        for (side, level) in Levels::new(head, update.body.iter()) {
            self.prices.set(side, level.price.at(price_scale), level.qty.0 > 0);
            self.event(DEPTH | of(side), head.ts_event, level, price_scale, qty_scale)?;
        }
        let cut = usize::from(trailer(head, update.body).cut);
        for side in [Side::Bid, Side::Ask] {
            while cut > 0 && self.prices.len(side) > cut {
                let Some(gone) = self.prices.pop_worst(side) else { break };
                self.put(DEPTH | of(side), head.ts_event, event::float(gone), 0.0)?;
            }
        }
        Ok(())
    }

    /// The book began anew: all of it.
    fn anew(&mut self, keeper: &Keeper) -> io::Result<()> {
        let (book, stamp) = (keeper.book(), keeper.ts_event());
        self.prices.clear();
        self.put(DEPTH_CLEAR, stamp, 0.0, 0.0)?;
        for side in [Side::Bid, Side::Ask] {
            for level in book.levels(side) {
                self.prices.set(side, level.price.at(book.price_scale()), true);
                self.event(DEPTH_SNAPSHOT | of(side), stamp, level, book.price_scale(), book.qty_scale())?;
            }
        }
        Ok(())
    }

    fn event(
        &mut self,
        what: u64,
        stamp: Nanos,
        level: Level,
        price_scale: u8,
        qty_scale: u8,
    ) -> io::Result<()> {
        let qty = Decimal { mantissa: i128::from(level.qty.0), scale: qty_scale };
        self.put(what, stamp, event::float(level.price.at(price_scale)), event::float(qty))
    }

    /// An event without a stamp of the venue has the newest that was heard: nothing says that it is later.
    fn put(&mut self, what: u64, stamp: Nanos, px: f64, qty: f64) -> io::Result<()> {
        let stamp = if stamp == Nanos::NONE { self.heard } else { stamp };
        let event = Event { what, exch: stamp, local: self.received, px, qty };
        if stamp == Nanos::NONE && self.unstamped.len() < UNSTAMPED_MAX {
            self.unstamped.push(event);
            return Ok(());
        }
        self.stamp(stamp)?;
        self.send(event)
    }

    fn hear(&mut self, stamp: Nanos) -> io::Result<()> {
        self.heard = self.heard.max(stamp);
        if stamp == Nanos::NONE { Ok(()) } else { self.stamp(stamp) }
    }

    /// What waits for a stamp has this one.
    fn stamp(&mut self, stamp: Nanos) -> io::Result<()> {
        for mut event in std::mem::take(&mut self.unstamped) {
            event.exch = stamp;
            self.send(event)?;
        }
        Ok(())
    }

    /// Where one stamp is missing for good, the other stands for it.
    fn send(&mut self, mut event: Event) -> io::Result<()> {
        if event.exch == Nanos::NONE {
            event.exch = event.local;
        } else if event.local == Nanos::NONE {
            event.local = event.exch;
        }
        if event.local < self.last {
            event.local = self.last;
            self.raised += 1;
        }
        self.last = event.local;
        self.ahead += u64::from(event.exch > event.local);
        self.order.push(event, &mut self.rows)
    }
}

fn of(side: Side) -> u64 {
    match side {
        Side::Bid => BUY,
        Side::Ask => SELL,
    }
}

#[cfg(test)]
mod tests {
    use super::event::{BYTES, EXCH, LOCAL};
    use super::*;
    use crate::samples::{Sample, book, message, trade};
    use std::io::{Cursor, Read};
    use touchline::market::{Head, InstrumentId, Reason, Trailer};
    use touchline_book::KeeperConfig;

    const BOTH: u64 = EXCH | LOCAL;

    /// Flags, the venue's stamp, ours, price, quantity.
    type Seen = (u64, u64, u64, f64, f64);

    /// The records of these messages, handled by one book.
    fn records(samples: &[Sample]) -> (Vec<Seen>, Told) {
        let mut npz = Npz::new(&std::env::temp_dir()).unwrap();
        let mut keeper = Keeper::new(&KeeperConfig::default());
        for sample in samples {
            if matches!(sample.head.kind, UpdateKind::Snapshot | UpdateKind::Delta | UpdateKind::Break) {
                keeper.handle(&sample.head, sample.body.iter());
            }
            let is_taken = npz.update(&Update { keeper: &keeper, ..sample.update() }).unwrap();
            assert_eq!(is_taken, sample.head.kind != UpdateKind::Bbo);
        }
        let (out, told) = npz.finish(Cursor::new(Vec::new())).unwrap();
        let mut npy = Vec::new();
        zip::ZipArchive::new(out).unwrap().by_name("data.npy").unwrap().read_to_end(&mut npy).unwrap();
        let begin = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
        let record = |bytes: &[u8]| {
            let words: Vec<_> =
                bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
            assert_eq!(words[5..], [0, 0, 0]);
            (words[0], words[1], words[2], f64::from_bits(words[3]), f64::from_bits(words[4]))
        };
        (npy[begin..].chunks_exact(BYTES).map(record).collect(), told)
    }

    /// Deltas that wait for a snapshot are in the book that it makes, old ones are passed over, and only what the book
    /// takes is told; a trade bears its aggressor; a best bid and offer has no place.
    #[test]
    fn events_are_what_the_book_made_of_it() {
        let samples = [
            book(UpdateKind::Delta, 5, &[(999, 100)], &[]).at(10, 1),
            book(UpdateKind::Delta, 6, &[(1_000, 300)], &[]).at(20, 2),
            book(UpdateKind::Snapshot, 5, &[(1_000, 100)], &[(1_010, 200)]).at(30, 0).beside(),
            book(UpdateKind::Delta, 5, &[(999, 100)], &[]).at(40, 3),
            book(UpdateKind::Delta, 7, &[(1_000, 0)], &[(1_005, 50)]).at(50, 4),
            trade(Side::Ask, 1_000, 25, 9).at(60, 5),
            message(Head::new(UpdateKind::Bbo, InstrumentId(0))).at(70, 6),
            message(Head::broken(InstrumentId(0), None, Reason::Disconnected)).at(80, 0),
            book(UpdateKind::Delta, 9, &[(998, 100)], &[]).at(90, 8),
        ];
        let (records, told) = records(&samples);
        let expected = [
            (DEPTH_CLEAR | BOTH, 2, 30, 0.0, 0.0),
            (DEPTH_SNAPSHOT | BUY | BOTH, 2, 30, 100.0, 3.0),
            (DEPTH_SNAPSHOT | SELL | BOTH, 2, 30, 101.0, 2.0),
            (DEPTH | BUY | BOTH, 4, 50, 100.0, 0.0),
            (DEPTH | SELL | BOTH, 4, 50, 100.5, 0.5),
            (TRADE | SELL | BOTH, 5, 60, 100.0, 0.25),
        ];
        assert_eq!(records, expected);
        // The snapshot and what it joined are stamped as the book is; the receipt is before none of them.
        assert_eq!(told, Told { rows: 6, split: 0, raised: 0, ahead: 0 });
    }

    /// Levels beyond those that the venue keeps are removed by name; before the venue's first stamp events wait for it; a
    /// receipt that goes back is raised, and a clock that is ahead is told.
    #[test]
    fn cut_levels_and_missing_stamps_are_made_good() {
        let keep = |cut| Trailer { cut, ..Trailer::default() };
        let samples = [
            book(UpdateKind::Snapshot, 5, &[(1_000, 1), (999, 1)], &[(1_010, 1), (1_020, 1)]).at(30, 0),
            book(UpdateKind::Delta, 6, &[(1_001, 1)], &[]).at(20, 40).with(keep(2)),
        ];
        let (records, told) = records(&samples);
        let removed: Vec<_> = records.iter().filter(|record| record.0 == DEPTH | BUY | BOTH).collect();
        assert_eq!(
            removed,
            [&(DEPTH | BUY | BOTH, 40, 30, 100.1, 0.01), &(DEPTH | BUY | BOTH, 40, 30, 99.9, 0.0)]
        );
        assert!(records.iter().all(|record| (record.1, record.2) == (40, 30)), "{records:?}");
        assert_eq!(told, Told { rows: 7, split: 0, raised: 2, ahead: 7 });
    }
}
