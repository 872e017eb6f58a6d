//! The sockets of a spinning reader, polled in turn without end.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{unconstrained, yield_now};
use touchline_feed::Moment;

/// How often the runtime has its turn: names, connections that are being made, timers, words of other threads. It makes
/// two system calls each time.
const RUNTIME_EVERY: Duration = Duration::from_micros(100);

/// A socket's life, from its opening to the end of its goodbye.
pub(crate) type Life = Pin<Box<dyn Future<Output = ()>>>;

/// Polls every socket in turn, those that arrive too, until it is over and the last has ended.
pub(crate) async fn spin(
    mut arrivals: UnboundedReceiver<Life>,
    now: impl Fn() -> Moment,
    is_over: impl Fn() -> bool,
) {
    let mut lives: Vec<Life> = Vec::new();
    // Without this the runtime would take it for a task that never lets others run.
    unconstrained(async {
        while !(is_over() && lives.is_empty()) {
            let until = now() + RUNTIME_EVERY;
            poll_fn(|cx| {
                while now() < until {
                    while let Ok(life) = arrivals.try_recv() {
                        lives.push(life);
                    }
                    lives.retain_mut(|life| life.as_mut().poll(cx).is_pending());
                }
                Poll::Ready(())
            })
            .await;
            yield_now().await;
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use tokio::sync::mpsc;

    use super::*;

    /// A life that writes its name down each time it is polled, so many times.
    fn life(name: char, polls: usize, log: &Rc<RefCell<String>>) -> Life {
        let log = Rc::clone(log);
        let mut left = polls;
        Box::pin(poll_fn(move |_| {
            log.borrow_mut().push(name);
            left -= 1;
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        }))
    }

    /// Two lives and one that begins while they run, none of which ever wakes anybody: each is polled in its turn until
    /// it ends, and all ends with the last. Time is a counter, ten microseconds a look.
    #[tokio::test]
    async fn each_has_its_turn_until_the_last_has_ended() {
        let (sender, arrivals) = mpsc::unbounded_channel();
        let log = Rc::new(RefCell::new(String::new()));
        for first in [life('a', 4, &log), life('b', 2, &log)] {
            assert!(sender.send(first).is_ok());
        }
        let third = RefCell::new(Some(life('c', 3, &log)));
        let (clock, is_over) = (Cell::new(0), Cell::new(false));
        let now = || {
            clock.set(clock.get() + 10_000);
            if log.borrow().len() == 2
                && let Some(third) = third.take()
            {
                assert!(sender.send(third).is_ok());
                is_over.set(true);
            }
            Moment(clock.get())
        };
        spin(arrivals, now, || is_over.get()).await;
        assert_eq!(*log.borrow(), "ababcacac");
    }
}
