//! The database against its model: the rooms in memory, and what people expect of a file.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod clocks;
pub(super) mod identities;
mod plans;

use std::sync::Arc;
use std::time::Duration;

use dais_shared::ids::{AddressPrefix, InvitationId, MemberId, MessageId, RoomId, UserId};
use dais_shared::limits::{MESSAGES_KEPT_MAX, STORE_GROUP_MAX, STORE_QUEUE_MAX};
use dais_shared::permissions::Role;
use dais_shared::room::{
    Ban, Command, Context, Event, Input, Join, Message, MicrophoneState, Mode, Order, Pass, Reaction, Room, RoomEndReason,
    Setting, Settings,
};
use dais_shared::wire::Identity;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use super::database::Database;
use super::rows::read_rooms;
use super::{ByLink, Keeper, Known, Link, LinkId, OpenError, Request, Store, TokenHash, Write};
use crate::clock::{Clock, Moment};
use crate::spelling::looks;

pub(super) fn folder() -> TempDir {
    TempDir::with_prefix("dais-store-").unwrap()
}

/// Where every clock shows the same.
pub(super) const fn at(ms: u64) -> Moment {
    Moment { date_ms: ms, rooms_ms: ms, up_ms: ms }
}

pub(super) fn open(folder: &TempDir) -> Database {
    Database::open(folder.path(), at(1_000)).unwrap()
}

pub(super) fn commit(database: &mut Database, writes: impl IntoIterator<Item = Write>) {
    database.begin().unwrap();
    for write in writes {
        database.write(write).unwrap();
    }
    database.commit().unwrap();
}

pub(super) fn identity(user: u64) -> Identity {
    Identity { user: UserId(user), name: format!("Person {user}") }
}

pub(super) fn token(user: u64) -> TokenHash {
    let mut token = [7; 32];
    token[..8].copy_from_slice(&user.to_be_bytes());
    token
}

pub(super) fn created(user: u64) -> Write {
    Write::IdentityCreated { identity: identity(user), token: token(user), link: None }
}

pub(super) fn hall() -> Room {
    let id = RoomId::parse("hall").unwrap();
    Room::new(id, Settings::new("Hall".into(), Mode::Moderated), Some("open sesame".into()), UserId(1)).created_at(900)
}

/// Numbers that look drawn and are the same each time (Numerical Recipes' generator).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Something that people might ask of a room, lawful or not.
fn input(random: &mut Random, room: &Room, now_ms: u64) -> Input {
    let members: Vec<MemberId> = room.seats().map(|(member, _)| member).collect();
    let user = UserId(1 + random.below(8));
    let join = Input::Join(Join {
        user,
        name: format!("Person {}", user.0),
        looks: looks(&format!("Person {}", user.0)),
        address: if user.0.is_multiple_of(2) {
            AddressPrefix::V4([10, 0, 0, user.0 as u8])
        } else {
            AddressPrefix::V6([user.0 as u8; 8])
        },
        passcode: Some("open sesame".into()),
        microphone_open: random.below(2) == 0,
        pass: Pass { role: Role::ALL[random.below(7).saturating_sub(3) as usize], ..Pass::NONE },
    });
    if members.is_empty() || random.below(6) == 0 {
        return join;
    }
    let some = members[random.below(members.len() as u64) as usize];
    // Hosts do most of what is done.
    let actor =
        room.host().filter(|_| random.below(3) > 0).unwrap_or_else(|| members[random.below(members.len() as u64) as usize]);
    let invitation = room.invitation_of(actor).map_or(InvitationId(0), |invitation| invitation.id);
    let message = room.messages().next_back().map_or(MessageId(0), |message| message.id);
    let muted = random.below(2) == 0;
    let command = match random.below(33) {
        0..3 => Command::RaiseHand,
        3 => Command::LowerHand,
        4 => Command::RespondInvite { invitation, accept: muted },
        5 => Command::LeaveStage,
        6 => Command::SetMicrophone { muted },
        7 => Command::ReportMicrophone(MicrophoneState::Refused),
        8..11 => Command::SendMessage(format!("at {now_ms}")),
        11 => Command::React(Reaction::Heart),
        12 => Command::Invite(some),
        13 => Command::CancelInvite(some),
        14..17 => Command::AdmitHand(some),
        17 => Command::DeclineHand(some),
        18 => Command::MuteSpeaker(some),
        19 => Command::LiftMute(some),
        20 => Command::RemoveFromStage(some),
        21 => Command::Kick(some),
        22 if random.below(4) == 0 => Command::Ban(some),
        22 => Command::Unban(user),
        23 => Command::RemoveMessage(message),
        24 => Command::MakeCoHost(some),
        25 => Command::HandOver(some),
        26 => Command::Set(Setting::Topic(format!("topic {now_ms}"))),
        27 => Command::Set(Setting::Lock(muted)),
        28 => return Input::ConnectionLost(some),
        29 => return Input::Order(Order::Forget(user)),
        30 if muted => return Input::Order(Order::Ban(user)),
        30 | 31 => return Input::Order(Order::Unban(user)),
        _ => return Input::DeadlinePassed,
    };
    Input::Command(actor, command)
}

#[test]
fn every_change_of_a_room_is_in_its_rows_and_survives() {
    for seed in 0..8 {
        let folder = folder();
        let mut random = Random(seed);
        let mut database = open(&folder);
        let mut room = hall();
        commit(&mut database, [Write::Room(Box::new(room.clone()))]);
        let mut now_ms = 1_000;
        let mut group = Vec::new();
        for step in 0..600 {
            now_ms += random.below(4_000);
            let Ok(events) = room.decide(&input(&mut random, &room, now_ms), &Context::at(now_ms)) else { continue };
            for event in &events {
                room.apply(event);
            }
            if room.ended().is_some() {
                break;
            }
            group.push(Write::Events { room: room.id().clone(), events });
            if random.below(3) == 0 {
                commit(&mut database, group.drain(..));
                assert_eq!(read_rooms(database.connection()).unwrap(), [room.clone()], "seed {seed}, step {step}");
            }
        }
        database.tell(at(now_ms));
        database.keep_time();
        commit(&mut database, group);
        drop(database);
        let mut database = Database::open(folder.path(), at(now_ms)).unwrap();
        let kept: Vec<Room> = database.rooms().cloned().collect();
        if room.ended().is_none() {
            room.begin_anew(now_ms, now_ms);
            assert!(kept == [room.clone()], "seed {seed}: {kept:?} is not {room:?}");
            commit(&mut database, []);
            assert_eq!(read_rooms(database.connection()).unwrap(), [room], "seed {seed}, and its rows are what it is");
        }
    }
}

#[test]
fn the_oldest_message_gives_way_in_the_rows_too() {
    let folder = folder();
    let mut database = open(&folder);
    let mut room = hall();
    commit(&mut database, [Write::Room(Box::new(room.clone()))]);
    for number in 1..=u32::try_from(MESSAGES_KEPT_MAX).unwrap() + 5 {
        let message =
            Message { id: MessageId(number), member: MemberId(1), user: UserId(1), name: "Ada".into(), at_ms: 5, text: None };
        let event = Event::MessagePosted(message);
        room.apply(&event);
        commit(&mut database, [Write::Events { room: room.id().clone(), events: vec![event] }]);
    }
    assert!(read_rooms(database.connection()).unwrap() == [room]);
}

#[test]
fn a_room_that_has_ended_leaves_nothing_behind() {
    let folder = folder();
    let mut database = open(&folder);
    let mut room = hall();
    commit(&mut database, [Write::Room(Box::new(room.clone()))]);
    let join = Join {
        user: UserId(1),
        name: "Ada".into(),
        looks: looks("Ada"),
        address: AddressPrefix::V4([127, 0, 0, 1]),
        passcode: None,
        microphone_open: false,
        pass: Pass::NONE,
    };
    let events = room.decide(&Input::Join(join), &Context::at(5)).unwrap();
    events.iter().for_each(|event| room.apply(event));
    let ended = vec![Event::RoomEnded(RoomEndReason::ByHost)];
    commit(&mut database, [events, ended].map(|events| Write::Events { room: room.id().clone(), events }));
    assert_eq!(database.rooms().count(), 0);
    let count = |table: &str| {
        database.connection().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap()
    };
    for table in
        ["rooms", "seats", "hands", "invitations", "messages", "claims", "muted_away", "blocks", "bans", "departed", "links"]
    {
        assert_eq!(count(table), 0, "{table}");
    }
}

#[test]
fn a_new_room_has_no_links_of_the_one_before_it() {
    let folder = folder();
    let mut database = open(&folder);
    let ended = || Write::Events { room: hall().id().clone(), events: vec![Event::RoomEnded(RoomEndReason::Empty)] };
    let founded = || Write::Room(Box::new(hall()));
    let made = |id| {
        let pass = Pass { role: Role::CoHost, skips_passcode: true, skips_lock: true };
        let room = hall().id().clone();
        let link =
            Link { id: LinkId(id), room, pass, not_before_ms: 0, expires_ms: 9_000, uses: 0, uses_max: None, created_ms: 1_000 };
        Write::LinkMade { link, secret: token(id) }
    };
    let links =
        |database: &Database| -> Vec<u64> { database.links(hall().id()).unwrap().into_iter().map(|link| link.id.0).collect() };
    commit(&mut database, [founded(), made(1)]);
    assert_eq!(links(&database), [1]);
    // All in one transaction, and what comes behind is the new room's.
    commit(&mut database, [ended(), founded(), made(2)]);
    assert_eq!(links(&database), [2]);
    // In one that fails, and in the next one.
    database.begin().unwrap();
    for write in [ended(), founded()] {
        database.write(write).unwrap();
    }
    database.roll_back();
    assert_eq!(links(&database), [2], "as before");
    commit(&mut database, [made(3)]);
    assert_eq!(links(&database), [3]);
    commit(&mut database, []);
    assert_eq!(links(&database), [3]);
}

#[test]
fn what_was_not_committed_is_not_there() {
    let folder = folder();
    let mut database = open(&folder);
    commit(&mut database, [created(1)]);
    database.begin().unwrap();
    database.write(created(2)).unwrap();
    database.write(Write::Room(Box::new(hall()))).unwrap();
    drop(database);
    let database = open(&folder);
    assert!(database.is_user_known(UserId(1)).unwrap());
    assert!(!database.is_user_known(UserId(2)).unwrap());
    assert_eq!(database.rooms().count(), 0);
}

#[test]
fn a_token_opens_until_it_is_revoked_and_after_a_restart_too() {
    let folder = folder();
    let mut database = open(&folder);
    commit(&mut database, [created(0), created(1)]);
    drop(database);
    let mut database = open(&folder);
    assert_eq!(database.identify(&token(1)).unwrap(), Some(Known { identity: identity(1), link: None }));
    let mut almost = token(1);
    almost[31] ^= 1;
    assert_eq!(database.identify(&almost).unwrap(), None);
    commit(
        &mut database,
        [Write::IdentityRevoked { user: UserId(1) }, Write::IdentityRenamed { user: UserId(0), name: "Grace".into() }],
    );
    assert_eq!(database.identify(&token(1)).unwrap(), None);
    assert_eq!(database.identify(&token(0)).unwrap().unwrap().identity.name, "Grace");
}

/// Events that take many pages.
fn much() -> Vec<Event> {
    let ban = |user| Ban { user: UserId(user), name: "x".repeat(4_000), address: None, at_ms: 5 };
    (0..10).map(|user| Event::Banned(ban(user))).collect()
}

#[tokio::test]
async fn while_the_disk_fails_nothing_is_taken_and_afterwards_nothing_is_missing() {
    let folder = folder();
    let (store, kept) = Store::open(folder.path(), clock(), Arc::default()).unwrap();
    assert!(kept.is_empty());
    let mut room = hall();
    store.write(Write::Room(Box::new(room.clone()))).await.unwrap();
    store.write(created(1)).await.unwrap();

    store.fill(true).await;
    let events = much();
    events.iter().for_each(|event| room.apply(event));
    let permit = store.reserve().unwrap();
    assert!(permit.write(Write::Events { room: room.id().clone(), events }).kept().await.is_err(), "it is not promised");
    assert!(store.is_failing() && store.check().is_err() && store.reserve().is_err());
    assert_eq!(store.identify(token(1)).await, Ok(Some(Known { identity: identity(1), link: None })), "who is known comes in");

    store.fill(false).await;
    while store.is_failing() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.load_room(room.id().clone()).await, Ok(Some(room.clone())));
    store.write(created(2)).await.unwrap();
    drop(store);
    // The thread lets go of the folder when it has done what waits.
    let database = loop {
        match Database::open(folder.path(), at(1_000)) {
            Err(OpenError::InUse { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            opened => break opened.unwrap(),
        }
    };
    assert_eq!(database.rooms().collect::<Vec<_>>(), [&room]);
    assert!(database.is_user_known(UserId(2)).unwrap());
}

#[test]
fn a_full_disk_loses_nothing_that_was_promised_and_goes_on_when_there_is_room() {
    let folder = folder();
    let mut database = open(&folder);
    let mut room = hall();
    commit(&mut database, [Write::Room(Box::new(room.clone()))]);
    database.fill(true);
    let events = much();
    events.iter().for_each(|event| room.apply(event));
    database.begin().unwrap();
    database.write(Write::Events { room: room.id().clone(), events }).unwrap();
    assert!(database.commit().is_err());
    database.roll_back();
    assert_eq!(read_rooms(database.connection()).unwrap(), [hall()], "all of it or nothing");
    database.fill(false);
    commit(&mut database, []);
    assert_eq!(read_rooms(database.connection()).unwrap(), [room]);
}

#[test]
fn a_touch_is_written_even_where_nothing_has_changed() {
    let folder = folder();
    let mut database = open(&folder);
    commit(&mut database, [Write::Room(Box::new(hall()))]);
    let log_bytes = || std::fs::metadata(folder.path().join("dais.db-wal")).unwrap().len();
    let before = log_bytes();
    commit(&mut database, []);
    assert_eq!(log_bytes(), before);
    database.begin().unwrap();
    database.touch().unwrap();
    database.commit().unwrap();
    assert!(log_bytes() > before);
}

#[tokio::test]
async fn whoever_only_asks_leaves_changes_their_places() {
    let folder = folder();
    let (store, _) = Store::open(folder.path(), clock(), Arc::default()).unwrap();
    let (hanging, until) = std::sync::mpsc::channel();
    store.hang(until).await;
    // More than wait there, and than the thread has taken out.
    let asking: Vec<_> = (0..(STORE_QUEUE_MAX + STORE_GROUP_MAX) as u64 + 10)
        .map(|user| {
            let store = store.clone();
            tokio::spawn(async move { store.find_link(ByLink::Secret(token(user))).await })
        })
        .collect();
    // All of them have asked by then: each has its turn between two of this.
    for _ in 0..asking.len() {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.check(), Ok(()));
    drop(hanging);
    for asked in asking {
        assert_eq!(asked.await.unwrap(), Ok(None), "and is answered all the same");
    }
}

pub(super) fn clock() -> Arc<Clock> {
    Arc::new(Clock::start_at(1_000))
}

/// A keeper of the hall and of one link into it that may bring one person.
fn keeper_with_a_link(folder: &TempDir) -> Keeper {
    let mut database = open(folder);
    let pass = Pass { role: Role::Speaker, ..Pass::NONE };
    let room = hall().id().clone();
    let link =
        Link { id: LinkId(1), room, pass, not_before_ms: 0, expires_ms: 9_000, uses: 0, uses_max: Some(1), created_ms: 1_000 };
    commit(&mut database, [Write::Room(Box::new(hall()))]);
    commit(&mut database, [Write::LinkMade { link, secret: [9; 32] }]);
    let (requests, health, metrics) = (mpsc::channel(1).1, Arc::default(), Arc::default());
    Keeper { database, clock: clock(), requests, health, metrics, forgetting: Arc::default(), told: None, ending: None }
}

fn uses(keeper: &Keeper) -> u32 {
    keeper.database.links(hall().id()).unwrap()[0].uses
}

/// Has somebody made who comes by the link, and asked for by somebody who goes `before` that or while it is on its way.
fn abandoned(keeper: &mut Keeper, user: u64, before: bool) {
    let (done, asker) = oneshot::channel();
    let mut asker = Some(asker).filter(|_| !before);
    let write = Write::IdentityCreated { identity: identity(user), token: token(user), link: Some(LinkId(1)) };
    let goes = std::iter::once_with(move || {
        drop(asker.take());
        Request::IsUserKnown { user: UserId(user), answer: oneshot::channel().0 }
    });
    keeper.keep(std::iter::once(Request::Write { write, done }).chain(goes)).unwrap();
}

#[test]
fn whoever_did_not_wait_for_his_identity_has_none_and_leaves_the_link_to_others() {
    let folder = folder();
    let mut keeper = keeper_with_a_link(&folder);
    for (user, before) in [(2, true), (3, false)] {
        abandoned(&mut keeper, user, before);
        assert_eq!((keeper.database.is_user_known(UserId(user)).unwrap(), uses(&keeper)), (false, 0), "gone before: {before}");
    }
    let (done, mut waits) = oneshot::channel();
    let write = Write::IdentityCreated { identity: identity(4), token: token(4), link: Some(LinkId(1)) };
    keeper.keep(std::iter::once(Request::Write { write, done })).unwrap();
    assert_eq!(waits.try_recv(), Ok(()));
    assert_eq!((keeper.database.is_user_known(UserId(4)).unwrap(), uses(&keeper)), (true, 1));
    // What takes something away is taken away, whoever waits.
    let write = Write::IdentityRevoked { user: UserId(4) };
    let (done, _) = oneshot::channel();
    keeper.keep(std::iter::once(Request::Write { write, done })).unwrap();
    assert!(!keeper.database.is_user_known(UserId(4)).unwrap());
}
