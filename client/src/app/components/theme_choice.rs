//! Light, dark, or as the system has it.

use leptos::prelude::*;

use crate::locales::t;
use crate::state::preferences::{Theme, use_preferences};

/// One of three.
#[component]
pub(crate) fn ThemeChoice() -> impl IntoView {
    let t = t();
    let words = &t.settings;
    let preferences = use_preferences();
    let choice = move |theme: Theme| {
        let label = match theme {
            Theme::System => words.theme_system,
            Theme::Light => words.theme_light,
            Theme::Dark => words.theme_dark,
        };
        view! {
            <label class="choice">
                <input
                    type="radio"
                    name="theme"
                    value=theme.as_str()
                    prop:checked=move || preferences.theme() == theme
                    on:change=move |_| preferences.set_theme(theme)
                />
                <span>{label}</span>
            </label>
        }
    };
    view! {
        <fieldset class="choices">
            <legend class="choices__legend">{words.theme}</legend>
            <div class="choices__row">{Theme::ALL.map(choice).collect_view()}</div>
        </fieldset>
    }
}
