//! From a request to a WebSocket (RFC 6455, section 4.2): checks the handshake, answers it, and hands the bare socket
//! to its connection.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use dais_shared::ids::AddressPrefix;
use dais_shared::limits::{SOCKET_NOTSENT_BYTES_MAX, SOCKET_SEND_BUFFER_BYTES};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::access::bearer;
use super::noted::{because, because_of, told_already};
use super::{origin, sign_in};
use crate::connection::{self, Upgraded};
use crate::outbox::Transport;
use crate::refusal::Refusal;
use crate::server::{House, Peer};
use crate::sign_in::Session;
use crate::socket::Socket;
use crate::supervise::Part;

/// `GET /ws`.
pub(crate) async fn websocket(
    State(house): State<Arc<House>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Response {
    if request.version() < Version::HTTP_11 {
        return refused(Refusal::NotAHandshake);
    }
    if request.method() != Method::GET {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response();
    }
    if request.headers().get_all(header::HOST).iter().count() != 1 {
        return refused(Refusal::HandshakeHost);
    }
    let key = match accept_key(request.headers()) {
        Ok(key) => key,
        Err(refusal) => return refused(refusal),
    };
    if let Err(foreign) = origin::check(request.headers(), house.is_https, &house.allow_origins) {
        let answer = (StatusCode::FORBIDDEN, format!("{}\n", foreign.sentence()));
        return because_of(Refusal::ForeignPage, foreign.to_string(), answer);
    }
    let address = origin::address(peer.0.ip(), request.headers(), &house.trust_proxies);
    let peer = SocketAddr::new(address, peer.0.port());
    let admission = match house.door.admit(address.into(), house.clock.now_ms()) {
        Ok(admission) => admission,
        Err(refusal) => return refused(refusal),
    };
    // Behind the door, so that nobody has sessions looked up faster than he may come.
    let session = match entry(&house, request.headers()).await {
        Ok(Entry::As(session)) => Some(session),
        Ok(Entry::ToSignIn(refusal)) => {
            house.refusals.refuse(refusal, Some(peer));
            None
        }
        Err(refusal) => return refused(refusal),
    };
    // Held until the connection ends, so that a server that stops waits for its goodbye.
    let Some(alive) = house.alive.upgrade() else { return refused(Refusal::Stopping) };
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

/// `POST /ws`: why a page is not connected. Browsers tell no page why a handshake failed; this says what stood in its way, in
/// a word for the page and a sentence. Where nothing does, that is an answer as good as any: an error status would stand in the
/// console of a page that only waits for its server to be back. A handshake by this method is refused as by any other.
pub(crate) async fn why_not(State(house): State<Arc<House>>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    if headers.contains_key(header::UPGRADE) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response();
    }
    let address = origin::address(peer.0.ip(), &headers, &house.trust_proxies);
    let told = |refusal: Refusal, detail: String| {
        let detail = detail.trim_end().to_owned();
        told_already((status(refusal), Json(WhyNot { error: refusal.label(), detail })))
    };
    if let Err(foreign) = origin::check(&headers, house.is_https, &house.allow_origins) {
        return told(Refusal::ForeignPage, foreign.sentence());
    }
    match obstacle(&house, address.into(), &headers).await {
        Some(refusal) => told(refusal, sentence(refusal)),
        None => {
            let nothing = WhyNot { error: "none", detail: "Nothing stands in the way of a connection here.".into() };
            Json(nothing).into_response()
        }
    }
}

/// Why a handshake from there would be refused now, if it would: all that [`websocket`] asks beyond the form of the request,
/// and nobody's place or allowance is used up for it.
async fn obstacle(house: &House, address: AddressPrefix, headers: &HeaderMap) -> Option<Refusal> {
    if let Err(refusal) = house.door.may_admit(address, house.clock.now_ms()) {
        return Some(refusal);
    }
    // Who has to sign in is connected, and told so there.
    if let Err(refusal) = entry(house, headers).await {
        return Some(refusal);
    }
    house.alive.upgrade().is_none().then_some(Refusal::Stopping)
}

/// See [`why_not`].
#[derive(Serialize)]
struct WhyNot {
    error: &'static str,
    detail: String,
}

/// What whoever asks for a connection is answered in vain.
fn refused(refusal: Refusal) -> Response {
    let mut answer = because(refusal, (status(refusal), format!("{}\n", sentence(refusal).trim_end())));
    let hint: &[(HeaderName, &'static str)] = match (refusal, answer.status()) {
        (Refusal::NotAHandshake, _) => &[(header::UPGRADE, "websocket"), (header::CONNECTION, "Upgrade")],
        (Refusal::HandshakeVersion, _) => &[(header::SEC_WEBSOCKET_VERSION, "13")],
        (_, StatusCode::UNAUTHORIZED) => &[(header::WWW_AUTHENTICATE, "Bearer")],
        (_, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => &[(header::RETRY_AFTER, "5")],
        _ => &[],
    };
    for (name, value) in hint {
        answer.headers_mut().insert(name.clone(), HeaderValue::from_static(value));
    }
    answer
}

const fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::NotAHandshake | Refusal::HandshakeVersion => StatusCode::UPGRADE_REQUIRED,
        Refusal::HandshakeHost | Refusal::HandshakeKey => StatusCode::BAD_REQUEST,
        Refusal::ForeignPage => StatusCode::FORBIDDEN,
        Refusal::AddressFull | Refusal::AddressTooFast | Refusal::NetworkFull | Refusal::NetworkTooFast => {
            StatusCode::TOO_MANY_REQUESTS
        }
        Refusal::ServerFull | Refusal::Stopping | Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        // The rest is about who is signed in.
        _ => StatusCode::UNAUTHORIZED,
    }
}

fn sentence(refusal: Refusal) -> String {
    let said = match refusal {
        Refusal::NotAHandshake => "This is a WebSocket endpoint.",
        Refusal::HandshakeVersion => "Version 13 of WebSocket is spoken here.",
        Refusal::HandshakeHost => "A handshake names its host, once.",
        Refusal::HandshakeKey => "The WebSocket key is missing or wrong.",
        Refusal::AddressFull => {
            "Too many connections from this address; try again later. --connections-per-address sets how many there may be."
        }
        Refusal::AddressTooFast => {
            "Too many connections came anew from this address; try again later. --connections-per-address sets how many may."
        }
        Refusal::NetworkFull => {
            "Too many connections from the network around this address; try again later. --connections and \
             --connections-per-address set how many there may be."
        }
        Refusal::NetworkTooFast => {
            "Too many connections came anew from the network around this address; try again later. --connections and \
             --connections-per-address set how many may."
        }
        Refusal::ServerFull => {
            "The server is full; try again later. --connections and the limit of open files set how many may be here."
        }
        Refusal::Stopping => "The server is about to stop.",
        Refusal::Unavailable => "Whose session that is cannot be looked up at the moment, since the disk does not answer.",
        refusal => return sign_in::sentence_for_programs(refusal),
    };
    said.to_owned()
}

/// How somebody is let in.
enum Entry {
    As(Session),
    /// A page without a session is connected all the same, since browsers tell no page why a handshake failed, and told there
    /// why it has none.
    ToSignIn(Refusal),
}

/// As whom somebody is let in; a program without a session is not. Where the store cannot say, nobody is: a page comes again by
/// itself, and whoever is signed in is not asked to do that once more.
async fn entry(house: &House, headers: &HeaderMap) -> Result<Entry, Refusal> {
    let Some(sign_in) = &house.sign_in else { return Ok(Entry::As(Session::PLAIN)) };
    let now_ms = house.clock.admission_ms();
    if let Some(said) = headers.get(header::AUTHORIZATION) {
        let token = said.to_str().ok().and_then(bearer).ok_or(Refusal::NotSignedIn)?;
        return sign_in.with_token(token, now_ms).map(|kept| Entry::As(kept.session));
    }
    match sign_in::session(house, sign_in, headers).await {
        Ok(session) => Ok(Entry::As(session)),
        Err(refusal) if refusal == Refusal::Unavailable || !headers.contains_key(header::ORIGIN) => Err(refusal),
        Err(refusal) => Ok(Entry::ToSignIn(refusal)),
    }
}

/// The answer to a lawful handshake's key, or the refusal of another.
fn accept_key(headers: &HeaderMap) -> Result<String, Refusal> {
    if !names(headers, header::UPGRADE, "websocket") || !names(headers, header::CONNECTION, "upgrade") {
        return Err(Refusal::NotAHandshake);
    }
    if !names(headers, header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(Refusal::HandshakeVersion);
    }
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    let key = keys.next().filter(|_| keys.next().is_none()).map(header::HeaderValue::as_bytes);
    let is_key = |key: &&[u8]| data_encoding::BASE64.decode(key).is_ok_and(|nonce| nonce.len() == 16);
    key.filter(is_key).map(derive_accept_key).ok_or(Refusal::HandshakeKey)
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
