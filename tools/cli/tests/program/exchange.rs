//! A simulated exchange on loopback, for the commands that need one. It lets secrets slip wherever it can.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use touchline_simulator::{Config, Simulator, Truth};
use touchline_tests::secrets::{self, Searched};

use super::{Ran, STUCK, program, text};

/// The file that tells of the secrets that no name gives away.
pub(super) const TOLD: &str = "secrets.txt";

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
        let simulator = Simulator::start(Config { plants: secrets::plants(), ..config }).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(TOLD), secrets::told().join("\n")).unwrap();
        std::fs::write(folder.path().join("root.pem"), simulator.certificate_pem()).unwrap();
        Self { simulator, venue, folder }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn truth(&self, symbol: &str) -> Truth {
        self.simulator.truth(symbol).unwrap()
    }

    /// A command with the arguments that lead it here, both outputs caught. It is told of the secrets, if it may be.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let (ws, rest) = (self.simulator.ws_root(), self.simulator.rest_root());
        let mut command = program(arguments);
        command.args(["--endpoint", &format!("{}={ws},{rest}", self.venue)]);
        command.args(["--root", text(&self.path("root.pem"))]);
        if arguments.first() != Some(&"instruments") {
            command.args(["--secrets", text(&self.path(TOLD))]);
        }
        command
    }

    /// Runs such a command to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        wait(self.command(arguments).spawn().unwrap())
    }
}

/// No file that a command left there holds a secret. Those that led it here do.
impl Drop for Exchange {
    fn drop(&mut self) {
        let mut searched = Searched::default();
        searched.add(self.folder.path()).unwrap();
        let led_here =
            |path: &PathBuf| path.ends_with(TOLD) || path.extension().is_some_and(|end| end == "toml");
        searched.found.retain(|(path, _)| !led_here(path));
        assert!(searched.found.is_empty() || std::thread::panicking(), "{:?}", searched.found);
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
