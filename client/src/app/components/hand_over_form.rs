//! Whom to give the room to; for a host who leaves, with the choice to end it instead.

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::room::Command;
use leptos::prelude::*;

use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::dialogs::use_dialogs;
use crate::state::offers::next_hosts;
use crate::state::room::use_room;

/// A choice among those on stage.
#[component]
pub(crate) fn HandOverForm(
    /// Whether the host goes too.
    is_leaving: bool,
) -> impl IntoView {
    let t = t();
    let words = &t.moderation;
    let (actions, dialogs, room) = (use_actions(), use_dialogs(), use_room());
    let candidates = Memo::new(move |_| room.with(next_hosts).unwrap_or_default());
    let chosen = RwSignal::new(candidates.with_untracked(|candidates| candidates.first().copied()));
    // Somebody may leave the stage while this is open.
    let to = Memo::new(move |_| chosen.get().filter(|chosen| candidates.with(|candidates| candidates.contains(chosen))));
    let hand_over = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(to) = to.get_untracked() else { return };
        dialogs.close();
        if is_leaving {
            actions.hand_over_and_leave(to);
        } else {
            actions.room(Command::HandOver(to));
        }
    };
    let end = move |_| {
        dialogs.close();
        actions.room(Command::EndRoom);
    };
    view! {
        <form class="form" on:submit=hand_over>
            <p>{if is_leaving { words.leave } else { words.hand_over }}</p>
            <Show
                when=move || !candidates.with(Vec::is_empty)
                fallback=move || view! { <p class="form__hint">{words.nobody_to_hand_over_to}</p> }
            >
                <fieldset class="choices">
                    <legend class="choices__legend">{words.next_host}</legend>
                    <div class="choices__column">
                        <For each=move || candidates.get() key=|member| *member let:member>
                            <Candidate member=member chosen=chosen />
                        </For>
                    </div>
                </fieldset>
            </Show>
            <div class="form__buttons">
                <button class="button" type="button" on:click=move |_| dialogs.close()>
                    {t.controls.cancel}
                </button>
                <Show when=move || is_leaving>
                    <button class="button button--danger" type="button" on:click=end>
                        {t.controls.end_room}
                    </button>
                </Show>
                <Show when=move || !candidates.with(Vec::is_empty)>
                    <button class="button button--primary" type="submit" disabled=move || to.get().is_none()>
                        {if is_leaving { words.hand_over_and_leave } else { t.controls.hand_over }}
                    </button>
                </Show>
            </div>
        </form>
    }
}

#[component]
fn Candidate(member: MemberId, chosen: RwSignal<Option<MemberId>>) -> impl IntoView {
    let room = use_room();
    view! {
        <label class="choice">
            <input
                type="radio"
                name="next-host"
                prop:checked=move || chosen.get() == Some(member)
                on:change=move |_| chosen.set(Some(member))
            />
            <span>{move || room.name_of(member)}</span>
        </label>
    }
}
