//! By which addresses others reach this machine.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Those that can be told to a browser elsewhere, and its own loopback addresses. None where the system does not say.
pub(crate) fn addresses() -> BTreeSet<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().map(if_addrs::Interface::ip).filter(is_told).collect()
}

/// Not one that needs the name of an interface with it.
fn is_told(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_link_local(),
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_needs_an_interface_is_told_nobody() {
        let is_told = |address: &str| address.parse().is_ok_and(|address| is_told(&address));
        assert!(!is_told("fe80::1") && !is_told("169.254.1.1"));
        assert!(is_told("fd00::1") && is_told("192.0.2.1"));
    }
}
