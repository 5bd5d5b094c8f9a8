//! Who is who: identities, and the random tokens that prove them. Knows no room.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use dais_shared::ids::{ConnectionId, Token, UserId};
use dais_shared::room::Denied;
use dais_shared::wire::{Goodbye, Identity};
use sha2::{Digest, Sha256};

use crate::chance::Chance;
use crate::outbox::Outbox;
use crate::spelling;
use crate::store::{Acquaintance, Known, LinkId, Store, TokenHash, Unavailable, Write};

/// Ids have this many bits: short on the wire, and with [`dais_shared::limits::IDENTITIES_MAX`] people seldom drawn
/// twice.
const USER_ID_BITS: u32 = 48;

/// More identities are not revoked while one is looked up.
const IDENTIFY_TRIES_MAX: u32 = 16;

/// The people that this server knows.
#[derive(Debug)]
pub(crate) struct Auth {
    store: Store,
    chance: Chance,
    /// Where each identity is connected, so that logging out reaches its other pages too.
    sessions: Mutex<BTreeMap<(UserId, ConnectionId), Weak<Outbox>>>,
    /// How many identities have been forgotten on request.
    revoked_total: AtomicU64,
}

impl Auth {
    pub(crate) fn new(store: Store, chance: Chance) -> Self {
        Self { store, chance, sessions: Mutex::default(), revoked_total: AtomicU64::new(0) }
    }

    /// Begins a session of whoever this token belongs to, if it is anybody's.
    ///
    /// # Errors
    /// [`Unavailable`] if the store cannot say, or identities are revoked all the time.
    pub(crate) async fn identify(
        &self,
        token: Token,
        connection: ConnectionId,
        outbox: &Arc<Outbox>,
    ) -> Result<Option<Known>, Unavailable> {
        // Once, and once more for each time that an identity is revoked meanwhile: it may be this one, and whoever revoked it
        // saw no session of it yet.
        for _ in 0..IDENTIFY_TRIES_MAX {
            let revoked_before = self.revoked_total.load(Ordering::SeqCst);
            let Some(known) = self.store.identify(token_hash(&token.0)).await? else { return Ok(None) };
            let user = known.identity.user;
            self.begin_session(user, connection, outbox);
            if self.revoked_total.load(Ordering::SeqCst) == revoked_before {
                return Ok(Some(known));
            }
            self.end_session(user, connection);
        }
        // Whether it is this one that was revoked, nobody can tell in such a storm.
        Err(Unavailable)
    }

    /// Somebody new, who maybe came by a link.
    ///
    /// # Errors
    /// [`Denied::InvalidName`]; [`Denied::Unavailable`] if the store cannot keep it.
    pub(crate) async fn login(&self, name: &str, link: Option<LinkId>) -> Result<(Identity, Token), Denied> {
        let name = spelling::person(name).map_err(Denied::InvalidName)?;
        let mut user = self.random_user();
        while self.store.is_user_known(user).await.map_err(unavailable)? {
            user = self.random_user();
        }
        let token = Token(self.chance.bytes());
        let identity = Identity { user, name };
        let write = Write::IdentityCreated { identity: identity.clone(), token: token_hash(&token.0), link };
        self.store.write(write).await.map_err(unavailable)?;
        Ok((identity, token))
    }

    /// Another name for somebody known.
    ///
    /// # Errors
    /// As [`Auth::login`].
    pub(crate) async fn rename(&self, user: UserId, name: &str) -> Result<Identity, Denied> {
        let name = spelling::person(name).map_err(Denied::InvalidName)?;
        let write = Write::IdentityRenamed { user, name: name.clone() };
        self.store.write(write).await.map_err(unavailable)?;
        Ok(Identity { user, name })
    }

    /// Forgets an identity and ends its other connections.
    ///
    /// # Errors
    /// [`Denied::Unavailable`] if the store cannot keep that; then the connections stay.
    pub(crate) async fn logout(&self, user: UserId, connection: ConnectionId) -> Result<(), Denied> {
        self.forget(user, Some(connection)).await
    }

    /// Forgets an identity and ends all its connections.
    ///
    /// # Errors
    /// [`Denied::NoSuchPerson`]; [`Denied::Unavailable`] if the store cannot keep that; then whoever is connected stays so.
    pub(crate) async fn revoke(&self, user: UserId) -> Result<(), Denied> {
        // Somebody connected whom the store does not know: a disk that hung took the last try when nobody waited any more.
        if !self.is_connected(user) && !self.store.is_user_known(user).await.map_err(unavailable)? {
            return Err(Denied::NoSuchPerson);
        }
        self.forget(user, None).await
    }

    /// Forgets an identity, whether or not the store knows it, and closes all its connections.
    ///
    /// # Errors
    /// [`Denied::Unavailable`] if the store cannot keep that; then whoever is connected stays so.
    pub(crate) async fn expel(&self, user: UserId) -> Result<(), Denied> {
        self.forget(user, None).await
    }

    /// One page of who is known, in the order of their ids.
    ///
    /// # Errors
    /// [`Denied::Unavailable`] if the store cannot say.
    pub(crate) async fn known(&self, after: Option<UserId>) -> Result<Vec<Acquaintance>, Denied> {
        self.store.identities(after).await.map_err(unavailable)
    }

    async fn forget(&self, user: UserId, but: Option<ConnectionId>) -> Result<(), Denied> {
        self.store.write(Write::IdentityRevoked { user }).await.map_err(unavailable)?;
        // Before the sessions are looked at: see `identify`.
        self.revoked_total.fetch_add(1, Ordering::SeqCst);
        for ((_, other), outbox) in self.sessions().range(sessions_of(user)) {
            if let Some(outbox) = outbox.upgrade().filter(|_| Some(*other) != but) {
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

    pub(crate) fn is_connected(&self, user: UserId) -> bool {
        self.sessions().range(sessions_of(user)).next().is_some()
    }

    fn random_user(&self) -> UserId {
        UserId(u64::from_be_bytes(self.chance.bytes()) >> (u64::BITS - USER_ID_BITS))
    }

    #[cfg(feature = "simulation")]
    pub(crate) fn outboxes(&self) -> Vec<Arc<Outbox>> {
        self.sessions().values().filter_map(Weak::upgrade).collect()
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<(UserId, ConnectionId), Weak<Outbox>>> {
        // Every change of the map is one insertion or removal: it is whole even after a panic.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn sessions_of(user: UserId) -> RangeInclusive<(UserId, ConnectionId)> {
    (user, ConnectionId(0))..=(user, ConnectionId(u64::MAX))
}

const fn unavailable(_: Unavailable) -> Denied {
    Denied::Unavailable
}

/// What is kept of a secret.
pub(crate) fn token_hash(secret: &[u8]) -> TokenHash {
    Sha256::digest(secret).into()
}
