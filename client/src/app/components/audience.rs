//! Who listens: the first of them by name, the others as a number.

use dais_engine::shared::ids::MemberId;
use leptos::prelude::*;

use super::avatar::Avatar;
use super::icon::{Glyph, Icon};
use super::person_menu::PersonMenu;
use crate::locales::t;
use crate::state::room::use_room;

/// A region with a list.
#[component]
pub(crate) fn Audience() -> impl IntoView {
    let t = t();
    let room = use_room();
    let listeners = Memo::new(move |_| {
        let members =
            |view: &dais_engine::shared::view::View| view.audience.iter().map(|listener| listener.member).collect::<Vec<_>>();
        room.with(members).unwrap_or_default()
    });
    let count = Memo::new(move |_| room.with(|view| view.audience_count).unwrap_or(0));
    let more = Memo::new(move |_| {
        let named = listeners.with(Vec::len);
        count.get().saturating_sub(u32::try_from(named).unwrap_or(u32::MAX))
    });
    view! {
        <section class="audience card" aria-labelledby="audience">
            <header class="card__header">
                <h2 id="audience">{t.room.audience}</h2>
                <span class="count" aria-hidden="true">
                    {move || count.get()}
                </span>
            </header>
            <Show when=move || count.get() == 0>
                <p class="empty__hint">{t.room.nobody_listens}</p>
            </Show>
            <ul class="audience__listeners">
                <For each=move || listeners.get() key=|member| *member let:member>
                    <AudienceMember member=member />
                </For>
            </ul>
            <Show when=move || { more.get() > 0 }>
                <p class="audience__more">{move || (t.room.more_listeners)(more.get())}</p>
            </Show>
        </section>
    }
}

#[component]
fn AudienceMember(member: MemberId) -> impl IntoView {
    let t = t();
    let room = use_room();
    let listener =
        Memo::new(move |_| room.with(|view| view.audience.iter().find(|listener| listener.member == member).cloned()).flatten());
    let name = Memo::new(move |_| room.name_of(member));
    let given_name =
        Memo::new(move |_| listener.with(|listener| listener.as_ref().map(|listener| listener.name.clone()).unwrap_or_default()));
    let is_me = Memo::new(move |_| room.me() == Some(member));
    let is_reconnecting =
        Memo::new(move |_| listener.with(|listener| listener.as_ref().is_some_and(|listener| listener.reconnecting)));
    let is_hand_raised =
        Memo::new(move |_| room.with(|view| view.hands.iter().any(|hand| hand.member == member)).unwrap_or(false));
    let user = listener.with_untracked(|listener| listener.as_ref().map(|listener| listener.user));
    view! {
        <li
            class="listener"
            aria-label=move || name.get()
            data-reconnecting=move || is_reconnecting.get().then_some("")
            data-hand=move || is_hand_raised.get().then_some("")
        >
            <Avatar user=user name=given_name />
            <span class="listener__name">
                {move || name.get()} <Show when=move || is_me.get()>
                    <span class="tile__you">{t.person.you}</span>
                </Show>
            </span>
            <Show when=move || is_hand_raised.get()>
                <span class="listener__mark">
                    <Icon glyph=Glyph::Hand />
                    <span class="visually-hidden">{t.person.hand_raised}</span>
                </span>
            </Show>
            <Show when=move || is_reconnecting.get()>
                <span class="listener__mark">{t.person.reconnecting}</span>
            </Show>
            <PersonMenu member=member user=None />
        </li>
    }
}
