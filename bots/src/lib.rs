//! Headless members of a voice stage: thin shells over the engine, with a socket and a file where a page has a socket
//! and devices. They know no rule of their own.

pub mod attend;
pub mod listen;
pub mod member;
pub mod say;
pub mod server;
pub mod trust;
pub mod wav;

pub use dais_engine as engine;
