//! What a client takes and has: codings (RFC 9110, section 12.5.3) and entity tags (section 13.1.2).

use axum::http::{HeaderMap, HeaderName, header};

/// How a file's bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
    Identity,
}

impl Coding {
    /// What stands behind the name of a file packed so.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
            Self::Identity => "",
        }
    }

    /// Its name in headers.
    pub(super) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }
}

/// The packed forms that the client takes, the smallest first.
pub(super) fn codings_accepted(headers: &HeaderMap) -> Vec<Coding> {
    let offered: Vec<&str> = tokens(headers, header::ACCEPT_ENCODING).filter_map(wanted).collect();
    let is_offered = |coding: &Coding| coding.name().is_some_and(|name| offered.contains(&name));
    [Coding::Brotli, Coding::Gzip].into_iter().filter(is_offered).collect()
}

/// Whether the client has these very bytes.
pub(super) fn matches_etag(headers: &HeaderMap, etag: &str) -> bool {
    tokens(headers, header::IF_NONE_MATCH).any(|known| known.strip_prefix("W/").unwrap_or(known) == etag || known == "*")
}

/// The coding that an element of Accept-Encoding names, unless its weight is zero.
fn wanted(element: &str) -> Option<&str> {
    let (name, parameters) = element.split_once(';').unwrap_or((element, ""));
    let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
    (weight != Ok(0.0)).then(|| name.trim())
}

fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, axum::http::HeaderValue::from_static(value))])
    }

    #[test]
    fn codings_are_taken_as_offered() {
        let accepted = |value| codings_accepted(&headers(header::ACCEPT_ENCODING, value));
        assert_eq!(accepted("gzip, deflate, br, zstd"), [Coding::Brotli, Coding::Gzip]);
        assert_eq!(accepted("br;q=0, gzip;q=0.5"), [Coding::Gzip]);
        assert_eq!(accepted("identity"), []);
        assert_eq!(codings_accepted(&HeaderMap::new()), []);
    }

    #[test]
    fn tags_are_compared_whole() {
        let known = headers(header::IF_NONE_MATCH, "\"a\", W/\"b\"");
        assert!(matches_etag(&known, "\"a\"") && matches_etag(&known, "\"b\""));
        assert!(!matches_etag(&known, "\"c\""));
        assert!(!matches_etag(&HeaderMap::new(), "\"a\""));
    }
}
