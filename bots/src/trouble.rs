//! Why a server is not reached, or a member not there any more, in sentences with what helps against it.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use dais_engine::LeftRoom;
use dais_engine::shared::room::{LeaveReason, RoomEndReason};
use dais_engine::shared::wire::Goodbye;
use rustls::CertificateError;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::header::LOCATION;
use tokio_tungstenite::tungstenite::http::{Response, StatusCode, Uri};

/// Why `url` is none that can be connected to, if so.
pub(crate) fn with_address(url: &str) -> Option<String> {
    let example = "such as ws://127.0.0.1:8080/ws or wss://talk.example/ws";
    let Ok(uri) = url.parse::<Uri>() else { return Some(format!("{url} is no address; name a server's WebSocket, {example}")) };
    match (uri.scheme_str(), uri.host()) {
        (Some("ws" | "wss"), Some(host)) if !host.is_empty() => None,
        (Some("https"), _) => Some(format!("{url} is a page's address; its WebSocket's begins with wss:// and ends with /ws")),
        (Some("http"), _) => Some(format!("{url} is a page's address; its WebSocket's begins with ws:// and ends with /ws")),
        _ => Some(format!("{url} is no WebSocket's address; name one {example}")),
    }
}

/// Why there is no connection to `url`.
pub(crate) fn with_connecting(url: &str, error: &Error) -> String {
    match error {
        Error::Http(answer) => refused(url, answer),
        Error::Io(error) => unreached(url, error),
        Error::Tls(error) => error.source().and_then(|inner| inner.downcast_ref::<rustls::Error>()).map_or_else(
            || format!("{} fails: {error}; look whether its port is the right one", tls(url)),
            |error| with_tls(url, error),
        ),
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(ProtocolError::HandshakeIncomplete) => hung_up(url),
        Error::Protocol(_) | Error::HttpFormat(_) | Error::Utf8(_) | Error::Capacity(_) => garbled(url),
        other => format!("cannot connect to {url}: {other}"),
    }
}

/// What it is when nothing is answered in time.
pub(crate) fn with_waiting(url: &str) -> String {
    format!("{} does not answer; look whether name and port are right, and whether a firewall stands in between", place(url))
}

/// An answer that is none of a WebSocket's.
fn refused<T>(url: &str, answer: &Response<T>) -> String {
    let status = answer.status();
    let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    match (status, location) {
        (StatusCode::UNAUTHORIZED, _) => {
            format!(
                "{url} lets in only who is signed in; name its password's file with --password-file, or say a token that it \
                 believes with --token"
            )
        }
        (StatusCode::FORBIDDEN, _) => format!("{} does not let this program in (403); ask whoever runs it", place(url)),
        (StatusCode::TOO_MANY_REQUESTS, _) => {
            format!("{} has too many connections from this address; try again later, or with fewer members", place(url))
        }
        (StatusCode::SERVICE_UNAVAILABLE, _) => {
            format!("{} takes nobody at the moment, being full or without its disk (503); try again later", place(url))
        }
        (StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT, _) => {
            format!("a proxy answers at {}, and the server behind it does not ({}); start that", place(url), status.as_u16())
        }
        (_, Some(to)) if status.is_redirection() && to.starts_with("https://") && url.starts_with("ws://") => {
            format!("{} speaks HTTPS; name it with wss:// in place of ws://", place(url))
        }
        (_, Some(to)) if status.is_redirection() => format!("{url} leads on to {to}; name that, with ws:// or wss://"),
        _ => format!(
            "{} answers, but there is no WebSocket of Dais' at {} ({}); the path is /ws, unless a proxy has another",
            place(url),
            path(url),
            status.as_u16()
        ),
    }
}

fn unreached(url: &str, error: &io::Error) -> String {
    let place = place(url);
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return with_tls(url, error);
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => format!("nothing listens at {place}; start the server, or name its port"),
        ErrorKind::TimedOut => with_waiting(url),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            format!("there is no way to {place} from here ({error}); look at the network")
        }
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => {
            hung_up(url)
        }
        // How the standard library tells of what the resolver says.
        _ if error.to_string().contains("lookup address") => {
            format!("nobody knows where {} is; look how its name is written, and at the network", host(url))
        }
        _ => format!("cannot reach {place}: {error}"),
    }
}

fn with_tls(url: &str, error: &rustls::Error) -> String {
    let host = host(url);
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            format!(
                "nobody who is trusted here vouches for the certificate of {host}; if it signed its own, name that with --trust"
            )
        }
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            format!("the certificate of {host} has expired; have it renewed")
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            format!("the certificate of {host} is not valid yet; look at the clocks of both machines")
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            format!("the certificate at {} is not one for {host}; name the server as its certificate does", place(url))
        }
        rustls::Error::InvalidCertificate(reason) => {
            format!("the certificate of {host} is not believed ({reason}); have another put there, or name it with --trust")
        }
        rustls::Error::InvalidMessage(_) => format!("{} does not speak HTTPS; name it with ws:// in place of wss://", place(url)),
        other => format!("{} fails: {other}; look whether its port is the right one", tls(url)),
    }
}

fn garbled(url: &str) -> String {
    let other = if url.starts_with("ws://") { "; if it speaks HTTPS, name it with wss://" } else { "" };
    format!("what answers at {} is no WebSocket{other}, and else look whether its port is the right one", place(url))
}

fn hung_up(url: &str) -> String {
    let other = if url.starts_with("ws://") { "; if it speaks HTTPS, name it with wss://" } else { "" };
    format!("{} hangs up without an answer{other}, and else look whether its port is the right one", place(url))
}

/// Why the server has closed the connection for good.
pub(crate) fn with_goodbye(url: &str, goodbye: Goodbye) -> String {
    let why = match goodbye {
        Goodbye::ShuttingDown => "it is shutting down; try again when it is back",
        Goodbye::WrongVersion => "it speaks another version of the protocol; use the dais-bots that came with it",
        Goodbye::Malformed => "it did not understand what was sent; use the dais-bots that came with it",
        Goodbye::TooLarge => "a message was too large for it; use the dais-bots that came with it",
        Goodbye::NoHello => "it waited too long for a first word; this machine, or the way there, is too slow",
        Goodbye::Silent => "it heard nothing for too long; this machine, or the way there, is too slow",
        Goodbye::TooFast => "it was sent far too many messages; try again with fewer members",
        Goodbye::Abuse => "it was sent voice that nobody was allowed to hear",
        Goodbye::Superseded => "the same identity sits there from another connection now",
        Goodbye::Overloaded => "it is full, or its disk takes no changes; try again later",
        Goodbye::LoggedOut => "this member has logged out",
        Goodbye::NotSignedIn => {
            "it lets in only who is signed in; name its password's file with --password-file, or say a token that it believes with --token"
        }
    };
    format!("{url} has closed the connection: {why}")
}

/// Why a member is in the room no more.
pub(crate) fn with_leaving(how: LeftRoom) -> String {
    let why = match how {
        LeftRoom::Left | LeftRoom::PutOut { reason: LeaveReason::Left, .. } => "this member has left it".into(),
        LeftRoom::Ended(RoomEndReason::ByHost) => "its host has ended it".into(),
        LeftRoom::Ended(RoomEndReason::Empty) => "nobody was left in it, so it ended".into(),
        LeftRoom::Ended(RoomEndReason::Leaderless) => "it ended, as nobody was left who moderates it".into(),
        LeftRoom::Ended(RoomEndReason::Failed) => "it ended, as something went wrong in the server, whose log says more".into(),
        LeftRoom::Ended(RoomEndReason::ByOperator) => "whoever runs the server has ended it".into(),
        LeftRoom::PutOut { reason: LeaveReason::TimedOut, .. } => "the connection did not come back in time".into(),
        LeftRoom::PutOut { reason: LeaveReason::Kicked, .. } => "a moderator has put this member out, for a minute".into(),
        LeftRoom::PutOut { reason: LeaveReason::Banned, .. } => "a moderator has banned this member from it".into(),
        LeftRoom::NotReadmitted(denied) => format!("the server did not let this member in again: {denied}"),
    };
    format!("no longer in the room: {why}")
}

fn host(url: &str) -> String {
    url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_else(|| url.to_owned())
}

fn place(url: &str) -> String {
    url.parse::<Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string)).unwrap_or_else(|| url.to_owned())
}

fn path(url: &str) -> String {
    url.parse::<Uri>().map_or_else(|_| url.to_owned(), |uri| uri.path().to_owned())
}

fn tls(url: &str) -> String {
    format!("HTTPS with {}", place(url))
}
