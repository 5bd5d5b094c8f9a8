//! Whether one is heard, and how one comes to be, in words beside one's own controls.

use dais_engine::shared::room::Mode;
use dais_engine::shared::view::View;
use leptos::prelude::*;

use crate::link::DeviceState;
use crate::locales::t;
use crate::state::devices::use_devices;
use crate::state::house::use_house;
use crate::state::room::use_room;
use crate::state::speaking::use_speech;

/// One sentence; the live region tells what changes it.
#[component]
pub(crate) fn OwnState() -> impl IntoView {
    let t = t();
    let (house, room, devices, speech) = (use_house(), use_room(), use_devices(), use_speech());
    let words = &t.room;
    let state = Memo::new(move |_| {
        if !house.is_online() {
            return (words.you_are_offline.into(), "trouble");
        }
        let on_air = match devices.microphone() {
            DeviceState::Open if speech.is_by_key() && !speech.is_talking() => {
                ((t.speaking.hold_key)(&speech.key().name(t.speaking.space)), "muted")
            }
            DeviceState::Open if speech.is_by_key() => (t.speaking.talking.into(), "live"),
            DeviceState::Open => (words.you_are_on_air.into(), "live"),
            // It opens by the server's word, a moment after that has come.
            DeviceState::Closed | DeviceState::Opening => (t.microphone.opening.into(), "muted"),
            DeviceState::Failed(_) | DeviceState::Insecure => (words.you_are_unheard.into(), "trouble"),
        };
        let (stage, mode) = (room.my_stage(), room.with(|view: &View| (view.settings.mode, view.settings.takes_hands)));
        match (stage, room.my_hand(), mode) {
            (Some(me), ..) if me.host_muted => (words.you_are_muted_by_host.into(), "muted"),
            (Some(me), ..) if me.self_muted && room.may_unmute() => (words.you_may_unmute.into(), "asks"),
            (Some(me), ..) if me.self_muted => (words.you_are_muted.into(), "muted"),
            (Some(_), ..) => on_air,
            (None, Some(position), _) => ((words.your_hand)(position), "hand"),
            (None, None, Some((Mode::Open, _))) => (words.you_listen_open.into(), "listening"),
            (None, None, Some((Mode::Moderated, false))) => (words.you_listen_closed.into(), "listening"),
            (None, None, Some((Mode::Moderated, true)) | None) => (words.you_listen.into(), "listening"),
        }
    });
    view! {
        <p class="own-bar__state" data-state=move || state.get().1>
            {move || -> String { state.get().0 }}
        </p>
    }
}
