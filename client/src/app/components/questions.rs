//! The one dialog in which the page asks something back. What each question needs is in a file of its own.

use leptos::prelude::*;

use super::about_form::AboutForm;
use super::banned_people::BannedPeople;
use super::confirmation::Confirmation;
use super::dialog::Dialog;
use super::hand_over_form::HandOverForm;
use super::key_list::KeyList;
use super::passcode_form::PasscodeForm;
use crate::locales::{Sentences, t};
use crate::state::dialogs::{Question, use_dialogs};
use crate::state::room::use_room;

/// Closed while nothing is asked. Out of the room every question about it is void.
#[component]
pub(crate) fn Questions() -> impl IntoView {
    let t = t();
    let (dialogs, room) = (use_dialogs(), use_room());
    Effect::new(move || {
        if room.id().is_none() && untrack(|| dialogs.question()) != Some(Question::Keys) {
            dialogs.close();
        }
    });
    let title = Signal::derive(move || dialogs.question().map(|question| heading(t, &question)).unwrap_or_default());
    let body = move || dialogs.question().map(body);
    view! {
        <Dialog id="question" title=title is_open=dialogs.is_open()>
            {body}
        </Dialog>
    }
}

fn heading(t: &Sentences, question: &Question) -> String {
    let words = &t.moderation;
    match question {
        Question::Kick(_, name) => (words.kick_heading)(name),
        Question::Ban(_, name) => (words.ban_heading)(name),
        Question::HandOverTo(_, name) => (words.hand_over_to_heading)(name),
        Question::HandOver => words.hand_over_heading.into(),
        Question::Leave => words.leave_heading.into(),
        Question::EndRoom => words.end_heading.into(),
        Question::Passcode => words.passcode_heading.into(),
        Question::About => words.about_heading.into(),
        Question::Banned => words.banned_heading.into(),
        Question::Keys => t.keys.heading.into(),
    }
}

fn body(question: Question) -> AnyView {
    match question {
        Question::Kick(..) | Question::Ban(..) | Question::HandOverTo(..) | Question::EndRoom => {
            view! { <Confirmation question=question /> }.into_any()
        }
        Question::HandOver => view! { <HandOverForm is_leaving=false /> }.into_any(),
        Question::Leave => view! { <HandOverForm is_leaving=true /> }.into_any(),
        Question::Passcode => view! { <PasscodeForm /> }.into_any(),
        Question::About => view! { <AboutForm /> }.into_any(),
        Question::Banned => view! { <BannedPeople /> }.into_any(),
        Question::Keys => view! { <KeyList /> }.into_any(),
    }
}
