//! Whoever is refused, and why: every reason by one name, which the metrics count and the log tells.
//!
//! The log is told of the first at once and of those that follow in one line every [`dais_shared::limits::REFUSALS_TOLD_MS`], by reason, so that no
//! flood of them fills a disk. No line holds a secret, a name or what somebody wrote; addresses as far as the operator wants.

mod told;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dais_shared::room::Denied;
use dais_shared::wire::Goodbye;
use tokio::runtime;
use tokio::time::{Duration, Instant, sleep};

use crate::config::LogAddresses;
use crate::metrics::Metrics;
use told::{Told, Word};

/// How loudly the log tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loudness {
    /// Something is set up wrongly, or somebody means harm.
    Warn,
    /// It happens every day, to those who mistype, come late or look around.
    Info,
    /// The rules of a room say no: whoever asked is told, and nobody else need know.
    Quiet,
}

use Loudness::{Info, Quiet, Warn};

macro_rules! refusals {
    ($($name:ident = $label:literal, $loudness:ident, $sentence:literal;)+) => {
        /// Why somebody is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Refusal {
            $(#[doc = $sentence] $name,)+
        }

        impl Refusal {
            /// Every reason, in the order of its number.
            pub(crate) const ALL: [Self; [$(Self::$name),+].len()] = [$(Self::$name),+];

            const fn row(self) -> (&'static str, Loudness, &'static str) {
                match self {
                    $(Self::$name => ($label, $loudness, $sentence),)+
                }
            }
        }
    };
}

refusals! {
    // The door.
    AddressFull = "address_full", Warn, "an address has as many connections as one may have; --connections-per-address sets how many";
    AddressTooFast = "address_too_fast", Warn, "too many connections came anew from one address; --connections-per-address sets how many may";
    NetworkFull = "network_full", Warn, "a network has as many connections as one may have; --connections and --connections-per-address set how many";
    NetworkTooFast = "network_too_fast", Warn, "too many connections came anew from one network; --connections and --connections-per-address set how many may";
    ServerFull = "server_full", Warn, "the server has as many connections as it may; --connections and the limit of open files set how many";
    PutOut = "put_out", Warn, "a socket that asked for nothing had to make room for others";
    Arrivals = "arrivals", Warn, "too many logins and joins came from one address or network; --connections-per-address sets how many may";
    Passcodes = "passcodes", Warn, "too many wrong passcodes came from one address or network";
    SignIns = "sign_ins", Warn, "too many tries to sign in failed at one address or network";
    AdminTokens = "admin_tokens", Warn, "too many wrong admin tokens came from one address or network";
    // What is no handshake, or somebody else's page.
    ForeignPage = "foreign_page", Warn, "a page of another address than the one that was asked may not; let the proxy pass on the Host header, or start the server with --allow-origin and the page's address";
    NotAHandshake = "not_a_handshake", Info, "a request to /ws is no WebSocket handshake; a proxy has to pass on Upgrade and Connection";
    HandshakeHost = "handshake_host", Warn, "a WebSocket handshake names no host, or several";
    HandshakeVersion = "handshake_version", Warn, "a WebSocket handshake is of another version than 13";
    HandshakeKey = "handshake_key", Warn, "the key of a WebSocket handshake is missing or wrong";
    Stopping = "stopping", Info, "the server is about to stop";
    // HTTP and TLS.
    HttpMalformed = "http_malformed", Info, "what came is no HTTP";
    HttpHeadTooLarge = "http_head_too_large", Warn, "the head of a request is too large";
    HttpSlow = "http_slow", Info, "a request did not come in time";
    NoTls = "no_tls", Info, "what came to a port for HTTPS is neither TLS nor HTTP";
    TlsDistrusted = "tls_distrusted", Warn, "a client does not accept the server's certificate";
    TlsIncompatible = "tls_incompatible", Warn, "a client and the server have no version or cipher of TLS in common; the server speaks TLS 1.3";
    TlsFailed = "tls_failed", Warn, "a TLS handshake failed";
    TlsSlow = "tls_slow", Info, "a TLS handshake did not end in time";
    // Who has to sign in.
    NotSignedIn = "not_signed_in", Info, "somebody is not signed in";
    SessionOver = "session_over", Info, "a session is over: its time, or the password has been changed";
    SignInForm = "sign_in_form", Warn, "what was said to the sign-in page could not be understood";
    PasswordWrong = "password_wrong", Warn, "a wrong password";
    PasswordUnwanted = "password_unwanted", Warn, "somebody brings a password, and the server has none; see --sign-in-password-file";
    LinkUnknown = "link_unknown", Warn, "a link that leads nowhere, or no longer";
    LinkOver = "link_over", Info, "a link whose time is over";
    LinkTooEarly = "link_too_early", Info, "a link whose time has not come";
    TokenUnwanted = "token_unwanted", Warn, "somebody brings a token of another site, and the server has no key for any; see --sign-in-jwt-key";
    TokenTooLong = "token_too_long", Warn, "a token of another site is too long";
    TokenMalformed = "token_malformed", Warn, "a token of another site is no JWT";
    TokenAlgorithm = "token_algorithm", Warn, "a token of another site is signed by another algorithm than the key of --sign-in-jwt-key is for";
    TokenSignature = "token_signature", Warn, "a token of another site is signed with another key than that of --sign-in-jwt-key";
    TokenCritical = "token_critical", Warn, "a token of another site has extensions that must be understood (crit), and none is";
    TokenExpired = "token_expired", Info, "a token of another site has expired (exp); where all have, the clocks of the two sites differ";
    TokenTooEarly = "token_too_early", Warn, "a token of another site is not valid yet (nbf); the clocks of the two sites differ";
    TokenEnd = "token_end", Warn, "a token of another site says no end (exp), or none that is a number";
    TokenBegin = "token_begin", Warn, "a token of another site says a beginning (nbf) that is no number";
    TokenAudience = "token_audience", Warn, "a token of another site is for another audience (aud) than \"dais\"";
    TokenName = "token_name", Warn, "a token of another site gives a name that cannot be used (name)";
    TokenRoom = "token_room", Warn, "a token of another site leads into a room that cannot be (room)";
    TokenRole = "token_role", Warn, "a token of another site gives a role that there is not (role)";
    TokenSkips = "token_skips", Warn, "a token of another site skips what cannot be skipped (skips)";
    // The operator.
    NotOperator = "not_operator", Warn, "somebody asks for what is the operator's, without the admin token or from elsewhere than this machine";
    AdminTokenWrong = "admin_token_wrong", Warn, "a wrong admin token";
    NoAdminToken = "no_admin_token", Warn, "the API changes nothing without an admin token; see --admin-token";
    UnknownPath = "unknown_path", Info, "there is nothing at a path";
    UnknownMethod = "unknown_method", Info, "a path is asked for what is not done there";
    InvalidQuery = "invalid_query", Warn, "the query of a request to the API is wrong";
    NotJson = "not_json", Warn, "the body of a request to the API is not of the type application/json";
    BodyTooLarge = "body_too_large", Warn, "the body of a request is too large";
    BodyTooSlow = "body_too_slow", Warn, "the body of a request did not come in time";
    InvalidBody = "invalid_body", Warn, "the body of a request to the API is wrong";
    TooManyLinks = "too_many_links", Warn, "a room has as many links as one may have";
    // Requests over a connection.
    TooFast = "too_fast", Info, "a connection asks faster than anybody clicks";
    RoomsFull = "rooms_full", Warn, "there are as many rooms as there may be; --rooms sets how many";
    RoomsOfNetwork = "rooms_of_network", Warn, "an address or network has as many rooms as one may have; --rooms sets how many there are for all";
    RoomsOfPerson = "rooms_of_person", Info, "a person has as many rooms as one may have; --rooms-per-person sets how many";
    RoomIdTaken = "room_id_taken", Info, "a room of that id exists";
    RoomGaveWay = "room_gave_way", Info, "somebody comes back to a room that had to give way to others";
    UnknownRoom = "unknown_room", Info, "there is no such room";
    RoomFull = "room_full", Warn, "a room is full; --room-seats sets how many it holds";
    RoomLocked = "room_locked", Info, "a room is locked";
    PasscodeNeeded = "passcode_needed", Info, "a room asks for a passcode";
    PasscodeWrong = "passcode_wrong", Info, "a wrong passcode";
    PutOutOfRoom = "put_out_of_room", Info, "somebody, or somebody at his address, was put out of a room or banned from it";
    NotPermitted = "not_permitted", Info, "a role, a link or a token does not allow what somebody asks";
    InvalidText = "invalid_text", Info, "a name, title, topic, passcode or message cannot be used";
    Unavailable = "unavailable", Warn, "the store does not take changes at the moment, or does not answer";
    Denied = "denied", Quiet, "the state of a room does not allow what somebody asks";
    // Connections that are ended.
    Malformed = "malformed", Warn, "a message could not be understood";
    MessageTooLarge = "message_too_large", Warn, "a message is too large";
    WrongVersion = "wrong_version", Info, "a page or program speaks another version of the protocol; a page that is loaded anew does not";
    NoHello = "no_hello", Info, "a connection said no hello in time";
    Silent = "silent", Info, "nothing came over a connection for too long";
    Flood = "flood", Warn, "a connection sends far too much";
    Abuse = "abuse", Warn, "voice kept coming that nobody may hear";
    Overloaded = "overloaded", Warn, "a connection had to be ended because the server, a room or the store could not follow";
    // Whatever else is answered with a status of 400 and more.
    Other = "other", Warn, "a request was refused";
    Fault = "fault", Warn, "a request came to nothing by a fault of the server";
}

impl Refusal {
    /// Its name in the metrics and in the log.
    pub(crate) const fn label(self) -> &'static str {
        self.row().0
    }

    /// Why somebody is denied what he asks over a connection; `None` where that was told when it was judged.
    pub(crate) const fn of_denied(denied: Denied) -> Option<Self> {
        Some(match denied {
            Denied::TooFast => return None,
            Denied::UnknownRoom | Denied::RoomEnded => Self::UnknownRoom,
            Denied::RoomIdTaken => Self::RoomIdTaken,
            Denied::InvalidName(_)
            | Denied::InvalidTitle(_)
            | Denied::InvalidMessage(_)
            | Denied::InvalidTopic(_)
            | Denied::InvalidPasscode(_) => Self::InvalidText,
            Denied::RoomFull => Self::RoomFull,
            Denied::TooManyRooms => Self::RoomsFull,
            Denied::TooManyRoomsOfNetwork => Self::RoomsOfNetwork,
            Denied::TooManyRoomsOfYours => Self::RoomsOfPerson,
            Denied::RoomGaveWay => Self::RoomGaveWay,
            Denied::RoomLocked => Self::RoomLocked,
            Denied::PasscodeNeeded => Self::PasscodeNeeded,
            Denied::PasscodeWrong => Self::PasscodeWrong,
            Denied::Kicked { .. } | Denied::Banned => Self::PutOutOfRoom,
            Denied::NotPermitted => Self::NotPermitted,
            Denied::Unavailable => Self::Unavailable,
            Denied::NotLoggedIn
            | Denied::NotInRoom
            | Denied::AlreadyInRoom
            | Denied::StageFull
            | Denied::HandQueueFull
            | Denied::NoSuchMember
            | Denied::HandNotRaised
            | Denied::NotOnStage
            | Denied::RoomIsModerated
            | Denied::MutedByHost
            | Denied::SeatInUse
            | Denied::UnlistedIdChosen
            | Denied::InviteExpired
            | Denied::AlreadyInvited
            | Denied::NotInvited
            | Denied::TooManyInvitations
            | Denied::AlreadyOnStage
            | Denied::OtherRole
            | Denied::HandQueueClosed
            | Denied::ChatClosed
            | Denied::NoSuchMessage
            | Denied::NoSuchPerson
            | Denied::TooManyBans => Self::Denied,
        })
    }

    /// Why a connection is ended with this goodbye; `None` of one that refuses nobody, or was told when it was judged.
    pub(crate) const fn of_goodbye(goodbye: Goodbye) -> Option<Self> {
        Some(match goodbye {
            Goodbye::ShuttingDown | Goodbye::Superseded | Goodbye::LoggedOut | Goodbye::NotSignedIn => return None,
            Goodbye::WrongVersion => Self::WrongVersion,
            Goodbye::Malformed => Self::Malformed,
            Goodbye::TooLarge => Self::MessageTooLarge,
            Goodbye::NoHello => Self::NoHello,
            Goodbye::Silent => Self::Silent,
            Goodbye::TooFast => Self::Flood,
            Goodbye::Abuse => Self::Abuse,
            Goodbye::Overloaded => Self::Overloaded,
        })
    }
}

/// Counts who is refused, and tells the log.
#[derive(Debug)]
pub(crate) struct Refusals {
    metrics: Arc<Metrics>,
    addresses: LogAddresses,
    began: Instant,
    told: Mutex<[Told; Refusal::ALL.len()]>,
}

impl Refusals {
    pub(crate) fn new(metrics: Arc<Metrics>, addresses: LogAddresses) -> Arc<Self> {
        let told = Mutex::new([const { Told::new() }; Refusal::ALL.len()]);
        Arc::new(Self { metrics, addresses, began: Instant::now(), told })
    }

    /// Somebody is refused. From where, if that is known.
    pub(crate) fn refuse(self: &Arc<Self>, refusal: Refusal, peer: Option<SocketAddr>) {
        self.refuse_over(refusal, peer, None);
    }

    /// The same, with what it is about: nothing that is a secret or a person's.
    pub(crate) fn refuse_over(self: &Arc<Self>, refusal: Refusal, peer: Option<SocketAddr>, about: Option<&dyn fmt::Display>) {
        self.metrics.count_refusal(refusal);
        // Bound here: a `match` over what the lock gives would hold it while the log is written.
        let word = self.told()[refusal as usize].note(self.now_ms());
        match word {
            Word::Now => self.tell(refusal, 1, peer, about),
            Word::Later { in_ms } => self.tell_later(refusal, in_ms),
            Word::Counted => {}
        }
    }

    fn tell_later(self: &Arc<Self>, refusal: Refusal, in_ms: u64) {
        // Outside of a runtime there is no server: what is left is told when this is dropped.
        let Ok(runtime) = runtime::Handle::try_current() else { return };
        let refusals = Arc::downgrade(self);
        runtime.spawn(async move {
            sleep(Duration::from_millis(in_ms)).await;
            let Some(refusals) = refusals.upgrade() else { return };
            let count = refusals.told()[refusal as usize].take(refusals.now_ms());
            if count > 0 {
                refusals.tell(refusal, count, None, None);
            }
        });
    }

    fn tell(&self, refusal: Refusal, count: u64, peer: Option<SocketAddr>, about: Option<&dyn fmt::Display>) {
        let (reason, loudness, sentence) = refusal.row();
        let peer = peer.map(|peer| tracing::field::display(self.addresses.show(peer)));
        let about = about.map(tracing::field::display);
        match loudness {
            Warn => tracing::warn!(reason, count, peer, about, "refused: {sentence}"),
            Info => tracing::info!(reason, count, peer, about, "refused: {sentence}"),
            Quiet => tracing::debug!(reason, count, peer, about, "refused: {sentence}"),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn told(&self) -> MutexGuard<'_, [Told; Refusal::ALL.len()]> {
        // Every change of it is whole.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Refusals {
    fn drop(&mut self) {
        for refusal in Refusal::ALL {
            let count = self.told()[refusal as usize].take(u64::MAX);
            if count > 0 {
                self.tell(refusal, count, None, None);
            }
        }
    }
}

/// What somebody said, as far as the log takes it: a line of it, without what would not be shown.
pub(crate) fn excerpt(said: &[u8]) -> String {
    const CHARS_MAX: usize = 80;
    let said = String::from_utf8_lossy(said);
    let mut shown: String = said.chars().take(CHARS_MAX).map(|letter| if letter.is_control() { '?' } else { letter }).collect();
    if said.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_and_a_place() {
        let labels: BTreeSet<_> = Refusal::ALL.iter().map(|refusal| refusal.label()).collect();
        assert_eq!(labels.len(), Refusal::ALL.len());
        for (place, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, place);
            assert!(refusal.label().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{refusal:?}");
        }
    }

    #[test]
    fn what_somebody_said_fills_no_line_and_makes_no_other() {
        assert_eq!(excerpt(b"https://talk.example"), "https://talk.example");
        assert_eq!(excerpt(b"a\r\nb\x1b[1m\xff"), "a??b?[1m\u{fffd}");
        assert_eq!(excerpt("é".repeat(500).as_bytes()).chars().count(), 81);
    }
}
