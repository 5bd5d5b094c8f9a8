//! What is written and shown beside the voice.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::ids::{MemberId, MessageId, UserId};

/// A message in the chat. Kept as long as the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its number.
    pub id: MessageId,
    /// The seat of whoever wrote it.
    pub member: MemberId,
    /// Whose that was.
    pub user: UserId,
    /// The name shown then.
    pub name: String,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// What. Absent once it was taken out, so that everybody sees that something was.
    pub text: Option<String>,
}

/// A handful of gestures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reaction {
    /// Clapping hands.
    Applause,
    /// A heart.
    Heart,
    /// A thumb up.
    Agree,
    /// A laughing face.
    Laugh,
    /// An astonished face.
    Wow,
    /// A thinking face.
    Doubt,
}

impl Reaction {
    /// Every reaction.
    pub const ALL: [Self; 6] = [Self::Applause, Self::Heart, Self::Agree, Self::Laugh, Self::Wow, Self::Doubt];
}
