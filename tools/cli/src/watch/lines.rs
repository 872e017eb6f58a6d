//! A watch as lines: plain ones for people, JSON for programs.

use serde::Serialize;
use touchline::market::{Level, Side, State};

use super::model::{Book, Happening, Model, Status};
use crate::numbers;

/// The form of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    Plain,
    Json,
}

/// One line of JSON.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "made and written one at a time")]
enum Line<'a> {
    Book {
        ts: u64,
        instrument: &'a str,
        state: &'static str,
        reason: Option<&'static str>,
        epoch: u32,
        sequence: u64,
        bid: Option<[String; 2]>,
        ask: Option<[String; 2]>,
        spread: Option<String>,
        levels: [u32; 2],
        messages: u64,
        messages_per_second: f64,
        /// Since the newest message.
        age_ms: Option<u64>,
        trade: Option<Trade>,
    },
    State {
        ts: u64,
        instrument: &'a str,
        from: &'static str,
        state: &'static str,
        reason: Option<&'static str>,
        epoch: u32,
        /// What was wrong, where the book was LIVE before.
        why: Option<&'a str>,
    },
    Connection {
        ts: u64,
        connection: &'a str,
        text: &'a str,
    },
    Note {
        ts: u64,
        text: &'a str,
    },
    End {
        ts: u64,
        live: usize,
        instruments: usize,
        interrupted: bool,
    },
}

#[derive(Serialize)]
struct Trade {
    side: &'static str,
    price: String,
    qty: String,
    ts_event: u64,
}

/// A state's word and its reason's.
pub(crate) fn words(state: State) -> (&'static str, Option<&'static str>) {
    match state {
        State::Init => ("INIT", None),
        State::Syncing => ("SYNCING", None),
        State::Live => ("LIVE", None),
        State::Stale(reason) => ("STALE", Some(reason.name())),
        State::Dead(reason) => ("DEAD", Some(reason.name())),
    }
}

/// How an instrument stands.
pub(crate) fn book(form: Form, model: &Model, book: &Book) -> String {
    match form {
        Form::Plain => plain_book(model, book),
        Form::Json => {
            let (state, reason) = words(book.state);
            let level = |level: &Level| [book.price(level), book.qty(level)];
            json(&Line::Book {
                ts: model.now.0,
                instrument: &book.name,
                state,
                reason,
                epoch: book.epoch,
                sequence: book.sequence,
                bid: book.bids.first().map(level),
                ask: book.asks.first().map(level),
                spread: book.spread().map(|spread| spread.to_string()),
                levels: book.levels,
                messages: book.messages,
                messages_per_second: (book.rate * 10.0).round() / 10.0,
                age_ms: book.age(model.now).map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
                trade: book.trade.map(|seen| Trade {
                    side: if seen.trade.aggressor == Side::Bid { "buy" } else { "sell" },
                    price: seen.trade.price.at(seen.price_scale).to_string(),
                    qty: seen.trade.qty.at(seen.qty_scale).to_string(),
                    ts_event: seen.ts_event.0,
                }),
            })
        }
    }
}

fn plain_book(model: &Model, book: &Book) -> String {
    let mut text = format!("{} {} {}", model.now, book.name, book.state);
    let level = |level: &Level| format!("{} x {}", book.price(level), book.qty(level));
    if let (Some(bid), Some(ask)) = (book.bids.first(), book.asks.first()) {
        text += &format!("  {} | {}", level(bid), level(ask));
    }
    text += &format!("  {}/s", numbers::rate(book.rate));
    if let Some(age) = book.age(model.now) {
        text += &format!("  {} ago", numbers::age(age));
    }
    text + &format!("  epoch {} sequence {}", book.epoch, book.sequence)
}

/// Something that happened.
pub(crate) fn status(form: Form, status: &Status) -> String {
    let ts = status.at.0;
    match (form, &status.what) {
        (Form::Plain, _) => format!("{} {} {}", status.at, status.whose, status.text()),
        (Form::Json, Happening::State { from, to, epoch, why }) => {
            let (state, reason) = words(*to);
            let (instrument, from) = (status.whose.as_str(), words(*from).0);
            json(&Line::State { ts, instrument, from, state, reason, epoch: *epoch, why: why.as_deref() })
        }
        (Form::Json, Happening::Connection(text)) => {
            json(&Line::Connection { ts, connection: &status.whose, text })
        }
        (Form::Json, Happening::Note(text)) => json(&Line::Note { ts, text }),
    }
}

/// The last line.
pub(crate) fn end(form: Form, model: &Model, interrupted: bool) -> String {
    let (live, instruments) = (model.live(), model.books.len());
    match form {
        Form::Plain => format!("{} ended: {live} of {instruments} live", model.now),
        Form::Json => json(&Line::End { ts: model.now.0, live, instruments, interrupted }),
    }
}

fn json(line: &Line<'_>) -> String {
    // Plain data with text keys: it always has a JSON form.
    serde_json::to_string(line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline::market::{Nanos, Reason};

    fn sample() -> (Model, Book) {
        let book = Book {
            name: "binance:BTC-USDT".to_owned(),
            state: State::Stale(Reason::Gap),
            epoch: 2,
            sequence: 77,
            price_scale: 2,
            bids: vec![Level::new(10_050, 3)],
            asks: vec![Level::new(10_100, 4)],
            heard: Nanos(1_000_000_000),
            rate: 12.0,
            ..Book::default()
        };
        (Model { now: Nanos(1_250_000_000), ..Model::default() }, book)
    }

    /// A plain line says everything in one go; an instrument of which nothing came yet has no numbers to show.
    #[test]
    fn plain_lines_are_for_people() {
        let (model, mut one) = sample();
        let expected = "00:00:01.250 binance:BTC-USDT STALE(gap)  100.5 x 3 | 101 x 4  12/s  250 ms ago  epoch 2 \
                        sequence 77";
        assert_eq!(book(Form::Plain, &model, &one), expected);
        one = Book { name: "a:B-C".to_owned(), ..Book::default() };
        assert_eq!(book(Form::Plain, &model, &one), "00:00:01.250 a:B-C INIT  0.0/s  epoch 0 sequence 0");
    }

    /// JSON lines hold the same as exact texts, the reason apart from the state.
    #[test]
    fn json_lines_are_for_programs() {
        let (model, one) = sample();
        let line: serde_json::Value = serde_json::from_str(&book(Form::Json, &model, &one)).unwrap();
        assert_eq!(
            (&line["type"], &line["state"], &line["reason"]),
            (&"book".into(), &"STALE".into(), &"gap".into())
        );
        assert_eq!(
            (&line["bid"][0], &line["spread"], &line["age_ms"]),
            (&"100.5".into(), &"0.5".into(), &250.into())
        );
        let what = Happening::State { from: State::Syncing, to: State::Live, epoch: 3, why: None };
        let happened = Status { at: Nanos(5), whose: "a:B-C".to_owned(), what };
        let line: serde_json::Value = serde_json::from_str(&status(Form::Json, &happened)).unwrap();
        assert_eq!(
            (&line["from"], &line["state"], &line["epoch"]),
            (&"SYNCING".into(), &"LIVE".into(), &3.into())
        );
        assert_eq!(status(Form::Plain, &happened), "00:00:00.000 a:B-C SYNCING -> LIVE, epoch 3");
    }
}
