//! What is in the way in a room: sound that the browser holds back, a microphone that does not open, nobody in charge.

use std::time::Duration;

use dais_engine::shared::limits::LEADERLESS_ROOM_MS;
use leptos::prelude::*;

use super::notice::Notice;
use crate::link::{AudioState, DeviceState};
use crate::locales::t;
use crate::state::actions::use_actions;
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
            <Notice text=text is_bad=true>
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
            <Leaderless />
        </div>
    }
}

/// The countdown of a room without a moderator. The server ends the room by its own clock; this one only shows about
/// when, which is as good as the two clocks agree.
#[component]
fn Leaderless() -> impl IntoView {
    let t = t();
    let room = use_room();
    let ends_at_ms = Memo::new(move |_| room.with(|view| view.ends_at_ms).flatten());
    let now_ms = RwSignal::new(js_sys::Date::now());
    let tick = set_interval_with_handle(move || now_ms.set(js_sys::Date::now()), Duration::from_secs(1));
    on_cleanup(move || {
        if let Ok(tick) = tick {
            tick.clear();
        }
    });
    let text = move |ends_at_ms: u64| {
        let left_ms = (ends_at_ms as f64 - now_ms.get()).clamp(0.0, LEADERLESS_ROOM_MS as f64);
        (t.room.leaderless)((left_ms / 1000.0).ceil() as u64)
    };
    move || {
        let ends_at_ms = ends_at_ms.get()?;
        Some(view! { <Notice text=Signal::derive(move || text(ends_at_ms)) is_bad=true /> })
    }
}
