//! What survives: the state of every room, and who is who. Knows no connection and decides nothing.
//!
//! The store works on a thread of its own behind a bounded queue and commits in groups: what has gathered while one
//! commit ran is carried by the next. Whoever writes learns when it is on the disk, and only then tells anybody. While
//! the disk fails, nothing is taken that could not be kept; it is tried again and again. While it hangs, nobody waits for it.

mod backup;
#[cfg(feature = "bench")]
pub mod bench;
mod cause;
mod database;
mod dirty;
mod erasure;
mod examination;
#[cfg(test)]
mod file_tests;
mod files;
mod health;
mod house;
mod identities;
mod leftovers;
mod links;
mod log;
mod rows;
#[cfg(feature = "simulation")]
mod simulated;
#[cfg(test)]
mod spelling_tests;
mod standing;
#[cfg(test)]
mod tests;
mod thread;
mod upkeep;

use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dais_shared::ids::{RoomId, UserId};
use dais_shared::limits::{STORE_ASKED_MAX, STORE_CLOSE_MS, STORE_QUEUE_MAX};
use dais_shared::room::{Event, Room};
use dais_shared::wire::Identity;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::clock::Clock;
use crate::metrics::Metrics;
pub use backup::BackupError;
pub(crate) use backup::back_up;
pub use cause::OpenError;
#[cfg(not(feature = "simulation"))]
use database::Database;
#[cfg(feature = "simulation")]
pub(crate) use database::Database;
use erasure::{Asked, Forgetting};
pub(crate) use erasure::{Person, VeilKey};
pub(crate) use examination::{Examined, examine};
pub(crate) use files::{FILE, is_in_use, probe};
use health::{Health, Patience};
pub(crate) use house::{DATE_TOLERANCE_MS, Jump, is_jump, said};
pub(crate) use identities::{Acquaintance, Known};
pub(crate) use leftovers::Wiped;
pub(crate) use links::{Link, LinkId};
pub(crate) use log::missing as without_its_log;
use standing::Trouble;

/// SHA-256 of a token. The token itself is never kept.
pub(crate) type TokenHash = [u8; 32];

/// A change of what is kept.
#[derive(Debug)]
pub(crate) enum Write {
    /// A room as it is now: a new one, or one whose changes could not be kept for a while.
    Room(Box<Room>),
    /// What happened in a room. One that has ended is forgotten.
    Events { room: RoomId, events: Vec<Event> },
    /// A new identity, which maybe came by a link.
    IdentityCreated { identity: Identity, token: TokenHash, link: Option<LinkId> },
    /// Another name.
    IdentityRenamed { user: UserId, name: String },
    /// The token opens nothing any more.
    IdentityRevoked { user: UserId },
    /// A new link into a room, if that has not too many.
    LinkMade { link: Link, secret: TokenHash },
    /// A link opens nothing any more.
    LinkRevoked(LinkId),
    /// The key by which bans outlive people.
    VeilMade(VeilKey),
}

impl Write {
    /// Whether it gives something to whoever asked, who takes it that he has nothing once he no longer waits. What a room has
    /// become, and what takes something away, is made all the same.
    const fn is_for_its_asker(&self) -> bool {
        matches!(self, Self::IdentityCreated { .. } | Self::IdentityRenamed { .. } | Self::LinkMade { .. })
    }

    /// Whose identity it makes.
    const fn newcomer(&self) -> Option<UserId> {
        match self {
            Self::IdentityCreated { identity, .. } => Some(identity.user),
            _ => None,
        }
    }
}

/// How a link is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ByLink {
    Id(LinkId),
    Secret(TokenHash),
}

#[derive(Debug)]
enum Request {
    Write {
        write: Write,
        done: oneshot::Sender<()>,
    },
    Identify {
        token: TokenHash,
        answer: oneshot::Sender<Option<Known>>,
    },
    FindLink {
        by: ByLink,
        answer: oneshot::Sender<Option<Link>>,
    },
    ListLinks {
        room: RoomId,
        answer: oneshot::Sender<Vec<Link>>,
    },
    IsUserKnown {
        user: UserId,
        answer: oneshot::Sender<bool>,
    },
    ListIdentities {
        after: Option<UserId>,
        answer: oneshot::Sender<Vec<Acquaintance>>,
    },
    Person(Asked),
    Wipe {
        anew: bool,
        answer: oneshot::Sender<Wiped>,
    },
    LoadRoom {
        room: RoomId,
        answer: oneshot::Sender<Option<Room>>,
    },
    /// The end: what was asked before is done, and the folder left in order.
    End(oneshot::Sender<()>),
    /// Nothing but that it is later.
    Tell,
    /// The end of the store, to prove that the stage outlives it.
    #[cfg(test)]
    Die,
    /// The disk is full, or has room again.
    #[cfg(test)]
    Fill(bool),
    /// The disk says nothing until the other end is dropped.
    #[cfg(test)]
    Hang(std::sync::mpsc::Receiver<std::convert::Infallible>),
}

/// The store takes nothing at the moment. What only restricts goes on without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store cannot keep changes at the moment: the log says why")]
pub(crate) struct Unavailable;

/// A change on its way to the disk.
#[derive(Debug)]
pub(crate) struct Committed {
    done: oneshot::Receiver<()>,
    patience: Patience,
}

impl Committed {
    /// Resolves when it is safe. May be dropped and called again.
    ///
    /// # Errors
    /// [`Unavailable`] says that it is not, since the disk fails or hangs. What a room has become is in the store's hands then,
    /// and made as soon as the disk lets it be.
    pub(crate) async fn kept(&mut self) -> Result<(), Unavailable> {
        self.patience.wait_for(Pin::new(&mut self.done)).await?.map_err(|_| Unavailable)
    }
}

/// The way to the store's thread. Dropping the last one lets the thread finish what waits, and end.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    queue: mpsc::Sender<Request>,
    /// How many more may ask at once: strangers do, too, and are to leave changes their places.
    asking: Arc<Semaphore>,
    health: Arc<Health>,
    forgetting: Arc<Forgetting>,
}

/// A place in the store's queue, so that nothing is decided which could not be kept.
#[derive(Debug)]
pub(crate) struct Permit {
    place: mpsc::OwnedPermit<Request>,
    health: Arc<Health>,
}

impl Permit {
    /// Hands a change over.
    pub(crate) fn write(self, write: Write) -> Committed {
        let (done, committed) = oneshot::channel();
        let patience = Patience::new(&self.health);
        self.place.send(Request::Write { write, done });
        Committed { done: committed, patience }
    }
}

impl Store {
    /// Opens what is in `folder`, or begins there, and starts the store's thread. With it come the rooms as they were last
    /// committed.
    ///
    /// # Errors
    /// [`OpenError`] says what the operator can do.
    pub(crate) fn open(folder: &Path, clock: Arc<Clock>, metrics: Arc<Metrics>) -> Result<(Self, Vec<Room>), OpenError> {
        let database = Database::open(folder, clock.moment())?;
        let rooms = database.rooms().cloned().collect();
        let (store, thread) = Self::before(database, Arc::clone(&clock), metrics);
        let refused = |source| OpenError::Thread { source };
        let timer = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(refused)?;
        std::thread::Builder::new().name("store".into()).spawn(move || thread.run(&timer)).map_err(refused)?;
        Ok((store, rooms))
    }

    /// The way to a database, and who has to work at its other end.
    fn before(database: Database, clock: Arc<Clock>, metrics: Arc<Metrics>) -> (Self, Keeper) {
        let (queue, requests) = mpsc::channel(STORE_QUEUE_MAX);
        let health = Arc::<Health>::default();
        let forgetting = Arc::new(Forgetting::of(&database));
        let keeper = Keeper {
            database,
            clock,
            requests,
            health: Arc::clone(&health),
            metrics,
            forgetting: Arc::clone(&forgetting),
            told: None,
            ending: None,
        };
        let store = Self { queue, asking: Arc::new(Semaphore::new(STORE_ASKED_MAX)), health, forgetting };
        store.tell_time();
        (store, keeper)
    }

    /// A place for one change.
    ///
    /// # Errors
    /// [`Unavailable`] while the queue is full or the disk fails or hangs, and for good if the thread has died.
    pub(crate) fn reserve(&self) -> Result<Permit, Unavailable> {
        if self.is_failing() {
            return Err(Unavailable);
        }
        self.queue.clone().try_reserve_owned().map(|place| self.permit(place)).map_err(|_| Unavailable)
    }

    fn permit(&self, place: mpsc::OwnedPermit<Request>) -> Permit {
        Permit { place, health: Arc::clone(&self.health) }
    }

    /// Whether the disk fails or hangs.
    pub(crate) fn is_failing(&self) -> bool {
        self.health.is_failing()
    }

    /// Whether that is because the files are not where they were.
    pub(crate) fn is_displaced(&self) -> bool {
        self.health.is_displaced()
    }

    /// Lets what waits be done and the folder be left in order, if that does not take too long. Nothing is kept afterwards.
    pub(crate) async fn close(&self) {
        let (done, ended) = oneshot::channel();
        // A thread that is gone already has closed what it could.
        let closed = async { self.queue.send(Request::End(done)).await.is_err() || ended.await.is_err() };
        if timeout(Duration::from_millis(STORE_CLOSE_MS), closed).await.is_err() {
            tracing::warn!("the disk is too slow to wait for; the newest of what is kept stays in the log beside the database");
        }
    }

    /// A place for one change, as soon as the disk is well and the queue has one. May be dropped and called again.
    ///
    /// # Errors
    /// [`Unavailable`] if the thread has died: there will be none.
    pub(crate) async fn wait_for_place(&self) -> Result<Permit, Unavailable> {
        loop {
            tokio::select! {
                () = self.health.recovered() => {}
                // A thread that died over its work says nothing more of the disk.
                () = self.queue.closed() => return Err(Unavailable),
            }
            let place = self.queue.clone().reserve_owned().await.map_err(|_| Unavailable)?;
            if !self.is_failing() {
                return Ok(self.permit(place));
            }
        }
    }

    /// Resolves when the store's thread has ended: while anybody holds a way to it, by a fault.
    pub(crate) async fn ended(&self) {
        self.queue.closed().await;
    }

    /// Whether a change would find a place now.
    ///
    /// # Errors
    /// [`Unavailable`] if not.
    pub(crate) fn check(&self) -> Result<(), Unavailable> {
        self.reserve().map(drop)
    }

    /// Makes a change and waits until it is safe.
    ///
    /// # Errors
    /// [`Unavailable`] if it is not. Where that is because the disk hangs, what takes something away is taken away later.
    pub(crate) async fn write(&self, write: Write) -> Result<(), Unavailable> {
        self.reserve()?.write(write).kept().await
    }

    /// Whose token this is.
    pub(crate) async fn identify(&self, token: TokenHash) -> Result<Option<Known>, Unavailable> {
        self.ask(|answer| Request::Identify { token, answer }).await
    }

    /// A link, whether or not it holds at the moment.
    pub(crate) async fn find_link(&self, by: ByLink) -> Result<Option<Link>, Unavailable> {
        self.ask(|answer| Request::FindLink { by, answer }).await
    }

    /// All links into a room, first made first.
    pub(crate) async fn links(&self, room: RoomId) -> Result<Vec<Link>, Unavailable> {
        self.ask(|answer| Request::ListLinks { room, answer }).await
    }

    /// Whether somebody has this id.
    pub(crate) async fn is_user_known(&self, user: UserId) -> Result<bool, Unavailable> {
        self.ask(|answer| Request::IsUserKnown { user, answer }).await
    }

    /// One page of who is known, in the order of their ids.
    pub(crate) async fn identities(&self, after: Option<UserId>) -> Result<Vec<Acquaintance>, Unavailable> {
        self.ask(|answer| Request::ListIdentities { after, answer }).await
    }

    /// A room as it was last committed, however long that takes: what hangs on it can wait.
    pub(crate) async fn load_room(&self, room: RoomId) -> Result<Option<Room>, Unavailable> {
        self.wait_for_answer(|answer| Request::LoadRoom { room, answer }).await
    }

    #[cfg(test)]
    pub(crate) async fn die(&self) {
        self.queue.send(Request::Die).await.expect("it lives until now");
        self.queue.closed().await;
    }

    #[cfg(test)]
    pub(crate) async fn fill(&self, is_full: bool) {
        self.queue.send(Request::Fill(is_full)).await.expect("it lives");
    }

    /// Lets the store's thread do nothing until the other end of this is dropped, as a disk that hangs would.
    #[cfg(test)]
    pub(crate) async fn hang(&self, until: std::sync::mpsc::Receiver<std::convert::Infallible>) {
        self.queue.send(Request::Hang(until)).await.expect("it lives");
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Unavailable> {
        if self.health.is_hanging() {
            return Err(Unavailable);
        }
        let answered = pin!(async {
            let _place = self.asking.acquire().await.map_err(|_| Unavailable)?;
            self.wait_for_answer(request).await
        });
        Patience::new(&self.health).wait_for(answered).await?
    }

    async fn wait_for_answer<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(request(answer)).await.map_err(|_| Unavailable)?;
        answered.await.map_err(|_| Unavailable)
    }
}

/// The store's thread.
struct Keeper {
    database: Database,
    clock: Arc<Clock>,
    requests: mpsc::Receiver<Request>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    forgetting: Arc<Forgetting>,
    /// What the log says last of why changes are not kept.
    told: Option<String>,
    /// Who waits for the end.
    ending: Option<oneshot::Sender<()>>,
}

impl Keeper {
    /// Makes what is asked lasting, all of it or nothing, and says so to whoever asked. Where it fails they are told by
    /// being forgotten; what rooms have become stays to be written.
    fn keep(&mut self, group: impl Iterator<Item = Request>) -> Result<(), Trouble> {
        let began = Instant::now();
        self.health.begin_work();
        self.database.tell(self.clock.moment());
        let (mut kept, mut wiping) = (Vec::new(), Vec::new());
        let mut result = self.database.stand().and_then(|()| Ok(self.database.begin()?));
        for request in group {
            match request {
                // Whoever wanted it was told that he has it not.
                Request::Write { write, done } if done.is_closed() && write.is_for_its_asker() => drop(write),
                Request::Write { write, done } => {
                    let newcomer = write.newcomer();
                    match result {
                        Ok(()) => result = self.database.write(write).map_err(Trouble::from),
                        Err(_) => self.database.take_in(write),
                    }
                    kept.push((done, newcomer));
                }
                Request::End(done) => self.ending = Some(done),
                Request::Wipe { anew, answer } => wiping.push((anew, answer)),
                Request::Tell => self.database.keep_time(),
                other => self.answer(other),
            }
        }
        let result = result.and_then(|()| self.database.commit());
        if let Err(trouble) = &result {
            // Before anybody learns of it, or he would be let try again at once.
            self.health.note_failed(matches!(trouble, Trouble::Fallen(_)));
            self.database.roll_back();
            self.health.end_work();
        } else {
            self.health.end_work();
            if !kept.is_empty() {
                self.metrics.store_commit.note(began.elapsed());
            }
            self.tell(kept);
            wiping.into_iter().for_each(|(anew, answer)| self.wipe(anew, answer));
            self.forgetting.look_at(&self.database);
        }
        result
    }

    /// Says that changes are kept. An identity whose token nobody waits for any more is nobody's: it spends no link's use.
    fn tell(&mut self, kept: Vec<(oneshot::Sender<()>, Option<UserId>)>) {
        // Others may have gone as well, but theirs stays made.
        let unclaimed = kept.into_iter().filter_map(|(done, newcomer)| done.send(()).err().and(newcomer));
        let unclaimed: Vec<UserId> = unclaimed.collect();
        if unclaimed.is_empty() {
            return;
        }
        self.health.begin_work();
        let taken_back = self.database.take_back(&unclaimed);
        self.health.end_work();
        if let Err(reason) = taken_back {
            // It does no harm but to the link, which has brought one fewer than it says.
            tracing::debug!(%reason, "identities that nobody waited for stay");
        }
    }

    /// Answers what only asks; refuses a change by dropping it. An answer that cannot be read is none.
    fn answer(&self, request: Request) {
        // Whoever asked may be gone by now; then nobody needs the answer.
        match request {
            Request::Identify { token, answer } => {
                let found = self.database.identify(&token);
                let _ = found.map(|identity| answer.send(identity));
            }
            Request::FindLink { by, answer } => drop(self.database.link(by).map(|link| answer.send(link))),
            Request::ListLinks { room, answer } => drop(self.database.links(&room).map(|links| answer.send(links))),
            Request::IsUserKnown { user, answer } => {
                let _ = self.database.is_user_known(user).map(|is_known| answer.send(is_known));
            }
            Request::ListIdentities { after, answer } => {
                let _ = self.database.identities(after).map(|known| answer.send(known));
            }
            Request::Person(asked) => asked.answer(&self.database),
            Request::LoadRoom { room, answer } => drop(answer.send(self.database.room(&room).cloned())),
            Request::Write { .. } | Request::Wipe { .. } | Request::Tell | Request::End(_) => {}
            #[cfg(test)]
            Request::Die => {}
            #[cfg(test)]
            Request::Fill(is_full) => self.database.fill(is_full),
            #[cfg(test)]
            Request::Hang(until) => drop(until.recv()),
        }
    }
}
