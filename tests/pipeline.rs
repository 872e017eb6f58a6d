//! The pipeline from the outside: both placements agree, views can be read meanwhile, a full ring is counted and
//! flagged, bad messages harm nothing else.

use touchline::market::{Instrument, Level, Nanos, Reason, State};
use touchline::venue::{Venue, binance_usdm::BinanceUsdm};
use touchline::{
    Event, Finished, Input, Overflow, Placement, Plan, Replay, Running, Source, Start, pipeline,
};
use touchline_capture::import::ImportError;
use touchline_tests::small_recording;
use touchline_venue::binance::exchange::{DepthUpdate, Exchange};

/// Inputs from memory.
struct Memory {
    inputs: Vec<(&'static str, String)>,
    next: usize,
}

const SNAPSHOT_URL: &str = "https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000";

impl Source for Memory {
    fn next(&mut self) -> Result<Option<Input<'_>>, ImportError> {
        let line = self.next as u64;
        let Some((kind, text)) = self.inputs.get(self.next) else { return Ok(None) };
        self.next += 1;
        let event = match *kind {
            "connect" => Event::Connected { url: text },
            "snapshot" => Event::Rest { url: SNAPSHOT_URL, body: text.as_bytes() },
            "broken" => Event::BrokenFrame,
            _ => Event::Frame(text.as_bytes()),
        };
        Ok(Some(Input::new(Nanos(line + 1), line, event)))
    }
}

fn exchange() -> Exchange {
    Exchange::usdm("BTCUSDT", 1, 3)
}

fn snapshot(sequence: u64) -> (&'static str, String) {
    let mut text = String::new();
    exchange().snapshot(
        &mut text,
        sequence,
        1,
        &[Level::new(999, 5), Level::new(998, 6)],
        &[Level::new(1_001, 7)],
    );
    ("snapshot", text)
}

/// A delta that sets one bid: it follows `previous` and ends at `last`.
fn delta(previous: u64, last: u64, price: i64, qty: u64) -> (&'static str, String) {
    let mut text = String::new();
    let bids = [Level::new(price, qty)];
    let update = DepthUpdate { event_ms: last, first: previous + 1, last, previous, bids: &bids, asks: &[] };
    exchange().depth_update(&mut text, &update);
    ("frame", text)
}

fn plan(placement: Placement) -> Plan {
    let facts = touchline::venue::find("binance-usdm").unwrap();
    let mut plan = Plan::new(facts);
    let instrument = Instrument { price_scale: 1, qty_scale: 3, ..BinanceUsdm::provisional("BTCUSDT") };
    plan.instruments = vec![(instrument, Start::Snapshot)];
    plan.placement = placement;
    plan
}

fn start(plan: Plan, inputs: Vec<(&'static str, String)>) -> Running<()> {
    pipeline::start(plan, Memory { inputs, next: 0 }, ()).unwrap()
}

/// Runs the inputs in one placement; gives the end and the view's levels with its state.
fn run(
    placement: Placement,
    inputs: Vec<(&'static str, String)>,
) -> (Finished<()>, State, Vec<Level>, Vec<Level>) {
    let running = start(plan(placement), inputs);
    let view = running.view("binance-usdm:BTC-USDT-PERP").unwrap();
    let finished = running.join().unwrap();
    assert!(finished.balances(), "{:?} {:?}", finished.intake, finished.books);
    let shown = view.read();
    (finished, shown.state, shown.bids().to_vec(), shown.asks().to_vec())
}

/// The same inputs give the same view with and without the ring between.
#[test]
fn both_placements_publish_the_same_view() {
    let inputs = || vec![delta(8, 9, 997, 1), snapshot(10), delta(10, 12, 1_000, 9), delta(12, 13, 998, 0)];
    let (_, state, bids, asks) = run(Placement::BookThread, inputs());
    assert_eq!(state, State::Live);
    assert_eq!(
        bids,
        [Level::new(1_000, 9), Level::new(999, 5)],
        "998 was removed, 997 is older than the snapshot"
    );
    assert_eq!(asks, [Level::new(1_001, 7)]);
    let (_, state_alone, bids_alone, asks_alone) = run(Placement::Reader, inputs());
    assert_eq!((state_alone, bids_alone, asks_alone), (state, bids, asks));
}

/// A lost message makes the view stale at once and until a snapshot joins; a later snapshot heals it.
#[test]
fn a_lost_message_is_flagged_until_a_snapshot_joins() {
    let lost = vec![delta(9, 10, 997, 1), snapshot(10), delta(12, 13, 998, 0)];
    let (_, state, ..) = run(Placement::BookThread, lost.clone());
    assert_eq!(state, State::Stale(Reason::Gap));
    let healed = [lost, vec![snapshot(12), delta(13, 14, 996, 2)]].concat();
    let (finished, state, bids, _) = run(Placement::BookThread, healed);
    assert_eq!(state, State::Live);
    assert_eq!(bids, [Level::new(999, 5), Level::new(996, 2)]);
    assert_eq!(finished.books[0].counters.gaps, 1);
}

/// A snapshot older than what was buffered is counted and not used; the buffer is kept for the next one.
#[test]
fn a_snapshot_older_than_the_buffer_is_not_used() {
    let inputs = vec![delta(20, 21, 997, 1), snapshot(10), delta(21, 22, 996, 2)];
    let (_, state, ..) = run(Placement::BookThread, inputs.clone());
    assert!(!state.is_live());
    let (_, state, bids, _) = run(Placement::BookThread, [inputs, vec![snapshot(20)]].concat());
    assert_eq!(state, State::Live);
    assert_eq!(bids.iter().map(|level| level.price.0).collect::<Vec<_>>(), [999, 998, 997, 996]);
}

/// Each kind of bad message is counted under its reason; one that can be the book's holds it stale, and a snapshot
/// heals it; the levels are those of the good messages alone.
#[test]
fn bad_messages_are_counted_and_change_nothing() {
    let good = || vec![delta(8, 9, 997, 1), snapshot(10)];
    let text = delta(10, 11, 996, 1).1;
    for (bad, reason) in [
        (text.replace("99.6", "99.6x"), "malformed number"),
        (text.replace("99.6", "9999999999999999999.6"), "number out of range"),
        (text.replace("\"99.6\"", "\"-99.6\""), "price not positive"),
        (text.replace("\"pu\"", "\"xx\""), "missing field"),
        (text.replace("\"u\":11", "\"u\":\"eleven\""), "wrong type"),
        (text.replace("\"pu\"", "\"u\""), "duplicate field"),
        (text[..text.len() - 5].to_owned(), "malformed JSON"),
        ("[1,2".to_owned(), "malformed JSON"),
        ("{\"what\":1}".to_owned(), "unknown shape"),
    ] {
        let (finished, state, bids, _) =
            run(Placement::BookThread, [good(), vec![("frame", bad.clone())]].concat());
        let counted: Vec<_> = finished.intake.named().collect();
        assert_eq!(counted, [(reason, 1)], "{bad}");
        assert_eq!(state, State::Stale(Reason::BadMessage), "{bad}");
        assert_eq!(bids, [Level::new(999, 5), Level::new(998, 6)], "{bad}");
        let healed = [good(), vec![("frame", bad), delta(10, 12, 995, 3), snapshot(11)]].concat();
        assert_eq!(run(Placement::BookThread, healed).1, State::Live);
    }
}

/// Messages that mean nothing to a book are counted and touch nothing: acks, errors, unknown events, other symbols.
#[test]
fn what_is_no_books_business_is_counted_and_ignored() {
    let other = delta(10, 11, 996, 1).1.replace("BTCUSDT", "ETHUSDT");
    for (text, reason) in [
        ("{\"result\":null,\"id\":1}".to_owned(), "acknowledgement"),
        ("{\"code\":2,\"msg\":\"Invalid request\",\"id\":1}".to_owned(), "error reply"),
        ("{\"e\":\"markPriceUpdate\",\"s\":\"BTCUSDT\"}".to_owned(), "unknown event"),
        ("{\"e\":\"serverShutdown\",\"E\":1770123456789}".to_owned(), "notice"),
        (other, "not subscribed"),
    ] {
        let inputs = vec![delta(9, 10, 997, 1), snapshot(10), ("frame", text.clone())];
        let (finished, state, ..) = run(Placement::BookThread, inputs);
        assert_eq!(finished.intake.named().collect::<Vec<_>>(), [(reason, 1)], "{text}");
        assert_eq!(state, State::Live, "{text}");
    }
}

/// A reconnect holds the book stale until a snapshot joins the new stream.
#[test]
fn a_reconnect_is_flagged_until_a_snapshot_joins() {
    let connect = || ("connect", "wss://fstream.binance.com/public/stream".to_owned());
    let inputs = vec![connect(), delta(8, 9, 997, 1), snapshot(10), connect()];
    assert_eq!(run(Placement::BookThread, inputs.clone()).1, State::Stale(Reason::Disconnected));
    let healed = [inputs, vec![delta(14, 15, 996, 1), snapshot(15)]].concat();
    assert_eq!(run(Placement::BookThread, healed).1, State::Live);
}

/// A frame that cannot be decompressed may have been any book's.
#[test]
fn a_broken_frame_holds_every_book_stale() {
    let inputs = vec![delta(8, 9, 997, 1), snapshot(10), ("broken", String::new())];
    assert_eq!(run(Placement::BookThread, inputs).1, State::Stale(Reason::BadMessage));
}

/// With a ring that is too small and a reader that does not wait, lost messages are counted, every message is
/// accounted for, and the book never says live on a sequence it has no right to: after the last overrun it is stale
/// until a snapshot joins.
#[test]
fn a_full_ring_is_counted_and_flagged() {
    let mut overruns = 0;
    for _ in 0..20 {
        let mut plan = plan(Placement::BookThread);
        (plan.ring_records, plan.overflow) = (64, Overflow::Drop);
        let mut inputs = vec![delta(8, 9, 997, 1), snapshot(10)];
        inputs.extend((10..3_010).map(|i| delta(i, i + 1, 990 - (i % 50) as i64, i)));
        let running = start(plan, inputs);
        let view = running.view("binance-usdm:@BTCUSDT").unwrap();
        let finished = running.join().unwrap();
        assert!(finished.balances(), "{:?} {:?}", finished.intake, finished.books);
        let shown = view.read();
        if finished.intake.dropped > 0 {
            overruns += 1;
        }
        if shown.state.is_live() {
            assert_eq!((finished.intake.dropped, shown.sequence.0), (0, 3_010));
        }
    }
    // The ring holds a sixteenth of what is sent: on any machine the reader gets ahead at least once.
    assert!(overruns > 0, "no run filled the ring: this test shows nothing");
}

/// A snapshot larger than the ring travels beside it and takes effect in its place.
#[test]
fn a_message_larger_than_the_ring_keeps_its_place() {
    let mut plan = plan(Placement::BookThread);
    plan.ring_records = 32;
    let levels =
        |from: i64, step: i64| (0..5_000).map(|i| Level::new(from + step * i, 1)).collect::<Vec<_>>();
    let mut text = String::new();
    exchange().snapshot(&mut text, 10, 1, &levels(100_000, -1), &levels(100_001, 1));
    let mut inputs = vec![delta(9, 10, 99_000, 1), ("snapshot", text)];
    inputs.extend((10..200).map(|i| delta(i, i + 1, 99_900, i)));
    let running = start(plan, inputs);
    let view = running.view("binance-usdm:@BTCUSDT").unwrap();
    let finished = running.join().unwrap();
    assert!(finished.balances());
    assert_eq!(view.read().state, State::Live);
    assert_eq!(finished.books[0].levels, [5_000, 5_000]);
    assert_eq!(view.read().sequence.0, 200);
}

/// Views can be read from other threads while the replay runs: sequences never fall, no read is torn (a bid never
/// stands above an ask), and the last read is the last state.
#[test]
fn views_are_read_while_the_replay_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("binance-usdm-small.cap.zst");
    std::fs::write(&path, small_recording(20_000)).unwrap();
    let running = Replay::open(&path).unwrap().start().unwrap();
    let view = running.view("binance-usdm:BTC-USDT-PERP").unwrap();
    let reader = std::thread::spawn({
        let view = view.clone();
        move || {
            let (mut last, mut reads) = (0, 0u64);
            while last < 100 + 2 * 20_000 {
                let shown = view.read();
                assert!(shown.sequence.0 >= last || shown.state == State::Stale(Reason::Busy));
                if let Some((bid, ask)) = shown.touch() {
                    assert!(bid.price < ask.price);
                    last = shown.sequence.0;
                }
                reads += 1;
            }
            reads
        }
    });
    let finished = running.join().unwrap();
    assert!(reader.join().unwrap() > 0);
    assert!(finished.balances());
    assert_eq!(finished.books[0].state, State::Live);
    assert!(finished.latencies.is_some());
}

/// Asking for what is not there names what is.
#[test]
fn an_unknown_instrument_is_told_what_there_is() {
    let running = start(plan(Placement::Reader), vec![]);
    let error = running.view("binance-usdm:ETH-USDT-PERP").unwrap_err().to_string();
    assert!(error.contains("binance-usdm:BTC-USDT-PERP"), "{error}");
    assert!(running.view("BTC-USDT").unwrap_err().to_string().contains("venue"));
    running.join().unwrap();
}

/// The best level of an instrument without a book is nobody's to trade on.
#[test]
fn nothing_is_live_before_a_snapshot() {
    let running = start(plan(Placement::Reader), vec![delta(8, 9, 997, 1)]);
    let view = running.view("binance-usdm:@BTCUSDT").unwrap();
    running.join().unwrap();
    assert!(view.read().touch().is_none());
    assert_eq!(view.read().state, State::Syncing);
}
