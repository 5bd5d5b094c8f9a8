//! One's own seat is in use on another page: go on here, or come in as somebody else.

use leptos::prelude::*;

use super::dialog::Dialog;
use super::name_field::{Name, NameField};
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::entry::{Attempt, use_entry};

/// Opens by itself when the server says so.
#[component]
pub(crate) fn SeatDialog() -> impl IntoView {
    let t = t();
    let entry = use_entry();
    let conflict = Memo::new(move |_| entry.conflict());
    let is_open = RwSignal::new(false);
    Effect::new(move || is_open.set(conflict.with(Option::is_some)));
    // Closed without an answer: the screen before the room is there for another try.
    Effect::new(move |was_open: Option<bool>| {
        let is_open = is_open.get();
        if was_open == Some(true) && !is_open && untrack(|| conflict.get()).is_some() {
            entry.clear();
        }
        is_open
    });
    view! {
        <Dialog id="seat" title=t.entry.conflict_heading is_open=is_open>
            {move || conflict.get().map(|attempt| view! { <Answers attempt=attempt /> })}
        </Dialog>
    }
}

#[component]
fn Answers(attempt: Attempt) -> impl IntoView {
    let t = t();
    let words = &t.entry;
    let actions = use_actions();
    let name = Name::new();
    let here = attempt.room.clone();
    let another = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(name) = name.take() else { return };
        actions.join_as_another(Attempt { name, ..attempt.clone() });
    };
    view! {
        <form class="form" on:submit=another novalidate>
            <p>{words.conflict}</p>
            <button
                class="button button--primary button--wide"
                type="button"
                data-first=""
                on:click=move |_| actions.use_this_tab(here.clone())
            >
                {t.controls.use_this_tab}
            </button>
            <p class="form__hint">{words.use_this_tab_hint}</p>
            <hr class="form__line" />
            <NameField name=name id="another-name" hint=words.another_hint />
            <button class="button button--wide" type="submit">
                {t.controls.join_as_another}
            </button>
        </form>
    }
}
