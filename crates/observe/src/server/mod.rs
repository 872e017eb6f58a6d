//! Metrics, liveness and readiness over HTTP, to this machine alone.
//!
//! | path | says |
//! | --- | --- |
//! | `/metrics` | every metric, in OpenMetrics for those who accept it, else in text format 0.0.4 |
//! | `/live` | 200 if every thread of the feed answers within a second, else 503 |
//! | `/ready` | 200 if every subscription is acknowledged and every book LIVE, else 503; what is missing, as JSON |
//!
//! One thread serves ([`serve`]), another one asks the feed (`asker.rs`): a feed that does not answer leaves the server
//! answering. Nobody is served for longer than two seconds, and at most eight at once.

mod answer;
mod asker;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};
use touchline::{Error, FeedReport, Reporter};

use asker::Asker;

/// Requests that are served at once; one more is told to come again.
pub const CONNECTIONS_MAX: usize = 8;

/// The feed is asked no more often than this.
pub const REPORT_EVERY: Duration = Duration::from_millis(250);

/// How long a feed's threads may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// How long a request may take from its connection to its end, whoever is slow.
const REQUEST_WITHIN: Duration = Duration::from_secs(2);

/// Most bytes of a request's head: the least that the HTTP library allows to be asked for.
const HEAD_BYTES_MAX: usize = 8_192;

/// Most headers of a request.
const HEADERS_MAX: usize = 64;

/// How long nobody is accepted after the system had no socket to give.
const REST: Duration = Duration::from_millis(100);

/// Who says how a feed stands: a [`Reporter`], or a function.
pub trait Source: Send + 'static {
    /// How it stands now. Called on a thread that may wait.
    ///
    /// # Errors
    /// As [`Reporter::report`].
    fn report(&mut self) -> Result<FeedReport, Error>;
}

impl Source for Reporter {
    fn report(&mut self) -> Result<FeedReport, Error> {
        Self::report(self)
    }
}

impl<F: FnMut() -> Result<FeedReport, Error> + Send + 'static> Source for F {
    fn report(&mut self) -> Result<FeedReport, Error> {
        self()
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Anybody could read it there. Use an address of this machine, and a proxy with a lock before it for others.
    #[error("metrics are for this machine alone, and {0} can be reached from others: use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// The address cannot be had. Use another port, or 0 for any that is free.
    #[error("metrics cannot be served on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("no thread to serve metrics: {0}")]
    Thread(io::Error),
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Serves what `source` says, on an address of this machine; port 0 is any that is free.
///
/// # Errors
/// [`ServeError`], by what is in the way.
pub fn serve(address: SocketAddr, source: impl Source) -> Result<Server, ServeError> {
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    let bind = |source| ServeError::Bind { address, source };
    let listener = TcpListener::bind(address).map_err(bind)?;
    listener.set_nonblocking(true).map_err(bind)?;
    let bound = listener.local_addr().map_err(bind)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(ServeError::Thread)?;
    let asker = Asker::start(source).map_err(ServeError::Thread)?;
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("touchline-metrics".to_owned())
        .spawn(move || LocalSet::new().block_on(&runtime, accept(listener, asker, stopped)))
        .map_err(ServeError::Thread)?;
    Ok(Server { address: bound, stop: Some(stop), thread: Some(thread) })
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it: nobody is listened to any more, requests under way are cut.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // A server that has ended by itself needs no telling.
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Takes connections until it is told to stop, which it is too when the handle is gone.
async fn accept(listener: TcpListener, asker: Asker, mut stopped: oneshot::Receiver<()>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let (asker, places) = (Rc::new(asker), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => return,
        };
        let Ok((stream, _)) = accepted else {
            sleep(REST).await;
            continue;
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let asker = Rc::clone(&asker);
                tokio::task::spawn_local(async move {
                    // Whoever is too slow is cut, and whoever breaks the protocol was told so.
                    let _ = timeout(REQUEST_WITHIN, converse(stream, &asker)).await;
                    drop(place);
                });
            }
            Err(_) => turn_away(&stream),
        }
    }
}

/// One request and its answer.
async fn converse(stream: TcpStream, asker: &Rc<Asker>) -> Result<(), hyper::Error> {
    let service = service_fn(|request| {
        let asker = Rc::clone(asker);
        async move { Ok::<_, std::convert::Infallible>(answer::answer(&request, &asker).await) }
    });
    let mut http = http1::Builder::new();
    http.keep_alive(false).max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    http.serve_connection(TokioIo::new(stream), service).await
}

/// Tells one too many to come again, without waiting for what it wants.
fn turn_away(stream: &TcpStream) {
    let answer = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // A new socket has room for so little.
    let _ = stream.try_write(answer);
}
