//! Bitstamp: spot, and perpetuals whose symbols end with `-perp`.
//!
//! Documentation: <https://www.bitstamp.net/websocket/v2/> (sockets) and <https://www.bitstamp.net/api/> (REST; both
//! as of 2026-09-15). What neither says and recordings do not show is called *not known* below.
//!
//! * **Connection**: one kind, `wss://ws.bitstamp.net`, for all markets and channels.
//! * **Requests**: one channel each, under 512 bytes (a longer one ends the connection). The acknowledgement names the
//!   channel. A channel of a market that does not exist is acknowledged too and stays silent; only a name of the wrong
//!   form is refused, without saying which: one in upper case, for example.
//! * **Alive**: nothing is asked of us. The venue pings every 54 s; it answers `bts:heartbeat` for whoever wants to
//!   know, which the pings make needless. `bts:request_reconnect` announces the end of a connection by a few seconds.
//! * **Limits**: 1,024 channels on a connection, the next one ends it without a word; 90 days; REST 400 requests a
//!   second and 10,000 in ten minutes. How many requests a second and connections an address may make is not known.
//! * **Book**: `diff_order_book_*` has quantities of changed levels, a REST snapshot joins it by `microtimestamp`:
//!   changes up to the snapshot's are in it. Perpetuals' changes are collected for 0.6 to 1 s. The zero that removes a
//!   level is written with the market's decimals.
//! * **Depth**: `order_book_*` is the best 100 levels, whole, when one changes; at subscription nothing comes.
//! * **Trades**: `type` is the aggressor's side, 0 buys. Only `price_str` and `amount_str` are exact. A perpetual's
//!   `timestamp` is in milliseconds instead of seconds, so `microtimestamp` alone is read.
//! * **Quantities** are coins everywhere.
//!
//! # What nobody can see from here
//!
//! Book messages have neither number nor checksum: **one that is lost, repeated or out of order does not show**, and
//! the book may be wrong from there until its levels change again, or it crosses, or another snapshot comes. What the
//! venue promises is that `microtimestamp` grows.
//!
//! **A snapshot's `microtimestamp` runs ahead of the stream's**: eight of ten recorded snapshots name a time that no
//! message has, up to 2.4 s after the last one, and hold what was true at that one. It orders snapshot and changes;
//! that it is greater than the last message's does not say that a message was missed. And a change is what is
//! different from the message before, no more: of 1,656 recorded levels none repeats what is known. Whether a snapshot
//! can hold a level on its way there and back, between two messages that do not name it, is not known; none was seen.
//!
//! A REST snapshot has been seen without `microtimestamp`. Its `timestamp`, in seconds, cannot tell which changes of
//! that second are in it, so such a snapshot is rejected as one with a field missing, and asked for again.
//!
//! The documentation says of `order_book_*` that it may cross for one message. Of the changes it does not say so and
//! no recorded book crosses: a crossed book is judged, since that is the one sign there is of lost messages.

mod instruments;
mod parse;
mod subscribe;

#[cfg(feature = "simulator")]
mod exchange;

use touchline_market::{Channel, Continuity, Instrument};

use crate::{Access, InstrumentsError, Rest, Route, Snapshots, Texts, Venue};
use parse::Parser;

/// Bitstamp.
pub struct Bitstamp;

impl Venue for Bitstamp {
    type Parser = Parser;

    const NAME: touchline_market::Venue = touchline_market::Venue::literal("bitstamp");
    const TITLE: &'static str = "Bitstamp";
    const DOCS: &'static str = "https://www.bitstamp.net/websocket/v2/";
    const HOSTS: &'static [&'static str] = &["ws.bitstamp.net", "www.bitstamp.net"];
    const CHANNELS: &'static [Channel] = &[Channel::Book, Channel::Depth, Channel::Trade];
    /// The sequence is `microtimestamp`: it joins snapshots and changes.
    const CONTINUITY: Continuity = Continuity::Unchecked;
    const ACCESS: Access = Access {
        ws: "wss://ws.bitstamp.net",
        rest: "https://www.bitstamp.net",
        routes: &[Route { path: "", channels: Self::CHANNELS }],
        limits: subscribe::LIMITS,
    };
    const TEXTS: Texts = Texts {
        hello: Vec::new,
        stream: subscribe::stream,
        together: |_, _| false,
        request: subscribe::request,
        reply: subscribe::reply,
        snapshots: Snapshots::Rest {
            request: subscribe::snapshot,
            sequence: subscribe::snapshot_sequence,
            contents: Some(subscribe::snapshot_contents),
        },
        instruments: instruments::request,
    };

    fn parser() -> Parser {
        Parser::default()
    }

    fn rest_kind(url: &str) -> Rest<'_> {
        subscribe::rest_kind(url)
    }

    fn instruments(body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError> {
        instruments::list(Self::NAME, body)
    }

    fn provisional(symbol: &str) -> Instrument {
        instruments::provisional(Self::NAME, symbol)
    }

    #[cfg(feature = "simulator")]
    fn exchange() -> Option<Box<dyn crate::exchange::Exchange>> {
        Some(Box::new(exchange::Side))
    }
}
