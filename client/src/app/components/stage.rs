//! The stage: a tile for everybody on it.

use leptos::prelude::*;

use super::reactions::ReactionBar;
use super::tile::Tile;
use crate::locales::t;
use crate::state::room::use_room;

/// A region with a list.
#[component]
pub(crate) fn Stage() -> impl IntoView {
    let t = t();
    let room = use_room();
    // A stay on stage has a stream of its own: whoever comes back gets a new tile.
    let stays = Memo::new(move |_| {
        let stays = |view: &dais_engine::shared::view::View| {
            view.stage.iter().map(|person| (person.member, person.stream)).collect::<Vec<_>>()
        };
        room.with(stays).unwrap_or_default()
    });
    view! {
        <section class="stage card" aria-labelledby="stage">
            <header class="card__header">
                <h2 id="stage">{t.room.stage}</h2>
                <span class="count" aria-hidden="true">
                    {move || stays.with(Vec::len)}
                </span>
            </header>
            <Show when=move || stays.with(Vec::is_empty)>
                <p class="empty__what">{t.room.nobody_on_stage}</p>
            </Show>
            <ul class="stage__tiles">
                <For each=move || stays.get() key=|stay| *stay let:((member, _))>
                    <Tile member=member />
                </For>
            </ul>
            <ReactionBar />
        </section>
    }
}
