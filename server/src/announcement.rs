//! What the server prints when it has started: where it is, for whom, and what to compare.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::server::reachable;

/// So many addresses are told: of containers and networks a machine may have any number.
const ADDRESSES_MAX: usize = 8;

/// What is where.
#[derive(Debug)]
pub(crate) struct Announcement<'a> {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// Whether it encrypts.
    pub(crate) is_https: bool,
    /// SHA-256 of a certificate that the server made itself.
    pub(crate) fingerprint: Option<&'a str>,
}

impl Announcement<'_> {
    /// In lines; `machine` are the addresses of this machine.
    pub(crate) fn lines(&self, machine: &BTreeSet<IpAddr>) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        let mut lines = format!("Dais {} is on {scheme}://{}\n", env!("CARGO_PKG_VERSION"), reachable(self.addr));
        let others = self.others(machine);
        let listed = others.iter().map(|address| format!("{scheme}://{address}")).collect::<Vec<_>>().join(", ");
        if !others.is_empty() && self.is_https {
            lines += &format!("From other machines: {listed}\n");
        } else if !others.is_empty() {
            lines += &format!(
                "From other machines: {listed}, there without sound and microphone: browsers give them to pages over https alone, or \
                 on localhost. --tls, --tls-certificate or a proxy with a certificate give sound to all\n"
            );
        }
        if let Some(fingerprint) = self.fingerprint {
            lines += &format!("Browsers do not know its certificate. What they show of it has to be SHA-256 {fingerprint}\n");
        }
        lines
    }

    /// Where other machines find it.
    fn others(&self, machine: &BTreeSet<IpAddr>) -> Vec<SocketAddr> {
        let listens_to = |address: &&IpAddr| match self.addr.ip() {
            IpAddr::V4(own) if own.is_unspecified() => address.is_ipv4(),
            IpAddr::V6(own) if own.is_unspecified() => true,
            own => **address == own,
        };
        let named = machine.iter().filter(|address| !address.is_loopback()).filter(listens_to);
        named.take(ADDRESSES_MAX).map(|address| SocketAddr::new(*address, self.addr.port())).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn said(listen: &str, is_https: bool) -> String {
        let machine = ["127.0.0.1", "::1", "192.0.2.7", "198.51.100.1", "2001:db8::7"];
        let machine = machine.into_iter().map(|address| address.parse().unwrap()).collect();
        Announcement { addr: listen.parse().unwrap(), is_https, fingerprint: None }.lines(&machine)
    }

    #[test]
    fn whoever_listens_for_all_tells_every_address_and_where_it_gives_no_sound() {
        let plain = said("0.0.0.0:8080", false);
        assert!(plain.starts_with("Dais ") && plain.lines().next().unwrap().ends_with(" is on http://127.0.0.1:8080"), "{plain}");
        assert!(plain.contains("http://192.0.2.7:8080, http://198.51.100.1:8080, there without sound"), "{plain}");
        let both = said("[::]:8443", true);
        assert!(both.contains("https://192.0.2.7:8443") && both.contains("https://[2001:db8::7]:8443"), "{both}");
        assert!(!both.contains("without sound"), "{both}");
    }

    #[test]
    fn whoever_listens_on_one_address_tells_that_one() {
        assert_eq!(said("127.0.0.1:8080", false).lines().count(), 1, "nobody else reaches it");
        let one = said("192.0.2.7:8080", false);
        assert!(one.contains("is on http://192.0.2.7:8080") && one.contains("without sound"), "{one}");
        assert!(!one.contains("198.51.100.1"), "{one}");
    }
}
