//! One seed: the real server, pages around the real engine, and the network between them, on one virtual clock.

mod connection;
mod fault;
mod tend;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use dais_server::Config;
use dais_server::simulation::{Disk, Entry, Journal, Seeded, Simulated};
use dais_shared::ids::{RoomId, Token};
use dais_shared::limits::{OUTBOX_CONTROL_BYTES_MAX, OUTBOX_VOICE_BYTES_MAX};
use dais_shared::room::Event;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::page::{BEGAN_MS, Page};
use crate::plan::Plan;
use crate::random::Random;
use crate::truth::{Checked, Truth};
use connection::Connection;

/// How long everybody is left in peace before all must agree: a connection that nobody knows to be dead is found so, made
/// again, and the room shown over the slowest network.
const SETTLE_MS: u64 = 8_000;
/// After so long everybody has heard of a change.
const NEWS_MS: u64 = 3_000;
const SETTLE_TIMES_MAX: u32 = 20;
/// The server's queues are looked into this often.
const LOOK_EVERY: u64 = 16;

/// A person, on however many pages.
#[derive(Debug, Default)]
struct Person {
    token: Option<Token>,
}

/// A running server and the thread of its tasks.
struct Running {
    runtime: Runtime,
    server: Simulated,
    /// When that was, by the simulation's clock and by the runtime's.
    began_ms: u64,
    began: Instant,
}

/// What became of a seed.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What was violated, and when.
    pub(super) violation: Option<String>,
    pub(super) virtual_ms: u64,
    pub(super) voice_heard: u64,
    pub(super) log: String,
}

/// See the module.
pub(super) struct World {
    plan: Plan,
    random: Random,
    /// Whether the disk hangs where it would be slow or fail: drawn apart, so that other evenings stay what they are.
    hangs: Random,
    /// Whether and where dates go wrong: drawn apart, too.
    dates: Random,
    now_ms: u64,
    /// How far the clock that the server started with is ahead of the simulation's.
    clock_off_ms: i64,
    running: Option<Running>,
    /// When a dead server is started again.
    starts_ms: u64,
    journal: Journal,
    disk: Disk,
    truth: Truth,
    people: Vec<Person>,
    pages: Vec<Page>,
    lines: BTreeMap<u64, Connection>,
    next_line: u64,
    fault_ms: u64,
    disk_heals_ms: u64,
    /// When the server may find out that it hangs.
    hang_shows_ms: u64,
    /// When somebody who vanished opens a page anew, and who.
    returns: Vec<(u64, usize)>,
    /// The room that people go to, while there is one.
    hall: Option<RoomId>,
    halls: u32,
    is_lively: bool,
    steps: u64,
    log: Option<String>,
}

impl World {
    pub(super) fn new(seed: u64, keeps_log: bool) -> Self {
        let mut random = Random::new(seed);
        let (hangs, dates) = (Random::new(!seed), Random::new(seed.rotate_left(32)));
        let plan = Plan::draw(&mut random);
        let mut world = Self {
            plan,
            now_ms: BEGAN_MS,
            running: None,
            starts_ms: BEGAN_MS,
            journal: Journal::default(),
            disk: Disk::new(),
            truth: Truth::default(),
            people: (0..plan.people).map(|_| Person::default()).collect(),
            pages: Vec::new(),
            lines: BTreeMap::new(),
            next_line: 0,
            fault_ms: BEGAN_MS + random.between(1, plan.faults_ms),
            disk_heals_ms: u64::MAX,
            hang_shows_ms: u64::MAX,
            returns: Vec::new(),
            hall: None,
            halls: 0,
            is_lively: true,
            steps: 0,
            log: keeps_log.then(String::new),
            random,
            hangs,
            dates,
            clock_off_ms: 0,
        };
        world.note(|| format!("{plan:?}"));
        for person in 0..plan.people {
            world.open_page(person);
        }
        world
    }

    /// Lives through it.
    pub(super) fn run(mut self) -> Outcome {
        let lived = self.live();
        let violation = lived.err().map(|what| format!("at {} ms: {what}", self.now_ms - BEGAN_MS));
        if let Some(violation) = &violation {
            self.note(|| format!("VIOLATED: {violation}"));
        }
        Outcome {
            violation,
            virtual_ms: self.now_ms - BEGAN_MS,
            voice_heard: self.pages.iter().map(|page| page.voice_heard).sum(),
            log: self.log.take().unwrap_or_default(),
        }
    }

    fn live(&mut self) -> Checked {
        self.until(BEGAN_MS + self.plan.lively_ms)?;
        self.is_lively = false;
        self.note(|| "quiet".to_owned());
        for page in 0..self.pages.len() {
            if self.random.percent(self.plan.vanish_percent) {
                self.vanish(page);
            }
        }
        self.until(self.now_ms + self.plan.quiet_ms)?;
        self.heal();
        self.note(|| "settling".to_owned());
        self.until(self.now_ms + SETTLE_MS)?;
        // Seats that are given up only now are news, too, and each is given up once.
        for _ in 0..SETTLE_TIMES_MAX {
            if self.now_ms >= self.truth.changed_ms + NEWS_MS {
                break;
            }
            self.until(self.now_ms + NEWS_MS)?;
        }
        self.check_agreement()?;
        // And what they agree on has been kept by now.
        self.crash()?;
        self.until(self.starts_ms + 1)
    }

    fn until(&mut self, end_ms: u64) -> Checked {
        while self.now_ms < end_ms {
            let due_ms = self.due_ms().min(end_ms).max(self.now_ms + 1);
            self.pass(due_ms);
            self.tell_truth_the_time();
            self.read_journal()?;
            self.carry()?;
            self.tend_pages()?;
            self.go_wrong()?;
            self.check()?;
        }
        Ok(())
    }

    fn tell_truth_the_time(&mut self) {
        (self.truth.true_ms, self.truth.now_ms) = (self.now_ms, self.by_server(self.now_ms));
    }

    /// A time of the simulation's by the server's clock.
    pub(super) const fn by_server(&self, ms: u64) -> u64 {
        ms.saturating_add_signed(self.clock_off_ms)
    }

    /// Lets the server work until it has nothing to do before `due_ms`, or has something to say.
    fn pass(&mut self, due_ms: u64) {
        let Some(running) = &self.running else {
            self.now_ms = due_ms;
            return;
        };
        let Running { runtime, began_ms, began, .. } = running;
        let journal = &self.journal;
        let now = runtime.block_on(async {
            let wait = Duration::from_millis(due_ms - self.now_ms);
            let due = Instant::now() + wait;
            tokio::select! {
                biased;
                () = journal.news() => {}
                () = tokio::time::sleep_until(due) => {}
            }
            Instant::now()
        });
        self.now_ms = began_ms + u64::try_from((now - *began).as_millis()).expect("a short life");
    }

    fn due_ms(&self) -> u64 {
        let lines = self.lines.values().filter_map(|line| line.due_ms(self.now_ms)).min().unwrap_or(u64::MAX);
        let pages = self.pages.iter().map(Page::due_ms).min().unwrap_or(u64::MAX);
        let starts_ms = if self.running.is_none() { self.starts_ms } else { u64::MAX };
        let returns_ms = self.returns.iter().map(|(at_ms, _)| *at_ms).min().unwrap_or(u64::MAX);
        let disk_ms = self.disk_heals_ms.min(self.hang_shows_ms);
        lines.min(pages).min(returns_ms).min(starts_ms).min(self.fault_ms).min(disk_ms)
    }

    fn read_journal(&mut self) -> Checked {
        while let Some(entry) = self.journal.take() {
            match entry {
                Entry::Began(room) => {
                    self.note(|| format!("room {} at work at revision {}", room.id(), room.revision()));
                    self.truth.began(&room)?;
                }
                Entry::Applied { room, event } => {
                    self.note(|| format!("{room}: {event:?}"));
                    self.truth.applied(&room, &event)?;
                    if matches!(event, Event::RoomEnded(_)) && self.hall.as_ref() == Some(&room) {
                        self.hall = None;
                    }
                }
                Entry::Wrote { line, bytes } => {
                    self.note(|| format!("to {line}: {} bytes, {:x}", bytes.len(), digest(&bytes)));
                    self.truth.check_written(line, &bytes)?;
                    self.written(line, bytes);
                }
                Entry::Closed { line } => {
                    self.note(|| format!("server closes {line}"));
                    if let Some(line) = self.lines.get_mut(&line) {
                        line.is_closed_by_server = true;
                    }
                }
            }
        }
        Ok(())
    }

    /// What must hold whenever anything has happened.
    fn check(&mut self) -> Checked {
        self.steps += 1;
        if crate::has_panicked() {
            return Err("a task of the server panicked".to_owned());
        }
        let Some(running) = &self.running else { return Ok(()) };
        self.truth.check_deadlines()?;
        if self.steps.is_multiple_of(LOOK_EVERY) {
            for waiting in running.server.waiting() {
                if waiting.control_bytes > OUTBOX_CONTROL_BYTES_MAX || waiting.voice_bytes > OUTBOX_VOICE_BYTES_MAX {
                    return Err(format!("an outbox holds more than it may: {waiting:?}"));
                }
            }
        }
        Ok(())
    }

    /// Whoever is there is in, was answered, and sees what is so; nobody else counts as being there.
    fn check_agreement(&self) -> Checked {
        for (index, page) in self.pages.iter().enumerate().filter(|(_, page)| !page.is_gone && !page.is_closed) {
            if !page.is_online || !page.asked.is_empty() {
                return Err(format!("in the end page {index} is online: {}, and waits for {:?}", page.is_online, page.asked));
            }
        }
        for page in self.pages.iter().filter(|page| page.is_online) {
            let Some(view) = &page.view else { continue };
            let known = self.truth.rooms.get(&view.room).ok_or("a page is in a room that is none")?;
            let mut own = known.room.view_for(view.me).ok_or_else(|| format!("{} sits in no seat of {}", view.me, view.room))?;
            // The page is not told of revisions that concern it in nothing.
            own.revision = view.revision;
            if own != *view {
                return Err(format!("in the end {} sees {view:?} and not {own:?}", view.me));
            }
        }
        for (id, known) in self.truth.rooms.iter().filter(|(_, known)| known.room.ended().is_none()) {
            for (member, seat) in known.room.seats().filter(|(_, seat)| seat.is_connected()) {
                let is_his = |page: &&Page| page.view.as_ref().is_some_and(|view| (&view.room, view.me) == (id, member));
                if self.pages.iter().filter(is_his).filter(|page| page.is_online).count() != 1 {
                    return Err(format!(
                        "in the end {member} ({}) of {id} counts as connected, and is on no page or two",
                        seat.name
                    ));
                }
            }
        }
        Ok(())
    }

    fn open_page(&mut self, person: usize) {
        let random = self.random.fork();
        let token = self.people[person].token;
        self.pages.push(Page::new(person, token, self.now_ms, random));
        let page = self.pages.len() - 1;
        self.note(|| format!("person {person} opens page {page}"));
    }

    /// Starts the server with what the disk holds.
    fn start_server(&mut self) -> Checked {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime without I/O");
        let chance = Seeded::new(self.random.next());
        let config = Config {
            room_seats: self.plan.room_seats,
            stage_seats: self.plan.stage_seats,
            block_addresses: self.plan.blocks_addresses,
            ..Config::default()
        };
        self.clock_off_ms = self.draw_clock();
        self.tell_truth_the_time();
        let (began, server) = {
            let _on = runtime.enter();
            let shown_ms = self.by_server(self.now_ms);
            let server = Simulated::start(config, &self.disk, shown_ms, chance, self.journal.clone());
            (Instant::now(), server.map_err(|error| error.to_string())?)
        };
        self.running = Some(Running { runtime, server, began_ms: self.now_ms, began });
        self.note_server_started();
        let mut begun = Vec::new();
        let mut entries = Vec::new();
        while let Some(entry) = self.journal.take() {
            if let Entry::Began(room) = &entry {
                begun.push(room.id().clone());
            }
            entries.push(entry);
        }
        self.truth.check_kept(&begun)?;
        for entry in entries {
            match entry {
                Entry::Began(room) => self.truth.began(&room)?,
                Entry::Applied { room, event } => self.truth.applied(&room, &event)?,
                Entry::Wrote { .. } | Entry::Closed { .. } => {}
            }
        }
        if self.hall.as_ref().is_some_and(|hall| !begun.contains(hall)) {
            self.hall = None;
        }
        Ok(())
    }

    fn connect(&mut self, page: usize) -> Option<u64> {
        let running = self.running.as_ref()?;
        let _on = running.runtime.enter();
        self.next_line += 1;
        let person = u8::try_from(self.pages[page].person).expect("a few people");
        // Two and two live in one place.
        let peer = SocketAddr::from(([10, 0, 0, person / 2], 1000));
        let line = running.server.connect(self.next_line, peer, self.journal.clone());
        self.lines.insert(self.next_line, Connection::new(page, line, &mut self.random));
        Some(self.next_line)
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        let now_ms = self.now_ms - BEGAN_MS;
        if let Some(log) = &mut self.log {
            let _ = writeln!(log, "{now_ms:>7} {}", what()); // a String takes everything
        }
    }
}

/// FNV-1a: tells bytes apart in a log.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
