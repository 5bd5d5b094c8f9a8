//! Who the operator is: whoever knows the admin token or, where there is none, whoever asks from this machine, and then for
//! reading alone.
//!
//! A browser on this machine asks from this machine too, for whatever page it shows. So without a token the request must
//! name this machine (a page whose own name was made to lead here names itself: DNS rebinding), must not be a foreign
//! page's, and changes nothing. The token travels in `Authorization`, which no browser adds by itself and no foreign page may.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use super::api::Refused;
use super::origin;
use crate::auth::token_hash;
use crate::config::AdminToken;
use crate::server::{House, Peer};
use crate::spelling;

/// Headers that a reverse proxy leaves, or how their names begin: whoever it speaks for is not on this machine.
const LEFT_BY_PROXIES: [&str; 4] = ["x-forwarded-", "x-real-ip", "forwarded", "via"];

/// Which way a request came, as far as it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Straight, or through something that leaves no trace.
    Silent,
    /// Through a proxy that leaves out what the server takes its word on.
    Unnamed,
    /// Through a proxy whose word is not taken.
    Distrusted,
    /// Through one whose word is.
    Trusted,
}

impl Way {
    pub(super) fn of(headers: &HeaderMap, peer: Peer, house: &House) -> Self {
        if !is_from_proxy(headers) {
            Self::Silent
        } else if !headers.contains_key(origin::FORWARDED_FOR) {
            Self::Unnamed
        } else if origin::is_trusted(peer.0.ip(), &house.trust_proxies) {
            Self::Trusted
        } else {
            Self::Distrusted
        }
    }
}

fn is_from_proxy(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| LEFT_BY_PROXIES.iter().any(|left| name.as_str().starts_with(left)))
}

/// The request may read what is for the operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MayRead;

/// And change it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MayChange;

impl FromRequestParts<Arc<House>> for MayRead {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Refused> {
        check(&parts.headers, parts.extensions.get().copied(), house)?;
        Ok(Self)
    }
}

impl FromRequestParts<Arc<House>> for MayChange {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Refused> {
        if house.admin_token().is_none() {
            return Err(Refused::NoAdminToken);
        }
        check(&parts.headers, parts.extensions.get().copied(), house)?;
        Ok(Self)
    }
}

fn check(headers: &HeaderMap, peer: Option<Peer>, house: &House) -> Result<(), Refused> {
    let peer = peer.ok_or(Refused::NotOperator)?;
    match house.admin_token() {
        Some(token) => check_token(headers, peer, &token, house)?,
        None if is_on_this_machine(headers, peer) => {}
        None => return Err(Refused::NotOperator),
    }
    origin::check(headers, house.is_https, &house.allow_origins).map_err(Refused::ForeignOrigin)
}

/// The token in `Authorization: Bearer …`, whose first word may be written in any case (RFC 9110, section 11.1).
pub(super) fn bearer(authorization: &str) -> Option<&str> {
    authorization.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer")).map(|(_, token)| token.trim())
}

/// Who tries many tokens is told to wait. The right one is taken all the same: others at its address
/// shut nobody out, and what keeps it from being guessed is its length.
fn check_token(headers: &HeaderMap, peer: Peer, AdminToken(secret): &AdminToken, house: &House) -> Result<(), Refused> {
    let Some(said) = headers.get(header::AUTHORIZATION) else { return Err(Refused::NotOperator) };
    let said = spelling::secret(str::from_utf8(said.as_bytes()).ok().and_then(bearer).unwrap_or_default());
    // Of two hashes nobody learns how long the secret is.
    if token_hash(said.as_bytes()).ct_eq(&token_hash(secret.as_bytes())).into() {
        return Ok(());
    }
    let address = origin::address(peer.0.ip(), headers, &house.trust_proxies);
    if !house.door.may_err_as_operator(address.into(), house.clock.now_ms()) {
        return Err(Refused::TooManyTries);
    }
    Err(Refused::WrongToken)
}

fn is_on_this_machine(headers: &HeaderMap, peer: Peer) -> bool {
    peer.0.ip().to_canonical().is_loopback() && !is_from_proxy(headers) && origin::names_this_machine(headers)
}
