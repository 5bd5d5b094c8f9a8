//! What is in the way in a room: sound that the browser holds back, a microphone that does not open, nobody in charge.

use dais_engine::shared::limits::{HOST_AWAITED_MS_MAX, LEADERLESS_ROOM_MS};
use leptos::prelude::*;

use super::invitation::InvitationNotice;
use super::notice::Notice;
use crate::link::{AudioState, DeviceState};
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::clock::use_clock;
use crate::state::devices::use_devices;
use crate::state::room::use_room;

/// See the module.
#[component]
pub(crate) fn RoomTroubles() -> impl IntoView {
    let t = t();
    let (actions, devices, room) = (use_actions(), use_devices(), use_room());
    let wants_microphone = move || room.my_stage().is_some() || room.my_hand().is_some();
    let microphone = Memo::new(move |_| match devices.microphone() {
        DeviceState::Failed(failure) => wants_microphone().then(|| (t.microphone.failed)(failure)),
        DeviceState::Closed | DeviceState::Opening | DeviceState::Open | DeviceState::Insecure => None,
    });
    let microphone_notice = move |text: &'static str| {
        view! {
            <Notice text=text is_bad=true is_alert=true>
                <button class="button" type="button" on:click=move |_| actions.retry_microphone()>
                    {t.microphone.try_again}
                </button>
            </Notice>
        }
    };
    view! {
        <div class="room-troubles">
            <Show when=move || devices.is_secure() && devices.audio() == AudioState::Locked>
                <div class="room-troubles__late">
                    <Notice text=t.room.sound_locked>
                        <button class="button button--primary" type="button" on:click=move |_| actions.unlock_audio()>
                            {t.controls.enable_sound}
                        </button>
                    </Notice>
                </div>
            </Show>
            <Show when=move || devices.is_secure() && devices.audio() == AudioState::Failed>
                <Notice text=t.room.sound_failed is_bad=true />
            </Show>
            {move || microphone.get().map(microphone_notice)}
            <InvitationNotice />
            <Leaderless />
        </div>
    }
}

/// Seconds for which a room without a moderator lasts.
const LEADERLESS_SECONDS: u64 = LEADERLESS_ROOM_MS / 1000;
/// As much do two clocks differ at most, in seconds.
const CLOCKS_APART_SECONDS: u64 = 5;

/// The countdown of a room without a moderator, which the server ends. One that waits for its host from the start has hours
/// or days: it is counted down only at their end.
#[component]
fn Leaderless() -> impl IntoView {
    let t = t();
    let room = use_room();
    let left = use_clock().seconds_until(HOST_AWAITED_MS_MAX, move || room.with(|view| view.ends_at_ms).flatten());
    let is_soon = |seconds: &u64| *seconds <= LEADERLESS_SECONDS + CLOCKS_APART_SECONDS;
    let seconds = Memo::new(move |_| left.get().filter(is_soon).map(|seconds| seconds.min(LEADERLESS_SECONDS)));
    let is_shown = Memo::new(move |_| seconds.get().is_some());
    let text = Signal::derive(move || seconds.get().map(t.room.leaderless).unwrap_or_default());
    view! {
        <Show when=move || is_shown.get()>
            <Notice text=text is_bad=true />
        </Show>
    }
}
