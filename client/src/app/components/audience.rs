//! Who listens: the first of them by name, the others as a number and, for whoever wants to see them, page by page.

use dais_engine::shared::ids::{MemberId, UserId};
use dais_engine::shared::view::{Member, View};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::listener::AudienceMember;
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::room::use_room;

/// Somebody to show: from the view, or from a page of the member list.
type Shown = (MemberId, UserId, String);

/// A region with a list.
#[component]
pub(crate) fn Audience() -> impl IntoView {
    let t = t();
    let (actions, room) = (use_actions(), use_room());
    let count = Memo::new(move |_| room.with(|view| view.audience_count).unwrap_or(0));
    let pages = RwSignal::new(Vec::<Member>::new());
    let shown = Memo::new(move |_| pages.with(|pages| room.with(|view| shown(view, pages)).unwrap_or_default()));
    let more = Memo::new(move |_| {
        let named = shown.with(Vec::len);
        count.get().saturating_sub(u32::try_from(named).unwrap_or(u32::MAX))
    });
    let show_more = move |_| {
        let after = shown.with_untracked(|shown| shown.iter().map(|(member, ..)| *member).max());
        spawn_local(async move {
            match actions.members(after).await {
                // The room may be left by then.
                Ok(page) => drop(pages.try_update(|pages| pages.extend(page))),
                Err(failure) => actions.tell(failure),
            }
        });
    };
    // Those whom the view names are told of; a page is as old as it is. With nobody left to page to, it is dropped.
    Effect::new(move || {
        let named = room.with(|view| view.audience.len()).unwrap_or(0);
        let is_needed = u32::try_from(named).is_ok_and(|named| count.get() > named);
        if !is_needed && pages.with_untracked(|pages| !pages.is_empty()) {
            pages.set(Vec::new());
        }
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
                <For each=move || shown.get() key=|(member, ..)| *member let:((member, user, name))>
                    <AudienceMember member=member user=user given_name=name />
                </For>
            </ul>
            <Show when=move || { more.get() > 0 }>
                <p class="audience__more">
                    {move || (t.room.more_listeners)(more.get())}
                    <button class="button button--small" type="button" on:click=show_more>
                        {t.controls.show_more}
                    </button>
                </p>
            </Show>
        </section>
    }
}

/// Whom the view names, then those of the pages whom it does not.
fn shown(view: &View, pages: &[Member]) -> Vec<Shown> {
    let named = view.audience.iter().map(|listener| (listener.member, listener.user, listener.name.clone()));
    let is_named =
        |member: MemberId| view.person(member).is_some() || view.audience.iter().any(|listener| listener.member == member);
    let others = pages.iter().filter(|member| !member.role.is_on_stage() && !is_named(member.member));
    named.chain(others.map(|member| (member.member, member.user, member.name.clone()))).collect()
}
