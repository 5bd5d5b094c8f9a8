//! *Room id or link*: the way into a room that somebody else named.

use dais_engine::shared::ids::RoomId;
use leptos::prelude::*;

use super::text_field::TextField;
use crate::address::use_address;
use crate::locales::t;

/// Characters of a link with room for a long host name.
const LINK_CHARS_MAX: usize = 400;

/// A form.
#[component]
pub(crate) fn GoToRoom() -> impl IntoView {
    let t = t();
    let address = use_address();
    let (link, error) = (RwSignal::new(String::new()), RwSignal::new(None));
    let go = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match RoomId::from_link(&link.get_untracked()) {
            Ok(room) => address.go(&format!("/r/{room}")),
            Err(_) => error.set(Some(t.errors.not_a_room_link)),
        }
    };
    view! {
        <form class="go-to-room card" aria-labelledby="go-to-room" on:submit=go novalidate>
            <h2 id="go-to-room">{t.lobby.go_heading}</h2>
            <TextField
                id="room-link"
                label=t.controls.room_id_or_link
                value=link
                error=error
                chars_max=LINK_CHARS_MAX
                is_id=true
            />
            <button class="button button--wide" type="submit">
                {t.lobby.go}
            </button>
        </form>
    }
}
