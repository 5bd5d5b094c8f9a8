//! One person on stage: who it is, whether the person speaks, is muted, or has trouble.

use std::cell::Cell;

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::permissions::Role;
use dais_engine::shared::room::MicrophoneState;
use dais_engine::shared::view::Person;
use leptos::html;
use leptos::prelude::*;

use super::avatar::Avatar;
use super::icon::{Glyph, Icon};
use super::person_menu::PersonMenu;
use super::reactions::ReactionMark;
use super::role_mark::RoleMark;
use crate::locales::{Person as Words, t};
use crate::state::levels::use_levels;
use crate::state::room::use_room;
use crate::state::volumes::use_volumes;

/// An item of the stage's list, named by the person.
#[component]
pub(crate) fn Tile(
    /// Who.
    member: MemberId,
) -> impl IntoView {
    let t = t();
    let (room, volumes) = (use_room(), use_volumes());
    let person = Memo::new(move |_| room.with(|view| view.person(member).cloned()).flatten());
    let name = Memo::new(move |_| room.name_of(member));
    let given_name =
        Memo::new(move |_| person.with(|person| person.as_ref().map(|person| person.name.clone()).unwrap_or_default()));
    let is_me = Memo::new(move |_| room.me() == Some(member));
    let user = person.with_untracked(|person| person.as_ref().map(|person| person.user));
    let has = move |test: fn(&Person) -> bool| person.with(|person| person.as_ref().is_some_and(test));
    let is_successor = Memo::new(move |_| {
        let named = room.with(|view| view.private.moderation.as_ref().and_then(|known| known.successor)).flatten();
        named == Some(member)
    });
    let is_silenced = move || user.is_some_and(|user| volumes.get(user).is_silenced);
    let role = Memo::new(move |_| person.with(|person| person.as_ref().map_or(Role::Listener, |person| person.role)));
    let trouble = move || person.with(|person| trouble(&t.person, person.as_ref()?));
    let mute = move || person.with(|person| mute(&t.person, person.as_ref()?));
    view! {
        <li
            class="tile"
            aria-label=move || name.get()
            node_ref=show_speech(member)
            data-muted=move || has(|person| !person.is_audible()).then_some("")
            data-reconnecting=move || has(|person| person.held_until_ms.is_some()).then_some("")
            data-me=move || is_me.get().then_some("")
        >
            <div class="tile__menu">
                <PersonMenu member=member name=name user=user />
            </div>
            <span class="tile__picture">
                <Avatar user=user name=given_name />
                {move || mute().map(|_| view! { <span class="tile__mute"><Icon glyph=Glyph::MicrophoneOff /></span> })}
                <ReactionMark member=member />
            </span>
            <span class="tile__name">
                {move || name.get()} <Show when=move || is_me.get()>
                    <span class="tile__you">{t.person.you}</span>
                </Show>
            </span>
            <span class="tile__marks">
                <RoleMark role=role />
                <Show when=move || is_successor.get()>
                    <span class="badge">{t.moderation.successor}</span>
                </Show>
                {move || mute().map(|text| view! { <span class="tile__state">{text}</span> })}
                <Show when=is_silenced>
                    <span class="tile__state">{t.person.silenced}</span>
                </Show>
                {move || trouble().map(|text| view! { <span class="tile__trouble">{text}</span> })}
            </span>
        </li>
    }
}

/// A node that says whether the member is speaking, as an attribute.
fn show_speech(member: MemberId) -> NodeRef<html::Li> {
    let node = NodeRef::<html::Li>::new();
    let was_speaking = Cell::new(false);
    use_levels().watch(member, move |level| {
        let Some(tile) = node.get_untracked() else { return };
        if was_speaking.replace(level.is_speaking) != level.is_speaking {
            // Fails only for what is no name.
            let _ = tile.toggle_attribute_with_force("data-speaking", level.is_speaking);
        }
    });
    node
}

fn mute(words: &Words, person: &Person) -> Option<&'static str> {
    match (person.host_muted, person.self_muted) {
        (true, _) => Some(words.muted_by_host),
        (false, true) => Some(words.muted),
        (false, false) => None,
    }
}

fn trouble(words: &Words, person: &Person) -> Option<&'static str> {
    if person.held_until_ms.is_some() {
        return Some(words.reconnecting);
    }
    match person.microphone {
        MicrophoneState::Closed | MicrophoneState::Open => None,
        MicrophoneState::Refused => Some(words.microphone_refused),
        MicrophoneState::Missing => Some(words.microphone_missing),
        MicrophoneState::Lost => Some(words.microphone_lost),
    }
}
