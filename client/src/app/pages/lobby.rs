//! The lobby: who one is, which rooms are live, and ways to get into one.

use dais_engine::shared::room::Command;
use leptos::prelude::*;

use crate::components::create_room::CreateRoom;
use crate::components::go_to_room::GoToRoom;
use crate::components::name_field::{Name, NameField};
use crate::components::notice::Notice;
use crate::components::own_state::OwnState;
use crate::components::page_heading::PageHeading;
use crate::components::room_list::RoomList;
use crate::components::screen_link::ScreenLink;
use crate::components::shortcuts::Shortcuts;
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::house::use_house;
use crate::state::room::use_room;

/// The screen at `/`.
#[component]
pub(crate) fn Lobby() -> impl IntoView {
    let t = t();
    let name = Name::new();
    view! {
        <div class="lobby">
            <header class="lobby__header">
                <PageHeading text=t.lobby.heading />
                <p class="lobby__lead">{t.lobby.lead}</p>
            </header>
            <Notices />
            <div class="lobby__columns">
                <div class="lobby__main">
                    <You name=name />
                    <RoomList />
                </div>
                <div class="lobby__side">
                    <CreateRoom name=name />
                    <GoToRoom />
                </div>
            </div>
        </div>
    }
}

/// Who one is on this server.
#[component]
fn You(name: Name) -> impl IntoView {
    let t = t();
    let (actions, house) = (use_actions(), use_house());
    let known = move |known: String| {
        view! {
            <div class="you__known">
                <p>{(t.lobby.logged_in_as)(&known)}</p>
                <button class="button" type="button" on:click=move |_| actions.log_out()>
                    {t.controls.log_out}
                </button>
            </div>
        }
    };
    view! {
        <section class="you card" aria-labelledby="you">
            <h2 id="you">{t.lobby.you}</h2>
            <NameField name=name />
            {move || house.name().map(known)}
        </section>
    }
}

/// How the last room ended, or that one is still in one.
#[component]
fn Notices() -> impl IntoView {
    let t = t();
    let (actions, room) = (use_actions(), use_room());
    let ended = move || room.left().and_then(t.errors.left_room);
    let still_in = Memo::new(move |_| room.with(|view| (view.room.clone(), view.settings.title.clone())));
    let ended_notice = move |text: &'static str| {
        view! {
            <Notice text=text>
                <button class="button" type="button" on:click=move |_| room.forget_left()>
                    {t.controls.dismiss}
                </button>
            </Notice>
        }
    };
    view! {
        {move || ended().map(ended_notice)}
        {move || {
            still_in
                .get()
                .map(|(id, title)| {
                    view! {
                        <Notice text=(t.lobby.still_in)(&title)>
                            <OnAir />
                            <ScreenLink to=format!("/r/{id}") class="button button--primary">
                                {t.lobby.return_to_room}
                            </ScreenLink>
                            <button class="button" type="button" on:click=move |_| actions.leave()>
                                {t.controls.leave}
                            </button>
                        </Notice>
                    }
                })
        }}
    }
}

/// Whoever is heard in the room sees that, and can end it, here as well.
#[component]
fn OnAir() -> impl IntoView {
    let t = t();
    let (actions, room) = (use_actions(), use_room());
    let is_heard = Memo::new(move |_| room.my_stage().is_some_and(|me| !me.self_muted && !me.host_muted));
    let mute = move |_| actions.room(Command::SetMicrophone { muted: true });
    view! {
        <Shortcuts is_away=true />
        <Show when=move || is_heard.get()>
            <OwnState />
            <button class="button" type="button" on:click=mute>
                {t.controls.mute}
            </button>
        </Show>
    }
}
