//! Stories over real sockets against the real server, and what must stay true of the tree.
//!
//! One binary for all of them: it links once. Nothing here waits for a fixed time: what must happen is awaited, and
//! what must not happen is proved by something lawful that came later.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

mod api;
mod attacks;
mod backup;
mod cases;
mod documents;
mod killed;
mod lobby;
mod microphone;
mod onslaught;
mod operator;
mod page;
mod paused;
mod presence;
mod refusals;
mod rows;
mod shares;
mod sign_in;
mod slow;
mod stage;
mod tidy;
mod tls;
mod unreached;
mod voice;
mod wrong_clock;
