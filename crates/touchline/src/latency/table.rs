//! The figures as a table for the terminal.

use std::fmt::Write as _;

use super::summary::{Summary, grouped, printable, readable};
use super::{Report, Row};

/// Columns of a note's line at most; the table itself takes 94.
const WIDTH: usize = 94;

/// The whole text: what was run, one row for each stage and kind, how to read it.
pub(super) fn text(report: &Report) -> String {
    let info = report.info();
    let mut text = format!(
        "{}: {} frames, {} messages in {:.3} s\n",
        printable(&info.recording),
        grouped(info.frames),
        grouped(info.messages),
        info.wall.as_secs_f64(),
    );
    let machine = format!(
        "placement {}, pace {}, on {}, {} cores, {}",
        info.placement_name(),
        info.pace,
        printable(&info.machine.cpu),
        info.machine.cores,
        printable(&info.machine.system),
    );
    wrap(&mut text, &machine);
    text.push_str("\n\n");
    let rows = report.rows();
    if rows.is_empty() {
        text.push_str("no latencies were recorded\n");
    } else {
        write_rows(&mut text, &rows);
    }
    for note in report.notes() {
        text.push('\n');
        wrap(&mut text, &note);
    }
    text.push('\n');
    text
}

/// Adds a sentence in lines no longer than [`WIDTH`], the second and later ones indented.
fn wrap(text: &mut String, sentence: &str) {
    let mut column = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            text.push_str("\n  ");
            column = 2;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
}

fn write_rows(text: &mut String, rows: &[Row]) {
    let mut line = |stage: &str, kind: &str, count: &str, cells: [String; 7]| {
        let _ = write!(text, "{stage:<11}{kind:<9}{count:>11}");
        for cell in cells {
            let _ = write!(text, "{cell:>9}");
        }
        text.push('\n');
    };
    line("stage", "kind", "count", Summary::TITLES.map(str::to_owned));
    let mut previous = None;
    for row in rows {
        // The stage is named once, on its first row, so that the eye finds the groups.
        let stage = if previous == Some(row.stage) { "" } else { row.stage.title() };
        previous = Some(row.stage);
        let cells = row.summary.columns().map(|nanos| readable(nanos, "us"));
        line(stage, row.kind_name(), &grouped(row.summary.count), cells);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MessageKind, Omission, Recorder, Report, RunInfo, Stage, samples};
    use crate::pipeline::Placement;

    #[test]
    fn the_table_shows_each_stage_and_kind_with_readable_figures() {
        // 99 values of 412 ns and one of 13.7 ms in one cell: the row's text is known in full.
        let mut recorder = Recorder::new();
        for _ in 0..99 {
            recorder.record(Stage::EndToEnd, MessageKind::Bbo, 412);
        }
        recorder.record(Stage::EndToEnd, MessageKind::Bbo, 13_700_000);
        let text = Report::new(samples::info(), recorder).table();
        let rows: Vec<Vec<&str>> =
            text.lines().skip(4).take(2).map(|line| line.split_whitespace().collect()).collect();
        let figures = [
            "100", "137", "us", "412", "ns", "412", "ns", "412", "ns", "13.7", "ms", "13.7", "ms", "13.7",
            "ms",
        ];
        assert_eq!(rows[0], [["end", "to", "end", "all"].as_slice(), &figures].concat());
        assert_eq!(rows[1], [["bbo"].as_slice(), &figures].concat());
        assert!(text.contains("93,953 frames") && text.contains("9.6 ns") && text.contains("Corrected"));
    }

    #[test]
    fn every_line_fits_the_terminal_and_columns_stay_in_place() {
        // The full sample: table lines are equally long and at most 100 wide.
        let text = samples::report().table();
        let rows: Vec<&str> = text.lines().skip(3).take_while(|line| !line.is_empty()).collect();
        assert_eq!(rows.len(), 1 + 5 * 6 - 3);
        assert!(rows.iter().all(|row| row.chars().count() == 94), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn how_to_read_it_depends_on_where_books_were_built() {
        // Unpaced: behind a ring there is a queue in some figures, on the reader's thread there is none; paced: neither.
        let text = |placement, omission| {
            let info = RunInfo { placement, omission, ..samples::info() };
            // As one line: where it is wrapped does not matter here.
            Report::new(info, Recorder::new()).table().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let queue = text(Placement::BookThread, Omission::NotCorrected);
        assert!(queue.contains("include the queue in front of the book thread"), "{queue}");
        let direct = text(Placement::Reader, Omission::NotCorrected);
        assert!(direct.contains("There is no queue") && !direct.contains("include the queue"), "{direct}");
        for placement in [Placement::BookThread, Placement::Reader] {
            assert!(text(placement, Omission::MeasuredFromSchedule).contains("frame was due"));
        }
    }

    #[test]
    fn foreign_names_cannot_move_the_cursor() {
        // An escape sequence in a file name must not reach the terminal.
        let mut info = samples::info();
        info.recording = "evil\u{1b}[2J\nname".to_owned();
        let text = Report::new(info, Recorder::new()).table();
        assert!(!text.contains('\u{1b}') && text.starts_with("evil\u{fffd}[2J\u{fffd}name:"));
    }
}
