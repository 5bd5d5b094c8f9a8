//! How late each speaker's voice comes out of this machine's loudspeaker.

use leptos::prelude::*;

use crate::locales::t;
use crate::state::quality::{Delay, use_quality};
use crate::state::room::use_room;

/// A table; nothing while nobody speaks.
#[component]
pub(crate) fn SpeakerDelays() -> impl IntoView {
    let t = t();
    let words = &t.quality;
    let (quality, room) = (use_quality(), use_room());
    let ms = move |ms: Option<f32>| ms.map_or_else(|| words.unknown.to_owned(), words.ms);
    let about =
        move |ms: Option<f32>, uncertain| ms.map_or_else(|| words.unknown.to_owned(), |ms| (words.about_ms)(ms, uncertain));
    let row = move |delay: Delay| {
        view! {
            <tr>
                <th scope="row">{room.name_of(delay.member)}</th>
                <td>{ms(delay.buffer_ms)}</td>
                <td>{about(delay.mouth_to_ear_ms, delay.uncertain_ms)}</td>
            </tr>
        }
    };
    let is_empty = Memo::new(move |_| quality.delays().is_empty());
    view! {
        <Show when=move || !is_empty.get()>
            <section class="speaker-delays">
                <table>
                    <caption>{words.speakers}</caption>
                    <thead>
                        <tr>
                            <th scope="col">{words.speaker}</th>
                            <th scope="col">{words.buffer}</th>
                            <th scope="col">{words.mouth_to_ear}</th>
                        </tr>
                    </thead>
                    <tbody>{move || quality.delays().into_iter().map(row).collect_view()}</tbody>
                </table>
                <p class="speaker-delays__hint">{words.mouth_to_ear_hint}</p>
            </section>
        </Show>
    }
}
