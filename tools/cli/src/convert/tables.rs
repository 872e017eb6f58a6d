//! `touchline convert` to tables: a recording's updates instead of its bytes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use touchline::market::UpdateKind;
use touchline::{Error, Replay, Survey, Surveyed, Update, Updates};
use touchline_export::{Csv, Npz, Parquet, Told};

use super::{Outcome, STEP, bar, part, show, stem};
use crate::arguments::Convert;
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::progress;

/// What an update becomes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    Csv,
    Parquet,
    Npz,
}

/// Converts one recording, unless its results are there.
pub(super) fn one(
    arguments: &Convert,
    form: Form,
    recording: &Path,
    interrupt: Interrupt,
) -> Result<Outcome, Failure> {
    let single = arguments.out.join(format!("{}.{}", stem(recording), arguments.to.extension()));
    if form != Form::Npz && single.exists() {
        return Ok(Outcome { skipped: true, ..Outcome::of(recording, [single.as_path()]) });
    }
    let opened = progress::during("looking at the recording", || match &arguments.venue {
        Some(venue) => Replay::open_as(recording, venue),
        None => Replay::open(recording),
    });
    let replay = match opened {
        Err(Error::Open { source, .. }) => {
            return Ok(Outcome { damage: Some(source.to_string()), ..Outcome::of(recording, []) });
        }
        opened => opened?,
    };
    let survey = replay.survey();
    let results = match form {
        Form::Npz => archives(&arguments.out, &stem(recording), survey),
        Form::Csv | Form::Parquet => vec![Some(single)],
    };
    let outcome = Outcome::of(recording, results.iter().flatten().map(PathBuf::as_path));
    if survey.instruments.is_empty() && survey.damage.is_some() {
        return Ok(Outcome { damage: survey.damage.clone(), ..Outcome::of(recording, []) });
    }
    if results.iter().flatten().count() > 0 && results.iter().flatten().all(|result| result.exists()) {
        return Ok(Outcome { skipped: true, ..outcome });
    }
    let failed = |source| Failure::Write { path: arguments.out.clone(), source };
    let tables = Tables::create(form, &arguments.out, &results, arguments.level).map_err(failed)?;
    write(&replay, tables, interrupt, outcome, failed)
}

/// Writes every update of the recording.
fn write(
    replay: &Replay,
    mut tables: Tables,
    interrupt: Interrupt,
    mut outcome: Outcome,
    failed: impl Fn(io::Error) -> Failure,
) -> Result<Outcome, Failure> {
    let mut updates = Updates::of(replay)?;
    let bar = bar(replay.path());
    loop {
        match updates.next() {
            Ok(Some(update)) if tables.update(&update).map_err(&failed)? => outcome.updates += 1,
            Ok(Some(_)) => outcome.left_out += 1,
            Ok(None) => break,
            Err(error) => {
                outcome.malformed += u64::from(!error.is_final());
                outcome.damage.get_or_insert(error.to_string());
            }
        }
        if (outcome.updates + outcome.left_out).is_multiple_of(STEP) {
            let (done_bytes, total_bytes) = updates.progress();
            show(&bar, done_bytes, total_bytes);
            if interrupt.is_set() {
                tables.discard().map_err(failed)?;
                return Ok(Outcome { interrupted: true, ..outcome });
            }
        }
    }
    bar.finish_and_clear();
    let Told { rows, split, raised, ahead } = tables.finish().map_err(failed)?;
    Ok(Outcome { rows, split, raised, ahead, ..outcome })
}

/// The archive of each instrument that has a book or trades.
fn archives(out: &Path, stem: &str, survey: &Survey) -> Vec<Option<PathBuf>> {
    let mut archives: Vec<Option<PathBuf>> = Vec::new();
    for surveyed in &survey.instruments {
        let symbol = file_name(&surveyed.instrument.symbol);
        let mut path = out.join(format!("{stem}.{symbol}.npz"));
        if archives.iter().flatten().any(|other| *other == path) {
            path = out.join(format!("{stem}.{symbol}-{}.npz", archives.len()));
        }
        archives.push(has_events(surveyed).then_some(path));
    }
    archives
}

fn has_events(surveyed: &Surveyed) -> bool {
    let trades = surveyed.updates.get(UpdateKind::Trade as usize - 1);
    surveyed.has_book() || trades.is_some_and(|trades| *trades > 0)
}

/// A venue's text for an instrument, where a file can be named by it.
fn file_name(symbol: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    symbol.chars().map(|letter| if plain(letter) { letter } else { '-' }).collect()
}

/// Results being written.
enum Tables {
    Csv(PathBuf, Csv<BufWriter<File>>),
    Parquet(PathBuf, Box<Parquet<BufWriter<File>>>),
    /// By the instruments' numbers.
    Npz(Vec<Option<(PathBuf, Npz)>>),
}

impl Tables {
    /// What a run that was stopped left in their place is written anew.
    fn create(form: Form, folder: &Path, results: &[Option<PathBuf>], level: i32) -> io::Result<Self> {
        let single = || results.iter().flatten().next().cloned().unwrap_or_default();
        let file = || Ok::<_, io::Error>(BufWriter::with_capacity(1 << 20, File::create(part(&single()))?));
        Ok(match form {
            Form::Csv => Self::Csv(single(), Csv::new(file()?)?),
            Form::Parquet => Self::Parquet(single(), Box::new(Parquet::new(file()?, level)?)),
            Form::Npz => {
                let archive = |result: &PathBuf| Ok::<_, io::Error>((result.clone(), Npz::new(folder)?));
                let archives = results.iter().map(|result| result.as_ref().map(archive).transpose());
                Self::Npz(archives.collect::<Result<_, _>>()?)
            }
        })
    }

    /// False if the update has no place there.
    fn update(&mut self, update: &Update<'_>) -> io::Result<bool> {
        match self {
            Self::Csv(_, csv) => csv.update(update),
            Self::Parquet(_, parquet) => parquet.update(update),
            Self::Npz(archives) => match archives.get_mut(update.head.instrument.0 as usize) {
                Some(Some((_, npz))) => npz.update(update),
                _ => Ok(false),
            },
        }
    }

    /// Puts the results in their place.
    fn finish(self) -> io::Result<Told> {
        let mut told = Told::default();
        match self {
            Self::Csv(result, csv) => {
                told.rows = csv.rows();
                put(&result, csv.finish())?;
            }
            Self::Parquet(result, parquet) => {
                told.rows = parquet.rows();
                put(&result, parquet.finish()?)?;
            }
            Self::Npz(archives) => {
                for (result, npz) in archives.into_iter().flatten() {
                    let (file, one) = npz.finish(BufWriter::new(File::create(part(&result))?))?;
                    put(&result, file)?;
                    told.rows += one.rows;
                    told.split += one.split;
                    told.raised += one.raised;
                    told.ahead += one.ahead;
                }
            }
        }
        Ok(told)
    }

    /// Takes away what was written.
    fn discard(self) -> io::Result<()> {
        match self {
            Self::Csv(result, _) | Self::Parquet(result, _) => std::fs::remove_file(part(&result)),
            Self::Npz(_) => Ok(()),
        }
    }
}

fn put(result: &Path, mut file: BufWriter<File>) -> io::Result<()> {
    file.flush()?;
    file.get_ref().sync_all()?;
    std::fs::rename(part(result), result)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a path cannot hold does not stand in one.
    #[test]
    fn symbols_name_files() {
        for (symbol, expected) in [("XBT/USD", "XBT-USD"), ("BTCUSD_PERP", "BTCUSD_PERP"), ("../x", "..-x")] {
            assert_eq!(file_name(symbol), expected);
        }
    }
}
