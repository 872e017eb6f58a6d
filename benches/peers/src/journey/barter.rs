//! barter-data's own types for the venue's USD-margined futures: serde, then for depth its transformer, which checks
//! the sequence, and its book.

use std::hint::black_box;

use barter_data::books::OrderBook;
use barter_data::event::MarketEvent;
use barter_data::exchange::binance::book::l1::BinanceOrderBookL1;
use barter_data::exchange::binance::book::l2::BinanceOrderBookL2Snapshot;
use barter_data::exchange::binance::futures::l2::{
    BinanceFuturesOrderBookL2Update, BinanceFuturesUsdOrderBooksL2Transformer,
};
use barter_data::exchange::binance::trade::BinanceTrade;
use barter_data::subscription::Map;
use barter_data::subscription::book::{OrderBookEvent, OrderBooksL2};
use barter_data::transformer::ExchangeTransformer;
use barter_instrument::exchange::ExchangeId;
use barter_integration::Transformer;
use barter_integration::subscription::SubscriptionId;

use super::Taker;
use crate::book::barter::bests;
use crate::error::BenchError;
use crate::recording::{Recording, inner};

/// What an instrument is called here.
type Key = u32;

/// The snapshot, from which books begin, and the updates before its answer.
pub(super) struct Opening {
    snapshot: MarketEvent<Key, OrderBookEvent>,
    before: Vec<Vec<u8>>,
}

impl Opening {
    /// The snapshot of a recording.
    pub(super) fn of(recording: &Recording) -> Result<Self, BenchError> {
        let snapshot: BinanceOrderBookL2Snapshot = serde_json::from_slice(&recording.snapshot.1)
            .map_err(|error| BenchError::Peer { stage: "journey depth", cause: error.to_string() })?;
        let snapshot = MarketEvent::from((ExchangeId::BinanceFuturesUsd, 0, snapshot));
        let before = &recording.depth[..recording.depth_before];
        Ok(Self { snapshot, before: before.iter().map(|frame| inner(frame).to_vec()).collect() })
    }

    /// A book and its transformer that have taken everything before the first measured update.
    pub(super) fn book(&self) -> Connector {
        let id = SubscriptionId::from("@depth@100ms|BTCUSDT");
        let map: Map<Key> = [(id, 0)].into_iter().collect();
        let (sender, _) = tokio::sync::mpsc::unbounded_channel();
        let snapshots = [self.snapshot.clone()];
        let making =
            <BinanceFuturesUsdOrderBooksL2Transformer<Key> as ExchangeTransformer<_, _, OrderBooksL2>>::init(
                map, &snapshots, sender,
            );
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let transformer = runtime.block_on(making).expect("a snapshot for its instrument");
        let mut book = OrderBook::default();
        book.update(&self.snapshot.kind);
        let mut connector = Connector { transformer, book };
        self.before.iter().for_each(|frame| connector.take(&mut frame.clone()));
        connector
    }
}

/// What barter-data and its user do with a depth frame.
pub(super) struct Connector {
    transformer: BinanceFuturesUsdOrderBooksL2Transformer<Key>,
    book: OrderBook,
}

impl Taker for Connector {
    fn take(&mut self, frame: &mut [u8]) {
        let text = std::str::from_utf8(frame).expect("a text");
        let update: BinanceFuturesOrderBookL2Update = serde_json::from_str(text).expect("a sound frame");
        for event in self.transformer.transform(update) {
            self.book.update(&event.expect("a whole stream").kind);
        }
    }

    fn best(&self) -> [Option<i64>; 2] {
        bests(&self.book)
    }
}

/// The prices of a best bid and offer, or of a trade, at two decimals.
pub(super) fn prices(frame: &[u8], is_trade: bool) -> [Option<i64>; 2] {
    let text = std::str::from_utf8(frame).expect("a text");
    if is_trade {
        let trade: BinanceTrade = serde_json::from_str(text).expect("a sound frame");
        return [Some((trade.price * 100.0).round() as i64), None];
    }
    let best: BinanceOrderBookL1 = serde_json::from_str(text).expect("a sound frame");
    [best.best_bid_price, best.best_ask_price].map(|mut price| {
        price.rescale(2);
        i64::try_from(price.mantissa()).ok()
    })
}

/// Deserialisation alone, of best bids and offers or of trades.
pub(super) struct Decode {
    pub(super) is_trade: bool,
}

impl Taker for Decode {
    fn take(&mut self, frame: &mut [u8]) {
        let text = std::str::from_utf8(frame).expect("a text");
        if self.is_trade {
            black_box(serde_json::from_str::<BinanceTrade>(text).expect("a sound frame"));
        } else {
            black_box(serde_json::from_str::<BinanceOrderBookL1>(text).expect("a sound frame"));
        }
    }

    fn best(&self) -> [Option<i64>; 2] {
        [None; 2]
    }
}
