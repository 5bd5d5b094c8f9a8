//! *Actions for NAME*: what one may do to a person now, and how loud the person is for oneself.

use dais_engine::shared::ids::{MemberId, UserId};
use leptos::prelude::*;

use super::menu::MenuButton;
use super::menu_item::MenuItem;
use super::volume::VolumeControl;
use crate::locales::{Controls, t};
use crate::state::actions::use_actions;
use crate::state::dialogs::{Question, use_dialogs};
use crate::state::offers::{OnPerson, on_person};
use crate::state::room::use_room;

/// A button and its menu; nothing where there is nothing to do.
#[component]
pub(crate) fn PersonMenu(
    /// Who.
    member: MemberId,
    /// What the person is called here.
    #[prop(into)]
    name: Signal<String>,
    /// Whose volume can be set: somebody on stage.
    #[prop(optional_no_strip)]
    user: Option<UserId>,
) -> impl IntoView {
    let t = t();
    let (actions, dialogs, room) = (use_actions(), use_dialogs(), use_room());
    let offers = Memo::new(move |_| room.with(|view| on_person(view, member)).unwrap_or_default());
    let audible = Memo::new(move |_| user.filter(|_| room.me() != Some(member)));
    let label = Signal::derive(move || name.with(|name| (t.controls.actions_for)(name)));
    let has_items = Signal::derive(move || !offers.with(Vec::is_empty));
    let select = move |offer: OnPerson| match question(offer, member, name.get_untracked()) {
        Some(question) => dialogs.ask(question),
        None => actions.room(offer.command(member)),
    };
    let item = move |offer: OnPerson| {
        let is_danger = matches!(offer, OnPerson::Kick | OnPerson::Ban);
        view! { <MenuItem label=word(&t.controls, offer) is_danger=is_danger is_on=None on_select=move || select(offer) /> }
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

/// What is asked before something that cannot be taken back.
fn question(offer: OnPerson, member: MemberId, name: String) -> Option<Question> {
    match offer {
        OnPerson::Kick => Some(Question::Kick(member, name)),
        OnPerson::Ban => Some(Question::Ban(member, name)),
        OnPerson::HandOver => Some(Question::HandOverTo(member, name)),
        _ => None,
    }
}

/// What a moderator's button is called.
pub(crate) fn word(controls: &Controls, offer: OnPerson) -> &'static str {
    match offer {
        OnPerson::Invite => controls.invite,
        OnPerson::CancelInvitation => controls.cancel_invitation,
        OnPerson::Admit => controls.admit,
        OnPerson::Decline => controls.decline,
        OnPerson::Mute => controls.mute,
        OnPerson::AllowToSpeak => controls.allow_to_speak,
        OnPerson::RemoveFromStage => controls.remove_from_stage,
        OnPerson::MakeCoHost => controls.make_co_host,
        OnPerson::RemoveCoHost => controls.remove_co_host,
        OnPerson::NameSuccessor => controls.name_successor,
        OnPerson::ForgetSuccessor => controls.forget_successor,
        OnPerson::HandOver => controls.hand_over,
        OnPerson::Kick => controls.kick,
        OnPerson::Ban => controls.ban,
    }
}
