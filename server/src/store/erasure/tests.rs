//! What is kept of people stands in docs/privacy.md, and all of it goes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::time::Duration;

use dais_shared::ids::{AddressPrefix, MemberId, MessageId, RoomId, UserId};
use dais_shared::limits::{EXPORT_MESSAGES, MESSAGES_KEPT_MAX, WIPED_PAGES};
use dais_shared::permissions::Role;
use dais_shared::room::{Ban, Block, Context, Event, Input, LeaveReason, Message, Mode, Order, Room, Setting, Settings};
use rusqlite::types::Value;

use super::veil;
use crate::spelling::likeness;
use crate::store::database::{APPLICATION_ID, Database, MIGRATIONS};
use crate::store::tests::{commit, created, folder, hall, identity, open};
use crate::store::{Store, Wiped, Write};

const PRIVACY: &str = include_str!("../../../../docs/privacy.md");
const USER: UserId = UserId(0x00c0_ffee_c0de);
const ADDRESS: [u8; 4] = [203, 0, 113, 77];
const WORDS: &str = "wombat";

fn columns(database: &Database) -> BTreeSet<String> {
    let sql = "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'";
    let mut found = database.connection().prepare(sql).unwrap();
    found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// The words between backticks.
fn marked(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_column_is_in_the_table_of_what_is_kept() {
    let mut told = Vec::new();
    for line in PRIVACY.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, table, columns, whose, how_long, end, _] = cells[..] {
            assert!([whose, how_long, end].iter().all(|cell| !cell.is_empty()), "{line}");
            let table = marked(table).next().unwrap();
            told.extend(marked(columns).map(|column| format!("{table}.{column}")));
        }
    }
    let count = told.len();
    let told: BTreeSet<String> = told.into_iter().collect();
    assert_eq!(told.len(), count, "each once");
    let folder = folder();
    assert_eq!(told, columns(&open(&folder)));
}

/// What somebody does of whom everything is kept that can be.
fn traces(name: &str) -> Vec<Event> {
    let member = MemberId(1);
    let address = AddressPrefix::V4(ADDRESS);
    let message = Message { id: MessageId(1), member, user: USER, name: name.into(), at_ms: 5, text: Some(WORDS.into()) };
    let ban = Ban { user: USER, name: name.into(), address: Some(address), at_ms: 8 };
    vec![
        Event::MemberJoined {
            member: MemberId(2),
            user: UserId(2),
            name: "Ben".into(),
            likeness: likeness("Ben"),
            address: AddressPrefix::V6([1; 8]),
            at_ms: 3,
        },
        Event::MemberJoined { member, user: USER, name: name.into(), likeness: likeness(name), address, at_ms: 3 },
        Event::SettingChanged { setting: Setting::Title(WORDS.into()), by: USER },
        Event::SettingChanged { setting: Setting::Topic(WORDS.into()), by: USER },
        Event::MessagePosted(message),
        Event::MemberLeft { member, reason: LeaveReason::Banned, role: Role::CoHost, at_ms: 7 },
        Event::ChairKept { user: USER, until_ms: 9 },
        Event::Blocked(Block { user: USER, address: Some(address), until_ms: 9 }),
        Event::Banned(ban),
    ]
}

/// Every value in every row, as bytes or in figures.
fn values(database: &Database) -> Vec<(String, Value)> {
    let names = columns(database);
    let names = names.iter().map(|column| column.split_once('.').unwrap());
    let all = names.map(|(table, column)| {
        let mut found = database.connection().prepare(&format!("SELECT {column} FROM {table}")).unwrap();
        let values = found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap);
        values.map(|value| (format!("{table}.{column}"), value)).collect::<Vec<_>>()
    });
    all.flatten().collect()
}

/// Where something of that person stands.
fn found(database: &Database, name: &str) -> BTreeSet<String> {
    let is_of_person = |value: &Value| match value {
        Value::Integer(number) => *number == USER.0.cast_signed(),
        Value::Text(text) => text.contains(name) || text.contains(WORDS),
        Value::Blob(bytes) => bytes == &ADDRESS,
        _ => false,
    };
    values(database).into_iter().filter(|(_, value)| is_of_person(value)).map(|(column, _)| column).collect()
}

#[test]
fn in_no_row_is_anything_of_whom_is_erased() {
    let folder = folder();
    let mut database = open(&folder);
    let name = identity(USER.0).name;
    let mut room = Room::new(hall().id().clone(), Settings::new("Hall".into(), Mode::Moderated), None, USER);
    commit(&mut database, [created(USER.0), Write::Room(Box::new(room.clone()))]);
    let happen = |database: &mut Database, room: &mut Room, events: Vec<Event>| {
        events.iter().for_each(|event| room.apply(event));
        commit(database, [Write::Events { room: room.id().clone(), events }]);
    };
    happen(&mut database, &mut room, traces(&name));
    let before = found(&database, &name);
    for column in [
        "identities.user",
        "identities.name",
        "rooms.title",
        "rooms.topic",
        "rooms.title_by",
        "rooms.topic_by",
        "rooms.founder",
        "messages.user",
        "messages.name",
        "messages.text",
        "departed.user",
        "departed.name",
        "departed.address",
        "claims.user",
        "blocks.user",
        "blocks.address",
        "bans.user",
        "bans.name",
        "bans.address",
    ] {
        assert!(before.contains(column), "{column} is not in {before:?}");
    }
    let told = database.person(USER, None).unwrap().unwrap();
    assert_eq!((told.identity.unwrap().identity.name, told.traces.len(), told.has_more), (name.clone(), 1, false));

    let context = Context { veil: Some(veil([7; 32])), ..Context::at(20) };
    let events = room.decide(&Input::Order(Order::Forget(USER)), &context).unwrap();
    happen(&mut database, &mut room, events);
    commit(&mut database, [Write::IdentityRevoked { user: USER }]);
    assert_eq!(found(&database, &name), BTreeSet::new());
    assert_eq!((room.bans().len(), room.erased_bans().len(), room.seats().count()), (0, 1, 1));
    assert!(!database.is_kept(USER).unwrap() && database.person(USER, None).unwrap().is_none());
    drop(database);
    assert_eq!(open(&folder).rooms().collect::<Vec<_>>(), [&room], "and the rest is as it was");
}

#[test]
fn who_is_in_many_rooms_is_told_in_pages_and_of_nothing_twice() {
    let folder = folder();
    let mut database = open(&folder);
    let per_room = MESSAGES_KEPT_MAX / 2;
    for number in 0..5 {
        let id = RoomId::parse(&format!("room-{number}")).unwrap();
        let mut room = Room::new(id, Settings::new("Room".into(), Mode::Open), None, UserId(1));
        for id in 1..=u32::try_from(per_room).unwrap() {
            let (member, name, text) = (MemberId(1), "Ada".into(), Some(WORDS.into()));
            room.apply(&Event::MessagePosted(Message { id: MessageId(id), member, user: USER, name, at_ms: 5, text }));
        }
        commit(&mut database, [Write::Room(Box::new(room))]);
    }
    let (mut after, mut rooms) = (None, Vec::new());
    loop {
        let page = database.person(USER, after.as_ref()).unwrap().unwrap();
        let messages: usize = page.traces.iter().map(|(_, trace)| trace.messages.len()).sum();
        assert!(messages < EXPORT_MESSAGES + MESSAGES_KEPT_MAX, "{messages}");
        rooms.extend(page.traces.into_iter().map(|(id, _)| id));
        after = rooms.last().cloned();
        if !page.has_more {
            break;
        }
    }
    let ids: Vec<&str> = rooms.iter().map(|id| id.as_str()).collect();
    assert_eq!(ids, ["room-0", "room-1", "room-2", "room-3", "room-4"]);
}

/// Before, what was deleted stayed in the file.
#[test]
fn a_file_of_a_version_that_overwrote_nothing_is_written_anew() {
    let folder = folder();
    let path = folder.path().join("dais.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    old.pragma_update(None, "secure_delete", false).unwrap();
    for sql in &MIGRATIONS[..4] {
        old.execute_batch(sql).unwrap();
    }
    old.pragma_update(None, "user_version", 4).unwrap();
    for user in 0..200_i64 {
        let token = [u8::try_from(user).unwrap(); 32];
        let values = rusqlite::params![user, format!("{WORDS} {user}"), &token[..]];
        old.execute("INSERT INTO identities VALUES (?1, ?2, ?3, 900, 900)", values).unwrap();
    }
    old.execute("DELETE FROM identities", []).unwrap();
    drop(old);
    let is_there = || {
        let files = ["dais.db", "dais.db-wal"].map(|name| std::fs::read(folder.path().join(name)).unwrap_or_default());
        files.concat().windows(WORDS.len()).any(|bytes| bytes == WORDS.as_bytes())
    };
    assert!(is_there());
    let mut database = open(&folder);
    assert_eq!(database.wipe(true).unwrap(), Wiped::Done);
    assert!(!is_there());
}

/// So much that it takes several steps.
#[test]
fn what_a_server_that_ends_has_no_time_to_wipe_is_wiped_by_the_next_one() {
    let folder = folder();
    let path = folder.path().join("dais.db");
    let is_there = || std::fs::read(&path).unwrap().windows(WORDS.len()).any(|bytes| bytes == WORDS.as_bytes());
    let ended_after = |database: Database, time| {
        let (_, mut keeper) = Store::before(database, super::super::tests::clock(), std::sync::Arc::default());
        keeper.wipe_the_rest(time);
    };
    let database = open(&folder);
    // Rows that come in no order move from page to page, and leave copies behind.
    database.connection().execute_batch("CREATE TABLE a (id INTEGER PRIMARY KEY, text TEXT)").unwrap();
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000),
            m(id) AS (SELECT (i * 7919) % 40009 FROM n)
         INSERT INTO a SELECT id, CASE id % 2 WHEN 0 THEN '{WORDS}' ELSE 'nobody' END || hex(zeroblob(100 + id % 90)) FROM m"
    );
    database.connection().execute(&sql, []).unwrap();
    database.connection().execute("DELETE FROM a WHERE id % 2 = 0", []).unwrap();
    ended_after(database, Duration::ZERO);
    assert!(is_there() && std::fs::metadata(&path).unwrap().len() > 2 * 4_096 * WIPED_PAGES);
    let mut database = open(&folder);
    assert!(database.has_leftovers(), "it is looked for again");
    assert_eq!(database.wipe(false).unwrap(), Wiped::InPart);
    assert!(database.has_leftovers(), "a step is not all");
    ended_after(database, Duration::MAX);
    assert!(!is_there(), "with time enough, nothing is left");
}

#[tokio::test]
async fn the_key_is_made_once_and_is_the_same_after_a_restart() {
    let folder = folder();
    let (store, _) = Store::open(folder.path(), super::super::tests::clock(), std::sync::Arc::default()).unwrap();
    assert!(store.veil().is_none());
    store.make_veil([1; 32]).await.unwrap();
    store.make_veil([2; 32]).await.unwrap();
    assert_eq!(store.veil().unwrap().key, [1; 32]);
    assert!(!format!("{:?}", store.veil()).contains('1'), "it is in no log");
    assert_eq!(store.wipe(true).await, Ok(Wiped::Done));
    drop(store);
    // The thread ends when it has nothing more to do, and frees the folder.
    let store = loop {
        if let Ok((store, _)) = Store::open(folder.path(), super::super::tests::clock(), std::sync::Arc::default()) {
            break store;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(store.veil().unwrap().key, [1; 32]);
}
