//! What is wrong with a configuration: every mistake with its place and its key.

use std::collections::HashMap;
use std::fmt;

/// One mistake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    /// The line, from 1; 0 where there is no text, as in a configuration made by a program.
    pub line: usize,
    /// The column in characters, from 1; 0 where there is no text.
    pub column: usize,
    /// The key with its table: `feed.readers`; empty where the text is no TOML.
    pub key: String,
    /// What is wrong, and what to write instead. Names the key.
    pub what: String,
}

/// All the mistakes of a configuration. Mend them; nothing was started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// The file; empty if there is none.
    pub file: String,
    /// In the order of their places, at least one.
    pub mistakes: Vec<Mistake>,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    /// One line a mistake: `touchline.toml:12:5: unknown key ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Mistake { line, column, what, .. }) in self.mistakes.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            match (self.file.as_str(), line) {
                ("", _) => f.write_str(what)?,
                (file, 0) => write!(f, "{file}: {what}")?,
                (file, _) => write!(f, "{file}:{line}:{column}: {what}")?,
            }
        }
        Ok(())
    }
}

/// Collects mistakes, and knows where in the text each value stands.
///
/// A path is a value's place in the configuration: `feed.reader_cores[1]`, `subscribe[3].channels[0]`.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    places: HashMap<String, (usize, usize)>,
    found: Vec<Mistake>,
}

impl Mistakes {
    /// Notes where the value of a path stands.
    pub(super) fn place(&mut self, path: &str, place: (usize, usize)) {
        self.places.insert(path.to_owned(), place);
    }

    /// A mistake in the value of a path: `what` follows the key's name.
    pub(super) fn add(&mut self, path: &str, what: impl fmt::Display) {
        let what = format!("{}: {what}", named(path));
        self.add_at(self.nearest_place(path), path, what);
    }

    /// A mistake at a place.
    pub(super) fn add_at(&mut self, (line, column): (usize, usize), path: &str, what: String) {
        self.found.push(Mistake { line, column, key: without_indices(path), what });
    }

    /// Whether the text gave a value to this path.
    pub(super) fn is_given(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// The place of a path, or of what it is part of.
    fn nearest_place(&self, path: &str) -> (usize, usize) {
        let mut part = path;
        loop {
            if let Some(&place) = self.places.get(part) {
                return place;
            }
            match part.rfind(['.', '[']) {
                Some(end) => part = part.get(..end).unwrap_or_default(),
                None => return (0, 0),
            }
        }
    }

    /// The mistakes as an error, if there are any.
    pub(super) fn into_result(mut self, file: &str) -> Result<(), ConfigError> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort_by_key(|mistake| (mistake.line, mistake.column));
        Err(ConfigError { file: file.to_owned(), mistakes: self.found })
    }
}

/// `feed.reader_cores` of `feed.reader_cores[1]`.
fn without_indices(path: &str) -> String {
    let parts = path.split('[').enumerate();
    parts
        .map(|(i, part)| if i == 0 { part } else { part.split_once(']').map_or(part, |(_, rest)| rest) })
        .collect()
}

/// A path for people: `` `channels` in [[subscribe]] ``.
fn named(path: &str) -> String {
    match without_indices(path).rsplit_once('.') {
        Some((table, key)) => format!("`{key}` in {}", header(table)),
        None => format!("`{}`", without_indices(path)),
    }
}

/// A table as its header is written.
pub(super) fn header(table: &str) -> String {
    if table == "subscribe" { "[[subscribe]]".to_owned() } else { format!("[{table}]") }
}

/// The valid name nearest to what was written, or all of them: the end of a mistake's text.
pub(super) fn suggestion<'a>(written: &str, valid: impl IntoIterator<Item = &'a str>) -> String {
    let written = written.to_lowercase();
    let valid: Vec<_> = valid.into_iter().collect();
    let near = valid
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&written, &name.to_lowercase()), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len().max(written.len()) / 3);
    match near {
        Some((_, name)) => format!("; did you mean `{name}`?"),
        None if valid.is_empty() => String::new(),
        None => format!("; valid are `{}`", valid.join("`, `")),
    }
}

/// What to say of a venue that is not in the registry.
pub(super) fn unknown_venue(written: &str) -> String {
    let names = touchline_venue::all().iter().map(|facts| facts.name.as_str());
    format!("unknown venue `{written}`{}", suggestion(written, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A misspelling is answered with the nearest name, noise with the whole list, case aside.
    #[test]
    fn the_nearest_name_is_suggested() {
        let names = ["readers", "reader_cores", "book_cores"];
        assert_eq!(suggestion("reader_core", names), "; did you mean `reader_cores`?");
        assert_eq!(suggestion("Raeders", names), "; did you mean `readers`?");
        assert_eq!(suggestion("colour", names), "; valid are `readers`, `reader_cores`, `book_cores`");
        assert_eq!(suggestion("anything", []), "");
    }

    /// A part of a value that has no place of its own has that of the value; with a file, the text begins with both.
    #[test]
    fn mistakes_show_their_place() {
        let mut mistakes = Mistakes::default();
        mistakes.place("feed.reader_cores", (3, 7));
        mistakes.add("feed.reader_cores[1]", "twice");
        mistakes.add("timing", "nothing");
        let error = mistakes.into_result("a.toml").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.toml: `timing`: nothing\na.toml:3:7: `reader_cores` in [feed]: twice"
        );
        assert_eq!(error.mistakes[1].key, "feed.reader_cores");
        let without_file = ConfigError { file: String::new(), ..error };
        assert!(without_file.to_string().starts_with("`timing`: nothing\n`reader_cores`"));
    }
}
