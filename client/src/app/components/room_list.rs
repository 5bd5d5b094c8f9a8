//! The live rooms, kept up to date while it is shown.

use dais_engine::shared::wire::RoomsPage;
use leptos::prelude::*;

use super::room_card::RoomCard;
use crate::locales::t;
use crate::state::house::use_house;

/// A region with a list, or a sentence about its absence.
#[component]
pub(crate) fn RoomList() -> impl IntoView {
    let t = t();
    let house = use_house();
    house.watch_rooms();
    let shown = move || match house.rooms() {
        None => view! { <p class="room-list__waiting">{t.lobby.loading_rooms}</p> }.into_any(),
        Some(page) if page.rooms.is_empty() => view! {
            <div class="empty">
                <p class="empty__what">{t.lobby.no_rooms}</p>
                <p class="empty__hint">{t.lobby.no_rooms_hint}</p>
            </div>
        }
        .into_any(),
        Some(page) => list(page).into_any(),
    };
    view! {
        <section class="room-list card" aria-labelledby="live-rooms">
            <h2 id="live-rooms">{t.lobby.live_rooms}</h2>
            {shown}
        </section>
    }
}

fn list(page: RoomsPage) -> impl IntoView {
    let t = t();
    let shown = u32::try_from(page.rooms.len()).unwrap_or(u32::MAX);
    let more = page.total.saturating_sub(shown);
    view! {
        <ul class="room-list__rooms">{page.rooms.into_iter().map(|room| view! { <RoomCard room=room /> }).collect_view()}</ul>
        {(more > 0).then(|| view! { <p class="room-list__more">{(t.lobby.more_rooms)(more)}</p> })}
    }
}
