//! Push-to-talk's key, wherever in a room the focus is but in a text field. Whatever may keep the page from seeing the
//! key go up counts as letting go.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::shortcuts::{is_elsewhere, is_text_field};
use crate::state::actions::use_actions;
use crate::state::room::use_room;
use crate::state::speaking::use_speech;

/// Shows nothing; listens while the room is shown.
#[component]
pub(crate) fn TalkKey() -> impl IntoView {
    let (actions, room, speech) = (use_actions(), use_room(), use_speech());
    let let_go = move || speech.let_go(actions);
    let may_talk = move || untrack(|| speech.is_by_key() && room.my_stage().is_some_and(|me| me.is_audible()));
    let press = move |event: ev::KeyboardEvent| {
        if event.key() == "Meta" {
            // Some systems do not tell of keys that go up while this one is down.
            return let_go();
        }
        let is_chord = event.ctrl_key() || event.alt_key() || event.meta_key() || event.is_composing();
        let is_modifier = matches!(event.key().as_str(), "Control" | "Alt" | "AltGraph" | "Shift");
        if !speech.is_key(&event.code()) || !may_talk() || is_elsewhere(&event) || (is_chord && !is_modifier) {
            return;
        }
        // Neither scrolls the page nor presses the button that was clicked last.
        event.prevent_default();
        if !event.repeat() {
            speech.hold(actions);
        }
    };
    let lift = move |event: ev::KeyboardEvent| {
        if speech.is_key(&event.code()) && speech.is_held() {
            event.prevent_default();
            let_go();
        }
    };
    let focus = move |event: ev::FocusEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        if target.is_some_and(|target| is_text_field(&target)) {
            let_go();
        }
    };
    let hide = move |_| {
        if document().hidden() {
            let_go();
        }
    };
    // A menu of the browser's own may swallow the key. Where the page has its own, there is none.
    let open_menu = move |event: ev::MouseEvent| {
        if !event.default_prevented() {
            let_go();
        }
    };
    let listeners = [
        window_event_listener(ev::keydown, press),
        window_event_listener(ev::keyup, lift),
        window_event_listener(ev::blur, move |_| let_go()),
        window_event_listener(ev::focusin, focus),
        window_event_listener(ev::contextmenu, open_menu),
        window_event_listener_untyped("visibilitychange", hide),
        // The first tells of a page that is left as soon as that is asked for, the second of every one.
        window_event_listener_untyped("beforeunload", move |_| let_go()),
        window_event_listener_untyped("pagehide", move |_| let_go()),
    ];
    on_cleanup(move || {
        listeners.into_iter().for_each(WindowListenerHandle::remove);
        let_go();
    });
}
