//! The file of a record: read, and added to.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::BenchError;
use crate::machine::Machine;
use crate::row::{Row, Says, Verdict};

/// The columns.
const HEADER: &str = "bench,case,measure,value,beside,beside_value,ratio,unit,low,high";

/// One line of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Which bench, case and measure, and beside whom.
    pub key: [String; 4],
    /// Our figure.
    pub value: f64,
    /// Our figure over the other's; none for one that stands alone.
    pub ratio: Option<f64>,
    /// Of what the figure is.
    pub unit: String,
    /// Where the ratio lies with 95 % confidence; none where the noise was not measured.
    pub interval: Option<[f64; 2]>,
}

/// Adds a run to the record of its machine and day, and tells where that is.
///
/// # Errors
/// [`BenchError::File`].
pub fn append(rows: &[Row], machine: &Machine) -> Result<PathBuf, BenchError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../record");
    let folder = root.join(&machine.folder);
    let path = folder.join(format!("{}.csv", machine.date));
    let refuse = |cause| BenchError::File { path: path.clone(), cause };
    fs::create_dir_all(&folder).map_err(refuse)?;
    let is_new = !path.exists();
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(refuse)?;
    let mut text = format!(
        "# peers: {}, {} cores, {}, {}; commit {}; medians of the rounds, low and high of the ratio\n",
        machine.cpu,
        machine.cores,
        machine.features.join(" "),
        machine.rustc,
        machine.commit
    );
    if is_new {
        text.push_str(HEADER);
        text.push('\n');
    }
    rows.iter().filter_map(line).for_each(|line| text.push_str(&line));
    file.write_all(text.as_bytes()).map_err(refuse)?;
    Ok(path)
}

/// A row as a line; none for what was not measured.
fn line(row: &Row) -> Option<String> {
    let value = row.ours_ns.filter(|_| row.verdict != Verdict::Unmeasured)?;
    let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.6}"));
    let turned = row.says == Says::TimesFaster;
    let ours = |ratio: Option<f64>| if turned { ratio.map(|ratio| 1.0 / ratio) } else { ratio };
    let (low, high) = if turned { (row.high, row.low) } else { (row.low, row.high) };
    Some(format!(
        "peers,{},{}{},{value:.4},{},{},{},{},{},{}\n",
        cell(&row.stage),
        cell(&row.measure),
        if row.ours.is_empty() { String::new() } else { format!(" ({})", cell(&row.ours)) },
        cell(&row.peer),
        number(row.peer_ns),
        number(ours(row.ratio)),
        row.unit,
        number(ours(low)),
        number(ours(high)),
    ))
}

/// A text without the separator.
fn cell(text: &str) -> String {
    text.replace(',', ";")
}

/// Reads a record. A line that says the same as one before it takes its place: the day's last run counts.
///
/// # Errors
/// [`BenchError::File`], [`BenchError::Record`].
pub fn read(path: &Path) -> Result<Vec<Entry>, BenchError> {
    let text = fs::read_to_string(path).map_err(|cause| BenchError::File { path: path.to_owned(), cause })?;
    parse(&text).map_err(|(line, cause)| BenchError::Record { path: path.to_owned(), line, cause })
}

pub(super) fn parse(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let mut entries: Vec<Entry> = Vec::new();
    for (number, line) in
        (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#') && *line != HEADER)
    {
        let cells: Vec<_> = line.split(',').collect();
        let [bench, case, measure, value, beside, _, ratio, unit, low, high] = cells[..] else {
            return Err((number, format!("{} columns, of which there are ten: {HEADER}", cells.len())));
        };
        let figure = |text: &str| -> Result<Option<f64>, (usize, String)> {
            if text.is_empty() {
                return Ok(None);
            }
            text.parse().map(Some).map_err(|_| (number, format!("{text:?} is no number")))
        };
        let entry = Entry {
            key: [bench, case, measure, beside].map(str::to_owned),
            value: figure(value)?.ok_or_else(|| (number, "no value".to_owned()))?,
            ratio: figure(ratio)?,
            unit: unit.to_owned(),
            interval: figure(low)?.zip(figure(high)?).map(|(low, high)| [low, high]),
        };
        match entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Bound;

    /// A row whose ratio says how many times faster we are, and one that says how much of the other's time we take, both
    /// come back from their lines as our figure over the other's.
    #[test]
    fn ratios_are_ours_over_the_others() {
        let pairs: Vec<(f64, f64)> = (0..9).map(|n| (50.0, 100.0 + f64::from(n))).collect();
        for bound in [None, Some(Bound::Faster(2.0)), Some(Bound::Within(0.6))] {
            let row = Row::paired("parse depth, avx2", "mean", &pairs, bound, Says::TimesFaster)
                .between("ours", "theirs");
            let entries = parse(&line(&row).unwrap()).unwrap();
            let [entry] = &entries[..] else { panic!("{entries:?}") };
            assert_eq!(entry.key, ["peers", "parse depth; avx2", "mean (ours)", "theirs"].map(str::to_owned));
            assert!((entry.ratio.unwrap() - 50.0 / 104.0).abs() < 1e-3, "{entry:?}");
            let [low, high] = entry.interval.unwrap();
            assert!(low < high && (low..=high).contains(&entry.ratio.unwrap()), "{entry:?}");
        }
    }

    /// What was not measured leaves no line; remarks, headers and old lines without an interval are read; the last of
    /// two lines that say the same counts; a line that is none is named.
    #[test]
    fn records_are_read_line_by_line() {
        assert_eq!(line(&Row::unmeasured("socket", "mean", "not built")), None);
        let text = format!(
            "# remark\n{HEADER}\nring,hop,p50,45,rtrb,70,0.64,ns,,\nring,hop,p50,50,rtrb,70,0.71,ns,,\n"
        );
        let entries = parse(&text).unwrap();
        assert_eq!((entries.len(), entries[0].value, entries[0].interval), (1, 50.0, None));
        assert_eq!(parse("a,b\n").unwrap_err().0, 1);
        assert_eq!(parse("# x\na,b,c,fast,e,,,ns,,\n").unwrap_err(), (2, "\"fast\" is no number".to_owned()));
    }
}
