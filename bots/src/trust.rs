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
    config(Some(file)).map(Connector::Rustls)
}

/// Believes the certificates in this file, if one is named, and else those whom the system trusts.
///
/// # Errors
/// A sentence naming the file, where it holds none.
pub(crate) fn config(file: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let roots = match file {
        Some(file) => named(file)?,
        None => {
            let mut roots = RootCertStore::empty();
            // Where the system names nobody no certificate is believed, and that is said.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        }
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(Arc::new(config.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth()))
}

fn named(file: &Path) -> Result<RootCertStore> {
    let name = file.display();
    let certificates = CertificateDer::pem_file_iter(file).with_context(|| format!("cannot read {name}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.with_context(|| format!("{name} is no PEM file"))?;
        roots.add(certificate).with_context(|| format!("{name} holds no certificate that can be trusted"))?;
    }
    ensure!(!roots.is_empty(), "{name} holds no certificate");
    Ok(roots)
}
