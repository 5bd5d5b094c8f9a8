//! Links that let their bearers into one room with more than others have: made, listed, revoked.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use dais_shared::ids::RoomId;
use dais_shared::limits::{LINK_MS, LINK_MS_MAX, LINK_USES_MAX};
use dais_shared::room::Denied;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::Refused;
use super::body::Said;
use super::named::Named;
use super::rooms::role_name;
use crate::auth::token_hash;
use crate::http::access::{MayChange, MayRead};
use crate::server::House;
use crate::sign_in::{GivenRole, Skips, pass_of};
use crate::store::{Link, LinkId, Write};

#[derive(Serialize)]
pub(crate) struct Links {
    links: Vec<Listed>,
}

#[derive(Serialize)]
pub(crate) struct Listed {
    id: u64,
    role: &'static str,
    skips: Vec<&'static str>,
    not_before_ms: u64,
    expires_ms: u64,
    uses: u32,
    uses_max: Option<u32>,
    created_ms: u64,
}

impl From<Link> for Listed {
    fn from(link: Link) -> Self {
        let Link { id, pass, not_before_ms, expires_ms, uses, uses_max, created_ms, .. } = link;
        let skips = [("passcode", pass.skips_passcode), ("lock", pass.skips_lock)];
        Self {
            id: id.0,
            role: role_name(pass.role),
            skips: skips.into_iter().filter_map(|(name, is_skipped)| is_skipped.then_some(name)).collect(),
            not_before_ms,
            expires_ms,
            uses,
            uses_max,
            created_ms,
        }
    }
}

#[derive(Serialize)]
struct Made {
    link: String,
    #[serde(flatten)]
    listed: Listed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    role: Option<GivenRole>,
    #[serde(default)]
    skips: Vec<Skips>,
    not_before_ms: Option<u64>,
    expires_ms: Option<u64>,
    uses_max: Option<u32>,
}

/// `GET /api/rooms/{room}/links`: all of them; none says its secret.
pub(crate) async fn list(
    _: MayRead,
    State(house): State<Arc<House>>,
    Named(room): Named<String>,
) -> Result<Json<Links>, Refused> {
    let room = known(&house, &room)?;
    let links = house.store.links(room).await.map_err(|_| Denied::Unavailable)?;
    Ok(Json(Links { links: links.into_iter().map(Listed::from).collect() }))
}

/// `POST /api/rooms/{room}/links`. Its secret is told this once; the server keeps its hash.
pub(crate) async fn create(
    _: MayChange,
    State(house): State<Arc<House>>,
    Named(room): Named<String>,
    Said(wanted): Said<Wanted>,
) -> Result<Response, Refused> {
    let room = known(&house, &room)?;
    let now_ms = house.clock.admission_ms();
    let link = wanted.link(room.clone(), LinkId::random(&house.chance), now_ms)?;
    let (id, role) = (link.id, link.pass.role);
    let secret = house.chance.bytes::<16>();
    let write = Write::LinkMade { link, secret: token_hash(&secret) };
    house.store.write(write).await.map_err(|_| Denied::Unavailable)?;
    // What is kept is what is told: a room that ended this moment has no links, and a full one takes no more.
    let kept = house.store.links(room.clone()).await.map_err(|_| Denied::Unavailable)?;
    let Some(link) = kept.into_iter().find(|link| link.id == id) else {
        return Err(known(&house, room.as_str()).map_or_else(|gone| gone, |_| Refused::TooManyLinks));
    };
    tracing::info!(%room, link = id.0, ?role, "link made by the operator");
    // Behind the hash, so that no server and no proxy on the way is told.
    let made = Made { link: format!("/r/{room}#invite={}", HEXLOWER.encode(&secret)), listed: link.into() };
    let location = [(header::LOCATION, format!("/api/rooms/{room}/links/{}", id.0))];
    Ok((StatusCode::CREATED, location, Json(made)).into_response())
}

/// `DELETE /api/rooms/{room}/links/{link}`: whoever has it comes in as everybody does from now on.
pub(crate) async fn revoke(
    _: MayChange,
    State(house): State<Arc<House>>,
    Named((room, link)): Named<(String, String)>,
) -> Result<StatusCode, Refused> {
    let room = known(&house, &room)?;
    let id = LinkId(link.parse().map_err(|_| Refused::UnknownLink)?);
    let kept = house.store.links(room.clone()).await.map_err(|_| Denied::Unavailable)?;
    if !kept.iter().any(|link| link.id == id) {
        return Err(Refused::UnknownLink);
    }
    house.store.write(Write::LinkRevoked(id)).await.map_err(|_| Denied::Unavailable)?;
    tracing::info!(%room, link = id.0, "link revoked by the operator");
    Ok(StatusCode::NO_CONTENT)
}

fn known(house: &House, room: &str) -> Result<RoomId, Refused> {
    let id = RoomId::parse(room).map_err(|_| Denied::UnknownRoom)?;
    house.rooms.find(&id).map(|_| id).ok_or_else(|| Denied::UnknownRoom.into())
}

impl Wanted {
    fn link(self, room: RoomId, id: LinkId, now_ms: u64) -> Result<Link, Refused> {
        let pass = pass_of(self.role, &self.skips);
        let not_before_ms = self.not_before_ms.unwrap_or(now_ms);
        let expires_ms = self.expires_ms.unwrap_or(not_before_ms.max(now_ms).saturating_add(LINK_MS));
        if expires_ms <= now_ms.max(not_before_ms) || expires_ms > now_ms + LINK_MS_MAX {
            let days = LINK_MS_MAX / 86_400_000;
            return Err(Refused::Body(format!(
                "expires_ms has to be later than now and than not_before_ms, by {days} days at most"
            )));
        }
        if self.uses_max.is_some_and(|most| !(1..=LINK_USES_MAX).contains(&most)) {
            return Err(Refused::Body(format!("uses_max can be 1 to {LINK_USES_MAX}")));
        }
        Ok(Link { id, room, pass, not_before_ms, expires_ms, uses: 0, uses_max: self.uses_max, created_ms: now_ms })
    }
}
