//! *Create room*: a title, who may speak, and an address of one's choice.

use dais_engine::Failure;
use dais_engine::shared::ids::RoomId;
use dais_engine::shared::limits::{PASSCODE_CHARS_MAX, ROOM_ID_CHARS_MAX, TITLE_CHARS_MAX};
use dais_engine::shared::names;
use dais_engine::shared::room::{Denied, Mode};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::name_field::Name;
use super::switch::Switch;
use super::text_field::TextField;
use crate::address::use_address;
use crate::locales::t;
use crate::state::actions::{NewRoom, use_actions};
use crate::state::notices::use_notices;
use crate::typed::composed;

/// A form. The one who sends it is the room's host.
#[component]
pub(crate) fn CreateRoom(
    /// Who is to be the host.
    name: Name,
) -> impl IntoView {
    let t = t();
    let (actions, notices, address) = (use_actions(), use_notices(), use_address());
    let (title, title_error) = (RwSignal::new(String::new()), RwSignal::new(None));
    let (id, id_error) = (RwSignal::new(String::new()), RwSignal::new(None));
    let (passcode, passcode_error) = (RwSignal::new(String::new()), RwSignal::new(None));
    let mode = RwSignal::new(Mode::Moderated);
    let unlisted = RwSignal::new(false);
    let is_waiting = RwSignal::new(false);
    let fail = move |failure| match failure {
        Failure::Denied(Denied::RoomIdTaken) => id_error.set(Some((t.errors.failure)(failure))),
        Failure::Denied(Denied::InvalidTitle(_)) => title_error.set(Some((t.errors.failure)(failure))),
        Failure::Denied(Denied::InvalidPasscode(_)) => passcode_error.set(Some((t.errors.failure)(failure))),
        Failure::Denied(_) | Failure::Offline => notices.error((t.errors.failure)(failure)),
    };
    let create = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        actions.unlock_audio();
        let unlisted = unlisted.get_untracked();
        let room = match id.get_untracked().trim() {
            // The server makes an id that nobody guesses.
            _ if unlisted => None,
            "" => None,
            text => match RoomId::parse(text) {
                Ok(room) => Some(room),
                Err(_) => return id_error.set(Some(t.errors.invalid_room_id)),
            },
        };
        let title = match names::title(&composed(&title.get_untracked())) {
            Ok(title) => title,
            Err(invalid) => return title_error.set(Some((t.errors.invalid_room_title)(invalid))),
        };
        let passcode = match passcode.get_untracked().trim() {
            "" => None,
            text => match names::passcode(&composed(text)) {
                Ok(passcode) => Some(passcode),
                Err(invalid) => return passcode_error.set(Some((t.errors.invalid_passcode)(invalid))),
            },
        };
        let Some(name) = name.take() else { return };
        if actions.asks_before_leaving(None) {
            return;
        }
        let new = NewRoom { room, title, mode: mode.get_untracked(), unlisted, passcode };
        is_waiting.set(true);
        spawn_local(async move {
            match actions.create(name, new).await {
                Ok(room) => address.go(&format!("/r/{room}")),
                Err(failure) => fail(failure),
            }
            let _ = is_waiting.try_set(false); // The form is gone where the room was made.
        });
    };
    view! {
        <form class="create-room card" aria-labelledby="create-room" on:submit=create novalidate>
            <h2 id="create-room">{t.lobby.create_heading}</h2>
            <p class="card__lead">{t.lobby.create_lead}</p>
            <TextField id="room-title" label=t.controls.room_title value=title error=title_error chars_max=TITLE_CHARS_MAX />
            <ModeChoice mode=mode />
            <Show when=move || !unlisted.get()>
                <TextField
                    id="room-id"
                    label=t.lobby.room_id
                    value=id
                    error=id_error
                    hint=t.lobby.room_id_hint
                    chars_max=ROOM_ID_CHARS_MAX
                    is_id=true
                />
            </Show>
            <Switch
                id="unlisted"
                label=t.controls.unlisted
                hint=t.lobby.unlisted_hint
                is_on=unlisted
                on_change=move |is_on| unlisted.set(is_on)
            />
            <TextField
                id="passcode"
                label=t.controls.passcode
                value=passcode
                error=passcode_error
                hint=t.lobby.passcode_hint
                chars_max=PASSCODE_CHARS_MAX
                is_id=true
            />
            <button class="button button--primary button--wide" type="submit" disabled=move || is_waiting.get()>
                {t.controls.create_room}
            </button>
        </form>
    }
}

/// How people come on stage.
#[component]
fn ModeChoice(mode: RwSignal<Mode>) -> impl IntoView {
    let t = t();
    let choice = move |choice: Mode| {
        view! {
            <label class="choice choice--tall">
                <input type="radio" name="mode" prop:checked=move || mode.get() == choice on:change=move |_| mode.set(choice) />
                <span>
                    {(t.lobby.mode)(choice)} <span class="choice__hint">{(t.lobby.mode_hint)(choice)}</span>
                </span>
            </label>
        }
    };
    view! {
        <fieldset class="choices">
            <legend class="choices__legend">{t.lobby.who_speaks}</legend>
            <div class="choices__row">{[Mode::Moderated, Mode::Open].map(choice).collect_view()}</div>
        </fieldset>
    }
}
