//! Clocks that are wrong at a start, or jump while the server runs: nobody is forgotten for it, and no span becomes a date.

use dais_shared::limits::{
    CHAIR_CLAIM_MS, DATE_PROVED_MS, IDENTITY_UNUSED_MS_MAX, INVITATION_MS, LEADERLESS_ROOM_MS, REENTRY_BLOCK_MS,
};
use dais_shared::room::{Block, Invitation};

use super::identities::keep_up;
use super::*;
use crate::spelling::looks;
use crate::store::examination::{Examined, examine};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
const YEAR_MS: u64 = 365 * DAY_MS;
/// Some day in 2026.
const DATE_MS: u64 = 1_780_000_000_000;
const EPOCH_MS: u64 = 0;
/// As wrong as a date may be.
const WRONG_MS: [u64; 5] =
    [DATE_MS + 100 * DAY_MS, DATE_MS + 10 * YEAR_MS, DATE_MS + 3 * YEAR_MS, DATE_MS - 3 * YEAR_MS, EPOCH_MS];

/// A server that starts at this date, and runs for so long.
fn run(folder: &TempDir, date_ms: u64, ms: u64, writes: impl IntoIterator<Item = Write>) -> Database {
    let after = |up_ms| Moment { date_ms: date_ms + up_ms, rooms_ms: date_ms + up_ms, up_ms };
    let mut database = Database::open(folder.path(), after(0)).unwrap();
    commit(&mut database, writes);
    keep_up(&mut database);
    for up_ms in (0..=ms).step_by(usize::try_from(HOUR_MS.min(ms.max(1))).unwrap()) {
        database.tell(after(up_ms));
        database.begin().unwrap();
        database.keep_time();
        database.commit().unwrap();
        keep_up(&mut database);
    }
    database
}

fn knows(folder: &TempDir, date_ms: u64, user: u64) -> bool {
    run(folder, date_ms, 0, []).identify(&token(user)).unwrap().is_some()
}

/// Somebody who has been away for as long as anybody may.
fn almost_expired(folder: &TempDir) {
    run(folder, DATE_MS - IDENTITY_UNUSED_MS_MAX, IDENTITY_UNUSED_MS_MAX - HOUR_MS, [created(1)]);
    run(folder, DATE_MS - HOUR_MS, 0, [created(2)]);
}

#[test]
fn one_start_by_a_wrong_date_forgets_nobody() {
    for wrong_ms in WRONG_MS {
        let folder = folder();
        almost_expired(&folder);
        // Somebody comes in, so that the wrong date is the newest in the rows, too.
        run(&folder, wrong_ms, HOUR_MS - 1, [created(3)]);
        for user in [1, 2, 3] {
            assert!(knows(&folder, DATE_MS + MINUTE_MS, user), "{user} at {wrong_ms}");
        }
    }
}

#[test]
fn dates_that_come_and_go_make_nobody_old() {
    for wrong_ms in WRONG_MS {
        let folder = folder();
        run(&folder, DATE_MS, HOUR_MS, [created(1)]);
        for start in 0..60 {
            run(&folder, wrong_ms, HOUR_MS, [created(100 + start)]);
            run(&folder, DATE_MS, HOUR_MS, []);
        }
        assert!(knows(&folder, DATE_MS, 1), "{wrong_ms}");
        // Nor do those that come and go while it runs.
        let mut database = run(&folder, DATE_MS, HOUR_MS, []);
        for turn in 1..100 {
            let date_ms = if turn % 2 == 0 { DATE_MS } else { wrong_ms + turn };
            database.tell(Moment { date_ms, rooms_ms: DATE_MS, up_ms: HOUR_MS + turn * DATE_PROVED_MS });
            database.keep_time();
        }
        assert!(database.identify(&token(1)).unwrap().is_some(), "{wrong_ms}");
    }
}

/// In which week somebody who never comes is forgotten, where the server runs for so long in each.
fn forgotten_in_week(ms: u64) -> Option<u64> {
    let folder = folder();
    run(&folder, DATE_MS, HOUR_MS, [created(1)]);
    (1..100).find(|week| !run(&folder, DATE_MS + week * 7 * DAY_MS, ms, []).is_user_known(UserId(1)).unwrap())
}

#[test]
fn whoever_never_comes_is_forgotten_by_a_server_that_runs_once_a_week_too() {
    assert_eq!(forgotten_in_week(7 * HOUR_MS), Some(13), "after 91 days");
    assert_eq!(forgotten_in_week(HOUR_MS), Some(87), "25 hours of each week count");
}

#[test]
fn no_cycle_of_dates_makes_the_house_older_than_25_times_what_it_ran() {
    let week_after_week: Vec<u64> = (0..52).map(|start| start * 7).collect();
    for days in [&week_after_week[..], &[0, 7], &[0, 7, 9], &[7, 0, 14], &[0, 8, 16, 24], &[0, 7, 14, 3_000], &[3_000, 0, 7]] {
        for ms in [DATE_PROVED_MS - 1, DATE_PROVED_MS, HOUR_MS] {
            let folder = folder();
            let began_ms = run(&folder, DATE_MS, HOUR_MS, [created(1)]).house.lived_ms();
            let (mut ran_ms, mut lived_ms) = (0, 0);
            for start in 0..52 {
                let database = run(&folder, DATE_MS + days[start % days.len()] * DAY_MS, ms, []);
                ran_ms += ms;
                lived_ms = database.house.lived_ms() - began_ms;
                let most_ms = if ms < DATE_PROVED_MS { ran_ms } else { 25 * ran_ms };
                assert!((ran_ms..=most_ms).contains(&lived_ms), "start {start} of {ms} ms by {days:?}: {lived_ms}");
                assert!(database.is_user_known(UserId(1)).unwrap(), "{days:?}");
            }
            assert!(lived_ms < IDENTITY_UNUSED_MS_MAX);
        }
    }
}

#[test]
fn a_date_that_is_set_right_takes_with_it_what_was_not_counted_yet() {
    let folder = folder();
    let began_ms = run(&folder, DATE_MS, HOUR_MS, [created(1)]).house.lived_ms();
    // A week ahead for an hour, then right.
    let mut database = run(&folder, DATE_MS + 7 * DAY_MS, HOUR_MS, []);
    assert_eq!(database.house.lived_ms() - began_ms, 25 * HOUR_MS);
    for up_ms in (HOUR_MS..10 * HOUR_MS).step_by(usize::try_from(MINUTE_MS).unwrap()) {
        let date_ms = DATE_MS + up_ms;
        database.tell(Moment { date_ms, rooms_ms: date_ms, up_ms });
        database.keep_time();
    }
    assert_eq!(database.house.lived_ms() - began_ms, 34 * HOUR_MS - MINUTE_MS);
    commit(&mut database, []);
    drop(database);
    // The day that was counted is not counted once more.
    let lived_ms = run(&folder, DATE_MS + DAY_MS, HOUR_MS, []).house.lived_ms() - began_ms;
    assert!((34 * HOUR_MS..36 * HOUR_MS).contains(&lived_ms), "{lived_ms}");
}

#[test]
fn a_server_that_was_off_for_a_year_knows_everybody_and_forgets_who_stays_away() {
    let folder = folder();
    run(&folder, DATE_MS, HOUR_MS, [created(1), created(2)]);
    assert!(knows(&folder, DATE_MS + YEAR_MS, 1) && knows(&folder, DATE_MS + YEAR_MS, 2));
    let mut database = run(&folder, DATE_MS + YEAR_MS, IDENTITY_UNUSED_MS_MAX - 3 * HOUR_MS, []);
    assert!(database.identify(&token(1)).unwrap().is_some());
    commit(&mut database, []);
    drop(database);
    run(&folder, DATE_MS + 2 * YEAR_MS, DAY_MS, []);
    assert!(knows(&folder, DATE_MS + 2 * YEAR_MS + DAY_MS, 1) && !knows(&folder, DATE_MS + 2 * YEAR_MS + DAY_MS, 2));
}

/// The hall, with every span that a room knows begun at this date.
fn spans(date_ms: u64) -> Room {
    let mut room = hall();
    let join = |user: u64, name: &str| {
        let address = AddressPrefix::V4([10, 0, 0, u8::try_from(user).unwrap()]);
        let (passcode, pass) = (Some("open sesame".into()), Pass::NONE);
        let looks = looks(name);
        Input::Join(Join { user: UserId(user), name: name.into(), looks, address, passcode, microphone_open: false, pass })
    };
    for (input, ms) in [(join(1, "Ada"), 0), (join(2, "Ben"), 1), (join(3, "Cleo"), 2)] {
        let events = room.decide(&input, &Context::at(date_ms + ms)).unwrap();
        events.iter().for_each(|event| room.apply(event));
    }
    let invitation =
        Invitation { id: InvitationId(1), member: MemberId(2), by: MemberId(1), expires_ms: date_ms + INVITATION_MS };
    for event in [
        Event::Invited(invitation),
        Event::Blocked(Block { user: UserId(9), address: None, until_ms: date_ms + REENTRY_BLOCK_MS }),
        Event::ChairKept { user: UserId(8), until_ms: date_ms + CHAIR_CLAIM_MS },
        Event::HandRaised { member: MemberId(3), by: dais_shared::room::HandRaisedBy::Member, at_ms: date_ms },
        Event::Leaderless { ends_at_ms: date_ms + LEADERLESS_ROOM_MS },
    ] {
        room.apply(&event);
    }
    room
}

#[test]
fn what_is_left_of_every_span_goes_on_whatever_the_date() {
    for (from_ms, to_ms) in WRONG_MS.into_iter().flat_map(|wrong_ms| [(wrong_ms, DATE_MS), (DATE_MS, wrong_ms)]) {
        let folder = folder();
        let ran_ms = 40_000;
        run(&folder, from_ms, ran_ms, [Write::Room(Box::new(spans(from_ms)))]);
        // Twice: the rows follow the rooms, and the clock that they are read by.
        run(&folder, to_ms, 0, []);
        let started_ms = to_ms + MINUTE_MS;
        let database = run(&folder, started_ms, 0, []);
        let room = database.rooms().next().unwrap();
        let left = |until_ms: u64| until_ms - started_ms;
        let what = format!("from {from_ms} to {to_ms}");
        assert_eq!(left(room.blocks()[0].until_ms), REENTRY_BLOCK_MS - ran_ms, "{what}");
        assert_eq!(left(room.claims()[0].until_ms), CHAIR_CLAIM_MS - ran_ms, "{what}");
        assert_eq!(left(room.invitations().next().unwrap().expires_ms), INVITATION_MS - ran_ms, "{what}");
        assert_eq!(left(room.ends_at_ms().unwrap()), LEADERLESS_ROOM_MS, "a room is given its time once more {what}");
        let since: Vec<u64> = room.seats().map(|(_, seat)| seat.joined_ms).collect();
        assert!(since.is_sorted() && since.iter().all(|since_ms| *since_ms <= started_ms), "{since:?} {what}");
        assert!(room.hands()[0].raised_ms <= started_ms, "{what}");
    }
}

#[test]
fn a_kick_made_three_years_ahead_bars_for_a_minute() {
    let folder = folder();
    run(&folder, DATE_MS + 3 * YEAR_MS, 1_000, [Write::Room(Box::new(spans(DATE_MS + 3 * YEAR_MS)))]);
    let database = run(&folder, DATE_MS, 0, []);
    let mut room = database.rooms().next().unwrap().clone();
    let (address, passcode) = (AddressPrefix::V4([10, 0, 0, 9]), Some("open sesame".into()));
    let (name, looks, pass) = ("Zoe".into(), looks("Zoe"), Pass::NONE);
    let join = Join { user: UserId(9), name, looks, address, passcode, microphone_open: false, pass };
    let joins = |room: &Room, now_ms| room.decide(&Input::Join(join.clone()), &Context::at(now_ms)).map(drop);
    assert!(joins(&room, DATE_MS + REENTRY_BLOCK_MS - 1_001).is_err(), "what is left of it holds");
    assert_eq!(joins(&room, DATE_MS + REENTRY_BLOCK_MS), Ok(()));
    // And where nothing says by which clock it was made, as in folders of before.
    room.begin_anew(DATE_MS, DATE_MS);
    assert_eq!(joins(&room, DATE_MS + REENTRY_BLOCK_MS), Ok(()));
}

#[test]
fn a_jump_of_the_date_is_there_for_the_doctor_to_tell() {
    let folder = folder();
    let jump = || match examine(folder.path()).unwrap() {
        Examined::Healthy { jump, .. } => jump.map(|jump| (jump.from_ms, jump.to_ms)),
        Examined::Nothing => None,
    };
    run(&folder, DATE_MS, 0, [created(1)]);
    run(&folder, DATE_MS + 2 * DAY_MS, 0, []);
    assert_eq!(jump(), None, "it was off for two days");
    run(&folder, DATE_MS + 100 * DAY_MS, 0, []);
    assert_eq!(jump(), Some((DATE_MS + 2 * DAY_MS, DATE_MS + 100 * DAY_MS)));
    run(&folder, DATE_MS + 3 * DAY_MS, 0, []);
    assert_eq!(jump(), Some((DATE_MS + 100 * DAY_MS, DATE_MS + 3 * DAY_MS)));
    let mut database = Database::open(folder.path(), at(DATE_MS + 3 * DAY_MS)).unwrap();
    database.tell(Moment { date_ms: DATE_MS + YEAR_MS, ..at(DATE_MS + 3 * DAY_MS + 10) });
    database.begin().unwrap();
    database.keep_time();
    database.commit().unwrap();
    drop(database);
    assert_eq!(jump(), Some((DATE_MS + 3 * DAY_MS + 10, DATE_MS + YEAR_MS)), "while it ran, too");
}
