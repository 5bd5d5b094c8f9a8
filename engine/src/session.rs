//! The connection: made, greeted, kept alive, lost and made again.

use std::time::Duration;

use dais_shared::ids::{PageId, Token};
use dais_shared::limits::SILENCE_MS_MAX;
use dais_shared::wire::{ClientFrame, Goodbye, Identity, PROTOCOL_VERSION, Request};

use crate::backoff::Backoff;
use crate::engine::{Config, Engine, PING_EVERY};
use crate::event::{ConnectionState, Event, Output};
use crate::requests::Purpose;

/// A socket that is not open, or a server that has not answered the hello by then, is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A ping unanswered for so long is shown.
const STALL_AFTER: Duration = Duration::from_secs(3);
/// A server that has been silent for so long is gone.
const SILENCE_MAX: Duration = Duration::from_millis(SILENCE_MS_MAX);
/// The first pings come quickly, to learn the server's clock.
const FIRST_PINGS: u32 = 4;
const FIRST_PING_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug)]
enum State {
    /// A socket is being opened, or the hello is on its way.
    Connecting { since: Duration },
    /// Welcomed.
    Online { heard: Duration, next_ping: Duration, pings: u32, is_stalled: bool },
    /// Between tries.
    Waiting { until: Duration },
    /// For good.
    Closed,
}

/// Who one is, and how the connection stands.
pub(crate) struct Session {
    state: State,
    backoff: Backoff,
    client: String,
    token: Option<Token>,
    is_for_this_page: bool,
    page: PageId,
    pub(crate) identity: Option<Identity>,
    pub(crate) is_watching_rooms: bool,
    has_been_online: bool,
    /// Whether this try, or the last one, came as far as an open WebSocket.
    was_open: bool,
    ping_every: Duration,
}

impl Session {
    pub(crate) fn new(config: Config, now: Duration) -> Self {
        Self {
            state: State::Connecting { since: now },
            backoff: Backoff::new(config.seed),
            client: config.client,
            token: config.token,
            is_for_this_page: config.is_for_this_page,
            page: PageId(config.seed),
            identity: None,
            is_watching_rooms: false,
            has_been_online: false,
            was_open: false,
            ping_every: PING_EVERY,
        }
    }

    pub(crate) fn is_online(&self) -> bool {
        matches!(self.state, State::Online { .. })
    }

    /// Whether a command may wait for the connection that is being made.
    pub(crate) fn is_first_connection(&self) -> bool {
        matches!(self.state, State::Connecting { .. }) && !self.has_been_online
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Connecting { since } => Some(since + ANSWER_TIMEOUT),
            State::Online { next_ping, .. } => Some(next_ping),
            State::Waiting { until } => Some(until),
            State::Closed => None,
        }
    }

    pub(crate) const fn page(&self) -> PageId {
        self.page
    }

    /// For the shell: what to keep for the next visit.
    pub(crate) const fn keep_token(&self, token: Option<Token>) -> Output {
        Output::KeepToken { token, is_for_this_page: self.is_for_this_page }
    }

    pub(crate) fn token(&self) -> Option<Token> {
        self.token
    }

    pub(crate) fn keep(&mut self, identity: Option<Identity>, token: Option<Token>) {
        self.identity = identity;
        self.token = token;
    }
}

impl Engine {
    pub(crate) fn connect(&mut self, now: Duration) {
        self.session.state = State::Connecting { since: now };
        if !self.session.has_been_online && self.session.backoff.failed_tries == 0 {
            self.tell(Event::Connection(ConnectionState::Connecting));
        } else {
            self.tell_reconnecting(Duration::ZERO);
        }
        self.session.was_open = false;
        self.outputs.push_back(Output::Connect);
    }

    pub(crate) fn greet(&mut self, now: Duration) {
        self.session.state = State::Connecting { since: now };
        self.session.was_open = true;
        let hello =
            ClientFrame::Hello { version: PROTOCOL_VERSION, client: self.session.client.clone(), token: self.session.token };
        self.send(&hello);
    }

    pub(crate) fn handle_welcome(&mut self, identity: Option<Identity>, heartbeat_ms: u32, now: Duration) {
        self.session.state = State::Online { heard: now, next_ping: now, pings: 0, is_stalled: false };
        self.session.backoff.succeeded();
        self.session.has_been_online = true;
        self.session.ping_every = Duration::from_millis(u64::from(heartbeat_ms.clamp(1000, 60_000)) / 2);
        self.clock.handle_reconnect();
        self.publishing.handle_reconnect();
        self.tell(Event::Connection(ConnectionState::Online));
        let known_name = self.session.identity.take().map(|old| old.name);
        match identity {
            Some(identity) => {
                self.session.identity = Some(identity.clone());
                self.tell(Event::Identity(Some(identity)));
                self.come_back();
            }
            None => {
                // A secret that this page alone has may be a link's: nobody's until somebody logs in, and worth keeping so long.
                let may_be_a_links = known_name.is_none() && self.session.is_for_this_page;
                if !may_be_a_links && self.session.token.take().is_some() {
                    let forget = self.session.keep_token(None);
                    self.outputs.push_back(forget);
                }
                match known_name {
                    // The server no longer knows the secret; the person is still here, and wants to go on.
                    Some(name) => self.request(Purpose::LoginAgain, Request::Login { name }),
                    None => self.tell(Event::Identity(None)),
                }
            }
        }
        if self.session.is_watching_rooms {
            self.request(Purpose::Quiet, Request::WatchRooms { watch: true });
        }
        self.send_waiting();
    }

    /// Back into the room one was in when the connection was lost. The microphone is never more open than before.
    pub(crate) fn come_back(&mut self) {
        if let Some(room) = self.room.wanted.clone() {
            let microphone_open = self.room.audible_stream().is_some() && self.publishing.is_microphone_open();
            let (passcode, page) = (self.room.passcode.clone(), self.session.page());
            let rejoin = Request::JoinRoom { room, passcode, page, take_over: false, microphone_open };
            self.request(Purpose::Rejoin, rejoin);
        }
    }

    /// The connection is gone, for good or to be made again.
    pub(crate) fn connection_lost(&mut self, goodbye: Option<Goodbye>, now: Duration) {
        if matches!(self.session.state, State::Waiting { .. } | State::Closed) {
            return;
        }
        for ticket in self.requests.forget_all() {
            self.answer(ticket, Err(crate::event::Failure::Offline));
        }
        // A later click may be among those, unanswered: what is silent stays so until a view shows it.
        self.room.silent_from = None;
        if goodbye == Some(Goodbye::LoggedOut) && self.session.token.is_none() {
            // As asked for here: the page goes on with nobody known.
            self.session.has_been_online = false;
            self.connect(now);
            return;
        }
        match goodbye.filter(|goodbye| !goodbye.may_reconnect()) {
            Some(goodbye) => {
                self.session.state = State::Closed;
                self.tell(Event::Connection(ConnectionState::Closed(goodbye)));
            }
            None => {
                let wait = self.session.backoff.failed(now);
                self.session.state = State::Waiting { until: now + wait };
                self.tell_reconnecting(wait);
            }
        }
        self.settle_microphone(now);
    }

    /// Closes the socket ourselves.
    pub(crate) fn give_up_on_connection(&mut self, goodbye: Option<Goodbye>, now: Duration) {
        if matches!(self.session.state, State::Waiting { .. } | State::Closed) {
            return;
        }
        self.outputs.push_back(Output::Disconnect);
        self.connection_lost(goodbye, now);
    }

    /// Nobody again, on a connection that never knew anybody.
    pub(crate) fn become_another(&mut self, now: Duration) {
        for ticket in self.requests.forget_all() {
            self.answer(ticket, Err(crate::event::Failure::Offline));
        }
        self.leave_room(crate::event::LeftRoom::Left, now);
        self.session.keep(None, None);
        self.session.is_for_this_page = true;
        self.session.has_been_online = false;
        self.session.backoff.succeeded();
        self.outputs.push_back(Output::Disconnect);
        self.tell(Event::Identity(None));
        self.connect(now);
    }

    /// The person will not wait, or wants a closed connection back.
    pub(crate) fn retry(&mut self, now: Duration) {
        if matches!(self.session.state, State::Waiting { .. } | State::Closed) {
            self.connect(now);
        }
    }

    pub(crate) fn heard_from_server(&mut self, now: Duration) {
        if let State::Online { heard, is_stalled, .. } = &mut self.session.state {
            *heard = now;
            if core::mem::take(is_stalled) {
                self.tell(Event::Connection(ConnectionState::Online));
            }
        }
    }

    pub(crate) fn session_timeout(&mut self, now: Duration) {
        let ping_every = self.session.ping_every;
        match &mut self.session.state {
            State::Connecting { since } if now >= *since + ANSWER_TIMEOUT => self.give_up_on_connection(None, now),
            State::Waiting { until } if now >= *until => self.connect(now),
            State::Online { heard, .. } if now >= *heard + SILENCE_MAX => self.give_up_on_connection(None, now),
            State::Online { heard, next_ping, pings, is_stalled } => {
                let unanswered = self.clock.unanswered_since().is_some_and(|since| now >= since + STALL_AFTER);
                let starts_to_stall = unanswered && now >= *heard + STALL_AFTER && !*is_stalled;
                *is_stalled |= starts_to_stall;
                let ping_now = now >= *next_ping;
                if ping_now {
                    *pings = pings.saturating_add(1);
                    *next_ping = now + if *pings < FIRST_PINGS { FIRST_PING_EVERY } else { ping_every };
                }
                if starts_to_stall {
                    self.tell(Event::Connection(ConnectionState::Stalled));
                }
                if ping_now {
                    let nonce = self.clock.ping(now);
                    self.send(&ClientFrame::Ping { nonce });
                }
            }
            _ => {}
        }
    }

    fn tell_reconnecting(&mut self, wait: Duration) {
        let retry_in_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        let failed_tries = self.session.backoff.failed_tries;
        let was_open = self.session.was_open;
        self.tell(Event::Connection(ConnectionState::Reconnecting { failed_tries, retry_in_ms, was_open }));
    }
}
