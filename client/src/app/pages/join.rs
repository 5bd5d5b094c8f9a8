//! The screen before a room: what room it is, one's name, and one button, whose click also lets the browser play sound.
//! Whoever was put out of the room finds here why, and when the way in is free again.

use std::time::Duration;

use dais_engine::Failure;
use dais_engine::shared::ids::RoomId;
use dais_engine::shared::limits::{PASSCODE_CHARS_MAX, REENTRY_BLOCK_MS};
use dais_engine::shared::room::Denied;
use dais_engine::shared::wire::RoomSummary;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::components::entry_obstacle::{EntryObstacle, is_about_passcode};
use crate::components::name_field::{Name, NameField};
use crate::components::page_heading::PageHeading;
use crate::components::room_badges::{Badges, RoomBadges};
use crate::components::room_card::RoomFacts;
use crate::components::screen_link::ScreenLink;
use crate::components::text_field::TextField;
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::clock::use_clock;
use crate::state::described::{Known, describe};
use crate::state::entry::{Attempt, use_entry};
use crate::state::room::Room;

/// See the module.
#[component]
pub(crate) fn Join(
    /// Which room.
    id: RoomId,
) -> impl IntoView {
    let t = t();
    let (actions, entry) = (use_actions(), use_entry());
    let name = Name::new();
    let (passcode, passcode_error) = (RwSignal::new(String::new()), RwSignal::new(None));
    let known = describe(id.clone());
    let is_waiting = RwSignal::new(false);
    let obstacle = {
        let id = id.clone();
        let is_unlocked = move || matches!(known.get(), Known::Live(room) if !room.is_locked);
        let is_past = move |failure| failure == Failure::Denied(Denied::RoomLocked) && is_unlocked();
        Memo::new(move |_| entry.obstacle(&id).filter(|failure| !is_past(*failure)))
    };
    let seconds = use_clock().seconds_until(REENTRY_BLOCK_MS, move || kept_out_until(obstacle.get()));
    let is_kept_out = Memo::new(move |_| seconds.get().is_some_and(|seconds| seconds > 0));
    // A tab that is loaded anew finds its seat as it was, without a passcode, as long as that is held.
    let held_ms = Room::held_ms(&id);
    let returns = RwSignal::new(held_ms > 0);
    let expire = move || {
        let _ = returns.try_set(false); // The screen may be gone by then.
    };
    set_timeout(expire, Duration::from_millis(held_ms));
    let asks_passcode = Memo::new(move |_| is_about_passcode(obstacle.get()) || (known.get().has_passcode() && !returns.get()));
    Effect::new(move || {
        if let Some(failure) = obstacle.get().filter(|obstacle| is_about_passcode(Some(*obstacle))) {
            passcode_error.set(Some((t.errors.failure)(failure)));
        }
    });
    let heading = {
        let id = id.clone();
        Memo::new(move |_| known.get().title().unwrap_or_else(|| id.to_string()))
    };
    let join = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        actions.unlock_audio();
        let Some(name) = name.take() else { return };
        if actions.asks_before_leaving(Some(&id)) {
            return;
        }
        let typed = passcode.get_untracked();
        let passcode = Some(typed.trim().to_owned()).filter(|typed| !typed.is_empty());
        let opens = known.get_untracked() == Known::ToOpen;
        let attempt = Attempt { room: id.clone(), name, passcode, opens };
        is_waiting.set(true);
        spawn_local(async move {
            actions.join(attempt).await;
            let _ = is_waiting.try_set(false); // The screen may be gone by then.
        });
    };
    view! {
        <div class="join">
            <form class="join__card card" on:submit=join novalidate>
                <PageHeading text=heading />
                <Facts known=known />
                <EntryObstacle obstacle=obstacle seconds=seconds />
                <NameField name=name />
                <Show when=move || asks_passcode.get()>
                    <TextField
                        id="room-passcode"
                        label=t.controls.passcode
                        value=passcode
                        error=passcode_error
                        hint=t.entry.passcode_hint
                        chars_max=PASSCODE_CHARS_MAX
                        is_id=true
                    />
                </Show>
                <button
                    class="button button--primary button--wide button--large"
                    type="submit"
                    disabled=move || is_waiting.get() || is_kept_out.get()
                >
                    {move || if is_waiting.get() { t.join.joining } else { t.controls.join }}
                </button>
                <p class="join__hint">
                    {move || if returns.get() { t.join.your_seat_is_held } else { t.join.no_microphone_needed }}
                </p>
            </form>
            <ScreenLink to="/" class="join__back">
                {t.join.back}
            </ScreenLink>
        </div>
    }
}

/// What room it is.
#[component]
fn Facts(known: Memo<Known>) -> impl IntoView {
    let t = t();
    let live = move |room: RoomSummary| {
        view! {
            <div class="join__facts">
                <RoomBadges badges=Badges::from(&room) />
                {room.is_locked.then(|| view! { <p>{t.entry.locked}</p> })}
                <RoomFacts room=room />
            </div>
        }
    };
    move || match known.get() {
        Known::Looking => view! { <p class="join__facts">{t.join.looking}</p> }.into_any(),
        Known::NotOpen(why) => {
            let hint = match why {
                Denied::RoomGaveWay => (t.errors.failure)(Failure::Denied(why)),
                _ => t.join.not_open_hint,
            };
            view! {
                <div class="join__facts">
                    <p>{t.join.not_open}</p>
                    <p class="join__hint">{hint}</p>
                </div>
            }
            .into_any()
        }
        Known::ToOpen => view! {
            <div class="join__facts">
                <p>{t.join.to_open}</p>
                <p class="join__hint">{t.lobby.create_lead}</p>
            </div>
        }
        .into_any(),
        Known::Live(room) => live(room).into_any(),
    }
}

fn kept_out_until(obstacle: Option<Failure>) -> Option<u64> {
    match obstacle {
        Some(Failure::Denied(Denied::Kicked { until_ms })) => Some(until_ms),
        _ => None,
    }
}
