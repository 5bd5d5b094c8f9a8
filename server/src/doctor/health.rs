//! `dais health`: whether the server with these options is well, for what looks after it: a container, a service, a script.

use std::net::SocketAddr;
use std::process::ExitCode;

use axum::http::StatusCode;

use super::place::Place;
use crate::server::reachable;

/// Prints what the server on this machine says of itself. Fails where it is not well, or not there.
pub(crate) fn health(listen: SocketAddr) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("dais: the system refuses what asking takes: {error}");
            return ExitCode::FAILURE;
        }
    };
    let address = reachable(listen);
    match runtime.block_on(Place::local(address).health_whoever_it_is()) {
        Ok((StatusCode::OK, _)) => {
            println!("The server on {address} is well.");
            ExitCode::SUCCESS
        }
        Ok((StatusCode::SERVICE_UNAVAILABLE, sentence)) => {
            println!("The server on {address} is not well: {}.", String::from_utf8_lossy(&sentence).trim().trim_end_matches('.'));
            ExitCode::FAILURE
        }
        Ok((status, _)) => {
            println!("What answers on {address} is no Dais: it says {status}.");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("Nothing answers on {address} ({error}); name the server's address with --listen or DAIS_LISTEN.");
            ExitCode::FAILURE
        }
    }
}
