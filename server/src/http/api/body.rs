//! What a request says: JSON, of a bounded length, in a bounded time, and nothing that is not understood.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use dais_shared::limits::API_BODY_MS_MAX;
use serde::de::DeserializeOwned;
use tokio::time::Duration;

use super::Refused;
use crate::server::House;

/// The body of a request as a `T`; none at all leaves out all that may be left out. The router bounds its length.
pub(crate) struct Said<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<House>> for Said<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, house: &Arc<House>) -> Result<Self, Refused> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        let is_json = kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
        let body = Bytes::from_request(request, house);
        let body = house.clock.within(Duration::from_millis(API_BODY_MS_MAX), body).await;
        let body = body.ok_or(Refused::TooSlow)?.map_err(|rejection| match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refused::TooLarge,
            _ => Refused::Body("the body cannot be read".into()),
        })?;
        // Of what kind nothing is need not be said.
        let is_nothing = body.trim_ascii().is_empty();
        if !is_json && !is_nothing {
            return Err(Refused::NotJson);
        }
        let body = if is_nothing { Bytes::from_static(b"{}") } else { body };
        // What is read by names only is not to be said by places.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(Refused::Body("the body has to be a JSON object".into()));
        }
        serde_json::from_slice(&body).map(Self).map_err(|error| Refused::Body(format!("the body is wrong: {error}")))
    }
}
