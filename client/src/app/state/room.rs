//! The room one is in, as the server last told it.

use std::sync::Arc;

use dais_engine::LeftRoom;
use dais_engine::shared::ids::{MemberId, RoomId};
use dais_engine::shared::permissions::{Action, may};
use dais_engine::shared::view::{Person, View};
use leptos::prelude::*;

use super::names::Names;

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    view: RwSignal<Option<Arc<View>>>,
    names: Memo<Names>,
    left: RwSignal<Option<LeftRoom>>,
}

pub(super) fn provide() {
    let view = RwSignal::new(None::<Arc<View>>);
    let names = Memo::new(move |_| view.with(|view| view.as_deref().map(Names::of).unwrap_or_default()));
    provide_context(Room { view, names, left: RwSignal::new(None) });
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

    /// Whether the permissions let one try this.
    pub(crate) fn may(self, action: Action) -> bool {
        self.with(|view| may(view.my_role(), action)).unwrap_or(false)
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

    pub(super) fn enter(self, view: View) {
        if self.left.with_untracked(Option::is_some) {
            self.left.set(None);
        }
        self.view.set(Some(Arc::new(view)));
    }

    pub(super) fn leave(self, how: LeftRoom) {
        self.left.set(Some(how));
        self.view.set(None);
    }
}
