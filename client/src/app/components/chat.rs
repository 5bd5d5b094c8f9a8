//! The chat: what was written, and a field to write into. Text is shown as text, whatever it holds.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::chat_form::ChatForm;
use super::chat_message::ChatMessage;
use super::icon::{Glyph, Icon};
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::chat::use_chat;
use crate::state::room::use_room;

/// Whoever has scrolled up no further than this still reads the newest message.
const NEAR_THE_END_PX: i32 = 80;

/// A region. A narrow page shows it on demand.
#[component]
pub(crate) fn Chat() -> impl IntoView {
    let t = t();
    let (actions, chat, room) = (use_actions(), use_chat(), use_room());
    let takes_messages = Memo::new(move |_| room.with(|view| view.settings.takes_messages).unwrap_or(false));
    let ids = Memo::new(move |_| chat.ids());
    let earliest = Memo::new(move |_| chat.earliest());
    let list = NodeRef::<html::Div>::new();
    keep_at_the_end(list, Memo::new(move |_| (ids.with(|ids| ids.last().copied()), chat.is_open())));
    let close = move || {
        chat.set_open(false);
        focus(".own-bar__chat");
    };
    let press = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" && untrack(|| chat.is_open()) {
            close();
        }
    };
    Effect::new(move || {
        if chat.is_open() {
            // It is there from the next frame on.
            request_animation_frame(|| focus(".chat__scroll"));
        }
    });
    view! {
        <section class="chat card" aria-labelledby="chat" on:keydown=press data-open=move || chat.is_open().then_some("")>
            <header class="card__header">
                <h2 id="chat">{t.chat.heading}</h2>
                <button
                    class="button button--icon chat__close"
                    type="button"
                    aria-label=t.controls.close
                    on:click=move |_| close()
                >
                    <Icon glyph=Glyph::Close />
                </button>
            </header>
            <div class="chat__scroll" node_ref=list tabindex="0" role="log" aria-label=t.chat.messages>
                <Show when=move || earliest.get().is_some()>
                    <button
                        class="button button--small chat__earlier"
                        type="button"
                        on:click=move |_| actions.show_earlier_messages()
                    >
                        {t.chat.earlier}
                    </button>
                </Show>
                <Show when=move || ids.with(Vec::is_empty)>
                    <p class="empty__hint">{t.chat.empty}</p>
                </Show>
                <ol class="chat__messages">
                    <For each=move || ids.get() key=|id| *id let:id>
                        <ChatMessage id=id />
                    </For>
                </ol>
            </div>
            <Show
                when=move || takes_messages.get()
                fallback=move || view! { <p class="empty__hint">{t.chat.closed}</p> }
            >
                <ChatForm />
            </Show>
        </section>
    }
}

/// Where somebody goes on who opened or closed the chat.
fn focus(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(found) = found.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok()) {
        // Focus on something that cannot take it changes nothing.
        let _ = found.focus();
    }
}

/// Scrolls to the newest message when there is one, unless the person is reading further up.
fn keep_at_the_end(list: NodeRef<html::Div>, newest: Memo<impl PartialEq + Send + Sync + 'static>) {
    Effect::new(move || {
        newest.with(|_| ());
        let Some(list) = list.get() else { return };
        let below_px = list.scroll_height() - list.scroll_top() - list.client_height();
        let is_at_the_end = list.scroll_top() == 0 || below_px < NEAR_THE_END_PX + list.last_message_px();
        if is_at_the_end {
            request_animation_frame(move || list.set_scroll_top(list.scroll_height()));
        }
    });
}

/// The height of what has just come.
trait LastMessage {
    fn last_message_px(&self) -> i32;
}

impl LastMessage for web_sys::HtmlDivElement {
    fn last_message_px(&self) -> i32 {
        let last = self.query_selector(".chat__messages > :last-child").ok().flatten();
        last.map_or(0, |last| last.client_height())
    }
}
