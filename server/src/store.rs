//! What survives: the state of every room, and who is who. Knows no connection and decides nothing.
//!
//! The store works on a thread of its own behind a bounded queue and commits in groups: what has gathered while one
//! commit ran is carried by the next. Whoever writes learns when it is safe, and only then tells anybody. In this
//! version the state is kept in memory and lives as long as the server; the seam is the one a database stands behind.

mod memory;

use dais_shared::ids::{RoomId, UserId};
use dais_shared::limits::{STORE_GROUP_MAX, STORE_QUEUE_MAX};
use dais_shared::room::{Event, Room};
use dais_shared::wire::Identity;
use tokio::sync::{mpsc, oneshot};

use memory::Memory;

/// SHA-256 of a token. The token itself is never kept.
pub(crate) type TokenHash = [u8; 32];

/// A change of what is kept.
#[derive(Debug)]
pub(crate) enum Write {
    /// A room as it is now: a new one, or one whose changes could not be kept for a while.
    Room(Box<Room>),
    /// What happened in a room. One that has ended is forgotten.
    Events { room: RoomId, events: Vec<Event> },
    /// A new identity.
    IdentityCreated { identity: Identity, token: TokenHash, now_ms: u64 },
    /// Another name.
    IdentityRenamed { user: UserId, name: String },
    /// The token opens nothing any more.
    IdentityRevoked { user: UserId },
}

#[derive(Debug)]
enum Request {
    Write {
        write: Write,
        done: oneshot::Sender<()>,
    },
    Identify {
        token: TokenHash,
        now_ms: u64,
        answer: oneshot::Sender<Option<Identity>>,
    },
    IsUserKnown {
        user: UserId,
        answer: oneshot::Sender<bool>,
    },
    LoadRoom {
        room: RoomId,
        answer: oneshot::Sender<Option<Room>>,
    },
    /// The end of the store, to prove that the stage outlives it.
    #[cfg(test)]
    Die,
}

/// The store takes nothing at the moment. What only restricts goes on without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store takes no changes at the moment; it is tried again with the next one")]
pub(crate) struct Unavailable;

/// Resolves when a write is safe; an error says that it never will be.
pub(crate) type Committed = oneshot::Receiver<()>;

/// The way to the store's thread. Dropping the last one lets the thread finish what waits, and end.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    queue: mpsc::Sender<Request>,
}

/// A place in the store's queue, so that nothing is decided which could not be kept.
#[derive(Debug)]
pub(crate) struct Permit(mpsc::OwnedPermit<Request>);

impl Permit {
    /// Hands a change over.
    pub(crate) fn write(self, write: Write) -> Committed {
        let (done, committed) = oneshot::channel();
        self.0.send(Request::Write { write, done });
        committed
    }
}

impl Store {
    /// Starts the store's thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn open() -> std::io::Result<Self> {
        let (queue, requests) = mpsc::channel(STORE_QUEUE_MAX);
        std::thread::Builder::new().name("store".into()).spawn(move || serve(requests))?;
        Ok(Self { queue })
    }

    /// A place for one change.
    ///
    /// # Errors
    /// [`Unavailable`] while the queue is full, or for good if the thread has died.
    pub(crate) fn reserve(&self) -> Result<Permit, Unavailable> {
        self.queue.clone().try_reserve_owned().map(Permit).map_err(|_| Unavailable)
    }

    /// Whether a change would find a place now.
    ///
    /// # Errors
    /// [`Unavailable`] if not.
    pub(crate) fn check(&self) -> Result<(), Unavailable> {
        self.reserve().map(drop)
    }

    /// Makes a change and waits until it is safe.
    pub(crate) async fn write(&self, write: Write) -> Result<(), Unavailable> {
        self.reserve()?.write(write).await.map_err(|_| Unavailable)
    }

    /// Whose token this is.
    pub(crate) async fn identify(&self, token: TokenHash, now_ms: u64) -> Result<Option<Identity>, Unavailable> {
        self.ask(|answer| Request::Identify { token, now_ms, answer }).await
    }

    /// Whether somebody has this id.
    pub(crate) async fn is_user_known(&self, user: UserId) -> Result<bool, Unavailable> {
        self.ask(|answer| Request::IsUserKnown { user, answer }).await
    }

    /// A room as it was last committed.
    pub(crate) async fn load_room(&self, room: RoomId) -> Result<Option<Room>, Unavailable> {
        self.ask(|answer| Request::LoadRoom { room, answer }).await
    }

    #[cfg(test)]
    pub(crate) async fn die(&self) {
        self.queue.send(Request::Die).await.expect("it lives until now");
        self.queue.closed().await;
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(request(answer)).await.map_err(|_| Unavailable)?;
        answered.await.map_err(|_| Unavailable)
    }
}

/// The store's thread: one group after the other until nobody can ask any more.
fn serve(mut requests: mpsc::Receiver<Request>) {
    let mut memory = Memory::default();
    let mut group = Vec::with_capacity(STORE_GROUP_MAX);
    let mut committed = Vec::with_capacity(STORE_GROUP_MAX);
    while requests.blocking_recv_many(&mut group, STORE_GROUP_MAX) > 0 {
        for request in group.drain(..) {
            match request {
                Request::Write { write, done } => {
                    memory.write(write);
                    committed.push(done);
                }
                // Whoever asked may be gone by now; then nobody needs the answer.
                Request::Identify { token, now_ms, answer } => drop(answer.send(memory.identify(&token, now_ms))),
                Request::IsUserKnown { user, answer } => drop(answer.send(memory.is_user_known(user))),
                Request::LoadRoom { room, answer } => drop(answer.send(memory.room(&room).cloned())),
                #[cfg(test)]
                Request::Die => return,
            }
        }
        for done in committed.drain(..) {
            let _ = done.send(()); // the room may have died meanwhile
        }
    }
}
