//! Shows the chat on a narrow page, and how much of it is new.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::locales::t;
use crate::state::chat::use_chat;

/// A button of the bar. A wide page shows the chat always, and this never.
#[component]
pub(crate) fn ChatButton() -> impl IntoView {
    let t = t();
    let chat = use_chat();
    let unread = Memo::new(move |_| chat.unread());
    view! {
        <button
            class="button own-bar__button own-bar__chat"
            type="button"
            aria-expanded=move || chat.is_open().to_string()
            on:click=move |_| chat.set_open(!untrack(|| chat.is_open()))
        >
            <Icon glyph=Glyph::Chat />
            <span>{t.chat.heading}</span>
            <Show when=move || { unread.get() > 0 }>
                <span class="own-bar__unread">{move || (t.chat.unread)(unread.get())}</span>
            </Show>
        </button>
    }
}
