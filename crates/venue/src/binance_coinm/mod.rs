//! Binance COIN-M futures: perpetuals and quarterlies settled in the coin; quantities are contracts.
//!
//! Documentation: <https://developers.binance.com/docs/derivatives/coin-margined-futures/websocket-market-streams>
//! (with the integration notice for 2026-06-30: merged into the USD-M architecture, hosts and roots stay).
//!
//! What differs from USD-M: quantities count contracts of `contractSize` dollars (100 for BTC, 10 for most others);
//! messages add the pair (`ps`); `st` is 2. The rules of sequence are the same, under `/dapi/v1/depth`.

use touchline_market::{Channel, Continuity, Instrument};

use crate::binance::subscribe;
use crate::binance::{Parser, Product, list, rest_kind};
use crate::{Access, InstrumentsError, Rest, Route, Texts, Venue};

/// Binance COIN-M futures.
pub struct BinanceCoinm;

impl Venue for BinanceCoinm {
    type Parser = Parser;

    const NAME: touchline_market::Venue = touchline_market::Venue::literal("binance-coinm");
    const TITLE: &'static str = "Binance COIN-M futures";
    const DOCS: &'static str =
        "https://developers.binance.com/docs/derivatives/coin-margined-futures/websocket-market-streams";
    const HOSTS: &'static [&'static str] =
        &["dstream.binance.com", "dapi.binance.com", "dstream.binancefuture.com"];
    const CHANNELS: &'static [Channel] =
        &[Channel::Book, Channel::Depth, Channel::Bbo, Channel::Trade, Channel::Ticker];
    const CONTINUITY: Continuity = crate::binance_usdm::CONTINUITY_RULES;
    const ACCESS: Access = Access {
        ws: "wss://dstream.binance.com",
        rest: "https://dapi.binance.com",
        routes: &[Route { path: "/stream", channels: Self::CHANNELS }],
        limits: subscribe::FUTURES_LIMITS,
    };
    const TEXTS: Texts = subscribe::COINM_TEXTS;

    fn parser() -> Parser {
        Parser::new(Product::CoinM)
    }

    fn rest_kind(url: &str) -> Rest<'_> {
        rest_kind(url)
    }

    fn instruments(body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError> {
        list(Self::NAME, Product::CoinM, body)
    }

    fn provisional(symbol: &str) -> Instrument {
        crate::binance_usdm::provisional(Self::NAME, symbol)
    }

    #[cfg(feature = "simulator")]
    fn exchange() -> Option<Box<dyn crate::exchange::Exchange>> {
        Some(Box::new(crate::binance::exchange::Side(Product::CoinM)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_market::{Decimal, Price};

    const LIST: &[u8] = include_bytes!("samples/exchange_info.json");

    /// Contracts carry their size and unit; a dated future carries its expiry in its name.
    #[test]
    fn exchange_info_gives_contracts() {
        let list = BinanceCoinm::instruments(LIST).unwrap();
        let [perpetual, future] = list.as_slice() else { panic!("{list:?}") };
        assert_eq!(perpetual.name, "BTC-USD-PERP");
        assert_eq!((perpetual.price_scale, perpetual.tick_size), (1, Some(Price(1))));
        let contract = perpetual.contract.as_ref().unwrap();
        assert_eq!((contract.size, contract.unit.as_str()), (Decimal { mantissa: 100, scale: 0 }, "USD"));
        assert_eq!((future.name.as_str(), future.settle.as_str()), ("BTC-USD-20210924", "BTC"));
    }
}
