//! Voices through the real pipelines under virtual time: what a listener hears when the network
//! is kind, when it is not, and when somebody is hostile.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod harness;
mod hostile;
mod network;
mod recording;
mod streams;
mod talkspurt;
mod tone;
