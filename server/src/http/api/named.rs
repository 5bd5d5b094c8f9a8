//! What a request's path names.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::Refused;

/// The parts of a path that stand for names. One that is no text at all is refused as everything here is.
pub(crate) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let found = Path::<T>::from_request_parts(parts, state).await;
        found.map(|Path(names)| Self(names)).map_err(|_| Refused::UnknownPath)
    }
}
