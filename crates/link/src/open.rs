//! From a URL to an open WebSocket: name, address, TCP, TLS, handshake, each with its own limit and all within one.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{SEC_WEBSOCKET_EXTENSIONS, USER_AGENT};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use touchline_feed::Refusal;

use crate::address::{Address, root};
use crate::dial::dial;
use crate::notes::Notes;
use crate::outbox::Outbox;
use crate::receive::{Receipt, Stamped, Stamper};
use crate::refuse::{handshake_refusal, tls_refusal};
use crate::resolve::Resolver;
use crate::source::{Duplex, Socket, Source};
use crate::spin::{Line, Tcp, Tls, Wire};
use crate::timekeeper::Timekeeper;
use crate::transport::Transport;

/// How long TLS may take.
const TLS_LIMIT: Duration = Duration::from_secs(3);

/// How long the WebSocket handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(3);

/// The most headers of the answer to it.
const HEADERS_MAX: usize = 64;

/// Bytes of one read. The decoder clears as many before each, so that more would cost time; a TLS record has no more.
const READ_BYTES: usize = 16 * 1024;

/// How we name ourselves.
pub(crate) const AGENT: &str = concat!("touchline/", env!("CARGO_PKG_VERSION"));

/// What is needed to open sockets.
pub(crate) struct Network {
    pub(crate) transport: Transport,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) resolver: Resolver,
    pub(crate) keeper: Rc<Timekeeper>,
    pub(crate) notes: Notes,
}

/// A socket to be opened: where to, and how long it may take.
pub(crate) struct Opening<'a> {
    pub(crate) network: &'a Network,
    pub(crate) url: &'a str,
    pub(crate) limit: Duration,
}

/// Opens a socket that wakes its task.
///
/// # Errors
/// [`Refusal`], by what failed.
pub(crate) async fn open_waking(opening: Opening<'_>) -> Result<Socket<Box<dyn Duplex>>, Refusal> {
    within(opening.limit, async {
        let Reached { address, tcp, stamper, receipt } = reach(&opening).await?;
        let stream = Stamped::new(tcp, stamper);
        let stream: Box<dyn Duplex> = if address.tls {
            let tls = TlsConnector::from(Arc::clone(&opening.network.tls));
            let connect = tls.connect(server_name(&address.host)?, stream);
            Box::new(secured(&address.host, connect).await?)
        } else {
            Box::new(stream)
        };
        shake_hands(&opening, Outbox::new(stream, receipt)).await
    })
    .await
}

/// Opens a socket that is polled without end.
///
/// # Errors
/// [`Refusal`], by what failed.
pub(crate) async fn open_spinning(opening: Opening<'_>) -> Result<Socket<Wire>, Refusal> {
    within(opening.limit, async {
        let Reached { address, tcp, stamper, receipt } = reach(&opening).await?;
        let tcp = Tcp::new(tcp, stamper).map_err(|error| Refusal::Connect(error.to_string()))?;
        let line: Box<dyn Line> = if address.tls {
            let config = Arc::clone(&opening.network.tls);
            let connect = Tls::connect(config, server_name(&address.host)?, tcp);
            Box::new(secured(&address.host, connect).await?)
        } else {
            Box::new(tcp)
        };
        let transport = &opening.network.transport;
        let wire = Wire::new(line, transport.frame_bytes_max.min(transport.message_bytes_max));
        shake_hands(&opening, Outbox::new(wire, receipt)).await
    })
    .await
}

/// A TCP connection to where a socket leads.
struct Reached {
    address: Address,
    tcp: TcpStream,
    stamper: Stamper,
    receipt: Rc<Receipt>,
}

async fn reach(opening: &Opening<'_>) -> Result<Reached, Refusal> {
    let network = opening.network;
    let address = Address::parse(opening.url, "ws", "wss")?;
    let addresses = network.resolver.resolve(&address).await?;
    let dialled = dial(&addresses, &network.transport, &network.notes).await?;
    let receipt = Receipt::new(Rc::clone(&network.keeper));
    let stamper = Stamper::new(Rc::clone(&receipt), dialled.kernel_stamps, address.tls);
    Ok(Reached { address, tcp: dialled.stream, stamper, receipt })
}

async fn within<T>(limit: Duration, attempt: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    timeout(limit, attempt).await.unwrap_or(Err(Refusal::Timeout(limit)))
}

fn server_name(host: &str) -> Result<ServerName<'static>, Refusal> {
    ServerName::try_from(host.to_owned())
        .map_err(|e| Refusal::Forbidden(format!("{host:?} cannot be in a certificate: {e}")))
}

async fn secured<T>(host: &str, connect: impl Future<Output = io::Result<T>>) -> Result<T, Refusal> {
    within(TLS_LIMIT, async { connect.await.map_err(|error| tls_refusal(host, &error)) }).await
}

async fn shake_hands<S: Source>(opening: &Opening<'_>, outbox: Outbox<S>) -> Result<Socket<S>, Refusal> {
    let url = opening.url;
    let mut request = url
        .into_client_request()
        .map_err(|e| Refusal::Forbidden(format!("{:?} is no URL: {e}", root(url))))?;
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let config = socket_config(&opening.network.transport);
    let handshake = client_async_with_config(request, outbox, Some(config));
    let (mut socket, response) =
        within(HANDSHAKE_LIMIT, async { handshake.await.map_err(handshake_refusal) }).await?;
    let refuse = |cause: &str| Err(Refusal::Handshake(cause.to_owned()));
    if response.headers().len() > HEADERS_MAX {
        return refuse("too many headers");
    }
    if response.headers().contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return refuse("an extension that was not asked for");
    }
    if !socket.get_mut().begin_frames() {
        return refuse("an answer whose lines do not end as HTTP's do");
    }
    socket.get_mut().stream_mut().begin_frames();
    Ok(socket)
}

/// The decoder's options.
pub(crate) fn socket_config(transport: &Transport) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        // Every frame goes to the outbox in a write of its own.
        .write_buffer_size(0)
        .max_frame_size(Some(transport.frame_bytes_max))
        .max_message_size(Some(transport.message_bytes_max))
}
