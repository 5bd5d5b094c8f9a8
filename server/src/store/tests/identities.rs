//! Who gives way, and that nobody waits for it.

use dais_shared::ids::UserId;
use dais_shared::limits::{
    IDENTITIES_LOOKED_AT, IDENTITIES_MAX, IDENTITIES_NEW_SHARE, IDENTITY_UNUSED_MS_MAX, IDENTITY_USE_NOTED_MS,
};
use rusqlite::params;

use super::*;
use crate::store::rows::Wide;

const MOST: u64 = IDENTITIES_MAX as u64;
const NEWCOMERS: u64 = MOST / IDENTITIES_NEW_SHARE as u64;
const STEP: u64 = IDENTITIES_LOOKED_AT as u64;
/// Before everything else that happens here.
const FIRST: u64 = 1_000_000;

/// Adds so many identities from this one on, which came one after the other.
fn fill(database: &Database, from: u64, count: u64, came_back: bool) {
    let sql = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
        INSERT INTO identities (user, name, token, used_ms, created_ms, lived_ms, came_back)
        SELECT ?1 + i, 'Person ' || (?1 + i), randomblob(32), 1000, 1000, ?3 + i, ?4 FROM n";
    let lived_ms = database.house.lived_ms() - 2 * MOST;
    database.connection().execute(sql, params![Wide(from), Wide(count), Wide(lived_ms + from - FIRST), came_back]).unwrap();
}

/// Makes all steps that are due; how many.
pub(in crate::store) fn keep_up(database: &mut Database) -> usize {
    let mut steps = 0;
    let mut has_more = database.is_upkeep_due().unwrap();
    while has_more {
        has_more = database.keep_up().unwrap();
        steps += 1;
    }
    steps
}

/// The one number that SQL gives.
fn number(database: &Database, sql: &str) -> u64 {
    database.connection().query_row(sql, [], |row| row.get::<_, Wide>(0)).unwrap().0
}

fn count(database: &Database) -> u64 {
    number(database, "SELECT count(*) FROM identities")
}

#[test]
fn a_full_house_leaves_newcomers_the_time_to_come_back() {
    let folder = folder();
    let mut database = open(&folder);
    fill(&database, FIRST, MOST, true);
    assert_eq!(keep_up(&mut database), 0, "it is full, and no more than that");
    commit(&mut database, [created(1), created(2)]);
    assert_eq!(count(&database), MOST + 2, "nobody waits for others to go");
    assert_eq!(keep_up(&mut database), 1, "and one step is enough for the next logins, too");
    assert!(database.is_user_known(UserId(1)).unwrap() && database.is_user_known(UserId(2)).unwrap());
    assert!(!database.is_user_known(UserId(FIRST + STEP - 1)).unwrap(), "the longest unused");
    assert!(database.is_user_known(UserId(FIRST + STEP)).unwrap());
}

#[test]
fn a_flood_of_identities_is_washed_away_by_itself() {
    let folder = folder();
    let mut keeper = keeper_with_a_link(&folder);
    let database = &mut keeper.database;
    let guest = Write::IdentityCreated { identity: identity(2), token: token(2), link: Some(LinkId(1)) };
    commit(database, [created(1), guest]);
    database.tell(at(1_001 + IDENTITY_USE_NOTED_MS));
    assert!(database.identify(&token(1)).unwrap().is_some());
    fill(database, FIRST, MOST + 10, false);
    // The flood came after them.
    database.connection().execute("UPDATE identities SET lived_ms = lived_ms - ?1 WHERE user < 10", [Wide(3 * MOST)]).unwrap();
    keep_up(database);
    assert!(database.is_user_known(UserId(1)).unwrap(), "who has come back stays");
    assert!(database.is_user_known(UserId(2)).unwrap(), "and who could not come by his link again");
    assert!(!database.is_user_known(UserId(FIRST)).unwrap());
    assert!(count(database) <= MOST);
    assert!(database.is_user_known(UserId(FIRST + MOST - NEWCOMERS)).unwrap(), "the newest may still come back");
}

#[test]
fn whoever_has_a_seat_a_chair_or_a_room_gives_way_to_nobody() {
    let folder = folder();
    let mut database = open(&folder);
    let mut hall = hall();
    {
        let joining = input(&mut Random(7), &hall, 1_000); // an empty room is asked for nothing else
        let events = hall.decide(&joining, &Context::at(1_000)).unwrap();
        events.iter().for_each(|event| hall.apply(event));
    }
    hall.apply(&Event::ChairKept { user: UserId(77), until_ms: 2_000 });
    let mut awaited: Vec<u64> = hall.seats().map(|(_, seat)| seat.user.0).collect();
    assert!(!awaited.is_empty() && !awaited.contains(&hall.founder().0));
    awaited.extend([hall.founder().0, 77]);
    commit(&mut database, std::iter::once(Write::Room(Box::new(hall))));
    commit(&mut database, awaited.iter().map(|user| created(*user)).chain([created(99)]));
    fill(&database, FIRST, MOST, true);
    database.connection().execute("UPDATE identities SET lived_ms = 1 WHERE user < 100", []).unwrap();
    keep_up(&mut database);
    let is_known = |database: &Database, user| database.is_user_known(UserId(user)).unwrap();
    assert!(!is_known(&database, 99), "he is nowhere, and was longest unused");
    assert!(awaited.iter().all(|user| is_known(&database, *user)), "{awaited:?}");
    // However long it is.
    database.tell(at(1_000 + 2 * IDENTITY_UNUSED_MS_MAX));
    assert!(database.identify(&token(77)).unwrap().is_some(), "his token opens what waits for him");
    keep_up(&mut database);
    assert!(awaited.iter().all(|user| is_known(&database, *user)), "{awaited:?}");
    assert_eq!(count(&database), awaited.len() as u64, "and all others are expired");
}

#[test]
fn an_identity_that_nobody_uses_is_forgotten() {
    let folder = folder();
    let mut database = open(&folder);
    commit(&mut database, [created(0), created(1)]);
    database.tell(at(1_001 + IDENTITY_USE_NOTED_MS));
    assert!(database.identify(&token(1)).unwrap().is_some(), "its use is noted");
    commit(&mut database, []);
    database.tell(at(1_001 + IDENTITY_UNUSED_MS_MAX));
    assert_eq!(database.identify(&token(0)).unwrap(), None);
    keep_up(&mut database);
    assert!(!database.is_user_known(UserId(0)).unwrap());
    assert!(database.is_user_known(UserId(1)).unwrap());
}

#[test]
fn what_is_counted_is_what_there_is_whatever_is_given_up() {
    let folder = folder();
    let mut database = open(&folder);
    let mut random = Random(3);
    for step in 0..300_u64 {
        database.tell(at(1_000 + step * IDENTITY_USE_NOTED_MS / 2));
        database.begin().unwrap();
        for _ in 0..3 {
            let user = random.below(20);
            match random.below(4) {
                0 if !database.is_user_known(UserId(user)).unwrap() => database.write(created(user)).unwrap(),
                1 => database.write(Write::IdentityRevoked { user: UserId(user) }).unwrap(),
                _ => drop(database.identify(&token(user)).unwrap()),
            }
        }
        if random.below(3) == 0 {
            database.roll_back();
        } else {
            database.commit().unwrap();
        }
        let sql = "SELECT counts.identities = (SELECT count(*) FROM identities) \
                   AND counts.newcomers = (SELECT count(*) FROM identities WHERE came_back = 0) FROM counts";
        assert!(database.connection().query_row(sql, [], |row| row.get::<_, bool>(0)).unwrap(), "step {step}");
    }
}

#[test]
fn what_a_link_leaves_behind_is_taken_away_little_by_little_and_is_nothing_meanwhile() {
    let folder = folder();
    let mut keeper = keeper_with_a_link(&folder);
    let database = &mut keeper.database;
    let guest = Write::IdentityCreated { identity: identity(2), token: token(2), link: Some(LinkId(1)) };
    commit(database, [guest]);
    fill(database, FIRST, 5 * STEP, true);
    database.connection().execute("INSERT INTO link_guests SELECT user, 1 FROM identities WHERE user <> 2", []).unwrap();
    let link_of = |database: &Database| database.identify(&token(2)).unwrap().unwrap().link;
    assert_eq!(link_of(database), Some(LinkId(1)));
    let before = number(database, "SELECT total_changes()");
    commit(database, [Write::LinkRevoked(LinkId(1))]);
    let changed = number(database, "SELECT total_changes()") - before;
    assert!(changed < 5, "{changed} rows are changed: as many as if it had brought nobody");
    assert_eq!(link_of(database), None, "and it gives nothing any more");
    assert!(keep_up(database) > 5);
    assert_eq!(number(database, "SELECT count(*) FROM link_guests"), 0);
}
