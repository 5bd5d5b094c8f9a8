//! A modal dialog: the browser keeps the focus inside, closes it on Escape and gives the focus back. What it holds
//! exists only while it is open.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::icon::{Glyph, Icon};
use crate::locales::t;

/// See the module.
#[component]
pub(crate) fn Dialog(
    /// Unique on the page.
    id: &'static str,
    /// The heading, which names the dialog.
    #[prop(into)]
    title: Signal<String>,
    /// Whether it is open.
    is_open: RwSignal<bool>,
    /// What it holds.
    children: ChildrenFn,
) -> impl IntoView {
    let t = t();
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move || {
        let Some(dialog) = node.get() else { return };
        match (is_open.get(), dialog.open()) {
            // Fails only for a dialog that is open or not on the page.
            (true, false) => {
                drop(dialog.show_modal());
                // What it holds is there from the next frame on.
                request_animation_frame(move || focus_first(&dialog));
            }
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    // A click beside the content hits the dialog element itself, whose content covers it.
    let close_beside = move |event: leptos::ev::MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        if target.is_some_and(|target| target.id() == id) {
            is_open.set(false);
        }
    };
    let heading_id = format!("{id}-heading");
    let labelled_by = heading_id.clone();
    view! {
        <dialog
            id=id
            class="dialog"
            node_ref=node
            aria-labelledby=labelled_by
            on:close=move |_| is_open.set(false)
            on:click=close_beside
        >
            <div class="dialog__frame">
                <div class="dialog__header">
                    <h2 id=heading_id class="dialog__heading">
                        {move || title.get()}
                    </h2>
                    <button
                        class="button button--icon"
                        type="button"
                        aria-label=t.controls.close
                        on:click=move |_| is_open.set(false)
                    >
                        <Icon glyph=Glyph::Close />
                    </button>
                </div>
                <div class="dialog__content">
                    <Show when=move || is_open.get()>{children()}</Show>
                </div>
            </div>
        </dialog>
    }
}

/// Where somebody starts to type or to answer; without such a place the browser has chosen one.
fn focus_first(dialog: &web_sys::HtmlDialogElement) {
    let found = dialog.query_selector("[data-first]").ok().flatten();
    if let Some(first) = found.and_then(|first| first.dyn_into::<web_sys::HtmlElement>().ok()) {
        // Focus on something that cannot take it changes nothing.
        let _ = first.focus();
    }
}
