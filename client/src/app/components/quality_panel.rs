//! Connection and sound: first in words what is wrong, then what was measured.

use leptos::prelude::*;

use super::speaker_delays::SpeakerDelays;
use crate::locales::t;
use crate::state::devices::use_devices;
use crate::state::diagnosis::{Facts, Heard, Hearing, heard, hearing};
use crate::state::house::use_house;
use crate::state::quality::use_quality;
use crate::state::room::use_room;
use crate::state::speaking::use_speech;

/// See the module.
#[component]
pub(crate) fn QualityPanel() -> impl IntoView {
    let t = t();
    let words = &t.quality;
    let quality = use_quality();
    let verdict = verdict();
    let measured = move || {
        let (statistics, playout, shares) = (quality.statistics(), quality.playout(), quality.shares());
        let rtt = statistics.rtt_ms.map_or_else(|| words.unknown.to_owned(), words.ms);
        [
            (words.rtt, rtt),
            (words.jitter, (words.ms)(statistics.jitter_ms)),
            (words.stalls_own, statistics.stalls_own.to_string()),
            (words.stalls_others, statistics.stalls_others.to_string()),
            (words.concealed, (words.percent)(shares.concealed)),
            (words.discarded, (words.percent)(shares.discarded)),
            (words.stretched, (words.percent)(shares.stretched)),
            (words.sent, (words.kbit)(statistics.sent_bps)),
            (words.received, (words.kbit)(statistics.received_bps)),
            (words.held_back, statistics.frames_held_back.to_string()),
            (words.late, playout.quanta_late_total.to_string()),
        ]
        .map(|(name, value)| view! { <div class="quality-panel__row"><dt>{name}</dt><dd>{value}</dd></div> })
        .collect_view()
    };
    view! {
        <div class="quality-panel">
            <section class="quality-panel__verdicts">
                <div class="quality-panel__verdict" data-good=move || (verdict.get().0 == Hearing::Well).then_some("")>
                    <h3>{words.can_you_hear}</h3>
                    <p>{move || (words.hearing)(verdict.get().0)}</p>
                </div>
                <div class="quality-panel__verdict" data-good=move || (verdict.get().1 == Heard::Well).then_some("")>
                    <h3>{words.can_others_hear}</h3>
                    <p>{move || (words.heard)(verdict.get().1)}</p>
                </div>
            </section>
            <section>
                <h3>{words.measurements}</h3>
                <dl class="quality-panel__measured">{measured}</dl>
            </section>
            <SpeakerDelays />
        </div>
    }
}

/// Whether one hears and is heard.
fn verdict() -> Memo<(Hearing, Heard)> {
    let (house, room, devices, quality, speech) = (use_house(), use_room(), use_devices(), use_quality(), use_speech());
    Memo::new(move |_| {
        let view = room.view();
        let mouth_to_ear_ms = quality.delays().into_iter().filter_map(|delay| delay.mouth_to_ear_ms).reduce(f32::max);
        let facts = Facts {
            connection: house.connection(),
            view: view.as_deref(),
            audio: devices.audio(),
            is_output_missing: devices.is_output_missing(),
            microphone: devices.microphone(),
            is_key_up: speech.is_by_key() && !speech.is_talking(),
            is_held_back: quality.is_held_back(),
            concealed_percent: quality.shares().concealed,
            mouth_to_ear_ms,
            silent_s: quality.silent_s(),
        };
        (hearing(facts), heard(facts))
    })
}
