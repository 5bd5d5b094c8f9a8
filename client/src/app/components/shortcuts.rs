//! Keys that work anywhere in a room, except where they would be typed or, but for muting, would act behind a dialog.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::own_bar::act;
use crate::state::actions::use_actions;
use crate::state::dialogs::{Question, use_dialogs};
use crate::state::house::use_house;
use crate::state::offers::{OnSelf, on_self};
use crate::state::room::use_room;

/// Shows nothing; listens while the room is shown.
#[component]
pub(crate) fn Shortcuts() -> impl IntoView {
    let (actions, dialogs, house, room) = (use_actions(), use_dialogs(), use_house(), use_room());
    let press = move |event: ev::KeyboardEvent| {
        if !is_plain(&event) || is_elsewhere(&event) && !(is_mute_key(&event) && !is_typed(&event)) {
            return;
        }
        let wanted = match event.key().as_str() {
            "m" | "M" => [OnSelf::Mute, OnSelf::Unmute],
            "h" | "H" => [OnSelf::RaiseHand, OnSelf::LowerHand],
            "?" => {
                event.prevent_default();
                return dialogs.ask(Question::Keys);
            }
            _ => return,
        };
        let offers = untrack(|| room.with(on_self)).unwrap_or_default();
        let is_host_muted = untrack(|| room.my_stage()).is_some_and(|me| me.host_muted);
        let offer = offers.into_iter().find(|offer| wanted.contains(offer));
        let is_off = !untrack(|| house.is_online()) || (offer == Some(OnSelf::Unmute) && is_host_muted);
        if let Some(offer) = offer.filter(|_| !is_off) {
            event.prevent_default();
            act(actions, offer);
        }
    };
    let listener = window_event_listener(ev::keydown, press);
    on_cleanup(move || listener.remove());
}

/// The browser has no use of its own for the key.
fn is_plain(event: &ev::KeyboardEvent) -> bool {
    !(event.repeat() || event.ctrl_key() || event.alt_key() || event.meta_key() || event.is_composing())
}

/// One mutes in a hurry, whatever lies above the room.
fn is_mute_key(event: &ev::KeyboardEvent) -> bool {
    matches!(event.key().as_str(), "m" | "M")
}

/// Somebody is typing, or something lies above the room.
pub(super) fn is_elsewhere(event: &ev::KeyboardEvent) -> bool {
    let is_covered = document().query_selector("dialog[open], :popover-open").ok().flatten().is_some();
    is_covered || is_typed(event)
}

/// Somebody is typing.
fn is_typed(event: &ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|target| is_text_field(&target))
}

/// Whether keys write or choose something in this element.
pub(super) fn is_text_field(element: &web_sys::Element) -> bool {
    // A selector that is one does not fail.
    element.matches("input:not([type=range]), textarea, select, [contenteditable]").unwrap_or(false)
}
