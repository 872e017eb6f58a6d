//! Rules that a program can check: who may use whom, where unsafe may stand, how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use touchline_tests::root;

/// Which crates of ours a crate may use. `crates/README.md` gives the reasons.
const ARROWS: &[(&str, &[&str])] = &[
    ("market", &[]),
    ("json", &[]),
    ("ring", &[]),
    ("view", &[]),
    ("venue", &["market", "json"]),
    ("book", &["market", "view"]),
    ("capture", &["market"]),
    ("feed", &["market", "venue"]),
    ("link", &["market", "venue", "feed", "capture"]),
    ("touchline", &["market", "json", "venue", "ring", "book", "view", "capture", "feed", "link"]),
    ("export", &["touchline"]),
    ("observe", &["touchline"]),
];

/// The crates that may hold unsafe code.
const UNSAFE_CRATES: &[&str] = &["ring", "json", "view"];

/// Where unsafe code may stand beside them: peers have unsafe doors, and the processor's counter has no other. It is a
/// workspace of its own, on which nothing depends.
const UNSAFE_BENCH: &str = "benches/peers";

/// Lines of a file at most.
const FILE_LINES_MAX: usize = 520;

/// Lines of a function at most.
const FUNCTION_LINES_MAX: usize = 75;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The crates of ours that a manifest's `[dependencies]` names.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut section = "";
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]"
            && let Some(name) = line.split(['.', ' ', '=']).next()
            && let Some(name) = name.strip_prefix("touchline-").or((name == "touchline").then_some(name))
        {
            found.insert(name.to_owned());
        }
    }
    found
}

/// Every crate uses only those that its row of the table allows, and every crate has a row.
#[test]
fn arrows_between_crates_point_one_way() {
    let rules: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut seen = 0;
    for entry in fs::read_dir(root().join("crates")).unwrap().flatten().filter(|entry| entry.path().is_dir())
    {
        let name = entry.file_name().into_string().unwrap();
        let allowed = rules.get(name.as_str()).unwrap_or_else(|| panic!("crate {name} has no row in ARROWS"));
        for used in dependencies(&text(&entry.path().join("Cargo.toml"))) {
            assert!(allowed.contains(&used.as_str()), "{name} must not use {used}");
        }
        seen += 1;
    }
    assert_eq!(seen, rules.len());
}

/// A line whose code says `unsafe`, comments and strings aside.
fn says_unsafe(line: &str) -> bool {
    let line = line.replace("'\"'", "").replace("\\\"", "");
    let code: String = line.split('"').step_by(2).collect();
    let code = code.split("//").next().unwrap_or_default();
    code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == "unsafe")
}

/// What counts as unsafe code, in lines that have it and lines that only speak of it.
#[test]
fn unsafe_is_seen_in_code_alone() {
    let code = ["unsafe {", "pub unsafe fn f()", "unsafe impl S for T {}", "#[unsafe(no_mangle)]"];
    for line in code {
        assert!(says_unsafe(line), "{line}");
        assert!(says_unsafe(&format!("let a = (\"https://\", '\"', \"\\\"\"); {line} // unsafe")), "{line}");
        assert!(!says_unsafe(&format!("// {line}")) && !says_unsafe(&format!("\"{line}\"")), "{line}");
    }
    assert!(!says_unsafe("#![forbid(unsafe_code)]"));
}

/// Three crates may hold unsafe code, each use with its argument close above; every other library forbids it, and no
/// test, fuzz target or tool has any, nor a bench but that of the peers.
#[test]
fn unsafe_stands_only_where_it_may_and_with_its_argument() {
    for (name, _) in ARROWS.iter().filter(|(name, _)| !UNSAFE_CRATES.contains(name)) {
        let library = text(&root().join("crates").join(name).join("src/lib.rs"));
        assert!(library.contains("#![forbid(unsafe_code)]"), "{name} does not forbid unsafe code");
    }
    let crates = root().join("crates");
    let allowed: Vec<_> = UNSAFE_CRATES.iter().map(|name| crates.join(name)).collect();
    let allowed: Vec<_> = allowed.into_iter().chain([root().join(UNSAFE_BENCH)]).collect();
    let folders = ["crates", "tools", "tests", "benches", "fuzz"].map(|name| root().join(name));
    let mut uses = 0;
    for path in folders.iter().flat_map(|folder| sources(folder)) {
        let text = text(&path);
        let lines: Vec<_> = text.lines().collect();
        for (i, line) in lines.iter().enumerate().filter(|(_, line)| says_unsafe(line)) {
            let place = format!("{}:{}", path.display(), i + 1);
            assert!(
                allowed.iter().any(|folder| path.starts_with(folder)),
                "{place} must not be unsafe: {line}"
            );
            let above = &lines[i.saturating_sub(8)..=i];
            let argued = above.iter().any(|line| line.contains("SAFETY:") || line.contains("# Safety"));
            assert!(argued, "{place} has no SAFETY argument: {line}");
            uses += usize::from(path.starts_with(&crates));
        }
    }
    // Two thirds are steps of one routine compiled for a processor that has to be asked first.
    assert!((1..=130).contains(&uses), "{uses} uses of unsafe: the budget is 130");
}

/// A file holds one idea, a function fits one screen.
#[test]
fn files_and_functions_stay_short() {
    let folders = ["crates", "tools", "tests", "benches"].map(|name| root().join(name));
    for path in folders.iter().flat_map(|folder| sources(folder)) {
        let text = text(&path);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.len() <= FILE_LINES_MAX, "{}: {} lines", path.display(), lines.len());
        for (start, length) in functions(&lines) {
            assert!(
                length <= FUNCTION_LINES_MAX,
                "{}:{}: a function of {length} lines",
                path.display(),
                start + 1
            );
        }
    }
}

/// Where functions begin, and how long they are: to the closing brace at the indentation of their first line.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let begins = |line: &str| {
        let code = line.trim_start();
        ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn ", "const fn ", "pub const fn "]
            .iter()
            .any(|form| code.starts_with(form))
            && !code.ends_with(';')
    };
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate().filter(|(_, line)| begins(line)) {
        // A declaration without a body ends before any brace opens.
        let end_of_head = lines[start..].iter().find(|line| line.ends_with('{') || line.ends_with(';'));
        if end_of_head.is_none_or(|line| line.ends_with(';')) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let close = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[start..].iter().position(|line| *line == close) {
            found.push((start, length + 1));
        }
    }
    found
}

/// The folder listing is the journey: nothing else stands at the top.
#[test]
fn the_top_of_the_project_holds_what_it_should() {
    let expected: BTreeSet<_> = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "benches",
        "crates",
        "fuzz",
        "tests",
        "tools",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    let found: BTreeSet<_> = fs::read_dir(root())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target" && name != "out")
        .collect();
    assert_eq!(found, expected);
}

/// Venue names live in their folders: no other crate decides by one.
#[test]
fn venue_names_appear_in_venue_alone() {
    let first_word = |name: &'static str| name.split('-').next().unwrap_or(name);
    let venues: BTreeSet<_> =
        touchline_venue::all().iter().map(|facts| first_word(facts.name.as_str())).collect();
    assert!(venues.len() >= 4, "{venues:?}");
    for name in ["json", "ring", "book", "view", "capture", "feed", "link"] {
        for path in sources(&root().join("crates").join(name).join("src")) {
            for (i, line) in text(&path).lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default().to_lowercase();
                let named = venues.iter().find(|venue| code.contains(**venue));
                assert!(named.is_none(), "{}:{}: {line}", path.display(), i + 1);
            }
        }
    }
}

/// Every test that the table of faults names is where it says, and is a test.
#[test]
fn tests_named_in_the_table_of_faults_exist() {
    let table = text(&root().join("tests/faults.md"));
    let named: Vec<_> = table.split('`').filter_map(|word| word.split_once(".rs::")).collect();
    for (file, test) in &named {
        let source = text(&root().join(format!("{file}.rs")));
        let above = source.split_once(&format!("fn {test}(")).map(|(above, _)| above);
        let above = above.unwrap_or_else(|| panic!("{file}.rs has no test {test}"));
        let attributes =
            above.trim_end().lines().rev().take_while(|line| !line.trim().is_empty() && !line.contains('}'));
        assert!(
            attributes.map(str::trim).any(|line| line == "#[test]" || line.starts_with("#[tokio::test")),
            "{file}.rs: {test} is no test"
        );
    }
    assert!(named.len() >= 200, "{} tests are named", named.len());
}

/// Everything that the simulation must show is in the table of faults, under what it is an instance of.
#[test]
fn what_the_simulation_shows_is_in_the_table_of_faults() {
    let source = text(&root().join("tools/simulation/src/coverage.rs"));
    let (_, list) = source.split_once("EXPECTED: &[&str] = &[").unwrap();
    let (list, _) = list.split_once("];").unwrap();
    let shown: BTreeSet<_> = list.split('"').skip(1).step_by(2).collect();
    let table = text(&root().join("tests/faults.md"));
    let (_, table) = table.split_once("## What the simulation does").unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|'));
    let told: BTreeSet<_> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    assert!(!shown.is_empty());
    assert_eq!(told, shown);
}
