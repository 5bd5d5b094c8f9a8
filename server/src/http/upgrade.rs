//! From a request to a WebSocket (RFC 6455, section 4.2): checks the handshake, answers it, and hands the bare socket
//! to its connection.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use dais_shared::limits::{SOCKET_NOTSENT_BYTES_MAX, SOCKET_SEND_BUFFER_BYTES};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::access::bearer;
use super::{origin, sign_in};
use crate::connection::{self, Upgraded};
use crate::door;
use crate::outbox::Transport;
use crate::server::{House, Peer};
use crate::sign_in::Session;
use crate::socket::Socket;
use crate::store::Unavailable;
use crate::supervise::Part;

/// `GET /ws`.
pub(crate) async fn websocket(
    State(house): State<Arc<House>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Response {
    if request.version() < Version::HTTP_11 {
        return Refusal::NotAnUpgrade.into_response();
    }
    if request.method() != Method::GET {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response();
    }
    if request.headers().get_all(header::HOST).iter().count() != 1 {
        return Refusal::Host.into_response();
    }
    let key = match accept_key(request.headers()) {
        Ok(_) if !origin::is_allowed(request.headers(), house.is_https, &house.allow_origins) => {
            return Refusal::Origin.into_response();
        }
        Ok(key) => key,
        Err(refusal) => return refusal.into_response(),
    };
    let address = origin::address(peer.0.ip(), request.headers(), &house.trust_proxies);
    let peer = SocketAddr::new(address, peer.0.port());
    let admission = match house.door.admit(address.into(), house.clock.now_ms()) {
        Ok(admission) => admission,
        Err(refusal) => return not_admitted(refusal),
    };
    // Behind the door, so that nobody has sessions looked up faster than he may come.
    let session = match session(&house, request.headers()).await {
        Ok(session) => session,
        Err(refusal) => return refusal.into_response(),
    };
    // Held until the connection ends, so that a server that stops waits for its goodbye.
    let Some(alive) = house.alive.upgrade() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let upgrade = hyper::upgrade::on(&mut request);
    let supervisor = house.supervisor.clone();
    let task = async move {
        match taken_over(upgrade).await {
            Ok(upgraded) => connection::serve(house, upgraded, peer, session).await,
            Err(error) => tracing::debug!(%error, "upgrade"),
        }
        drop(admission);
        drop(alive);
    };
    supervisor.guard(Part::Socket, task, || {});
    let headers = [(header::UPGRADE, "websocket"), (header::CONNECTION, "Upgrade")];
    (StatusCode::SWITCHING_PROTOCOLS, headers, [(header::SEC_WEBSOCKET_ACCEPT, key)]).into_response()
}

/// There is no place for a lawful handshake, or not for one more from there.
fn not_admitted(refusal: door::Refusal) -> Response {
    let later = [(header::RETRY_AFTER, "5")];
    match refusal {
        door::Refusal::ServerFull => (
            StatusCode::SERVICE_UNAVAILABLE,
            later,
            "The server is full; try again later. --connections and the limit of open files set how many may be here.\n",
        )
            .into_response(),
        door::Refusal::AddressFull
        | door::Refusal::AddressTooFast
        | door::Refusal::Arrivals
        | door::Refusal::Passcodes
        | door::Refusal::SignIns
        | door::Refusal::AdminTokens => {
            let hint = "Too many connections from this address; try again later. --connections-per-address sets how many.\n";
            (StatusCode::TOO_MANY_REQUESTS, later, hint).into_response()
        }
    }
}

/// Why a request is no handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    NotAnUpgrade,
    Host,
    Version,
    Key,
    Origin,
    SignIn,
    Unavailable,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotAnUpgrade => {
                let hint = [(header::UPGRADE, "websocket"), (header::CONNECTION, "Upgrade")];
                (StatusCode::UPGRADE_REQUIRED, hint, "This is a WebSocket endpoint.\n").into_response()
            }
            Self::Version => {
                let hint = [(header::SEC_WEBSOCKET_VERSION, "13")];
                (StatusCode::UPGRADE_REQUIRED, hint, "Version 13 of WebSocket is spoken here.\n").into_response()
            }
            Self::Origin => (StatusCode::FORBIDDEN, "Pages from elsewhere connect only with --allow-origin.\n").into_response(),
            Self::SignIn => {
                let hint = [(header::WWW_AUTHENTICATE, "Bearer")];
                let sentence =
                    "This server lets in only who is signed in: send the cookie of a session, or a token as a bearer token.\n";
                (StatusCode::UNAUTHORIZED, hint, sentence).into_response()
            }
            Self::Unavailable => {
                let later = [(header::RETRY_AFTER, "5")];
                let sentence = "Whose session that is cannot be looked up at the moment, since the disk does not answer.\n";
                (StatusCode::SERVICE_UNAVAILABLE, later, sentence).into_response()
            }
            Self::Host => (StatusCode::BAD_REQUEST, "A handshake names its host, once.\n").into_response(),
            Self::Key => (StatusCode::BAD_REQUEST, "The WebSocket key is missing or wrong.\n").into_response(),
        }
    }
}

/// As whom somebody is let in. A page that is not is connected all the same, without a session, since browsers tell no page
/// why a handshake failed; a program is refused. Where the store cannot say, either has to come again: a page does so by itself,
/// and whoever is signed in is not asked to do that once more.
async fn session(house: &House, headers: &HeaderMap) -> Result<Option<Session>, Refusal> {
    let Some(sign_in) = &house.sign_in else { return Ok(Some(Session::PLAIN)) };
    let now_ms = house.clock.admission_ms();
    if let Some(said) = headers.get(header::AUTHORIZATION) {
        let token = said.to_str().ok().and_then(bearer);
        let kept = token.and_then(|token| sign_in.with_token(token, now_ms)).ok_or(Refusal::SignIn)?;
        return Ok(Some(kept.session));
    }
    match sign_in::session(house, sign_in, headers).await {
        Ok(None) if !headers.contains_key(header::ORIGIN) => Err(Refusal::SignIn),
        session => session.map_err(|Unavailable| Refusal::Unavailable),
    }
}

/// The answer to a lawful handshake's key, or the refusal of another.
fn accept_key(headers: &HeaderMap) -> Result<String, Refusal> {
    if !names(headers, header::UPGRADE, "websocket") || !names(headers, header::CONNECTION, "upgrade") {
        return Err(Refusal::NotAnUpgrade);
    }
    if !names(headers, header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(Refusal::Version);
    }
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    let key = keys.next().filter(|_| keys.next().is_none()).map(header::HeaderValue::as_bytes);
    let is_key = |key: &&[u8]| data_encoding::BASE64.decode(key).is_ok_and(|nonce| nonce.len() == 16);
    key.filter(is_key).map(derive_accept_key).ok_or(Refusal::Key)
}

/// Whether a header that is a list of words has this one among them.
fn names(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name);
    let mut words = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    words.any(|word| word.trim().eq_ignore_ascii_case(wanted))
}

/// What lies under the upgraded connection, its socket set up for voice.
async fn taken_over(upgrade: OnUpgrade) -> std::io::Result<Upgraded> {
    let upgraded = upgrade.await.map_err(std::io::Error::other)?;
    let (socket, transport, first) = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => (parts.io.into_inner(), Transport::Plain, parts.read_buf.into()),
        Err(upgraded) => {
            let parts = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>();
            let parts = parts.expect("every connection is served over one of these two");
            let (socket, session) = parts.io.into_inner().into_inner();
            let mut first = parts.read_buf.into();
            let transport = Transport::tls(session, &mut first)?;
            (socket, transport, first)
        }
    };
    let options = SockRef::from(&socket);
    // A system that refuses these serves voice all the same, with more of it standing in buffers.
    let small = options.set_send_buffer_size(SOCKET_SEND_BUFFER_BYTES);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let small = small.and_then(|()| options.set_tcp_notsent_lowat(SOCKET_NOTSENT_BYTES_MAX));
    // Who does not read for a while is no longer given up: his outbox is bounded, and his silence judged.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let small = small.and_then(|()| options.set_tcp_user_timeout(None));
    if let Err(error) = small {
        tracing::debug!(%error, "socket buffers");
    }
    Ok(Upgraded { socket: Socket::Tcp(socket), transport, first })
}
