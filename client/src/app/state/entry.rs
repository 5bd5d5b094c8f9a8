//! The way into a room: what was tried last, and what stands in the way. A person's own seat that another page holds is
//! such an obstacle too.

use dais_engine::shared::ids::RoomId;
use dais_engine::shared::room::{Denied, LeaveReason};
use dais_engine::{Failure, LeftRoom};
use leptos::prelude::*;

/// What somebody comes in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// Where.
    pub(crate) room: RoomId,
    /// As whom.
    pub(crate) name: String,
    /// What the person typed, if anything.
    pub(crate) passcode: Option<String>,
    /// Whether the room is not there, and this person is sent to open it.
    pub(crate) opens: bool,
}

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    attempt: RwSignal<Option<Attempt>>,
    obstacle: RwSignal<Option<(RoomId, Failure)>>,
    is_taking_back: StoredValue<bool>,
}

pub(super) fn provide() {
    provide_context(Entry {
        attempt: RwSignal::new(None),
        obstacle: RwSignal::new(None),
        is_taking_back: StoredValue::new(false),
    });
}

/// The way in.
pub(crate) fn use_entry() -> Entry {
    expect_context()
}

impl Entry {
    /// What stands between this person and a room.
    pub(crate) fn obstacle(self, room: &RoomId) -> Option<Failure> {
        self.obstacle.with(|obstacle| obstacle.as_ref().filter(|(whose, _)| whose == room).map(|(_, failure)| *failure))
    }

    /// The attempt that found one's own seat in use on another page.
    pub(crate) fn conflict(self) -> Option<Attempt> {
        let room = self.obstacle.with(|obstacle| match obstacle {
            Some((room, Failure::Denied(Denied::SeatInUse))) => Some(room.clone()),
            _ => None,
        })?;
        let attempt = self.attempt.get().filter(|attempt| attempt.room == room);
        Some(attempt.unwrap_or(Attempt { room, name: String::new(), passcode: None, opens: false }))
    }

    /// The person has seen it, or tries something else.
    pub(crate) fn clear(self) {
        if self.obstacle.with_untracked(Option::is_some) {
            self.obstacle.set(None);
        }
    }

    pub(super) fn begin(self, attempt: Attempt) {
        self.clear();
        self.attempt.set(Some(attempt));
    }

    pub(super) fn fail(self, room: RoomId, failure: Failure) {
        self.obstacle.set(Some((room, failure)));
    }

    /// The connection is being made again in order to take one's seat from another page.
    pub(super) fn take_back(self) {
        self.is_taking_back.set_value(true);
    }

    /// Whether it was; from now on it is not.
    pub(super) fn stop_taking_back(self) -> bool {
        self.is_taking_back.try_update_value(core::mem::take).unwrap_or(false)
    }
}

/// What being out of a room means for coming in again; `None` where that is nothing the screen before the room has to
/// say.
pub(super) fn obstacle_after(how: LeftRoom) -> Option<Failure> {
    match how {
        LeftRoom::Left | LeftRoom::Ended(_) => None,
        LeftRoom::PutOut { reason: LeaveReason::Banned, .. } => Some(Failure::Denied(Denied::Banned)),
        LeftRoom::PutOut { until_ms, .. } => Some(Failure::Denied(Denied::Kicked { until_ms: until_ms.unwrap_or(0) })),
        LeftRoom::NotReadmitted(denied) => match denied {
            Denied::SeatInUse
            | Denied::Kicked { .. }
            | Denied::Banned
            | Denied::RoomLocked
            | Denied::RoomFull
            | Denied::PasscodeNeeded
            | Denied::PasscodeWrong => Some(Failure::Denied(denied)),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_put_out_is_told_when_to_come_back_and_who_leaves_is_told_nothing() {
        let put_out = |reason, until_ms| obstacle_after(LeftRoom::PutOut { reason, until_ms });
        assert_eq!(put_out(LeaveReason::Kicked, Some(7)), Some(Failure::Denied(Denied::Kicked { until_ms: 7 })));
        assert_eq!(put_out(LeaveReason::Banned, None), Some(Failure::Denied(Denied::Banned)));
        assert_eq!(obstacle_after(LeftRoom::NotReadmitted(Denied::SeatInUse)), Some(Failure::Denied(Denied::SeatInUse)));
        assert_eq!(obstacle_after(LeftRoom::NotReadmitted(Denied::UnknownRoom)), None);
        assert_eq!(obstacle_after(LeftRoom::Left), None);
    }
}
