//! Something that is on or off.

use leptos::prelude::*;

/// See the module.
#[component]
pub(crate) fn Switch(
    /// Unique on the page.
    id: &'static str,
    /// What it is called.
    label: &'static str,
    /// What it does.
    #[prop(optional, into)]
    hint: Option<&'static str>,
    /// Whether it is on.
    #[prop(into)]
    is_on: Signal<bool>,
    /// Told what it is to be.
    on_change: impl Fn(bool) + 'static,
) -> impl IntoView {
    let hint_id = format!("{id}-hint");
    view! {
        <div class="switch">
            <label class="switch__label" for=id>
                {label}
            </label>
            <p class="switch__hint" id=hint_id.clone()>
                {hint}
            </p>
            <button
                id=id
                class="switch__button"
                type="button"
                role="switch"
                aria-describedby=hint_id
                aria-checked=move || is_on.get().to_string()
                on:click=move |_| on_change(!is_on.get_untracked())
            ></button>
        </div>
    }
}
