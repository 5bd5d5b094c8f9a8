//! Who comes in: each kind of person at each kind of door, as a table written by hand.

use dais_shared::ids::UserId;
use dais_shared::limits::{CHAIR_CLAIM_MS, REENTRY_BLOCK_MS, SEAT_GRACE_MS};
use dais_shared::names::InvalidName;
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Input, Join, Setting};

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
