//! What happens on the stage, in sentences for those who listen to the page instead of looking at it.

use leptos::prelude::*;

use crate::state::notices::use_notices;

/// Off the screen, read politely.
#[component]
pub(crate) fn LiveRegion() -> impl IntoView {
    let notices = use_notices();
    view! {
        <div class="visually-hidden live-region" role="log" aria-live="polite" aria-relevant="additions">
            <For each=move || notices.spoken() key=|(id, _)| *id let:((_, text))>
                <p>{text}</p>
            </For>
        </div>
    }
}
