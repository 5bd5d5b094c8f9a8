//! What members ask of a room, and what their connections report. Judges nothing itself.

use std::sync::Arc;

use dais_shared::ids::{MemberId, MessageId, RequestId, StreamId};
use dais_shared::limits::{API_PAGE_MAX, MEMBERS_PAGE_MAX, MESSAGES_PAGE_MAX};
use dais_shared::room::{Command, Denied, Input, Order, RoomEndReason, Seat};
use dais_shared::wire::{Goodbye, Reply};
use tokio::sync::oneshot;

use super::chat::Writer;
use super::outgoing::Effect;
use super::voice::Speech;
use super::{Join, Link, RoomActor};
use crate::fan_out::Occupant;
use crate::outbox::Outbox;
use crate::refusal::Refusal;

impl RoomActor {
    pub(super) fn handle_join(&mut self, join: Join) {
        let Join { connection, outbox, request, page, take_over, person, tenure, seated } = join;
        let user = person.user;
        let judged = match self.room.seat_of(user).and_then(|member| self.links.get(&member)) {
            Some(link) if link.page != page && !take_over => Err(Denied::SeatInUse),
            _ => self.carry_out(&Input::Join(person)),
        };
        match judged {
            Ok(_) => {
                let member = self.room.seat_of(user).expect("a join that was not denied gives a seat");
                let link = Link { connection, outbox: Arc::clone(&outbox), page, tenure, speech: Speech::default() };
                self.seat(member, link, request);
                if seated.send(Ok(member)).is_err() {
                    self.handle_lost(Occupant { member, connection }); // it went while it was joining
                }
            }
            Err(denied) => {
                self.answer(outbox, request, Err(denied));
                let _ = seated.send(Err(denied)); // the connection may have gone
                if self.room.ended().is_none() && !self.room.has_begun() {
                    self.close_empty();
                }
            }
        }
    }

    /// The seat belongs to this connection from now on; it is shown the room, then changes as they come.
    fn seat(&mut self, member: MemberId, link: Link, request: RequestId) {
        let outbox = Arc::clone(&link.outbox);
        let occupant = Occupant { member, connection: link.connection };
        link.tenure.set_on_stage(self.room.seat(member).is_some_and(|seat| seat.stage.is_some()));
        if let Some(previous) = self.links.insert(member, link) {
            self.leave_in_order(Effect::Close(previous.outbox, Goodbye::Superseded));
        }
        self.publish();
        if let Some(view) = self.room.view_for(member) {
            self.send_view(Arc::clone(&outbox), view);
        }
        self.leave_in_order(Effect::Enter(occupant, Arc::clone(&outbox)));
        let room = self.room.id().clone();
        self.answer(outbox, request, Ok(Reply::Joined { room, member }));
    }

    pub(super) fn handle_order(&mut self, order: Order, answer: oneshot::Sender<Result<(), Denied>>) {
        match self.carry_out(&Input::Order(order)) {
            Ok(_) => {
                self.publish();
                self.obeyed(answer);
            }
            Err(denied) => {
                let _ = answer.send(Err(denied)); // whoever asked may have gone
                if self.room.ended().is_none() && !self.room.has_begun() {
                    self.close_empty();
                }
            }
        }
    }

    /// Pages show what is gone from the middle of the chat until they are shown the whole room once more.
    pub(super) fn show_anew(&mut self) {
        self.publish();
        let outboxes: Vec<_> = self.links.iter().map(|(member, link)| (*member, Arc::clone(&link.outbox))).collect();
        for (member, outbox) in outboxes {
            if let Some(view) = self.room.view_for(member) {
                self.send_view(outbox, view);
            }
        }
    }

    pub(super) fn tell_seats(&self, after: Option<MemberId>, answer: oneshot::Sender<Vec<(MemberId, Seat)>>) {
        let later = self.room.seats().filter(|(member, _)| after.is_none_or(|after| *member > after));
        let page = later.take(API_PAGE_MAX).map(|(member, seat)| (member, seat.clone())).collect();
        let _ = answer.send(page); // whoever asked may have gone
    }

    /// A room whose founder never came in.
    fn close_empty(&mut self) {
        if let Err(reason) = self.carry_out(&Input::Close(RoomEndReason::Empty)) {
            tracing::warn!(room = %self.room.id(), %reason, "closing an empty room");
        }
    }

    pub(super) fn handle_command(&mut self, from: Occupant, request: RequestId, command: Command) {
        let Some(outbox) = self.outbox(from, Some(request)) else { return };
        let message = self.message(from.member, &command);
        if message.is_some_and(|(writer, bytes)| !self.chat.has_room(writer, bytes, self.now_ms)) {
            self.house.refusals.refuse(Refusal::TooFast, outbox.peer());
            return self.answer(outbox, request, Err(Denied::TooFast));
        }
        let result = self.carry_out(&Input::Command(from.member, command)).map(|_| Reply::Done);
        if let (Some((writer, bytes)), Ok(_)) = (message, &result) {
            self.chat.handle_shown(writer, bytes, self.now_ms);
        }
        self.publish();
        self.answer(outbox, request, result);
    }

    /// Who writes how much, where a command is a message.
    fn message(&self, member: MemberId, command: &Command) -> Option<(Writer, usize)> {
        let Command::SendMessage(text) = command else { return None };
        self.room.seat(member).map(|seat| (Writer::from(seat), text.len() + seat.name.len()))
    }

    pub(super) fn handle_leave(&mut self, from: Occupant, request: Option<RequestId>, left: oneshot::Sender<()>) {
        let Some(outbox) = self.outbox(from, request) else { return };
        let result = self.carry_out(&Input::Leave(from.member)).map(|_| Reply::Done);
        self.publish();
        if let Some(request) = request {
            self.answer(outbox, request, result);
        }
        self.leave_in_order(Effect::Tell(left));
    }

    pub(super) fn handle_lost(&mut self, from: Occupant) {
        if self.link(from).is_none() {
            return; // another connection has the seat, or it is given up
        }
        self.links.remove(&from.member);
        self.fan_out.remove(from.member);
        if let Err(reason) = self.carry_out(&Input::ConnectionLost(from.member)) {
            tracing::debug!(room = %self.room.id(), member = %from.member, %reason, "connection lost");
        }
    }

    pub(super) fn handle_list_members(&mut self, from: Occupant, request: RequestId, after: Option<MemberId>) {
        let Some(outbox) = self.outbox(from, Some(request)) else { return };
        let members = self.room.members_after(after, MEMBERS_PAGE_MAX);
        let total = u32::try_from(self.room.seats().count()).unwrap_or(u32::MAX);
        self.answer(outbox, request, Ok(Reply::Members { members, total }));
    }

    pub(super) fn handle_list_messages(&mut self, from: Occupant, request: RequestId, before: Option<MessageId>) {
        let Some(outbox) = self.outbox(from, Some(request)) else { return };
        let messages = self.room.messages_before(before, MESSAGES_PAGE_MAX);
        self.answer(outbox, request, Ok(Reply::Messages(messages)));
    }

    pub(super) fn handle_list_banned(&mut self, from: Occupant, request: RequestId) {
        let Some(outbox) = self.outbox(from, Some(request)) else { return };
        let result = self.room.absent_for(from.member).map(|(banned, departed)| Reply::Banned { banned, departed });
        self.answer(outbox, request, result);
    }

    pub(super) fn handle_silence(&mut self, from: Occupant, request: RequestId, stream: StreamId, silent: bool) {
        let Some(outbox) = self.outbox(from, Some(request)) else { return };
        self.fan_out.set_silenced(from.member, stream, silent);
        self.answer(outbox, request, Ok(Reply::Done));
    }

    pub(super) fn handle_resync(&mut self, from: Occupant, request: Option<RequestId>) {
        let Some(outbox) = self.outbox(from, request) else { return };
        if let Some(view) = self.room.view_for(from.member) {
            self.send_view(Arc::clone(&outbox), view);
        }
        if let Some(request) = request {
            let result = self.room.seat(from.member).map(|_| Reply::Done).ok_or(Denied::NotInRoom);
            self.answer(outbox, request, result);
        }
    }

    /// A restarted room has seats without connections: each is held, as after any lost connection.
    pub(crate) fn hold_every_seat(&mut self) {
        let members: Vec<MemberId> = self.room.seats().map(|(member, _)| member).collect();
        for member in members {
            if let Err(reason) = self.carry_out(&Input::ConnectionLost(member)) {
                tracing::warn!(room = %self.room.id(), %member, %reason, "holding a seat");
            }
        }
    }

    /// Where the answer goes. Whoever was put out while his request was on its way is told that he sits here no more.
    fn outbox(&mut self, from: Occupant, request: Option<RequestId>) -> Option<Arc<Outbox>> {
        if let Some(link) = self.link(from) {
            return Some(Arc::clone(&link.outbox));
        }
        let (member, outbox) = self.seatless.get(&from.connection)?;
        if let (Some(outbox), Some(request)) = (outbox.upgrade().filter(|_| *member == from.member), request) {
            self.answer(outbox, request, Err(Denied::NotInRoom));
        }
        None
    }
}
