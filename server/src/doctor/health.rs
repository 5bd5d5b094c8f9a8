//! `dais health`: whether the server with these options is well, for what looks after it: a container, a service, a script.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use axum::http::StatusCode;

use super::place::Place;
use crate::logging;
use crate::server::reachable;

/// Prints what the server on this machine says of itself. Fails where it is not well, or not there.
pub(crate) fn health(listen: SocketAddr) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            logging::complain(format_args!("the system refuses what asking takes: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let address = reachable(listen);
    let (is_well, said) = match runtime.block_on(Place::local(address).health_whoever_it_is()) {
        Ok((StatusCode::OK, _)) => (true, format!("The server on {address} is well.")),
        Ok((StatusCode::SERVICE_UNAVAILABLE, sentence)) => {
            let sentence = String::from_utf8_lossy(&sentence);
            (false, format!("The server on {address} is not well: {}.", sentence.trim().trim_end_matches('.')))
        }
        Ok((status, _)) => (false, format!("What answers on {address} is no Dais: it says {status}.")),
        Err(error) => {
            (false, format!("Nothing answers on {address} ({error}); name the server's address with --listen or DAIS_LISTEN."))
        }
    };
    // Where nobody reads it, the exit code says it.
    let _ = writeln!(std::io::stdout(), "{said}");
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
