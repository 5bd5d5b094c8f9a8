//! Rooms: which there are, who sits in them; made and ended.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use dais_shared::ids::{MemberId, RoomId, Token, UserId};
use dais_shared::limits::{API_PAGE_MAX, HOST_AWAITED_MS, HOST_AWAITED_MS_MAX};
use dais_shared::permissions::Role;
use dais_shared::room::{Denied, Mode, Order, Settings};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::body::Said;
use super::named::Named;
use super::{Refused, after};
use crate::http::access::{MayChange, MayRead};
use crate::room_actor::Message;
use crate::rooms::{Handle, NewRoom, Overview};
use crate::server::House;
use crate::spelling;

const HOUR_MS: u64 = 3_600_000;
/// Who comes in over a host's link, unless the operator knows better: the host may take another name.
const HOST_NAME: &str = "Host";

#[derive(Serialize)]
pub(crate) struct RoomsPage {
    rooms: Vec<Room>,
    /// Behind what the next page begins, if there may be one.
    next: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Room {
    id: String,
    title: String,
    mode: &'static str,
    unlisted: bool,
    locked: bool,
    has_passcode: bool,
    on_stage: u32,
    listening: u32,
    host: Option<String>,
    created_ms: Option<u64>,
    age_seconds: Option<u64>,
}

impl Room {
    fn of(overview: Overview, now_ms: u64) -> Self {
        let Overview { summary, is_unlisted, created_ms } = overview;
        Self {
            id: summary.id.as_str().to_owned(),
            title: summary.title,
            mode: match summary.mode {
                Mode::Moderated => "moderated",
                Mode::Open => "open",
            },
            unlisted: is_unlisted,
            locked: summary.is_locked,
            has_passcode: summary.has_passcode,
            on_stage: summary.on_stage,
            listening: summary.listening,
            host: summary.host,
            created_ms,
            age_seconds: created_ms.map(|created_ms| now_ms.saturating_sub(created_ms) / 1000),
        }
    }
}

/// `GET /api/rooms`.
pub(crate) async fn list(_: MayRead, State(house): State<Arc<House>>, uri: Uri) -> Result<Json<RoomsPage>, Refused> {
    let after = after(&uri, |id| RoomId::parse(id).ok())?;
    let now_ms = house.clock.admission_ms();
    let rooms: Vec<Room> = house.rooms.overview(after.as_ref()).into_iter().map(|room| Room::of(room, now_ms)).collect();
    let next = rooms.last().filter(|_| rooms.len() == API_PAGE_MAX).map(|room| room.id.clone());
    Ok(Json(RoomsPage { rooms, next }))
}

/// `GET /api/rooms/{room}`.
pub(crate) async fn show(_: MayRead, State(house): State<Arc<House>>, Named(room): Named<String>) -> Result<Json<Room>, Refused> {
    let id = RoomId::parse(&room).map_err(|_| Denied::UnknownRoom)?;
    let overview = house.rooms.overview_of(&id).ok_or(Denied::UnknownRoom)?;
    Ok(Json(Room::of(overview, house.clock.admission_ms())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    title: String,
    id: Option<String>,
    mode: Option<WantedMode>,
    unlisted: Option<bool>,
    passcode: Option<String>,
    host_name: Option<String>,
    wait_hours: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WantedMode {
    Moderated,
    Open,
}

impl From<WantedMode> for Mode {
    fn from(mode: WantedMode) -> Self {
        match mode {
            WantedMode::Moderated => Self::Moderated,
            WantedMode::Open => Self::Open,
        }
    }
}

#[derive(Serialize)]
struct Made {
    id: String,
    link: String,
    host_link: String,
    host_user: u64,
    waits_until_ms: u64,
}

/// `POST /api/rooms`: a room with nobody in it, which waits for its host. Who that is, is an identity of its own, whose
/// token is in the host's link, and nowhere else.
pub(crate) async fn create(
    _: MayChange,
    State(house): State<Arc<House>>,
    Said(wanted): Said<Wanted>,
) -> Result<Response, Refused> {
    let id = wanted.id.as_deref().map(RoomId::parse).transpose().map_err(|error| Refused::Body(error.to_string()))?;
    let title = spelling::title(&wanted.title).map_err(Denied::InvalidTitle)?;
    let mode = wanted.mode.map_or(Mode::Moderated, Mode::from);
    let settings = Settings { is_unlisted: wanted.unlisted.unwrap_or(false), ..Settings::new(title, mode) };
    let passcode = wanted.passcode.as_deref().map(spelling::passcode).transpose().map_err(Denied::InvalidPasscode)?;
    let wait_ms = wait_ms(wanted.wait_hours)?;
    let now_ms = house.clock.now_ms();
    let waits_until_ms = house.clock.admission_ms() + wait_ms;
    let name = wanted.host_name.as_deref().unwrap_or(HOST_NAME);
    let (host, token) = house.auth.login(name, None).await?;
    let until_ms = now_ms + wait_ms;
    let (answer, answered) = oneshot::channel();
    let order = Message::Order { order: Order::AwaitHost { until_ms }, answer };
    let new = NewRoom { id, settings, passcode, founder: host.user, address: None };
    let made = match house.rooms.create(&house, new, order) {
        Ok(room) => match answered.await.unwrap_or(Err(Denied::Unavailable)) {
            Ok(()) => Ok(room.id),
            Err(denied) => {
                // It stands, where that was only not kept in time. Nobody is told of it, and it is not to wait for anybody.
                let _ = ask_at(&room, |answer| Message::Order { order: Order::End, answer }).await;
                Err(denied)
            }
        },
        Err(denied) => Err(denied),
    };
    match made {
        Ok(id) => {
            tracing::info!(room = %id, host = %host.user, "made by the operator");
            Ok(told(&id, host.user, token, waits_until_ms))
        }
        Err(denied) => {
            // Nobody ever learns of its token: one that stays is of no use and does no harm.
            let _ = house.auth.revoke(host.user).await;
            Err(denied.into())
        }
    }
}

fn wait_ms(hours: Option<u64>) -> Result<u64, Refused> {
    const HOURS_MAX: u64 = HOST_AWAITED_MS_MAX / HOUR_MS;
    match hours {
        None => Ok(HOST_AWAITED_MS),
        Some(hours @ 1..=HOURS_MAX) => Ok(hours * HOUR_MS),
        Some(_) => Err(Refused::Body(format!("wait_hours can be 1 to {HOURS_MAX}"))),
    }
}

fn told(id: &RoomId, host: UserId, token: Token, waits_until_ms: u64) -> Response {
    let link = format!("/r/{id}");
    // Behind the hash, so that no server and no proxy on the way is told.
    let host_link = format!("{link}#host={}", HEXLOWER.encode(&token.0));
    let location = [(header::LOCATION, format!("/api/rooms/{id}"))];
    let made = Made { id: id.as_str().to_owned(), link, host_link, host_user: host.0, waits_until_ms };
    (StatusCode::CREATED, location, Json(made)).into_response()
}

/// `DELETE /api/rooms/{room}`.
pub(crate) async fn end(
    _: MayChange,
    State(house): State<Arc<House>>,
    Named(room): Named<String>,
) -> Result<StatusCode, Refused> {
    obey(&house, &room, Order::End).await?;
    tracing::info!(%room, "ended by the operator");
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
pub(crate) struct MembersPage {
    members: Vec<Member>,
    next: Option<u32>,
}

#[derive(Serialize)]
pub(crate) struct Member {
    seat: u32,
    user: u64,
    name: String,
    role: &'static str,
    connected: bool,
    joined_ms: u64,
}

/// `GET /api/rooms/{room}/members`.
pub(crate) async fn members(
    _: MayRead,
    State(house): State<Arc<House>>,
    Named(room): Named<String>,
    uri: Uri,
) -> Result<Json<MembersPage>, Refused> {
    let after = after(&uri, |seat| seat.parse().ok())?.map(MemberId);
    let seats = ask(&house, &room, |answer| Message::TellSeats { after, answer }).await?;
    let next = seats.last().filter(|_| seats.len() == API_PAGE_MAX).map(|(member, _)| member.0);
    let members = seats.into_iter().map(|(member, seat)| Member {
        seat: member.0,
        user: seat.user.0,
        connected: seat.is_connected(),
        name: seat.name,
        role: role_name(seat.role),
        joined_ms: seat.joined_ms,
    });
    Ok(Json(MembersPage { members: members.collect(), next }))
}

/// A role, as programs read it.
pub(super) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Listener => "listener",
        Role::Speaker => "speaker",
        Role::CoHost => "co_host",
        Role::Host => "host",
    }
}

/// Has a room carry an order out, and waits until that is kept.
pub(super) async fn obey(house: &House, room: &str, order: Order) -> Result<(), Refused> {
    Ok(ask(house, room, |answer| Message::Order { order, answer }).await??)
}

/// What a room answers.
pub(super) async fn ask<T>(house: &House, room: &str, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, Denied> {
    let id = RoomId::parse(room).map_err(|_| Denied::UnknownRoom)?;
    ask_at(&house.rooms.find(&id).ok_or(Denied::UnknownRoom)?, message).await
}

/// What the room at the other end answers.
pub(super) async fn ask_at<T>(room: &Handle, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, Denied> {
    let (answer, answered) = oneshot::channel();
    // It ended this moment, or it died and is being taken up again.
    let gone = || if room.ending.is_regular() { Denied::UnknownRoom } else { Denied::Unavailable };
    room.mailbox.send(message(answer)).await.map_err(|_| gone())?;
    answered.await.map_err(|_| gone())
}
