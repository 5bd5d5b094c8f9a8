//! What people expect of a file: that it is kept whole, and left alone where it is not.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use dais_shared::ids::{RoomId, UserId};
use dais_shared::limits::STORE_CLOSE_MS;
use dais_shared::room::{Mode, Room, Settings};
use rusqlite::Connection;
use tempfile::TempDir;

use super::database::{Database, MIGRATIONS};
use super::rows::Wide;
use super::standing::{Fallen, Trouble};
use super::tests::identities::keep_up;
use super::tests::{at, commit, created, folder, hall, identity, open, token};
use super::{Acquaintance, BackupError, Known, LinkId, OpenError, Store, Wiped, Write, back_up, examine};

/// Spoils the file of a database with something in it, and opens it. Whatever the answer, the file stays as it is.
fn opened_after(spoil: impl Fn(&Path)) -> OpenError {
    let folder = folder();
    let mut database = open(&folder);
    let mut room = hall();
    let rooms = (0..50).map(|number| {
        room = Room::new(
            RoomId::parse(&format!("room-{number}")).unwrap(),
            Settings::new("x".repeat(80), Mode::Open),
            None,
            UserId(number),
        );
        Write::Room(Box::new(room.clone()))
    });
    let rooms: Vec<Write> = rooms.collect();
    commit(&mut database, rooms);
    drop(database);
    let path = folder.path().join("dais.db");
    spoil(&path);
    let before = fs::read(&path).ok();
    let error = Database::open(folder.path(), at(1_000)).unwrap_err();
    assert!(fs::read(&path).ok() == before, "it is left as it is");
    error
}

#[test]
fn a_damaged_file_is_refused_with_a_sentence_and_left_alone() {
    type Damage<'a> = (&'a str, &'a dyn Fn(&Path));
    let damages: [Damage<'_>; 5] = [
        ("empty", &|path| fs::write(path, "").unwrap()),
        ("cut", &|path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("overwritten", &|path| {
            let mut bytes = fs::read(path).unwrap();
            let half = bytes.len() / 2;
            bytes[half..].fill(0xa5);
            fs::write(path, bytes).unwrap();
        }),
        ("no database", &|path| fs::write(path, "milk, bread, butter".repeat(1_000)).unwrap()),
        ("gone, but for its log", &|path| {
            fs::remove_file(path).unwrap();
            fs::write(path.with_extension("db-wal"), "something").unwrap();
        }),
    ];
    for (what, spoil) in damages {
        let error = opened_after(spoil);
        let is_said = matches!(error, OpenError::Damaged { .. } | OpenError::NoDatabase { .. } | OpenError::Gone { .. });
        assert!(is_said, "{what}: {error}");
        assert!(error.to_string().contains("backup"), "{what}: {error}");
    }
}

/// The folder as a server leaves it that is killed.
fn killed(room: &Room) -> TempDir {
    let (kept, left) = (folder(), folder());
    let mut database = open(&kept);
    commit(&mut database, [Write::Room(Box::new(room.clone()))]);
    for user in 1..=3 {
        commit(&mut database, [created(user)]);
    }
    for file in ["dais.db", "dais.db-wal"] {
        fs::copy(kept.path().join(file), left.path().join(file)).unwrap();
    }
    left
}

#[test]
fn what_a_killed_server_left_is_taken_up_or_left_alone_with_its_log() {
    let room = hall();
    assert_eq!(open(&killed(&room)).rooms().collect::<Vec<_>>(), [&room]);
    type Damage<'a> = (&'a str, &'a str, &'a dyn Fn(&mut Vec<u8>));
    let damages: [Damage<'_>; 3] = [
        ("the log's first page", "dais.db-wal", &|log| log[100] ^= 1),
        ("the log's beginning", "dais.db-wal", &|log| log[3] ^= 0x80),
        ("pages that are not in the log", "dais.db", &|file| {
            let half = file.len() / 2;
            file[half..].fill(0xa5);
        }),
    ];
    for (what, file, spoil) in damages {
        let left = killed(&room);
        let mut bytes = fs::read(left.path().join(file)).unwrap();
        spoil(&mut bytes);
        fs::write(left.path().join(file), bytes).unwrap();
        let all = || ["dais.db", "dais.db-wal"].map(|file| fs::read(left.path().join(file)).ok());
        let before = all();
        let error = Database::open(left.path(), at(1_000)).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{what}: {error}");
        assert!(before == all(), "{what}: it is left as it is");
        let copy = left.path().join("copy.db");
        assert!(matches!(back_up(left.path(), &copy), Err(BackupError::Source(_))), "{what}: it is not copied");
        assert!(before == all() && !copy.exists(), "{what}: nor touched");
    }
}

#[test]
fn whoever_copies_what_a_killed_server_left_leaves_its_log() {
    let left = killed(&hall());
    let all = || ["dais.db", "dais.db-wal"].map(|file| fs::read(left.path().join(file)).unwrap());
    let before = all();
    back_up(left.path(), &left.path().join("copy.db")).unwrap();
    assert!(before == all());
}

#[test]
fn a_file_of_another_program_or_of_a_newer_version_is_left_alone() {
    let foreign = opened_after(|path| {
        fs::remove_file(path).unwrap();
        Connection::open(path).unwrap().execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    });
    assert!(matches!(foreign, OpenError::Foreign { .. }), "{foreign}");
    let newer = opened_after(|path| Connection::open(path).unwrap().pragma_update(None, "user_version", 999).unwrap());
    assert!(matches!(newer, OpenError::Newer { version: 999, .. }), "{newer}");
}

#[test]
fn a_file_of_version_1_is_taken_over_with_all_that_is_in_it() {
    let folder = folder();
    let old = Connection::open(folder.path().join("dais.db")).unwrap();
    old.pragma_update(None, "application_id", 0x4461_6973).unwrap();
    old.execute_batch(include_str!("schema.sql")).unwrap();
    old.execute("INSERT INTO identities VALUES (1, 'Person 1', ?1, 900)", [&token(1)[..]]).unwrap();
    let room = "INSERT INTO rooms VALUES ('hall', 'Hall', '', 0, 1, 1, 0, 0, 'open sesame', 1, 0, NULL, 1, 1, 1, 1, NULL)";
    old.execute(room, []).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    let mut database = open(&folder);
    let kept: Vec<Room> = database.rooms().cloned().collect();
    assert_eq!(kept, [Room::new(kept[0].id().clone(), hall().settings().clone(), Some("open sesame".into()), UserId(1))]);
    assert_eq!(database.identify(&token(1)).unwrap(), Some(Known { identity: identity(1), link: None }));
    commit(&mut database, [created(2)]);
    let known = |user, created_ms, used_ms| Acquaintance { identity: identity(user), created_ms, used_ms };
    assert_eq!(database.identities(None).unwrap(), [known(1, None, 900), known(2, Some(1_000), 1_000)]);
    assert_eq!(database.identities(Some(UserId(1))).unwrap(), [known(2, Some(1_000), 1_000)]);
}

#[test]
fn a_file_of_version_4_is_taken_over_with_all_that_is_in_it_and_nobody_is_old() {
    const DAY_MS: u64 = 86_400_000;
    let now_ms = 1_780_000_000_000;
    for ahead_ms in [0, 1_000 * DAY_MS] {
        let folder = folder();
        let old = Connection::open(folder.path().join("dais.db")).unwrap();
        old.pragma_update(None, "application_id", 0x4461_6973).unwrap();
        for sql in &MIGRATIONS[..4] {
            old.execute_batch(sql).unwrap();
        }
        // One has come back, one never has, one came by a link, and one by a clock that was ahead.
        let days = [(1, 80, 90), (2, 40, 40), (3, 2, 2), (4, 0, 0)];
        for (user, used, created) in days {
            let [used_ms, created_ms] =
                [used, created].map(|days: u64| now_ms - days * DAY_MS + if user == 4 { ahead_ms } else { 0 });
            let values =
                rusqlite::params![Wide(user), format!("Person {user}"), &token(user)[..], Wide(used_ms), Wide(created_ms)];
            old.execute("INSERT INTO identities VALUES (?1, ?2, ?3, ?4, ?5)", values).unwrap();
        }
        let room =
            "INSERT INTO rooms VALUES ('hall', 'Hall', '', 0, 1, 1, 0, 0, 'open sesame', 1, 0, NULL, 1, 1, 1, 1, NULL, 900)";
        old.execute(room, []).unwrap();
        let link = "INSERT INTO links VALUES (7, 'hall', ?1, 1, 0, 0, 0, 9000000000000, 1, 5, 1000), (8, 'gone', ?2, 1, 0, 0, 0, 1, 1, 5, 1000)";
        old.execute(link, [&token(7)[..], &token(8)[..]]).unwrap();
        old.execute("INSERT INTO link_guests VALUES (3, 7), (2, 8)", []).unwrap();
        let lists = "INSERT INTO bans VALUES ('hall', 0, 9, 'Zoe', NULL, 900); INSERT INTO claims VALUES ('hall', 0, 8, 99); \
                     INSERT INTO muted_away VALUES ('hall', 0, 6); PRAGMA user_version = 4;";
        old.execute_batch(lists).unwrap();
        drop(old);
        let mut database = Database::open(folder.path(), at(now_ms)).unwrap();
        keep_up(&mut database);
        let room = database.rooms().next().unwrap();
        assert_eq!((room.bans().len(), room.muted_away()), (1, &[UserId(6)][..]));
        for (user, link) in [(1, None), (2, None), (3, Some(LinkId(7))), (4, None)] {
            let known = database.identify(&token(user)).unwrap().map(|known| known.link);
            assert_eq!(known, Some(link), "{user}, {ahead_ms}");
        }
        assert_eq!(database.links(room.id()).unwrap().len(), 1);
        let sql = "SELECT group_concat(user, '') FROM (SELECT user FROM identities WHERE came_back = 0 ORDER BY user)";
        let never_back: String = database.connection().query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(never_back, "4", "who came by a link could not come by it again");
    }
}

#[test]
fn a_backup_holds_what_was_committed_and_is_opened_like_any_other_file() {
    let (here, there) = (folder(), folder());
    let mut database = open(&here);
    commit(&mut database, [created(1), Write::Room(Box::new(hall()))]);
    database.begin().unwrap();
    database.write(created(2)).unwrap();
    let copy = there.path().join("dais.db");
    back_up(here.path(), &copy).unwrap();
    database.commit().unwrap();
    #[cfg(unix)]
    for file in [&copy, &here.path().join("dais.db"), &here.path().join("dais.db-wal")] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    #[cfg(unix)]
    std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let restored = open(&there);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&copy).unwrap().permissions()) & 0o777, 0o600);
    assert_eq!(restored.rooms().collect::<Vec<_>>(), [&hall()]);
    assert!(restored.is_user_known(UserId(1)).unwrap() && !restored.is_user_known(UserId(2)).unwrap());
    assert!(matches!(back_up(here.path(), &copy).unwrap_err(), BackupError::Exists { .. }));
    assert!(matches!(back_up(&there.path().join("none"), &copy).unwrap_err(), BackupError::Missing { .. }));
}

#[test]
fn a_backup_beside_the_log_of_the_file_before_is_left_alone_until_that_is_gone() {
    let (copies, left) = (folder(), killed(&hall()));
    let (file, log) = (left.path().join("dais.db"), left.path().join("dais.db-wal"));
    let copy = copies.path().join("copy.db");
    back_up(killed(&hall()).path(), &copy).unwrap();
    fs::copy(&copy, &file).unwrap();
    let all = || [&file, &log].map(|path| fs::read(path).unwrap());
    let before = all();
    let refused = Database::open(left.path(), at(1_000)).unwrap_err();
    assert!(matches!(refused, OpenError::OthersLog { .. }), "{refused}");
    assert!(matches!(examine(left.path()), Err(OpenError::OthersLog { .. })));
    let again = copies.path().join("again.db");
    assert!(matches!(back_up(left.path(), &again), Err(BackupError::Source(_))));
    assert!(!again.exists());
    assert!(before == all(), "they are left as they are");
    fs::remove_file(&log).unwrap();
    assert!(open(&left).is_user_known(UserId(1)).unwrap());
}

#[tokio::test]
async fn a_store_whose_disk_is_slow_is_not_waited_for_for_ever() {
    let folder = folder();
    let (store, _) = Store::open(folder.path(), super::tests::clock(), Arc::default()).unwrap();
    let (lets_go, until) = std::sync::mpsc::channel();
    store.hang(until).await;
    let began = Instant::now();
    store.close().await;
    let took_ms = began.elapsed().as_millis() as u64;
    assert!((STORE_CLOSE_MS..2 * STORE_CLOSE_MS).contains(&took_ms), "{took_ms} ms");
    drop(lets_go);
    store.close().await;
    assert!(store.check().is_err(), "it has ended");
    assert!(!folder.path().join("dais.db-wal").exists(), "and left one file");
    assert!(open(&folder).rooms().next().is_none());
}

#[test]
fn a_folder_has_one_server() {
    let folder = folder();
    let first = open(&folder);
    let second = Database::open(folder.path(), at(1_000)).unwrap_err();
    assert!(matches!(second, OpenError::InUse { .. }), "{second}");
    drop(first);
    open(&folder);
}

#[test]
fn what_is_removed_while_a_change_is_made_is_mended_and_the_change_kept() {
    for name in ["dais.lock", "dais.db-wal", "dais.db-shm"] {
        let folder = folder();
        let mut database = open(&folder);
        commit(&mut database, [created(1)]);
        database.begin().unwrap();
        database.write(created(2)).unwrap();
        fs::remove_file(folder.path().join(name)).unwrap();
        database.commit().unwrap();
        assert!(folder.path().join(name).exists(), "{name} is there again");
        drop(database);
        let database = open(&folder);
        assert!([1, 2].iter().all(|user| database.is_user_known(UserId(*user)).unwrap()), "{name}");
    }
}

#[test]
fn a_log_that_has_become_long_is_copied_into_the_file_and_begun_anew() {
    let folder = folder();
    let mut database = open(&folder);
    let log = folder.path().join("dais.db-wal");
    let mut longest = 0;
    for group in 0..150 {
        commit(&mut database, (0..40).map(|user| created(1 + group * 40 + user)));
        longest = longest.max(fs::metadata(&log).unwrap().len());
    }
    assert!((1_000 * 4_120..1_500 * 4_120).contains(&longest), "{longest} bytes");
    drop(database);
    let database = open(&folder);
    assert!((1..=6_000).all(|user| database.is_user_known(UserId(user)).unwrap()));
}

/// What another hand does to a log or its index.
type Spoils<'a> = (&'a str, &'a dyn Fn(&Path));

/// As `: >` and `cp` do it: the file stays the same.
fn write_over(path: &Path, bytes: &[u8]) {
    let mut file = fs::File::options().write(true).truncate(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
}

#[test]
#[cfg(unix)]
fn a_log_that_another_hand_spoils_is_never_taken_into_the_file() {
    let spoils: [Spoils<'_>; 6] = [
        ("emptied", &|log| write_over(log, b"")),
        ("cut in its middle", &|log| {
            let length = fs::metadata(log).unwrap().len();
            fs::File::options().write(true).open(log).unwrap().set_len(length / 2).unwrap();
        }),
        ("cut by a byte", &|log| {
            let length = fs::metadata(log).unwrap().len();
            fs::File::options().write(true).open(log).unwrap().set_len(length - 1).unwrap();
        }),
        ("zeros of the same length", &|log| write_over(log, &vec![0; fs::read(log).unwrap().len()])),
        ("something longer", &|log| write_over(log, &vec![0xa5; 2 * fs::read(log).unwrap().len()])),
        ("another database's", &|log| {
            let other = killed(&hall());
            write_over(log, &fs::read(other.path().join("dais.db-wal")).unwrap().repeat(3));
        }),
    ];
    for ((what, spoil), is_midway) in spoils.into_iter().flat_map(|spoils| [(spoils, false), (spoils, true)]) {
        let folder = folder();
        let (file, log) = (folder.path().join("dais.db"), folder.path().join("dais.db-wal"));
        let mut database = open(&folder);
        commit(&mut database, [created(1)]);
        while database.wipe(false).unwrap() != Wiped::Done {}
        (2..20).for_each(|user| commit(&mut database, [created(user)]));
        let before = fs::read(&file).unwrap();
        if is_midway {
            database.begin().unwrap();
            database.write(created(20)).unwrap();
            spoil(&log);
            let kept = database.commit().unwrap_err();
            assert!(kept.to_string().contains("dais.db-wal was emptied or overwritten"), "{what}: {kept}");
        } else {
            spoil(&log);
        }
        for _ in 0..2 {
            let stands = database.stand().unwrap_err();
            assert!(matches!(stands, Trouble::Fallen(Fallen::LogCut(_))), "{what}: {stands}");
            assert!(database.wipe(true).is_err(), "{what}");
        }
        drop(database);
        assert!(fs::read(&file).unwrap() == before, "{what}: the file is as it was");
        match Database::open(folder.path(), at(1_000)) {
            Ok(database) => assert!(database.is_user_known(UserId(1)).unwrap(), "{what}"),
            Err(error) => {
                assert!(matches!(error, OpenError::Damaged { .. }), "{what}: {error}");
                assert_eq!(examine(folder.path()).unwrap_err().to_string(), error.to_string());
                let copied = back_up(folder.path(), &folder.path().join("copy.db")).unwrap_err();
                assert_eq!(copied.to_string(), error.to_string());
                fs::remove_file(&log).unwrap();
                assert!(open(&folder).is_user_known(UserId(1)).unwrap(), "{what}");
            }
        }
    }
}

#[test]
#[cfg(unix)]
fn an_index_that_another_hand_spoils_is_made_anew_and_nothing_lost() {
    let spoils: [Spoils<'_>; 4] = [
        ("emptied", &|index| write_over(index, b"")),
        ("cut", &|index| fs::File::options().write(true).open(index).unwrap().set_len(100).unwrap()),
        ("overwritten", &|index| write_over(index, &[0xa5; 32_768])),
        ("an older one put back", &|index| write_over(index, &fs::read(index.with_extension("older")).unwrap())),
    ];
    for ((what, spoil), is_log_empty) in spoils.into_iter().flat_map(|spoils| [(spoils, false), (spoils, true)]) {
        let folder = folder();
        let index = folder.path().join("dais.db-shm");
        let mut database = open(&folder);
        commit(&mut database, [created(1)]);
        fs::copy(&index, index.with_extension("older")).unwrap();
        commit(&mut database, [created(2)]);
        if is_log_empty {
            while database.wipe(false).unwrap() != Wiped::Done {}
            database.stand().unwrap();
        }
        if is_log_empty && what.starts_with("an older") {
            // A log that holds nothing cannot say which of the two is wrong: nothing more is kept.
            spoil(&index);
            assert!(matches!(database.stand(), Err(Trouble::Fallen(Fallen::LogCut(_)))));
        } else {
            spoil(&index);
            database.stand().unwrap();
            (3..9).for_each(|user| commit(&mut database, [created(user)]));
            assert!((1..9).all(|user| database.is_user_known(UserId(user)).unwrap()), "{what}");
            drop(database);
            let database = open(&folder);
            assert!((1..9).all(|user| database.is_user_known(UserId(user)).unwrap()), "{what}");
            continue;
        }
        drop(database);
        let database = open(&folder);
        assert!((1..3).all(|user| database.is_user_known(UserId(user)).unwrap()), "{what}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Database::open(&file.join("inside"), at(1_000)).unwrap_err();
    assert!(matches!(error, OpenError::Refused(_)), "{error}");
    assert!(error.to_string().contains("--data-dir"), "{error}");
}
