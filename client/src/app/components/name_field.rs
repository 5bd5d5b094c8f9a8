//! *Your name*: filled with the name one has on this server, or gave last.

use dais_engine::shared::limits::NAME_CHARS_MAX;
use dais_engine::shared::names;
use leptos::prelude::*;

use super::text_field::TextField;
use crate::locales::{Sentences, t};
use crate::state::house::use_house;
use crate::state::preferences::use_preferences;
use crate::typed::composed;

/// What is typed into the field.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    typed: RwSignal<String>,
    error: RwSignal<Option<&'static str>>,
    t: &'static Sentences,
}

impl Name {
    /// For one screen.
    pub(crate) fn new() -> Self {
        let (house, preferences) = (use_house(), use_preferences());
        let typed = RwSignal::new(untrack(|| preferences.name()));
        // What the server knows, and what it forgets on logging out, goes before what stands there.
        let known = Memo::new(move |_| (house.name(), preferences.name()));
        Effect::new(move |before: Option<()>| {
            let (on_server, given_last) = known.get();
            if let Some(name) = on_server {
                typed.set(name);
            } else if before.is_some() {
                typed.set(given_last);
            }
        });
        Self { typed, error: RwSignal::new(None), t: t() }
    }

    /// The name, if it is one; otherwise the field says what is wrong.
    pub(crate) fn take(self) -> Option<String> {
        match names::person(&composed(&self.typed.get_untracked())) {
            Ok(name) => Some(name),
            Err(invalid) => {
                self.error.set(Some((self.t.errors.invalid_person_name)(invalid)));
                None
            }
        }
    }
}

/// The field.
#[component]
pub(crate) fn NameField(
    /// What is typed into it.
    name: Name,
    /// Unique on the page.
    #[prop(default = "your-name")]
    id: &'static str,
    /// What to type, where that is not what it always is.
    #[prop(optional, into)]
    hint: Option<&'static str>,
) -> impl IntoView {
    let t = t();
    view! {
        <TextField
            id=id
            label=t.controls.your_name
            value=name.typed
            error=name.error
            hint=hint.unwrap_or(t.lobby.name_hint)
            chars_max=NAME_CHARS_MAX
            autocomplete="nickname"
        />
    }
}
