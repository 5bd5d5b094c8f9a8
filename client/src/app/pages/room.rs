//! The room, for those inside.

use leptos::prelude::*;

use crate::components::audience::Audience;
use crate::components::chat::Chat;
use crate::components::hands::Hands;
use crate::components::invited::Invited;
use crate::components::keep_awake::KeepAwake;
use crate::components::own_bar::OwnBar;
use crate::components::page_heading::PageHeading;
use crate::components::room_badges::{Badges, RoomBadges};
use crate::components::room_menu::RoomTools;
use crate::components::room_troubles::RoomTroubles;
use crate::components::shortcuts::Shortcuts;
use crate::components::stage::Stage;
use crate::components::talk_key::TalkKey;
use crate::state::house::use_house;
use crate::state::room::use_room;

/// See the module.
#[component]
pub(crate) fn Room() -> impl IntoView {
    let (house, room) = (use_house(), use_room());
    let title = Memo::new(move |_| room.with(|view| view.settings.title.clone()).unwrap_or_default());
    let topic = Memo::new(move |_| room.with(|view| view.settings.topic.clone()).filter(|topic| !topic.is_empty()));
    let badges = Memo::new(move |_| room.with(|view| Badges::from(&view.settings)));
    view! {
        <div class="room">
            <header class="room__header">
                <PageHeading text=title />
                {move || badges.get().map(|badges| view! { <RoomBadges badges=badges /> })}
                <RoomTools />
                {move || topic.get().map(|topic| view! { <p class="room__topic">{topic}</p> })}
            </header>
            // Without a connection there is only one trouble.
            <Show when=move || house.is_online()>
                <RoomTroubles />
            </Show>
            <div class="room__columns">
                <div class="room__main">
                    <Stage />
                    <Chat />
                </div>
                <div class="room__side">
                    <Hands />
                    <Invited />
                    <Audience />
                </div>
            </div>
            <OwnBar />
            <Shortcuts />
            <TalkKey />
            <KeepAwake />
        </div>
    }
}
