//! Who may not come in. Never leaves the server but as names, and those to moderators only.

use alloc::string::String;

use crate::ids::{AddressPrefix, UserId};
use crate::names::Likeness;
use crate::permissions::Role;

/// Somebody who was kicked and may not come back for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Who.
    pub user: UserId,
    /// From where nobody else comes in meanwhile either, if addresses are blocked at all.
    pub address: Option<AddressPrefix>,
    /// When it ends, in Unix milliseconds.
    pub until_ms: u64,
}

/// Somebody who may not come back until that is lifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub user: UserId,
    /// The name last shown.
    pub name: String,
    /// From where nobody else comes in either, if addresses are blocked at all.
    pub address: Option<AddressPrefix>,
    /// Since when, in Unix milliseconds.
    pub at_ms: u64,
}

/// Somebody who was here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departed {
    /// Who.
    pub user: UserId,
    /// The name last shown.
    pub name: String,
    /// What it looks like.
    pub likeness: Likeness,
    /// From where.
    pub address: AddressPrefix,
    /// The role held to the end: nobody bans an equal who has left.
    pub role: Role,
    /// Since when, in Unix milliseconds.
    pub at_ms: u64,
}

/// The chair, kept for a host who vanished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// For whom.
    pub user: UserId,
    /// Until when, in Unix milliseconds.
    pub until_ms: u64,
}
