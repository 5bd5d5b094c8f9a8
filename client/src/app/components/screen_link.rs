//! A link to another screen of this page.

use leptos::ev;
use leptos::prelude::*;

use crate::address::use_address;

/// A plain click shows the screen in place; any other is the browser's, which may open a tab for it.
#[component]
pub(crate) fn ScreenLink(
    /// Where it leads.
    #[prop(into)]
    to: String,
    /// How it looks.
    class: &'static str,
    /// What it says.
    children: Children,
) -> impl IntoView {
    let address = use_address();
    let (target, shown) = (to.clone(), to.clone());
    let follow = move |event: ev::MouseEvent| {
        let has_key = event.meta_key() || event.alt_key() || event.ctrl_key() || event.shift_key();
        if event.button() == 0 && !has_key {
            event.prevent_default();
            address.go(&target);
        }
    };
    view! {
        <a class=class href=to aria-current=move || address.is(&shown).then_some("page") on:click=follow>
            {children()}
        </a>
    }
}
