//! The screen stays on while one is on stage.

use leptos::prelude::*;
use send_wrapper::SendWrapper;

use crate::state::room::use_room;
use crate::wake_lock::WakeLock;

/// Shows nothing; there while the room is shown.
#[component]
pub(crate) fn KeepAwake() -> impl IntoView {
    let room = use_room();
    let is_on_stage = Memo::new(move |_| room.my_stage().is_some());
    let lock = SendWrapper::new(WakeLock::default());
    let settle = {
        let lock = lock.clone();
        move || lock.want(is_on_stage.get_untracked())
    };
    Effect::new({
        let settle = settle.clone();
        move || {
            is_on_stage.track();
            settle();
        }
    });
    let look = move |_| {
        if !document().hidden() {
            settle();
        }
    };
    let listener = window_event_listener_untyped("visibilitychange", look);
    on_cleanup(move || {
        listener.remove();
        lock.want(false);
    });
}
