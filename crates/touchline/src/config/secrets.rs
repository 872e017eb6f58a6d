//! Texts that nobody is to read.

use std::path::Path;
use std::{fmt, io};

use touchline_capture::redact::{REDACTED, Redactor, TooManySecrets};

/// Texts that must stand in no journal and no log.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// These texts.
    pub fn new(texts: impl IntoIterator<Item = String>) -> Self {
        Self(texts.into_iter().filter(|text| !text.is_empty()).collect())
    }

    /// The texts in a file, one a line; blanks around them do not count.
    ///
    /// # Errors
    /// The file cannot be read, or is no text.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        Ok(Self::new(text.lines().map(|line| line.trim().to_owned())))
    }

    /// Adds others.
    pub fn add(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// An address without its secrets, for people.
    pub(crate) fn in_address(&self, address: &str) -> String {
        let redactor = self.redactor();
        redactor.map_or_else(|_| REDACTED.to_owned(), |redactor| redactor.in_address(address).into_owned())
    }

    /// What takes them out of whatever is written, and with them all that is named like a secret.
    ///
    /// # Errors
    /// There are too many: give fewer.
    pub fn redactor(&self) -> Result<Redactor, TooManySecrets> {
        Redactor::new(self.0.iter().cloned())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration can be printed: its secrets are not. What is written goes out without them.
    #[test]
    fn secrets_are_not_printed() {
        let mut secrets = Secrets::new(["canary-1".to_owned(), String::new()]);
        secrets.add(Secrets::new(["canary-2".to_owned()]));
        let config = super::super::Config { secrets, ..super::super::Config::default() };
        let text = format!("{config:?} {config:#?}");
        assert!(!text.contains("canary") && text.contains("2 secrets"), "{text}");
        let redactor = config.secrets.redactor().unwrap();
        assert_eq!(redactor.in_text("say canary-1 or canary-2"), "say <redacted> or <redacted>");
    }

    /// One a line: blanks and empty lines are no secrets. A file that is not there is an error.
    #[test]
    fn a_file_holds_one_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.txt");
        std::fs::write(&path, "first secret\r\n\n  second\n").unwrap();
        assert_eq!(Secrets::read(&path).unwrap().0, ["first secret", "second"]);
        assert!(Secrets::read(folder.path()).is_err());
    }
}
