//! Who comes in: each kind of person at each kind of door, as a table written by hand.

use dais_shared::ids::UserId;
use dais_shared::limits::{CHAIR_CLAIM_MS, DEPARTED_KEPT_MAX, REENTRY_BLOCK_MS, SEAT_GRACE_MS};
use dais_shared::names::{InvalidName, Likeness, Looks};
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Input, Join, Order, Pass, Setting};

use crate::scene::{House, START_MS, newcomer};

const FOUNDER: UserId = UserId(1);
const HOST: UserId = UserId(2);
const KICKED: UserId = UserId(3);
const BANNED: UserId = UserId(4);
const SEATED: UserId = UserId(5);
const STRANGER: UserId = UserId(6);

/// What stands at the door.
#[derive(Clone, Copy, Debug)]
enum Door {
    Open,
    Locked,
    Passcode,
    Full,
}

const DOORS: [Door; 4] = [Door::Open, Door::Locked, Door::Passcode, Door::Full];

/// A room whose founder vanished and is followed by somebody; one is kicked, one banned, one sits there.
fn hall(door: Door, blocks_addresses: bool) -> House {
    let mut house = House::new(FOUNDER);
    house.context.blocks_addresses = blocks_addresses;
    let founder = house.seats(FOUNDER);
    let host = house.seats(HOST);
    house.calls_up(founder, host);
    house.takes(&Input::ConnectionLost(founder)).unwrap();
    house.waits(SEAT_GRACE_MS);
    house.runs_dry();
    assert_eq!(house.room.host(), Some(host));
    let [kicked, banned, _] = [KICKED, BANNED, SEATED].map(|user| house.seats(user));
    house.obeys(host, Command::Kick(kicked));
    house.obeys(host, Command::Ban(banned));
    match door {
        Door::Open => {}
        Door::Locked => drop(house.obeys(host, Command::Set(Setting::Lock(true)))),
        Door::Passcode => drop(house.obeys(host, Command::SetPasscode(Some("sesame".into())))),
        Door::Full => house.context.room_seats_max = house.room.seats().count(),
    }
    house
}

/// Who comes, and what is done before that.
struct Comer {
    name: &'static str,
    join: fn() -> Join,
    before: fn(&mut House),
    blocks_addresses: bool,
    /// Open, locked, with a passcode, full.
    verdicts: [&'static str; 4],
}

fn from_address_of(user: UserId) -> Join {
    Join { address: newcomer(user).address, ..newcomer(STRANGER) }
}

fn with_passcode(passcode: &str) -> Join {
    Join { passcode: Some(passcode.into()), ..newcomer(STRANGER) }
}

const EVERYTHING: Pass = Pass { role: Role::Host, skips_passcode: true, skips_lock: true };

fn given(pass: Pass) -> Join {
    Join { pass, ..newcomer(STRANGER) }
}

fn nothing(_: &mut House) {}

fn a_minute(house: &mut House) {
    house.waits(REENTRY_BLOCK_MS);
}

fn unban(house: &mut House) {
    house.obeys(house.room.host().unwrap(), Command::Unban(BANNED));
}

#[rustfmt::skip]
const TABLE: &[Comer] = &[
    // Verdicts: open, locked, with a passcode, full.
    Comer { name: "a stranger", join: || newcomer(STRANGER), before: nothing, blocks_addresses: true,
        verdicts: ["yes", "locked", "passcode-needed", "full"] },
    Comer { name: "a stranger who guesses", join: || with_passcode("Sesame"), before: nothing, blocks_addresses: true,
        verdicts: ["yes", "locked", "passcode-wrong", "full"] },
    Comer { name: "a stranger who guesses the beginning", join: || with_passcode("sesam"),
        before: nothing, blocks_addresses: true,
        verdicts: ["yes", "locked", "passcode-wrong", "full"] },
    Comer { name: "a stranger who was told", join: || with_passcode(" sesame "), before: nothing, blocks_addresses: true,
        verdicts: ["yes", "locked", "yes", "full"] },
    Comer { name: "one who sits there", join: || newcomer(SEATED), before: nothing, blocks_addresses: true,
        verdicts: ["yes", "yes", "yes", "yes"] },
    Comer { name: "one who was kicked", join: || newcomer(KICKED), before: nothing, blocks_addresses: true,
        verdicts: ["kicked", "kicked", "kicked", "kicked"] },
    Comer { name: "another from there", join: || from_address_of(KICKED), before: nothing, blocks_addresses: true,
        verdicts: ["kicked", "kicked", "kicked", "kicked"] },
    Comer { name: "another from there, where addresses do not count", join: || from_address_of(KICKED),
        before: nothing, blocks_addresses: false,
        verdicts: ["yes", "locked", "passcode-needed", "full"] },
    Comer { name: "one who was kicked, where addresses do not count", join: || newcomer(KICKED),
        before: nothing, blocks_addresses: false,
        verdicts: ["kicked", "kicked", "kicked", "kicked"] },
    Comer { name: "one who was kicked a minute ago", join: || newcomer(KICKED), before: a_minute, blocks_addresses: true,
        verdicts: ["yes", "locked", "passcode-needed", "full"] },
    Comer { name: "one who is banned", join: || newcomer(BANNED), before: a_minute, blocks_addresses: true,
        verdicts: ["banned", "banned", "banned", "banned"] },
    Comer { name: "another from there", join: || from_address_of(BANNED), before: a_minute, blocks_addresses: true,
        verdicts: ["banned", "banned", "banned", "banned"] },
    Comer { name: "another from there, where addresses do not count", join: || from_address_of(BANNED),
        before: nothing, blocks_addresses: false,
        verdicts: ["yes", "locked", "passcode-needed", "full"] },
    Comer { name: "one who was banned", join: || newcomer(BANNED), before: unban, blocks_addresses: true,
        verdicts: ["yes", "locked", "passcode-needed", "full"] },
    Comer { name: "the host who vanished", join: || newcomer(FOUNDER), before: nothing, blocks_addresses: true,
        verdicts: ["yes", "yes", "yes", "yes"] },
    Comer { name: "the host who vanished, from the address of one who is kicked",
        join: || Join { address: newcomer(KICKED).address, ..newcomer(FOUNDER) }, before: nothing, blocks_addresses: true,
        verdicts: ["yes", "yes", "yes", "yes"] },
    Comer { name: "the host who vanished ten minutes ago", join: || newcomer(FOUNDER),
        before: |house| house.waits(CHAIR_CLAIM_MS), blocks_addresses: true,
        verdicts: ["yes", "locked", "passcode-needed", "full"] },
    Comer { name: "one who was told nothing and given the passcode", join: || given(Pass { skips_passcode: true, ..Pass::NONE }),
        before: nothing, blocks_addresses: true,
        verdicts: ["yes", "locked", "yes", "full"] },
    Comer { name: "one who was given the lock", join: || given(Pass { skips_lock: true, ..Pass::NONE }),
        before: nothing, blocks_addresses: true,
        verdicts: ["yes", "yes", "passcode-needed", "full"] },
    Comer { name: "one who was given the stage", join: || given(Pass { role: Role::CoHost, ..Pass::NONE }),
        before: nothing, blocks_addresses: true,
        verdicts: ["yes", "locked", "passcode-needed", "full"] },
    Comer { name: "one who was given the chair", join: || given(Pass { role: Role::Host, ..Pass::NONE }),
        before: nothing, blocks_addresses: true,
        verdicts: ["yes", "yes", "yes", "yes"] },
    Comer { name: "one who was given the chair, and is kicked",
        join: || Join { user: KICKED, ..given(Pass { role: Role::Host, ..Pass::NONE }) }, before: nothing, blocks_addresses: true,
        verdicts: ["kicked", "kicked", "kicked", "kicked"] },
    Comer { name: "one who was given the chair, and is banned",
        join: || Join { user: BANNED, ..given(EVERYTHING) }, before: a_minute, blocks_addresses: true,
        verdicts: ["banned", "banned", "banned", "banned"] },
    Comer { name: "one without a name", join: || Join { name: " \u{200B}".into(), ..newcomer(STRANGER) },
        before: nothing, blocks_addresses: true,
        verdicts: ["name-empty", "name-empty", "name-empty", "name-empty"] },
    Comer { name: "one whose name turns around", join: || Join { name: "a\u{202E}b".into(), ..newcomer(STRANGER) },
        before: nothing, blocks_addresses: true,
        verdicts: ["name-tricky", "name-tricky", "name-tricky", "name-tricky"] },
    Comer { name: "one with a name of 41 characters", join: || Join { name: "ö".repeat(41), ..newcomer(STRANGER) },
        before: nothing, blocks_addresses: true,
        verdicts: ["name-long", "name-long", "name-long", "name-long"] },
];

fn read(word: &str) -> Result<(), Denied> {
    Err(match word {
        "yes" => return Ok(()),
        "locked" => Denied::RoomLocked,
        "full" => Denied::RoomFull,
        "passcode-needed" => Denied::PasscodeNeeded,
        "passcode-wrong" => Denied::PasscodeWrong,
        "kicked" => Denied::Kicked { until_ms: START_MS + SEAT_GRACE_MS + REENTRY_BLOCK_MS },
        "banned" => Denied::Banned,
        "name-empty" => Denied::InvalidName(InvalidName::Empty),
        "name-tricky" => Denied::InvalidName(InvalidName::Unprintable),
        "name-long" => Denied::InvalidName(InvalidName::TooLong),
        other => panic!("{other:?} is no verdict"),
    })
}

#[test]
fn everybody_at_every_door() {
    for Comer { name, join, before, blocks_addresses, verdicts } in TABLE {
        for (door, word) in DOORS.into_iter().zip(verdicts) {
            let mut house = hall(door, *blocks_addresses);
            before(&mut house);
            let verdict = house.takes(&Input::Join(join())).map(drop);
            assert_eq!(verdict, read(word), "{name}, {door:?}");
        }
    }
}

#[test]
fn a_host_who_vanished_gets_the_chair_back_within_ten_minutes_and_not_later() {
    for (waited_ms, role, successor_role) in [
        (CHAIR_CLAIM_MS - SEAT_GRACE_MS - 1, Some(Role::Host), Role::CoHost),
        (CHAIR_CLAIM_MS - SEAT_GRACE_MS, Some(Role::Listener), Role::Host),
    ] {
        let mut house = hall(Door::Open, true);
        let successor = house.room.host().unwrap();
        house.waits(waited_ms);
        let founder = house.seats(FOUNDER);
        assert_eq!(house.room.seat(founder).map(|seat| seat.role), role, "after {waited_ms} ms");
        assert_eq!(house.room.seat(successor).map(|seat| seat.role), Some(successor_role));
    }
}

#[test]
fn who_comes_in_listens_and_the_founder_is_host() {
    let mut house = House::new(FOUNDER);
    let role = |house: &House, member| house.room.seat(member).map(|seat| seat.role);
    let early = house.seats(STRANGER);
    assert_eq!(role(&house, early), Some(Role::Listener));
    let founder = house.seats(FOUNDER);
    assert_eq!(role(&house, founder), Some(Role::Host));
    let late = house.seats(SEATED);
    assert_eq!(role(&house, late), Some(Role::Listener));
}

/// The role, and whether the hand is up, of somebody who comes into a hall with a given role.
fn placed(house: &mut House, role: Role) -> (Option<Role>, bool) {
    house.takes(&Input::Join(given(Pass { role, ..Pass::NONE }))).unwrap();
    let member = house.room.seat_of(STRANGER).unwrap();
    (house.room.seat(member).map(|seat| seat.role), house.room.has_hand_raised(member))
}

#[test]
fn a_given_role_leads_on_stage_or_to_the_queue() {
    for (role, on_stage, on_a_full_one, without_a_host) in [
        (Role::Listener, (Role::Listener, false), (Role::Listener, false), (Role::Listener, false)),
        (Role::Speaker, (Role::Speaker, false), (Role::Listener, true), (Role::Listener, true)),
        (Role::CoHost, (Role::CoHost, false), (Role::Listener, true), (Role::Host, false)),
        (Role::Host, (Role::Host, false), (Role::Host, false), (Role::Host, false)),
    ] {
        let place = |(role, is_raised)| (Some(role), is_raised);
        assert_eq!(placed(&mut hall(Door::Open, true), role), place(on_stage), "{role:?}");
        let mut full = hall(Door::Open, true);
        full.context.stage_seats_max = full.room.stage_count();
        assert_eq!(placed(&mut full, role), place(on_a_full_one), "{role:?}, on a full stage");
        let mut headless = House::new(FOUNDER);
        headless.takes(&Input::Order(Order::AwaitHost { until_ms: START_MS + CHAIR_CLAIM_MS })).unwrap();
        assert_eq!(placed(&mut headless, role), place(without_a_host), "{role:?}, where nobody is in charge");
        let stays = headless.room.ends_at_ms().is_none();
        assert_eq!(stays, headless.room.host().is_some(), "{role:?}: a room with a host does not end for want of one");
        // Whoever was awaited has the chair all the same.
        let founder = headless.seats(FOUNDER);
        assert_eq!(headless.room.host(), Some(founder), "{role:?}");
    }
}

#[test]
fn whoever_sits_there_has_what_the_room_has_made_of_him() {
    let mut house = hall(Door::Open, true);
    house.seats(STRANGER);
    assert_eq!(placed(&mut house, Role::Host), (Some(Role::Listener), false));
}

/// Somebody who calls himself this, and looks like everybody with one of these forms.
fn called(user: UserId, name: &str, forms: &[&str]) -> Join {
    let forms: Vec<String> = forms.iter().map(|form| (*form).to_owned()).collect();
    Join { name: name.into(), looks: Looks { as_it_is: Likeness { forms: forms.clone(), number: 1 }, forms }, ..newcomer(user) }
}

#[test]
fn whoever_comes_later_and_looks_alike_is_numbered() {
    let mut house = House::new(FOUNDER);
    let people = [
        (FOUNDER, "Ada", &["ada"][..], "Ada"),
        (HOST, "AdА", &["ada", "adA"], "AdА (2)"),
        (KICKED, "Ada", &["ada"], "Ada (3)"),
        (BANNED, "Ida", &["ida"], "Ida"),
        (SEATED, "A.", &["adA"], "A."), // only the second has this form, and a number with it
    ];
    let shown =
        |house: &House, user| house.room.seat_of(user).and_then(|member| house.room.seat(member)).map(|seat| seat.name.clone());
    for (user, name, forms, expected) in people {
        house.takes(&Input::Join(called(user, name, forms))).unwrap();
        assert_eq!(shown(&house, user).as_deref(), Some(expected));
    }
    // Coming back, and under another name, gives nobody another number; going gives it to whoever comes next.
    let second = house.room.seat_of(HOST).unwrap();
    house.takes(&Input::ConnectionLost(second)).unwrap();
    house.takes(&Input::Join(called(HOST, "Zoe", &["zoe"]))).unwrap();
    assert_eq!(shown(&house, HOST).as_deref(), Some("AdА (2)"));
    house.takes(&Input::Leave(second)).unwrap();
    house.takes(&Input::Join(called(STRANGER, "ada", &["ada"]))).unwrap();
    assert_eq!(shown(&house, STRANGER).as_deref(), Some("ada (2)"));
}

#[test]
fn the_name_of_a_host_who_vanished_is_kept_with_the_chair() {
    for (waited_ms, newcomers, hosts) in
        [(CHAIR_CLAIM_MS - SEAT_GRACE_MS - 1, "ada (2)", "Ada"), (CHAIR_CLAIM_MS - SEAT_GRACE_MS, "ada", "Ada (2)")]
    {
        let mut house = House::new(FOUNDER);
        house.takes(&Input::Join(called(FOUNDER, "Ada", &["ada"]))).unwrap();
        let founder = house.room.seat_of(FOUNDER).unwrap();
        let successor = house.seats(HOST);
        house.calls_up(founder, successor);
        house.takes(&Input::ConnectionLost(founder)).unwrap();
        house.waits(SEAT_GRACE_MS);
        house.runs_dry();
        for user in (100..=100 + DEPARTED_KEPT_MAX as u64).map(UserId) {
            let member = house.seats(user);
            house.takes(&Input::Leave(member)).unwrap(); // however many go after him
        }
        house.waits(waited_ms);
        for (user, name, expected) in [(STRANGER, "ada", newcomers), (FOUNDER, "Ada", hosts)] {
            house.takes(&Input::Join(called(user, name, &["ada"]))).unwrap();
            let seat = house.room.seat_of(user).and_then(|member| house.room.seat(member)).unwrap();
            assert_eq!(seat.name, expected, "after {waited_ms} ms");
        }
    }
}
