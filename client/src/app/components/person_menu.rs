//! *Actions for NAME*: what one may do to a person now, and how loud the person is for oneself.

use dais_engine::shared::ids::{MemberId, UserId};
use leptos::prelude::*;

use super::menu::{MenuButton, MenuItem};
use super::volume::VolumeControl;
use crate::locales::{Controls, t};
use crate::state::actions::use_actions;
use crate::state::offers::{OnPerson, on_person};
use crate::state::room::use_room;

/// A button and its menu; nothing where there is nothing to do.
#[component]
pub(crate) fn PersonMenu(
    /// Who.
    member: MemberId,
    /// Whose volume can be set: somebody on stage.
    #[prop(optional_no_strip)]
    user: Option<UserId>,
) -> impl IntoView {
    let t = t();
    let (actions, room) = (use_actions(), use_room());
    let offers = Memo::new(move |_| room.with(|view| on_person(view, member)).unwrap_or_default());
    let audible = Memo::new(move |_| user.filter(|_| room.me() != Some(member)));
    let name = Memo::new(move |_| room.name_of(member));
    let label = Signal::derive(move || name.with(|name| (t.controls.actions_for)(name)));
    let has_items = Signal::derive(move || !offers.with(Vec::is_empty));
    let item = move |offer: OnPerson| {
        view! { <MenuItem label=word(&t.controls, offer) on_select=move || actions.room(offer.command(member)) /> }
    };
    let volume = move || audible.get().map(|user| view! { <VolumeControl user=user /> });
    view! {
        <Show when=move || has_items.get() || audible.get().is_some()>
            <MenuButton label=label has_items=has_items footer=volume>
                {move || offers.get().into_iter().map(item).collect_view()}
            </MenuButton>
        </Show>
    }
}

/// What a moderator's button is called.
pub(crate) fn word(controls: &Controls, offer: OnPerson) -> &'static str {
    match offer {
        OnPerson::Admit => controls.admit,
        OnPerson::Decline => controls.decline,
        OnPerson::Mute => controls.mute,
        OnPerson::AllowToSpeak => controls.allow_to_speak,
        OnPerson::RemoveFromStage => controls.remove_from_stage,
    }
}
