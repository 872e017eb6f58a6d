//! What the tasks of one reader thread share: the driver, its sockets, and what it wants done.
//!
//! All of it lives on one thread. A task tells the driver what came by a plain call; after each batch it asks the
//! driver what to do, and does it. Between a socket's bytes and the driver lies no queue and no other task.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinError, JoinSet};
use touchline_feed::Moment;
use touchline_market::Nanos;

use crate::driver::{Answer, Command, Driver, Fetch, SocketEvent, SocketId, Stamp, Turn};
use crate::open::Network;
use crate::rest::Rest;
use crate::socket;
use crate::spin::{Life, spin};
use crate::transport::TransportKind;

/// What other threads say.
pub(crate) enum Word<C> {
    /// Through the reader's handle.
    Control(C),
    /// The REST thread.
    Answer(Answer),
}

/// What is to be sent on a socket. The queue has no bound of its own: a driver keeps to the venue's limit of messages a
/// second, and the socket's task takes them out as fast as they come.
pub(crate) enum Out {
    Text(String),
    Ping,
    /// With this code, and then silence.
    Close(u16),
}

/// The code of a close in order.
const CLOSE_NORMAL: u16 = 1_000;

/// The shared state.
pub(crate) struct Hub<D: Driver> {
    pub(crate) network: Network,
    driver: RefCell<D>,
    /// Set while the driver runs. Found set, it panicked: it is never called again.
    inside: Cell<bool>,
    commands: RefCell<Vec<Command>>,
    sockets: RefCell<HashMap<SocketId, mpsc::UnboundedSender<Out>>>,
    tasks: RefCell<JoinSet<()>>,
    /// The way to the spinner, where sockets spin.
    spinner: Option<mpsc::UnboundedSender<Life>>,
    rest: Rest,
    words: mpsc::UnboundedSender<Word<D::Control>>,
    until: Cell<Moment>,
    /// What the timer is set to.
    armed: Cell<Moment>,
    done: Cell<bool>,
    /// Wakes the main task: the timer must be set earlier, or all is done.
    pub(crate) wake: Notify,
}

impl<D: Driver> Hub<D> {
    pub(crate) fn new(
        network: Network,
        driver: D,
        rest: Rest,
        words: mpsc::UnboundedSender<Word<D::Control>>,
    ) -> Rc<Self> {
        let spins = network.transport.kind == TransportKind::Spin;
        let (spinner, arrivals) = spins.then(mpsc::unbounded_channel).unzip();
        let hub = Rc::new(Self {
            network,
            driver: RefCell::new(driver),
            inside: Cell::new(false),
            commands: RefCell::default(),
            sockets: RefCell::default(),
            tasks: RefCell::default(),
            spinner,
            rest,
            words,
            until: Cell::new(Moment::NEVER),
            armed: Cell::new(Moment::NEVER),
            done: Cell::new(false),
            wake: Notify::new(),
        });
        if let Some(arrivals) = arrivals {
            let (keeper, over) = (Rc::clone(&hub.network.keeper), Rc::clone(&hub));
            let spinner = spin(arrivals, move || keeper.now(), move || over.is_done());
            hub.tasks.borrow_mut().spawn_local(spinner);
        }
        hub
    }

    /// Tells the driver what a socket says.
    #[inline]
    pub(crate) fn say(&self, socket: SocketId, event: SocketEvent<'_>, stamp: Stamp) {
        self.with_driver(|driver| driver.socket(socket, event, stamp));
    }

    /// A socket's last word: it is known no more.
    pub(crate) fn say_last(&self, socket: SocketId, event: SocketEvent<'_>) {
        if self.sockets.borrow_mut().remove(&socket).is_some() {
            self.say(socket, event, self.stamp());
        }
    }

    /// What another thread said.
    pub(crate) fn hear(&self, word: Word<D::Control>) {
        let stamp = self.stamp();
        self.with_driver(|driver| match word {
            Word::Control(control) => driver.control(control, stamp),
            Word::Answer(answer) => driver.answer(answer, stamp),
        });
    }

    /// Asks the driver what to do, and does it.
    pub(crate) fn turn(self: &Rc<Self>) {
        let now = self.network.keeper.now();
        let mut commands = self.commands.take();
        let turn = self.with_driver(|driver| driver.turn(now, &mut commands));
        for command in commands.drain(..) {
            self.execute(command);
        }
        self.commands.replace(commands);
        match turn {
            Some(Turn::Until(until)) => {
                self.until.set(until);
                if until < self.armed.get() {
                    self.wake.notify_one();
                }
            }
            Some(Turn::Done) => {
                self.done.set(true);
                self.wake.notify_one();
            }
            None => {}
        }
    }

    /// A stamp of this moment.
    pub(crate) fn stamp(&self) -> Stamp {
        self.network.keeper.stamp(Nanos::NONE)
    }

    /// When the driver wants to be asked; the timer will be set to it.
    pub(crate) fn arm(&self) -> Moment {
        self.armed.set(self.until.get());
        self.until.get()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done.get()
    }

    /// Closes every socket in order.
    pub(crate) fn close_all(&self) {
        for (_, line) in self.sockets.borrow_mut().drain() {
            // A task that is gone needs no telling.
            let _ = line.send(Out::Close(CLOSE_NORMAL));
        }
    }

    /// The next task that ended, if one has: with an error if it panicked.
    pub(crate) fn poll_task(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<JoinError>> {
        let mut tasks = self.tasks.borrow_mut();
        while let std::task::Poll::Ready(Some(ended)) = tasks.poll_join_next(cx) {
            if let Err(error) = ended {
                return std::task::Poll::Ready(Some(error));
            }
        }
        if tasks.is_empty() { std::task::Poll::Ready(None) } else { std::task::Poll::Pending }
    }

    /// Gives the driver back.
    pub(crate) fn into_driver(self) -> D {
        self.driver.into_inner()
    }

    #[inline]
    fn with_driver<T>(&self, call: impl FnOnce(&mut D) -> T) -> Option<T> {
        if self.inside.get() || self.done.get() {
            return None;
        }
        self.inside.set(true);
        let answer = call(&mut self.driver.borrow_mut());
        self.inside.set(false);
        Some(answer)
    }

    fn execute(self: &Rc<Self>, command: Command) {
        match command {
            Command::Open { socket, url, timeout } => {
                let (line, out) = mpsc::unbounded_channel();
                if self.sockets.borrow_mut().insert(socket, line).is_some() {
                    self.network
                        .notes
                        .add(format!("socket {} was opened twice: the first is closed", socket.0));
                }
                let life = socket::run(Rc::clone(self), socket, url, timeout, out);
                match &self.spinner {
                    // It is gone with the thread.
                    Some(spinner) => _ = spinner.send(Box::pin(life)),
                    None => _ = self.tasks.borrow_mut().spawn_local(life),
                }
                self.wake.notify_one();
            }
            Command::Send { socket, text } => self.send(socket, Out::Text(text)),
            Command::Ping { socket } => self.send(socket, Out::Ping),
            Command::Close { socket, code } => {
                self.send(socket, Out::Close(code));
                self.sockets.borrow_mut().remove(&socket);
            }
            Command::Fetch(fetch) => self.fetch(fetch),
        }
    }

    /// A socket that has ended meanwhile takes nothing; the driver knows, or will in a moment.
    fn send(&self, socket: SocketId, out: Out) {
        if let Some(line) = self.sockets.borrow().get(&socket) {
            let _ = line.send(out);
        }
    }

    fn fetch(&self, fetch: Fetch) {
        let words = self.words.clone();
        self.rest.fetch(fetch, move |answer| {
            // A reader that has ended wants no answer.
            let _ = words.send(Word::Answer(answer));
        });
    }
}
