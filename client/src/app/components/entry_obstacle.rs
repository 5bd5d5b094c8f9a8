//! What stands between somebody and a room, and when that is over, where it ends by itself.

use dais_engine::Failure;
use dais_engine::shared::room::Denied;
use leptos::prelude::*;

use crate::locales::t;

/// Why the last attempt failed, or why one is out of the room.
#[component]
pub(crate) fn EntryObstacle(
    /// What it is.
    obstacle: Memo<Option<Failure>>,
    /// Until it is over.
    seconds: Memo<Option<u64>>,
) -> impl IntoView {
    let t = t();
    // A passcode's trouble stands at its field, and one's own seat elsewhere has a dialog.
    let is_shown_here = |failure: &Failure| !is_about_passcode(Some(*failure)) && *failure != Failure::Denied(Denied::SeatInUse);
    let why = move || obstacle.get().filter(is_shown_here).map(t.errors.failure);
    let when = move || match seconds.get()? {
        0 => Some(t.entry.again_now.to_owned()),
        seconds => Some((t.entry.again_in)(seconds)),
    };
    view! {
        <div class="join__obstacle">
            <p class="join__error" role="alert">
                {why}
            </p>
            <p class="join__countdown">{when}</p>
        </div>
    }
}

/// Whether it stands at the passcode's field instead.
pub(crate) fn is_about_passcode(obstacle: Option<Failure>) -> bool {
    matches!(obstacle, Some(Failure::Denied(Denied::PasscodeNeeded | Denied::PasscodeWrong)))
}
