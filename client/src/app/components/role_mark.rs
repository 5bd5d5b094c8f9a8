//! The mark of whoever is in charge, beside his name: a name proves nothing, and this does.

use dais_engine::shared::permissions::Role;
use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::locales::t;

/// Shows nothing for those who are in charge of nothing.
#[component]
pub(crate) fn RoleMark(
    /// Whose role it is at this moment.
    #[prop(into)]
    role: Signal<Role>,
) -> impl IntoView {
    let words = &t().person;
    let word = move || match role.get() {
        Role::Listener | Role::Speaker => None,
        Role::CoHost => Some(words.co_host),
        Role::Host => Some(words.host),
    };
    move || word().map(|text| view! { <span class="badge badge--host"><Icon glyph=Glyph::Crown />{text}</span> })
}
