//! How a server is reached: over plain TCP, or over TLS by those who trust its certificate.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::MaybeTlsStream;

#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    trusting: Option<Arc<ClientConfig>>,
}

impl From<SocketAddr> for Way {
    fn from(address: SocketAddr) -> Self {
        Self { address, trusting: None }
    }
}

impl Way {
    /// By somebody who trusts this certificate, in PEM, and offers these protocols above TLS.
    pub(crate) fn trusting(address: SocketAddr, certificate: &str, protocols: &[&str]) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { address, trusting: Some(Arc::new(config)) }
    }

    pub(crate) async fn dial(&self) -> std::io::Result<MaybeTlsStream<TcpStream>> {
        self.over(TcpStream::connect(self.address).await?).await
    }

    /// Shakes hands where that is to be.
    pub(crate) async fn over(&self, socket: TcpStream) -> std::io::Result<MaybeTlsStream<TcpStream>> {
        socket.set_nodelay(true)?;
        let Some(config) = &self.trusting else { return Ok(MaybeTlsStream::Plain(socket)) };
        let name = ServerName::from(self.address.ip());
        TlsConnector::from(Arc::clone(config)).connect(name, socket).await.map(MaybeTlsStream::Rustls)
    }
}
