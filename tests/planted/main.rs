//! Every bug of [`Bug::ALL`] is planted in turn, and somebody finds it.
//!
//! `tests/planted.md` says who: a check of the contract suite at a venue, or a seed of the simulation. Here each row is
//! tried: without the bug its finder finds nothing, with it what the row says. `TOUCHLINE_WRITE_TABLE=1` tries every
//! finder and writes the table anew.

#[path = "../contract/budget.rs"]
mod budget;
#[path = "../contract/crossed.rs"]
mod crossed;
#[path = "../contract/cuts.rs"]
mod cuts;
#[path = "../contract/market.rs"]
mod market;
#[path = "../contract/player.rs"]
mod player;
#[path = "../contract/race.rs"]
mod race;
#[allow(dead_code, reason = "the contract suite tells more of it")]
#[path = "../contract/single.rs"]
mod single;
#[path = "../contract/trace.rs"]
mod trace;
#[path = "../contract/whole.rs"]
mod whole;

mod finder;
mod table;

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use finder::Finder;
use table::{Row, Table};
use touchline::market::Bug;
use touchline_tests::tell;

/// Every bug has a row, and every row is true: its finder is silent without the bug and says these words with it.
#[test]
fn every_bug_is_found_as_the_table_says() {
    if std::env::var_os("TOUCHLINE_WRITE_TABLE").is_some() {
        Table { rows: side_by_side(&Bug::ALL, hunt).concat() }.write();
    }
    let table = Table::read();
    let unfound: Vec<Bug> =
        Bug::ALL.into_iter().filter(|bug| !table.rows.iter().any(|row| row.bug == *bug)).collect();
    assert!(unfound.is_empty(), "nobody finds {unfound:?}");
    let mut finders: Vec<&str> = table.rows.iter().map(|row| row.finder.as_str()).collect();
    finders.sort_unstable();
    finders.dedup();
    let mut wrong = side_by_side(&finders, |name| {
        let found = Finder::named(name).map(|finder| finder.find(None));
        match found {
            Some(None) => None,
            Some(Some(words)) => Some(format!("{name} finds without a bug: {words}")),
            None => Some(format!("there is no {name}")),
        }
    });
    wrong.extend(side_by_side(&table.rows, |row| {
        let found = Finder::named(&row.finder)?.find(Some(row.bug));
        let expected = Some(row.words.as_str());
        (found.as_deref() != expected).then(|| format!("{}, {}: {found:?}", row.bug_name(), row.finder))
    }));
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "the table is not true (TOUCHLINE_WRITE_TABLE=1 writes it anew): {wrong:#?}");
}

/// The first check of the contract suite and the first seed of the simulation that find a bug.
fn hunt(bug: &Bug) -> Vec<Row> {
    let first = |finders: Vec<Finder>| {
        finders.into_iter().find_map(|finder| {
            let words = finder.find(Some(*bug))?;
            if let Some(always) = finder.find(None) {
                tell(&format!("without a bug: {}: {always}", finder.name()));
                return None;
            }
            tell(&format!("{bug:?}: {}: {words}", finder.name()));
            Some(Row { bug: *bug, finder: finder.name(), words })
        })
    };
    [Finder::checks(), Finder::seeds()].into_iter().filter_map(first).collect()
}

/// Does the same to each of these, on as many threads as there are cores.
fn side_by_side<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let done = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Relaxed);
                    let Some(one) = all.get(at) else { return };
                    let result = work(one);
                    done.lock().unwrap().push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
