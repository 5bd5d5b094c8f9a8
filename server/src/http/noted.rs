//! Every answer that is a no is counted, and the log told of it, here and nowhere else. Whoever gives the answer writes the
//! reason on it; of one that bears none, its status says what there is to say, so that nobody is refused in silence. Where
//! nobody could give one, by a fault of ours, it is given here.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::origin;
use crate::refusal::Refusal;
use crate::server::{House, Peer};
use crate::supervise::Part;

/// What is written on an answer.
#[derive(Clone, Debug)]
enum Reason {
    /// Why, and what it is about: see [`crate::refusal::Refusals::refuse_over`].
    Refused(Refusal, Option<String>),
    /// It says again what was told already.
    Told,
}

/// An answer with its reason.
pub(super) fn because(refusal: Refusal, answer: impl IntoResponse) -> Response {
    written(Reason::Refused(refusal, None), answer)
}

/// An answer with its reason, and what that is about: nothing that is a secret or a person's.
pub(super) fn because_of(refusal: Refusal, about: String, answer: impl IntoResponse) -> Response {
    written(Reason::Refused(refusal, Some(about)), answer)
}

/// An answer that only explains another one.
pub(super) fn told_already(answer: impl IntoResponse) -> Response {
    written(Reason::Told, answer)
}

fn written(reason: Reason, answer: impl IntoResponse) -> Response {
    let mut answer = answer.into_response();
    answer.extensions_mut().insert(reason);
    answer
}

/// See the module.
pub(crate) async fn note(State(house): State<Arc<House>>, request: Request, next: Next) -> Response {
    let peer = request
        .extensions()
        .get::<Peer>()
        .map(|Peer(peer)| SocketAddr::new(origin::address(peer.ip(), request.headers(), &house.trust_proxies), peer.port()));
    let supervisor = &house.supervisor;
    let answer = supervisor.outcome(Part::Request, async {
        supervisor.look(Part::Request);
        next.run(request).await
    });
    let failed = || (StatusCode::INTERNAL_SERVER_ERROR, "The server failed to answer this.\n").into_response();
    let mut answer = answer.await.unwrap_or_else(failed);
    let status = answer.status();
    if status.is_client_error() || status.is_server_error() {
        match answer.extensions_mut().remove().unwrap_or_else(|| Reason::Refused(by_status(status), None)) {
            Reason::Refused(refusal, None) => house.refusals.refuse(refusal, peer),
            Reason::Refused(refusal, Some(about)) => house.refusals.refuse_over(refusal, peer, Some(&about)),
            Reason::Told => {}
        }
    }
    answer
}

fn by_status(status: StatusCode) -> Refusal {
    match status {
        StatusCode::NOT_FOUND => Refusal::UnknownPath,
        StatusCode::METHOD_NOT_ALLOWED => Refusal::UnknownMethod,
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::BodyTooLarge,
        StatusCode::REQUEST_TIMEOUT => Refusal::BodyTooSlow,
        StatusCode::SERVICE_UNAVAILABLE => Refusal::Unavailable,
        status if status.is_server_error() => Refusal::Fault,
        _ => Refusal::Other,
    }
}
