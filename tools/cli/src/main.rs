//! The `touchline` program.
//!
//! Exit codes: 0 sound, 1 a book could not be trusted, 2 usage, 3 a recording that is damaged or cannot be read,
//! 130 stopped by Ctrl-C.
#![forbid(unsafe_code)]

mod arguments;
mod demo;
mod exit;
mod out;
mod progress;
mod replay;
mod screen;
mod venues;
mod verify;

use clap::Parser;

use arguments::{Arguments, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Command::Demo(demo) => demo::run(demo),
        Command::Replay(replay) => replay::run(replay),
        Command::Verify(verify) => verify::run(verify),
        Command::Venues(venues) => venues::run(venues),
    };
    exit::code(done)
}
