//! A bar for what takes long, and Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use touchline::Running;

/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(50);

/// Waits until the pipeline is done, with a bar on a terminal's standard error. True if Ctrl-C stopped it.
pub(crate) fn watch<O>(running: &Running<O>, what: &str) -> bool {
    let interrupted = on_interrupt();
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    let mut stopped = false;
    while !running.is_finished() {
        if let (done, Some(total)) = running.progress() {
            bar.set_length(total);
            bar.set_position(done);
        }
        if interrupted.load(Relaxed) && !stopped {
            stopped = true;
            running.stop();
        }
        std::thread::sleep(TICK.min(Duration::from_millis(5)));
    }
    bar.finish_and_clear();
    stopped
}

/// A flag that the first Ctrl-C sets; the second ends the program at once.
fn on_interrupt() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    // A second handler in one process is refused; there is one command a process.
    let _ = ctrlc::set_handler(move || {
        if set.swap(true, Relaxed) {
            std::process::exit(130);
        }
    });
    flag
}
