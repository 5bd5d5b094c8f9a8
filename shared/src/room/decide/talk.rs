//! The chat.

use alloc::vec;

use super::super::{Context, Denied, Event, Message, Room};
use super::{Actor, Decision, allowed};
use crate::ids::MessageId;
use crate::names;
use crate::permissions::{Action, may_act_on};

impl Room {
    pub(super) fn send_message(&self, actor: Actor<'_>, text: &str, context: &Context) -> Decision {
        allowed(actor, Action::SendMessage)?;
        if !self.settings.takes_messages {
            return Err(Denied::ChatClosed);
        }
        let text = names::message(text).map_err(Denied::InvalidMessage)?;
        Ok(vec![Event::MessagePosted(Message {
            id: MessageId(self.next_message),
            member: actor.member,
            user: actor.seat.user,
            name: actor.seat.name.clone(),
            at_ms: context.date_ms(),
            text: Some(text),
        })])
    }

    /// One's own message anybody takes back; somebody else's whoever moderates its writer.
    pub(super) fn remove_message(&self, actor: Actor<'_>, id: MessageId) -> Decision {
        let message = self.message(id).ok_or(Denied::NoSuchMessage)?;
        if message.user != actor.seat.user {
            allowed(actor, Action::RemoveMessage)?;
            let writer = self.seat_of(message.user).and_then(|member| self.seat(member));
            if writer.is_some_and(|writer| !may_act_on(actor.seat.role, Action::RemoveMessage, writer.role)) {
                return Err(Denied::NotPermitted);
            }
        }
        Ok(if message.text.is_none() { vec![] } else { vec![Event::MessageRemoved(id)] })
    }
}
