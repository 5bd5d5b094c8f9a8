//! Tokens of another site (JWT, RFC 7519): who its people are here, and until when. Judged by what RFC 8725 asks for: the
//! operator's key says which algorithm is believed, and never the token.

use std::path::Path;

use dais_shared::ids::RoomId;
use dais_shared::limits::{SIGN_IN_KEY_BYTES_MIN, SIGN_IN_TOKEN_BYTES_MAX, SIGN_IN_TOKEN_LEEWAY_MS};
use dais_shared::permissions::Role;
use dais_shared::room::Pass;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Session, SignInError, signature};
use crate::refusal::Refusal;
use crate::spelling;

/// Whom a token is meant for, where it says that (`aud`).
const AUDIENCE: &str = "dais";
/// What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410, section 4).
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];

/// How a key in DER begins (X.690, section 8.9).
const DER_SEQUENCE: u8 = 0x30;
/// And what is in it, if no sequence is.
const DER_INTEGER: u8 = 0x02;

/// A role, in the words of the HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GivenRole {
    Listener,
    Speaker,
    CoHost,
    Host,
}

impl From<GivenRole> for Role {
    fn from(role: GivenRole) -> Self {
        match role {
            GivenRole::Listener => Self::Listener,
            GivenRole::Speaker => Self::Speaker,
            GivenRole::CoHost => Self::CoHost,
            GivenRole::Host => Self::Host,
        }
    }
}

/// What does not keep somebody out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Skips {
    Passcode,
    Lock,
}

/// What is given in these words.
pub(crate) fn pass_of(role: Option<GivenRole>, skips: &[Skips]) -> Pass {
    Pass {
        role: role.map_or(Role::Listener, Role::from),
        skips_passcode: skips.contains(&Skips::Passcode),
        skips_lock: skips.contains(&Skips::Lock),
    }
}

/// What a token says, as far as it is heeded: each for itself, so that it can be told what of it is wrong.
#[derive(Debug, Deserialize)]
struct Claims {
    exp: Option<Value>,
    nbf: Option<Value>,
    name: Option<Value>,
    room: Option<Value>,
    role: Option<Value>,
    skips: Option<Value>,
    aud: Option<Value>,
}

/// What a claim says, if it is there; `otherwise` where that is nothing that is understood.
fn read<T: DeserializeOwned>(claim: Option<Value>, otherwise: Refusal) -> Result<Option<T>, Refusal> {
    claim.map(T::deserialize).transpose().map_err(|_| otherwise)
}

/// For whom a token is: one name or several (RFC 7519, section 4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn is_us(&self) -> bool {
        match self {
            Self::One(name) => name == AUDIENCE,
            Self::Several(names) => names.iter().any(|name| name == AUDIENCE),
        }
    }
}

/// Whose signature is believed.
#[derive(Debug)]
pub(super) struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

impl Verifier {
    /// With the key in a file: a public key in PEM is Ed25519's, anything else a secret for HS256. Not a key of a known form,
    /// though, which others may know.
    pub(super) fn new(file: &[u8], path: &Path) -> Result<Self, SignInError> {
        signature::install();
        let (key, algorithm) = if file.trim_ascii_start().starts_with(b"-----BEGIN") {
            let public = SubjectPublicKeyInfoDer::from_pem_slice(file).ok();
            let point = public.as_ref().and_then(|public| public.strip_prefix(&ED25519_PREFIX)).filter(|point| point.len() == 32);
            let point = point.ok_or_else(|| SignInError::KeyKind { path: path.to_owned() })?;
            (DecodingKey::from_ed_der(point), Algorithm::EdDSA)
        } else {
            if is_public_key(file) {
                return Err(SignInError::KeyKind { path: path.to_owned() });
            }
            let secret = file.trim_ascii_end();
            if secret.len() < SIGN_IN_KEY_BYTES_MIN {
                return Err(SignInError::KeyShort { path: path.to_owned() });
            }
            (DecodingKey::from_secret(secret), Algorithm::HS256)
        };
        let mut validation = Validation::new(algorithm);
        // Judged here: what cannot be read is no audience, and passes there.
        validation.validate_aud = false;
        // By the server's clock, which is not read there.
        validation.validate_exp = false;
        validation.set_required_spec_claims::<&str>(&[]);
        Ok(Self { key, validation })
    }

    /// Who comes with this token, and until when, in Unix milliseconds. Times are seconds since 1970 and may have a fraction.
    ///
    /// # Errors
    /// [`Refusal`] says why it is not to be believed.
    pub(super) fn verify(&self, token: &str, now_ms: u64) -> Result<(Session, u64), Refusal> {
        if token.len() > SIGN_IN_TOKEN_BYTES_MAX {
            return Err(Refusal::TokenTooLong);
        }
        let TokenData { header, claims } =
            decode::<Claims>(token, &self.key, &self.validation).map_err(|error| self.fault_of(token, &error))?;
        // Extensions that have to be understood, none of which is (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return Err(Refusal::TokenCritical);
        }
        let Claims { exp, nbf, name, room, role, skips, aud } = claims;
        if read::<Audience>(aud, Refusal::TokenAudience)?.is_some_and(|aud| !aud.is_us()) {
            return Err(Refusal::TokenAudience);
        }
        let until_ms = unix_ms(read(exp, Refusal::TokenEnd)?.ok_or(Refusal::TokenEnd)?);
        let begins_ms = read(nbf, Refusal::TokenBegin)?.map_or(0, unix_ms);
        if now_ms >= until_ms.saturating_add(SIGN_IN_TOKEN_LEEWAY_MS) {
            return Err(Refusal::TokenExpired);
        }
        if begins_ms > now_ms.saturating_add(SIGN_IN_TOKEN_LEEWAY_MS) {
            return Err(Refusal::TokenTooEarly);
        }
        let name: Option<String> = read(name, Refusal::TokenName)?;
        let name = name.as_deref().map(spelling::person).transpose().map_err(|_| Refusal::TokenName)?;
        let room: Option<String> = read(room, Refusal::TokenRoom)?;
        let room = room.as_deref().map(RoomId::parse).transpose().map_err(|_| Refusal::TokenRoom)?;
        let skips: Vec<Skips> = read(skips, Refusal::TokenSkips)?.unwrap_or_default();
        let pass = pass_of(read(role, Refusal::TokenRole)?, &skips);
        Ok((Session { name, room, pass, link: None }, until_ms))
    }

    /// What is wrong with a token that does not decode: another algorithm than the key's first, as it is looked at first.
    fn fault_of(&self, token: &str, error: &Error) -> Refusal {
        #[derive(Deserialize)]
        struct Header {
            alg: Option<Value>,
        }
        let mut parts = token.split('.');
        let (header, is_whole) = (parts.next().unwrap_or_default(), parts.count() == 2);
        let header = BASE64URL_NOPAD.decode(header.as_bytes()).ok();
        let header = header.and_then(|header| serde_json::from_slice::<Header>(&header).ok()).filter(|_| is_whole);
        let Some(Header { alg }) = header else { return Refusal::TokenMalformed };
        let wanted = self.validation.algorithms.first().and_then(|wanted| serde_json::to_value(wanted).ok());
        match error.kind() {
            _ if alg != wanted => Refusal::TokenAlgorithm,
            ErrorKind::InvalidSignature => Refusal::TokenSignature,
            _ => Refusal::TokenMalformed,
        }
    }
}

/// Whether a file that does not begin as PEM holds a key all the same: PEM behind something else or SSH2's (RFC 4716), a line of
/// OpenSSH's, a JWK or a set of them (RFC 7517), or DER, in base64 or not. Taken for a secret, it would be one that everybody
/// has.
fn is_public_key(file: &[u8]) -> bool {
    // Marks of the byte order, and the zeros of UTF-16, hide no key.
    let marks = [0, 0xFE, 0xFF];
    let text: Vec<u8> = file.iter().copied().filter(|byte| !marks.contains(byte)).collect();
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text).trim_ascii();
    let begins = |start: &[u8]| text.starts_with(start);
    let holds = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    let packed: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let is_der_in_text = BASE64.decode(&packed).is_ok_and(|bytes| is_der(&bytes));
    let is_ssh = [&b"ssh-"[..], b"ecdsa-", b"sk-ssh-", b"sk-ecdsa-"].into_iter().any(begins);
    holds(b"-----BEGIN") || holds(b"-- BEGIN ") || holds(b"\"kty\"") || is_ssh || is_der(file) || is_der_in_text
}

/// Whether bytes are a key or a certificate: a sequence that takes all of them and begins with a sequence, or with a number.
fn is_der(bytes: &[u8]) -> bool {
    let (length, rest) = match bytes {
        [DER_SEQUENCE, length, rest @ ..] if *length < 0x80 => (usize::from(*length), rest),
        [DER_SEQUENCE, 0x81, length, rest @ ..] => (usize::from(*length), rest),
        [DER_SEQUENCE, 0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return false,
    };
    let behind = rest.get(length..).map(<[u8]>::trim_ascii);
    behind.is_some_and(<[u8]>::is_empty) && rest.first().is_some_and(|first| [DER_SEQUENCE, DER_INTEGER].contains(first))
}

/// What is before 1970 is 1970, and what is beyond counting the end of it.
fn unix_ms(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use ring::hmac;

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW_MS: u64 = 1_700_000_000_000;
    const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    fn token(header: &str, claims: &str) -> String {
        let said = [header, claims].map(|part| BASE64URL_NOPAD.encode(part.as_bytes())).join(".");
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), said.as_bytes());
        format!("{said}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }

    fn verify(header: &str, claims: &str) -> Result<(Session, u64), Refusal> {
        Verifier::new(SECRET, Path::new("key")).unwrap().verify(&token(header, claims), NOW_MS)
    }

    #[test]
    fn the_example_of_the_standard_is_understood() {
        // RFC 7515, appendix A.1: HS256 under a JWK's secret, with an end in 2011.
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                     cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let secret = BASE64URL_NOPAD.decode(secret.as_bytes()).unwrap();
        let verifier = Verifier::new(&secret, Path::new("key")).unwrap();
        let (session, until_ms) = verifier.verify(token, 1_300_819_000_000).unwrap();
        assert_eq!((session, until_ms), (Session::PLAIN, 1_300_819_380_000));
        assert_eq!(verifier.verify(token, NOW_MS), Err(Refusal::TokenExpired));
    }

    #[test]
    fn a_key_that_others_may_have_is_no_secret() {
        let der = [&ED25519_PREFIX[..], &[7; 32]].concat();
        let long = [&[DER_SEQUENCE, 0x82, 0x01, 0x22, DER_SEQUENCE][..], &[7; 0x121]].concat();
        let jwk = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let wide = |text: &str| [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        let marked = format!("\u{feff}{pem}");
        for (what, file) in [
            ("DER", &der[..]),
            ("long DER", &long),
            ("behind a mark", marked.as_bytes()),
            ("behind a remark", &[b"# our key\n", pem.as_bytes()].concat()),
            ("in UTF-16", &wide(pem)),
            ("JWKS", jwk.as_bytes()),
            ("JWKS behind a mark", format!("\u{feff} {jwk}").as_bytes()),
            ("JWKS in UTF-16", &wide(jwk)),
            ("base64 alone", b"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lsh\nQhqowtrbLDFw4rXAxZuE=\n"),
            ("DER and a line's end", &[&der[..], b"\n"].concat()),
            ("SSH2", b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAAC3NzaC1lZDI1NTE5AAAAIBdZJhTzpMJYv8Qz9oFmQ0cHB0aW1l\n"),
            ("a token's", b"sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIBdZJhTz"),
            ("OpenSSH", b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBdZJhTzpMJYv8Qz9oFmQ0cHB0aW1lZm9yYWxsb2Z1 ada@example"),
        ] {
            let refused = Verifier::new(file, Path::new("key"));
            assert!(matches!(refused, Err(SignInError::KeyKind { .. })), "{what}: {refused:?}");
        }
        assert!(Verifier::new(pem.as_bytes(), Path::new("key")).is_ok());
        // The first byte alone makes no key: so may a drawn secret begin.
        assert!(Verifier::new(&[DER_SEQUENCE; 48], Path::new("key")).is_ok(), "its length is another");
        let brace = [&b"{\xFF\xFE"[..], &[7; 40]].concat();
        assert!(Verifier::new(&brace, Path::new("key")).is_ok());
    }

    #[test]
    fn what_a_token_says_is_what_its_bearer_has() {
        let claims =
            r#"{"name":" Ada ","room":"hall","role":"co_host","skips":["passcode","lock"],"exp":1700000060.5,"sub":"7"}"#;
        let (session, until_ms) = verify(HEADER, claims).unwrap();
        let pass = Pass { role: Role::CoHost, skips_passcode: true, skips_lock: true };
        assert_eq!(session, Session { name: Some("Ada".into()), room: RoomId::parse("hall").ok(), pass, link: None });
        assert_eq!(until_ms, 1_700_000_060_500);
        assert!(session.may_enter(&RoomId::parse("hall").unwrap()) && !session.may_enter(&RoomId::parse("attic").unwrap()));
    }

    #[test]
    fn what_is_not_understood_is_not_believed() {
        let with = |claims: &str| verify(HEADER, &format!("{{\"exp\":1700000060{claims}}}"));
        for lawful in ["", r#","aud":"dais""#, r#","aud":["other","dais"]"#, r#","nbf":1700000020"#, r#","skips":[]"#] {
            assert!(with(lawful).is_ok(), "{lawful}");
        }
        for (wrong, why) in [
            (r#","aud":"other""#, Refusal::TokenAudience),
            (r#","aud":7"#, Refusal::TokenAudience),
            (r#","aud":["dais",7]"#, Refusal::TokenAudience),
            (r#","aud":[]"#, Refusal::TokenAudience),
            (r#","nbf":1700000040"#, Refusal::TokenTooEarly),
            (r#","nbf":"now""#, Refusal::TokenBegin),
            (r#","role":"admin""#, Refusal::TokenRole),
            (r#","role":"CoHost""#, Refusal::TokenRole),
            (r#","room":"A Hall""#, Refusal::TokenRoom),
            (r#","room":7"#, Refusal::TokenRoom),
            (r#","name":"""#, Refusal::TokenName),
            (r#","name":7"#, Refusal::TokenName),
            (r#","exp":1800000000"#, Refusal::TokenMalformed),
            (r#","skips":["ban"]"#, Refusal::TokenSkips),
            (r#","skips":"lock""#, Refusal::TokenSkips),
        ] {
            assert_eq!(with(wrong), Err(why), "{wrong}");
        }
        for (wrong, why) in [
            (r#"{"name":"Ada"}"#, Refusal::TokenEnd),
            (r#"{"exp":null}"#, Refusal::TokenEnd),
            (r#"{"exp":1699999960}"#, Refusal::TokenExpired),
            (r#"{"exp":"1700000060"}"#, Refusal::TokenEnd),
            (r#"{"exp":-1}"#, Refusal::TokenExpired),
            ("[]", Refusal::TokenMalformed),
            ("", Refusal::TokenMalformed),
        ] {
            assert_eq!(verify(HEADER, wrong), Err(why), "{wrong}");
        }
        let long = format!(",\"sub\":\"{}\"", "x".repeat(SIGN_IN_TOKEN_BYTES_MAX));
        assert_eq!(with(&long), Err(Refusal::TokenTooLong));
    }

    #[test]
    fn the_key_says_which_algorithm_and_not_the_token() {
        let claims = r#"{"exp":1700000060}"#;
        for (header, why) in [
            (r#"{"alg":"none"}"#, Refusal::TokenAlgorithm),
            (r#"{"alg":"HS384"}"#, Refusal::TokenAlgorithm),
            (r#"{"alg":"EdDSA"}"#, Refusal::TokenAlgorithm),
            (r#"{"alg":"hs256"}"#, Refusal::TokenAlgorithm),
            (r#"{"typ":"JWT"}"#, Refusal::TokenAlgorithm),
            (r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, Refusal::TokenCritical),
        ] {
            assert_eq!(verify(header, claims), Err(why), "{header}");
        }
    }

    #[test]
    fn what_is_signed_otherwise_is_told_from_what_is_no_token() {
        let verifier = Verifier::new(SECRET, Path::new("key")).unwrap();
        let good = token(HEADER, r#"{"exp":1700000060}"#);
        let (head, signature) = good.rsplit_once('.').unwrap();
        let (header, claims) = head.split_once('.').unwrap();
        let other = token(HEADER, r#"{"exp":1700000061}"#);
        for (wrong, why) in [
            (format!("{head}.{}", other.rsplit_once('.').unwrap().1), Refusal::TokenSignature),
            (format!("{head}."), Refusal::TokenSignature),
            (format!("{head}.{}", &signature[..20]), Refusal::TokenSignature),
            (head.to_owned(), Refusal::TokenMalformed),
            (format!("{good}.{signature}"), Refusal::TokenMalformed),
            (format!("{header}.{claims}.*"), Refusal::TokenMalformed),
            (format!("x{good}"), Refusal::TokenMalformed),
            (String::new(), Refusal::TokenMalformed),
            ("..".into(), Refusal::TokenMalformed),
            ("not a token at all".into(), Refusal::TokenMalformed),
        ] {
            assert_eq!(verifier.verify(&wrong, NOW_MS), Err(why), "{wrong}");
        }
        assert!(verifier.verify(&good, NOW_MS).is_ok());
    }
}
