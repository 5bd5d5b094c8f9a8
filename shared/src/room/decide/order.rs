//! What whoever runs the server asks: judged by the room's state alone, since no role is above him.

use alloc::vec;
use alloc::vec::Vec;

use super::super::{Context, Denied, Event, LeaveReason, Order, Room, RoomEndReason};
use super::Decision;
use crate::ids::UserId;

impl Room {
    pub(super) fn order(&self, order: &Order, context: &Context) -> Decision {
        match order {
            Order::AwaitHost { until_ms } => Ok(self.await_host(*until_ms)),
            Order::Ban(user) => self.ban_anybody(*user, context),
            Order::Unban(user) => self.lift_ban(*user),
            Order::Forget(user) => match self.seat_of(*user) {
                Some(member) => self.leave(member, LeaveReason::Left, context),
                None => Ok(vec![]),
            },
            Order::End => Ok(vec![Event::RoomEnded(RoomEndReason::ByOperator)]),
            Order::GiveWay if self.is_deserted() => Ok(vec![Event::RoomEnded(RoomEndReason::Empty)]),
            Order::GiveWay => Ok(vec![]), // somebody has come back meanwhile
        }
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
