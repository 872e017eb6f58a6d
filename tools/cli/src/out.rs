//! The two ways out: results to standard output, remarks to standard error. A closed pipe ends the program quietly.

use std::io::Write;

/// A result.
pub(crate) fn result(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// A result as JSON.
pub(crate) fn json(value: &impl serde::Serialize) {
    // Plain data with text keys: it always has a JSON form.
    result(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// A remark.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// What went wrong.
pub(crate) fn error(text: &str) {
    remark(&format!("error: {text}"));
}
