//! Ctrl-C, and the system's wish that the program ends: the first is a request, the second is obeyed at once.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::watch::terminal;

/// How often a wait looks whether it was interrupted.
const TICK: Duration = Duration::from_millis(20);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether Ctrl-C was pressed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interrupt(());

/// From here on the first Ctrl-C is only noted; the second ends the program.
pub(crate) fn flag() -> Interrupt {
    // A second handler in one process is refused; there is one command a process.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Relaxed) {
            terminal::restore();
            std::process::exit(130);
        }
    });
    Interrupt(())
}

impl Interrupt {
    /// Was it pressed?
    pub(crate) fn is_set(self) -> bool {
        INTERRUPTED.load(Relaxed)
    }

    /// Sleeps until then, or until Ctrl-C. True if Ctrl-C came first.
    pub(crate) fn sleep_until(self, until: Instant) -> bool {
        while !self.is_set() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(TICK));
        }
        true
    }
}
