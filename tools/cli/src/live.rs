//! From the command line to the configuration of a live feed.

use touchline::Placement;
use touchline::config::{Config, Secrets, Subscription, Waiting};
use touchline::market::{Address, Channel};

use crate::arguments::{Live, Reach, WaitName};
use crate::exit::Failure;

/// The configuration that a feed is to have: the file's, with what the command line adds.
pub(crate) fn config(live: &Live, instruments: &[Address], channels: &[Channel]) -> Result<Config, Failure> {
    let mut config = reach(&live.reach)?;
    for instrument in instruments {
        match config.subscriptions.iter_mut().find(|known| known.instrument == *instrument) {
            Some(known) => {
                let more = channels.iter().filter(|channel| !known.channels.contains(channel));
                let more: Vec<_> = more.copied().collect();
                known.channels.extend(more);
            }
            None => {
                let mut subscription = Subscription { instrument: instrument.clone(), channels: Vec::new() };
                // The same channel named twice is one wish.
                for channel in channels {
                    if !subscription.channels.contains(channel) {
                        subscription.channels.push(*channel);
                    }
                }
                config.subscriptions.push(subscription);
            }
        }
    }
    if let Some(placement) = live.placement {
        config.placement = placement.into();
        if config.placement == Placement::Reader {
            // The file's book threads do not exist then.
            config.book_cores.clear();
            config.book_threads = 1;
        }
    }
    if let Some(cores) = live.cores {
        let [reader, book] = cores.on(config.placement)?;
        (config.reader_cores, config.readers) = (reader.into_iter().collect(), 1);
        (config.book_cores, config.book_threads) = (book.into_iter().collect(), 1);
    }
    match live.wait {
        Some(WaitName::Block) => config.wait = Waiting::Block,
        Some(WaitName::Spin) => config.wait = Waiting::Spin,
        None => {}
    }
    if let Some(path) = &live.secrets {
        let secrets = Secrets::read(path)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
        config.secrets.add(secrets);
    }
    config.check()?;
    Ok(config)
}

/// How venues are reached: the file's endpoints and roots, with those of the command line.
pub(crate) fn reach(reach: &Reach) -> Result<Config, Failure> {
    let mut config = match &reach.config {
        Some(file) => Config::read(file)?,
        None => Config::default(),
    };
    for endpoint in &reach.endpoint {
        config.endpoints.retain(|known| known.venue != endpoint.venue);
        config.endpoints.push(endpoint.clone());
    }
    config.transport.roots.extend(reach.root.iter().cloned());
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::PlacementName;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    /// Instruments, endpoints and threads of the command line stand in the configuration, each wish once.
    #[test]
    fn the_command_line_becomes_a_configuration() {
        let endpoint = "binance=ws://127.0.0.1:1".parse::<touchline::config::Endpoint>().unwrap();
        let live = Live {
            reach: Reach { endpoint: vec![endpoint.clone(), endpoint], ..Reach::default() },
            placement: Some(PlacementName::Reader),
            wait: Some(WaitName::Spin),
            ..Live::default()
        };
        let instruments = [address("binance:BTC-USDT"), address("binance:BTC-USDT")];
        let config = config(&live, &instruments, &[Channel::Book, Channel::Trade, Channel::Book]).unwrap();
        let subscription = &config.subscriptions[0];
        assert_eq!((config.subscriptions.len(), config.endpoints.len()), (1, 1));
        assert_eq!(subscription.channels, [Channel::Book, Channel::Trade]);
        assert_eq!((config.placement, config.wait), (Placement::Reader, Waiting::Spin));
    }

    /// A venue that nobody knows is told, with the nearest.
    #[test]
    fn an_unknown_venue_is_a_mistake() {
        let failed = config(&Live::default(), &[address("binanse:BTC-USDT")], &[Channel::Book]);
        let Err(Failure::Touchline(error)) = failed else { panic!("no mistake: {failed:?}") };
        assert!(error.to_string().contains("`binance`"), "{error}");
    }
}
