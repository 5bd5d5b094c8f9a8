//! Push-to-talk for whoever has no keyboard at hand.

use leptos::ev;
use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::house::use_house;
use crate::state::room::use_room;
use crate::state::speaking::use_speech;

/// There while holding it would be heard.
#[component]
pub(crate) fn HoldToTalk() -> impl IntoView {
    let (house, room, speech) = (use_house(), use_room(), use_speech());
    let is_audible = move || room.my_stage().is_some_and(|me| me.is_audible());
    let is_offered = Memo::new(move |_| speech.is_by_key() && house.is_online() && is_audible());
    view! {
        <Show when=move || is_offered.get()>
            <HoldButton />
        </Show>
    }
}

/// A button to be held.
#[component]
fn HoldButton() -> impl IntoView {
    let t = t();
    let (actions, speech) = (use_actions(), use_speech());
    let let_go = move || speech.let_go(actions);
    let press = move |event: ev::PointerEvent| {
        if event.button() == 0 {
            speech.hold(actions);
        }
    };
    let press_key = move |event: ev::KeyboardEvent| {
        if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            if !event.repeat() {
                speech.hold(actions);
            }
        }
    };
    // A button that is gone is not told that the finger leaves it.
    on_cleanup(let_go);
    view! {
        <button
            class="button own-bar__button own-bar__hold"
            class:button--primary=move || speech.is_talking()
            type="button"
            aria-pressed=move || speech.is_talking().to_string()
            on:pointerdown=press
            on:pointerup=move |_| let_go()
            on:pointercancel=move |_| let_go()
            on:pointerleave=move |_| let_go()
            on:keydown=press_key
            on:keyup=move |_| let_go()
            on:blur=move |_| let_go()
            // A finger that rests on it is talking.
            on:contextmenu=move |event| event.prevent_default()
        >
            <Icon glyph=Glyph::Microphone />
            <span>{t.speaking.hold_to_talk}</span>
        </button>
    }
}
