//! Without a fault.

use touchline_simulator::Config;

use crate::rig::rig;

/// Each dialect over TLS: the books become live, stay so, and every read that says so is the exchange's own book.
#[test]
fn books_become_live_and_are_the_exchanges_own() {
    for venue in ["binance", "binance-usdm", "binance-coinm"] {
        let symbols = Config::symbols(venue, 5);
        let rig = rig(Config { symbols, ..Config::new(venue) });
        let took = rig.all_live();
        rig.wait("500 reads are compared", |rig| rig.judge.equal() >= 500);
        assert!(rig.feed.views().iter().all(|(_, view)| view.read().is_live()));
        let compared = rig.finish();
        println!("{venue}: live after {took:?}, {compared} reads compared");
    }
}
