//! The server as a process: from its start until it is told to end.

use std::io::Write;
use std::sync::Arc;

use dais_shared::limits::CLOSE_LINGER_MS;
use tokio::runtime::Handle;
use tokio::task::JoinError;
use tokio::time::{Duration, timeout};

use super::{Error, Running, Server};
use crate::config::Config;
use crate::files;
use crate::logging::{self, LIFE};
use crate::reread::{self, Reread};
use crate::signals::{Came, Meaning, Signals};

/// Serves until a signal asks for the end. `options` reads them again.
pub(crate) fn serve_until_told(config: Config, options: reread::Options, clock_off_ms: i64) -> Result<(), Error> {
    let system = |what| move |error: std::io::Error| Error::System { what, reason: error.to_string() };
    files::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(system("threads for its tasks"))?;
    let served = runtime.block_on(async {
        // They stand from here on: who reads the address that is printed below may signal at once.
        let mut signals = Signals::listen().map_err(system("signals"))?;
        let Some(running) = start(config.clone(), clock_off_ms, &mut signals).await? else { return Ok(()) };
        announce(running.announcement());
        running.log_start(&config);
        serve(running, &mut signals, config, options).await
    });
    // A file that is being read from a disk that hangs is no reason to stay.
    runtime.shutdown_timeout(Duration::from_millis(CLOSE_LINGER_MS));
    served
}

/// Starts the server; `None` where it was told to end meanwhile. A start may take as long as the disk likes.
async fn start(config: Config, clock_off_ms: i64, signals: &mut Signals) -> Result<Option<Running>, Error> {
    let runtime = Handle::current();
    // On a thread of its own: it waits for the disk, and signals have to be heard meanwhile.
    let mut starting = tokio::task::spawn_blocking(move || runtime.block_on(Server::start_by(config, clock_off_ms)));
    tokio::select! {
        begun = &mut starting => return outcome(begun).map(Some),
        came = signals.end() => tracing::info!(target: LIFE, signal = came.name, "Dais stops before it has started"),
    }
    // What has begun ends in order where that is soon there; what is on the disk is whole at any time.
    let soon = Duration::from_millis(2 * CLOSE_LINGER_MS);
    let begun = tokio::select! {
        begun = timeout(soon, starting) => begun,
        again = signals.end() => end_at_once(again),
    };
    match begun {
        Ok(begun) => stop(outcome(begun)?, signals).await,
        Err(_) => tracing::warn!(target: LIFE, "the start is left as it is: it waits for the disk, or for a file"),
    }
    Ok(None)
}

/// What the start came to. What fails in it by a fault of ours does so here.
fn outcome(begun: Result<Result<Running, Error>, JoinError>) -> Result<Running, Error> {
    match begun.map_err(JoinError::try_into_panic) {
        Ok(begun) => begun,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(error)) => Err(Error::System { what: "a thread for the start", reason: error.to_string() }),
    }
}

/// Whoever tells the server again to end does not wait for it.
fn end_at_once(again: Came) -> ! {
    tracing::warn!(target: LIFE, signal = again.name, "Dais ends at once: it was told again");
    logging::finish();
    // As shells put it when a signal ends a process.
    std::process::exit(128 + again.number)
}

/// Serves until it is told to end, or something has ended that nobody can do without; then stops in order, or at once when it is
/// told again.
pub(crate) async fn serve(
    running: Running,
    signals: &mut Signals,
    config: Config,
    options: reread::Options,
) -> Result<(), Error> {
    let supervisor = running.house.supervisor.clone();
    let wanted = running.keep_reading(Reread::new(Arc::clone(&running.house), running.keeper.clone(), config, options));
    let ended = loop {
        let came = tokio::select! {
            came = signals.next() => came,
            part = supervisor.end() => break Err(Error::Fault { what: part.to_string() }),
        };
        match came.meaning {
            Meaning::End => {
                tracing::info!(target: LIFE, signal = came.name, "Dais stops");
                break Ok(());
            }
            Meaning::Reread => wanted.notify_one(),
            Meaning::Nothing | Meaning::Silence => {
                tracing::info!(target: LIFE, signal = came.name, number = came.number, "a signal without a meaning here");
            }
        }
    };
    stop(running, signals).await;
    ended
}

/// Stops in order, or at once when that is told again.
async fn stop(running: Running, signals: &mut Signals) {
    tokio::select! {
        () = running.shutdown() => {}
        again = signals.end() => end_at_once(again),
    }
}

/// Prints it from a thread of its own: where nobody reads it, or whoever does stands still, it is served all the same.
fn announce(lines: String) {
    let printing = std::thread::Builder::new().name("announcement".into());
    let _ = printing.spawn(move || drop(std::io::stdout().write_all(lines.as_bytes())));
}
