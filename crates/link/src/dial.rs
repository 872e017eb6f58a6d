//! A TCP connection to one of several addresses.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use touchline_feed::Refusal;

use crate::notes::Notes;
use crate::transport::Transport;

/// How long one address may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// How long after one attempt the next begins, if the first has not failed before.
const NEXT_AFTER: Duration = Duration::from_millis(250);

/// A connection, and whether the kernel stamps what it receives on it.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) stream: TcpStream,
    pub(crate) kernel_stamps: bool,
}

/// Connects to the first address that answers. Each has two seconds; the next is tried after a quarter of a second, or
/// as soon as one has failed.
pub(crate) async fn dial(
    addresses: &[SocketAddr],
    transport: &Transport,
    notes: &Notes,
) -> Result<Dialled, Refusal> {
    let mut waiting = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        if let Some(&address) = waiting.next() {
            attempts.push(attempt(address, transport, notes));
        }
        let has_next = waiting.len() > 0;
        let finished = tokio::select! {
            biased;
            finished = attempts.next() => finished,
            () = sleep(NEXT_AFTER), if has_next => continue,
        };
        match finished {
            Some(Ok(dialled)) => return Ok(dialled),
            Some(Err(failure)) => failures.push(failure),
            None if has_next => {}
            None => break,
        }
    }
    if !failures.is_empty() && failures.iter().all(|(_, error)| error.kind() == io::ErrorKind::TimedOut) {
        return Err(Refusal::Timeout(CONNECT_LIMIT));
    }
    let texts: Vec<String> = failures.iter().map(|(address, error)| format!("{address}: {error}")).collect();
    Err(Refusal::Connect(texts.join("; ")))
}

async fn attempt(
    address: SocketAddr,
    transport: &Transport,
    notes: &Notes,
) -> Result<Dialled, (SocketAddr, io::Error)> {
    let connect = async {
        let (socket, kernel_stamps) = prepare(address, transport, notes)?;
        let stream = socket.connect(address).await?;
        Ok(Dialled { stream, kernel_stamps })
    };
    match timeout(CONNECT_LIMIT, connect).await {
        Ok(outcome) => outcome.map_err(|error: io::Error| (address, error)),
        Err(_) => Err((address, io::ErrorKind::TimedOut.into())),
    }
}

/// A socket with its options. Those that only make it faster may be refused: that is a note.
fn prepare(address: SocketAddr, transport: &Transport, notes: &Notes) -> io::Result<(TcpSocket, bool)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(local) = transport.local_address {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    let note = |option: &str, outcome: io::Result<()>| {
        if let Err(error) = &outcome {
            notes.add(format!("the kernel refused {option}: {error}"));
        }
        outcome.is_ok()
    };
    if transport.nodelay {
        note("TCP_NODELAY", socket.set_nodelay(true));
    }
    if let Some(bytes) = transport.receive_buffer {
        note("SO_RCVBUF", SockRef::from(&socket).set_recv_buffer_size(bytes));
    }
    #[cfg(target_os = "linux")]
    {
        if transport.user_timeout.is_some() {
            let options = SockRef::from(&socket);
            note("TCP_USER_TIMEOUT", options.set_tcp_user_timeout(transport.user_timeout));
        }
        if let Some(spin) = transport.busy_poll {
            let micros = u32::try_from(spin.as_micros()).unwrap_or(u32::MAX);
            note("SO_BUSY_POLL", SockRef::from(&socket).set_busy_poll(micros));
        }
        if transport.kernel_stamps {
            let stamped = note("SO_TIMESTAMPING", ask_for_stamps(&socket));
            return Ok((socket, stamped));
        }
    }
    Ok((socket, false))
}

/// Asks the kernel to say with each read when it had the packet.
#[cfg(target_os = "linux")]
fn ask_for_stamps(socket: &TcpSocket) -> io::Result<()> {
    use nix::sys::socket::{TimestampingFlag, setsockopt, sockopt};

    let flags = TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
    Ok(setsockopt(socket, sockopt::Timestamping, &flags)?)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::net::TcpListener;

    use super::*;

    /// A port on which nobody listens.
    async fn closed_port() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    #[tokio::test]
    async fn one_dead_address_of_two_costs_nothing() {
        // The first refuses at once: the second is tried at once, long before the quarter second.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = [closed_port().await, listener.local_addr().unwrap()];
        let from = Instant::now();
        let dialled = dial(&addresses, &Transport::default(), &Notes::default()).await.unwrap();
        assert_eq!(dialled.stream.peer_addr().unwrap(), addresses[1]);
        assert!(from.elapsed() < NEXT_AFTER);
    }

    #[tokio::test]
    async fn a_silent_address_delays_the_next_by_a_quarter_second() {
        // A listener whose queue is full answers nobody: connections to it hang. The second address is reached well
        // before the first one's two seconds.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let silent = socket.listen(0).unwrap();
        let address = silent.local_addr().unwrap();
        let mut held = Vec::new();
        while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            held.push(stream.unwrap());
            assert!(held.len() < 100, "the queue never fills");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = [address, listener.local_addr().unwrap()];
        let from = Instant::now();
        let dialled = dial(&addresses, &Transport::default(), &Notes::default()).await.unwrap();
        assert_eq!(dialled.stream.peer_addr().unwrap(), addresses[1]);
        assert!(from.elapsed() >= NEXT_AFTER && from.elapsed() < Duration::from_secs(1));
        let alone = dial(&[address], &Transport::default(), &Notes::default()).await;
        assert_eq!(alone.unwrap_err(), Refusal::Timeout(CONNECT_LIMIT));
    }

    #[tokio::test]
    async fn when_all_fail_each_is_named() {
        // Two closed ports: the error names both.
        let addresses = [closed_port().await, closed_port().await];
        match dial(&addresses, &Transport::default(), &Notes::default()).await {
            Err(Refusal::Connect(text)) => {
                assert!(addresses.iter().all(|address| text.contains(&address.to_string())), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
}
