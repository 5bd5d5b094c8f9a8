//! One thing to do in a menu.

use leptos::prelude::*;

use super::menu::Menu;

/// The menu around it closes.
#[component]
pub(crate) fn MenuItem(
    /// What it is called.
    label: &'static str,
    /// Whether it takes something away that cannot be had back.
    #[prop(default = false)]
    is_danger: bool,
    /// Whether it is on, for something that is on or off.
    #[prop(optional_no_strip)]
    is_on: Option<bool>,
    /// Does it.
    on_select: impl Fn() + 'static,
) -> impl IntoView {
    let menu = use_context::<Menu>();
    let select = move |_| {
        if let Some(menu) = menu {
            menu.close();
        }
        on_select();
    };
    view! {
        <button
            class="menu__item"
            type="button"
            role=if is_on.is_some() { "menuitemcheckbox" } else { "menuitem" }
            aria-checked=is_on.map(|is_on| is_on.to_string())
            tabindex="-1"
            data-danger=is_danger.then_some("")
            on:click=select
        >
            {label}
        </button>
    }
}
