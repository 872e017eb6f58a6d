//! A certificate made on the spot, the server that shows it, and those who trust it.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio_rustls::TlsConnector;
use touchline_link::Roots;

use super::clients::receive;
use super::seen::Seen;

/// An authority and the certificate that it gave `localhost`.
pub(super) struct Authority {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    folder: TempDir,
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

impl Authority {
    /// Makes both.
    pub(super) fn new() -> Result<Self, String> {
        let key = KeyPair::generate().map_err(text)?;
        let mut params = CertificateParams::new(Vec::new()).map_err(text)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = params.self_signed(&key).map_err(text)?;
        let folder = tempfile::tempdir().map_err(text)?;
        std::fs::write(folder.path().join("root.pem"), root.pem()).map_err(text)?;
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().map_err(text)?;
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).map_err(text)?;
        let leaf = leaf.signed_by(&key, &issuer).map_err(text)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(text)?;
        let (server, client) = configs(leaf.der().clone(), key, root.der().clone())?;
        Ok(Self { server, client, folder })
    }

    pub(super) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// Our own client's way to trust it.
    pub(super) fn roots(&self) -> Roots {
        Roots { files: vec![self.folder.path().join("root.pem")] }
    }

    /// tokio-tungstenite over tokio-rustls.
    pub(super) fn tokio(&self) -> impl Fn(u16, Seen) -> Result<Seen, String> + Sync + use<> {
        let connector = TlsConnector::from(Arc::clone(&self.client));
        move |port, seen| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(text)?;
            runtime.block_on(async {
                let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map_err(text)?;
                stream.set_nodelay(true).map_err(text)?;
                let name = ServerName::try_from("localhost").map_err(text)?;
                let stream = connector.connect(name, stream).await.map_err(text)?;
                receive(stream, format!("wss://localhost:{port}/"), seen).await
            })
        }
    }
}

fn configs(
    leaf: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    root: CertificateDer<'static>,
) -> Result<(Arc<ServerConfig>, Arc<ClientConfig>), String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(text)?
        .with_no_client_auth()
        .with_single_cert(vec![leaf], key)
        .map_err(text)?;
    let mut roots = RootCertStore::empty();
    roots.add(root).map_err(text)?;
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(text)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((Arc::new(server), Arc::new(client)))
}
