//! The settings: what the browser does to the microphone's sound, and how the page looks.

use leptos::prelude::*;

use super::device_choice::DeviceChoice;
use super::key_list::KeyList;
use super::level_meter::LevelMeter;
use super::microphone_test::MicrophoneTest;
use super::speaking_choice::SpeakingChoice;
use super::switch::Switch;
use super::theme_choice::ThemeChoice;
use crate::link::{DeviceState, Processing, can_choose_output};
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::devices::use_devices;

/// What a dialog shows.
#[component]
pub(crate) fn Settings() -> impl IntoView {
    let t = t();
    let words = &t.settings;
    let devices = use_devices();
    let (processing, set_processing) = devices.processing();
    let change = move |change: fn(&mut Processing, bool)| {
        move |is_on| {
            let mut changed = processing.get_untracked();
            change(&mut changed, is_on);
            set_processing.run(changed);
        }
    };
    use_actions().list_devices();
    let (microphone, choose_microphone) = devices.microphone_choice();
    let (output, choose_output) = devices.output_choice();
    let wireless = move || {
        let warn = |label: String| view! { <p class="settings__hint">{(t.devices.wireless)(&label)}</p> };
        let inputs = devices.inputs().into_iter();
        inputs.filter(|device| device.looks_wireless()).map(|device| warn(device.label)).collect_view()
    };
    view! {
        <section class="settings">
            <h3>{words.microphone}</h3>
            <DeviceChoice
                id="microphone-device"
                label=t.devices.microphone
                devices=Signal::derive(move || devices.inputs())
                chosen=microphone
                on_choose=choose_microphone
            />
            {wireless}
            <MicrophoneTest />
            <Switch
                id="echo-cancellation"
                label=words.echo_cancellation
                hint=words.echo_cancellation_hint
                is_on=Signal::derive(move || processing.get().echo_cancellation)
                on_change=change(|processing, is_on| processing.echo_cancellation = is_on)
            />
            <Switch
                id="noise-suppression"
                label=words.noise_suppression
                hint=words.noise_suppression_hint
                is_on=Signal::derive(move || processing.get().noise_suppression)
                on_change=change(|processing, is_on| processing.noise_suppression = is_on)
            />
            <Switch
                id="strong-suppression"
                label=words.strong_suppression
                hint=words.strong_suppression_hint
                is_on=Signal::derive(move || processing.get().strong_suppression)
                on_change=change(|processing, is_on| processing.strong_suppression = is_on)
            />
            <Switch
                id="gain-control"
                label=words.gain_control
                hint=words.gain_control_hint
                is_on=Signal::derive(move || processing.get().gain_control)
                on_change=change(|processing, is_on| processing.gain_control = is_on)
            />
            <Show
                when=move || devices.microphone() == DeviceState::Open
                fallback=move || view! { <p class="settings__hint">{words.input_level_closed}</p> }
            >
                <LevelMeter />
            </Show>
            <SpeakingChoice />
            <Show when=can_choose_output>
                <DeviceChoice
                    id="output-device"
                    label=t.devices.output
                    devices=Signal::derive(move || devices.outputs())
                    chosen=output
                    on_choose=choose_output
                />
            </Show>
            <h3>{words.appearance}</h3>
            <ThemeChoice />
            <h3>{t.keys.heading}</h3>
            <KeyList />
        </section>
    }
}
