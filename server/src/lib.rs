//! The house: sockets, tasks and memory around the rules of `dais-shared`.
//!
//! The `dais` binary is [`run`]; tests and tools start the real thing with [`Server::start`]. Nothing here decides who
//! may do what, and nothing here looks into a voice frame's payload.

// Where nobody reads what is printed, these panic: see `logging::complain`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod announcement;
mod auth;
mod chance;
mod clock;
mod config;
mod connection;
mod doctor;
mod door;
mod erasure;
mod fan_out;
#[cfg(test)]
mod fault_tests;
mod files;
mod http;
mod journal;
mod listening;
mod logging;
mod machine;
mod metrics;
mod outbox;
mod refusal;
mod refused;
mod reread;
mod room_actor;
mod rooms;
mod routes;
mod server;
mod shares;
mod sign_in;
mod signals;
#[cfg(feature = "simulation")]
pub mod simulation;
mod socket;
mod spelling;
mod store;
mod supervise;
mod tls;
mod websocket;
mod whole_file;

use std::ffi::OsString;
use std::process::ExitCode;

use config::Task;
pub use config::{AdminToken, Config, ConfigError, LogAddresses, LogFilter, LogFormat, Tls};
pub use listening::ListenError;
pub use metrics::{Counter, Histogram, Metrics};
pub use refused::Refused;
#[doc(hidden)]
pub use routes::paths;
pub use server::{Error, Running, Server, Status};
pub use sign_in::SignInError;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub use store::bench;
pub use store::{BackupError, OpenError};
pub use tls::TlsError;

/// The `dais` command: reads its options, serves until it is told to stop, and says in a sentence what went wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_by(arguments, 0)
}

/// The same by a clock that is so far ahead of the machine's, so that tests need not set that.
#[doc(hidden)]
pub fn run_by(arguments: impl IntoIterator<Item = OsString>, clock_off_ms: i64) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match config::read(arguments.clone()) {
        Ok(Task::Serve(config)) => {
            let begun = logging::begin(&config.log, config.log_format);
            let begun = begun.map_err(|error| Error::System { what: "a thread for its log", reason: error.to_string() });
            let options = Box::new(move || config::read_options(arguments.clone()));
            let outcome = outcome(begun.and_then(|()| server::serve_until_told(*config, options, clock_off_ms)));
            logging::finish();
            outcome
        }
        Ok(Task::BackUp { data_dir, to }) => outcome(store::back_up(&data_dir, &to)),
        Ok(Task::Doctor { config, url }) => doctor::run(*config, url.as_deref()),
        Ok(Task::Health(listen)) => doctor::health(listen),
        Err(error) => error.report(),
    }
}

fn outcome(result: Result<(), impl std::fmt::Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logging::complain(error);
            ExitCode::FAILURE
        }
    }
}
