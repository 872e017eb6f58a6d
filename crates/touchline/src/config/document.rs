//! Reads a TOML document by hand, so that every mistake is named with its place, and all of them at once.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistakes, header, suggestion};

/// A table of the document with its path.
#[derive(Clone, Copy)]
pub(super) struct Table<'d> {
    pub(super) path: &'d str,
    pub(super) entries: &'d DeTable<'d>,
}

impl<'d> Table<'d> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.entries.get(key)
    }
}

/// The text, its lines, and the mistakes found in it.
pub(super) struct Document<'t> {
    text: &'t str,
    pub(super) mistakes: Mistakes,
}

impl<'t> Document<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, mistakes: Mistakes::default() }
    }

    /// The document's root. If the text is no TOML, that is all that is said of it: what stands behind a broken line
    /// may not mean what it seems to. One mistake a line.
    pub(super) fn parse(&mut self) -> Option<DeTable<'t>> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        let mut line = 0;
        for error in &errors {
            let place = self.position(&error.span().unwrap_or_default());
            if place.0 != line {
                line = place.0;
                self.mistakes.add_at(place, "", error.message().to_owned());
            }
        }
        if errors.is_empty() { Some(root.into_inner()) } else { None }
    }

    /// Line and column, from 1, of where a span begins.
    pub(super) fn position(&self, span: &Range<usize>) -> (usize, usize) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }

    /// Notes where a value stands.
    pub(super) fn place<T>(&mut self, path: &str, value: &Spanned<T>) {
        let place = self.position(&value.span());
        self.mistakes.place(path, place);
    }

    /// Names every key of a table that is not among these. `home` says in which table such a key belongs, if in any.
    pub(super) fn only(
        &mut self,
        table: Table<'_>,
        valid: &[&str],
        home: impl Fn(&str) -> Option<&'static str>,
    ) {
        for key in table.entries.keys() {
            let name: &str = key.get_ref();
            if !valid.contains(&name) {
                let near = match home(name) {
                    Some(home) => format!("; it belongs in {}", header(home)),
                    None => suggestion(name, valid.iter().copied()),
                };
                let what = format!("unknown key `{}` in {}{near}", name.escape_debug(), header(table.path));
                self.mistakes.add_at(self.position(&key.span()), &format!("{}.{name}", table.path), what);
            }
        }
    }

    /// The value of a key, if it is there and of this kind.
    pub(super) fn read<T>(&mut self, table: Table<'_>, key: &str, kind: Kind<T>) -> Option<T> {
        let value = table.get(key)?;
        self.value(&format!("{}.{key}", table.path), value, kind)
    }

    /// As [`read`](Self::read), into a field that has a default.
    pub(super) fn set<T>(&mut self, table: Table<'_>, key: &str, kind: Kind<T>, field: &mut T) {
        if let Some(value) = self.read(table, key, kind) {
            *field = value;
        }
    }

    /// The values of a list; nothing if it is not there or no list. Values of another kind are named and left out.
    pub(super) fn list<T>(&mut self, table: Table<'_>, key: &str, kind: Kind<T>) -> Option<Vec<T>> {
        let value = table.get(key)?;
        let path = format!("{}.{key}", table.path);
        self.place(&path, value);
        let DeValue::Array(values) = value.get_ref() else {
            self.mistakes.add(&path, expected("a list", value.get_ref()));
            return None;
        };
        let values = values.iter().enumerate();
        Some(values.filter_map(|(i, value)| self.value(&format!("{path}[{i}]"), value, kind)).collect())
    }

    /// A value of a kind, its place noted under a path.
    pub(super) fn value<T>(&mut self, path: &str, value: &Spanned<DeValue<'_>>, kind: Kind<T>) -> Option<T> {
        self.place(path, value);
        match kind(value.get_ref()) {
            Ok(value) => Some(value),
            Err(what) => {
                self.mistakes.add(path, what);
                None
            }
        }
    }
}

/// What a value must be; the error says what it is instead.
pub(super) type Kind<T> = fn(&DeValue<'_>) -> Result<T, String>;

/// `expected a list, found a string`.
pub(super) fn expected(what: &str, found: &DeValue<'_>) -> String {
    let found = match found {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    format!("expected {what}, found {found}")
}

/// A whole number that the field can hold.
pub(super) fn whole<T: TryFrom<u64>>(value: &DeValue<'_>) -> Result<T, String> {
    let DeValue::Integer(number) = value else { return Err(expected("a whole number", value)) };
    let digits = number.as_str().replace('_', "");
    let fits = u64::from_str_radix(&digits, number.radix()).ok().and_then(|number| T::try_from(number).ok());
    fits.ok_or_else(|| format!("{number} is out of range"))
}

/// `Some` of a kind, for fields without a default.
pub(super) fn some_whole<T: TryFrom<u64>>(value: &DeValue<'_>) -> Result<Option<T>, String> {
    whole(value).map(Some)
}

pub(super) fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| expected("true or false", value))
}

pub(super) fn string(value: &DeValue<'_>) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| expected("a string", value))
}

pub(super) fn some_string(value: &DeValue<'_>) -> Result<Option<String>, String> {
    string(value).map(Some)
}

pub(super) fn file(value: &DeValue<'_>) -> Result<PathBuf, String> {
    match value.as_str() {
        Some("") => Err("a file has a name".to_owned()),
        Some(path) => Ok(PathBuf::from(path)),
        None => Err(expected("a file's name", value)),
    }
}

pub(super) fn some_address(value: &DeValue<'_>) -> Result<Option<IpAddr>, String> {
    let text = value.as_str().ok_or_else(|| expected("an IP address", value))?;
    text.parse().map(Some).map_err(|_| format!("`{}` is no IP address", text.escape_debug()))
}

pub(super) fn some_socket(value: &DeValue<'_>) -> Result<Option<SocketAddr>, String> {
    let text = value.as_str().ok_or_else(|| expected("an IP address with a port", value))?;
    let wrong = |_| format!("`{}` is no IP address with a port, such as 127.0.0.1:9464", text.escape_debug());
    text.parse().map(Some).map_err(wrong)
}

pub(super) fn seconds(value: &DeValue<'_>) -> Result<Duration, String> {
    whole(value).map(Duration::from_secs)
}

pub(super) fn ms(value: &DeValue<'_>) -> Result<Duration, String> {
    whole(value).map(Duration::from_millis)
}

pub(super) fn some_ms(value: &DeValue<'_>) -> Result<Option<Duration>, String> {
    ms(value).map(Some)
}

pub(super) fn some_us(value: &DeValue<'_>) -> Result<Option<Duration>, String> {
    whole(value).map(|us| Some(Duration::from_micros(us)))
}
