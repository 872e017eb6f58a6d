//! What a venue may do to the updates of a book: lost, doubled, swapped, restarted, crossed, locked, unreadable: B1 to
//! B4, B6, P1 to P4, and all at once.

use std::time::{Duration, Instant};

use touchline::market::{Reason, State};
use touchline_simulator::{Command, Config, Faults, MessageFault, Which};

use crate::history::History;
use crate::rig::{Rig, rig};

const VENUES: [&str; 3] = ["binance", "binance-usdm", "binance-coinm"];

/// Longest time out of LIVE for one loss, with a snapshot by REST.
const MTTR: Duration = Duration::from_secs(2);

/// Live books of an exchange.
fn live(venue: &str, symbols: usize, rate: f64) -> (Rig, History) {
    let rig = rig(Config { symbols: Config::symbols(venue, symbols), rate, ..Config::new(venue) });
    rig.all_live();
    let history = History::of(&rig);
    (rig, history)
}

/// The symbols of a rig, in the order of their subscription.
fn names(rig: &Rig) -> Vec<String> {
    rig.feed.views().iter().map(|(_, view)| view.instrument().symbol.clone()).collect()
}

/// Does something to one symbol: its book is stale for this reason, then live in the next epoch; no other book notices.
fn one_suffers(rig: &Rig, history: &mut History, symbol: &str, command: Command, reason: Reason) -> Duration {
    history.forget();
    let epoch = rig.view(symbol).touch().epoch;
    rig.exchange.command(command);
    let took = history.recovers(rig, symbol, reason);
    let turns = history.turns(symbol);
    assert_eq!(turns[0].0, State::Stale(reason), "{symbol}: {turns:?}");
    let live = turns.iter().find(|(state, _, _)| state.is_live()).unwrap();
    assert_eq!(live.1, epoch + 1, "{symbol}: {turns:?}");
    names(rig).iter().filter(|name| *name != symbol).for_each(|name| history.assert_quiet(name));
    took
}

fn fault(symbol: &str, fault: MessageFault) -> Command {
    Command::Message { symbol: symbol.to_owned(), fault, count: 1 }
}

/// The share of these that is not longer, in percent.
fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

/// How many reads agree in this time; they must be some.
fn compared_for(rig: &Rig, time: Duration) {
    let (before, began) = (rig.judge.equal(), Instant::now());
    rig.wait("time passes", |_| began.elapsed() >= time);
    assert!(rig.judge.equal() > before + 50);
}

/// B1: half of all messages come twice. Nobody notices; the second ones are counted as old.
#[test]
fn doubled_updates_are_ignored_and_counted() {
    for venue in VENUES {
        let (rig, mut history) = live(venue, 3, 600.0);
        for duplicate in [0.1, 0.5] {
            rig.exchange.command(Command::SetFaults(Faults { duplicate, ..Faults::default() }));
            compared_for(&rig, Duration::from_millis(700));
        }
        rig.exchange.command(Command::Heal);
        names(&rig).iter().for_each(|symbol| history.assert_quiet(symbol));
        let stale: u64 = rig.feed.report().unwrap().books.iter().map(|book| book.counters.stale).sum();
        assert!(stale > 100, "{stale}");
        rig.finish();
    }
}

/// B2: an update comes after the next one: a gap of that book alone, and a resync.
#[test]
fn swapped_updates_are_a_gap() {
    for venue in VENUES {
        let (rig, mut history) = live(venue, 3, 600.0);
        for symbol in names(&rig) {
            let took =
                one_suffers(&rig, &mut history, &symbol, fault(&symbol, MessageFault::Reorder), Reason::Gap);
            assert!(took < MTTR, "{took:?}");
        }
        rig.finish();
    }
}

/// B3: each loss of one update is a gap of that book alone, and it is live again within the bound: 120 losses, the
/// times printed.
#[test]
fn each_lost_update_is_a_gap_of_its_book_alone() {
    for venue in VENUES {
        let (rig, mut history) = live(venue, 40, 2_000.0);
        let mut times = Vec::new();
        for symbol in names(&rig) {
            let lost = fault(&symbol, MessageFault::Drop);
            times.push(one_suffers(&rig, &mut history, &symbol, lost, Reason::Gap));
        }
        let [half, most, all] = [50, 99, 100].map(|percent| percentile(&mut times, percent));
        println!(
            "{venue}: {} losses, LIVE again after {half:?} (p50), {most:?} (p99), {all:?} (max)",
            times.len()
        );
        assert!(most <= MTTR, "{times:?}");
        rig.finish();
    }
}

/// B3: a loss of 2, 10 and 30 % for a while: no wrong book, and all live soon after it ends.
#[test]
fn heavy_loss_ends_in_live_books() {
    std::thread::scope(|scope| {
        for (venue, drop) in VENUES.into_iter().zip([0.02, 0.1, 0.3]) {
            scope.spawn(move || {
                let (rig, _) = live(venue, 3, 600.0);
                rig.exchange.command(Command::SetFaults(Faults { drop, ..Faults::default() }));
                let began = Instant::now();
                rig.wait("three seconds pass", |_| began.elapsed() >= Duration::from_secs(3));
                rig.exchange.command(Command::Heal);
                let took = rig.all_live();
                println!("{venue}: {drop} lost, all LIVE {took:?} after it ended");
                // Snapshots that do not help are asked for after waits that double up to 8 s.
                assert!(took < Duration::from_secs(10));
                rig.finish();
            });
        }
    });
}

/// B4: the venue begins to count anew: the book is built anew at once, under a new epoch, and follows the new count.
#[test]
fn a_sequence_that_begins_anew_is_a_new_book() {
    for venue in VENUES {
        let (rig, mut history) = live(venue, 3, 600.0);
        let symbol = names(&rig)[1].clone();
        let before = rig.view(&symbol).touch().sequence;
        let reset = Command::ResetSequence { symbol: symbol.clone() };
        let took = one_suffers(&rig, &mut history, &symbol, reset, Reason::Reset);
        assert!(took < MTTR, "{took:?}");
        let now = rig.view(&symbol).touch().sequence;
        assert!(now < before, "{now:?} after {before:?}");
        rig.wait("the new count goes on", |rig| rig.view(&symbol).touch().sequence > now);
        rig.finish();
    }
}

/// B4: the first update under the new count is lost as well: the book does not stay at the old one for ever.
#[test]
fn a_new_count_is_seen_even_if_its_first_update_is_lost() {
    std::thread::scope(|scope| {
        for venue in VENUES {
            scope.spawn(move || {
                let (rig, mut history) = live(venue, 2, 400.0);
                let symbol = names(&rig)[0].clone();
                rig.exchange.command(Command::Pause { symbol: Some(symbol.clone()) });
                rig.exchange.command(fault(&symbol, MessageFault::Drop));
                rig.exchange.command(Command::ResetSequence { symbol: symbol.clone() });
                rig.exchange.command(Command::Resume { symbol: Some(symbol.clone()) });
                history.recovers(&rig, &symbol, Reason::Reset);
                history.assert_quiet(&names(&rig)[1]);
                rig.finish();
            });
        }
    });
}

/// B6: a bid above the best ask, which the venue's book does not have, is seen after that very message.
#[test]
fn a_crossed_book_is_stale_at_once() {
    for venue in VENUES {
        let (rig, mut history) = live(venue, 3, 600.0);
        for symbol in names(&rig) {
            let crossed = fault(&symbol, MessageFault::Cross);
            let took = one_suffers(&rig, &mut history, &symbol, crossed, Reason::Crossed);
            assert!(took < MTTR, "{took:?}");
        }
        rig.finish();
    }
}

/// B6: a locked book says so and stays live.
#[test]
fn a_locked_book_is_live_and_says_so() {
    for venue in VENUES {
        let (rig, mut history) = live(venue, 2, 400.0);
        let symbol = names(&rig)[0].clone();
        rig.exchange.command(Command::Pause { symbol: Some(symbol.clone()) });
        rig.exchange.command(Command::Lock { symbol: symbol.clone() });
        let view = rig.view(&symbol);
        rig.wait("the book is locked", |_| view.read().locked);
        let read = view.read();
        let (bid, ask) = read.touch().unwrap();
        assert!(read.is_live() && !read.crossed && bid.price == ask.price, "{read:?}");
        assert!(view.touch().locked);
        rig.exchange.command(Command::Resume { symbol: Some(symbol.clone()) });
        rig.wait("it is locked no more", |_| !view.read().locked);
        names(&rig).iter().for_each(|symbol| history.assert_quiet(symbol));
        rig.finish();
    }
}

/// P2, P3: fields in another order, white space, a field nobody knows, an event nobody knows: nobody notices.
#[test]
fn another_way_to_say_the_same_is_harmless() {
    for venue in VENUES {
        let (rig, mut history) = live(venue, 3, 600.0);
        rig.exchange.command(Command::SetFaults(Faults { harmless: 1.0, ..Faults::default() }));
        let unknown = r#"{"stream":"btcusdt@news","data":{"e":"news","s":"BTCUSDT","x":[1,{"y":null}]}}"#;
        rig.exchange.command(Command::Text { which: Which::All, text: unknown.to_owned() });
        compared_for(&rig, Duration::from_millis(800));
        names(&rig).iter().for_each(|symbol| history.assert_quiet(symbol));
        let intake = rig.feed.report().unwrap().intake;
        assert_eq!((intake.rejected_total(), intake.breaks), (0, 0), "{intake:?}");
        assert!(intake.ignored_total() >= 1);
        rig.finish();
    }
}

/// P1, P4: a message that cannot be read breaks the book it names; one that names none breaks all of its connection.
/// Both are built anew.
#[test]
fn an_unreadable_message_breaks_its_book() {
    for venue in VENUES {
        let (rig, mut history) = live(venue, 3, 600.0);
        let all = names(&rig);
        let lower = all[1].to_lowercase();
        let update = |fields: &str| {
            format!(
                r#"{{"stream":"{lower}@depth@100ms","data":{{"e":"depthUpdate","E":1,"T":1,"s":"{}",{fields}}}}}"#,
                all[1]
            )
        };
        for fields in [
            r#""U":2,"pu":1,"b":[],"a":[]"#,
            r#""U":2,"u":true,"pu":1,"b":[],"a":[]"#,
            r#""U":2,"u":3,"pu":1,"b":[["1.0","NaN"]],"a":[]"#,
            r#""U":2,"u":3,"pu":1,"b":[["1.0","-1"]],"a":[]"#,
        ] {
            let text = Command::Text { which: Which::All, text: update(fields) };
            let took = one_suffers(&rig, &mut history, &all[1], text, Reason::BadMessage);
            assert!(took < MTTR * 2, "{fields}: {took:?}");
        }
        history.forget();
        rig.exchange.command(Command::Text { which: Which::All, text: "{\"e\":".to_owned() });
        for symbol in &all {
            history.recovers(&rig, symbol, Reason::BadMessage);
        }
        assert_eq!(rig.feed.report().unwrap().intake.rejected_total(), 5);
        assert_eq!(rig.exchange.counts().connections, 1);
        rig.finish();
    }
}

/// P1: more than ten bad messages in a minute end the connection; the books come back on another one.
#[test]
fn many_unreadable_messages_end_the_connection() {
    let (rig, mut history) = live("binance-usdm", 3, 400.0);
    for _ in 0..11 {
        rig.exchange.command(Command::Text { which: Which::All, text: "<html>".to_owned() });
    }
    for symbol in names(&rig) {
        history.recovers(&rig, &symbol, Reason::BadMessage);
    }
    rig.wait("another connection", |rig| rig.exchange.counts().connections == 2);
    rig.all_live();
    rig.finish();
}

/// Everything at once: lost, doubled, swapped, crossed, unreadable and rewritten messages, connections cut in every
/// way, snapshots that are old, late, cut, another's or refused. No read is ever LIVE and wrong, and when it ends every
/// book comes back.
#[test]
fn all_faults_together_never_show_a_wrong_book() {
    std::thread::scope(|scope| {
        for (seed, venue) in VENUES.into_iter().enumerate() {
            scope.spawn(move || println!("{}", mixture(venue, seed as u64 + 7)));
        }
    });
}

/// Five books of a venue under all faults for some seconds, then none. What happened, in words.
fn mixture(venue: &str, seed: u64) -> String {
    let symbols = Config::symbols(venue, 5);
    let rig = rig(Config { symbols, rate: 500.0, seed, ..Config::new(venue) });
    rig.all_live();
    let faults = Faults {
        drop: 0.002,
        duplicate: 0.05,
        reorder: 0.001,
        cross: 0.001,
        harmless: 0.05,
        garbage: 0.0005,
        fragment: 0.05,
        fin: 0.0002,
        reset: 0.0002,
        mid_frame: 0.0002,
        lock: 0.01,
        snapshot_stale: 0.1,
        snapshot_late: 0.1,
        late_ms: 300,
        snapshot_error: 0.1,
        snapshot_html: 0.05,
        snapshot_cut: 0.1,
        snapshot_other: 0.05,
        ..Faults::default()
    };
    rig.exchange.command(Command::SetFaults(faults));
    let began = Instant::now();
    for (second, symbol) in names(&rig).into_iter().enumerate() {
        rig.wait("a second passes", |_| began.elapsed() >= Duration::from_secs(1 + second as u64));
        // Once for each: nobody can tell two counts apart that both began within a second.
        rig.exchange.command(Command::ResetSequence { symbol });
    }
    rig.wait("six seconds pass", |_| began.elapsed() >= Duration::from_secs(6));
    let dealt = rig.exchange.counts().faults;
    rig.exchange.command(Command::Heal);
    let took = rig.all_live();
    let compared = rig.finish();
    assert!(dealt.len() >= 8, "{dealt:?}");
    format!("{venue}: {dealt:?}; all LIVE {took:?} after, {compared} reads compared")
}
