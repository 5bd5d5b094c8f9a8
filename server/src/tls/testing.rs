//! Certificates for tests.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A certificate for localhost and its key, in PEM.
pub(crate) fn pem_pair() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let wanted = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    (wanted.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// A server's configuration, and that of a client who trusts its certificate.
pub(crate) fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let (chain, key) = pem_pair();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let trusting = builder.with_root_certificates(roots).with_no_client_auth();
    (config(&chain, &key), Arc::new(trusting))
}

/// A server's configuration with this pair.
pub(crate) fn config(chain: &str, key: &str) -> Arc<ServerConfig> {
    let pair = super::Pair::parse(chain.as_bytes(), key.as_bytes(), Path::new("chain"), Path::new("key")).unwrap();
    Arc::new(super::encrypting_with(&pair.key).unwrap())
}
