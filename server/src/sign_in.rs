//! Who may use the server at all, where its operator does not let everybody: whoever knows the house's password, or is sent
//! by another site with a signed token. Told the time; knows no socket and no room from the inside.
//!
//! Nothing is remembered of who is signed in. A browser keeps a session in a cookie: a ticket that this server signed, or
//! the other site's token itself. Either is judged anew whenever it is shown, so that another password or another key ends
//! what came before it.

mod signature;
mod ticket;
mod token;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use dais_shared::ids::RoomId;
use dais_shared::limits::{
    SIGN_IN_FILE_BYTES_MAX, SIGN_IN_KEY_BYTES_MIN, SIGN_IN_MS, SIGN_IN_PASSWORD_CHARS_MAX, SIGN_IN_PASSWORD_CHARS_MIN,
};
use dais_shared::permissions::Role;
use dais_shared::room::Pass;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::refusal::Refusal;
use crate::refused::{Refused, Tried};
use crate::spelling;
use crate::store::{Link, LinkId};
use ticket::Tickets;
use token::Verifier;
pub(crate) use token::{GivenRole, Skips, pass_of};

/// What stands before a token in a cookie, so that it is told from a ticket.
const TOKEN_MARK: &str = "t.";

/// What somebody may who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The name that this person has here, whatever he says.
    pub(crate) name: Option<String>,
    /// The only room that this person may enter.
    pub(crate) room: Option<RoomId>,
    /// What this person has on coming into a room.
    pub(crate) pass: Pass,
    /// The link by which this person has to have come.
    pub(crate) link: Option<LinkId>,
}

impl Session {
    /// Of somebody about whom nothing is said.
    pub(crate) const PLAIN: Self = Self { name: None, room: None, pass: Pass::NONE, link: None };

    /// Of whoever has a link: it leads into its room alone, and whom it no longer brings is let into none.
    pub(crate) fn by(link: &Link) -> Self {
        Self { room: Some(link.room.clone()), link: Some(link.id), ..Self::PLAIN }
    }

    /// Whether this person may enter a room at all. What the room says to it is another matter.
    pub(crate) fn may_enter(&self, room: &RoomId) -> bool {
        self.room.as_ref().is_none_or(|only| only == room)
    }

    /// Whether this person is sent to be the host of a room, and so opens it where it is not there.
    pub(crate) fn opens(&self, room: &RoomId) -> bool {
        self.pass.role == Role::Host && self.may_make(Some(room))
    }

    /// Whether this person may make a room of this id, or of one that the server draws: somebody who is sent to one room
    /// makes that one, as its host.
    pub(crate) fn may_make(&self, room: Option<&RoomId>) -> bool {
        self.room.is_none() || (self.pass.role == Role::Host && self.room.as_ref() == room)
    }
}

/// A session for a browser to keep.
#[derive(Debug)]
pub(crate) struct Kept {
    /// What its cookie says: letters, digits and what base64url has beside them.
    pub(crate) cookie: String,
    /// When it ends, in Unix milliseconds.
    pub(crate) until_ms: u64,
    pub(crate) session: Session,
}

/// Why the sign-in cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// A file cannot be read.
    #[error("{refused}, or name another file with {option}")]
    Unreadable {
        /// Which, and why not.
        refused: Refused,
        /// What names it.
        option: &'static str,
    },
    /// A password that is guessed too easily, or that no form takes.
    #[error(
        "the password in {path} has to have {SIGN_IN_PASSWORD_CHARS_MIN} to {SIGN_IN_PASSWORD_CHARS_MAX} characters in one line; \
         `openssl rand -base64 12` makes a good one"
    )]
    Password {
        /// Where it stands.
        path: PathBuf,
    },
    /// A secret that is guessed too easily.
    #[error(
        "the secret in {path} is shorter than {SIGN_IN_KEY_BYTES_MIN} bytes, the least for HS256; `openssl rand -hex 32` makes a \
         good one"
    )]
    KeyShort {
        /// Where it stands.
        path: PathBuf,
    },
    /// A key of another kind.
    #[error(
        "the key in {path} is no public key for Ed25519 in PEM, and no secret either: `openssl pkey -in private.pem -pubout` \
         writes one, of a private key that `openssl genpkey -algorithm ed25519` made; `openssl rand -hex 32` makes a good secret"
    )]
    KeyKind {
        /// Where it stands.
        path: PathBuf,
    },
    /// The server's own key cannot be kept.
    #[error("there is no key to sign sessions with: {0}, or choose another folder with --data-dir")]
    NotKept(Refused),
    /// The server's own key is no such thing.
    #[error("{path} is damaged; remove it, and everybody signs in anew")]
    Damaged {
        /// Which.
        path: PathBuf,
    },
}

/// Who is let in. See the module.
#[derive(Debug)]
pub(crate) struct SignIn {
    password_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    believed: RwLock<Arc<Believed>>,
}

/// What is believed for now.
#[derive(Debug)]
struct Believed {
    password: Option<Password>,
    tokens: Option<Verifier>,
    tickets: Tickets,
    /// SHA-256 of what the files held.
    seen: [u8; 32],
}

impl Believed {
    fn new(secrets: Secrets, tickets: Tickets) -> Self {
        let Secrets { password, tokens, seen } = secrets;
        Self { password: password.map(|password| Password(Sha256::digest(password).into())), tokens, tickets, seen }
    }
}

/// SHA-256 of the password, so that guesses of any length are compared in the same time.
#[derive(Debug)]
struct Password([u8; 32]);

impl SignIn {
    /// As the operator wants it; `None` where everybody is let in. The server's own key is made in `data_dir` where there is
    /// none.
    ///
    /// # Errors
    /// [`SignInError`] says what to change.
    pub(crate) fn open(
        password_file: Option<&Path>,
        key_file: Option<&Path>,
        data_dir: &Path,
    ) -> Result<Option<Self>, SignInError> {
        let secrets = Secrets::read(password_file, key_file)?;
        if secrets.password.is_none() && secrets.tokens.is_none() {
            return Ok(None);
        }
        let tickets = Tickets::open(data_dir, secrets.password_bytes())?;
        Ok(Some(Self {
            password_file: password_file.map(Path::to_owned),
            key_file: key_file.map(Path::to_owned),
            believed: RwLock::new(Arc::new(Believed::new(secrets, tickets))),
        }))
    }

    /// Reads the operator's files again. What was shown before under another password or key opens nothing from then on. Returns
    /// whether anything is new.
    ///
    /// # Errors
    /// [`SignInError`] says what to change; everything is then as it was.
    pub(crate) fn read_again(&self) -> Result<bool, SignInError> {
        let secrets = Secrets::read(self.password_file.as_deref(), self.key_file.as_deref())?;
        let before = self.believed();
        if secrets.seen == before.seen {
            return Ok(false);
        }
        let tickets = before.tickets.with_password(secrets.password_bytes());
        *self.believed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Believed::new(secrets, tickets));
        Ok(true)
    }

    fn believed(&self) -> Arc<Believed> {
        // It is exchanged as a whole.
        Arc::clone(&self.believed.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there is a password that opens.
    pub(crate) fn asks_password(&self) -> bool {
        self.believed().password.is_some()
    }

    /// A session for whoever knows the password.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub(crate) fn with_password(&self, said: &str, now_ms: u64) -> Result<Kept, Refusal> {
        let believed = self.believed();
        let Password(password) = believed.password.as_ref().ok_or(Refusal::PasswordUnwanted)?;
        let said: [u8; 32] = Sha256::digest(spelling::secret(said)).into();
        if !bool::from(said.ct_eq(password)) {
            return Err(Refusal::PasswordWrong);
        }
        let until_ms = now_ms + SIGN_IN_MS;
        Ok(Kept { cookie: believed.tickets.issue(until_ms), until_ms, session: Session::PLAIN })
    }

    /// A session for whoever another site sends.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub(crate) fn with_token(&self, token: &str, now_ms: u64) -> Result<Kept, Refusal> {
        let believed = self.believed();
        let tokens = believed.tokens.as_ref().ok_or(Refusal::TokenUnwanted)?;
        let (session, until_ms) = tokens.verify(token, now_ms)?;
        Ok(Kept { cookie: format!("{TOKEN_MARK}{token}"), until_ms, session })
    }

    /// The session that a cookie stands for, if it still is one.
    ///
    /// # Errors
    /// [`Refusal`] says why it is none.
    pub(crate) fn with_cookie(&self, cookie: &str, now_ms: u64) -> Result<Session, Refusal> {
        match cookie.strip_prefix(TOKEN_MARK) {
            Some(token) => self.with_token(token, now_ms).map(|kept| kept.session),
            // Without a password nobody has a ticket for one.
            None => {
                let believed = self.believed();
                let holds = believed.password.is_some() && believed.tickets.holds(cookie, now_ms);
                if holds { Ok(Session::PLAIN) } else { Err(Refusal::SessionOver) }
            }
        }
    }
}

/// What the operator's files hold.
pub(crate) struct Secrets {
    password: Option<String>,
    tokens: Option<Verifier>,
    /// SHA-256 of both.
    seen: [u8; 32],
}

impl Secrets {
    fn password_bytes(&self) -> &[u8] {
        self.password.as_deref().unwrap_or_default().as_bytes()
    }

    /// Reads both, as far as they are named.
    ///
    /// # Errors
    /// [`SignInError`] says what to change.
    pub(crate) fn read(password_file: Option<&Path>, key_file: Option<&Path>) -> Result<Self, SignInError> {
        let password = password_file.map(read_password).transpose()?;
        let key = key_file.map(|path| Ok((read("--sign-in-jwt-key", path)?, path))).transpose()?;
        // A password has no zero byte.
        let seen = Sha256::new().chain_update(password.as_deref().unwrap_or_default()).chain_update([0]);
        let seen = seen.chain_update(key.as_ref().map_or(&[][..], |(bytes, _)| bytes)).finalize().into();
        let tokens = key.map(|(bytes, path)| Verifier::new(&bytes, path)).transpose()?;
        Ok(Self { password, tokens, seen })
    }
}

/// One line, in the form in which passwords are compared; the end of the line is not part of it.
fn read_password(path: &Path) -> Result<String, SignInError> {
    let refused = || SignInError::Password { path: path.to_owned() };
    let text = String::from_utf8(read("--sign-in-password-file", path)?).map_err(|_| refused())?;
    let password = spelling::secret(text.trim_end_matches(['\r', '\n']));
    let is_lawful = (SIGN_IN_PASSWORD_CHARS_MIN..=SIGN_IN_PASSWORD_CHARS_MAX).contains(&password.chars().count());
    if is_lawful && !password.contains(char::is_control) { Ok(password) } else { Err(refused()) }
}

fn read(option: &'static str, path: &Path) -> Result<Vec<u8>, SignInError> {
    let mut bytes = Vec::new();
    // What is longer is cut off, and then no password and no key.
    let read = std::fs::File::open(path).and_then(|file| file.take(SIGN_IN_FILE_BYTES_MAX).read_to_end(&mut bytes));
    read.map_err(|error| SignInError::Unreadable { refused: Refused::new(path, Tried::Read, &error), option })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use tempfile::TempDir;

    use super::*;

    fn open(folder: &TempDir, password: &str) -> Result<SignIn, SignInError> {
        let path = folder.path().join("password");
        std::fs::write(&path, password).unwrap();
        SignIn::open(Some(&path), None, folder.path()).map(Option::unwrap)
    }

    #[test]
    fn a_session_is_over_in_time_and_with_another_password() {
        let folder = TempDir::new().unwrap();
        let sign_in = open(&folder, "open sesame\n").unwrap();
        for wrong in ["open sesam", ""] {
            assert_eq!(sign_in.with_password(wrong, 0).unwrap_err(), Refusal::PasswordWrong);
        }
        let kept = sign_in.with_password("open sesame", 1_000).unwrap();
        assert_eq!(kept.until_ms, 1_000 + SIGN_IN_MS);
        assert_eq!(sign_in.with_cookie(&kept.cookie, kept.until_ms - 1), Ok(Session::PLAIN));
        assert_eq!(sign_in.with_cookie(&kept.cookie, kept.until_ms), Err(Refusal::SessionOver));
        drop(sign_in);
        let again = open(&folder, "open sesame").unwrap();
        assert!(again.with_cookie(&kept.cookie, 1_000).is_ok(), "after a restart too");
        assert_eq!(open(&folder, "another password").unwrap().with_cookie(&kept.cookie, 1_000), Err(Refusal::SessionOver));
    }

    #[test]
    fn another_password_is_taken_up_and_one_that_cannot_be_used_changes_nothing() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("password");
        let sign_in = open(&folder, "open sesame").unwrap();
        let kept = sign_in.with_password("open sesame", 0).unwrap();
        assert!(!sign_in.read_again().unwrap(), "nothing is new");
        for broken in ["", "short"] {
            std::fs::write(&path, broken).unwrap();
            assert!(sign_in.read_again().is_err());
        }
        std::fs::remove_file(&path).unwrap();
        assert!(sign_in.read_again().is_err());
        assert_eq!(sign_in.with_cookie(&kept.cookie, 1), Ok(Session::PLAIN));
        std::fs::write(&path, "close sesame\n").unwrap();
        // Kept in memory: sessions do not end with the folder.
        std::fs::remove_file(folder.path().join("sign-in-key")).unwrap();
        assert!(sign_in.read_again().unwrap());
        assert_eq!(sign_in.with_cookie(&kept.cookie, 1), Err(Refusal::SessionOver));
        assert!(sign_in.with_password("open sesame", 0).is_err());
        assert!(sign_in.with_password("close sesame", 0).is_ok());
        std::fs::write(&path, "open sesame").unwrap();
        assert!(sign_in.read_again().unwrap());
        assert_eq!(sign_in.with_cookie(&kept.cookie, 1), Ok(Session::PLAIN), "signed by the same key");
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_a_sentence() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("password");
        for wrong in ["", "\n", "short", "two lines\nof it", &"x".repeat(200)] {
            let error = open(&folder, wrong).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()) && error.contains("characters in one line"), "{error}");
        }
        let missing = folder.path().join("nowhere");
        let error = SignIn::open(Some(&missing), None, folder.path()).unwrap_err().to_string();
        assert!(error.contains("--sign-in-password-file"), "{error}");
        for (key, what) in [("short", "32 bytes"), ("-----BEGIN PRIVATE KEY-----\nAAAA", "public key")] {
            std::fs::write(&path, key).unwrap();
            let error = SignIn::open(None, Some(&path), folder.path()).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
        assert!(SignIn::open(None, None, folder.path()).unwrap().is_none(), "nobody is asked");
    }
}
