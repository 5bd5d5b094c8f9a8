//! The server as people reach it: through names, certificates and proxies.

use std::io::ErrorKind;

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, ORIGIN};
use dais_shared::wire::{ClientFrame, FromServer, Goodbye, PROTOCOL_VERSION, ServerFrame, decode_server, encode_client};
use futures_util::{SinkExt, StreamExt};
use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use tokio::time::timeout;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::place::{PATIENCE, Place, Said};
use super::{Doctor, Finding, Fine, Note, Wrong, dates};
use crate::config::Tls;
use crate::http::operator::{CAME_DISTRUSTED, CAME_SILENTLY, CAME_TRUSTED, CAME_UNNAMED};
use crate::server::reachable;
use crate::tls::Dates;

impl Doctor {
    /// `running` is the server on this machine.
    pub(super) async fn outside(&self, url: &str, running: Option<&Said>) -> Vec<Finding> {
        let own = self.own_pair().and_then(Result::ok).and_then(|pair| pair.key.cert.first().cloned());
        // Which options it was started with it says itself, whatever the doctor was told.
        let shown_here = match running {
            Some(_) => Place::local(reachable(self.config.listen)).certificate_whoever_it_is().await,
            None => None,
        };
        let mut roots = self.roots.clone();
        if let (Tls::SelfSigned, Some(own)) = (&self.config.tls, &own) {
            // One that cannot be added is not believed, and that is said.
            let _ = roots.add(own.clone());
        }
        let Some(place) = Place::parse(url, roots) else {
            return vec![Wrong(format!("{url} is no address to open; name one such as https://talk.example."))];
        };
        let certificate = match place.dial().await {
            Ok((_, certificate)) => certificate,
            Err(error) => return vec![unreachable(url, &error)],
        };
        let mut findings = Vec::new();
        if let Some(dates_found) = certificate.as_deref().and_then(Dates::of) {
            findings.push(dates(dates_found, self.now).at(url));
        }
        findings.extend(health(&place, url).await);
        let Some(said) = place.status().await else {
            findings.push(Wrong(format!("{url} leads to no Dais; look where its name or its proxy leads.")));
            return findings;
        };
        findings.push(identity(url, &said, running));
        findings.push(websocket(&place, url).await);
        let is_direct = |own: &Option<CertificateDer<'_>>| certificate.is_some() && certificate == *own;
        if place.is_https() && !is_direct(&own) && !is_direct(&shown_here) {
            findings.push(self.forwarding(&place, url).await);
        }
        findings
    }

    /// Whether people behind the proxy are told apart: by the word of the server there.
    async fn forwarding(&self, place: &Place, url: &str) -> Finding {
        // What is for the operator alone is refused with words about the way there.
        let silent = || {
            // Whoever comes through it may name this machine, and is taken for somebody on it.
            let open = if self.config.admin_token.is_none() { ", and everybody may read /metrics" } else { "" };
            format!(
                "The proxy at {url} does not say for whom it speaks: all people have one address{open}; let it add \
                 X-Forwarded-For."
            )
        };
        match place.get("/metrics").await {
            Ok((StatusCode::OK, _)) => Wrong(silent()),
            Ok((StatusCode::UNAUTHORIZED, said)) if said == CAME_SILENTLY => Wrong(silent()),
            Ok((StatusCode::UNAUTHORIZED, said)) if said == CAME_UNNAMED => Wrong(format!(
                "The proxy at {url} does not say for whom it speaks: all people have one address; let it add X-Forwarded-For."
            )),
            Ok((StatusCode::UNAUTHORIZED, said)) if said == CAME_DISTRUSTED => Wrong(format!(
                "The proxy at {url} is none that --trust-proxy names: one who is kicked keeps everybody out for a minute; start \
                 the server with --trust-proxy and the address from which the proxy reaches it."
            )),
            Ok((StatusCode::UNAUTHORIZED, said)) if said == CAME_TRUSTED => {
                Fine("The proxy says for whom it speaks, and is believed.".into())
            }
            _ => Note("Whether the proxy adds X-Forwarded-For cannot be told from here.".into()),
        }
    }
}

impl Finding {
    /// About a certificate that was shown there.
    fn at(self, url: &str) -> Self {
        let at = |sentence: String| sentence.replacen("The certificate", &format!("The certificate of {url}"), 1);
        match self {
            Fine(sentence) => Fine(at(sentence)),
            Note(sentence) => Note(at(sentence)),
            Wrong(sentence) => Wrong(at(sentence)),
        }
    }
}

fn unreachable(url: &str, error: &std::io::Error) -> Finding {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Wrong(match error {
            rustls::Error::InvalidCertificate(reason) => {
                format!("The certificate of {url} is not one that browsers accept: {}.", certificate(reason))
            }
            rustls::Error::InvalidMessage(_) => {
                format!("{url} does not speak HTTPS; name it with http://, or look whether its port is the right one.")
            }
            other => format!("HTTPS with {url} fails ({other}); look whether its port is the right one."),
        });
    }
    Wrong(match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!(
                "{url} cannot be reached: nothing listens there; start what should, or look at the port and at where the name leads."
            )
        }
        ErrorKind::TimedOut => {
            format!("{url} cannot be reached: nothing answers; look at the firewall, and at where the name leads.")
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            format!("{url} cannot be reached: there is no way from here ({error}); look at the network.")
        }
        // How the standard library tells of what the resolver says.
        _ if error.to_string().contains("lookup address") => {
            format!("{url} cannot be reached: nobody knows its name; look how it is written, and at the name's entry (DNS).")
        }
        _ if error.get_ref().is_some_and(|inner| inner.is::<hyper::Error>()) => {
            format!("{url} does not speak HTTP ({error}); if it speaks HTTPS, name it with https://, and else look at its port.")
        }
        _ => format!("{url} cannot be reached: {error}; look at the firewall and the proxy."),
    })
}

/// What is wrong with a certificate, and what helps.
fn certificate(reason: &CertificateError) -> String {
    match reason {
        CertificateError::UnknownIssuer => {
            "nobody whom this system trusts vouches for it; take one from an authority, with its whole chain, unless the server \
             signs its own and people compare that (--tls self-signed)"
                .into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired; renew it".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; look whether the clock is right".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is one for another name; name the host as the certificate does, or take one for this name".into()
        }
        other => format!("{other}; take another"),
    }
}

async fn health(place: &Place, url: &str) -> Option<Finding> {
    match place.get("/healthz").await {
        Ok((StatusCode::OK, _)) => Some(Fine(format!("{url} answers, and is well."))),
        Ok((StatusCode::SERVICE_UNAVAILABLE, sentence)) => {
            let sentence = String::from_utf8_lossy(&sentence).trim().to_owned();
            Some(Wrong(format!("{url} answers, and is not well: {sentence}.")))
        }
        Ok((status, _)) if status.is_redirection() => Some(Wrong(format!(
            "{url} leads on to another address ({}); name that, such as https:// in place of http://.",
            status.as_u16()
        ))),
        Ok((status, _)) => Some(Wrong(format!("{url}/healthz answers {status}; look where its proxy leads."))),
        Err(error) => Some(unreachable(url, &error)),
    }
}

/// Whether it is the one on this machine: that has been up for as long.
pub(super) fn identity(url: &str, said: &Said, running: Option<&Said>) -> Finding {
    let version = &said.version;
    match running {
        None => Note(format!("Dais {version} answers at {url}; whether it is this one shows when this one runs.")),
        Some(own) if own.version == *version && own.uptime_seconds.abs_diff(said.uptime_seconds) <= PATIENCE.as_secs() => {
            Fine(format!("{url} leads to this Dais."))
        }
        Some(_) => Wrong(format!("Dais {version} answers at {url}, and it is another than this one; look where the name leads.")),
    }
}

/// Whether what every page does first gets through.
async fn websocket(place: &Place, url: &str) -> Finding {
    let scheme = if place.is_https() { "https" } else { "http" };
    let through = async {
        let (stream, _) = place.dial().await?;
        let mut request = format!("ws://{}/ws", place.authority).into_client_request()?;
        let origin = format!("{scheme}://{}", place.authority);
        request.headers_mut().insert(ORIGIN, HeaderValue::from_str(&origin).map_err(std::io::Error::other)?);
        let (mut socket, _) = client_async(request, stream).await?;
        let hello = ClientFrame::Hello { version: PROTOCOL_VERSION, client: "dais doctor".into(), token: None };
        socket.send(Message::Binary(encode_client(&hello).into())).await?;
        let answer = socket.next().await.ok_or(Error::ConnectionClosed)??.into_data();
        // Nothing more is wanted of it.
        let _ = socket.close(None).await;
        // Where people have to sign in the doctor is sent away, by the server and not by what stands in between.
        let is_answer =
            |frame: &ServerFrame| matches!(frame, ServerFrame::Welcome { .. } | ServerFrame::Goodbye(Goodbye::NotSignedIn));
        Ok::<_, Error>(matches!(decode_server(&answer), Ok(FromServer::Control(frame)) if is_answer(&frame)))
    };
    match timeout(PATIENCE, through).await {
        Ok(Ok(true)) => Fine(format!("A WebSocket to {url}/ws gets through.")),
        Ok(Ok(false)) => Wrong(format!("{url}/ws speaks another version of the protocol; run the doctor of the same version.")),
        Ok(Err(Error::Http(answer))) if answer.status() == StatusCode::FORBIDDEN => Wrong(format!(
            "Pages from {url} are refused: the proxy changes the Host header; let it pass that on, or start the server with \
             --allow-origin {scheme}://{}.",
            place.authority
        )),
        Ok(Err(Error::Http(answer))) if answer.status() == StatusCode::TOO_MANY_REQUESTS => Wrong(format!(
            "{url} takes no more connections from here at the moment; where all people come through a proxy that --trust-proxy does \
             not name, they have one address's share."
        )),
        Ok(Err(Error::Http(answer))) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => Wrong(format!(
            "{url}/ws takes no connection at the moment ({}): the server is full, or what the proxy leads to does not answer; the \
             server's log says which.",
            answer.status()
        )),
        Ok(Err(Error::Http(answer))) => Wrong(format!(
            "A WebSocket to {url}/ws does not get through ({}); let the proxy pass on Upgrade and Connection.",
            answer.status()
        )),
        Ok(Err(error)) => Wrong(format!("A WebSocket to {url}/ws does not get through: {error}; look at the proxy.")),
        Err(_) => Wrong(format!("A WebSocket to {url}/ws gets no answer; look at the proxy.")),
    }
}
