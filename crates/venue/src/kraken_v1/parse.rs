//! The venue's messages as updates: data are arrays of channel number, payload in one or two parts, channel and pair;
//! everything else is an object with an event's name.
//!
//! ```text
//! [1920,{"a":[["0.042990","364630.28272081","1618678145.920470"]]},{"b":[["0.042990","0.00000000","1618678145.920708"]],"c":"4105471083"},"book-1000","SC/EUR"]
//! {"connectionID":18239578009413566319,"event":"systemStatus","status":"online","version":"1.8.3"}
//! {"channelID":1664,"channelName":"book-1000","event":"subscriptionStatus","pair":"WAVES/EUR","status":"subscribed","subscription":{"depth":1000,"name":"book"}}
//! {"event":"heartbeat"}
//! ```

use touchline_json::Value;
use touchline_market::{Channel, Sink};

use super::book::{Parts, book};
use super::channels::{candle, spread, ticker, trades};
use crate::fields::pick;
use crate::kraken::standing::Standings;
use crate::learn::at_learned_scales;
use crate::{Ignored, Listing, Parse, ParseError, Parsed, Rejected};

type Outcome = Result<Parsed, Rejected>;

/// The parser of one connection.
#[derive(Default)]
pub struct Parser {
    json: touchline_json::Parser,
    standings: Standings,
}

/// Elements of a frame in two parts.
const ELEMENTS_MAX: usize = 5;

impl Parse for Parser {
    fn connected(&mut self, _: &str) {
        self.standings.clear();
    }

    #[inline]
    fn frame<S: Sink>(&mut self, frame: &[u8], listing: &mut Listing, sink: &mut S) -> Outcome {
        let document = self.json.parse(frame).map_err(ParseError::Json)?;
        let root = document.root();
        let Some(mut elements) = root.array() else { return answer(root) };
        if elements.len() > ELEMENTS_MAX {
            return Err(ParseError::Shape.into());
        }
        let mut values = [None; ELEMENTS_MAX];
        values.fill_with(|| elements.next());
        let (first, second, name, pair) = match values {
            [_, Some(first), Some(name), Some(pair), None] => (first, None, name, pair),
            [_, Some(first), Some(second), Some(name), Some(pair)] => (first, Some(second), name, pair),
            _ => return Err(ParseError::Shape.into()),
        };
        let name = name.as_str().ok_or(ParseError::WrongType("channelName"))?;
        let (name, option) = name.split_once('-').unwrap_or((name, ""));
        let channel = match name {
            "book" => Channel::Book,
            "trade" => Channel::Trade,
            "spread" => Channel::Bbo,
            "ticker" => Channel::Ticker,
            "ohlc" => Channel::Candle,
            _ => return Ok(Parsed::Ignored(Ignored::UnknownEvent)),
        };
        let reject = |error| Rejected { error, instrument: None, channel: Some(channel) };
        let pair = pair.as_str().ok_or(reject(ParseError::WrongType("pair")))?;
        let Some(found) = listing.find(pair).filter(|found| found.wants(channel)) else {
            return Ok(Parsed::Ignored(Ignored::Unsubscribed));
        };
        let reject = |error| Rejected { error, instrument: Some(found.id), channel: Some(channel) };
        let option: u16 = match option {
            "" => 0,
            option => option.parse().map_err(|_| reject(ParseError::WrongType("channelName")))?,
        };
        let known = self.standings.of(pair);
        let mut learned = known;
        let updates = at_learned_scales(listing, found, sink, |found, sink| {
            learned = known;
            learned.depth = option;
            match channel {
                Channel::Book => book(&Parts::of(first, second)?, found, &mut learned, sink),
                Channel::Trade => trades(first, found, sink),
                Channel::Bbo => spread(first, found, sink),
                Channel::Ticker => ticker(first, found, sink),
                _ => candle(first, option, found, sink),
            }
        });
        let updates = updates.map_err(reject)?;
        if channel == Channel::Book {
            self.standings.keep(pair, learned);
        }
        Ok(match updates {
            0 => Parsed::Ignored(Ignored::Unsubscribed),
            updates => Parsed::Updates(updates),
        })
    }
}

/// What is no data: answers, signs of life, notices.
#[cold]
fn answer(root: Value<'_>) -> Outcome {
    let keys = ["event", "status", "channel", "method", "feed"];
    let [event, status, channel, method, feed] = pick(root, ParseError::Shape, keys)?;
    if event.value.is_none() || feed.value.is_some() {
        // The newer protocol, and the venue's futures.
        return match channel.value.or(method.value).or(feed.value) {
            Some(_) => Ok(Parsed::Ignored(Ignored::OtherProduct)),
            None => Err(ParseError::Shape.into()),
        };
    }
    let reason = match event.text()? {
        "heartbeat" => Ignored::Heartbeat,
        "systemStatus" => Ignored::Notice,
        "subscriptionStatus" if status.text()? == "error" => Ignored::ErrorReply,
        "subscriptionStatus" | "pong" => Ignored::Ack,
        "error" => Ignored::ErrorReply,
        _ => Ignored::UnknownEvent,
    };
    Ok(Parsed::Ignored(reason))
}
