//! What a room is, as everybody in it may know.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::permissions::Action;

/// How people come on stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// The host calls people on stage.
    Moderated,
    /// Whoever wants to takes a seat while there is room.
    Open,
}

/// What a room is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// What it is called.
    pub title: String,
    /// What it is about; possibly nothing.
    pub topic: String,
    /// How people come on stage.
    pub mode: Mode,
    /// Whether hands may be raised.
    pub takes_hands: bool,
    /// Whether messages may be written.
    pub takes_messages: bool,
    /// Whether nobody new is let in.
    pub is_locked: bool,
    /// Whether it is found by its id alone.
    pub is_unlisted: bool,
    /// Whether those who come in are asked for a passcode. Which, the server alone knows.
    pub has_passcode: bool,
}

impl Settings {
    /// A listed room without a lock, that takes hands and messages.
    #[must_use]
    pub const fn new(title: String, mode: Mode) -> Self {
        Self {
            title,
            topic: String::new(),
            mode,
            takes_hands: true,
            takes_messages: true,
            is_locked: false,
            is_unlisted: false,
            has_passcode: false,
        }
    }

    /// Changes one of them.
    pub fn set(&mut self, setting: &Setting) {
        match setting {
            Setting::Mode(mode) => self.mode = *mode,
            Setting::Title(title) => self.title.clone_from(title),
            Setting::Topic(topic) => self.topic.clone_from(topic),
            Setting::HandQueue(is_open) => self.takes_hands = *is_open,
            Setting::Chat(is_open) => self.takes_messages = *is_open,
            Setting::Lock(is_locked) => self.is_locked = *is_locked,
            Setting::Unlisted(is_unlisted) => self.is_unlisted = *is_unlisted,
        }
    }
}

/// One setting that a host changes at will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setting {
    /// How people come on stage.
    Mode(Mode),
    /// What the room is called.
    Title(String),
    /// What it is about.
    Topic(String),
    /// Whether hands may be raised. Those that are up stay up.
    HandQueue(bool),
    /// Whether messages may be written.
    Chat(bool),
    /// Whether nobody new is let in.
    Lock(bool),
    /// Whether the room is found by its id alone.
    Unlisted(bool),
}

impl Setting {
    /// What one must be allowed to do for it.
    #[must_use]
    pub const fn action(&self) -> Action {
        match self {
            Self::Mode(_) => Action::SetMode,
            Self::Title(_) | Self::Topic(_) => Action::SetTitle,
            Self::HandQueue(_) => Action::SetHandQueue,
            Self::Chat(_) => Action::SetChat,
            Self::Lock(_) => Action::SetLock,
            Self::Unlisted(_) => Action::SetUnlisted,
        }
    }
}
