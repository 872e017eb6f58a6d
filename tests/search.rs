//! Searches what tests left behind for the secrets that they plant: `search PATH...`, files or folders. Ends with 1 if one
//! is found, with 2 if there was nothing to search.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that says what it found")]

use std::path::PathBuf;
use std::process::ExitCode;

use touchline_tests::secrets::Searched;

fn main() -> ExitCode {
    let mut searched = Searched::default();
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        if let Err(error) = searched.add(&path) {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(2);
        }
    }
    let Searched { files, bytes, found } = searched;
    println!("{bytes} bytes of {files} files searched, {} secrets found", found.len());
    for (path, name) in &found {
        eprintln!("the secret of the {name} stands in {}", path.display());
    }
    match bytes {
        0 => ExitCode::from(2),
        _ if found.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
