//! Names for things: hand-written newtypes, so that a seat is never mistaken for an identity.
//!
//! Knows nothing about what the things do.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::limits::{ROOM_ID_CHARS_MAX, UNLISTED_ROOM_ID_CHARS};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number!(
    /// A person's identity on one server, given at login; unique and public. Knowing it opens nothing.
    UserId(u64)
);
number!(
    /// A seat in a room. Counted up within the room and never given twice there.
    MemberId(u32)
);
number!(
    /// One WebSocket connection of one server process. Never leaves the server.
    ConnectionId(u64)
);
number!(
    /// One stay of a member on the stage, seen as a source of sound. Counted up within the room and never
    /// given twice there, so that late frames of an earlier stay cannot be taken for a new one's.
    StreamId(u32)
);
number!(
    /// An invitation to the stage, counted up within the room.
    InvitationId(u32)
);
number!(
    /// A voice frame's place in its stream: counts the frames handed to the transport or dropped for backlog.
    Seq(u32)
);
number!(
    /// The number of changes a room has seen. Every reply and every change names it.
    Revision(u64)
);
number!(
    /// A message in a room's chat, counted up within the room.
    MessageId(u32)
);
number!(
    /// One page of a browser, or one headless client, for as long as it lives: a random number of its own, by which a
    /// connection that comes back is told from a second page of the same person. Guards nothing.
    PageId(u64)
);
number!(
    /// A client's number for one of its requests, echoed in the reply.
    RequestId(u32)
);

impl UserId {
    /// No id of anybody's: those are drawn of 48 bits.
    pub const NOBODY: Self = Self(u64::MAX);
}

impl Revision {
    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The secret that proves an identity: 128 random bits, sent only in a connection's first message.
/// The server keeps its hash. `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token(pub [u8; 16]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The part of an internet address that stands for one place: the whole of an IPv4 address, the first 64 bits of an
/// IPv6 one (RFC 4291, section 2.5.4), since a single machine changes the others at will. Never leaves the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressPrefix {
    /// IPv4, whole.
    V4([u8; 4]),
    /// IPv6, the first half.
    V6([u8; 8]),
}

impl AddressPrefix {
    /// Whether both belong to what one provider gives one customer at most: an IPv4 /24, an IPv6 /48.
    #[must_use]
    pub fn is_near(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::V4([a, b, c, _]), Self::V4([d, e, f, _])) => [a, b, c] == [d, e, f],
            (Self::V6(one), Self::V6(other)) => one[..6] == other[..6],
            _ => false,
        }
    }
}

impl From<IpAddr> for AddressPrefix {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// A room's name in links: 1 to 64 of `[a-z0-9-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RoomId(String);

/// Why a text is no [`RoomId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a room id is 1 to {ROOM_ID_CHARS_MAX} of a-z, 0-9 and '-'")]
pub struct InvalidRoomId;

impl RoomId {
    /// Takes `text` as it is, or refuses it.
    ///
    /// # Errors
    /// [`InvalidRoomId`] unless `text` is 1 to 64 of `[a-z0-9-]`.
    pub fn parse(text: &str) -> Result<Self, InvalidRoomId> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > ROOM_ID_CHARS_MAX || !text.bytes().all(allowed) {
            return Err(InvalidRoomId);
        }
        Ok(Self(text.to_owned()))
    }

    /// A room id from what a person typed or pasted: an id, or a link that ends in `/r/<id>`.
    ///
    /// # Errors
    /// [`InvalidRoomId`] where no room id can be read out of it.
    pub fn from_link(text: &str) -> Result<Self, InvalidRoomId> {
        let text = text.trim();
        let tail = text.rsplit_once("/r/").map_or(text, |(_, tail)| tail);
        let end = tail.find(['?', '#', '/']).unwrap_or(tail.len());
        Self::parse(&tail[..end].to_ascii_lowercase())
    }

    /// Whether it is as long as those the server draws for rooms that are found by their id alone: 26 of 32 letters,
    /// 130 bits.
    #[must_use]
    pub fn is_unguessable(&self) -> bool {
        self.0.len() >= UNLISTED_ROOM_ID_CHARS
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RoomId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        Self::parse(text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_ids_are_lower_case_letters_digits_and_hyphens() {
        assert!(RoomId::parse("town-hall-7").is_ok());
        for wrong in ["", "Town", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert_eq!(RoomId::parse(wrong), Err(InvalidRoomId), "{wrong}");
        }
    }

    #[test]
    fn a_link_is_as_good_as_an_id() {
        for text in ["hall", " hall ", "HALL", "/r/hall", "https://stage.example/r/hall?x=1", "http://h:80/r/hall/#top"] {
            assert_eq!(RoomId::from_link(text).map(|id| id.0), Ok("hall".to_owned()), "{text}");
        }
        assert!(RoomId::from_link("https://stage.example/").is_err());
    }
}
