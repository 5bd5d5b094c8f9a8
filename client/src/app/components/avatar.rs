//! A person's picture: initials on one of a few calm colours, the same wherever the person shows up.

use dais_engine::shared::ids::UserId;
use leptos::prelude::*;

use crate::state::names::initials;

/// Colours that the style sheet knows.
const HUES: u64 = 8;

/// Decorates: the name stands beside it.
#[component]
pub(crate) fn Avatar(
    /// Chooses the colour.
    user: Option<UserId>,
    /// Gives the initials.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    // Identities are random or counted; a multiplication spreads both (Knuth's multiplicative hashing).
    let hue = user.map_or(0, |UserId(user)| (user.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % HUES);
    view! {
        <span class="avatar" data-hue=hue.to_string() aria-hidden="true">
            {move || initials(&name.get())}
        </span>
    }
}
