//! The `touchline` program.
//!
//! Exit codes: 0 sound, 1 a book could not be trusted or broke, or a run is too slow, 2 usage or configuration, 3 a
//! recording or log that is damaged or cannot be read, 130 stopped by Ctrl-C.
#![forbid(unsafe_code)]

mod arguments;
mod check;
mod convert;
mod demo;
mod exit;
mod hlog;
mod instruments;
mod interrupt;
mod latency;
mod live;
mod numbers;
mod observe;
mod once;
mod out;
mod progress;
mod record;
mod replay;
mod rerun;
mod screen;
mod simulate;
mod venues;
mod verify;
mod watch;
mod why;

use clap::Parser;

use arguments::{Arguments, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Command::Demo(demo) => demo::run(demo),
        Command::Watch(watch) => watch::run(watch),
        Command::Once(once) => once::run(once),
        Command::Check(check) => check::run(check),
        Command::Instruments(instruments) => instruments::run(instruments),
        Command::Simulate(simulate) => simulate::run(simulate),
        Command::Record(record) => record::run(record),
        Command::Convert(convert) => convert::run(convert),
        Command::Recover(recover) => convert::recover(recover),
        Command::Replay(replay) => replay::run(replay),
        Command::Verify(verify) => verify::run(verify),
        Command::Why(why) => why::run(why),
        Command::Latency(latency) => latency::run(latency),
        Command::Venues(venues) => venues::run(venues),
    };
    exit::code(done)
}
