//! Who is asked on stage at the moment, for those who may take that back.

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::limits::INVITATION_MS;
use dais_engine::shared::room::Command;
use leptos::prelude::*;

use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::clock::use_clock;
use crate::state::room::use_room;

/// A region; nothing while nobody is asked, and for those who may not know.
#[component]
pub(crate) fn Invited() -> impl IntoView {
    let t = t();
    let room = use_room();
    let invited = Memo::new(move |_| {
        let known = room.with(|view| view.private.moderation.clone()).flatten();
        known.map(|known| known.invited).unwrap_or_default()
    });
    view! {
        <Show when=move || !invited.with(Vec::is_empty)>
            <section class="invited card" aria-labelledby="invited">
                <header class="card__header">
                    <h2 id="invited">{t.invitation.invited}</h2>
                </header>
                <ul class="people-list">
                    <For each=move || invited.get() key=|invited| (invited.member, invited.expires_ms) let:person>
                        <Person member=person.member name=person.name expires_ms=person.expires_ms />
                    </For>
                </ul>
            </section>
        </Show>
    }
}

#[component]
fn Person(member: MemberId, name: String, expires_ms: u64) -> impl IntoView {
    let t = t();
    let actions = use_actions();
    let seconds = use_clock().seconds_until(INVITATION_MS, move || Some(expires_ms));
    let shown = name.clone();
    view! {
        <li class="people-list__person" aria-label=shown>
            <span class="people-list__name">{name}</span>
            <span class="people-list__countdown">{move || seconds.get().map(t.invitation.countdown)}</span>
            <button class="button button--small" type="button" on:click=move |_| actions.room(Command::CancelInvite(member))>
                {t.controls.cancel_invitation}
            </button>
        </li>
    }
}
