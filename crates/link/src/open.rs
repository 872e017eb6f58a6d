//! From a URL to an open WebSocket: name, address, TCP, TLS, handshake, each with its own limit and all within one.

use std::rc::Rc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{SEC_WEBSOCKET_EXTENSIONS, USER_AGENT};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use touchline_feed::Refusal;

use crate::address::{Address, root};
use crate::dial::dial;
use crate::notes::Notes;
use crate::outbox::Outbox;
use crate::receive::{Receipt, Stamped};
use crate::refuse::{handshake_refusal, tls_refusal};
use crate::resolve::Resolver;
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
    pub(crate) tls: TlsConnector,
    pub(crate) resolver: Resolver,
    pub(crate) keeper: Rc<Timekeeper>,
    pub(crate) notes: Notes,
}

/// Bytes both ways: TCP, or TLS over it.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Duplex for S {}

/// An open socket, and what its last read was.
pub(crate) struct Opened {
    pub(crate) socket: WebSocketStream<Outbox<Box<dyn Duplex>>>,
    pub(crate) receipt: Rc<Receipt>,
}

/// Opens a socket.
///
/// # Errors
/// [`Refusal`], by what failed.
pub(crate) async fn open(network: &Network, url: &str, limit: Duration) -> Result<Opened, Refusal> {
    within(limit, async {
        let address = Address::parse(url, "ws", "wss")?;
        let addresses = network.resolver.resolve(&address).await?;
        let dialled = dial(&addresses, &network.transport, &network.notes).await?;
        let receipt = Receipt::new(Rc::clone(&network.keeper));
        let stream = Stamped::new(dialled.stream, Rc::clone(&receipt), dialled.kernel_stamps, address.tls);
        let stream: Box<dyn Duplex> = if address.tls {
            within(TLS_LIMIT, secure(network, &address.host, stream)).await?
        } else {
            Box::new(stream)
        };
        let outbox = Outbox::new(stream, Rc::clone(&receipt));
        let socket = within(HANDSHAKE_LIMIT, shake_hands(&network.transport, url, outbox)).await?;
        Ok(Opened { socket, receipt })
    })
    .await
}

async fn within<T>(limit: Duration, attempt: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    timeout(limit, attempt).await.unwrap_or(Err(Refusal::Timeout(limit)))
}

async fn secure(network: &Network, host: &str, stream: Stamped) -> Result<Box<dyn Duplex>, Refusal> {
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|e| Refusal::Forbidden(format!("{host:?} cannot be in a certificate: {e}")))?;
    match network.tls.connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(tls_refusal(host, &error)),
    }
}

async fn shake_hands(
    transport: &Transport,
    url: &str,
    outbox: Outbox<Box<dyn Duplex>>,
) -> Result<WebSocketStream<Outbox<Box<dyn Duplex>>>, Refusal> {
    let mut request = url
        .into_client_request()
        .map_err(|e| Refusal::Forbidden(format!("{:?} is no URL: {e}", root(url))))?;
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        // Every frame goes to the outbox in a write of its own.
        .write_buffer_size(0)
        .max_frame_size(Some(transport.frame_bytes_max))
        .max_message_size(Some(transport.message_bytes_max));
    let (mut socket, response) =
        client_async_with_config(request, outbox, Some(config)).await.map_err(handshake_refusal)?;
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
    Ok(socket)
}
