//! What the room is called, and what it is about.

use dais_engine::Failure;
use dais_engine::shared::limits::{TITLE_CHARS_MAX, TOPIC_CHARS_MAX};
use dais_engine::shared::names;
use dais_engine::shared::room::{Command, Setting};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::text_field::TextField;
use crate::locales::t;
use crate::state::actions::{Actions, use_actions};
use crate::state::dialogs::use_dialogs;
use crate::state::room::use_room;
use crate::typed::composed;

/// A form, filled with what is.
#[component]
pub(crate) fn AboutForm() -> impl IntoView {
    let t = t();
    let (actions, dialogs, room) = (use_actions(), use_dialogs(), use_room());
    let settings = untrack(|| room.with(|view| view.settings.clone()));
    let (title, topic) = settings.map(|settings| (settings.title, settings.topic)).unwrap_or_default();
    let (title, title_error) = (RwSignal::new(title), RwSignal::new(None));
    let (topic, topic_error) = (RwSignal::new(topic), RwSignal::new(None));
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let title = match names::title(&composed(&title.get_untracked())) {
            Ok(title) => title,
            Err(invalid) => return title_error.set(Some((t.errors.invalid_room_title)(invalid))),
        };
        let topic = match names::topic(&composed(&topic.get_untracked())) {
            Ok(topic) => topic,
            Err(invalid) => return topic_error.set(Some((t.errors.invalid_topic)(invalid))),
        };
        spawn_local(async move {
            match set(actions, title, topic).await {
                Ok(()) => dialogs.close(),
                Err(failure) => actions.tell(failure),
            }
        });
    };
    view! {
        <form class="form" on:submit=save novalidate>
            <TextField
                id="edit-title"
                label=t.controls.room_title
                value=title
                error=title_error
                chars_max=TITLE_CHARS_MAX
                is_first=true
            />
            <TextField
                id="edit-topic"
                label=t.moderation.topic
                value=topic
                error=topic_error
                hint=t.moderation.topic_hint
                chars_max=TOPIC_CHARS_MAX
            />
            <div class="form__buttons">
                <button class="button" type="button" on:click=move |_| dialogs.close()>
                    {t.controls.cancel}
                </button>
                <button class="button button--primary" type="submit">
                    {t.controls.save}
                </button>
            </div>
        </form>
    }
}

/// What is as it was, the room does not tell anew.
async fn set(actions: Actions, title: String, topic: String) -> Result<(), Failure> {
    actions.ask_room(Command::Set(Setting::Title(title))).await?;
    actions.ask_room(Command::Set(Setting::Topic(topic))).await
}
