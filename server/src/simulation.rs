//! The seams by which tests run this server in virtual time: sockets, disk, chance and clock in memory. Everything else is
//! the server as it is.
//!
//! Runs on a runtime of one thread whose clock is paused. What happens is written into one [`Journal`], in the order in which
//! it happens, so that a test knows of every byte what the rooms were when it left.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dais_shared::ids::RoomId;
use dais_shared::room::{Event, Room};
use tokio::sync::{Notify, mpsc, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::connection::{self, Upgraded};
use crate::metrics::Metrics;
use crate::outbox::Transport;
use crate::server::{self, Error as StartError, House, Start};
use crate::sign_in::Session;
use crate::store::Database;
use crate::store::Store;

/// What happened, in order.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A room is at work: a new one, or one that was kept.
    Began(Box<Room>),
    /// Its next change was made.
    Applied {
        /// In which room.
        room: RoomId,
        /// What happened.
        event: Event,
    },
    /// A connection's socket took bytes.
    Wrote {
        /// Which connection.
        line: u64,
        /// What it took.
        bytes: Vec<u8>,
    },
    /// The server closed a connection.
    Closed {
        /// Which.
        line: u64,
    },
}

/// Everything that happened since it was last read.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<JournalState>);

#[derive(Debug, Default)]
struct JournalState {
    entries: Mutex<VecDeque<Entry>>,
    news: Notify,
}

impl Journal {
    /// The oldest entry.
    #[must_use]
    pub fn take(&self) -> Option<Entry> {
        locked(&self.0.entries).pop_front()
    }

    /// Resolves when there is something to take.
    pub async fn news(&self) {
        self.0.news.notified().await;
    }

    pub(crate) fn began(&self, room: &Room) {
        self.note(Entry::Began(Box::new(room.clone())));
    }

    pub(crate) fn applied(&self, room: &Room, event: &Event) {
        self.note(Entry::Applied { room: room.id().clone(), event: event.clone() });
    }

    fn note(&self, entry: Entry) {
        locked(&self.0.entries).push_back(entry);
        self.0.news.notify_one();
    }
}

/// The server's end of a connection.
#[derive(Debug)]
pub(crate) struct Socket {
    line: u64,
    pipe: Arc<Pipe>,
    journal: Journal,
}

/// The other end. What is given to it reaches the server at once: how long it takes is the test's business.
#[derive(Clone, Debug)]
pub struct Line(Arc<Pipe>);

#[derive(Debug, Default)]
struct Pipe {
    state: Mutex<PipeState>,
    readable: Notify,
    writable: Notify,
}

#[derive(Debug, Default)]
struct PipeState {
    incoming: VecDeque<u8>,
    /// Bytes that the socket takes before it is full.
    space: usize,
    has_ended: bool,
    is_broken: bool,
    is_closed: bool,
}

impl Line {
    /// Bytes arrive at the server.
    pub fn give(&self, bytes: &[u8]) {
        locked(&self.0.state).incoming.extend(bytes);
        self.0.readable.notify_one();
    }

    /// The peer sends nothing more.
    pub fn end(&self) {
        locked(&self.0.state).has_ended = true;
        self.0.readable.notify_one();
    }

    /// The connection is torn down.
    pub fn tear(&self) {
        let mut state = locked(&self.0.state);
        state.is_broken = true;
        state.incoming.clear();
        drop(state);
        self.0.readable.notify_one();
        self.0.writable.notify_one();
    }

    /// The socket takes so many bytes from now on before it is full.
    pub fn set_space(&self, bytes: usize) {
        locked(&self.0.state).space = bytes;
        if bytes > 0 {
            self.0.writable.notify_one();
        }
    }
}

impl Socket {
    pub(crate) async fn readable(&self) {
        loop {
            {
                let state = locked(&self.pipe.state);
                if state.is_broken || state.has_ended || !state.incoming.is_empty() {
                    return;
                }
            }
            self.pipe.readable.notified().await;
        }
    }

    pub(crate) async fn writable(&self) {
        loop {
            {
                let state = locked(&self.pipe.state);
                if state.is_broken || state.space > 0 {
                    return;
                }
            }
            self.pipe.writable.notified().await;
        }
    }

    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut state = locked(&self.pipe.state);
        match state.incoming.len().min(buffer.len()) {
            _ if state.is_broken => Err(Error::from(ErrorKind::ConnectionReset)),
            0 if state.has_ended => Ok(0),
            0 => Err(Error::from(ErrorKind::WouldBlock)),
            count => {
                for (byte, read) in buffer.iter_mut().zip(state.incoming.drain(..count)) {
                    *byte = read;
                }
                Ok(count)
            }
        }
    }

    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> std::io::Result<usize> {
        let mut state = locked(&self.pipe.state);
        if state.is_broken || state.is_closed {
            return Err(Error::from(ErrorKind::BrokenPipe));
        }
        if state.space == 0 {
            return Err(Error::from(ErrorKind::WouldBlock));
        }
        let space = state.space;
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(space).collect();
        let count = bytes.len();
        state.space -= count;
        drop(state);
        self.journal.note(Entry::Wrote { line: self.line, bytes });
        Ok(count)
    }

    pub(crate) fn shutdown(&self) {
        if !std::mem::replace(&mut locked(&self.pipe.state).is_closed, true) {
            self.journal.note(Entry::Closed { line: self.line });
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// Numbers that look like chance and follow from a seed.
#[derive(Clone, Debug)]
pub struct Seeded(Arc<Mutex<u64>>);

impl Seeded {
    /// The same seed, the same numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    /// Vigna's splitmix64.
    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        let mut state = locked(&self.0);
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = *state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// What survives a server that is killed: a database in memory, which takes its time and can fail.
#[derive(Clone, Debug)]
pub struct Disk(Arc<DiskState>);

#[derive(Debug)]
struct DiskState {
    database: Mutex<Option<Database>>,
    commit_takes: Mutex<Duration>,
    is_failing: Mutex<bool>,
    hangs: watch::Sender<bool>,
}

impl Disk {
    /// An empty one.
    ///
    /// # Panics
    /// If SQLite cannot make a database in memory.
    #[must_use]
    pub fn new() -> Self {
        let database = Database::in_memory().expect("SQLite makes a database in memory");
        let (database, commit_takes, is_failing) = (Mutex::new(Some(database)), Mutex::default(), Mutex::default());
        Self(Arc::new(DiskState { database, commit_takes, is_failing, hangs: watch::Sender::new(false) }))
    }

    /// How long each commit takes from now on.
    pub fn set_commit_takes(&self, takes: Duration) {
        *locked(&self.0.commit_takes) = takes;
    }

    /// Whether it refuses every change.
    pub fn set_failing(&self, is_failing: bool) {
        *locked(&self.0.is_failing) = is_failing;
    }

    /// Whether it says nothing to whoever wants to commit, until it no longer does.
    pub fn set_hanging(&self, hangs: bool) {
        self.0.hangs.send_replace(hangs);
    }

    /// Resolves when it has done what one commit asks of it.
    pub(crate) async fn work(&self) {
        let takes = *locked(&self.0.commit_takes);
        tokio::time::sleep(takes).await;
        // The sender lives as long as this does.
        let _ = self.0.hangs.subscribe().wait_for(|hangs| !hangs).await;
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_hanging(&self) -> bool {
        *self.0.hangs.borrow()
    }

    /// Whether it does.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        *locked(&self.0.is_failing)
    }

    pub(crate) fn take(&self) -> Option<Database> {
        locked(&self.0.database).take()
    }

    pub(crate) fn put_back(&self, database: Database) {
        *locked(&self.0.database) = Some(database);
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}

/// What stands in one connection's outbox, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Of control.
    pub control_bytes: usize,
    /// Of voice.
    pub voice_bytes: usize,
}

/// A server in virtual time. Dropping the runtime it runs on is its `kill -9`.
#[derive(Debug)]
pub struct Simulated {
    house: Arc<House>,
    _stop: watch::Sender<bool>,
    _alive: mpsc::Sender<std::convert::Infallible>,
}

impl Simulated {
    /// Starts one on the current runtime with what `disk` holds.
    ///
    /// # Errors
    /// As `Server::start`.
    pub fn start(config: Config, disk: &Disk, unix_ms: u64, chance: Seeded, journal: Journal) -> Result<Self, StartError> {
        let metrics = Arc::<Metrics>::default();
        let clock = Arc::new(Clock::start_at(unix_ms));
        let (store, rooms) = Store::simulated(disk, Arc::clone(&clock), Arc::clone(&metrics));
        let start = Start {
            clock,
            metrics,
            store,
            chance: crate::chance::Chance::Seeded(chance),
            journal: crate::journal::Journal { simulated: Some(journal) },
            is_https: false,
        };
        let (stop, shutdown) = watch::channel(false);
        let (alive, _) = mpsc::channel(1);
        let house = House::open(config, start, shutdown, &alive)?;
        house.rooms.adopt(&house, rooms);
        tokio::spawn(server::tell_time(Arc::clone(&house)));
        Ok(Self { house, _stop: stop, _alive: alive })
    }

    /// The machine's date is set, to so much more than the clock shows that the server started with.
    pub fn set_date_off(&self, off_ms: i64) {
        self.house.clock.set_date_off(off_ms);
    }

    /// Somebody connects; the handshake is behind him.
    #[must_use]
    pub fn connect(&self, line: u64, peer: SocketAddr, journal: Journal) -> Line {
        let pipe = Arc::<Pipe>::default();
        let socket = crate::socket::Socket::Simulated(Socket { line, pipe: Arc::clone(&pipe), journal });
        let upgraded = Upgraded { socket, transport: Transport::Plain, first: Vec::new() };
        tokio::spawn(connection::serve(Arc::clone(&self.house), upgraded, peer, Some(Session::PLAIN)));
        Line(pipe)
    }

    /// What stands in the outboxes of all who have logged in.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        self.house.auth.outboxes().iter().map(|outbox| outbox.waiting()).collect()
    }

    /// What the server has counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.house.metrics
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // One thread runs all of it: a panic elsewhere has ended the simulation.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
