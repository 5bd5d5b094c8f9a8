//! Headless members of a voice stage: thin shells over the engine, with a socket and a file where a page has a socket
//! and devices. They know no rule of their own.

// Where nobody reads what is printed, these panic: see `note`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod attend;
pub mod listen;
pub mod member;
pub mod say;
pub mod server;
pub mod sign_in;
mod trouble;
pub mod trust;
pub mod wav;

use std::io::Write;

pub use dais_engine as engine;

/// Says something beside what a bot is there for. Where it cannot be written, the bot goes on without.
pub(crate) fn note(sentence: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{sentence}");
}
