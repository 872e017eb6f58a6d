//! The reader thread: started, told things from other threads, joined.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use core_affinity::CoreId;
use rustls::ClientConfig;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::{JoinError, LocalSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::driver::Driver;
use crate::hub::{Hub, Word};
use crate::notes::Notes;
use crate::open::Network;
use crate::resolve::Resolver;
use crate::rest::Rest;
use crate::timekeeper::Timekeeper;
use crate::transport::{Transport, TransportKind};

/// How long closing every socket in order may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// Longest time for which the timer is set. It is looked at again then.
const TIMER_MAX: Duration = Duration::from_secs(3_600);

/// The most words of other threads taken before the driver has its turn.
const WORDS: usize = 64;

/// What a reader does while nothing comes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Wait {
    /// Sleeps until the kernel wakes it: no processor time, and some microseconds later with each message.
    #[default]
    Block,
    /// Looks again at once: the whole core, for the shortest way from the kernel to the driver.
    Spin,
}

/// How a reader thread runs.
#[derive(Clone, Debug)]
pub struct ReaderOptions {
    /// The thread's name.
    pub name: String,
    /// The core it is pinned to; none leaves it to the scheduler. A core that cannot be had is a note.
    pub core: Option<usize>,
    /// What it does while nothing comes. Sockets that spin leave it no choice.
    pub wait: Wait,
    /// Its sockets' options.
    pub transport: Transport,
}

/// The driver panicked: the thread has ended without it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the reader thread panicked: {0}")]
pub struct Panicked(pub String);

/// A running reader thread. Dropping it leaves the thread running until its driver is done.
pub struct Reader<D: Driver> {
    thread: JoinHandle<Option<D>>,
    handle: Handle<D::Control>,
    notes: Notes,
}

/// Speaks to a reader's driver, from any thread.
pub struct Handle<C> {
    words: mpsc::UnboundedSender<Word<C>>,
}

/// Starts a reader thread, whose driver is asked for its first turn at once.
///
/// # Errors
/// A file of certificates is unusable, or the system gives no thread.
pub fn spawn<D: Driver>(options: ReaderOptions, rest: Rest, driver: D) -> io::Result<Reader<D>> {
    let tls = options.transport.roots.client_config()?;
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let (words, heard) = mpsc::unbounded_channel();
    let handle = Handle { words };
    let notes = Notes::default();
    let work = Work { options, tls, rest, driver, words: handle.words.clone(), heard, notes: notes.clone() };
    let name = work.options.name.clone();
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        if let Some(core) = work.options.core
            && !core_affinity::set_for_current(CoreId { id: core })
        {
            work.notes.add(format!("not pinned: core {core} cannot be had"));
        }
        let tasks = LocalSet::new();
        let hub = tasks.block_on(&runtime, work.run());
        drop(tasks);
        Rc::into_inner(hub).map(Hub::into_driver)
    })?;
    Ok(Reader { thread, handle, notes })
}

impl<D: Driver> Reader<D> {
    /// Speaks to the driver.
    #[must_use]
    pub fn handle(&self) -> Handle<D::Control> {
        self.handle.clone()
    }

    /// Whether the thread has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// What did not go as asked so far, and is no error.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.notes.all()
    }

    /// Waits for the thread's end, and gives back the driver and the notes. It ends when its driver says so.
    ///
    /// # Errors
    /// The driver panicked.
    pub fn join(self) -> Result<(D, Vec<String>), Panicked> {
        match self.thread.join() {
            Ok(Some(driver)) => Ok((driver, self.notes.all())),
            Ok(None) => Err(Panicked("its driver is still in use".to_owned())),
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                Err(Panicked(text.unwrap_or_else(|| "no text".to_owned())))
            }
        }
    }
}

impl<D: Driver> fmt::Debug for Reader<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("thread", self.thread.thread()).finish_non_exhaustive()
    }
}

impl<C> Handle<C> {
    /// Tells the driver something, and wakes its thread. Never blocks; allocates now and then, so it is for rare
    /// events. Returns whether the thread was still there to hear it.
    pub fn send(&self, control: C) -> bool {
        self.words.send(Word::Control(control)).is_ok()
    }
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Self { words: self.words.clone() }
    }
}

impl<C> fmt::Debug for Handle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// What a reader thread begins with.
struct Work<D: Driver> {
    options: ReaderOptions,
    tls: Arc<ClientConfig>,
    rest: Rest,
    driver: D,
    words: mpsc::UnboundedSender<Word<D::Control>>,
    heard: mpsc::UnboundedReceiver<Word<D::Control>>,
    notes: Notes,
}

impl<D: Driver> Work<D> {
    async fn run(self) -> Rc<Hub<D>> {
        let Self { options, tls, rest, driver, words, mut heard, notes } = self;
        let names = rest.clone();
        let network = Network {
            transport: options.transport,
            tls,
            resolver: Resolver::new(Box::new(move |host, port| names.lookup(host, port))),
            keeper: Rc::new(Timekeeper::new()),
            notes,
        };
        let hub = Hub::new(network, driver, rest, words);
        // A task that always has something to do: the runtime looks at the network without waiting, between its polls.
        let is_idle = hub.network.transport.kind == TransportKind::Tokio;
        let spinner = (options.wait == Wait::Spin && is_idle).then(|| {
            tokio::task::spawn_local(async {
                loop {
                    yield_now().await;
                }
            })
        });
        steer(&hub, &mut heard).await;
        hub.close_all();
        // What does not close in time is cut when its task is dropped.
        timeout(CLOSE_LIMIT, poll_fn(|cx| hub.poll_task(cx))).await.ok();
        if let Some(spinner) = spinner {
            spinner.abort();
        }
        hub
    }
}

/// The main task: what other threads say, and the driver's timer, until the driver is done.
async fn steer<D: Driver>(hub: &Rc<Hub<D>>, heard: &mut mpsc::UnboundedReceiver<Word<D::Control>>) {
    let mut words = Vec::with_capacity(WORDS);
    let mut timer = std::pin::pin!(sleep(Duration::ZERO));
    hub.turn();
    while !hub.is_done() {
        let (until, now) = (hub.arm(), hub.network.keeper.now());
        timer.as_mut().reset(Instant::now() + until.since(now).min(TIMER_MAX));
        tokio::select! {
            biased;
            panic = panicked(hub) => std::panic::resume_unwind(panic.into_panic()),
            _ = heard.recv_many(&mut words, WORDS) => {
                words.drain(..).for_each(|word| hub.hear(word));
                hub.turn();
            }
            () = hub.wake.notified() => {}
            () = &mut timer => {
                if hub.network.keeper.now() >= until {
                    hub.turn();
                }
            }
        }
    }
}

/// Waits for a task that panicked. A driver's panic ends the thread.
async fn panicked<D: Driver>(hub: &Rc<Hub<D>>) -> JoinError {
    poll_fn(|cx| match hub.poll_task(cx) {
        Poll::Ready(Some(error)) => Poll::Ready(error),
        _ => Poll::Pending,
    })
    .await
}
