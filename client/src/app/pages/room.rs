//! The room, for those inside.

use leptos::prelude::*;

use crate::components::audience::Audience;
use crate::components::hands::Hands;
use crate::components::own_bar::OwnBar;
use crate::components::page_heading::PageHeading;
use crate::components::room_menu::RoomTools;
use crate::components::room_troubles::RoomTroubles;
use crate::components::stage::Stage;
use crate::locales::t;
use crate::state::house::use_house;
use crate::state::room::use_room;

/// See the module.
#[component]
pub(crate) fn Room() -> impl IntoView {
    let t = t();
    let (house, room) = (use_house(), use_room());
    let title = Memo::new(move |_| room.with(|view| view.settings.title.clone()).unwrap_or_default());
    let mode = Memo::new(move |_| room.with(|view| view.settings.mode));
    view! {
        <div class="room">
            <header class="room__header">
                <PageHeading text=title />
                <span class="badge">{move || mode.get().map(t.lobby.mode)}</span>
                <RoomTools />
            </header>
            // Without a connection there is only one trouble.
            <Show when=move || house.is_online()>
                <RoomTroubles />
            </Show>
            <div class="room__columns">
                <Stage />
                <div class="room__side">
                    <Hands />
                    <Audience />
                </div>
            </div>
            <OwnBar />
        </div>
    }
}
