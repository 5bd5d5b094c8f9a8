//! How one speaks, and with push-to-talk by which key.

use dais_engine::Speaking;
use leptos::ev;
use leptos::prelude::*;

use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::speaking::{Key, WAYS, use_speech};

/// One of three, and a key.
#[component]
pub(crate) fn SpeakingChoice() -> impl IntoView {
    let t = t();
    let words = &t.speaking;
    let (actions, speech) = (use_actions(), use_speech());
    let choice = move |how: Speaking| {
        view! {
            <label class="choice choice--tall">
                <input
                    type="radio"
                    name="speaking"
                    prop:checked=move || speech.how() == how
                    on:change=move |_| speech.set_how(how, actions)
                />
                <span>{(words.name)(how)} <span class="choice__hint">{(words.hint)(how)}</span></span>
            </label>
        }
    };
    view! {
        <fieldset class="choices">
            <legend class="choices__legend">{words.how}</legend>
            <div class="choices__column">{WAYS.map(choice).collect_view()}</div>
        </fieldset>
        <Show when=move || speech.is_by_key()>
            <KeyChoice />
        </Show>
    }
}

/// A button that takes the next key.
#[component]
fn KeyChoice() -> impl IntoView {
    let t = t();
    let words = &t.speaking;
    let (actions, speech) = (use_actions(), use_speech());
    let is_choosing = RwSignal::new(false);
    let is_taken = RwSignal::new(false);
    // The key that was chosen goes up on this button, and is not to press it again.
    let is_going_up = StoredValue::new(false);
    let choose = move |is_on: bool| {
        is_choosing.set(is_on);
        is_taken.set(false);
    };
    let press = move |event: ev::KeyboardEvent| {
        // Escape and Tab lead out of here, as everywhere.
        if !is_choosing.get_untracked() || matches!(event.key().as_str(), "Escape" | "Tab") {
            return;
        }
        event.prevent_default();
        // Whatever else the key does, it does not do now.
        event.stop_propagation();
        is_going_up.set_value(true);
        match Key::new(&event.code(), &event.key()) {
            Some(key) => {
                speech.set_key(key, actions);
                choose(false);
            }
            None => is_taken.set(true),
        }
    };
    let lift = move |event: ev::KeyboardEvent| {
        if is_going_up.get_value() {
            is_going_up.set_value(false);
            event.prevent_default();
        }
    };
    let label = move || {
        if is_choosing.get() { words.press_a_key.to_owned() } else { (words.key)(&speech.key().name(words.space)) }
    };
    view! {
        <div class="field">
            <button
                class="button"
                type="button"
                on:click=move |_| choose(true)
                on:keydown=press
                on:keyup=lift
                on:blur=move |_| choose(false)
            >
                {label}
            </button>
            <p class="field__error" role="alert">
                {move || is_taken.get().then_some(words.key_is_taken)}
            </p>
        </div>
    }
}
