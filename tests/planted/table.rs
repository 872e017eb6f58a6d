//! The table of who finds what, `tests/planted.md`.

use std::path::PathBuf;

use touchline::market::Bug;
use touchline_tests::root;

const HEADER: &str = "\
# Planted bugs

Each breaks one rule, where the rule is kept (`crates/market/src/planted.rs`; `planted(Bug::…)` stands at the place).
The test `planted` plants each and tries every row: without the bug its finder finds nothing, with it exactly this.

| bug | the rule it breaks | found by | first words |
| --- | --- | --- | --- |
";

/// One bug and one who finds it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) bug: Bug,
    pub(crate) finder: String,
    pub(crate) words: String,
}

impl Row {
    pub(crate) fn bug_name(&self) -> String {
        format!("{:?}", self.bug)
    }
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// Reads it, and holds each rule against the words that stand at the bug itself.
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(path()).expect("the table is there");
        let lines = text.lines().filter(|line| line.starts_with("| `"));
        let rows = lines.map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, name, of_rule, finder, words, _] = cells[..] else { panic!("not four cells: {line}") };
            let bug = Bug::ALL.into_iter().find(|bug| name == format!("`{bug:?}`"));
            let bug = bug.unwrap_or_else(|| panic!("there is no {name}"));
            assert_eq!(of_rule, rule(bug), "{name}");
            Row { bug, finder: finder.to_owned(), words: words.trim_matches('`').to_owned() }
        });
        Self { rows: rows.collect() }
    }

    pub(crate) fn write(&self) {
        let line = |row: &Row| {
            format!("| `{:?}` | {} | {} | `{}` |\n", row.bug, rule(row.bug), row.finder, row.words)
        };
        let rows: String = self.rows.iter().map(line).collect();
        std::fs::write(path(), format!("{HEADER}{rows}")).expect("the table can be written");
    }
}

/// What its documentation says.
fn rule(bug: Bug) -> String {
    let source = include_str!("../../crates/market/src/planted.rs");
    let (before, _) = source.split_once(&format!("\n    {bug:?}")).expect("every bug stands there");
    before.lines().last().unwrap_or_default().trim_start_matches([' ', '/']).to_owned()
}

fn path() -> PathBuf {
    root().join("tests/planted.md")
}
