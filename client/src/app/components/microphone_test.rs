//! The microphone test: hear oneself as others would.

use leptos::prelude::*;

use crate::link::DeviceState;
use crate::locales::{Sentences, t};
use crate::state::actions::use_actions;
use crate::state::room::use_room;
use crate::state::trial::{Stage, use_trial};

/// A button, and what goes on. A test that is not shown any more is over.
#[component]
pub(crate) fn MicrophoneTest() -> impl IntoView {
    let t = t();
    let words = &t.devices;
    let (actions, room, trial) = (use_actions(), use_room(), use_trial());
    on_cleanup(move || actions.end_trial());
    let stage = Memo::new(move |_| trial.stage());
    let is_on_air = Memo::new(move |_| room.my_stage().is_some_and(|me| me.is_audible()));
    let label = move || match stage.get() {
        Stage::Idle | Stage::Failed(_) => words.test,
        Stage::Recording => words.play_back,
        Stage::Opening | Stage::Playing => words.stop_test,
    };
    let press = move |_| match stage.get_untracked() {
        Stage::Idle | Stage::Failed(_) => actions.start_trial(),
        Stage::Recording => actions.play_trial(),
        Stage::Opening | Stage::Playing => actions.end_trial(),
    };
    let is_heard = move || matches!(stage.get(), Stage::Recording | Stage::Playing);
    view! {
        <div class="field">
            <button class="button" type="button" disabled=move || is_on_air.get() on:click=press>
                {label}
            </button>
            <p class="field__hint" role="status">
                {move || if is_on_air.get() { words.test_on_air } else { told(t, stage.get()) }}
            </p>
            <Show when=is_heard>
                <div
                    class="level-meter__bar"
                    role="meter"
                    aria-label=t.settings.input_level
                    aria-valuemin="0"
                    aria-valuemax="100"
                    aria-valuenow=move || format!("{:.0}", 100.0 * trial.loudness())
                    style=("--level", move || format!("{:.2}", trial.loudness()))
                ></div>
            </Show>
        </div>
    }
}

fn told(t: &Sentences, stage: Stage) -> &'static str {
    let words = &t.devices;
    match stage {
        Stage::Idle => words.test_hint,
        Stage::Opening => t.microphone.opening,
        Stage::Recording => words.recording,
        Stage::Playing => words.playing,
        Stage::Failed(DeviceState::Failed(failure)) => (t.microphone.failed)(failure),
        Stage::Failed(_) => t.room.insecure,
    }
}
