//! Being asked on stage: who asks, how long there is to answer, and the two answers.

use dais_engine::shared::limits::INVITATION_MS;
use dais_engine::shared::view::MyInvitation;
use leptos::prelude::*;

use super::dialog::Dialog;
use super::notice::Notice;
use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::clock::use_clock;
use crate::state::dialogs::use_dialogs;
use crate::state::room::use_room;

fn invitation() -> Memo<Option<MyInvitation>> {
    let room = use_room();
    Memo::new(move |_| room.with(|view| view.private.invitation.clone()).flatten())
}

/// A dialog that opens with the invitation and closes when that is over.
#[component]
pub(crate) fn InvitationDialog() -> impl IntoView {
    let t = t();
    let invitation = invitation();
    let is_open = use_dialogs().is_invitation_open();
    Effect::new(move || is_open.set(invitation.with(Option::is_some)));
    view! {
        <Dialog id="invitation" title=t.invitation.heading is_open=is_open>
            {move || invitation.get().map(|invitation| view! { <Answers invitation=invitation /> })}
        </Dialog>
    }
}

/// One that was put aside, across the page.
#[component]
pub(crate) fn InvitationNotice() -> impl IntoView {
    let t = t();
    let invitation = invitation();
    let is_open = use_dialogs().is_invitation_open();
    let aside = move || invitation.get().filter(|_| !is_open.get());
    move || {
        aside().map(|invitation| {
            view! {
                <Notice text=(t.invitation.asks)(&invitation.by)>
                    <button class="button button--primary" type="button" on:click=move |_| is_open.set(true)>
                        {t.invitation.answer}
                    </button>
                </Notice>
            }
        })
    }
}

#[component]
fn Answers(invitation: MyInvitation) -> impl IntoView {
    let t = t();
    let words = &t.invitation;
    let (actions, dialogs) = (use_actions(), use_dialogs());
    let seconds = use_clock().seconds_until(INVITATION_MS, move || Some(invitation.expires_ms));
    let answer = move |accept: bool| {
        dialogs.is_invitation_open().set(false);
        actions.respond_invite(invitation.id, accept);
    };
    view! {
        <div class="form">
            // Not on a button: whoever is typing when it opens is not to have answered.
            <p class="invitation__asks" tabindex="-1" data-first="">
                {(words.asks)(&invitation.by)}
            </p>
            <p class="form__hint">{words.consent}</p>
            <p class="invitation__left" role="timer">
                {move || seconds.get().map(words.left)}
            </p>
            <div class="form__buttons">
                <button class="button" type="button" on:click=move |_| answer(false)>
                    {t.controls.reject}
                </button>
                <button class="button button--primary" type="button" on:click=move |_| answer(true)>
                    {t.controls.accept}
                </button>
            </div>
        </div>
    }
}
