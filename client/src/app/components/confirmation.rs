//! What something means that cannot be taken back, and a yes or no to it.

use dais_engine::shared::room::Command;
use leptos::prelude::*;

use crate::locales::{Sentences, t};
use crate::state::actions::use_actions;
use crate::state::dialogs::{Question, use_dialogs};

/// For questions that are answered with yes or no.
#[component]
pub(crate) fn Confirmation(
    /// Which.
    question: Question,
) -> impl IntoView {
    let t = t();
    let (actions, dialogs) = (use_actions(), use_dialogs());
    let asked = asked(t, &question);
    let button = move |(command, label): (Command, &'static str)| {
        let press = move |_| {
            dialogs.close();
            actions.room(command.clone());
        };
        view! {
            <button class="button button--danger" type="button" on:click=press>
                {label}
            </button>
        }
    };
    view! {
        <div class="form">
            <p>{asked.0}</p>
            <div class="form__buttons">
                <button class="button" type="button" data-first="" on:click=move |_| dialogs.close()>
                    {t.controls.cancel}
                </button>
                {asked.1.map(button)}
            </div>
        </div>
    }
}

/// The sentence; and what a yes asks for, with its word.
fn asked(t: &Sentences, question: &Question) -> (String, Option<(Command, &'static str)>) {
    let words = &t.moderation;
    match question {
        Question::Kick(member, name) => ((words.kick)(name), Some((Command::Kick(*member), t.controls.kick))),
        Question::Ban(member, name) => ((words.ban)(name), Some((Command::Ban(*member), t.controls.ban))),
        Question::HandOverTo(member, name) => {
            ((words.hand_over_to)(name), Some((Command::HandOver(*member), t.controls.hand_over)))
        }
        Question::EndRoom => (words.end.into(), Some((Command::EndRoom, t.controls.end_room))),
        // These have more to say than yes or no.
        Question::HandOver | Question::Leave | Question::Passcode | Question::About | Question::Banned | Question::Keys => {
            (String::new(), None)
        }
    }
}
