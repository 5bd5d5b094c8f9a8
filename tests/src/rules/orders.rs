//! What whoever runs the server orders, whatever the roles in the room.

use dais_shared::ids::UserId;
use dais_shared::limits::SEAT_GRACE_MS;
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Event, Input, Join, LeaveReason, Order, RoomEndReason, Setting, Veil};

use crate::scene::{Condition, House, NO_USER, START_MS, Scene, newcomer};

const FOUNDER: UserId = UserId(1);
const EARLY: UserId = UserId(2);
const UNTIL_MS: u64 = START_MS + 3_600_000;

fn ordered(house: &mut House, order: Order) -> Result<Vec<Event>, Denied> {
    house.takes(&Input::Order(order))
}

/// A room that waits for its founder.
fn awaiting() -> House {
    let mut house = House::new(FOUNDER);
    assert!(!house.room.has_begun());
    ordered(&mut house, Order::AwaitHost { until_ms: UNTIL_MS }).unwrap();
    assert!(house.room.has_begun());
    house
}

#[test]
fn a_room_that_waits_for_its_host_outlives_those_who_are_early() {
    let mut house = awaiting();
    for _ in 0..2 {
        let early = house.seats(EARLY);
        assert_eq!(house.room.seat(early).unwrap().role, Role::Listener);
        house.waits(600_000);
        house.takes(&Input::Leave(early)).unwrap();
        assert_eq!((house.room.ended(), house.room.ends_at_ms()), (None, Some(UNTIL_MS)));
    }
    let founder = house.seats(FOUNDER);
    assert_eq!((house.room.host(), house.room.ends_at_ms()), (Some(founder), None));
    house.takes(&Input::Leave(founder)).unwrap();
    assert_eq!(house.room.ended(), Some(RoomEndReason::Empty), "from then on it is a room like any other");
}

#[test]
fn a_room_whose_host_does_not_come_ends_when_it_was_said() {
    for (is_somebody_early, reason) in [(false, RoomEndReason::Empty), (true, RoomEndReason::Leaderless)] {
        let mut house = awaiting();
        if is_somebody_early {
            house.seats(EARLY);
        }
        house.waits(UNTIL_MS - START_MS - 1);
        house.runs_dry();
        assert_eq!(house.room.ended(), None);
        house.waits(1);
        house.runs_dry();
        assert_eq!(house.room.ended(), Some(reason));
    }
}

#[test]
fn only_a_room_in_which_nothing_has_happened_begins_to_wait() {
    let mut scene = Scene::at_rest();
    assert_eq!(ordered(&mut scene.house, Order::AwaitHost { until_ms: UNTIL_MS }), Ok(vec![]));
    let mut house = awaiting();
    assert_eq!(ordered(&mut house, Order::AwaitHost { until_ms: UNTIL_MS + 1 }), Ok(vec![]));
}

#[test]
fn an_order_bans_every_role_and_whoever_has_left() {
    for rank in 0..4 {
        let mut scene = Scene::at_rest();
        let member = scene.cast[rank].first;
        let user = scene.house.room.seat(member).unwrap().user;
        let events = ordered(&mut scene.house, Order::Ban(user)).unwrap();
        let is_out =
            |event: &Event| matches!(event, Event::MemberLeft { member: who, reason: LeaveReason::Banned, .. } if *who == member);
        assert!(events.iter().any(is_out), "{events:?}");
        assert_eq!(scene.house.takes(&Input::Join(newcomer(user))), Err(Denied::Banned));
        assert!(scene.house.room.host().is_some_and(|host| host != member), "the chair passes on");
        let departed = scene.departed[rank];
        ordered(&mut scene.house, Order::Ban(departed)).unwrap();
        assert_eq!(scene.house.takes(&Input::Join(newcomer(departed))), Err(Denied::Banned));
        assert_eq!(ordered(&mut scene.house, Order::Ban(departed)), Ok(vec![]), "once is enough");
        for user in [user, departed] {
            ordered(&mut scene.house, Order::Unban(user)).unwrap();
            assert_eq!(ordered(&mut scene.house, Order::Unban(user)), Err(Denied::NoSuchPerson));
            scene.house.seats(user);
        }
    }
    let mut scene = Scene::at_rest();
    assert_eq!(ordered(&mut scene.house, Order::Ban(NO_USER)), Err(Denied::NoSuchPerson));
    let mut scene = Scene::under(&[Condition::BansFull]);
    let user = scene.house.room.seat(scene.host()).unwrap().user;
    assert_eq!(ordered(&mut scene.house, Order::Ban(user)), Err(Denied::TooManyBans));
}

#[test]
fn whoever_is_forgotten_has_left_and_whoever_sits_nowhere_is_no_matter() {
    let mut scene = Scene::under(&[Condition::HandsUp, Condition::TargetsAway]);
    for pair in scene.cast {
        let user = scene.house.room.seat(pair.second).unwrap().user;
        let events = ordered(&mut scene.house, Order::Forget(user)).unwrap();
        let has_left = |event: &Event| matches!(event, Event::MemberLeft { member, reason: LeaveReason::Left, .. } if *member == pair.second);
        assert!(events.iter().any(has_left), "{events:?}");
        assert_eq!(ordered(&mut scene.house, Order::Forget(user)), Ok(vec![]));
    }
    assert!(scene.house.room.hands().iter().all(|hand| hand.member == scene.cast[0].first));
}

#[test]
fn an_ended_room_takes_no_orders() {
    let mut scene = Scene::at_rest();
    assert_eq!(ordered(&mut scene.house, Order::End), Ok(vec![Event::RoomEnded(RoomEndReason::ByOperator)]));
    for order in [
        Order::End,
        Order::GiveWay,
        Order::Forget(EARLY),
        Order::Ban(EARLY),
        Order::Unban(EARLY),
        Order::AwaitHost { until_ms: UNTIL_MS },
    ] {
        assert_eq!(ordered(&mut scene.house, order), Err(Denied::RoomEnded));
    }
}

#[test]
fn while_nothing_can_be_kept_only_what_restricts_is_obeyed() {
    let restricts = |order| Input::Order(order).only_restricts();
    assert!([Order::End, Order::GiveWay, Order::Ban(EARLY), Order::Forget(EARLY)].map(restricts).iter().all(|yes| *yes));
    assert!([Order::Unban(EARLY), Order::AwaitHost { until_ms: 1 }].map(restricts).iter().all(|yes| !yes));
}

#[test]
fn only_a_room_that_nobody_would_miss_but_its_founder_gives_way() {
    let gives_way = |house: &House| {
        let mut house = house.clone();
        let events = ordered(&mut house, Order::GiveWay).unwrap();
        assert_eq!(events.is_empty(), !house.room.is_deserted() || house.room.ended().is_none());
        house.room.ended() == Some(RoomEndReason::Empty)
    };
    assert!(!gives_way(&House::new(FOUNDER)), "its founder is on his way");
    assert!(!gives_way(&awaiting()), "it waits for its host");
    let mut house = House::new(FOUNDER);
    let founder = house.seats(FOUNDER);
    assert!(!gives_way(&house), "he sits in it");
    house.takes(&Input::ConnectionLost(founder)).unwrap();
    house.waits(SEAT_GRACE_MS - 1);
    house.runs_dry();
    assert!(!gives_way(&house), "his seat is held for him, as his page says");
    house.seats(FOUNDER);
    assert!(!gives_way(&house), "he is back");
    house.takes(&Input::ConnectionLost(founder)).unwrap();
    house.waits(SEAT_GRACE_MS);
    house.runs_dry();
    assert!(house.room.seat(founder).is_none() && gives_way(&house), "his seat is given up, and the room is not over yet");
    let early = house.seats(EARLY);
    assert!(!gives_way(&house), "somebody else is there");
    house.takes(&Input::ConnectionLost(early)).unwrap();
    assert!(!gives_way(&house), "or has been");
}

/// Whoever knows the key knows what it hashes; so does everybody who can count.
fn told(key: &[u8; 32], bytes: &[u8]) -> [u8; 16] {
    let mut mark = [key[0]; 16];
    bytes.iter().enumerate().for_each(|(at, byte)| mark[at % 16] = mark[at % 16].rotate_left(3) ^ byte);
    mark
}

#[test]
fn of_whoever_is_forgotten_the_room_holds_nothing_but_that_he_was_banned() {
    for rank in 0..4 {
        let mut scene = Scene::under(&[Condition::HandsUp, Condition::MicrophonesOpen]);
        scene.house.context.veil = Some(Veil { key: [7; 32], hash: told });
        let host = scene.host();
        let member = scene.cast[rank].first;
        let (user, address) = scene.house.room.seat(member).map(|seat| (seat.user, seat.address)).unwrap();
        scene.house.takes(&Input::Command(member, Command::SendMessage("first".into()))).unwrap();
        if rank > 1 {
            let wording = Setting::Topic("of one's own".into());
            scene.house.takes(&Input::Command(host, Command::Set(wording))).unwrap();
        }
        ordered(&mut scene.house, Order::Ban(user)).unwrap();
        assert!(scene.house.room.trace_of(user).is_some_and(|trace| !trace.messages.is_empty() && trace.ban.is_some()));
        ordered(&mut scene.house, Order::Forget(user)).unwrap();
        assert_eq!(scene.house.room.trace_of(user), None);
        assert!(!format!("{:?}", scene.house.room).contains(&format!("UserId({user})")), "{:?}", scene.house.room);
        assert_eq!(scene.house.room.founder(), FOUNDER);

        let other = UserId(900 + rank as u64);
        let from = |user, address| Input::Join(Join { address, ..newcomer(user) });
        assert_eq!(scene.house.takes(&from(other, address)), Err(Denied::Banned), "from the same address");
        assert_eq!(scene.house.takes(&Input::Join(newcomer(user))), Err(Denied::Banned), "the same person");
        let handle = scene.house.room.erased_bans()[0].handle();
        assert_ne!(handle, user);
        let lifted = if rank % 2 == 0 { handle } else { user };
        ordered(&mut scene.house, Order::Unban(lifted)).unwrap();
        assert_eq!(ordered(&mut scene.house, Order::Unban(lifted)), Err(Denied::NoSuchPerson));
        scene.house.takes(&from(other, address)).unwrap();
        // Whoever made the room has left it long ago.
        ordered(&mut scene.house, Order::Forget(FOUNDER)).unwrap();
        assert_eq!((scene.house.room.founder(), scene.house.room.trace_of(FOUNDER)), (UserId::NOBODY, None));
        assert_eq!(scene.house.room.trace_of(UserId::NOBODY), None, "who founded it no more is nobody");
    }
}
