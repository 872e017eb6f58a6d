//! What stands where, at the sizes that terminals have.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use touchline::TradeView;
use touchline::market::{Level, Nanos, Price, Qty, Reason, Side, Trade};

use super::*;
use crate::watch::model::{Book, Connection, Figures, Happening};

const LOOK: Look = Look { selected: 0, paused: false, depth: 20, colours: true };

fn trade() -> TradeView {
    let trade = Trade { price: Price(6_180_001), qty: Qty(250), id: 1, aggressor: Side::Bid };
    TradeView {
        state: State::Live,
        price_scale: 2,
        qty_scale: 3,
        ts_event: Nanos(1),
        ts_recv: Nanos(1),
        trade,
    }
}

fn book(name: &str, state: State) -> Book {
    Book {
        name: name.to_owned(),
        state,
        epoch: 3,
        sequence: 1_234_567,
        price_scale: 2,
        qty_scale: 3,
        bids: (0..20).map(|i| Level::new(6_180_000 - i, 1_000 + 37 * i as u64)).collect(),
        asks: (0..20).map(|i| Level::new(6_180_001 + i, 2_000 + 53 * i as u64)).collect(),
        levels: [1_000, 998],
        heard: Nanos(1_723_161_255_000_000_000),
        messages: 12_345,
        rate: 1_203.0,
        trade: Some(trade()),
    }
}

fn model(books: Vec<Book>) -> Model {
    let stage = |stage| Figures { stage, count: 5, p50: 412, p99: 13_700, max: 999_600_000 };
    let mut model = Model {
        now: Nanos(1_723_161_255_030_000_000),
        books,
        stages: ["parse", "ring", "apply", "publish", "end to end"].map(stage).to_vec(),
        connections: vec![Connection {
            number: 1,
            venue: "binance".to_owned(),
            url: "wss://localhost:9443/stream".to_owned(),
            phase: "live".to_owned(),
            streams: [2, 2],
            reconnects: 1,
        }],
        ..Model::default()
    };
    for n in 0..9_u64 {
        let at = Nanos(1_723_161_255_000_000_000 + n * 1_000_000_000);
        let what = Happening::State { from: State::Syncing, to: State::Live, epoch: n as u32, why: None };
        model.tell(Status { at, whose: "binance:BTC-USDT".to_owned(), what });
    }
    model
}

/// The screen as lines of text.
fn drawn(model: &Model, look: Look, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, look, frame.area(), frame.buffer_mut())).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(row).collect()
}

fn line_with<'a>(lines: &'a [String], text: &str) -> &'a str {
    lines
        .iter()
        .find(|line| line.contains(text))
        .unwrap_or_else(|| panic!("no {text} in\n{}", lines.join("\n")))
}

/// One instrument in 80 x 24: both sides around the spread, every fact, every stage, the newest events, the keys.
#[test]
fn one_instrument_fits_the_smallest_usual_terminal() {
    let model = model(vec![book("binance:BTC-USDT", State::Live)]);
    let lines = drawn(&model, LOOK, 80, 24);
    let text = lines.join("\n");
    assert!(lines[0].contains("1 of 1 live") && lines[0].contains("23:54:15 UTC"), "{text}");
    assert!(line_with(&lines, " binance:BTC-USDT ─ LIVE").ends_with("────"), "{text}");
    let (ask, bid) = (line_with(&lines, "61800.01  2.000"), line_with(&lines, "61800.00  1.000"));
    let place = |line: &str| lines.iter().position(|other| other == line).unwrap();
    assert_eq!(place(ask) + 2, place(bid), "{text}");
    assert!(lines[place(ask) + 1].contains("─ 0.01 ─"), "{text}");
    for fact in
        ["30 ms ago, 1,203 msg/s", "0.01 (0.00 bps)", "trade buy 0.25 at 61800.01", "3, sequence 1234567"]
    {
        line_with(&lines, fact);
    }
    for stage in ["parse", "ring", "apply", "publish", "end to end"] {
        assert!(line_with(&lines, stage).ends_with("412 ns  13.7 us   1.00 s"), "{text}");
    }
    assert!(line_with(&lines, "#1 live").contains("2/2 streams  1 reconnect  wss://localhost"), "{text}");
    assert!(
        line_with(&lines, "SYNCING -> LIVE, epoch 8").starts_with(" 23:54:23.000  binance:BTC-USDT"),
        "{text}"
    );
    assert!(lines[23].contains("q quit"), "{text}");
}

/// A large terminal shows all twenty levels a side; a wish for fewer is kept.
#[test]
fn a_large_terminal_shows_more() {
    let model = model(vec![book("binance:BTC-USDT", State::Live)]);
    let rows = |look| drawn(&model, look, 200, 60).iter().filter(|line| line.contains("  61")).count();
    assert_eq!(rows(LOOK), 40);
    assert_eq!(rows(Look { depth: 3, ..LOOK }), 6);
}

/// Of many instruments the selected one is always in the table, with its own ladder below.
#[test]
fn the_selected_instrument_is_in_sight() {
    let books = (0..40).map(|n| book(&format!("binance:COIN{n}-USDT"), State::Live)).collect();
    let model = model(books);
    for selected in [0, 1, 20, 39] {
        let lines = drawn(&model, Look { selected, ..LOOK }, 80, 24);
        line_with(&lines, &format!("▸ binance:COIN{selected}-USDT "));
        line_with(&lines, &format!(" binance:COIN{selected}-USDT ─ LIVE"));
        line_with(&lines, "61800.01  2.000");
        line_with(&lines, "(35 more)");
        // There is no room for every stage: the whole journey is not the one left out.
        line_with(&lines, "end to end");
    }
}

/// Each state has its word and its colour; without colours only the word.
#[test]
fn states_have_a_word_and_a_colour() {
    let (stale, dead) = (State::Stale(Reason::Disconnected), State::Dead(Reason::SubscriptionRejected));
    let cases = [
        (State::Live, Color::Green),
        (stale, Color::Red),
        (State::Syncing, Color::Yellow),
        (State::Init, Color::Gray),
        (dead, Color::Magenta),
    ];
    for (state, colour) in cases {
        let model = model(vec![book("a:B-C", state)]);
        line_with(&drawn(&model, LOOK, 80, 24), &format!(" a:B-C ─ {state}"));
        assert_eq!(LOOK.state(state).fg, Some(colour));
        assert_eq!(Look { colours: false, ..LOOK }.state(state).fg, None);
    }
}

/// Names and numbers beyond all measure are cut with a mark; no size of terminal, however small, breaks the screen.
#[test]
fn nothing_is_too_long_or_too_small() {
    let mut long = book(&"binance-usdm:LONG-".repeat(12), State::Stale(Reason::SubscriptionRejected));
    (long.price_scale, long.qty_scale) = (18, 0);
    long.bids = vec![Level::new(i64::MIN, u64::MAX), Level::new(i64::MIN, 1)];
    long.asks = vec![Level::new(i64::MAX, 1)];
    let empty = Book { name: "binance:EMPTY-USDT".to_owned(), ..Book::default() };
    let model = model(vec![long, empty]);
    for selected in [0, 1] {
        for (width, height) in [(1, 1), (5, 3), (20, 8), (40, 12), (80, 24), (132, 43), (200, 50)] {
            let lines = drawn(&model, Look { selected, paused: true, ..LOOK }, width, height);
            assert!(lines.iter().all(|line| line.chars().count() <= usize::from(width)));
        }
    }
    let lines = drawn(&model, LOOK, 80, 24);
    assert!(line_with(&lines, "▸ binance-usdm").contains('…'), "{}", lines.join("\n"));
    line_with(&lines, "9.223372036854775807");
    let lines = drawn(&model, Look { selected: 1, ..LOOK }, 80, 24);
    line_with(&lines, "no levels yet");
}

/// A paused screen says so.
#[test]
fn a_pause_is_shown() {
    let model = model(vec![book("a:B-C", State::Live)]);
    assert!(drawn(&model, Look { paused: true, ..LOOK }, 80, 24)[0].contains(" PAUSED "));
}
