//! The process itself, under the names that Prometheus has for any process, where the system tells (Linux).

use std::fs;

use crate::family::{Family, labels};

/// Ticks a second in `/proc/self/stat`: 100 on every architecture that this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the system says of this process; `None` where it does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Process {
    started: Option<f64>,
    resident_bytes: Option<u64>,
    open_fds: Option<u64>,
}

impl Process {
    /// As it is now.
    pub(crate) fn now() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self {
            started: started(&read("/proc/self/stat"), &read("/proc/stat")),
            resident_bytes: resident_bytes(&read("/proc/self/status")),
            // The descriptor that lists them is one of them, for as long as it does.
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|all| (all.count() as u64).saturating_sub(1)),
        }
    }
}

/// Seconds since 1970 at which a process began, of its own `stat` and that of the system.
fn started(own: &str, system: &str) -> Option<f64> {
    // The program's name stands in brackets and may hold anything.
    let (_, fields) = own.rsplit_once(')')?;
    let ticks: f64 = fields.split_ascii_whitespace().nth(19)?.parse().ok()?;
    let boot = system.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<f64>().ok()? + ticks / TICKS_PER_SECOND)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = size.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

pub(super) fn families(process: &Process) -> Vec<Family> {
    let build = Family::gauge("touchline_build_info", "Always 1; the version of this build")
        .of([&env!("CARGO_PKG_VERSION")], |version| (labels![version = version], 1_u64));
    vec![
        build,
        Family::gauge("process_start_time_seconds", "When the process began, since 1970")
            .alone(process.started),
        Family::gauge("process_resident_memory_bytes", "Memory that the process holds")
            .alone(process.resident_bytes),
        Family::gauge("process_open_fds", "Open file descriptors").alone(process.open_fds),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the system writes, with a program's name that tries to confuse; and nonsense, which is no answer.
    #[test]
    fn the_systems_texts_are_read() {
        let own = "7 (a) b) c) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 2 3";
        assert_eq!(started(own, "cpu 1 2\nbtime 1700000000\nprocesses 3\n"), Some(1_700_000_123.45));
        assert_eq!(resident_bytes("Name:\ta\nVmRSS:\t    2048 kB\nVmData: 1 kB\n"), Some(2_097_152));
        for text in
            ["", "7", "7 (a", "7 (a) S 1", "btime x\nVmRSS: many kB", "VmRSS: 99999999999999999999 kB"]
        {
            assert_eq!((started(text, text), resident_bytes(text)), (None, None), "{text}");
        }
    }

    /// On Linux all of it is there, and plausible.
    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_plausible() {
        let process = Process::now();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - process.started.unwrap();
        assert!((-2.0..3_600.0).contains(&age), "{age}");
        assert!(process.resident_bytes.unwrap() > 100_000);
        assert!((3..10_000).contains(&process.open_fds.unwrap()));
    }
}
