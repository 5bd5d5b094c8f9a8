//! The heading that names a screen. It takes the focus when a screen replaces another, so that those who listen to
//! the page learn where they are, and gives the tab its title.

use leptos::html::H1;
use leptos::prelude::*;

/// Whether some screen has been shown before this one.
#[derive(Clone, Copy)]
struct ShownBefore(StoredValue<bool>);

/// Remembers across screens; call it once, above all of them.
pub(crate) fn provide_page_heading() {
    provide_context(ShownBefore(StoredValue::new(false)));
}

/// The one `h1` of a screen.
#[component]
pub(crate) fn PageHeading(
    /// What the screen is called.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    let ShownBefore(shown_before) = expect_context();
    let node = NodeRef::<H1>::new();
    Effect::new(move || {
        document().set_title(&format!("{} · Dais", text.get()));
    });
    node.on_load(move |heading| {
        let is_first = !shown_before.get_value();
        shown_before.set_value(true);
        if !is_first {
            // Focus on something that cannot take it changes nothing.
            let _ = heading.focus();
        }
    });
    view! {
        <h1 class="page-heading" tabindex="-1" node_ref=node>
            {move || text.get()}
        </h1>
    }
}
