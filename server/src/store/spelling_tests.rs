//! What was kept before names and secrets were written in one way.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use dais_shared::ids::{AddressPrefix, RoomId, UserId};
use dais_shared::names::Looks;
use dais_shared::room::{Context, Input, Join, Mode, Pass, Room, Settings};

use super::Write;
use super::tests::{commit, folder, open};
use crate::spelling::{likeness, looks};

const COMPOSED: &str = "Jos\u{E9} Ruiz";
const DECOMPOSED: &str = "Jose\u{301}  Ruiz";
const PASSCODE: &str = "cafe\u{301}  au lait";

/// Somebody of whom the room knows nothing but the name.
fn join(user: u64, name: &str, looks: Looks, passcode: &str) -> Input {
    Input::Join(Join {
        user: UserId(user),
        name: name.into(),
        looks,
        address: AddressPrefix::V4([127, 0, 0, 1]),
        passcode: Some(passcode.into()),
        microphone_open: false,
        pass: Pass::NONE,
    })
}

#[test]
fn a_room_that_was_kept_before_opens_and_knows_who_looks_alike() {
    let folder = folder();
    let mut room = Room::new(
        RoomId::parse("hall").unwrap(),
        Settings::new("Hall".into(), Mode::Moderated),
        Some(PASSCODE.into()),
        UserId(1),
    );
    for (user, name) in [(1, DECOMPOSED), (2, COMPOSED)] {
        let events = room.decide(&join(user, name, Looks::plain(name), PASSCODE), &Context::at(5)).unwrap();
        events.iter().for_each(|event| room.apply(event));
    }
    commit(&mut open(&folder), [Write::Room(Box::new(room))]);
    let database = open(&folder);
    let kept = database.rooms().next().unwrap();
    assert!(kept.seats().all(|(_, seat)| seat.likeness == likeness(COMPOSED)));
    let newcomer = join(3, COMPOSED, looks(COMPOSED), "caf\u{E9} au lait");
    let events = kept.decide(&newcomer, &Context::at(6)).unwrap();
    assert!(format!("{events:?}").contains("Ruiz (2)"), "{events:?}");
}
