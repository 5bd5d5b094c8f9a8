//! The first bytes on a socket: a TLS handshake, or HTTP from somebody who typed the address without the s.

use std::io::{Error, ErrorKind};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::refusal::Refusal;

/// A TLS record that begins a handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// What somebody speaks.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub(crate) enum Greeting {
    Tls(TlsStream<TcpStream>),
    /// Plain HTTP, most likely: nothing of it has been read.
    Http(TcpStream),
}

/// Finds out what is spoken and shakes hands. The caller sets the deadline.
///
/// # Errors
/// It is neither TLS nor HTTP, or the handshake failed.
pub(crate) async fn greet(socket: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<Greeting> {
    let mut first = [0];
    match socket.peek(&mut first).await? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ if first[0] == HANDSHAKE => TlsAcceptor::from(config).accept(socket).await.map(Greeting::Tls),
        _ if first[0].is_ascii_uppercase() => Ok(Greeting::Http(socket)),
        _ => Err(Error::new(ErrorKind::InvalidData, "neither TLS nor HTTP")),
    }
}

/// Why somebody comes to no encrypted connection; `None` where he went away by himself.
pub(crate) fn refusal_of(error: &Error) -> Option<Refusal> {
    use rustls::AlertDescription as Alert;
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::AlertReceived(
            Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::DecryptError // another certificate of the same name is believed
            | Alert::UnknownCA
            | Alert::UnsupportedCertificate,
        )) => Some(Refusal::TlsDistrusted),
        Some(rustls::Error::PeerIncompatible(_)) => Some(Refusal::TlsIncompatible),
        Some(rustls::Error::AlertReceived(Alert::ProtocolVersion)) => Some(Refusal::TlsIncompatible),
        Some(_) => Some(Refusal::TlsFailed),
        None if error.kind() == ErrorKind::InvalidData => Some(Refusal::NoTls),
        // A port that is only knocked at, and a browser that thinks better of it.
        None => None,
    }
}

/// Answers a plain request with the address that it should have gone to. Browsers are not to remember it: the next server
/// here may be one without a certificate.
pub(crate) async fn to_https(request: Request) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return (StatusCode::BAD_REQUEST, "This port speaks HTTPS.\n").into_response();
    };
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let address = format!("https://{host}{path}");
    let hint = format!("This port speaks HTTPS: {address}\n");
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, address), (header::CONNECTION, "close".into())], hint).into_response()
}
