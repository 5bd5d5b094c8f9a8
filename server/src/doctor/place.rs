//! Where a server may be, and a client small enough to ask it something.

use std::io::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::MaybeTlsStream;

/// What takes longer than this counts as no answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// What an answer may hold: more than any that is asked for.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// What a Dais says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Said {
    pub(super) version: String,
    pub(super) uptime_seconds: u64,
}

/// A way to a server.
#[derive(Clone, Debug)]
pub(super) struct Place {
    host: String,
    port: u16,
    /// As it is asked for.
    pub(super) authority: String,
    /// With whose certificates, where it is.
    tls: Option<Arc<ClientConfig>>,
}

impl Place {
    /// Of an address as people open it. `None` where it is none.
    pub(super) fn parse(url: &str, roots: RootCertStore) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
        let is_https = scheme == "https";
        if !(is_https || scheme == "http") || authority.as_str().contains('@') {
            return None;
        }
        let port = authority.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let tls = is_https.then(|| config(|builder| builder.with_root_certificates(roots).with_no_client_auth()));
        Some(Self { host, port, authority: authority.to_string(), tls })
    }

    pub(super) fn local(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port(), authority: address.to_string(), tls: None }
    }

    pub(super) const fn is_https(&self) -> bool {
        self.tls.is_some()
    }

    /// A connection, and the certificate that came with it.
    ///
    /// # Errors
    /// What stands in the way, in the system's words.
    pub(super) async fn dial(&self) -> Result<(MaybeTlsStream<TcpStream>, Option<CertificateDer<'static>>), Error> {
        let dialled = async {
            let socket = TcpStream::connect((self.host.as_str(), self.port)).await?;
            let Some(config) = &self.tls else { return Ok((MaybeTlsStream::Plain(socket), None)) };
            let name = ServerName::try_from(self.host.clone()).map_err(Error::other)?;
            let stream = TlsConnector::from(Arc::clone(config)).connect(name, socket).await?;
            let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).cloned();
            Ok((MaybeTlsStream::Rustls(stream), certificate))
        };
        timeout(PATIENCE, dialled).await.unwrap_or_else(|late| Err(late.into()))
    }

    /// What is answered to `GET path`.
    ///
    /// # Errors
    /// What stands in the way, in the system's words.
    pub(super) async fn get(&self, path: &str) -> Result<(StatusCode, Bytes), Error> {
        let (stream, _) = self.dial().await?;
        let request = Request::get(path).header(header::HOST, &self.authority).body(Body::empty());
        let request = request.expect("paths and authorities have been parsed");
        let asked = async {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Error::other)?;
            // Ends with the runtime at the latest.
            let asking = tokio::spawn(connection);
            let answer = sender.send_request(request).await.map_err(Error::other)?;
            let status = answer.status();
            let body = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await.map_err(Error::other)?;
            asking.abort();
            Ok((status, body))
        };
        timeout(PATIENCE, asked).await.unwrap_or_else(|late| Err(late.into()))
    }

    /// What a Dais here says of itself.
    pub(super) async fn status(&self) -> Option<Said> {
        let (status, body) = self.get("/api/status").await.ok()?;
        (status == StatusCode::OK).then(|| Json::from_bytes(&body).ok().map(|Json(said)| said))?
    }

    /// The same with TLS or without, whatever its certificate: for a server on this machine, which is told nothing.
    pub(super) async fn status_whoever_it_is(&self) -> Option<Said> {
        match self.status().await {
            None => self.whoever_it_is().status().await,
            said => said,
        }
    }

    /// How a server on this machine is, with TLS or without, whatever its certificate.
    ///
    /// # Errors
    /// What stands in the way, in the system's words.
    pub(super) async fn health_whoever_it_is(&self) -> Result<(StatusCode, Bytes), Error> {
        match self.get("/healthz").await {
            Ok((status, _)) if status.is_redirection() => self.whoever_it_is().get("/healthz").await,
            said => said,
        }
    }

    /// What a server on this machine shows, if it speaks HTTPS.
    pub(super) async fn certificate_whoever_it_is(&self) -> Option<CertificateDer<'static>> {
        self.whoever_it_is().dial().await.ok().and_then(|(_, certificate)| certificate)
    }

    /// What a server on this machine says of itself where it is not well, with TLS or without.
    pub(super) async fn complaint(&self) -> Option<String> {
        for place in [self.clone(), self.whoever_it_is()] {
            match place.get("/healthz").await {
                Ok((StatusCode::SERVICE_UNAVAILABLE, sentence)) => {
                    return Some(String::from_utf8_lossy(&sentence).trim().to_owned());
                }
                Ok((StatusCode::OK, _)) => return None,
                _ => {}
            }
        }
        None
    }

    /// Over TLS, with everybody.
    fn whoever_it_is(&self) -> Self {
        let anybody = config(|builder| {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody::default())).with_no_client_auth()
        });
        Self { tls: Some(anybody), ..self.clone() }
    }
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

fn config(verifying: impl FnOnce(Builder) -> ClientConfig) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("ring has what both versions need");
    Arc::new(verifying(builder))
}

/// Believes every certificate.
#[derive(Debug)]
struct Anybody(CryptoProvider);

impl Default for Anybody {
    fn default() -> Self {
        Self(ring::default_provider())
    }
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
