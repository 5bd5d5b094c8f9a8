//! The raised hands, in the order in which they are to be called.

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::room::Mode;
use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use super::person_menu::word;
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::offers::{OnPerson, on_person};
use crate::state::room::use_room;

/// A region with a list.
#[component]
pub(crate) fn Hands() -> impl IntoView {
    let t = t();
    let room = use_room();
    let hands = Memo::new(move |_| {
        let members = |view: &dais_engine::shared::view::View| view.hands.iter().map(|hand| hand.member).collect::<Vec<_>>();
        room.with(members).unwrap_or_default()
    });
    let none = move || match room.with(|view| view.settings.mode) {
        Some(Mode::Open) => t.room.hands_of_open_room,
        Some(Mode::Moderated) | None => t.room.no_hands,
    };
    view! {
        <section class="hands card" aria-labelledby="hands">
            <header class="card__header">
                <h2 id="hands">{t.room.raised_hands}</h2>
                <span class="count" aria-hidden="true">
                    {move || hands.with(Vec::len)}
                </span>
            </header>
            <Show when=move || hands.with(Vec::is_empty)>
                <p class="empty__hint">{none}</p>
            </Show>
            <ol class="hands__queue">
                <For each=move || hands.get() key=|member| *member let:member>
                    <RaisedHand member=member />
                </For>
            </ol>
        </section>
    }
}

#[component]
fn RaisedHand(member: MemberId) -> impl IntoView {
    let t = t();
    let (actions, room) = (use_actions(), use_room());
    let name = Memo::new(move |_| room.name_of(member));
    let is_me = Memo::new(move |_| room.me() == Some(member));
    let offers = Memo::new(move |_| room.with(|view| on_person(view, member)).unwrap_or_default());
    let button = move |offer: OnPerson| {
        view! {
            <button
                class="button button--small"
                class:button--primary=offer == OnPerson::Admit
                type="button"
                on:click=move |_| actions.room(offer.command(member))
            >
                {word(&t.controls, offer)}
            </button>
        }
    };
    view! {
        <li class="raised-hand" aria-label=move || name.get() data-me=move || is_me.get().then_some("")>
            <Icon glyph=Glyph::Hand />
            <span class="raised-hand__name">{move || name.get()}</span>
            <span class="raised-hand__actions">{move || offers.get().into_iter().map(button).collect_view()}</span>
        </li>
    }
}
