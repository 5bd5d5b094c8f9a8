//! Requests under way and what each was for.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use dais_shared::ids::{RequestId, Revision};
use dais_shared::room::{self, Denied};
use dais_shared::wire::{ClientFrame, Reply, Request};

use crate::command::{Command, Ticket};
use crate::engine::Engine;
use crate::event::{Event, Failure, LeftRoom};

/// Requests under way at once: more than any person has in mind.
const PENDING_MAX: usize = 64;
/// Commands that wait for the first connection.
const WAITING_MAX: usize = 8;

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A person waits for the answer.
    Person(Ticket),
    /// A person who has fallen silent waits to be muted.
    Mute(Ticket),
    /// A person waits, and the room is left unless the server keeps the seat.
    Leave(Ticket),
    /// A person waits, and the identity is gone when it succeeds.
    Logout(Ticket),
    /// Nobody waits.
    Quiet,
    /// A fresh snapshot, after a gap.
    Resync,
    /// Back into the room after a lost connection.
    Rejoin,
    /// A new identity under the old name, since the server forgot the old one.
    LoginAgain,
}

impl Purpose {
    fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Person(ticket) | Self::Mute(ticket) | Self::Leave(ticket) | Self::Logout(ticket) => Some(*ticket),
            Self::Quiet | Self::Resync | Self::Rejoin | Self::LoginAgain => None,
        }
    }
}

/// Requests under way, and commands that wait for the first connection.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    next: u32,
    pending: BTreeMap<RequestId, Purpose>,
    waiting: VecDeque<(Ticket, Command)>,
}

impl Requests {
    /// Whether a person who has fallen silent waits for the server's word.
    pub(crate) fn ask_for_silence(&self) -> bool {
        self.pending.values().any(|purpose| matches!(purpose, Purpose::Mute(_) | Purpose::Leave(_)))
    }

    /// The connection is gone: whose answers will never come.
    pub(crate) fn forget_all(&mut self) -> Vec<Ticket> {
        let waiting = self.waiting.drain(..).map(|(ticket, _)| ticket);
        let pending = core::mem::take(&mut self.pending).into_values().filter_map(|purpose| purpose.ticket());
        pending.chain(waiting).collect()
    }
}

impl Engine {
    /// Sends a command's request, lets it wait for the first connection, or says that there is none.
    pub(crate) fn ask(&mut self, ticket: Ticket, command: Command) {
        if !self.session.is_online() {
            if self.session.is_first_connection() && self.requests.waiting.len() < WAITING_MAX {
                self.requests.waiting.push_back((ticket, command));
            } else {
                self.answer(ticket, Err(Failure::Offline));
            }
            return;
        }
        if self.requests.pending.len() >= PENDING_MAX {
            self.answer(ticket, Err(Failure::Denied(Denied::TooFast)));
            return;
        }
        match command {
            Command::Login { name } => self.request(Purpose::Person(ticket), Request::Login { name }),
            Command::Logout => self.request(Purpose::Logout(ticket), Request::Logout),
            Command::ListRooms { after } => self.request(Purpose::Person(ticket), Request::ListRooms { after }),
            Command::WatchRooms { watch } => {
                self.session.is_watching_rooms = watch;
                self.request(Purpose::Person(ticket), Request::WatchRooms { watch });
            }
            Command::CreateRoom { room, title, mode, unlisted, passcode } => {
                let page = self.session.page();
                self.room.passcode.clone_from(&passcode);
                let request = Request::CreateRoom { room, title, mode, unlisted, passcode, page };
                self.request(Purpose::Person(ticket), request);
            }
            Command::JoinRoom { room, passcode, take_over } => {
                let page = self.session.page();
                self.room.passcode.clone_from(&passcode);
                let request = Request::JoinRoom { room, passcode, page, take_over, microphone_open: false };
                self.request(Purpose::Person(ticket), request);
            }
            Command::DescribeRoom { room } => self.request(Purpose::Person(ticket), Request::DescribeRoom { room }),
            Command::ListMessages { before } => self.request(Purpose::Person(ticket), Request::ListMessages { before }),
            Command::ListBanned => self.request(Purpose::Person(ticket), Request::ListBanned),
            Command::LeaveRoom => {
                self.publishing.fall_silent();
                self.request(Purpose::Leave(ticket), Request::LeaveRoom);
            }
            Command::ListMembers { after } => self.request(Purpose::Person(ticket), Request::ListMembers { after }),
            Command::Room(command) => {
                let purpose = match command {
                    room::Command::SetMicrophone { muted: true } | room::Command::LeaveStage => {
                        self.publishing.fall_silent();
                        Purpose::Mute(ticket)
                    }
                    room::Command::SetMicrophone { muted: false } => {
                        self.publishing.try_again();
                        Purpose::Person(ticket)
                    }
                    _ => Purpose::Person(ticket),
                };
                self.request(purpose, Request::Room(command));
            }
            Command::SetVolume { .. } | Command::SetSpeaking(_) | Command::Talk(_) | Command::BecomeAnother | Command::Retry => {
                self.answer(ticket, Ok(Reply::Done));
            }
        }
    }

    /// The first connection stands: what waited for it goes out.
    pub(crate) fn send_waiting(&mut self) {
        while let Some((ticket, command)) = self.requests.waiting.pop_front() {
            self.ask(ticket, command);
        }
    }

    pub(crate) fn request(&mut self, purpose: Purpose, request: Request) {
        self.requests.next = self.requests.next.wrapping_add(1);
        let id = RequestId(self.requests.next);
        self.requests.pending.insert(id, purpose);
        self.send(&ClientFrame::Request { id, request });
    }

    pub(crate) fn handle_reply(&mut self, id: RequestId, revision: Revision, result: Result<Reply, Denied>, now: Duration) {
        let Some(purpose) = self.requests.pending.remove(&id) else { return };
        if let Ok(Reply::LoggedIn { identity, token }) = &result {
            let token = if token.is_some() { *token } else { self.session.token() };
            self.session.keep(Some(identity.clone()), token);
            let keep = self.session.keep_token(token);
            self.outputs.push_back(keep);
            self.tell(Event::Identity(Some(identity.clone())));
        }
        if let Ok(Reply::Joined { room, .. }) = &result {
            self.room.wanted = Some(room.clone());
        }
        match (&purpose, &result) {
            (Purpose::Leave(_), Ok(_) | Err(Denied::NotInRoom | Denied::RoomEnded)) => self.leave_room(LeftRoom::Left, now),
            (Purpose::Mute(_) | Purpose::Leave(_), Err(_)) if !self.requests.ask_for_silence() => self.publishing.speak_on(),
            (Purpose::Mute(_), Ok(_)) => self.room.silent_from = self.room.silent_from.max(Some(revision)),
            (Purpose::Resync, Err(_)) => self.handle_resync_denied(),
            (Purpose::Logout(_), Ok(_)) => {
                self.leave_room(LeftRoom::Left, now);
                self.session.keep(None, None);
                let forget = self.session.keep_token(None);
                self.outputs.push_back(forget);
                self.tell(Event::Identity(None));
            }
            // Passing troubles of the server's: the seat is held meanwhile.
            (Purpose::Rejoin, Err(Denied::Unavailable | Denied::TooFast)) => self.give_up_on_connection(None, now),
            (Purpose::Rejoin, Err(denied)) => self.leave_room(LeftRoom::NotReadmitted(*denied), now),
            (Purpose::LoginAgain, Ok(_)) => self.come_back(),
            (Purpose::LoginAgain, Err(_)) => self.tell(Event::Identity(None)),
            _ => {}
        }
        if matches!(purpose, Purpose::Mute(_)) {
            self.settle_microphone(now);
        }
        if let Some(ticket) = purpose.ticket() {
            self.answer(ticket, result.map_err(Failure::Denied));
        }
    }
}
