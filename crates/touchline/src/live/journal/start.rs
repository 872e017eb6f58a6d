//! A feed's journal begins.

use touchline_capture::journal::{Header, Rotation};
use touchline_capture::recorder::{Recorder, RecorderOptions, Tap};

use super::hashes::{HashSink, Hashes};
use super::words::{ReaderWord, SetupWord, SubscribeWord, WORDS};
use crate::Error;
use crate::config::{Config, JournalConfig};
use crate::live::control::Subscribe;
use crate::live::settings;
use crate::live::watch::Watch;
use crate::pipeline::{Placement, Shard};

/// Starts the thread that writes, gives the books their way to it, and returns that of each reader.
pub(crate) fn start(
    journal: &JournalConfig,
    config: &Config,
    seeds: &[u64],
    first: &[Vec<Subscribe>],
    shards: &mut [Shard<Watch>],
) -> Result<(Recorder, Vec<Tap>), Error> {
    let failed =
        |error: std::io::Error| Error::Journal { path: journal.folder.clone(), cause: error.to_string() };
    std::fs::create_dir_all(&journal.folder).map_err(failed)?;
    let hash_every_ns = u64::try_from(journal.hash_every.as_nanos()).unwrap_or(u64::MAX);
    let setup = SetupWord {
        words: WORDS,
        touchline: env!("CARGO_PKG_VERSION").to_owned(),
        direct: config.placement == Placement::Reader,
        groups: shards.len(),
        paths: config.paths,
        snapshot_levels: config.snapshot_levels,
        ring_records: config.ring_records,
        hash_every_ns,
        rules: settings::rules(config),
        readers: seeds
            .iter()
            .zip(first)
            .map(|(seed, first)| ReaderWord {
                seed: *seed,
                first: first.iter().map(SubscribeWord::of).collect(),
            })
            .collect(),
    };
    let rotation = Rotation {
        folder: journal.folder.clone(),
        name: journal.name.clone(),
        bytes_max: journal.file_bytes_max,
        period: journal.file_period,
    };
    let redactor = config
        .secrets
        .redactor()
        .map_err(|error| Error::Journal { path: journal.folder.clone(), cause: error.to_string() })?;
    let options = RecorderOptions {
        ring_bytes: journal.ring_bytes,
        setup: serde_json::to_vec(&setup).unwrap_or_default(),
        ..RecorderOptions::new(rotation, Header::random_id().map_err(failed)?, redactor)
    };
    let (recorder, mut taps) = Recorder::start(options, seeds.len() + shards.len()).map_err(failed)?;
    let books = taps.split_off(seeds.len().min(taps.len()));
    for (group, (shard, tap)) in shards.iter_mut().zip(books).enumerate() {
        let group = u16::try_from(group).unwrap_or(u16::MAX);
        let sink = HashSink::Journal(Box::new(tap), group);
        shard.observer().set_hashes(Hashes::new(hash_every_ns, sink));
    }
    Ok((recorder, taps))
}
