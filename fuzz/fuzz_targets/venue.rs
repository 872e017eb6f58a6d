//! Foreign bytes in any dialect never panic; what is committed is whole, what is rejected leaves nothing behind, and the
//! same bytes give the same result again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchline_market::{Head, InstrumentId, Record, Sink, SinkFull};
use touchline_venue::{Adopt, Parsed, Rejected, all};

/// Keeps what was committed, and what is pending.
#[derive(Default)]
struct Collect {
    messages: Vec<(Head, Vec<Record>)>,
    pending: Vec<Record>,
}

impl Sink for Collect {
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.pending.push(record);
        Ok(())
    }

    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        assert_eq!(head.body_records(), self.pending.len());
        self.messages.push((head, std::mem::take(&mut self.pending)));
        Ok(())
    }

    fn abandon(&mut self) {
        self.pending.clear();
    }
}

/// The same bytes on three connections (after the first the scales are learned already), all of it from nothing.
fn run(venue: u8, kind: u8, bytes: &[u8]) -> (Vec<Result<Parsed, Rejected>>, Vec<(Head, Vec<Record>)>) {
    let venues = all();
    let facts = &venues[usize::from(venue) % venues.len()];
    let (mut dialect, mut sink) = (facts.dialect(), Collect::default());
    let mut listing = facts.listing(InstrumentId(0), Adopt::Provisional);
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        let before = sink.messages.len();
        let outcome = match kind % 4 {
            0 => {
                // Where a connection counts its messages, the same one again would be one too many.
                dialect.connected("");
                dialect.frame(bytes, &mut listing, &mut sink)
            }
            1 => {
                dialect.connected("wss://stream/ws/btcusdt@depth5");
                dialect.frame(bytes, &mut listing, &mut sink)
            }
            2 => dialect.snapshot("BTCUSDT", bytes, &mut listing, &mut sink),
            _ => {
                let list = dialect.instruments(bytes).unwrap_or_default();
                assert!(list.iter().all(|one| one.price_scale <= 18 && one.qty_scale <= 18));
                return Default::default();
            }
        };
        // Of a frame that is rejected, the messages before the one that could not be read went on.
        let updates = match outcome {
            Ok(Parsed::Updates(updates)) => Some(updates as usize),
            Ok(Parsed::Ignored(_)) => Some(0),
            Err(_) => None,
        };
        let committed = sink.messages.len() - before;
        assert!(updates.is_none_or(|updates| updates == committed), "{committed} of {updates:?}");
        assert!(sink.pending.is_empty());
        outcomes.push(outcome);
    }
    // Widening learns at the first sight, from one message of a frame to the next: nothing is left to learn at the second,
    // and nothing may change any more.
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
    let (_, learned) = sink.messages.split_at(sink.messages.len() / 3);
    let (second, third) = learned.split_at(learned.len() / 2);
    assert!(second == third);
    (outcomes, sink.messages)
}

fuzz_target!(|bytes: &[u8]| {
    if let Some((&[venue, kind], bytes)) = bytes.split_first_chunk() {
        assert_eq!(run(venue, kind, bytes), run(venue, kind, bytes));
    }
});
