//! The room one is in, as the server last told it.

use std::sync::Arc;

use dais_engine::LeftRoom;
use dais_engine::shared::ids::{MemberId, RoomId};
use dais_engine::shared::limits::SEAT_GRACE_MS;
use dais_engine::shared::view::{Person, View};
use leptos::ev;
use leptos::prelude::*;

use super::names::Names;
use super::storage::{read_in_tab, write_in_tab};

/// The room that this tab was in when its page went away, and when that was in Unix milliseconds.
const LAST_ROOM_KEY: &str = "dais.room";

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    view: RwSignal<Option<Arc<View>>>,
    names: Memo<Names>,
    left: RwSignal<Option<LeftRoom>>,
    may_unmute: RwSignal<bool>,
}

fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

pub(super) fn provide() {
    let view = RwSignal::new(None::<Arc<View>>);
    let names = Memo::new(move |_| view.with(|view| view.as_deref().map(Names::of).unwrap_or_default()));
    let going = window_event_listener(ev::pagehide, move |_| {
        let room = view.with_untracked(|view| view.as_ref().map(|view| format!("{} {}", view.room, now_ms())));
        write_in_tab(LAST_ROOM_KEY, room.as_deref());
    });
    on_cleanup(move || going.remove());
    provide_context(Room { view, names, left: RwSignal::new(None), may_unmute: RwSignal::new(false) });
}

/// What is known of the room one is in.
pub(crate) fn use_room() -> Room {
    expect_context()
}

impl Room {
    /// Something of the view; `None` while one is in no room.
    pub(crate) fn with<T>(self, read: impl FnOnce(&View) -> T) -> Option<T> {
        self.view.with(|view| view.as_deref().map(read))
    }

    /// The whole view.
    pub(crate) fn view(self) -> Option<Arc<View>> {
        self.view.get()
    }

    /// Which room one is in.
    pub(crate) fn id(self) -> Option<RoomId> {
        self.with(|view| view.room.clone())
    }

    /// One's own seat.
    pub(crate) fn me(self) -> Option<MemberId> {
        self.with(|view| view.me)
    }

    /// Oneself on stage.
    pub(crate) fn my_stage(self) -> Option<Person> {
        self.with(|view| view.my_stage().cloned()).flatten()
    }

    /// The place of one's own raised hand in the queue, from 1.
    pub(crate) fn my_hand(self) -> Option<u32> {
        self.with(|view| super::names::hand_position(view, view.me)).flatten()
    }

    /// The name to show for a member; one that several bear gets a number.
    pub(crate) fn name_of(self, member: MemberId) -> String {
        self.names.with(|names| names.get(member).to_owned())
    }

    /// How one came to be in no room any more. Absent while one is in one, and after [`Room::forget_left`].
    pub(crate) fn left(self) -> Option<LeftRoom> {
        self.left.get()
    }

    /// The person has read how the last room ended.
    pub(crate) fn forget_left(self) {
        self.left.set(None);
    }

    /// Whether a moderator has lifted a mute and the person has not said anything to that yet.
    pub(crate) fn may_unmute(self) -> bool {
        self.may_unmute.get()
    }

    /// `is_lifted` says that a moderator has just lifted the viewer's mute.
    pub(super) fn enter(self, view: View, is_lifted: bool) {
        let is_muted_by_self = view.my_stage().is_some_and(|me| me.self_muted && !me.host_muted);
        let may_unmute = is_muted_by_self && (is_lifted || self.may_unmute.get_untracked());
        if self.may_unmute.get_untracked() != may_unmute {
            self.may_unmute.set(may_unmute);
        }
        if self.left.with_untracked(Option::is_some) {
            self.left.set(None);
        }
        self.view.set(Some(Arc::new(view)));
    }

    /// For how long a seat in that room is still held for this tab, which was in it a moment ago, in milliseconds.
    pub(crate) fn held_ms(room: &RoomId) -> u64 {
        let Some(kept) = read_in_tab(LAST_ROOM_KEY) else { return 0 };
        let since = kept.split_once(' ').filter(|(id, _)| *id == room.as_str()).and_then(|(_, since)| since.parse::<u64>().ok());
        since.map_or(0, |since_ms| SEAT_GRACE_MS.saturating_sub(now_ms().saturating_sub(since_ms)))
    }

    pub(super) fn leave(self, how: LeftRoom) {
        self.left.set(Some(how));
        self.may_unmute.set(false);
        self.view.set(None);
    }
}
