//! The log: where it goes, in which form, and how much of an address it may hold.
//!
//! What people write and say, their secrets and passcodes are in no line of it. What happens per voice frame or message
//! belongs to the level `trace`.

mod sink;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dais_shared::limits::LOG_FLUSH_MS;
use tracing_subscriber::EnvFilter;

use crate::config::{LogAddresses, LogFilter, LogFormat};
use sink::Sink;

/// Under this name the log says what becomes of the process: that it starts, reads files again, stood still, and stops. An operator
/// is told so by default, whatever else he is told.
pub(crate) const LIFE: &str = "dais::life";

/// The log of this process, once it has begun: a process has one standard error.
static LOG: OnceLock<Arc<Sink>> = OnceLock::new();

/// How long a thread that panics waits until that is written: what comes of it may end the process without another word.
const PANIC_FLUSH: Duration = Duration::from_millis(50);

/// From here on the process logs to standard error, panics too. Nothing of that fails or waits where standard error cannot be
/// written: [`lines_lost`].
///
/// # Errors
/// The system gives no thread to write it.
pub(crate) fn begin(filter: &LogFilter, format: LogFormat) -> io::Result<()> {
    let sink = Sink::before(io::stderr())?;
    let _ = LOG.set(sink); // a second one in one process would write to the same place
    let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&filter.0)).with_writer(|| Lines);
    // What writes cannot fail; what would be said of that would go past it.
    let mut log = log.log_internal_errors(false);
    // Colours are for eyes: a file or the system's journal would keep them as noise between the words.
    if !io::stderr().is_terminal() {
        log = log.with_ansi(false);
    }
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// How many lines of the log could not be written, or found too many before them, since the process began.
pub(crate) fn lines_lost() -> u64 {
    LOG.get().map_or(0, |sink| sink.lost())
}

/// Waits a moment for what is still to be written. For the end of the process.
pub(crate) fn finish() {
    if let Some(sink) = LOG.get() {
        sink.flush(Duration::from_millis(LOG_FLUSH_MS));
    }
}

/// Says to whoever started the process what keeps it from working. Where nobody can be told, it is not said.
pub(crate) fn complain(sentence: impl fmt::Display) {
    let line = format!("dais: {sentence}\n");
    match LOG.get() {
        Some(sink) => sink.push(line.as_bytes()),
        None => drop(io::stderr().write_all(line.as_bytes())),
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let said = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let (said, place) = (said.unwrap_or("without a word"), panic.location().map(ToString::to_string).unwrap_or_default());
    // RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        tracing::error!(thread, %backtrace, "panicked at {place}: {said}");
    } else {
        tracing::error!(thread, "panicked at {place}: {said}");
    }
    if let Some(sink) = LOG.get() {
        sink.flush(PANIC_FLUSH);
    }
}

/// Gives finished lines to the log's queue, one with each call.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(sink) = LOG.get() {
            sink.push(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LogAddresses {
    /// An address as it may stand in the log.
    pub(crate) const fn show(self, address: SocketAddr) -> Shown {
        Shown { address, how: self }
    }
}

/// See [`LogAddresses::show`].
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    address: SocketAddr,
    how: LogAddresses,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.how, self.address.ip().to_canonical()) {
            (LogAddresses::Full, ip) => SocketAddr::new(ip, self.address.port()).fmt(f),
            (LogAddresses::Prefix, IpAddr::V4(ip)) => {
                let [a, b, c, _] = ip.octets();
                write!(f, "{}/24", Ipv4Addr::new(a, b, c, 0))
            }
            (LogAddresses::Prefix, IpAddr::V6(ip)) => {
                let [a, b, c, ..] = ip.segments();
                write!(f, "{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
            }
            (LogAddresses::None, _) => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn an_address_is_shown_as_far_as_it_may_be() {
        let shown = |how: LogAddresses, address: &str| how.show(address.parse().unwrap()).to_string();
        for (address, full, prefix) in [
            ("203.0.113.77:4000", "203.0.113.77:4000", "203.0.113.0/24"),
            ("[::ffff:203.0.113.77]:4000", "203.0.113.77:4000", "203.0.113.0/24"),
            ("[2001:db8:1:2:3:4:5:6]:4000", "[2001:db8:1:2:3:4:5:6]:4000", "2001:db8:1::/48"),
        ] {
            assert_eq!(shown(LogAddresses::Full, address), full);
            assert_eq!(shown(LogAddresses::Prefix, address), prefix);
            assert_eq!(shown(LogAddresses::None, address), "-");
        }
    }
}
