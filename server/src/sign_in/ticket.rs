//! Tickets that the server signs for whoever knew the password: when one ends, and HMAC-SHA-256 over that (RFC 2104).

use std::path::Path;

use dais_shared::limits::SIGN_IN_MS;
use data_encoding::HEXLOWER;
use ring::hmac;

use super::SignInError;
use crate::refused::{Refused, Tried};
use crate::whole_file;

const FILE: &str = "sign-in-key";
const MARK: &str = "p.";
/// A clock may be set back by so much, and nobody has to sign in again for it: an hour.
const CLOCK_SET_BACK_MS: u64 = 3_600_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Tickets {
    /// The server's own key.
    own: hmac::Key,
    /// That and the password.
    key: hmac::Key,
}

impl Tickets {
    /// Signed with a key of the server's own, which only its folder has, and with the password: another one ends all.
    pub(super) fn open(data_dir: &Path, password: &[u8]) -> Result<Self, SignInError> {
        let path = data_dir.join(FILE);
        let secret = match std::fs::read(&path) {
            Ok(kept) => <[u8; 32]>::try_from(kept).map_err(|_| SignInError::Damaged { path })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                make(&path).map_err(|error| SignInError::NotKept(Refused::new(&path, Tried::Write, &error)))?
            }
            Err(error) => return Err(SignInError::NotKept(Refused::new(&path, Tried::Read, &error))),
        };
        Ok(Self::with(hmac::Key::new(hmac::HMAC_SHA256, &secret), password))
    }

    /// Signed with the same key, and with another password.
    pub(super) fn with_password(&self, password: &[u8]) -> Self {
        Self::with(self.own.clone(), password)
    }

    fn with(own: hmac::Key, password: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&own, password).as_ref());
        Self { own, key }
    }

    /// A ticket until then, in Unix milliseconds.
    pub(super) fn issue(&self, until_ms: u64) -> String {
        let says = format!("{MARK}{until_ms}");
        let signature = hmac::sign(&self.key, says.as_bytes());
        format!("{says}.{}", HEXLOWER.encode(signature.as_ref()))
    }

    /// Whether this is one that has not ended. One that would end later than one of now was issued by a clock that was wrong.
    pub(super) fn holds(&self, ticket: &str, now_ms: u64) -> bool {
        let Some((says, signature)) = ticket.rsplit_once('.') else { return false };
        let Ok(signature) = HEXLOWER.decode(signature.as_bytes()) else { return false };
        let until_ms = says.strip_prefix(MARK).and_then(|ms| ms.parse::<u64>().ok());
        let is_now = |until_ms: u64| now_ms < until_ms && until_ms <= now_ms.saturating_add(SIGN_IN_MS + CLOCK_SET_BACK_MS);
        until_ms.is_some_and(is_now) && hmac::verify(&self.key, says.as_bytes(), &signature).is_ok()
    }
}

fn make(path: &Path) -> std::io::Result<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
    whole_file::write(path, &secret, 0o600)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn nothing_of_a_ticket_can_be_changed() {
        let folder = tempfile::TempDir::new().unwrap();
        let tickets = Tickets::open(folder.path(), b"open sesame").unwrap();
        let ticket = tickets.issue(1_000);
        assert!(tickets.holds(&ticket, 999));
        let ahead_ms = 3 * 365 * 24 * 3_600_000;
        let ahead = tickets.issue(ahead_ms + SIGN_IN_MS);
        assert!(tickets.holds(&ahead, ahead_ms) && !tickets.holds(&ahead, 1_000), "a wrong clock gives nobody three years");
        let later = ticket.replace("p.1000", "p.9999");
        let signature = ticket.rsplit_once('.').unwrap().1;
        let other = if ticket.ends_with('0') { "1" } else { "0" };
        let bent = format!("{}{other}", &ticket[..ticket.len() - 1]);
        for forged in ["", ".", "p.", "p.1000.", &later, &bent, &ticket[..ticket.len() - 2], signature, &ticket[2..]] {
            assert!(!tickets.holds(forged, 0), "{forged}");
        }
        let elsewhere = tempfile::TempDir::new().unwrap();
        assert!(!Tickets::open(elsewhere.path(), b"open sesame").unwrap().holds(&ticket, 0), "another server's");
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_the_server_alone_and_a_damaged_one_is_said() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::TempDir::new().unwrap();
        Tickets::open(folder.path(), b"").unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        let error = Tickets::open(folder.path(), b"").unwrap_err().to_string();
        assert!(error.contains("remove it"), "{error}");
    }
}
