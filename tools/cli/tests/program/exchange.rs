//! A simulated exchange on loopback, for the commands that need one.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use touchline_simulator::{Config, Simulator, Truth};

use super::{Ran, STUCK, program, text};

/// An exchange with what a client needs to know of it.
pub(super) struct Exchange {
    pub(super) simulator: Simulator,
    venue: String,
    folder: TempDir,
}

impl Exchange {
    /// A faultless one over TLS, with so many symbols.
    pub(super) fn new(venue: &str, symbols: usize) -> Self {
        Self::of(Config { symbols: Config::symbols(venue, symbols), rate: 500.0, ..Config::new(venue) })
    }

    pub(super) fn of(config: Config) -> Self {
        let venue = config.venue.clone();
        let simulator = Simulator::start(config).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), simulator.certificate_pem()).unwrap();
        Self { simulator, venue, folder }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn truth(&self, symbol: &str) -> Truth {
        self.simulator.truth(symbol).unwrap()
    }

    /// A command with the arguments that lead it here, both outputs caught.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let endpoint = format!("{}={}", self.venue, self.simulator.ws_root());
        let mut command = program(arguments);
        command.args(["--endpoint", &endpoint, "--root", text(&self.path("root.pem"))]);
        command
    }

    /// Runs such a command to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        wait(self.command(arguments).spawn().unwrap())
    }
}

/// Waits for the end of a run, and ends it if that does not come.
pub(super) fn wait(child: Child) -> Ran {
    let id = child.id();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(STUCK) {
        Ok(output) => output.unwrap().into(),
        Err(_) => {
            signal(id, "KILL");
            panic!("the program did not end");
        }
    }
}

/// Sends a process a signal by its name.
pub(super) fn signal(id: u32, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap();
    assert!(sent.success());
}

/// Waits until something holds.
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < STUCK, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}
