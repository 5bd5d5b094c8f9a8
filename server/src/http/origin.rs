//! Where a request comes from: which page asked for it, and which machine. Browsers say the one, proxies the other.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;

use crate::refusal::excerpt;

pub(super) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A page that may not ask: where it says it is from, and by which name the server was asked, as far as they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub(crate) origin: String,
    pub(crate) host: String,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin {}, Host {}", self.origin, self.host)
    }
}

impl Foreign {
    /// What whoever looks after the server can do.
    pub(crate) fn sentence(&self) -> String {
        format!(
            "A page of {} may not ask this, since the server was asked as {}: let the proxy pass on the Host header as it came, \
             or start the server with --allow-origin and the page's address.",
            self.origin, self.host
        )
    }
}

/// Whether the page that asks may: one from this server, by the name under which it was asked, or one that is `allowed`. A
/// server that `is_https` itself has no other pages; in front of one that is not, a proxy may speak HTTPS. What names no page is no browser, and no page can make a browser leave its name out (RFC 6455, section 10.2).
///
/// # Errors
/// [`Foreign`] says what does not fit.
pub(super) fn check(headers: &HeaderMap, is_https: bool, allowed: &[String]) -> Result<(), Foreign> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let host = headers.get(header::HOST);
    let is_one = origins.next().is_none();
    let asked_as = host.and_then(|host| host.to_str().ok());
    if is_one && origin.to_str().is_ok_and(|origin| may(origin, asked_as, is_https, allowed)) {
        return Ok(());
    }
    let shown = |value: &HeaderValue| excerpt(value.as_bytes());
    let origin = if is_one { shown(origin) } else { "several pages".into() };
    Err(Foreign { origin, host: host.map_or_else(|| "nobody".into(), shown) })
}

fn may(origin: &str, host: Option<&str>, is_https: bool, allowed: &[String]) -> bool {
    let own = origin.split_once("://").filter(|(scheme, _)| !is_https || scheme.eq_ignore_ascii_case("https"));
    let is_own = matches!((own, host), (Some((scheme, authority)), Some(host)) if is_same(scheme, authority, host));
    is_own || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

/// Whether a page's host is that of a request. Browsers leave out a scheme's own port, and some proxies write it.
fn is_same(scheme: &str, authority: &str, host: &str) -> bool {
    let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    authority.eq_ignore_ascii_case(host) || host.strip_suffix(port).is_some_and(|host| authority.eq_ignore_ascii_case(host))
}

/// Whether the request was sent to this machine by a name that nobody else can give to it.
pub(super) fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether what this machine says of others is believed.
pub(super) fn is_trusted(peer: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|proxies| proxies.contains(&peer.to_canonical()))
}

/// Whose machine it is: the other end of the connection, or, where that is a proxy that is trusted, the last of those it
/// says it speaks for that is none. What stands before that anybody may have made up.
pub(super) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    // Whatever a stranger wrote into a line must not spoil what a proxy added to it.
    let lines = headers.get_all(FORWARDED_FOR).iter();
    let said: Vec<&[u8]> = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b',')).collect();
    let mut nearest = peer;
    for address in said.into_iter().rev() {
        // Behind something that is no address nothing can be believed.
        let Some(address) = forwarded(address) else { return nearest };
        nearest = address.to_canonical();
        if !is_trusted(nearest, trusted) {
            return nearest;
        }
    }
    nearest
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn forwarded(said: &[u8]) -> Option<IpAddr> {
    let said = str::from_utf8(said).ok()?.trim();
    let bare = said.strip_prefix('[').and_then(|said| said.strip_suffix(']')).unwrap_or(said);
    bare.parse().ok().or_else(|| said.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_page_of_this_server_or_of_an_allowed_one_may_connect() {
        let allowed = ["https://talk.example".to_owned()];
        let may = |pairs: &[(&'static str, &str)]| check(&headers(pairs), false, &allowed).is_ok();
        assert!(may(&[("host", "10.0.0.1:8080")]), "no browser");
        assert!(may(&[("host", "Dais.example"), ("origin", "https://dais.example")]));
        assert!(may(&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")]));
        assert!(may(&[("host", "127.0.0.1:8080"), ("origin", "https://Talk.example")]));
        for origin in
            ["https://evil.example", "null", "https://127.0.0.1", "127.0.0.1:8080", "", "https://talk.example.evil.example"]
        {
            assert!(!may(&[("host", "127.0.0.1:8080"), ("origin", origin)]), "{origin}");
        }
        assert!(!may(&[("origin", "https://dais.example")]), "without a host");
        assert!(may(&[("host", "dais.example:443"), ("origin", "https://dais.example")]), "the scheme's own port");
        assert!(may(&[("host", "dais.example:80"), ("origin", "http://dais.example")]), "the scheme's own port");
        assert!(!may(&[("host", "dais.example:80"), ("origin", "https://dais.example")]), "another one's");
        assert!(!may(&[("host", "dais.example:444"), ("origin", "https://dais.example")]));
        let mut twice = headers(&[("host", "a"), ("origin", "http://a")]);
        twice.append(header::ORIGIN, "http://b".parse().unwrap());
        assert!(check(&twice, false, &allowed).is_err());
    }

    #[test]
    fn of_a_page_that_may_not_both_names_are_told() {
        let foreign = check(&headers(&[("host", "127.0.0.1:8080"), ("origin", "https://talk.example")]), false, &[]).unwrap_err();
        assert_eq!(foreign.to_string(), "Origin https://talk.example, Host 127.0.0.1:8080");
        assert!(foreign.sentence().contains("--allow-origin") && foreign.sentence().contains("Host header"));
    }

    #[test]
    fn a_server_with_a_certificate_has_no_pages_without() {
        let may = |origin: &str| check(&headers(&[("host", "dais.example"), ("origin", origin)]), true, &[]).is_ok();
        assert!(may("https://dais.example"));
        assert!(!may("http://dais.example"), "a page that anybody on the way may have written");
    }

    #[test]
    fn this_machine_is_named_by_its_loopback_addresses_and_as_localhost() {
        for host in ["localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "[::ffff:127.0.0.1]:1"]
        {
            assert!(names_this_machine(&headers(&[("host", host)])), "{host}");
        }
        for host in
            ["", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "::1", "a@localhost/"]
        {
            assert!(!names_this_machine(&headers(&[("host", host)])), "{host}");
        }
        assert!(!names_this_machine(&HeaderMap::new()));
    }

    #[test]
    fn a_proxy_is_believed_only_if_it_is_trusted_and_only_about_the_last_stranger() {
        let trusted: Vec<IpNet> = ["127.0.0.1/32", "10.0.0.8/30"].map(|network| network.parse().unwrap()).to_vec();
        let address = |peer: &str, said: &str| {
            let headers = if said.is_empty() { HeaderMap::new() } else { headers(&[("x-forwarded-for", said)]) };
            address(peer.parse().unwrap(), &headers, &trusted).to_string()
        };
        assert_eq!(address("192.0.2.1", "198.51.100.7"), "192.0.2.1", "a stranger says anything");
        assert_eq!(address("127.0.0.1", ""), "127.0.0.1");
        assert_eq!(address("127.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(address("::ffff:127.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(address("127.0.0.1", "203.0.113.5, 198.51.100.7"), "198.51.100.7", "the first is hearsay");
        assert_eq!(address("127.0.0.1", "203.0.113.5, 198.51.100.7, 10.0.0.9"), "198.51.100.7");
        assert_eq!(address("10.0.0.12", "198.51.100.7"), "10.0.0.12", "beyond the network");
        assert_eq!(address("127.0.0.1", "198.51.100.7, nonsense"), "127.0.0.1");
        assert_eq!(address("127.0.0.1", "2001:db8::7"), "2001:db8::7");
        for (said, meant) in [
            ("198.51.100.7:4711", "198.51.100.7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("[198.51.100.7", "127.0.0.1"),
            ("198.51.100.7:99999", "127.0.0.1"),
        ] {
            assert_eq!(address("127.0.0.1", said), meant, "{said}");
        }
    }

    #[test]
    fn what_a_stranger_wrote_spoils_nothing_that_a_proxy_added() {
        let trusted: Vec<IpNet> = vec!["127.0.0.1/32".parse().unwrap()];
        let peer = "127.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        // A proxy adds to the line that it was given, and httparse lets these bytes through.
        headers.append(FORWARDED_FOR, HeaderValue::from_bytes(b"\xff, 198.51.100.7").unwrap());
        assert_eq!(address(peer, &headers, &trusted).to_string(), "198.51.100.7");
        headers.append(FORWARDED_FOR, HeaderValue::from_bytes(b"203.0.113.5, \xff").unwrap());
        assert_eq!(address(peer, &headers, &trusted), peer, "nothing of what the proxy said last can be read");
    }
}
