//! One live room in the lobby: a link to it.

use dais_engine::shared::wire::RoomSummary;
use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use super::room_badges::{Badges, RoomBadges};
use super::screen_link::ScreenLink;
use crate::locales::t;

/// An item of a list, named by the room.
#[component]
pub(crate) fn RoomCard(
    /// What the server lists.
    room: RoomSummary,
) -> impl IntoView {
    let (address, title, badges) = (format!("/r/{}", room.id), room.title.clone(), Badges::from(&room));
    view! {
        <li class="room-card">
            <ScreenLink to=address.clone() class="room-card__link">
                <span class="room-card__title">{title}</span>
            </ScreenLink>
            <RoomFacts room=room />
            <p class="room-card__address">{address}</p>
            <RoomBadges badges=badges />
        </li>
    }
}

/// Who hosts a room, and how many are in it.
#[component]
pub(crate) fn RoomFacts(
    /// What the server lists.
    room: RoomSummary,
) -> impl IntoView {
    let t = t();
    view! {
        <p class="room-facts">
            <span class="room-facts__fact">
                <Icon glyph=Glyph::Crown />
                {room.host.as_deref().map_or_else(|| t.lobby.without_host.to_owned(), t.lobby.hosted_by)}
            </span>
            <span class="room-facts__fact">
                <Icon glyph=Glyph::Microphone />
                {(t.lobby.on_stage)(room.on_stage)}
            </span>
            <span class="room-facts__fact">
                <Icon glyph=Glyph::Ear />
                {(t.lobby.listening)(room.listening)}
            </span>
        </p>
    }
}
