//! Ours: the reader thread as a feed starts it, with a driver that counts.

use std::time::Duration;

use touchline_feed::Moment;
use touchline_link::{
    Answer, Command, Driver, ReaderOptions, Rest, SocketEvent, SocketId, Stamp, Transport, Turn, Wait, spawn,
};

use super::seen::Seen;

/// Opens one socket and counts its frames.
struct Counter {
    url: Option<String>,
    seen: Seen,
    failure: Option<String>,
}

impl Driver for Counter {
    type Control = ();

    #[inline]
    fn socket(&mut self, _: SocketId, event: SocketEvent<'_>, _: Stamp) {
        match event {
            SocketEvent::Frame(payload) => self.seen.frame(payload),
            SocketEvent::Refused(refusal) => self.failure = Some(format!("refused: {refusal:?}")),
            SocketEvent::Ended(ending) => self.failure = Some(format!("ended: {ending:?}")),
            _ => {}
        }
    }

    fn answer(&mut self, _: Answer, _: Stamp) {}

    fn control(&mut self, (): (), _: Stamp) {}

    fn turn(&mut self, _: Moment, commands: &mut Vec<Command>) -> Turn {
        if let Some(url) = self.url.take() {
            commands.push(Command::Open { socket: SocketId(1), url, timeout: Duration::from_secs(5) });
        }
        if self.seen.is_over() || self.failure.is_some() { Turn::Done } else { Turn::Until(Moment::NEVER) }
    }
}

/// A reader on the last core that takes everything from a port.
pub(super) fn take(
    port: u16,
    seen: Seen,
    tls: bool,
    transport: &Transport,
    wait: Wait,
) -> Result<Seen, String> {
    let url = if tls { format!("wss://localhost:{port}/") } else { format!("ws://127.0.0.1:{port}/") };
    let rest = Rest::start(transport).map_err(|error| error.to_string())?;
    let core = std::thread::available_parallelism().ok().map(|cores| cores.get() - 1);
    let options = ReaderOptions { name: "reader".to_owned(), core, wait, transport: transport.clone() };
    let driver = Counter { url: Some(url), seen, failure: None };
    let reader = spawn(options, rest, driver).map_err(|error| error.to_string())?;
    let (driver, _) = reader.join().map_err(|panic| panic.to_string())?;
    if driver.seen.is_over() { Ok(driver.seen) } else { Err(driver.failure.unwrap_or_default()) }
}
