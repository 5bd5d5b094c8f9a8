//! What is done with the room as a whole.

use dais_engine::shared::room::Mode;
use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use super::menu::MenuButton;
use super::menu_item::MenuItem;
use crate::locales::{Sentences, t};
use crate::state::actions::use_actions;
use crate::state::dialogs::{Question, use_dialogs};
use crate::state::offers::{OnRoom, on_room};
use crate::state::room::use_room;

/// *Copy link* for everybody, and the room menu for those who may do anything in it.
#[component]
pub(crate) fn RoomTools() -> impl IntoView {
    let t = t();
    let (actions, dialogs, room) = (use_actions(), use_dialogs(), use_room());
    let offers = Memo::new(move |_| room.with(on_room).unwrap_or_default());
    let select = move |offer: OnRoom| match (offer.command(), question(offer)) {
        (Some(command), _) => actions.room(command),
        (None, Some(question)) => dialogs.ask(question),
        (None, None) => {}
    };
    let item = move |offer: OnRoom| {
        let is_on = match offer {
            OnRoom::Unlisted(is_to_be_on) => Some(!is_to_be_on),
            _ => None,
        };
        let is_danger = offer == OnRoom::EndRoom;
        view! { <MenuItem label=word(t, offer) is_danger=is_danger is_on=is_on on_select=move || select(offer) /> }
    };
    view! {
        <div class="room-tools">
            <button class="button" type="button" on:click=move |_| actions.copy_link()>
                <Icon glyph=Glyph::Link />
                {t.controls.copy_link}
            </button>
            <Show when=move || !offers.with(Vec::is_empty)>
                <MenuButton label=t.room.menu>{move || offers.get().into_iter().map(item).collect_view()}</MenuButton>
            </Show>
        </div>
    }
}

fn question(offer: OnRoom) -> Option<Question> {
    match offer {
        OnRoom::Passcode => Some(Question::Passcode),
        OnRoom::About => Some(Question::About),
        OnRoom::BannedPeople => Some(Question::Banned),
        OnRoom::HandOver => Some(Question::HandOver),
        OnRoom::EndRoom => Some(Question::EndRoom),
        OnRoom::MuteAll
        | OnRoom::LowerAllHands
        | OnRoom::Mode(_)
        | OnRoom::HandQueue(_)
        | OnRoom::Chat(_)
        | OnRoom::Lock(_)
        | OnRoom::Unlisted(_) => None,
    }
}

fn word(t: &Sentences, offer: OnRoom) -> &'static str {
    match offer {
        OnRoom::MuteAll => t.controls.mute_all,
        OnRoom::LowerAllHands => t.controls.lower_all_hands,
        OnRoom::Mode(Mode::Open) => t.room.make_open,
        OnRoom::Mode(Mode::Moderated) => t.room.make_moderated,
        OnRoom::HandQueue(true) => t.moderation.open_hand_queue,
        OnRoom::HandQueue(false) => t.moderation.close_hand_queue,
        OnRoom::Chat(true) => t.moderation.open_chat,
        OnRoom::Chat(false) => t.moderation.close_chat,
        OnRoom::Lock(true) => t.controls.lock,
        OnRoom::Lock(false) => t.controls.unlock,
        OnRoom::Passcode => t.controls.passcode,
        OnRoom::Unlisted(_) => t.controls.unlisted,
        OnRoom::About => t.moderation.edit_about,
        OnRoom::BannedPeople => t.controls.banned_people,
        OnRoom::HandOver => t.controls.hand_over,
        OnRoom::EndRoom => t.controls.end_room,
    }
}
