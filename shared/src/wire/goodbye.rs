//! How a connection is ended.

use serde::{Deserialize, Serialize};

/// Why the server closes a connection. Its WebSocket close code says the same, in the standard's words where it has any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goodbye {
    /// The server is going away and will be back: connect again.
    ShuttingDown,
    /// The versions differ: load the page again.
    WrongVersion,
    /// A message could not be understood.
    Malformed,
    /// A message was too large.
    TooLarge,
    /// No hello came in time.
    NoHello,
    /// Nothing came for too long.
    Silent,
    /// Far too many messages.
    TooFast,
    /// Voice kept coming that nobody was allowed to hear.
    Abuse,
    /// The same identity sits in the room from another connection now.
    Superseded,
    /// The room is full of connections, or the server is.
    Overloaded,
    /// The client said it was done.
    LoggedOut,
    /// The server lets in only who has signed in, and this one has not, or no longer is.
    NotSignedIn,
}

impl Goodbye {
    /// The WebSocket close code: the standard's where it has one (RFC 6455, section 7.4.1), and of 4000 and above where it has
    /// none (section 7.4.2).
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::ShuttingDown => 1001,
            Self::WrongVersion => 4000,
            Self::Malformed => 1007,
            Self::TooLarge => 1009,
            Self::NoHello => 4003,
            Self::Silent => 4004,
            Self::TooFast => 4005,
            Self::Abuse => 4006,
            Self::Superseded => 4007,
            Self::Overloaded => 4008,
            Self::LoggedOut => 4009,
            Self::NotSignedIn => 4010,
        }
    }

    /// The reason behind a close code that came without a goodbye. Not behind the standard's codes, which a proxy on the way may
    /// say of itself; but for 1001, after which to come back is right, whoever said it.
    #[must_use]
    pub fn from_close_code(code: u16) -> Option<Self> {
        const OURS: [Goodbye; 10] = [
            Goodbye::ShuttingDown,
            Goodbye::WrongVersion,
            Goodbye::NoHello,
            Goodbye::Silent,
            Goodbye::TooFast,
            Goodbye::Abuse,
            Goodbye::Superseded,
            Goodbye::Overloaded,
            Goodbye::LoggedOut,
            Goodbye::NotSignedIn,
        ];
        OURS.into_iter().find(|goodbye| goodbye.close_code() == code)
    }

    /// Whether connecting again can help.
    #[must_use]
    pub const fn may_reconnect(self) -> bool {
        match self {
            Self::ShuttingDown | Self::NoHello | Self::Silent | Self::TooFast | Self::Overloaded => true,
            Self::WrongVersion
            | Self::Malformed
            | Self::TooLarge
            | Self::Abuse
            | Self::Superseded
            | Self::LoggedOut
            | Self::NotSignedIn => false,
        }
    }
}
