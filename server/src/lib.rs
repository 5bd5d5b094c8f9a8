//! The house: sockets, tasks and memory around the rules of `dais-shared`.
//!
//! The `dais` binary is [`run`]; tests and tools start the real thing with [`Server::start`]. Nothing here decides who
//! may do what, and nothing here looks into a voice frame's payload.

mod auth;
mod clock;
mod config;
mod connection;
mod fan_out;
#[cfg(test)]
mod fault_tests;
mod http;
mod metrics;
mod outbox;
mod room_actor;
mod rooms;
mod routes;
mod server;
mod store;
mod websocket;

use std::ffi::OsString;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

pub use config::{Config, ConfigError, LogFilter};
pub use metrics::{Counter, Metrics};
pub use server::{Error, Running, Server, Status};

/// The `dais` command: reads its options, serves until it is told to stop, and says in a sentence what went wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let config = match config::read(arguments) {
        Ok(config) => config,
        Err(error) => return error.report(),
    };
    tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&config.log.0)).with_writer(std::io::stderr).init();
    match server::serve_until_told(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dais: {error}");
            ExitCode::FAILURE
        }
    }
}
