//! `AssetPairs`: the list of pairs, for both protocols, which write the symbols of two assets differently.
//!
//! ```text
//! {"error":[],"result":{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","base":"XXBT","quote":"ZUSD","pair_decimals":1,"lot_decimals":8,"tick_size":"0.1","status":"online"}}}
//! ```
//!
//! `wsname` is the symbol of the older protocol. Entries without it (dark pools) have no market data.

use serde::Deserialize;
use touchline_json::decimal;
use touchline_market::{
    Instrument, InstrumentKind, InstrumentStatus, Price, Qty, SCALE_MAX, Venue, rescale_price,
};

use crate::venue::path;
use crate::{InstrumentsError, Rest, RestRequest};

#[derive(Deserialize)]
struct AssetPairs {
    #[serde(default)]
    error: Vec<String>,
    /// Read one by one: an entry of an unexpected shape must not take the others with it.
    #[serde(default)]
    result: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Pair {
    wsname: String,
    pair_decimals: u8,
    lot_decimals: u8,
    /// Lists before 2023 do not say it: then it is one in the last decimal.
    tick_size: Option<String>,
    status: Option<String>,
}

/// How a protocol writes a symbol, given `wsname`.
pub(crate) type Spelling = fn(&str) -> String;

/// The instruments of an `AssetPairs` body. An entry that cannot be used is left out: it is then learned from its data
/// like one that is not listed.
pub(crate) fn list(
    venue: Venue,
    spelling: Spelling,
    body: &[u8],
) -> Result<Vec<Instrument>, InstrumentsError> {
    let list: AssetPairs =
        serde_json::from_slice(body).map_err(|error| InstrumentsError(error.to_string()))?;
    if list.result.is_empty() {
        let reason = list.error.first().map_or("no pairs in it", String::as_str);
        return Err(InstrumentsError(reason.to_owned()));
    }
    let pairs = list.result.into_values().filter_map(|pair| serde_json::from_value(pair).ok());
    Ok(pairs.filter_map(|pair| instrument(venue, spelling, &pair)).collect())
}

fn instrument(venue: Venue, spelling: Spelling, pair: &Pair) -> Option<Instrument> {
    let (tick, tick_scale) = match &pair.tick_size {
        Some(text) => {
            let scale = decimal::scale_of(text.as_bytes()).ok()?;
            (decimal::price(text.as_bytes(), scale).ok().filter(|&tick| tick > 0)?, scale)
        }
        None => (1, pair.pair_decimals),
    };
    let price_scale = tick_scale.max(pair.pair_decimals);
    if price_scale > SCALE_MAX || pair.lot_decimals > SCALE_MAX {
        return None;
    }
    let tick_size = rescale_price(Price(tick), tick_scale, price_scale).ok()?;
    Some(Instrument {
        price_scale,
        qty_scale: pair.lot_decimals,
        tick_size: Some(tick_size),
        lot_size: Some(Qty(1)),
        status: pair.status.as_deref().map_or(InstrumentStatus::Unknown, status_of),
        provisional: false,
        ..named(venue, &spelling(&pair.wsname))
    })
}

/// An instrument of which only the symbol is known, in either spelling: its name says `BTC` and `DOGE` in both.
pub(crate) fn named(venue: Venue, symbol: &str) -> Instrument {
    let Some((base, quote)) = symbol.split_once('/') else {
        return Instrument::provisional(venue, symbol, symbol, InstrumentKind::Spot);
    };
    let (base, quote) = (current(base), current(quote));
    let name = format!("{base}-{quote}");
    Instrument {
        base: base.to_owned(),
        quote: quote.to_owned(),
        ..Instrument::provisional(venue, symbol, &name, InstrumentKind::Spot)
    }
}

/// A symbol as this protocol writes it: `BTC/USD` for the `XBT/USD` of the list.
pub(super) fn current_symbol(wsname: &str) -> String {
    match wsname.split_once('/') {
        Some((base, quote)) => format!("{}/{}", current(base), current(quote)),
        None => wsname.to_owned(),
    }
}

/// An asset as people call it.
fn current(asset: &str) -> &str {
    match asset {
        "XBT" => "BTC",
        "XDG" => "DOGE",
        other => other,
    }
}

/// Whether a pair in this state trades: some kinds of orders may be barred while others still match.
pub(crate) fn status_of(text: &str) -> InstrumentStatus {
    match text {
        "online" | "limit_only" | "reduce_only" => InstrumentStatus::Trading,
        "cancel_only" | "delisted" | "maintenance" | "post_only" | "work_in_progress" => {
            InstrumentStatus::Halted
        }
        _ => InstrumentStatus::Unknown,
    }
}

/// The request for the list: no weights are published, calls should be about a second apart.
pub(crate) fn request() -> RestRequest {
    RestRequest { path: "/0/public/AssetPairs".to_owned(), weight: 1 }
}

/// Only the list is used of the REST interface.
pub(crate) fn rest_kind(url: &str) -> Rest<'_> {
    if path(url).ends_with("/AssetPairs") { Rest::Instruments } else { Rest::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"error":[],"result":{
        "XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT\/USD","pair_decimals":1,"lot_decimals":8,"tick_size":"0.1","status":"online"},
        "XDGUSD":{"wsname":"XDG\/USD","pair_decimals":7,"lot_decimals":8,"tick_size":"0.0000005","status":"post_only"},
        "AAVEETH":{"wsname":"AAVE\/ETH","pair_decimals":4,"lot_decimals":8},
        "XXBTZUSD.d":{"altname":"XBTUSD.d","pair_decimals":1,"lot_decimals":8},
        "FINE":{"wsname":"A\/B","pair_decimals":19,"lot_decimals":8},
        "ODD":{"wsname":"C\/D","pair_decimals":"1","lot_decimals":8},
        "FREE":{"wsname":"E\/F","pair_decimals":1,"lot_decimals":8,"tick_size":"0"}}}"#;

    /// Both spellings of the list: names agree, symbols differ, and entries that cannot be used are left out.
    #[test]
    fn the_list_is_read_in_both_spellings() {
        let venue = Venue::literal("test");
        for (spelling, symbols) in [
            (current_symbol as Spelling, ["AAVE/ETH", "DOGE/USD", "BTC/USD"]),
            (str::to_owned, ["AAVE/ETH", "XDG/USD", "XBT/USD"]),
        ] {
            let mut list = list(venue, spelling, BODY.as_bytes()).unwrap();
            list.sort_by(|a, b| a.name.cmp(&b.name));
            list.swap(1, 2);
            let read: Vec<_> = list.iter().map(|instrument| instrument.symbol.as_str()).collect();
            assert_eq!(read, symbols);
            let names: Vec<_> = list.iter().map(|instrument| instrument.name.as_str()).collect();
            assert_eq!(names, ["AAVE-ETH", "DOGE-USD", "BTC-USD"]);
            let steps =
                list.iter().map(|each| (each.price_scale, each.qty_scale, each.tick_size, each.status));
            assert_eq!(
                steps.collect::<Vec<_>>(),
                [
                    (4, 8, Some(Price(1)), InstrumentStatus::Unknown),
                    (7, 8, Some(Price(5)), InstrumentStatus::Halted),
                    (1, 8, Some(Price(1)), InstrumentStatus::Trading),
                ]
            );
        }
    }

    /// A body that is no list is an error: the venue's own word for it, where there is one.
    #[test]
    fn other_bodies_are_errors() {
        let venue = Venue::literal("test");
        let refused = list(venue, str::to_owned, br#"{"error":["EGeneral:Too many requests"]}"#).unwrap_err();
        assert_eq!(refused.0, "EGeneral:Too many requests");
        for body in ["", "[]", "<html>", "{}", r#"{"error":[],"result":{}}"#] {
            assert!(list(venue, str::to_owned, body.as_bytes()).is_err(), "{body}");
        }
    }
}
