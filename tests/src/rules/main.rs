//! The rules of a room, tested without sockets: what everybody may do, as a table written by hand, and what holds
//! whatever anybody does.
//!
//! Knows the rules by [`dais_shared::room::Room::decide`] alone. Nothing here starts a server.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod crowd;
mod document;
mod doors;
mod effects;
mod orders;
mod properties;
mod scene;
mod table;
