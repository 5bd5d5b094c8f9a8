//! The raised hands, in the order in which they are to be called.

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::room::Mode;
use leptos::prelude::*;

use super::icon::{Glyph, Icon};
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
    let none = move || match room.with(|view| (view.settings.takes_hands, view.settings.mode)) {
        Some((false, _)) => t.room.hands_closed,
        Some((true, Mode::Open)) => t.room.hands_of_open_room,
        Some((true, Mode::Moderated)) | None => t.room.no_hands,
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
    let may = move |offer: OnPerson| offers.with(|offers| offers.contains(&offer));
    let press = move |offer: OnPerson| actions.room(offer.command(member));
    view! {
        <li class="raised-hand" aria-label=move || name.get() data-me=move || is_me.get().then_some("")>
            <span class="raised-hand__name">
                {move || name.get()} <Show when=move || is_me.get()>
                    <span class="tile__you">{t.person.you}</span>
                </Show>
            </span>
            <span class="raised-hand__actions">
                <Show when=move || may(OnPerson::Admit)>
                    <button
                        class="button button--small button--primary"
                        type="button"
                        on:click=move |_| press(OnPerson::Admit)
                    >
                        {t.controls.admit}
                    </button>
                </Show>
                <Show when=move || may(OnPerson::Decline)>
                    <button
                        class="button button--icon"
                        type="button"
                        aria-label=move || name.with(|name| (t.controls.lower_hand_of)(name))
                        title=t.controls.decline
                        on:click=move |_| press(OnPerson::Decline)
                    >
                        <Icon glyph=Glyph::Close />
                    </button>
                </Show>
            </span>
        </li>
    }
}
