//! A handful of gestures: buttons to show them, and what somebody shows at the moment.

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::room::{Command, Reaction};
use leptos::prelude::*;

use crate::locales::t;
use crate::state::actions::use_actions;
use crate::state::house::use_house;
use crate::state::reactions::use_reactions;

/// A row of buttons.
#[component]
pub(crate) fn ReactionBar() -> impl IntoView {
    let t = t();
    let (actions, house) = (use_actions(), use_house());
    let button = move |reaction: Reaction| {
        let name = (t.chat.reaction)(reaction);
        view! {
            <button
                class="reaction-bar__button"
                type="button"
                aria-label=name
                title=name
                disabled=move || !house.is_online()
                on:click=move |_| actions.room(Command::React(reaction))
            >
                {emoji(reaction)}
            </button>
        }
    };
    view! {
        <div class="reaction-bar" role="group" aria-label=t.chat.reactions>
            {Reaction::ALL.map(button).collect_view()}
        </div>
    }
}

/// What one person shows, for the few seconds that it lasts.
#[component]
pub(crate) fn ReactionMark(
    /// Who.
    member: MemberId,
) -> impl IntoView {
    let t = t();
    let reactions = use_reactions();
    let shown = Memo::new(move |_| reactions.of(member));
    // The number makes a repeated gesture a new element, which moves anew.
    let mark = move |(number, reaction): (u64, Reaction)| {
        view! {
            <span class="reaction-mark" role="img" aria-label=(t.chat.reaction)(reaction) data-number=number.to_string()>
                {emoji(reaction)}
            </span>
        }
    };
    move || shown.get().map(mark)
}

const fn emoji(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Applause => "👏",
        Reaction::Heart => "❤️",
        Reaction::Agree => "👍",
        Reaction::Laugh => "😂",
        Reaction::Wow => "😮",
        Reaction::Doubt => "🤔",
    }
}
