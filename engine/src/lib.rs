//! The client library of a voice stage, without I/O.
//!
//! A shell (the browser's worker, a bot, the simulator) owns a socket, a microphone and a loudspeaker. It tells the
//! [`Engine`] what happens, with the time, and does what [`Engine::poll_output`] says. The engine connects, logs in,
//! joins, comes back after a lost connection, opens the microphone when the *server* says so, sends voice, hands on
//! the voice of others, and measures. It knows no clock, no socket, no browser, and it never judges who may speak.

mod backoff;
mod capture_clock;
mod command;
mod engine;
mod event;
mod listening;
mod publishing;
mod requests;
mod room;
mod server_clock;
mod session;
mod stalls;
mod talk;

pub use command::{Command, MicrophoneFailure, Speaking, TalkKey, Ticket};
pub use engine::{Config, Engine};
pub use event::{ConnectionState, Event, Failure, LeftRoom, Output, SpeakerStatistics, Statistics};

/// The sound, for shells: they own the playback pipeline and talk in its packets.
pub use dais_audio as audio;
/// The rules' vocabulary, for shells.
pub use dais_shared as shared;
