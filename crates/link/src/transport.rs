//! The options of sockets and REST, and whose certificates are trusted.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use touchline_capture::Encoding;

/// How a reader's sockets are read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TransportKind {
    /// By tokio and tungstenite: the kernel wakes the thread, many sockets share it, and it may share its core.
    #[default]
    Tokio,
    /// Each socket is read again and again, and frames are decoded where they were read: the shortest way from the
    /// kernel to the driver and the least work for a frame. The thread never sleeps: it needs a core of its own, and
    /// each of its sockets waits while the others are read.
    Spin,
}

/// How sockets are opened and what they may bring.
#[derive(Clone, Debug)]
pub struct Transport {
    /// How they are read. Default: by tokio.
    pub kind: TransportKind,
    /// Send small messages at once (`TCP_NODELAY`). Default: yes.
    pub nodelay: bool,
    /// Bytes the kernel keeps for us (`SO_RCVBUF`). Default: the kernel's own choice, which grows with need.
    pub receive_buffer: Option<usize>,
    /// How long sent bytes may stay unacknowledged before the connection counts as cut (`TCP_USER_TIMEOUT`).
    /// Default: 10 s.
    pub user_timeout: Option<Duration>,
    /// Our own address, where there are several. Default: the kernel's choice.
    pub local_address: Option<IpAddr>,
    /// Ask the kernel when it had each packet (`SO_TIMESTAMPING`, by software). Default: yes.
    pub kernel_stamps: bool,
    /// How long a read looks at the network card before it gives up (`SO_BUSY_POLL`). More than the system's default
    /// needs a privilege; where it is refused, a note says so. Default: not set.
    pub busy_poll: Option<Duration>,
    /// The most bytes of one frame, judged by its head before any memory is taken. Default: 4 MiB.
    pub frame_bytes_max: usize,
    /// The most bytes of one message. Default: 16 MiB.
    pub message_bytes_max: usize,
    /// How long a message may take from its first byte to its last. Default: 5 s.
    pub message_timeout: Duration,
    /// The most pings in a second. Default: 1,000.
    pub pings_per_second_max: u32,
    /// How binary messages are packed; what they unpack to is bounded. Default: not at all.
    pub encoding: Option<Encoding>,
    /// Who may vouch for the other side.
    pub roots: Roots,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            kind: TransportKind::Tokio,
            nodelay: true,
            receive_buffer: None,
            user_timeout: Some(Duration::from_secs(10)),
            local_address: None,
            kernel_stamps: true,
            busy_poll: None,
            frame_bytes_max: 4 * 1024 * 1024,
            message_bytes_max: 16 * 1024 * 1024,
            message_timeout: Duration::from_secs(5),
            pings_per_second_max: 1_000,
            encoding: None,
            roots: Roots::default(),
        }
    }
}

/// The certificate authorities we trust: Mozilla's list, built in, and those of some files. There is no switch that
/// turns the check off.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Roots {
    /// PEM files with further authorities.
    pub files: Vec<PathBuf>,
}

impl Roots {
    /// TLS 1.2 and 1.3 as a client that verifies every certificate, speaking HTTP/1.1 inside.
    ///
    /// # Errors
    /// A file cannot be read, holds no certificate, or one that is no authority's; the text names the file.
    pub(crate) fn client_config(&self) -> io::Result<Arc<ClientConfig>> {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for file in &self.files {
            let refuse = |cause: String| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{}: {cause}", file.display()))
            };
            let mut count = 0;
            for certificate in CertificateDer::pem_file_iter(file).map_err(|e| refuse(e.to_string()))? {
                let certificate = certificate.map_err(|e| refuse(e.to_string()))?;
                store.add(certificate).map_err(|e| refuse(e.to_string()))?;
                count += 1;
            }
            if count == 0 {
                return Err(refuse("no certificate in it".to_owned()));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(store)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_root_file_is_named() {
        // A file that is not there, and one without a certificate: the error's text holds the path.
        let missing = Roots { files: vec![PathBuf::from("no/such/roots.pem")] };
        assert!(missing.client_config().unwrap_err().to_string().contains("no/such/roots.pem"));
        let empty = Roots { files: vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))] };
        assert!(empty.client_config().unwrap_err().to_string().contains("no certificate"));
    }

    #[test]
    fn the_built_in_roots_are_enough() {
        // Without any file there is a configuration, and it asks for HTTP/1.1.
        let config = Roots::default().client_config().unwrap();
        assert_eq!(config.alpn_protocols, [b"http/1.1".to_vec()]);
    }
}
