//! What is done with the room as a whole.

use dais_engine::shared::permissions::Action;
use dais_engine::shared::room::{Command, Mode, Setting};
use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use super::menu::{MenuButton, MenuItem};
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::room::use_room;

/// *Copy link* for everybody, and the room menu for those who may do anything in it.
#[component]
pub(crate) fn RoomTools() -> impl IntoView {
    let t = t();
    let (actions, room) = (use_actions(), use_room());
    let may_change = Memo::new(move |_| room.may(Action::SetMode) || room.may(Action::EndRoom));
    view! {
        <div class="room-tools">
            <button class="button" type="button" on:click=move |_| actions.copy_link()>
                <Icon glyph=Glyph::Link />
                {t.controls.copy_link}
            </button>
            <Show when=move || may_change.get()>
                <MenuButton label=t.room.menu>
                    <RoomMenuItems />
                </MenuButton>
            </Show>
        </div>
    }
}

#[component]
fn RoomMenuItems() -> impl IntoView {
    let t = t();
    let (actions, room) = (use_actions(), use_room());
    let mode = Memo::new(move |_| room.with(|view| view.settings.mode).filter(|_| room.may(Action::SetMode)));
    let switch = move |mode: Mode| {
        let (label, other) = match mode {
            Mode::Moderated => (t.room.make_open, Mode::Open),
            Mode::Open => (t.room.make_moderated, Mode::Moderated),
        };
        view! { <MenuItem label=label on_select=move || actions.room(Command::Set(Setting::Mode(other))) /> }
    };
    view! {
        {move || mode.get().map(switch)}
        <Show when=move || room.may(Action::EndRoom)>
            <MenuItem label=t.controls.end_room is_danger=true on_select=move || actions.room(Command::EndRoom) />
        </Show>
    }
}
