//! The log: where it goes, in which form, and how much of an address it may hold.
//!
//! What people write and say, their secrets and passcodes are in no line of it. What happens per voice frame or message
//! belongs to the level `trace`.

use std::fmt;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tracing_subscriber::EnvFilter;

use crate::config::{LogAddresses, LogFilter, LogFormat};

/// From here on the process logs to standard error.
pub(crate) fn begin(filter: &LogFilter, format: LogFormat) {
    let mut log = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&filter.0)).with_writer(io::stderr);
    // Colours are for eyes: a file or the system's journal would keep them as noise between the words.
    if !io::stderr().is_terminal() {
        log = log.with_ansi(false);
    }
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
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
