//! How loud the own microphone is, while it is open and unmuted.

use leptos::html;
use leptos::prelude::*;

use crate::locales::t;
use crate::state::levels::use_levels;
use crate::state::room::use_room;

/// A bar.
#[component]
pub(crate) fn LevelMeter() -> impl IntoView {
    let t = t();
    let node = NodeRef::<html::Div>::new();
    if let Some(me) = untrack(|| use_room().me()) {
        use_levels().watch(me, move |level| {
            let Some(meter) = node.get_untracked() else { return };
            let meter: &web_sys::HtmlElement = &meter;
            // A custom property takes any value, and so does this attribute.
            let _ = meter.style().set_property("--level", &format!("{:.2}", level.loudness));
            let _ = meter.set_attribute("aria-valuenow", &format!("{:.0}", 100.0 * level.loudness));
        });
    }
    view! {
        <div class="level-meter">
            <span class="level-meter__label" id="level-meter-label">
                {t.settings.input_level}
            </span>
            <div
                class="level-meter__bar"
                node_ref=node
                role="meter"
                aria-labelledby="level-meter-label"
                aria-valuemin="0"
                aria-valuemax="100"
                aria-valuenow="0"
            ></div>
        </div>
    }
}
