//! A sentence across the page that stays until its reason is gone, with what can be done about it.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};

/// See the module.
#[component]
pub(crate) fn Notice(
    /// The sentence.
    #[prop(into)]
    text: Signal<String>,
    /// Whether something does not work, rather than only being worth knowing.
    #[prop(default = false)]
    is_bad: bool,
    /// Whether it is to be read out at once.
    #[prop(default = false)]
    is_alert: bool,
    /// Buttons.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="notice" data-bad=is_bad.then_some("") role=if is_alert { "alert" } else { "status" }>
            <Icon glyph=if is_bad { Glyph::Warning } else { Glyph::Info } />
            <p class="notice__text">{move || text.get()}</p>
            {children.map(|children| view! { <div class="notice__actions">{children()}</div> })}
        </div>
    }
}
