//! Which microphone, or which loudspeaker.

use leptos::prelude::*;

use crate::link::Device;
use crate::locales::t;

/// A list with the system's choice at its head.
#[component]
pub(crate) fn DeviceChoice(
    /// Unique on the page.
    id: &'static str,
    /// What is chosen here.
    label: &'static str,
    /// What is there.
    devices: Signal<Vec<Device>>,
    /// What is chosen; `None` is whatever the system prefers. It need not be there.
    chosen: Signal<Option<Device>>,
    /// Told what is chosen.
    on_choose: Callback<Option<Device>>,
) -> impl IntoView {
    let t = t();
    let words = &t.devices;
    let choose = move |event: leptos::ev::Targeted<leptos::ev::Event, web_sys::HtmlSelectElement>| {
        let id = event.target().value();
        let known = devices.get_untracked().into_iter().chain(chosen.get_untracked()).find(|device| device.id == id);
        on_choose.run(known);
    };
    let option = move |device: Device, text: String| {
        let id = device.id.clone();
        let is_chosen = move || chosen.with(|chosen| chosen.as_ref().is_some_and(|chosen| chosen.id == id));
        view! {
            <option value=device.id prop:selected=is_chosen>
                {text}
            </option>
        }
    };
    let options = move || {
        let listed = devices.get();
        let absent = chosen.get().filter(|chosen| listed.iter().all(|device| device.id != chosen.id));
        let present = listed.into_iter().map(|device| (device.clone(), device.label));
        let absent = absent.map(|device| (device.clone(), (words.not_there)(&device.label)));
        present.chain(absent).map(|(device, text)| option(device, text)).collect_view()
    };
    view! {
        <div class="field">
            <label class="field__label" for=id>
                {label}
            </label>
            <select id=id class="field__input" on:change:target=choose>
                <option value="" prop:selected=move || chosen.with(Option::is_none)>
                    {words.default}
                </option>
                {options}
            </select>
            <p class="field__hint">{move || devices.with(Vec::is_empty).then_some(words.names_unknown)}</p>
        </div>
    }
}
