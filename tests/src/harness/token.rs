//! Tokens of another site (JWT), signed by hand: rightly, and as no library would.

use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::{BASE64, BASE64URL_NOPAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

/// What the other site and the server share.
pub(crate) const SECRET: &str = "what the other site and we share";

/// So many seconds from now, or before it, as tokens say times.
pub(crate) fn seconds_from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() + seconds
}

/// Header and claims, without a signature.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    [header, claims].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes())).join(".")
}

/// With HMAC-SHA-256 over both, whatever the header says.
pub(crate) fn under_secret(secret: &[u8], header: &Value, claims: &Value) -> String {
    let said = unsigned(header, claims);
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), said.as_bytes());
    format!("{said}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
}

/// As the other site does it.
pub(crate) fn lawful(claims: &Value) -> String {
    under_secret(SECRET.as_bytes(), &json!({ "alg": "HS256", "typ": "JWT" }), claims)
}

/// A pair of keys for EdDSA.
pub(crate) struct Pair(Ed25519KeyPair);

impl Pair {
    pub(crate) fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    /// The public one, in PEM (RFC 8410).
    pub(crate) fn public(&self) -> String {
        let prefix = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];
        let whole = [&prefix[..], self.0.public_key().as_ref()].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(&whole))
    }

    /// The public one, bare.
    pub(crate) fn point(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    pub(crate) fn signed(&self, claims: &Value) -> String {
        let said = unsigned(&json!({ "alg": "EdDSA", "typ": "JWT" }), claims);
        format!("{said}.{}", BASE64URL_NOPAD.encode(self.0.sign(said.as_bytes()).as_ref()))
    }
}
