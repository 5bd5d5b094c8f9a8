//! One person in the audience.

use dais_engine::shared::ids::{MemberId, UserId};
use leptos::prelude::*;

use super::avatar::Avatar;
use super::icon::{Glyph, Icon};
use super::person_menu::PersonMenu;
use super::reactions::ReactionMark;
use crate::locales::t;
use crate::state::room::use_room;

/// An item of the audience's list, named by the person.
#[component]
pub(crate) fn AudienceMember(
    /// Who.
    member: MemberId,
    /// Whose seat it is.
    user: UserId,
    /// The person's name, also where the view does not know it.
    given_name: String,
) -> impl IntoView {
    let t = t();
    let room = use_room();
    let name = {
        let given_name = given_name.clone();
        Memo::new(move |_| Some(room.name_of(member)).filter(|name| !name.is_empty()).unwrap_or_else(|| given_name.clone()))
    };
    let is_me = Memo::new(move |_| room.me() == Some(member));
    let is_reconnecting = Memo::new(move |_| {
        room.with(|view| view.audience.iter().any(|listener| listener.member == member && listener.reconnecting)).unwrap_or(false)
    });
    let is_hand_raised =
        Memo::new(move |_| room.with(|view| view.hands.iter().any(|hand| hand.member == member)).unwrap_or(false));
    view! {
        <li
            class="listener"
            aria-label=move || name.get()
            data-reconnecting=move || is_reconnecting.get().then_some("")
            data-hand=move || is_hand_raised.get().then_some("")
        >
            <Avatar user=Some(user) name=given_name />
            <span class="listener__name">
                {move || name.get()} <Show when=move || is_me.get()>
                    <span class="tile__you">{t.person.you}</span>
                </Show>
            </span>
            <ReactionMark member=member />
            <Show when=move || is_hand_raised.get()>
                <span class="listener__mark">
                    <Icon glyph=Glyph::Hand />
                    <span class="visually-hidden">{t.person.hand_raised}</span>
                </span>
            </Show>
            <Show when=move || is_reconnecting.get()>
                <span class="listener__mark">{t.person.reconnecting}</span>
            </Show>
            <PersonMenu member=member name=name user=None />
        </li>
    }
}
