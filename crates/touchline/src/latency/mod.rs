//! Latency of a run: recorded on the hot path, reported after it.
//!
//! Each thread of the pipeline fills a [`Recorder`] of its own; at the end they are merged and a [`Report`] writes
//! what was found: a table for the terminal, `.hlog` and `.hgrm` files for HdrHistogram's tools, `report.json` for
//! programs and `report.html` for people. An [`IntervalLog`] is written while a feed runs; [`log`] reads such logs and
//! [`compare`] says what is slower in one than in another.
//!
//! ```
//! use touchline::latency::{MessageKind, Recorder, Stage};
//!
//! let mut recorder = Recorder::new();
//! recorder.record(Stage::Parse, MessageKind::Bbo, 145);
//! assert_eq!(recorder.stage(Stage::Parse).max(), 145);
//! ```

pub mod axis;
mod chart;
pub mod compare;
mod hgrm;
mod hlog;
mod html;
mod json;
pub mod log;
mod recorder;
mod run;
mod stage;
mod summary;
mod table;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;

pub use hlog::IntervalLog;
pub use recorder::{DIGITS, HIGHEST_NS, LOWEST_NS, Recorder};
pub use run::{Machine, Omission, RunInfo};
pub use stage::{MessageKind, Stage};
pub use summary::Summary;

/// The latencies of one run, ready to be written.
#[derive(Clone, Debug)]
pub struct Report {
    info: RunInfo,
    recorder: Recorder,
    /// Each stage over all kinds, in the order of [`Stage::ALL`].
    stages: Vec<Histogram<u64>>,
}

/// One row of the figures: a stage, over all kinds (`None`) or one.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The stage.
    pub stage: Stage,
    /// The kind; `None` for all kinds together.
    pub kind: Option<MessageKind>,
    /// The figures; `count` is at least 1.
    pub summary: Summary,
}

impl Row {
    /// The kind's name, `all` for all kinds together.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        self.kind.map_or("all", MessageKind::name)
    }
}

impl Report {
    /// Joins the facts of a run with its latencies.
    #[must_use]
    pub fn new(info: RunInfo, recorder: Recorder) -> Self {
        let stages = Stage::ALL.into_iter().map(|stage| recorder.stage(stage)).collect();
        Self { info, recorder, stages }
    }

    /// The facts of the run.
    #[must_use]
    pub fn info(&self) -> &RunInfo {
        &self.info
    }

    /// The figures, stage by stage, all kinds first; rows without a value are left out.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (stage, histogram) in self.stages() {
            rows.push(Row { stage, kind: None, summary: Summary::of(histogram) });
            for kind in MessageKind::ALL {
                let summary = Summary::of(self.recorder.histogram(stage, kind));
                rows.push(Row { stage, kind: Some(kind), summary });
            }
        }
        rows.retain(|row| row.summary.count > 0);
        rows
    }

    /// A table for the terminal, some 100 columns wide, ending with how to read it.
    #[must_use]
    pub fn table(&self) -> String {
        table::text(self)
    }

    /// Writes every file of the report into `folder`, which is made if absent; files of those names are replaced.
    /// Returns the paths written.
    ///
    /// * `latency.hlog`: HdrHistogram interval log 1.3, one line for each stage and kind, tagged `stage.kind`, V2
    ///   compressed payloads
    /// * `latency.hgrm`: percentile distribution of end to end over all kinds, in nanoseconds
    /// * `latency-<stage>.hgrm`: the same for each stage that has values
    /// * `report.json`: every figure; the field names are explained in the file `json.rs`
    /// * `report.html`: one page that needs nothing else
    ///
    /// # Errors
    /// What the operating system says about the folder or a file, with its path.
    pub fn write(&self, folder: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
        let mut files = vec![
            ("latency.hlog".to_owned(), hlog::bytes(self)?),
            ("latency.hgrm".to_owned(), hgrm::text(self.stage(Stage::EndToEnd)).into_bytes()),
        ];
        for (stage, histogram) in self.stages().filter(|(_, histogram)| !histogram.is_empty()) {
            files.push((format!("latency-{}.hgrm", stage.name()), hgrm::text(histogram).into_bytes()));
        }
        files.push(("report.json".to_owned(), json::bytes(self)?));
        files.push(("report.html".to_owned(), html::page(self).into_bytes()));
        let mut paths = Vec::with_capacity(files.len());
        for (name, content) in files {
            let path = folder.join(name);
            fs::write(&path, content).map_err(|error| at(&path, &error))?;
            paths.push(path);
        }
        Ok(paths)
    }

    /// What `report.json` holds.
    ///
    /// # Errors
    /// A histogram that cannot be written down, which no [`Recorder`] makes.
    pub fn json(&self) -> io::Result<String> {
        json::bytes(self).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Each stage with its histogram over all kinds.
    fn stages(&self) -> impl Iterator<Item = (Stage, &Histogram<u64>)> {
        Stage::ALL.into_iter().zip(&self.stages)
    }

    fn stage(&self, stage: Stage) -> &Histogram<u64> {
        &self.stages[stage as usize]
    }

    /// How to read the figures: sentences for people, each complete.
    fn notes(&self) -> Vec<String> {
        let info = &self.info;
        let mut notes = vec![
            info.omission.sentence(info.placement).to_owned(),
            format!(
                "One clock stamp costs {:.1} ns here. Each stage's figure includes about one, end to end those of \
                 its stages.",
                info.clock_cost_ns
            ),
            format!(
                "Histograms keep {DIGITS} significant digits from {LOWEST_NS} ns to {} s.",
                HIGHEST_NS / 1_000_000_000
            ),
        ];
        if self.recorder.clipped() > 0 {
            notes.push(format!(
                "{} values were above that range and count as its end.",
                self.recorder.clipped()
            ));
        }
        if info.machine.debug_assertions {
            notes.push(
                "This build has debug assertions: its figures say nothing about a release build.".to_owned(),
            );
        }
        notes
    }
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
pub(crate) mod samples {
    //! A run with plausible figures, the same every time.

    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::pipeline::Placement;

    pub(crate) fn info() -> RunInfo {
        RunInfo {
            recording: "binance-usdm-btcusdt-20240808".to_owned(),
            frames: 93_953,
            messages: 93_950,
            wall: Duration::from_millis(345_120),
            placement: Placement::BookThread,
            pace: "real".to_owned(),
            omission: Omission::MeasuredFromSchedule,
            clock_cost_ns: 9.6,
            started: UNIX_EPOCH + Duration::from_secs(1_723_120_496),
            machine: Machine {
                cpu: "Example CPU @ 2.1 GHz".to_owned(),
                cores: 2,
                system: "linux 6.1 x86_64".to_owned(),
                debug_assertions: false,
            },
        }
    }

    /// Latencies with a body and a tail, from a fixed multiplicative sequence.
    pub(crate) fn recorder() -> Recorder {
        let mut recorder = Recorder::new();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        };
        let kinds = [
            (MessageKind::Bbo, 60_000, 1.0),
            (MessageKind::Trade, 22_000, 1.1),
            (MessageKind::Delta, 3_300, 9.0),
            (MessageKind::Snapshot, 3, 900.0),
            (MessageKind::Other, 40, 0.8),
        ];
        for (kind, count, weight) in kinds {
            for _ in 0..count {
                let stages = [
                    (Stage::Parse, 110.0),
                    (Stage::Ring, 190.0),
                    (Stage::Apply, 60.0),
                    (Stage::Publish, 35.0),
                ];
                let mut total = 0;
                let book = matches!(kind, MessageKind::Snapshot | MessageKind::Delta);
                for (stage, base) in stages.into_iter().filter(|(stage, _)| book || *stage != Stage::Apply) {
                    let weight = if stage == Stage::Ring { 1.0 } else { weight };
                    // A Pareto tail over a jittered body.
                    let nanos = base * weight * (0.9 + 0.3 * uniform()) * uniform().powf(-0.18);
                    let late = if uniform() < 0.000_3 { 40_000.0 * uniform() } else { 0.0 };
                    recorder.record(stage, kind, (nanos + late) as u64);
                    total += (nanos + late) as u64;
                }
                recorder.record(Stage::EndToEnd, kind, total + 20);
            }
        }
        recorder
    }

    pub(crate) fn report() -> Report {
        Report::new(info(), recorder())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_written_and_named() {
        // Into a folder that does not exist yet; the returned paths are exactly the files there.
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a").join("b");
        let mut written = samples::report().write(&target).unwrap();
        let mut found: Vec<_> = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().path()).collect();
        written.sort();
        found.sort();
        assert_eq!(written, found);
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(
            names,
            [
                "latency-apply.hgrm",
                "latency-end_to_end.hgrm",
                "latency-parse.hgrm",
                "latency-publish.hgrm",
                "latency-ring.hgrm",
                "latency.hgrm",
                "latency.hlog",
                "report.html",
                "report.json",
            ]
        );
    }

    #[test]
    fn a_run_without_values_is_written_too() {
        // An empty recorder: no division by zero, no stage files, every common file there.
        let folder = tempfile::tempdir().unwrap();
        let report = Report::new(samples::info(), Recorder::new());
        assert!(report.rows().is_empty());
        assert_eq!(report.write(folder.path()).unwrap().len(), 4);
        assert!(report.table().contains("no latencies"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_in_the_error() {
        // A file stands where the folder should be.
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = samples::report().write(file.path().join("x")).unwrap_err();
        assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error}");
    }
}
