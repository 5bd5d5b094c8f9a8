//! What options say, checked and understood.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use dais_shared::limits::ADMIN_TOKEN_CHARS_MIN;
use ipnet::IpNet;

use super::{AdminToken, ConfigError, LogFilter, Tls, TlsKind};
use crate::spelling;

/// The words for how much is logged.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// What logs anything at all, by the names of crates: a filter for something else would keep everything out.
const LOGGING: [&str; 10] =
    ["dais_server", "axum", "hyper", "hyper_util", "jsonwebtoken", "mio", "rustls", "tokio", "tokio_rustls", "tungstenite"];

/// An address and a port. A name is none: it may stand for several addresses, and only one is listened on.
pub(super) fn listen(said: Option<String>, default: SocketAddr) -> Result<SocketAddr, ConfigError> {
    said.map_or(Ok(default), |said| said.parse().map_err(|_| ConfigError::Listen { said }))
}

/// A number from 1 to `most`.
pub(super) fn count(option: &'static str, said: Option<usize>, default: usize, most: usize) -> Result<usize, ConfigError> {
    let count = said.unwrap_or(default);
    if (1..=most).contains(&count) { Ok(count) } else { Err(ConfigError::Count { option, count, most }) }
}

pub(super) fn tls(kind: Option<TlsKind>, certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Tls, ConfigError> {
    match (kind, certificate, key) {
        (None, None, None) => Ok(Tls::Off),
        (Some(TlsKind::SelfSigned), None, None) => Ok(Tls::SelfSigned),
        (None, Some(certificate), Some(key)) => Ok(Tls::Files { certificate, key }),
        (None, Some(_), None) => {
            Err(ConfigError::Tls("tls-certificate is given without tls-key; name the private key's file too"))
        }
        (None, None, Some(_)) => {
            Err(ConfigError::Tls("tls-key is given without tls-certificate; name the certificate's file too"))
        }
        (Some(_), ..) => Err(ConfigError::Tls("tls is self-signed, and tls-certificate or tls-key is given too; leave one out")),
    }
}

pub(super) fn admin_token(secret: String) -> Result<AdminToken, ConfigError> {
    let secret = spelling::secret(&secret);
    if secret.chars().count() < ADMIN_TOKEN_CHARS_MIN {
        return Err(ConfigError::AdminToken);
    }
    Ok(AdminToken(secret))
}

/// A level, or what of the program logs how much. Errors are logged unless `off` is said: who asks for more of one part has not
/// asked to be told of nothing else.
pub(super) fn log(said: String) -> Result<LogFilter, ConfigError> {
    let (mut directives, mut has_level) = (Vec::new(), false);
    for directive in said.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
        match directive.split_once('=') {
            None if is_level(directive) => has_level = true,
            Some((target, level)) if is_logging(target.trim()) && is_level(level.trim()) => {}
            _ => return Err(ConfigError::Log { directive: directive.to_owned(), said }),
        }
        directives.push(directive);
    }
    if directives.is_empty() {
        return Err(ConfigError::Log { directive: String::new(), said });
    }
    if !has_level {
        directives.insert(0, "error");
    }
    Ok(LogFilter(directives.join(",")))
}

fn is_level(said: &str) -> bool {
    LEVELS.iter().any(|level| said.eq_ignore_ascii_case(level))
}

fn is_logging(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or(target);
    LOGGING.contains(&name)
}

/// Origins as browsers write them: scheme and host, and nothing behind.
pub(super) fn origins(wanted: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let is_origin = |origin: &str| {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' ']))
    };
    match wanted.iter().find(|origin| !is_origin(origin)) {
        Some(wrong) => Err(ConfigError::Origin { origin: wrong.clone() }),
        None => Ok(wanted.into_iter().map(|origin| origin.to_ascii_lowercase()).collect()),
    }
}

/// Addresses, and networks as RFC 4632 writes them.
pub(super) fn proxies(wanted: Vec<String>) -> Result<Vec<IpNet>, ConfigError> {
    let network = |said: String| {
        let address = said.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        address.or_else(|_| said.parse()).map_err(|_| ConfigError::Proxy { said })
    };
    wanted.into_iter().map(network).collect()
}
