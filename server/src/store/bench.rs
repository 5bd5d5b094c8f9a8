//! What each request costs on an empty store and on a full one: `cargo xtask bench store`. Real files, real commits, one
//! request after the other, so that each figure holds a commit's sync where the request is a change.

#![expect(clippy::print_stdout, reason = "a table is what it is for")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dais_shared::ids::{AddressPrefix, RoomId, UserId};
use dais_shared::limits::{IDENTITIES_MAX, ROOMS_MAX};
use dais_shared::permissions::Role;
use dais_shared::room::{Context, Event, Input, Join, Mode, Pass, Room, RoomEndReason, Setting, Settings};
use dais_shared::wire::Identity;
use rusqlite::params;
use tempfile::TempDir;

use super::database::Database;
use super::rows::Wide;
use super::{ByLink, Link, LinkId, Store, TokenHash, Write, back_up};
use crate::clock::Clock;
use crate::spelling::looks;

/// A full store takes no more than so many times what an empty one takes.
const GATE: f64 = 2.0;
/// What both may differ by in any case: less than anybody can notice, and than a busy machine's timers wander.
const NOISE: Duration = Duration::from_micros(200);
const RUNS: usize = 5;
/// Whose ids lie beyond those that fill the store.
const NEW_USERS: u64 = 1 << 40;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    LogIn,
    LogInByLink,
    ComeBack,
    ComeByWrongToken,
    Rename,
    IsKnown,
    LogOut,
    FindLinkById,
    FindLinkBySecret,
    MakeLink,
    RevokeLink,
    MakeRoom,
    ChangeRoom,
    LoadRoom,
    EndRoom,
    ListLinks,
    ListIdentities,
}

use Kind::{
    ChangeRoom, ComeBack, ComeByWrongToken, EndRoom, FindLinkById, FindLinkBySecret, IsKnown, ListIdentities, ListLinks,
    LoadRoom, LogIn, LogInByLink, LogOut, MakeLink, MakeRoom, Rename, RevokeLink,
};

/// In an order in which each finds what it needs.
const KINDS: [Kind; 17] = [
    LogIn,
    LogInByLink,
    ComeBack,
    ComeByWrongToken,
    Rename,
    IsKnown,
    LogOut,
    FindLinkById,
    FindLinkBySecret,
    MakeLink,
    ListLinks,
    RevokeLink,
    MakeRoom,
    ChangeRoom,
    LoadRoom,
    EndRoom,
    ListIdentities,
];

/// How full.
#[derive(Clone, Copy, Debug)]
struct Size {
    identities: u64,
    rooms: u64,
    links: u64,
}

/// One store under measurement.
struct Side {
    _folder: TempDir,
    store: Store,
    /// What was made last, by numbers that nobody else has.
    next: u64,
    started: Duration,
}

/// Measures, and prints a table; whether the gate holds.
///
/// # Errors
/// An option is unknown, or the machine gives no folder.
pub fn run(options: &[String]) -> Result<bool, String> {
    let mut size = Size { identities: IDENTITIES_MAX as u64, rooms: ROOMS_MAX as u64, links: 100_000 };
    let mut times = 300_u64;
    for pair in options.chunks(2) {
        let [option, value] = pair else { return Err(format!("{} needs a number", pair[0])) };
        let number = value.parse().map_err(|_| format!("{option} needs a number, which {value:?} is not"))?;
        match option.as_str() {
            "--identities" => size.identities = number,
            "--rooms" => size.rooms = number,
            "--links" => size.links = number,
            "--times" => times = number,
            _ => return Err(format!("`bench store` has no {option}: --identities N, --rooms N, --links N, --times N")),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let empty = Side::open(Size { identities: 0, rooms: 0, links: 0 })?;
        let full = Side::open(size)?;
        println!("{size:?}, {times} of each, {RUNS} runs; opened in {:?}, empty in {:?}", full.started, empty.started);
        let mut sides = [empty, full];
        let mut figures: BTreeMap<Kind, Vec<[Figures; 2]>> = BTreeMap::new();
        for _ in 0..RUNS {
            for kind in KINDS {
                figures.entry(kind).or_default().push(measure(&mut sides, kind, times).await);
            }
        }
        let misses = KINDS.iter().filter(|kind| !judge(**kind, &figures[kind])).count();
        drop(sides);
        let tenth = Size { identities: size.identities / 10, rooms: size.rooms / 10, links: size.links / 10 };
        Ok(compare_wholes([tenth, size]).map_err(|error| error.to_string())? && misses == 0)
    })
}

/// Of one kind on one side in one run.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    median: Duration,
    p99: Duration,
    /// That one answer held, at most; 1 where an answer is one.
    rows: usize,
}

/// Prints a line; whether the gate holds.
fn judge(kind: Kind, runs: &[[Figures; 2]]) -> bool {
    let middle = |of: &dyn Fn(&[Figures; 2]) -> Duration| {
        let mut all: Vec<Duration> = runs.iter().map(of).collect();
        all.sort();
        all[all.len() / 2]
    };
    // A list is judged by what each of its rows costs.
    let per_row = |figures: &Figures| figures.p99 / u32::try_from(figures.rows.max(1)).unwrap_or(u32::MAX);
    let [empty, full] = [0, 1].map(|side| middle(&|both| per_row(&both[side])));
    let [empty_median, full_median] = [0, 1].map(|side| middle(&|both| both[side].median));
    let mut ratios: Vec<f64> =
        runs.iter().map(|[one, other]| per_row(other).as_secs_f64() / per_row(one).as_secs_f64().max(1e-9)).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    let holds = ratio <= GATE || full <= empty + NOISE;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{:<17} median {:>7.3} and {:>7.3} ms, p99 {:>7.3} and {:>7.3} ms, ratio {ratio:>5.2}{}",
        format!("{kind:?}"),
        ms(empty_median),
        ms(full_median),
        ms(empty),
        ms(full),
        if holds { "" } else { "  MORE THAN TWICE" }
    );
    holds
}

/// Asks both so often, one after the other, so that whatever else the machine does falls on both alike.
async fn measure(sides: &mut [Side; 2], kind: Kind, times: u64) -> [Figures; 2] {
    let mut took = [Vec::new(), Vec::new()];
    let mut rows = [1; 2];
    for side in sides.iter() {
        side.prepare().await;
    }
    for number in 0..times {
        for (place, side) in sides.iter().enumerate() {
            let began = Instant::now();
            rows[place] = rows[place].max(side.ask(kind, side.next + number, side.next).await);
            took[place].push(began.elapsed());
        }
    }
    if matches!(kind, LogOut | EndRoom | RevokeLink) {
        sides.iter_mut().for_each(|side| side.next += times);
    }
    [0, 1].map(|place| {
        took[place].sort();
        let at = |share: usize| took[place][took[place].len() * share / 100];
        Figures { median: at(50), p99: at(99), rows: rows[place] }
    })
}

/// What takes longer the more there is: a backup, for each identity, room and link, and telling all that is kept of somebody, for
/// each room that is looked at. Of a tenth of the store and of the whole; whether the gate holds.
fn compare_wholes(sizes: [Size; 2]) -> Result<bool, Box<dyn std::error::Error>> {
    let mut folders = Vec::new();
    for size in sizes {
        let folder = TempDir::with_prefix("dais-bench-")?;
        fill(folder.path(), size)?;
        folders.push((folder, size));
    }
    let (mut backups, mut exports) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        for (folder, size) in &folders {
            let began = Instant::now();
            back_up(folder.path(), &folder.path().join(format!("copy-{run}.db")))?;
            backups.push(per_row(began, size.identities + size.rooms + size.links));
        }
    }
    // Apart: a backup gives up the locks that this process has on the files.
    let clock = Clock::start(0);
    let databases = folders.iter().map(|(folder, size)| Ok((Database::open(folder.path(), clock.moment())?, size.rooms)));
    let databases: Vec<_> = databases.collect::<Result<_, super::OpenError>>()?;
    for _ in 0..RUNS {
        for (database, rooms) in &databases {
            let began = Instant::now();
            assert!(database.person(UserId(1), None)?.is_some(), "the first identity is there");
            exports.push(per_row(began, *rooms));
        }
    }
    Ok([("Backup", backups), ("TellPerson", exports)].into_iter().all(|(name, each)| judge_whole(name, &each)))
}

fn per_row(began: Instant, rows: u64) -> f64 {
    began.elapsed().as_secs_f64() * 1e6 / rows.max(1) as f64
}

/// Prints a line; whether the gate holds. `each` has a tenth's and the whole's in turn.
fn judge_whole(name: &str, each: &[f64]) -> bool {
    let [tenth, whole] = [0, 1].map(|place| {
        let mut of_one: Vec<f64> = each.iter().copied().skip(place).step_by(2).collect();
        of_one.sort_by(f64::total_cmp);
        of_one[of_one.len() / 2]
    });
    let ratio = whole / tenth;
    println!("{name:<17} median {tenth:>7.3} µs a row of a tenth and {whole:>7.3} µs of the whole, ratio {ratio:>5.2}");
    ratio <= GATE
}

impl Side {
    fn open(size: Size) -> Result<Self, String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let folder = TempDir::with_prefix("dais-bench-").map_err(|error| said(&error))?;
        fill(folder.path(), size).map_err(|error| said(&error))?;
        let clock = Arc::new(Clock::start(0));
        let began = Instant::now();
        let (store, _) = Store::open(folder.path(), clock, Arc::default()).map_err(|error| said(&error))?;
        Ok(Self { _folder: folder, store, next: 0, started: began.elapsed() })
    }

    /// What comes next needs the room that its links lead to, and the link that people come by.
    async fn prepare(&self) {
        let base = room(self.next + 1_000_000);
        let link = made(&base, (1 << 30) | self.next);
        for write in [Write::Room(Box::new(base)), link] {
            assert!(self.store.write(write).await.is_ok(), "it is kept");
        }
    }

    /// One request; how many rows its answer has.
    async fn ask(&self, kind: Kind, number: u64, from: u64) -> usize {
        let store = &self.store;
        let user = UserId(NEW_USERS + number);
        let base = room(from + 1_000_000);
        let is_ok = match kind {
            LogIn => store.write(created(number, None)).await.is_ok(),
            LogInByLink => store.write(created(number + (1 << 35), Some(LinkId((1 << 30) | from)))).await.is_ok(),
            ComeBack => store.identify(token(number)).await.is_ok_and(|known| known.is_some()),
            ComeByWrongToken => store.identify([1; 32]).await.is_ok_and(|known| known.is_none()),
            Rename => store.write(Write::IdentityRenamed { user, name: "Somebody else".into() }).await.is_ok(),
            IsKnown => store.is_user_known(user).await == Ok(true),
            LogOut => store.write(Write::IdentityRevoked { user }).await.is_ok(),
            FindLinkById => store.find_link(ByLink::Id(LinkId((1 << 30) | from))).await.is_ok_and(|link| link.is_some()),
            FindLinkBySecret => store.find_link(ByLink::Secret(token((1 << 30) | from))).await.is_ok_and(|link| link.is_some()),
            MakeLink => store.write(made(&base, (1 << 32) | number)).await.is_ok(),
            RevokeLink => store.write(Write::LinkRevoked(LinkId((1 << 32) | number))).await.is_ok(),
            MakeRoom => store.write(Write::Room(Box::new(room(number)))).await.is_ok(),
            ChangeRoom => {
                let events = vec![Event::SettingChanged { setting: Setting::Topic(format!("topic {number}")), by: UserId(1) }];
                store.write(Write::Events { room: room(number).id().clone(), events }).await.is_ok()
            }
            LoadRoom => store.load_room(room(number).id().clone()).await.is_ok_and(|room| room.is_some()),
            EndRoom => {
                let events = vec![Event::RoomEnded(RoomEndReason::ByHost)];
                store.write(Write::Events { room: room(number).id().clone(), events }).await.is_ok()
            }
            ListLinks => return store.links(base.id().clone()).await.map_or(0, |links| links.len()),
            ListIdentities => return store.identities(None).await.map_or(0, |known| known.len()),
        };
        assert!(is_ok, "{kind:?} {number} is answered");
        1
    }
}

fn token(number: u64) -> TokenHash {
    // Spread, as hashes are.
    let mut token = [7; 32];
    token[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    token
}

fn created(number: u64, link: Option<LinkId>) -> Write {
    let identity = Identity { user: UserId(NEW_USERS + number), name: format!("Person {number}") };
    Write::IdentityCreated { identity, token: token(number), link }
}

/// With its founder in it.
fn room(number: u64) -> Room {
    let id = RoomId::parse(&format!("bench-{number}")).expect("a lawful id");
    let founder = UserId(NEW_USERS + number);
    let mut room = Room::new(id, Settings::new(format!("Room {number}"), Mode::Moderated), None, founder);
    let address = AddressPrefix::V4([10, 0, 0, 1]);
    let (name, looks, pass) = ("Ada".into(), looks("Ada"), Pass::NONE);
    let join = Join { user: founder, name, looks, address, passcode: None, microphone_open: false, pass };
    let events = room.decide(&Input::Join(join), &Context::at(1_000)).expect("the founder may come in");
    events.iter().for_each(|event| room.apply(event));
    room
}

fn made(room: &Room, number: u64) -> Write {
    let pass = Pass { role: Role::Speaker, ..Pass::NONE };
    let room = room.id().clone();
    let (not_before_ms, expires_ms) = (0, i64::MAX.cast_unsigned());
    let link = Link { id: LinkId(number), room, pass, not_before_ms, expires_ms, uses: 0, uses_max: None, created_ms: number };
    Write::LinkMade { link, secret: token(number) }
}

/// A database of this size: identities by all ages, half of whom have come back; rooms with one person each; links into them.
fn fill(folder: &Path, size: Size) -> Result<(), Box<dyn std::error::Error>> {
    let clock = Clock::start(0);
    let mut database = Database::open(folder, clock.moment())?;
    database.begin()?;
    for number in 0..size.rooms {
        database.write(Write::Room(Box::new(room(10_000_000 + number))))?;
    }
    database.commit()?;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        INSERT INTO identities (user, name, token, used_ms, created_ms, lived_ms, came_back)
        SELECT i, 'Person ' || i, randomblob(32), 1000, 1000, 7776000000 - ?1 + i, i % 2 FROM n WHERE i <= ?1";
    database.connection.execute(sql, [Wide(size.identities)])?;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        INSERT INTO links SELECT i, 'bench-' || (10000000 + i % ?2), randomblob(32), 1, 0, 0, 0, 9000000000000, 0, NULL, i
        FROM n WHERE i <= ?1";
    database.connection.execute(sql, params![Wide(size.links), Wide(size.rooms.max(1))])?;
    Ok(())
}
