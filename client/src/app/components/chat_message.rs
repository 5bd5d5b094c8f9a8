//! One message: who wrote it and what he is in this room now, when, and what; or that it was removed.

use dais_engine::shared::ids::MessageId;
use dais_engine::shared::permissions::Role;
use dais_engine::shared::room::Command;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::icon::{Glyph, Icon};
use super::role_mark::RoleMark;
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::chat::use_chat;
use crate::state::house::use_house;
use crate::state::offers::may_remove;
use crate::state::room::use_room;

/// An item of the chat's list.
#[component]
pub(crate) fn ChatMessage(
    /// Which.
    id: MessageId,
) -> impl IntoView {
    let t = t();
    let (actions, chat, house, room) = (use_actions(), use_chat(), use_house(), use_room());
    let message = Memo::new(move |_| chat.message(id));
    let is_mine = Memo::new(move |_| message.with(|message| message.as_ref().map(|message| message.user)) == house.user());
    let is_removable = Memo::new(move |_| {
        let Some(message) = message.get() else { return false };
        room.with(|view| may_remove(view, house.user(), &message)).unwrap_or(false)
    });
    let role = Memo::new(move |_| {
        let user = message.with(|message| message.as_ref().map(|message| message.user));
        user.and_then(|user| room.with(|view| view.role_of_user(user))).unwrap_or(Role::Listener)
    });
    let head = message.get_untracked().map(|message| {
        let (clock, exact) = written_at(message.at_ms);
        view! {
            <span class="chat-message__name">{message.name}</span>
            <RoleMark role=role />
            <time class="chat-message__time" datetime=exact>
                {clock}
            </time>
        }
    });
    let text = move || match message.get().and_then(|message| message.text) {
        Some(text) => view! { <p class="chat-message__text">{text}</p> }.into_any(),
        None => view! { <p class="chat-message__removed">{t.chat.removed}</p> }.into_any(),
    };
    view! {
        <li class="chat-message" data-mine=move || is_mine.get().then_some("")>
            <div class="chat-message__head">
                {head}
                <Show when=move || is_removable.get()>
                    <button
                        class="button button--icon chat-message__remove"
                        type="button"
                        aria-label=t.controls.remove_message
                        title=t.controls.remove_message
                        on:click=move |_| actions.room(Command::RemoveMessage(id))
                    >
                        <Icon glyph=Glyph::Bin />
                    </button>
                </Show>
            </div>
            {text}
        </li>
    }
}

/// The time of day here, and the exact time for machines.
fn written_at(at_ms: u64) -> (String, String) {
    let date = js_sys::Date::new(&JsValue::from_f64(at_ms as f64));
    let exact = date.to_iso_string().as_string().unwrap_or_default();
    (format!("{:02}:{:02}", date.get_hours(), date.get_minutes()), exact)
}
