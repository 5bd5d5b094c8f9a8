//! Who is who: identities, and the random tokens that prove them. Knows no room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use dais_shared::ids::{ConnectionId, Token, UserId};
use dais_shared::names;
use dais_shared::room::Denied;
use dais_shared::wire::{Goodbye, Identity};
use sha2::{Digest, Sha256};

use crate::outbox::Outbox;
use crate::store::{Store, TokenHash, Unavailable, Write};

/// Ids have this many bits: short on the wire, and with [`dais_shared::limits::IDENTITIES_MAX`] people seldom drawn
/// twice.
const USER_ID_BITS: u32 = 48;

/// The people that this server knows.
#[derive(Debug)]
pub(crate) struct Auth {
    store: Store,
    /// Where each identity is connected, so that logging out reaches its other pages too.
    sessions: Mutex<BTreeMap<(UserId, ConnectionId), Weak<Outbox>>>,
}

impl Auth {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, sessions: Mutex::default() }
    }

    /// Whose token this is, if anybody's.
    pub(crate) async fn identify(&self, token: Token, now_ms: u64) -> Option<Identity> {
        // A store that cannot answer knows nobody; the person logs in anew, or tries again.
        self.store.identify(hash(token), now_ms).await.ok().flatten()
    }

    /// Somebody new.
    ///
    /// # Errors
    /// [`Denied::InvalidName`]; [`Denied::Unavailable`] if the store cannot keep it.
    pub(crate) async fn login(&self, name: &str, now_ms: u64) -> Result<(Identity, Token), Denied> {
        let name = names::person(name).map_err(Denied::InvalidName)?;
        let mut user = random_user();
        while self.store.is_user_known(user).await.map_err(unavailable)? {
            user = random_user();
        }
        let token = Token(random());
        let identity = Identity { user, name };
        let write = Write::IdentityCreated { identity: identity.clone(), token: hash(token), now_ms };
        self.store.write(write).await.map_err(unavailable)?;
        Ok((identity, token))
    }

    /// Another name for somebody known.
    ///
    /// # Errors
    /// As [`Auth::login`].
    pub(crate) async fn rename(&self, user: UserId, name: &str) -> Result<Identity, Denied> {
        let name = names::person(name).map_err(Denied::InvalidName)?;
        let write = Write::IdentityRenamed { user, name: name.clone() };
        self.store.write(write).await.map_err(unavailable)?;
        Ok(Identity { user, name })
    }

    /// Forgets an identity and ends its other connections.
    ///
    /// # Errors
    /// [`Denied::Unavailable`] if the store cannot keep that; then nothing has changed.
    pub(crate) async fn logout(&self, user: UserId, connection: ConnectionId) -> Result<(), Denied> {
        self.store.write(Write::IdentityRevoked { user }).await.map_err(unavailable)?;
        for ((_, other), outbox) in self.sessions().range((user, ConnectionId(0))..=(user, ConnectionId(u64::MAX))) {
            if let Some(outbox) = outbox.upgrade().filter(|_| *other != connection) {
                outbox.close(Goodbye::LoggedOut);
            }
        }
        Ok(())
    }

    /// A connection speaks for this person from now on.
    pub(crate) fn begin_session(&self, user: UserId, connection: ConnectionId, outbox: &Arc<Outbox>) {
        self.sessions().insert((user, connection), Arc::downgrade(outbox));
    }

    /// And no longer.
    pub(crate) fn end_session(&self, user: UserId, connection: ConnectionId) {
        self.sessions().remove(&(user, connection));
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<(UserId, ConnectionId), Weak<Outbox>>> {
        // Every change of the map is one insertion or removal: it is whole even after a panic.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn unavailable(_: Unavailable) -> Denied {
    Denied::Unavailable
}

fn hash(token: Token) -> TokenHash {
    Sha256::digest(token.0).into()
}

fn random_user() -> UserId {
    UserId(u64::from_be_bytes(random()) >> (u64::BITS - USER_ID_BITS))
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system's generator, once it works, goes on working; start-up has tried it");
    bytes
}
