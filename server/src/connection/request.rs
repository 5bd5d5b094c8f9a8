//! What a request means: some are answered here, the rest go to the room, which answers in its own order.

use std::sync::Arc;

use dais_shared::ids::{MemberId, PageId, RequestId, Revision, RoomId, Token};
use dais_shared::room::{self, Command, Denied, Pass, Settings};
use dais_shared::wire::{Goodbye, Identity, Reply, Request, ServerFrame};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::RecvError;

use super::{Connection, End, Lobby, Seat, Step};
use crate::auth::token_hash;
use crate::refusal::Refusal;
use crate::room_actor::{Join, Message, Tenure};
use crate::rooms::{Handle, NewRoom};
use crate::spelling;
use crate::store::{ByLink, Known, Unavailable};

/// What becomes of a request here.
enum Outcome {
    /// This is the answer.
    Answer(Result<Reply, Denied>),
    /// The room answers.
    Passed,
}

impl From<Denied> for Outcome {
    fn from(denied: Denied) -> Self {
        Self::Answer(Err(denied))
    }
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self::Answer(Ok(reply))
    }
}

impl Connection {
    pub(super) async fn handle_request(&mut self, id: RequestId, request: Request) -> Step {
        self.forget_ended_room()?;
        let outcome = match spelling::request(request) {
            Request::Login { name } => return self.login(id, &name).await,
            Request::Logout => return self.logout(id).await,
            Request::ListRooms { after } => Reply::Rooms(self.house.rooms.page(after.as_ref())).into(),
            Request::WatchRooms { watch } => self.watch_rooms(watch),
            Request::CreateRoom { room, title, mode, unlisted, passcode, page } => {
                let settings = Settings { is_unlisted: unlisted, ..Settings::new(title, mode) };
                self.create_room(id, page, room, settings, passcode).await
            }
            Request::JoinRoom { room, passcode, page, take_over, microphone_open } => match self.newcomer() {
                Ok(identity) => {
                    let person = self.person(identity, passcode, microphone_open);
                    self.join_room(id, &room, page, take_over, person).await
                }
                Err(denied) => denied.into(),
            },
            Request::DescribeRoom { room } => self.describe_room(&room),
            Request::ListMessages { before } => self.ask_room(|from| Message::ListMessages { from, request: id, before }).await,
            Request::ListBanned => self.ask_room(|from| Message::ListBanned { from, request: id }).await,
            Request::Silence { stream, silent } => {
                self.ask_room(|from| Message::Silence { from, request: id, stream, silent }).await
            }
            Request::LeaveRoom => self.leave_room_for(id).await,
            Request::ListMembers { after } => self.ask_room(|from| Message::ListMembers { from, request: id, after }).await,
            Request::Resync => self.ask_room(|from| Message::Resync { from, request: Some(id) }).await,
            Request::Room(command) => self.command(id, command).await,
        };
        if let Outcome::Answer(result) = outcome {
            self.reply(id, result);
        }
        Ok(())
    }

    pub(super) fn deny_too_fast(&self, id: RequestId) {
        self.reply(id, Err(Denied::TooFast));
    }

    /// Leaves the room, if there is one, and waits until that is kept.
    pub(super) async fn leave_room(&mut self, request: Option<RequestId>) -> bool {
        let Some((_, from)) = self.occupant() else { return false };
        let Some(seat) = self.seat.take() else { return false };
        let (left, has_left) = oneshot::channel();
        if seat.room.mailbox.send(Message::Leave { from, request, left }).await.is_err() {
            return false;
        }
        // A room that dies instead has nothing more to say.
        let _ = has_left.await;
        true
    }

    fn reply(&self, id: RequestId, result: Result<Reply, Denied>) {
        if let Some(refusal) = result.as_ref().err().and_then(|denied| Refusal::of_denied(*denied)) {
            self.refuse(refusal);
        }
        let reply = ServerFrame::Reply { id, revision: Revision(0), result };
        self.outbox.answer(&reply, self.house.clock.now_ms());
    }

    /// A room that has ended, or has taken its seat away, leaves the connection without one.
    fn forget_ended_room(&mut self) -> Step {
        self.seat.take_if(|seat| seat.tenure.has_ended());
        self.leave_closed_room()
    }

    /// As whom the secret of a hello makes one known: an identity, or somebody new who comes by a link. While the store cannot
    /// say, nobody is told that his secret is nobody's: a page would throw it away.
    pub(super) async fn be_known(&mut self, token: Token) -> Step {
        let unavailable = |_| End::Goodbye(Goodbye::Overloaded);
        match self.house.auth.identify(token, self.id, &self.outbox).await.map_err(unavailable)? {
            Some(Known { mut identity, link }) => {
                if let Some(name) = &self.session.name {
                    identity.name.clone_from(name);
                } else if let Ok(name) = spelling::person(&identity.name) {
                    identity.name = name; // kept before names were written in one way
                }
                self.intake.belong_to(identity.user, &self.house.allowances, self.heard_ms);
                (self.identity, self.link) = (Some(identity), link);
            }
            None => {
                let found = self.house.store.find_link(ByLink::Secret(token_hash(&token.0))).await.map_err(unavailable)?;
                self.link = found.map(|link| link.id);
            }
        }
        Ok(())
    }

    /// What this person was given for a room, by whoever sent him and by a link, as it is at this moment.
    ///
    /// # Errors
    /// [`Denied::NotPermitted`] where that leads elsewhere, or no longer anywhere.
    async fn pass_into(&self, room: &RoomId) -> Result<Pass, Denied> {
        if !self.session.may_enter(room) {
            return Err(Denied::NotPermitted);
        }
        let link = match self.link {
            Some(id) => self.house.store.find_link(ByLink::Id(id)).await.map_err(|_| Denied::Unavailable)?,
            None => None,
        };
        let now_ms = self.house.clock.admission_ms();
        let link = link.filter(|link| link.room == *room && link.holds(now_ms));
        if self.session.link.is_some() && self.session.link != link.as_ref().map(|link| link.id) {
            return Err(Denied::NotPermitted);
        }
        Ok(link.map_or(self.session.pass, |link| self.session.pass.and(link.pass)))
    }

    async fn login(&mut self, id: RequestId, name: &str) -> Step {
        let now_ms = self.house.clock.now_ms();
        let name = self.session.name.as_deref().unwrap_or(name);
        if let Some(identity) = &self.identity {
            let renamed = self.house.auth.rename(identity.user, name).await;
            if let Ok(identity) = &renamed {
                self.identity = Some(identity.clone());
            }
            self.reply(id, renamed.map(|identity| Reply::LoggedIn { identity, token: None }));
            return Ok(());
        }
        let link = self.link.or(self.session.link);
        let (identity, token) = match self.house.auth.login(name, link).await {
            Ok(made) => made,
            Err(denied) => {
                self.reply(id, Err(denied));
                return Ok(());
            }
        };
        self.house.auth.begin_session(identity.user, self.id, &self.outbox);
        self.intake.belong_to(identity.user, &self.house.allowances, now_ms);
        self.identity = Some(identity.clone());
        self.reply(id, Ok(Reply::LoggedIn { identity, token: Some(token) }));
        if link.is_some() {
            // It may have brought as many as it may; then this person came by none. Where nobody can say, the page asks again
            // with the token that it has now.
            let known = self.house.store.identify(token_hash(&token.0)).await;
            let known = known.map_err(|Unavailable| End::Goodbye(Goodbye::Overloaded))?;
            self.link = known.and_then(|known| known.link);
        }
        Ok(())
    }

    async fn logout(&mut self, id: RequestId) -> Step {
        let Some(user) = self.identity.as_ref().map(|identity| identity.user) else {
            self.reply(id, Err(Denied::NotLoggedIn));
            return Ok(());
        };
        self.leave_room(None).await;
        match self.house.auth.logout(user, self.id).await {
            Ok(()) => {
                self.reply(id, Ok(Reply::Done));
                Err(End::Goodbye(Goodbye::LoggedOut))
            }
            Err(denied) => {
                self.reply(id, Err(denied));
                Ok(())
            }
        }
    }

    fn watch_rooms(&mut self, watch: bool) -> Outcome {
        self.lobby = watch.then(|| {
            let mut rooms = self.house.rooms.watch();
            rooms.mark_changed(); // the list as it is now comes first
            Lobby { rooms }
        });
        Reply::Done.into()
    }

    async fn create_room(
        &mut self,
        request: RequestId,
        page: PageId,
        id: Option<RoomId>,
        mut settings: Settings,
        passcode: Option<String>,
    ) -> Outcome {
        let identity = match self.newcomer() {
            Ok(identity) => identity,
            Err(denied) => return denied.into(),
        };
        settings.title = match spelling::title(&settings.title) {
            Ok(title) => title,
            Err(invalid) => return Denied::InvalidTitle(invalid).into(),
        };
        let passcode = match passcode.as_deref().map(spelling::passcode).transpose() {
            Ok(passcode) => passcode,
            Err(invalid) => return Denied::InvalidPasscode(invalid).into(),
        };
        if !self.session.may_make(id.as_ref()) {
            return Denied::NotPermitted.into();
        }
        let founder = identity.user;
        let (join, seat) = self.join(request, page, false, self.person(identity, None, false));
        match self.house.rooms.create(&self.house, NewRoom { id, settings, passcode, founder, address: Some(self.address) }, join)
        {
            Ok(room) => {
                let coming = seat.seat.await;
                self.take_seat(room, coming, seat.tenure)
            }
            Err(denied) => denied.into(),
        }
    }

    async fn join_room(
        &mut self,
        request: RequestId,
        id: &RoomId,
        page: PageId,
        take_over: bool,
        mut person: room::Join,
    ) -> Outcome {
        person.pass = match self.pass_into(id).await {
            Ok(pass) => pass,
            Err(denied) => return denied.into(),
        };
        let Some(room) = self.house.rooms.find(id) else { return self.house.rooms.absence(id).into() };
        let tries_passcode = person.passcode.is_some();
        if tries_passcode && !self.house.door.may_try_passcode(self.address, self.heard_ms) {
            self.refuse(Refusal::Passcodes);
            return Denied::TooFast.into();
        }
        let (join, seat) = self.join(request, page, take_over, person);
        if room.mailbox.send(join).await.is_err() {
            // It ended this moment, or it died and is being taken up again.
            return if room.ending.is_regular() { self.house.rooms.absence(id) } else { Denied::Unavailable }.into();
        }
        let coming = seat.seat.await;
        if tries_passcode && !matches!(coming, Ok(Err(Denied::PasscodeWrong))) {
            self.house.door.forgive_passcode(self.address);
        }
        self.take_seat(room, coming, seat.tenure)
    }

    fn describe_room(&self, room: &RoomId) -> Outcome {
        match self.house.rooms.describe(room) {
            Some(summary) => Reply::Room(summary).into(),
            None if self.session.opens(room) => Reply::RoomToOpen.into(),
            None => self.house.rooms.absence(room).into(),
        }
    }

    async fn leave_room_for(&mut self, request: RequestId) -> Outcome {
        if self.leave_room(Some(request)).await { Outcome::Passed } else { Denied::NotInRoom.into() }
    }

    async fn command(&mut self, request: RequestId, command: Command) -> Outcome {
        self.ask_room(|from| Message::Command { from, request, command }).await
    }

    async fn ask_room(&self, message: impl FnOnce(crate::fan_out::Occupant) -> Message) -> Outcome {
        let Some((room, from)) = self.occupant() else { return Denied::NotInRoom.into() };
        match room.mailbox.send(message(from)).await {
            Ok(()) => Outcome::Passed,
            Err(_) => Denied::RoomEnded.into(),
        }
    }

    /// Who wants to come in: somebody who sits nowhere yet.
    fn newcomer(&self) -> Result<Identity, Denied> {
        let identity = self.identity.clone().ok_or(Denied::NotLoggedIn)?;
        if self.seat.is_some() { Err(Denied::AlreadyInRoom) } else { Ok(identity) }
    }

    fn person(&self, identity: Identity, passcode: Option<String>, microphone_open: bool) -> room::Join {
        let Identity { user, name } = identity;
        let looks = spelling::looks(&name);
        room::Join { user, name, looks, address: self.address, passcode, microphone_open, pass: Pass::NONE }
    }

    fn join(&self, request: RequestId, page: PageId, take_over: bool, person: room::Join) -> (Message, Coming) {
        let (seated, seat) = oneshot::channel();
        let tenure = Tenure::default();
        let coming = Coming { seat, tenure: tenure.clone() };
        let (connection, outbox) = (self.id, Arc::clone(&self.outbox));
        let join = Join { connection, outbox, request, page, take_over, person, tenure, seated };
        (Message::Join(Box::new(join)), coming)
    }

    /// What the room said, which has answered the client already.
    fn take_seat(&mut self, room: Handle, said: Result<Result<MemberId, Denied>, RecvError>, tenure: Tenure) -> Outcome {
        match said {
            Ok(Ok(member)) => {
                self.seat = Some(Seat { room, member, tenure });
                Outcome::Passed
            }
            Ok(Err(_)) => Outcome::Passed,
            Err(_) => Denied::Unavailable.into(), // the room died over it
        }
    }
}

/// A seat that a room is asked for.
struct Coming {
    /// Which it gave, or why it did not.
    seat: oneshot::Receiver<Result<MemberId, Denied>>,
    tenure: Tenure,
}
