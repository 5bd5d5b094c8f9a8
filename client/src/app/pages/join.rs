//! The screen before a room: what room it is, one's name, and one button, whose click also lets the browser play sound.

use dais_engine::Failure;
use dais_engine::shared::ids::RoomId;
use dais_engine::shared::room::Denied;
use dais_engine::shared::wire::RoomSummary;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;

use crate::components::name_field::{Name, NameField};
use crate::components::page_heading::PageHeading;
use crate::components::room_card::RoomFacts;
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::house::use_house;

/// What is known of a room before one is in it.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Looking,
    NotOpen,
    Live(RoomSummary),
}

/// See the module.
#[component]
pub(crate) fn Join(
    /// Which room.
    id: RoomId,
) -> impl IntoView {
    let t = t();
    let actions = use_actions();
    let name = Name::new();
    let known = look_up(id.clone());
    let error = RwSignal::new(None::<&'static str>);
    let is_waiting = RwSignal::new(false);
    let heading = {
        let id = id.clone();
        Memo::new(move |_| match known.get() {
            Known::Looking | Known::NotOpen => id.to_string(),
            Known::Live(room) => room.title,
        })
    };
    let join = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        actions.unlock_audio();
        let Some(name) = name.take() else { return };
        let id = id.clone();
        is_waiting.set(true);
        error.set(None);
        spawn_local(async move {
            if let Err(failure) = actions.join(name, id).await {
                let why = (t.errors.failure)(failure);
                // The screen may be gone by then.
                let _ = error.try_set(Some(why));
            }
            let _ = is_waiting.try_set(false);
        });
    };
    let facts = move || match known.get() {
        Known::Looking => view! { <p class="join__facts">{t.join.looking}</p> }.into_any(),
        Known::NotOpen => view! {
            <div class="join__facts">
                <p>{t.join.not_open}</p>
                <p class="join__hint">{t.join.not_open_hint}</p>
            </div>
        }
        .into_any(),
        Known::Live(room) => view! { <RoomFacts room=room /> }.into_any(),
    };
    view! {
        <div class="join">
            <form class="join__card card" on:submit=join novalidate>
                <PageHeading text=heading />
                {facts}
                <NameField name=name />
                <p class="join__error" role="alert">
                    {move || error.get()}
                </p>
                <button class="button button--primary button--wide button--large" type="submit" disabled=move || is_waiting.get()>
                    {move || if is_waiting.get() { t.join.joining } else { t.controls.join }}
                </button>
                <p class="join__hint">{t.join.no_microphone_needed}</p>
            </form>
            <A href="/" attr:class="join__back">
                {t.join.back}
            </A>
        </div>
    }
}

/// Keeps what is known of the room up to date: from the list that the page is told of, or from a search through all of
/// it where that list is longer than one page.
fn look_up(id: RoomId) -> Memo<Known> {
    let (actions, house) = (use_actions(), use_house());
    house.watch_rooms();
    let found = RwSignal::new(None::<Option<RoomSummary>>);
    {
        let id = id.clone();
        Effect::new(move || {
            let Some(page) = house.rooms() else { return };
            let is_complete = u32::try_from(page.rooms.len()).is_ok_and(|shown| shown >= page.total);
            if is_complete || house.room(&id).is_some() {
                return;
            }
            let id = id.clone();
            spawn_local(async move {
                match actions.find_room(&id).await {
                    // The screen may be gone by then.
                    Ok(room) => drop(found.try_set(Some(room))),
                    Err(Failure::Denied(Denied::UnknownRoom)) => drop(found.try_set(Some(None))),
                    Err(_) => {} // The next list tries again.
                }
            });
        });
    }
    Memo::new(move |_| {
        let listed = house.room(&id);
        let is_complete = house.rooms().map(|page| u32::try_from(page.rooms.len()).is_ok_and(|shown| shown >= page.total));
        match (listed, is_complete, found.get()) {
            (Some(room), _, _) | (None, Some(false), Some(Some(room))) => Known::Live(room),
            (None, None, _) | (None, Some(false), None) => Known::Looking,
            (None, Some(true), _) | (None, Some(false), Some(None)) => Known::NotOpen,
        }
    })
}
