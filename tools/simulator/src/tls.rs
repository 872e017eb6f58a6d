//! The exchange's certificate, made at the start.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::StartError;

/// A certificate with its key, and the root that it is to be trusted by.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The chain, leaf first, in PEM.
    pub chain_pem: String,
    /// The leaf's private key, in PEM.
    pub key_pem: String,
    /// The root, in PEM.
    pub root_pem: String,
}

impl Identity {
    /// A root of its own and a leaf for these names and addresses.
    ///
    /// # Errors
    /// [`StartError::Certificate`] if a name is none.
    pub fn made_for(names: &[&str]) -> Result<Self, StartError> {
        Self::make(names).map_err(|error| StartError::Certificate(error.to_string()))
    }

    fn make(names: &[&str]) -> Result<Self, rcgen::Error> {
        let mut root = CertificateParams::new(Vec::new())?;
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.distinguished_name.push(DnType::CommonName, "simulated exchange, root");
        let root_key = KeyPair::generate()?;
        let root_pem = root.self_signed(&root_key)?.pem();
        let issuer = Issuer::new(root, root_key);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, "simulated exchange");
        let leaf_key = KeyPair::generate()?;
        let chain_pem = leaf.signed_by(&leaf_key, &issuer)?.pem();
        Ok(Self { chain_pem, key_pem: leaf_key.serialize_pem(), root_pem })
    }

    pub(crate) fn server(&self) -> Result<Arc<ServerConfig>, StartError> {
        let wrong = |error: &dyn std::fmt::Display| StartError::Certificate(error.to_string());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.chain_pem.as_bytes()).collect();
        let chain = chain.map_err(|error| wrong(&error))?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(|error| wrong(&error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| wrong(&error))?;
        Ok(Arc::new(config))
    }
}
