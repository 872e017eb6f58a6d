//! A bar for what takes long. Bars are drawn on a terminal only, on standard error.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use touchline::Running;

use crate::interrupt;

/// How often the pipeline is asked how far it is. The bar is drawn at most 20 times a second.
const TICK: Duration = Duration::from_millis(5);

/// Does something that cannot say how far it is, such as the first look at a recording.
pub(crate) fn during<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(100));
    let done = work();
    spinner.finish_and_clear();
    done
}

/// A line that moves while something goes on for a known time; its text is told.
pub(crate) fn ticker() -> ProgressBar {
    let ticker = ProgressBar::new_spinner();
    ticker.enable_steady_tick(Duration::from_millis(100));
    ticker
}

/// Waits until the pipeline is done, with a bar. True if Ctrl-C stopped it before.
pub(crate) fn watch<O>(running: &Running<O>, what: &str) -> bool {
    let interrupted = interrupt::flag();
    let bar = ProgressBar::new(0).with_message(what.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %, {eta} left") {
        bar.set_style(style);
    }
    let mut stopped = false;
    while !running.is_finished() {
        if let (done, Some(total)) = running.progress() {
            bar.set_length(total);
            bar.set_position(done);
        }
        if interrupted.is_set() && !stopped {
            stopped = true;
            running.stop();
        }
        std::thread::sleep(TICK);
    }
    bar.finish_and_clear();
    if stopped {
        crate::out::remark("stopped by Ctrl-C: this is what was done until then");
    }
    stopped
}
