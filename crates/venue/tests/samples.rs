//! Each sample message gives exactly the update that a person reads in it.

mod common;

use common::{Session, VENUES, facts, is_rest, sample, sample_names};

/// What a sample must give: values, then the scales learned from it alone.
type Expected = (&'static str, &'static str, Option<(u8, u8)>);

const SPOT: &[Expected] = &[
    ("ack", "ignored: acknowledgement", None),
    (
        "agg_trade",
        "Trade BNBBTC 0..9876 at 1700000000401000000 flags 0: bought 12.25 for 0.002355 as 9876",
        Some((6, 2)),
    ),
    (
        "book_ticker",
        "Bbo BNBBTC 0..400900217 at 0 flags 0: bid 0.00235 x 31.21 ask 0.00236 x 40.66",
        Some((5, 2)),
    ),
    (
        "depth_update",
        "Delta BNBBTC 156..160 at 1700000000101000000 flags 0: \
         Bid 0.0024 x 10 Bid 0.0023 x 0 Ask 0.0026 x 100.5 Ask 0.0027 x 7",
        Some((4, 1)),
    ),
    (
        "depth_update_combined",
        "Delta BNBBTC 160..161 at 1700000000201000000 flags 0: Ask 0.0026 x 0",
        Some((4, 0)),
    ),
    ("error_new", "ignored: error reply", None),
    ("error_old", "ignored: error reply", None),
    ("kline", "ignored: unknown event", None),
    ("mini_ticker_array", "ignored: unknown event", None),
    (
        "partial_depth",
        "Depth BNBBTC 0..160 at 0 flags 0: Bid 0.0024 x 10 Bid 0.0023 x 4 Ask 0.0026 x 100",
        Some((4, 0)),
    ),
    ("partial_depth_raw", "rejected: field `stream` is missing (instrument -, channel any)", None),
    ("server_shutdown", "ignored: notice", None),
    ("server_shutdown_combined", "ignored: notice", None),
    ("subscriptions", "ignored: acknowledgement", None),
    (
        "ticker",
        "Ticker BNBBTC 0..0 at 1700000000500000000 flags 0: \
         last 0.0024 x 10 open 0.00225 high 0.0025 low 0.0022 volume 10000.5",
        Some((5, 1)),
    ),
    (
        "trade",
        "Trade BNBBTC 0..12345 at 1700000000301000000 flags 0: sold 100 for 0.002355 as 12345",
        Some((6, 0)),
    ),
];

const USDM: &[Expected] = &[
    ("ack", "ignored: acknowledgement", None),
    (
        "agg_trade",
        "Trade BTCUSDT 0..5933014 at 1700000001780000000 flags 0: sold 2.425 for 34133.4 as 5933014",
        Some((1, 3)),
    ),
    (
        "book_ticker",
        "Bbo BTCUSDT 0..185130926750 at 1700000001568000000 flags 0: \
         bid 34133.4 x 0.17 ask 34133.5 x 2.425",
        Some((1, 3)),
    ),
    (
        "depth_update",
        "Delta BTCUSDT 687687943..687687946 at 1700000001101000000 flags 0: \
         Bid 34133.4 x 0.17 Bid 34130 x 0 Ask 34133.5 x 2.425 Ask 34140.2 x 0.014",
        Some((1, 3)),
    ),
    (
        "depth_update_combined",
        "Delta BTCUSDT 687687946..687687995 at 1700000001202000000 flags 0: Ask 34133.5 x 0",
        Some((1, 0)),
    ),
    ("error_new", "ignored: error reply", None),
    ("error_old", "ignored: error reply", None),
    ("force_order", "ignored: unknown event", None),
    ("kline", "ignored: unknown event", None),
    ("mark_price", "ignored: unknown event", None),
    ("mark_price_array", "ignored: unknown event", None),
    (
        "partial_depth",
        "Depth BTCUSDT 0..687687996 at 1700000001302000000 flags 0: \
         Bid 34133.4 x 0.17 Bid 34130 x 0 Ask 34133.5 x 2.425 Ask 34140.2 x 0.014",
        Some((1, 3)),
    ),
    ("rpi_depth", "ignored: unknown event", None),
    ("server_shutdown", "ignored: notice", None),
    ("server_shutdown_combined", "ignored: notice", None),
    ("subscriptions", "ignored: acknowledgement", None),
    (
        "ticker",
        "Ticker BTCUSDT 0..0 at 1700000001800000000 flags 0: \
         last 34133.5 x 0.17 open 34130 high 34140.2 low 34130 volume 2.425",
        Some((1, 3)),
    ),
    (
        "trade",
        "Trade BTCUSDT 0..73701056 at 1700000001660000000 flags 0: bought 0.014 for 34133.5 as 73701056",
        Some((1, 3)),
    ),
    ("trade_off_book", "ignored: off-book print", None),
];

const COINM: &[Expected] = &[
    ("ack", "ignored: acknowledgement", None),
    (
        "agg_trade",
        "Trade BTCUSD_PERP 0..5933014 at 1700000001780000000 flags 0: sold 2425 for 34133.4 as 5933014",
        Some((1, 0)),
    ),
    (
        "book_ticker",
        "Bbo BTCUSD_PERP 0..185130926750 at 1700000001568000000 flags 0: \
         bid 34133.4 x 181 ask 34133.5 x 2425",
        Some((1, 0)),
    ),
    (
        "depth_update",
        "Delta BTCUSD_PERP 687687943..687687946 at 1700000001101000000 flags 0: \
         Bid 34133.4 x 181 Bid 34130 x 0 Ask 34133.5 x 2425 Ask 34140.2 x 14",
        Some((1, 0)),
    ),
    (
        "depth_update_combined",
        "Delta BTCUSD_PERP 687687946..687687995 at 1700000001202000000 flags 0: Ask 34133.5 x 0",
        Some((1, 0)),
    ),
    ("error_new", "ignored: error reply", None),
    ("error_old", "ignored: error reply", None),
    ("force_order", "ignored: unknown event", None),
    ("kline", "ignored: unknown event", None),
    ("mark_price", "ignored: unknown event", None),
    ("mark_price_array", "ignored: unknown event", None),
    (
        "partial_depth",
        "Depth BTCUSD_PERP 0..687687996 at 1700000001302000000 flags 0: \
         Bid 34133.4 x 181 Bid 34130 x 0 Ask 34133.5 x 2425 Ask 34140.2 x 14",
        Some((1, 0)),
    ),
    ("rpi_depth", "ignored: unknown event", None),
    ("server_shutdown", "ignored: notice", None),
    ("server_shutdown_combined", "ignored: notice", None),
    ("subscriptions", "ignored: acknowledgement", None),
    (
        "ticker",
        "Ticker BTCUSD_PERP 0..0 at 1700000001800000000 flags 0: \
         last 34133.5 x 181 open 34130 high 34140.2 low 34130 volume 2425",
        Some((1, 0)),
    ),
    (
        "trade",
        "Trade BTCUSD_PERP 0..73701056 at 1700000001660000000 flags 0: bought 14 for 34133.5 as 73701056",
        Some((1, 0)),
    ),
    ("trade_off_book", "ignored: off-book print", None),
];

/// Every frame among the samples, on a fresh connection each, against the table; no sample is left out of it.
#[test]
fn every_sample_frame_gives_the_update_a_person_reads_in_it() {
    for ((venue, folder), expected) in VENUES.into_iter().zip([SPOT, USDM, COINM]) {
        let frames: Vec<_> = sample_names(folder).into_iter().filter(|name| !is_rest(name)).collect();
        let listed: Vec<_> = expected.iter().map(|(name, ..)| *name).collect();
        assert_eq!(frames, listed, "{venue}: a row for each sample");
        for &(name, told, scales) in expected {
            let mut session = Session::learning(venue);
            assert_eq!(session.tell(sample(folder, name)), told, "{venue} {name}");
            let learned = session.sink.messages.first().map(|(head, _)| (head.price_scale, head.qty_scale));
            assert_eq!(learned, scales, "{venue} {name}: scales");
        }
    }
}

/// The REST snapshot of each product: flagged as taken beside the stream; futures bring their stamp.
#[test]
fn rest_snapshots_join_the_stream_by_their_sequence() {
    let expected = [
        (
            "BNBBTC",
            "Snapshot BNBBTC 0..1027024 at 0 flags 2: Bid 0.0024 x 431 Bid 0.00239 x 9.5 Ask 0.00241 x 12 \
             Ask 0.0025 x 1",
        ),
        (
            "BTCUSDT",
            "Snapshot BTCUSDT 0..687687945 at 1700000001144000000 flags 2: Bid 34133.4 x 0.17 \
             Bid 34130 x 2.425 Ask 34133.5 x 2.425",
        ),
        (
            "BTCUSD_PERP",
            "Snapshot BTCUSD_PERP 0..687687945 at 1700000001144000000 flags 2: Bid 34133.4 x 181 \
             Bid 34130 x 2425 Ask 34133.5 x 2425",
        ),
    ];
    for ((venue, folder), (symbol, told)) in VENUES.into_iter().zip(expected) {
        let mut session = Session::learning(venue);
        assert_eq!(session.tell_snapshot(symbol, sample(folder, "depth_snapshot")), told);
        assert_eq!(session.tell_snapshot(symbol, sample(folder, "depth_error")), "ignored: error reply");
        let mut nobody = Session::listed(venue, &[]);
        assert_eq!(nobody.tell_snapshot(symbol, sample(folder, "depth_snapshot")), "ignored: not subscribed");
    }
}

/// The list of instruments of each product: names and scales; entries that cannot be used are left out, the rest stays.
#[test]
fn instrument_lists_give_names_and_scales() {
    let expected: [&[(&str, &str, u8, u8)]; 3] = [
        &[("BTCUSDT", "BTC-USDT", 2, 5)],
        &[("BTCUSDT", "BTC-USDT-PERP", 1, 3), ("BTCUSDT_240329", "BTC-USDT-20240329", 1, 3)],
        &[("BTCUSD_PERP", "BTC-USD-PERP", 1, 0), ("BTCUSD_210924", "BTC-USD-20210924", 1, 0)],
    ];
    for ((venue, folder), expected) in VENUES.into_iter().zip(expected) {
        let list = facts(venue).dialect().instruments(sample(folder, "exchange_info").as_bytes()).unwrap();
        let got: Vec<_> =
            list.iter().map(|i| (i.symbol.as_str(), i.name.as_str(), i.price_scale, i.qty_scale)).collect();
        assert_eq!(got, expected, "{venue}");
        assert!(list.iter().all(|instrument| !instrument.provisional && instrument.venue.as_str() == venue));
    }
}
