//! Who is known, and no longer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use dais_shared::ids::UserId;
use dais_shared::limits::API_PAGE_MAX;
use dais_shared::room::Denied;
use serde::Serialize;

use super::named::Named;
use super::{Refused, after};
use crate::erasure::{self, NotErased};
use crate::http::access::{MayChange, MayRead};
use crate::server::House;

#[derive(Serialize)]
pub(crate) struct IdentitiesPage {
    identities: Vec<Identity>,
    next: Option<u64>,
}

#[derive(Serialize)]
pub(crate) struct Identity {
    user: u64,
    name: String,
    created_ms: Option<u64>,
    used_ms: u64,
}

/// `GET /api/identities`.
pub(crate) async fn list(_: MayRead, State(house): State<Arc<House>>, uri: Uri) -> Result<Json<IdentitiesPage>, Refused> {
    let after = after(&uri, |user| user.parse().ok().filter(|user| *user <= i64::MAX.cast_unsigned()))?.map(UserId);
    let known = house.auth.known(after).await?;
    let next = known.last().filter(|_| known.len() == API_PAGE_MAX).map(|last| last.identity.user.0);
    let identities = known.into_iter().map(|known| Identity {
        user: known.identity.user.0,
        name: known.identity.name,
        created_ms: known.created_ms,
        used_ms: known.used_ms,
    });
    Ok(Json(IdentitiesPage { identities: identities.collect(), next }))
}

/// `DELETE /api/identities/{user}`: nothing of that person is left, but for marks of his bans.
pub(crate) async fn erase(
    _: MayChange,
    State(house): State<Arc<House>>,
    Named(user): Named<String>,
) -> Result<StatusCode, Refused> {
    let user = UserId(user.parse().map_err(|_| Denied::NoSuchPerson)?);
    erasure::erase(&house, user).await.map_err(|not| match not {
        NotErased::Denied(denied) => denied.into(),
        NotErased::StillCopied => Refused::StillCopied,
    })?;
    // Not whom: that would be kept.
    tracing::info!("somebody erased by the operator");
    Ok(StatusCode::NO_CONTENT)
}
