//! Keys that work anywhere in a room, except where they would be typed or act behind a dialog; but muting does everywhere.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::own_bar::act;
use crate::state::actions::use_actions;
use crate::state::dialogs::{Question, use_dialogs};
use crate::state::house::use_house;
use crate::state::offers::{OnSelf, on_self};
use crate::state::room::use_room;

/// Shows nothing; listens while it is there.
#[component]
pub(crate) fn Shortcuts(
    /// The room is not shown: one may fall silent, and nothing else.
    #[prop(optional)]
    is_away: bool,
) -> impl IntoView {
    let (actions, dialogs, house, room) = (use_actions(), use_dialogs(), use_house(), use_room());
    let press = move |event: ev::KeyboardEvent| {
        if !is_plain(&event) || is_typed(&event) {
            return;
        }
        let is_elsewhere = is_away || is_covered();
        let wanted: &[OnSelf] = match event.key().as_str() {
            "m" | "M" if is_elsewhere => &[OnSelf::Mute],
            "m" | "M" => &[OnSelf::Mute, OnSelf::Unmute],
            "h" | "H" if !is_elsewhere => &[OnSelf::RaiseHand, OnSelf::LowerHand],
            "?" if !is_elsewhere => {
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

/// Somebody is typing, or something lies above the room.
pub(super) fn is_elsewhere(event: &ev::KeyboardEvent) -> bool {
    is_covered() || is_typed(event)
}

fn is_covered() -> bool {
    document().query_selector("dialog[open], :popover-open").ok().flatten().is_some()
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
