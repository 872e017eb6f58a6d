//! The two ways out: results to standard output, remarks to standard error.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use crate::exit::Failure;

/// A result. A reader that has seen enough and closed its pipe is no failure: the command's own end still counts.
pub(crate) fn result(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Write { path: PathBuf::from("to standard output"), source })
        }
        _ => Ok(()),
    }
}

/// A result as JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    // Plain data with text keys: it always has a JSON form.
    result(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// A remark.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// What went wrong.
pub(crate) fn error(text: &str) {
    remark(&format!("error: {text}"));
}
