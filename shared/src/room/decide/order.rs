//! What whoever runs the server asks: judged by the room's state alone, since no role is above him.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::{Context, Denied, ErasedBan, Event, LeaveReason, Order, Room, RoomEndReason, Setting};
use super::Decision;
use crate::ids::UserId;

impl Room {
    pub(super) fn order(&self, order: &Order, context: &Context) -> Decision {
        match order {
            Order::AwaitHost { until_ms } => Ok(self.await_host(*until_ms)),
            Order::Ban(user) => self.ban_anybody(*user, context),
            Order::Unban(user) => self.lift_ban(*user, context),
            Order::Forget(user) => self.forget(*user, context),
            Order::End => Ok(vec![Event::RoomEnded(RoomEndReason::ByOperator)]),
            Order::GiveWay if self.is_deserted() => Ok(vec![Event::RoomEnded(RoomEndReason::Empty)]),
            Order::GiveWay => Ok(vec![]), // somebody has come back meanwhile
        }
    }

    /// Somebody is to be known no more: his seat is given up, and all that is held of him goes.
    fn forget(&self, user: UserId, context: &Context) -> Decision {
        let Some(trace) = self.trace_of(user) else { return Ok(vec![]) };
        let mut events = match &trace.seat {
            Some((member, _)) => self.leave(*member, LeaveReason::Left, context)?,
            None => vec![],
        };
        if events.iter().any(|event| matches!(event, Event::RoomEnded(_))) {
            return Ok(events); // and nothing of it is kept
        }
        let nobody = UserId::NOBODY;
        if trace.title.is_some_and(|title| title != self.id.as_str()) {
            events.push(Event::SettingChanged { setting: Setting::Title(self.id.as_str().into()), by: nobody });
        }
        if trace.topic.is_some_and(|topic| !topic.is_empty()) {
            events.push(Event::SettingChanged { setting: Setting::Topic(String::new()), by: nobody });
        }
        let ban = trace.ban.zip(context.veil).map(|(ban, veil)| ErasedBan {
            person: veil.person(&self.id, user),
            address: ban.address.map(|address| veil.address(&self.id, address)),
            at_ms: ban.at_ms,
        });
        events.push(Event::Erased { user, ban });
        Ok(events)
    }

    /// The chair kept lets everybody who is early leave again without ending the room; its end, which the host's coming
    /// lifts, sees to it that it does not wait for ever.
    fn await_host(&self, until_ms: u64) -> Vec<Event> {
        if self.has_begun() {
            return vec![];
        }
        vec![Event::ChairKept { user: self.founder, until_ms }, Event::Leaderless { ends_at_ms: until_ms }]
    }

    fn ban_anybody(&self, user: UserId, context: &Context) -> Decision {
        match self.seat_of(user).and_then(|member| Some((member, self.seat(member)?))) {
            Some((member, seat)) => self.ban_seated(member, seat, context),
            None => {
                let departed = self.departed().find(|departed| departed.user == user).ok_or(Denied::NoSuchPerson)?;
                self.ban_gone(departed, context)
            }
        }
    }
}
