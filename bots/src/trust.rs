//! Whose certificate is believed, beyond those whom the system trusts.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::Connector;

/// Connects to servers whose certificates are in this file, or come from those that are, and to no other.
///
/// # Errors
/// A sentence naming the file, where it holds none.
pub fn only(file: &Path) -> Result<Connector> {
    let name = file.display();
    let certificates = CertificateDer::pem_file_iter(file).with_context(|| format!("cannot read {name}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.with_context(|| format!("{name} is no PEM file"))?;
        roots.add(certificate).with_context(|| format!("{name} holds no certificate that can be trusted"))?;
    }
    ensure!(!roots.is_empty(), "{name} holds no certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}
