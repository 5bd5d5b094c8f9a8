//! Writing a message. What is typed stays until the server has taken it.

use dais_engine::shared::names;
use dais_engine::shared::room::Command;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::locales::t;
use crate::state::actions::use_actions;
use crate::typed::composed;

/// A form.
#[component]
pub(crate) fn ChatForm() -> impl IntoView {
    let t = t();
    let actions = use_actions();
    let text = RwSignal::new(String::new());
    let error = RwSignal::new(None::<&'static str>);
    let send = move || {
        let typed = text.get_untracked();
        let message = match names::message(&composed(&typed)) {
            Ok(message) => message,
            Err(invalid) => return error.set(Some((t.errors.invalid_message)(invalid))),
        };
        error.set(None);
        spawn_local(async move {
            match actions.ask_room(Command::SendMessage(message)).await {
                // Somebody may have gone on typing meanwhile; the form may be gone.
                Ok(()) if text.try_get_untracked().as_ref() == Some(&typed) => drop(text.try_set(String::new())),
                Ok(()) => {}
                Err(failure) => drop(error.try_set(Some((t.errors.failure)(failure)))),
            }
        });
    };
    let press = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        send();
    };
    view! {
        <form class="chat-form" on:submit=submit novalidate>
            <label class="visually-hidden" for="message">
                {t.controls.message}
            </label>
            <textarea
                id="message"
                class="field__input chat-form__text"
                rows="1"
                placeholder=t.controls.message
                aria-describedby="message-error message-hint"
                aria-invalid=move || error.get().map(|_| "true")
                prop:value=move || text.get()
                on:input:target=move |event| {
                    text.set(event.target().value());
                    error.set(None);
                }
                on:keydown=press
            ></textarea>
            <button class="button button--primary" type="submit">
                {t.controls.send}
            </button>
            <p class="field__error chat-form__line" id="message-error" role="alert">
                {move || error.get()}
            </p>
            <p class="field__hint chat-form__line" id="message-hint">
                {t.chat.hint}
            </p>
        </form>
    }
}
