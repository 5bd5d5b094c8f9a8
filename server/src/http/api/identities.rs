//! Who is known, and no longer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use dais_shared::ids::UserId;
use dais_shared::limits::API_PAGE_MAX;
use dais_shared::room::{Denied, Order};
use serde::Serialize;

use super::named::Named;
use super::rooms::ask_at;
use super::{Refused, after};
use crate::http::access::{MayChange, MayRead};
use crate::room_actor::Message;
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

/// `DELETE /api/identities/{user}`: its token opens nothing any more, its pages are logged out, its seats are given up.
pub(crate) async fn revoke(
    _: MayChange,
    State(house): State<Arc<House>>,
    Named(user): Named<String>,
) -> Result<StatusCode, Refused> {
    let user = UserId(user.parse().map_err(|_| Denied::NoSuchPerson)?);
    let mut all_obeyed = house.auth.revoke(user).await;
    if all_obeyed == Err(Denied::Unavailable) {
        all_obeyed?;
    }
    // Where the store knows nobody, rooms still may: an order that came to nothing half-way is given again.
    for room in house.rooms.all() {
        // One that has ended holds no seat. Pages that are connected leave theirs by themselves; this is for the seats that
        // are held for pages which are not.
        match ask_at(&room, |answer| Message::Order { order: Order::Forget(user), answer }).await {
            Ok(Ok(())) | Ok(Err(Denied::RoomEnded)) | Err(Denied::UnknownRoom) => {}
            Ok(Err(denied)) | Err(denied) => all_obeyed = Err(denied),
        }
    }
    all_obeyed?;
    tracing::info!(%user, "revoked by the operator");
    Ok(StatusCode::NO_CONTENT)
}
