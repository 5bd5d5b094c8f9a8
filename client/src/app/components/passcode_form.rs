//! Which passcode the room asks for, or none.

use dais_engine::Failure;
use dais_engine::shared::limits::PASSCODE_CHARS_MAX;
use dais_engine::shared::names;
use dais_engine::shared::room::Command;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::text_field::TextField;
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::dialogs::use_dialogs;
use crate::state::room::use_room;
use crate::typed::composed;

/// A form. The passcode that is set, nobody but the server knows.
#[component]
pub(crate) fn PasscodeForm() -> impl IntoView {
    let t = t();
    let words = &t.moderation;
    let (actions, dialogs, room) = (use_actions(), use_dialogs(), use_room());
    let (passcode, error) = (RwSignal::new(String::new()), RwSignal::new(None));
    let has_passcode = Memo::new(move |_| room.with(|view| view.settings.has_passcode).unwrap_or(false));
    let set = move |passcode: Option<String>| {
        spawn_local(async move {
            match actions.ask_room(Command::SetPasscode(passcode)).await {
                Ok(()) => dialogs.close(),
                Err(failure @ Failure::Denied(_)) => drop(error.try_set(Some((t.errors.failure)(failure)))),
                Err(failure) => actions.tell(failure),
            }
        });
    };
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match names::passcode(&composed(&passcode.get_untracked())) {
            Ok(passcode) => set(Some(passcode)),
            Err(invalid) => error.set(Some((t.errors.invalid_passcode)(invalid))),
        }
    };
    view! {
        <form class="form" on:submit=save novalidate>
            <Show when=move || has_passcode.get()>
                <p>{words.passcode_is_set}</p>
            </Show>
            <TextField
                id="set-passcode"
                label=t.controls.passcode
                value=passcode
                error=error
                hint=words.passcode_hint
                chars_max=PASSCODE_CHARS_MAX
                is_id=true
                is_first=true
            />
            <div class="form__buttons">
                <Show when=move || has_passcode.get()>
                    <button class="button" type="button" on:click=move |_| set(None)>
                        {words.remove_passcode}
                    </button>
                </Show>
                <button class="button button--primary" type="submit">
                    {t.controls.save}
                </button>
            </div>
        </form>
    }
}
