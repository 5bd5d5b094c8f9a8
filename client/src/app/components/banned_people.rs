//! Who may not come in, and who has left and could be kept from coming back.

use dais_engine::shared::room::Command;
use dais_engine::shared::view::Absent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::room::use_room;

type Known = RwSignal<Option<(Vec<Absent>, Vec<Absent>)>>;

/// Two lists, asked for anew whenever the number of bans changes.
#[component]
pub(crate) fn BannedPeople() -> impl IntoView {
    let t = t();
    let words = &t.moderation;
    let (actions, room) = (use_actions(), use_room());
    let known: Known = RwSignal::new(None);
    let bans = Memo::new(move |_| room.with(|view| view.private.moderation.as_ref().map(|known| known.bans)).flatten());
    Effect::new(move || {
        bans.get();
        spawn_local(async move {
            match actions.banned().await {
                // The dialog may be closed by then.
                Ok(lists) => drop(known.try_set(Some(lists))),
                Err(failure) => actions.tell(failure),
            }
        });
    });
    let lists = move |(banned, departed): (Vec<Absent>, Vec<Absent>)| {
        view! {
            <PeopleList people=banned is_banned=true nobody=words.nobody_banned />
            <h3>{words.departed_heading}</h3>
            <p class="form__hint">{words.departed_hint}</p>
            <PeopleList people=departed is_banned=false nobody=words.nobody_departed />
        }
    };
    view! {
        <div class="form">
            {move || match known.get() {
                Some(known) => lists(known).into_any(),
                None => view! { <p class="form__hint">{words.loading}</p> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn PeopleList(people: Vec<Absent>, is_banned: bool, nobody: &'static str) -> impl IntoView {
    let t = t();
    let actions = use_actions();
    let item = move |person: Absent| {
        let user = person.user;
        let (label, command) =
            if is_banned { (t.controls.unban, Command::Unban(user)) } else { (t.controls.ban, Command::BanDeparted(user)) };
        let name = if person.name.is_empty() { t.moderation.erased_person.to_owned() } else { person.name };
        let shown = name.clone();
        view! {
            <li class="people-list__person" aria-label=shown>
                <span class="people-list__name">{name}</span>
                <button class="button button--small" type="button" on:click=move |_| actions.room(command.clone())>
                    {label}
                </button>
            </li>
        }
    };
    if people.is_empty() {
        view! { <p class="form__hint">{nobody}</p> }.into_any()
    } else {
        view! { <ul class="people-list">{people.into_iter().map(item).collect_view()}</ul> }.into_any()
    }
}
