//! The rules and the wire of a voice stage.
//!
//! Everything here is pure: time, randomness and identifiers that must be fresh are arguments, and what
//! happens is data. The server asks [`room::Room::decide`] what a command means; a client holds only the
//! [`view::View`] that the server lets it have. Nothing here knows sockets, tasks, Opus or the web.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod ids;
pub mod limits;
pub mod names;
pub mod permissions;
pub mod quickest;
pub mod rate;
pub mod room;
pub mod view;
pub mod voice;
pub mod wire;
