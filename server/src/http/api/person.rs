//! All that is kept of one person, for whom it is to be told.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use dais_shared::ids::{AddressPrefix, RoomId, UserId};
use dais_shared::room::{Denied, Trace};
use serde::Serialize;

use super::named::Named;
use super::rooms::role_name;
use super::{Refused, after};
use crate::http::access::MayChange;
use crate::server::House;
use crate::store::Person;

#[derive(Serialize)]
pub(crate) struct Told {
    user: u64,
    identity: Option<Identity>,
    /// Of the rooms that hold something, in the order of their ids.
    rooms: Vec<Room>,
    /// Behind what the next page begins, if there is one.
    next: Option<String>,
}

#[derive(Serialize)]
struct Identity {
    name: String,
    created_ms: Option<u64>,
    used_ms: u64,
    came_by: Option<Link>,
}

#[derive(Serialize)]
struct Link {
    id: u64,
    room: String,
}

#[derive(Serialize)]
struct Room {
    id: String,
    founder: bool,
    title: Option<String>,
    topic: Option<String>,
    seat: Option<Seat>,
    departed: Option<Departed>,
    ban: Option<Ban>,
    kick: Option<Kick>,
    chair_kept_until_ms: Option<u64>,
    muted_away: bool,
    messages: Vec<Message>,
}

#[derive(Serialize)]
struct Seat {
    seat: u32,
    name: String,
    role: &'static str,
    address: String,
    joined_ms: u64,
    held_until_ms: Option<u64>,
    on_stage_since_ms: Option<u64>,
    hand_raised_ms: Option<u64>,
}

#[derive(Serialize)]
struct Departed {
    name: String,
    role: &'static str,
    address: String,
    at_ms: u64,
}

#[derive(Serialize)]
struct Ban {
    name: String,
    address: Option<String>,
    at_ms: u64,
}

#[derive(Serialize)]
struct Kick {
    address: Option<String>,
    until_ms: u64,
}

#[derive(Serialize)]
struct Message {
    id: u32,
    name: String,
    at_ms: u64,
    text: Option<String>,
}

/// `GET /api/identities/{user}`. Wants the token in any case: it tells what the data folder keeps from other users of the
/// machine.
pub(crate) async fn show(
    _: MayChange,
    State(house): State<Arc<House>>,
    Named(user): Named<String>,
    uri: Uri,
) -> Result<Json<Told>, Refused> {
    let user = UserId(user.parse().map_err(|_| Denied::NoSuchPerson)?);
    let after = after(&uri, |id| RoomId::parse(id).ok())?;
    let person = house.store.person(user, after).await.map_err(|_| Denied::Unavailable)?;
    Ok(Json(told(user, person.ok_or(Denied::NoSuchPerson)?)))
}

fn told(user: UserId, person: Person) -> Told {
    let Person { identity, link, traces, has_more } = person;
    Told {
        user: user.0,
        identity: identity.map(|known| Identity {
            name: known.identity.name,
            created_ms: known.created_ms,
            used_ms: known.used_ms,
            came_by: link.map(|link| Link { id: link.id.0, room: link.room.as_str().to_owned() }),
        }),
        next: traces.last().filter(|_| has_more).map(|(room, _)| room.as_str().to_owned()),
        rooms: traces.into_iter().map(|(room, trace)| Room::of(&room, trace)).collect(),
    }
}

impl Room {
    fn of(id: &RoomId, trace: Trace) -> Self {
        let Trace { is_founder, title, topic, seat, hand, departed, ban, block, claim, is_muted_away, messages } = trace;
        Self {
            id: id.as_str().to_owned(),
            founder: is_founder,
            title,
            topic,
            seat: seat.map(|(member, seat)| Seat {
                seat: member.0,
                name: seat.name,
                role: role_name(seat.role),
                address: written(seat.address),
                joined_ms: seat.joined_ms,
                held_until_ms: seat.held_until_ms,
                on_stage_since_ms: seat.stage.map(|stage| stage.since_ms),
                hand_raised_ms: hand.map(|hand| hand.raised_ms),
            }),
            departed: departed.map(|departed| Departed {
                name: departed.name,
                role: role_name(departed.role),
                address: written(departed.address),
                at_ms: departed.at_ms,
            }),
            ban: ban.map(|ban| Ban { name: ban.name, address: ban.address.map(written), at_ms: ban.at_ms }),
            kick: block.map(|block| Kick { address: block.address.map(written), until_ms: block.until_ms }),
            chair_kept_until_ms: claim.map(|claim| claim.until_ms),
            muted_away: is_muted_away,
            messages: messages
                .into_iter()
                .map(|message| Message { id: message.id.0, name: message.name, at_ms: message.at_ms, text: message.text })
                .collect(),
        }
    }
}

/// As addresses and networks are written (RFC 4291, section 2.3).
fn written(address: AddressPrefix) -> String {
    match address {
        AddressPrefix::V4(bytes) => std::net::Ipv4Addr::from(bytes).to_string(),
        AddressPrefix::V6([a, b, c, d, e, f, g, h]) => {
            let address = std::net::Ipv6Addr::from([a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0]);
            format!("{address}/64")
        }
    }
}
