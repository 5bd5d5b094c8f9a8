//! Who may not come into a room.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dais_shared::ids::UserId;
use dais_shared::room::{Denied, Order};
use serde::{Deserialize, Serialize};

use super::Refused;
use super::body::Said;
use super::named::Named;
use super::rooms::{ask, obey};
use crate::http::access::{MayChange, MayRead};
use crate::room_actor::Message;
use crate::server::House;

#[derive(Serialize)]
pub(crate) struct Bans {
    bans: Vec<Ban>,
}

#[derive(Serialize)]
pub(crate) struct Ban {
    /// Of somebody who was erased, a number that stands for him here.
    user: u64,
    /// Of somebody who was erased, nothing.
    name: String,
    erased: bool,
    /// Whether it holds for everybody from the same address. Which that is, the operator is not told either.
    blocks_address: bool,
    at_ms: u64,
}

/// `GET /api/rooms/{room}/bans`.
pub(crate) async fn list(_: MayRead, State(house): State<Arc<House>>, Named(room): Named<String>) -> Result<Json<Bans>, Refused> {
    let bans = ask(&house, &room, |answer| Message::TellBans { answer }).await?;
    let (bans, erased) = bans;
    let bans = bans.into_iter().map(|ban| Ban {
        user: ban.user.0,
        name: ban.name,
        erased: false,
        blocks_address: ban.address.is_some(),
        at_ms: ban.at_ms,
    });
    let erased = erased.into_iter().map(|ban| Ban {
        user: ban.handle().0,
        name: String::new(),
        erased: true,
        blocks_address: ban.address.is_some(),
        at_ms: ban.at_ms,
    });
    Ok(Json(Bans { bans: bans.chain(erased).collect() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whom {
    user: u64,
}

/// `POST /api/rooms/{room}/bans`.
pub(crate) async fn ban(
    _: MayChange,
    State(house): State<Arc<House>>,
    Named(room): Named<String>,
    Said(Whom { user }): Said<Whom>,
) -> Result<StatusCode, Refused> {
    obey(&house, &room, Order::Ban(UserId(user))).await?;
    tracing::info!(%room, user, "banned by the operator");
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/rooms/{room}/bans/{user}`.
pub(crate) async fn unban(
    _: MayChange,
    State(house): State<Arc<House>>,
    Named((room, user)): Named<(String, String)>,
) -> Result<StatusCode, Refused> {
    let user = user.parse().map_err(|_| Denied::NoSuchPerson)?;
    obey(&house, &room, Order::Unban(UserId(user))).await?;
    tracing::info!(%room, user, "let in again by the operator");
    Ok(StatusCode::NO_CONTENT)
}
