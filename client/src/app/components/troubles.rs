//! What is in the way of everything, above every screen: no secure page, no worker, no connection.

use dais_engine::shared::wire::Goodbye;
use dais_engine::{Command, ConnectionState};
use leptos::prelude::*;

use super::notice::Notice;
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::devices::use_devices;
use crate::state::house::use_house;
use crate::state::room::use_room;

/// See the module.
#[component]
pub(crate) fn Troubles() -> impl IntoView {
    let t = t();
    let (house, devices) = (use_house(), use_devices());
    view! {
        <div class="troubles">
            <Show when=move || !devices.is_secure()>
                <Notice text=t.room.insecure is_bad=true />
            </Show>
            <Show when=move || house.has_worker_failed()>
                <Notice text=t.connection.worker_failed is_bad=true>
                    <ReloadButton />
                </Notice>
            </Show>
            <ConnectionTrouble />
        </div>
    }
}

/// A connection that is down, and what can be done about it.
#[component]
fn ConnectionTrouble() -> impl IntoView {
    let t = t();
    let (house, room) = (use_house(), use_room());
    let trouble = Memo::new(move |_| match house.connection() {
        ConnectionState::Connecting | ConnectionState::Online | ConnectionState::Stalled => None,
        ConnectionState::Reconnecting { .. } if house.obstacle().is_some() => {
            house.obstacle().map(|obstacle| ((t.connection.obstacle)(obstacle), Remedy::Retry))
        }
        ConnectionState::Reconnecting { .. } if room.with(|_| ()).is_some() => Some((t.connection.lost_in_room, Remedy::Retry)),
        ConnectionState::Reconnecting { .. } => Some((t.connection.lost_in_lobby, Remedy::Retry)),
        ConnectionState::Closed(goodbye) => Some(((t.connection.goodbye)(goodbye), remedy(goodbye))),
    });
    let button = |remedy| match remedy {
        Remedy::Reload => view! { <ReloadButton /> }.into_any(),
        Remedy::Retry => view! { <RetryButton /> }.into_any(),
        Remedy::TakeBack => view! { <TakeBackButton /> }.into_any(),
    };
    let shown = move |(text, remedy): (&'static str, Remedy)| {
        view! {
            <Notice text=text is_bad=true>
                {button(remedy)}
            </Notice>
        }
    };
    move || trouble.get().map(shown)
}

/// What can be done about a connection that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    /// Connect now.
    Retry,
    /// Load another version of the page.
    Reload,
    /// Take one's seat from the page that has it.
    TakeBack,
}

fn remedy(goodbye: Goodbye) -> Remedy {
    match goodbye {
        Goodbye::WrongVersion | Goodbye::Malformed | Goodbye::TooLarge | Goodbye::NotSignedIn => Remedy::Reload,
        Goodbye::Superseded => Remedy::TakeBack,
        Goodbye::ShuttingDown
        | Goodbye::NoHello
        | Goodbye::Silent
        | Goodbye::TooFast
        | Goodbye::Abuse
        | Goodbye::Overloaded
        | Goodbye::LoggedOut => Remedy::Retry,
    }
}

#[component]
fn RetryButton() -> impl IntoView {
    let t = t();
    let actions = use_actions();
    view! {
        <button class="button" type="button" on:click=move |_| actions.send(Command::Retry)>
            {t.controls.retry}
        </button>
    }
}

#[component]
fn ReloadButton() -> impl IntoView {
    let t = t();
    // A page that cannot be loaded again stays as it is, with this button.
    let reload = move |_| drop(window().location().reload());
    view! {
        <button class="button" type="button" on:click=reload>
            {t.controls.reload}
        </button>
    }
}

#[component]
fn TakeBackButton() -> impl IntoView {
    let t = t();
    let actions = use_actions();
    view! {
        <button class="button button--primary" type="button" on:click=move |_| actions.take_back()>
            {t.controls.use_this_tab}
        </button>
    }
}
