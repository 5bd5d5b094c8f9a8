//! What the operator asks and orders, in JSON: docs/openapi.json says what, docs/api.md how.
//!
//! A change of a room goes through the room's mailbox, where the rules judge it. No answer holds a passcode or, but for the
//! link of a new room's host, a secret; and none an address, but that of whom all that is kept is asked for.

pub(crate) mod bans;
mod body;
pub(crate) mod identities;
pub(crate) mod links;
mod named;
pub(crate) mod person;
mod refused;
pub(crate) mod rooms;

use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};

pub(crate) use refused::Refused;

/// As it is written, to be read by programs.
const DESCRIPTION: &str = include_str!("../../../docs/openapi.json");

/// `GET /api/openapi.json`.
pub(crate) async fn description() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DESCRIPTION).into_response()
}

/// Any other path below `/api`.
pub(crate) async fn unknown_path() -> Refused {
    Refused::UnknownPath
}

/// A path of the API, asked for something that is not done there.
pub(crate) async fn unknown_method() -> Refused {
    Refused::UnknownMethod
}

/// Behind what the wanted page of a list begins: `?after=…`, and nothing else.
fn after<T>(uri: &Uri, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Refused> {
    match uri.query() {
        None | Some("") => Ok(None),
        Some(query) => query.strip_prefix("after=").and_then(parse).map(Some).ok_or(Refused::Query),
    }
}
