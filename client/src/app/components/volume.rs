//! How loud one person is for this listener alone.

use dais_engine::shared::ids::UserId;
use leptos::prelude::*;

use super::switch::Switch;
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::volumes::{Volume, use_volumes};

/// A slider and a switch.
#[component]
pub(crate) fn VolumeControl(
    /// Whose voice.
    user: UserId,
) -> impl IntoView {
    let t = t();
    let (actions, volumes) = (use_actions(), use_volumes());
    let volume = Memo::new(move |_| volumes.get(user));
    let percent = move || volume.get().percent;
    let slide = move |event: leptos::ev::Targeted<leptos::ev::Event, web_sys::HtmlInputElement>| {
        let percent = event.target().value_as_number() as u32;
        volumes.set(user, Volume { percent, ..volume.get_untracked() }, actions);
    };
    view! {
        <div class="volume">
            <label class="volume__slider">
                <span>{t.person.volume_for_me}</span>
                <input
                    type="range"
                    min="0"
                    max=Volume::PERCENT_MAX.to_string()
                    step="5"
                    disabled=move || volume.get().is_silenced
                    aria-valuetext=move || (t.person.volume_percent)(percent())
                    prop:value=move || percent().to_string()
                    on:input:target=slide
                />
            </label>
            <Switch
                id="silence-for-me"
                label=t.person.silence_for_me
                is_on=Signal::derive(move || volume.get().is_silenced)
                on_change=move |is_silenced| volumes.set(user, Volume { is_silenced, ..volume.get_untracked() }, actions)
            />
        </div>
    }
}
