//! One's own controls in a room, always in reach: what one is, and what one may do about it.

use dais_engine::shared::room::Command;
use leptos::prelude::*;

use super::chat_button::ChatButton;
use super::hold_to_talk::HoldToTalk;
use super::icon::{Glyph, Icon};
use super::own_state::OwnState;
use crate::locales::{Controls, t};
use crate::state::actions::{Actions, use_actions};
use crate::state::house::use_house;
use crate::state::offers::{OnSelf, on_self};
use crate::state::room::use_room;

/// A region at the foot of the room.
#[component]
pub(crate) fn OwnBar() -> impl IntoView {
    let t = t();
    let (actions, room) = (use_actions(), use_room());
    let offers = Memo::new(move |_| room.with(on_self).unwrap_or_default());
    view! {
        <section class="own-bar" aria-label=t.room.your_controls>
            <OwnState />
            <div class="own-bar__buttons">
                <HoldToTalk />
                {Place::ALL.map(|place| view! { <OwnButton offers=offers place=place /> }).collect_view()}
                <ChatButton />
                <button class="button own-bar__button own-bar__leave" type="button" on:click=move |_| actions.leave()>
                    <Icon glyph=Glyph::Door />
                    <span>{t.controls.leave}</span>
                </button>
            </div>
        </section>
    }
}

/// A place in the bar. What takes something back stands where it was done, in the same button, which so keeps the
/// focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Microphone,
    Seat,
    Hand,
    Stage,
}

impl Place {
    const ALL: [Self; 4] = [Self::Microphone, Self::Seat, Self::Hand, Self::Stage];

    const fn of(offer: OnSelf) -> Self {
        match offer {
            OnSelf::Mute | OnSelf::Unmute => Self::Microphone,
            OnSelf::TakeSeat => Self::Seat,
            OnSelf::RaiseHand | OnSelf::LowerHand => Self::Hand,
            OnSelf::LeaveStage => Self::Stage,
        }
    }
}

/// Whatever is offered in one place of the bar; nothing where nothing is.
#[component]
fn OwnButton(offers: Memo<Vec<OnSelf>>, place: Place) -> impl IntoView {
    let t = t();
    let (actions, house, room) = (use_actions(), use_house(), use_room());
    let is_host_muted = Memo::new(move |_| room.my_stage().is_some_and(|me| me.host_muted));
    let offer = Memo::new(move |_| offers.with(|offers| offers.iter().copied().find(|offer| Place::of(*offer) == place)));
    let is_off = move || !house.is_online() || (offer.get() == Some(OnSelf::Unmute) && is_host_muted.get());
    let looks = Memo::new(move |_| offer.get().map(|offer| looks(&t.controls, offer)));
    let is_primary = move || matches!(offer.get(), Some(OnSelf::Unmute | OnSelf::TakeSeat | OnSelf::RaiseHand));
    let glyph = Signal::derive(move || looks.get().map_or(Glyph::Microphone, |(glyph, _)| glyph));
    let press = move |_| {
        if let Some(offer) = offer.get_untracked() {
            act(actions, offer);
        }
    };
    view! {
        <Show when=move || offer.with(Option::is_some)>
            <button
                class="button own-bar__button"
                class:button--primary=is_primary
                type="button"
                disabled=is_off
                on:click=press
            >
                <Icon glyph=glyph />
                <span>{move || looks.get().map(|(_, label)| label)}</span>
            </button>
        </Show>
    }
}

fn looks(controls: &Controls, offer: OnSelf) -> (Glyph, &'static str) {
    match offer {
        OnSelf::Mute => (Glyph::Microphone, controls.mute),
        OnSelf::Unmute => (Glyph::MicrophoneOff, controls.unmute),
        OnSelf::RaiseHand => (Glyph::Hand, controls.raise_hand),
        OnSelf::LowerHand => (Glyph::Hand, controls.lower_hand),
        OnSelf::TakeSeat => (Glyph::Seat, controls.take_seat),
        OnSelf::LeaveStage => (Glyph::StepDown, controls.leave_stage),
    }
}

/// Does what a button of the bar, or its key, stands for.
pub(super) fn act(actions: Actions, offer: OnSelf) {
    match offer {
        OnSelf::Mute => actions.room(Command::SetMicrophone { muted: true }),
        OnSelf::Unmute => actions.room(Command::SetMicrophone { muted: false }),
        OnSelf::RaiseHand => actions.raise_hand(),
        OnSelf::LowerHand => actions.room(Command::LowerHand),
        OnSelf::TakeSeat => actions.take_seat(),
        OnSelf::LeaveStage => actions.room(Command::LeaveStage),
    }
}
