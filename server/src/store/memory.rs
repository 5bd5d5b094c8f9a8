//! The state itself, written by one `match` over what changes. Knows no thread and no queue.

use std::collections::{BTreeMap, BTreeSet};

use dais_shared::ids::{RoomId, UserId};
use dais_shared::limits::IDENTITIES_MAX;
use dais_shared::room::Room;
use dais_shared::wire::Identity;
use subtle::ConstantTimeEq;

use super::{TokenHash, Write};

/// Only this much of a hash finds a record; the rest is compared in constant time.
type Key = [u8; 8];

#[derive(Debug, Default)]
pub(super) struct Memory {
    rooms: BTreeMap<RoomId, Room>,
    identities: BTreeMap<UserId, Record>,
    users_by_key: BTreeMap<Key, UserId>,
    /// Who would be forgotten first.
    by_last_use: BTreeSet<(u64, UserId)>,
}

#[derive(Debug)]
struct Record {
    name: String,
    token: TokenHash,
    used_ms: u64,
}

impl Memory {
    pub(super) fn write(&mut self, write: Write) {
        match write {
            Write::Room(room) => {
                if room.ended().is_some() {
                    self.rooms.remove(room.id());
                } else {
                    self.rooms.insert(room.id().clone(), *room);
                }
            }
            Write::Events { room: id, events } => {
                let Some(room) = self.rooms.get_mut(&id) else { return };
                for event in &events {
                    room.apply(event);
                }
                if room.ended().is_some() {
                    self.rooms.remove(&id);
                }
            }
            Write::IdentityCreated { identity, token, now_ms } => self.create(identity, token, now_ms),
            Write::IdentityRenamed { user, name } => {
                if let Some(record) = self.identities.get_mut(&user) {
                    record.name = name;
                }
            }
            Write::IdentityRevoked { user } => self.forget(user),
        }
    }

    /// Whose token hashes to this. Counts as a use.
    pub(super) fn identify(&mut self, token: &TokenHash, now_ms: u64) -> Option<Identity> {
        let user = *self.users_by_key.get(&key(token))?;
        let record = self.identities.get_mut(&user)?;
        if !bool::from(record.token.ct_eq(token)) {
            return None;
        }
        self.by_last_use.remove(&(record.used_ms, user));
        self.by_last_use.insert((now_ms, user));
        record.used_ms = now_ms;
        Some(Identity { user, name: record.name.clone() })
    }

    pub(super) fn is_user_known(&self, user: UserId) -> bool {
        self.identities.contains_key(&user)
    }

    pub(super) fn room(&self, id: &RoomId) -> Option<&Room> {
        self.rooms.get(id)
    }

    fn create(&mut self, identity: Identity, token: TokenHash, now_ms: u64) {
        while self.identities.len() >= IDENTITIES_MAX {
            let Some(&(_, oldest)) = self.by_last_use.first() else { break };
            self.forget(oldest);
        }
        self.users_by_key.insert(key(&token), identity.user);
        self.by_last_use.insert((now_ms, identity.user));
        self.identities.insert(identity.user, Record { name: identity.name, token, used_ms: now_ms });
    }

    fn forget(&mut self, user: UserId) {
        if let Some(record) = self.identities.remove(&user) {
            self.users_by_key.remove(&key(&record.token));
            self.by_last_use.remove(&(record.used_ms, user));
        }
    }
}

fn key(token: &TokenHash) -> Key {
    *token.first_chunk().expect("a hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dais_shared::ids::AddressPrefix;
    use dais_shared::room::{Context, Input, Join, Mode, RoomEndReason, Settings};

    fn identity(user: u64) -> Identity {
        Identity { user: UserId(user), name: format!("Person {user}") }
    }

    fn token(user: u64) -> TokenHash {
        let mut token = [7; 32];
        token[..8].copy_from_slice(&user.to_be_bytes());
        token
    }

    fn with_identities(count: u64) -> Memory {
        let mut memory = Memory::default();
        for user in 0..count {
            memory.write(Write::IdentityCreated { identity: identity(user), token: token(user), now_ms: user });
        }
        memory
    }

    #[test]
    fn a_token_opens_until_it_is_revoked() {
        let mut memory = with_identities(2);
        assert_eq!(memory.identify(&token(1), 10), Some(identity(1)));
        let mut almost = token(1);
        almost[31] ^= 1;
        assert_eq!(memory.identify(&almost, 10), None);
        memory.write(Write::IdentityRevoked { user: UserId(1) });
        assert_eq!(memory.identify(&token(1), 10), None);
        assert_eq!(memory.identify(&token(0), 10), Some(identity(0)));
    }

    #[test]
    fn the_oldest_unused_identity_is_forgotten_first() {
        let count = IDENTITIES_MAX as u64;
        let mut memory = with_identities(count);
        assert!(memory.identify(&token(0), count).is_some());
        memory.write(Write::IdentityCreated { identity: identity(count), token: token(count), now_ms: count + 1 });
        assert!(memory.is_user_known(UserId(0)), "it was used since");
        assert!(!memory.is_user_known(UserId(1)));
        assert_eq!(memory.identities.len(), IDENTITIES_MAX);
        assert_eq!(memory.by_last_use.len(), IDENTITIES_MAX);
    }

    #[test]
    fn a_kept_room_follows_its_events_and_is_forgotten_when_it_ends() {
        let id = RoomId::parse("hall").expect("a room id");
        let mut room = Room::new(id.clone(), Settings::new("Hall".into(), Mode::Open), None, UserId(1));
        let mut memory = Memory::default();
        memory.write(Write::Room(Box::new(room.clone())));
        let join = Input::Join(Join {
            user: UserId(1),
            name: "Ada".into(),
            address: AddressPrefix::V4([127, 0, 0, 1]),
            passcode: None,
            microphone_open: false,
        });
        let events = room.decide(&join, &Context::at(5)).expect("the founder may join");
        for event in &events {
            room.apply(event);
        }
        memory.write(Write::Events { room: id.clone(), events });
        assert_eq!(memory.room(&id), Some(&room));
        let events = room.decide(&Input::Close(RoomEndReason::Failed), &Context::at(6)).expect("any room can be closed");
        memory.write(Write::Events { room: id.clone(), events });
        assert_eq!(memory.room(&id), None);
    }
}
