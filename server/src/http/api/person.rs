//! All that is kept of one person, for whom it is to be told.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use dais_shared::ids::{AddressPrefix, MemberId, RoomId, UserId};
use dais_shared::room::{self, Denied, MicrophoneState, Trace};
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
    stage: Option<Stage>,
    hand_raised_ms: Option<u64>,
    /// To come on stage.
    invitation: Option<Invitation>,
    /// Whom this person asks on stage.
    invites: Vec<Invitation>,
    successor: bool,
}

#[derive(Serialize)]
struct Stage {
    stream: u32,
    role_since_ms: u64,
    self_muted: bool,
    host_muted: bool,
    microphone: &'static str,
}

#[derive(Serialize)]
struct Invitation {
    id: u32,
    seat: u32,
    by_seat: u32,
    expires_ms: u64,
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
    seat: u32,
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

// Each takes what is kept apart by the names of its fields: what is added there is told here, or left out by name.

impl Room {
    fn of(id: &RoomId, trace: Trace) -> Self {
        let Trace {
            is_founder,
            title,
            topic,
            seat,
            hand,
            invitation,
            invited,
            is_successor,
            departed,
            ban,
            block,
            claim,
            is_muted_away,
            messages,
        } = trace;
        Self {
            id: id.as_str().to_owned(),
            founder: is_founder,
            title,
            topic,
            seat: seat.map(|(member, seat)| Seat {
                hand_raised_ms: hand.map(|room::RaisedHand { member: _, raised_ms }| raised_ms),
                invitation: invitation.map(Invitation::of),
                invites: invited.into_iter().map(Invitation::of).collect(),
                successor: is_successor,
                ..Seat::of(member, seat)
            }),
            departed: departed.map(Departed::of),
            ban: ban.map(|room::Ban { user: _, name, address, at_ms }| Ban { name, address: address.map(written), at_ms }),
            kick: block.map(|room::Block { user: _, address, until_ms }| Kick { address: address.map(written), until_ms }),
            chair_kept_until_ms: claim.map(|room::Claim { user: _, until_ms }| until_ms),
            muted_away: is_muted_away,
            messages: messages.into_iter().map(Message::of).collect(),
        }
    }
}

impl Seat {
    /// What the seat itself holds. What a name looks like is made from it, and not kept.
    fn of(member: MemberId, seat: room::Seat) -> Self {
        let room::Seat { user: _, name, likeness: _, address, role, stage, joined_ms, held_until_ms } = seat;
        Self {
            seat: member.0,
            name,
            role: role_name(role),
            address: written(address),
            joined_ms,
            held_until_ms,
            on_stage_since_ms: stage.as_ref().map(|stage| stage.since_ms),
            stage: stage.map(Stage::of),
            hand_raised_ms: None,
            invitation: None,
            invites: Vec::new(),
            successor: false,
        }
    }
}

impl Stage {
    fn of(stage: room::StageSeat) -> Self {
        // Since when is told beside it.
        let room::StageSeat { stream, since_ms: _, role_since_ms, self_muted, host_muted, microphone } = stage;
        let microphone = match microphone {
            MicrophoneState::Closed => "closed",
            MicrophoneState::Open => "open",
            MicrophoneState::Refused => "refused",
            MicrophoneState::Missing => "missing",
            MicrophoneState::Lost => "lost",
        };
        Self { stream: stream.0, role_since_ms, self_muted, host_muted, microphone }
    }
}

impl Invitation {
    fn of(invitation: room::Invitation) -> Self {
        let room::Invitation { id, member, by, expires_ms } = invitation;
        Self { id: id.0, seat: member.0, by_seat: by.0, expires_ms }
    }
}

impl Departed {
    fn of(departed: room::Departed) -> Self {
        let room::Departed { user: _, name, likeness: _, address, role, at_ms } = departed;
        Self { name, role: role_name(role), address: written(address), at_ms }
    }
}

impl Message {
    fn of(message: room::Message) -> Self {
        let room::Message { id, member, user: _, name, at_ms, text } = message;
        Self { id: id.0, seat: member.0, name, at_ms, text }
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
