//! Where the server listens, or why it cannot: the same for one that starts and for the doctor.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;

/// Below this, ports are for who may more than others.
const FREE_PORT_MIN: u16 = 1024;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has the port.
    #[error("{address} is in use by another program; stop that, or choose another port with --listen")]
    InUse {
        /// Where it wanted to listen.
        address: SocketAddr,
    },
    /// The port is for who may more.
    #[error(
        "this user may not listen on {address}, since ports below 1024 are not for everybody; choose a port of 1024 or more with \
         --listen, or give the service CAP_NET_BIND_SERVICE"
    )]
    Privileged {
        /// Where it wanted to listen.
        address: SocketAddr,
    },
    /// The system has a rule against it.
    #[error(
        "a rule of this system (SELinux, AppArmor, a container's) does not let this program listen on {address}; change it, or choose another port with --listen"
    )]
    Forbidden {
        /// Where it wanted to listen.
        address: SocketAddr,
    },
    /// The address is another machine's.
    #[error("{address} is no address of this machine; choose one that is with --listen, or {any} for all of them")]
    Elsewhere {
        /// Where it wanted to listen.
        address: SocketAddr,
        /// On all addresses.
        any: SocketAddr,
    },
    /// Of a kind that the machine does not have.
    #[error("this machine has no IPv6, and so not {address}; choose an IPv4 address with --listen")]
    NoFamily {
        /// Where it wanted to listen.
        address: SocketAddr,
    },
    /// Something else.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Other {
        /// Where it wanted to listen.
        address: SocketAddr,
        /// Why not.
        source: Error,
    },
}

impl ListenError {
    /// What an error of the system means.
    pub(crate) fn of(address: SocketAddr, source: Error) -> Self {
        match source.kind() {
            ErrorKind::AddrInUse => Self::InUse { address },
            ErrorKind::PermissionDenied if (1..FREE_PORT_MIN).contains(&address.port()) => Self::Privileged { address },
            ErrorKind::PermissionDenied => Self::Forbidden { address },
            ErrorKind::AddrNotAvailable => {
                let mut any = address;
                any.set_ip(if address.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() });
                Self::Elsewhere { address, any }
            }
            _ if address.is_ipv6() && is_without_family(&source) => Self::NoFamily { address },
            _ => Self::Other { address, source },
        }
    }
}

#[cfg(unix)]
fn is_without_family(error: &Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(not(unix))]
const fn is_without_family(_: &Error) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn each_cause_has_a_sentence_that_is_true_of_it() {
        for (address, errno, wanted) in [
            ("127.0.0.1:8080", Errno::ADDRINUSE, "127.0.0.1:8080 is in use by another program"),
            ("0.0.0.0:80", Errno::ACCESS, "ports below 1024 are not for everybody"),
            ("0.0.0.0:8080", Errno::ACCESS, "a rule of this system"),
            ("0.0.0.0:8080", Errno::PERM, "a rule of this system"),
            (
                "192.0.2.1:8080",
                Errno::ADDRNOTAVAIL,
                "is no address of this machine; choose one that is with --listen, or 0.0.0.0:8080 for",
            ),
            ("[2001:db8::1]:8080", Errno::ADDRNOTAVAIL, "or [::]:8080 for all"),
            ("[::]:8080", Errno::AFNOSUPPORT, "this machine has no IPv6"),
            ("127.0.0.1:8080", Errno::MFILE, "cannot listen on 127.0.0.1:8080"),
        ] {
            let address = address.parse().expect("it is one");
            let said = ListenError::of(address, errno.into()).to_string();
            assert!(said.contains(wanted) && said.contains("--listen"), "{said}");
        }
    }
}
