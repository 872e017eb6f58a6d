//! The REST thread: requests, and the names of hosts, off every reader's core.
//!
//! One slow thread with a runtime of its own. Requests wait in a queue that keeps each host's budget; at most eight are
//! under way. An answer's body has at most 16 MiB, unpacked, and has to be whole within five seconds. Redirects are
//! not followed, proxies not asked. A host that says 429 or 418 is left alone for as long as it asks for.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use touchline_feed::{Budget, Moment, Refusal, RestQueue};

use crate::address::Address;
use crate::driver::{Answer, Fetch};
use crate::names::{Names, NoAddress, lookup};
use crate::open::AGENT;
use crate::refuse::{find, retry_after};
use crate::resolve::Found;
use crate::timekeeper::Timekeeper;
use crate::transport::Transport;

/// How long one request may take, once it is under way.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// The most bytes of a body.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most requests under way.
const UNDER_WAY_MAX: usize = 8;

/// How long a host is left alone that says 429 (too many requests) without saying for how long: its budget's window.
const HOLD_429: Duration = Duration::from_secs(60);

/// The same for 418 (banned for having gone on).
const HOLD_418: Duration = Duration::from_secs(120);

type Reply = Box<dyn FnOnce(Answer) + Send>;

/// A handle of the REST thread, which ends when the last one is dropped.
#[derive(Clone)]
pub struct Rest {
    jobs: mpsc::UnboundedSender<Job>,
}

enum Job {
    Fetch(Fetch, Reply),
    Lookup(String, u16, oneshot::Sender<Found>),
    Budgets(SyncSender<Vec<Budget>>),
}

impl Rest {
    /// Starts the thread. Of the transport's options it heeds the roots and the local address.
    ///
    /// # Errors
    /// A file of certificates is unusable, or the system gives no thread.
    pub fn start(transport: &Transport) -> io::Result<Self> {
        let clients = Clients::new(transport)?;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let (jobs, queue) = mpsc::unbounded_channel();
        std::thread::Builder::new().name("touchline-rest".to_owned()).spawn(move || {
            runtime.block_on(serve(clients, queue));
            // A name that is being looked up is waited for by nobody.
            runtime.shutdown_background();
        })?;
        Ok(Self { jobs })
    }

    /// Asks. The answer is given to `reply` on the REST thread, in whatever order answers come.
    pub fn fetch(&self, fetch: Fetch, reply: impl FnOnce(Answer) + Send + 'static) {
        if let Err(mpsc::error::SendError(Job::Fetch(fetch, reply))) =
            self.jobs.send(Job::Fetch(fetch, Box::new(reply)))
        {
            refuse(fetch, reply, Refusal::Connect("the REST thread has ended".to_owned()));
        }
    }

    /// Asks and waits for the answer, at most so long, waiting for the budget included. For start-up.
    ///
    /// # Errors
    /// [`Refusal`], by what failed.
    pub fn get(
        &self,
        url: &str,
        weight: u32,
        weight_per_minute: u32,
        timeout: Duration,
    ) -> Result<Vec<u8>, Refusal> {
        let (sender, receiver) = sync_channel(1);
        let fetch = Fetch { id: 0, url: url.to_owned(), weight, weight_per_minute, priority: 0 };
        self.fetch(fetch, move |answer| {
            // Whoever has given up waiting wants no answer.
            let _ = sender.send(answer.body);
        });
        match receiver.recv_timeout(timeout) {
            Ok(body) => body,
            Err(RecvTimeoutError::Timeout) => Err(Refusal::Timeout(timeout)),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Refusal::Connect("the REST thread has ended".to_owned()))
            }
        }
    }

    /// How every host stands that something was asked of. The thread will say so in a moment.
    #[must_use]
    pub fn budgets(&self) -> Receiver<Vec<Budget>> {
        let (sender, receiver) = sync_channel(1);
        // If the thread has ended, the receiver learns it from the sender's end.
        let _ = self.jobs.send(Job::Budgets(sender));
        receiver
    }

    /// Asks for a name's addresses.
    pub(crate) fn lookup(&self, host: &str, port: u16) -> oneshot::Receiver<Found> {
        let (sender, receiver) = oneshot::channel();
        // If the thread has ended, the receiver learns it from the sender's end.
        let _ = self.jobs.send(Job::Lookup(host.to_owned(), port, sender));
        receiver
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").finish_non_exhaustive()
    }
}

/// One for each scheme: a plain one that reaches this machine only, and one that speaks nothing but TLS.
struct Clients {
    plain: Client,
    secure: Client,
}

impl Clients {
    fn new(transport: &Transport) -> io::Result<Self> {
        let tls = transport.roots.client_config()?;
        let builder = || {
            Client::builder()
                .tls_backend_preconfigured((*tls).clone())
                .http1_only()
                .no_proxy()
                .redirect(Policy::none())
                .referer(false)
                .user_agent(AGENT)
                .timeout(REQUEST_LIMIT)
                .pool_max_idle_per_host(UNDER_WAY_MAX)
                .local_address(transport.local_address)
        };
        let secure = builder().https_only(true).dns_resolver(Names { loopback_only: false });
        let plain = builder().dns_resolver(Names { loopback_only: true });
        Ok(Self {
            secure: secure.build().map_err(io::Error::other)?,
            plain: plain.build().map_err(io::Error::other)?,
        })
    }
}

/// One request in the queue.
struct Request {
    fetch: Fetch,
    address: Address,
    reply: Reply,
}

/// The thread's work, until no handle is left.
async fn serve(clients: Clients, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let clients = Rc::new(clients);
    let keeper = Timekeeper::new();
    let mut queue = RestQueue::new();
    let mut under_way = FuturesUnordered::new();
    loop {
        // Every answer that is there is heard before anything new is asked: one of them may be a 429.
        while let Some(Some(answered)) = under_way.next().now_or_never() {
            heed(&mut queue, answered, keeper.now());
        }
        let now = keeper.now();
        while under_way.len() < UNDER_WAY_MAX
            && let Some(request) = queue.next(now)
        {
            under_way.push(ask(Rc::clone(&clients), request));
        }
        let wake = if under_way.len() < UNDER_WAY_MAX { queue.wake() } else { Moment::NEVER };
        tokio::select! {
            biased;
            Some(answered) = under_way.next() => heed(&mut queue, answered, keeper.now()),
            job = jobs.recv() => match job {
                Some(Job::Fetch(fetch, reply)) => take(&mut queue, fetch, reply, keeper.now()),
                Some(Job::Lookup(host, port, reply)) => {
                    tokio::spawn(async move {
                        // Whoever has given up waiting wants no answer.
                        let _ = reply.send(lookup(&host, port).await);
                    });
                }
                // Whoever has given up waiting wants no answer.
                Some(Job::Budgets(reply)) => _ = reply.try_send(queue.budgets(keeper.now())),
                None => return,
            },
            () = sleep(wake.since(now).min(HOLD_429)) => {}
        }
    }
}

/// Leaves a host alone if it asked for it.
fn heed(queue: &mut RestQueue<Request>, (host, hold): (String, Option<Duration>), now: Moment) {
    if let Some(hold) = hold {
        queue.hold(&host, now + hold, now);
    }
}

/// Queues a request, or refuses it at once.
fn take(queue: &mut RestQueue<Request>, fetch: Fetch, reply: Reply, now: Moment) {
    let address = match Address::parse(&fetch.url, "http", "https") {
        Ok(address) => address,
        Err(refusal) => return refuse(fetch, reply, refusal),
    };
    let host = key(&address);
    let (weight, limit, priority) = (fetch.weight, fetch.weight_per_minute, fetch.priority);
    let request = Request { fetch, address, reply };
    if let Err(Request { fetch, reply, .. }) = queue.push(&host, weight, limit, priority, now, request) {
        refuse(fetch, reply, Refusal::Timeout(Duration::ZERO));
    }
}

/// What a budget belongs to.
fn key(address: &Address) -> String {
    format!("{}:{}", address.host, address.port)
}

/// Asks and answers. Returns the host, and how long it wants to be left alone.
async fn ask(clients: Rc<Clients>, request: Request) -> (String, Option<Duration>) {
    let Request { fetch, address, reply } = request;
    let client = if address.tls { &clients.secure } else { &clients.plain };
    let body = body(client, &fetch.url, &address.host).await;
    let hold = match &body {
        Err(Refusal::Status { status: 429, retry_after }) => Some(retry_after.unwrap_or(HOLD_429)),
        Err(Refusal::Status { status: 418, retry_after }) => Some(retry_after.unwrap_or(HOLD_418)),
        _ => None,
    };
    reply(Answer { id: fetch.id, url: fetch.url, body });
    (key(&address), hold)
}

fn refuse(fetch: Fetch, reply: Reply, refusal: Refusal) {
    reply(Answer { id: fetch.id, url: fetch.url, body: Err(refusal) });
}

async fn body(client: &Client, url: &str, host: &str) -> Result<Vec<u8>, Refusal> {
    // A URL may hold a key, and an error's text is told to many.
    let failed = |error: reqwest::Error| refusal(&error.without_url(), host);
    let mut response = client.get(url).send().await.map_err(failed)?;
    let status = response.status();
    if !status.is_success() {
        let retry_after = retry_after(response.headers(), SystemTime::now());
        return Err(Refusal::Status { status: status.as_u16(), retry_after });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(Refusal::Handshake(format!("a body of over {BODY_BYTES_MAX} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What the HTTP client's error means in our words.
fn refusal(error: &reqwest::Error, host: &str) -> Refusal {
    if error.is_timeout() {
        return Refusal::Timeout(REQUEST_LIMIT);
    }
    match find(error) {
        Some(rustls::Error::InvalidCertificate(cause)) => {
            return Refusal::Identity { host: host.to_owned(), cause: cause.to_string() };
        }
        Some(error) => return Refusal::Tls(error.to_string()),
        None => {}
    }
    if let Some(cause) = find::<NoAddress>(error) {
        return cause.refusal(host);
    }
    let text = deepest(error);
    if error.is_connect() { Refusal::Connect(text) } else { Refusal::Handshake(text) }
}

/// The text of the cause below all others: those above only say that there is one.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}
