//! What the page tells in passing, for the eye. News is read out by the live region; an error is an alert of its own.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::locales::t;
use crate::state::notices::{Kind, use_notices};

/// At the edge of the page, newest last.
#[component]
pub(crate) fn Toasts() -> impl IntoView {
    let t = t();
    let notices = use_notices();
    view! {
        <section aria-label=t.controls.notices>
            <ol class="toasts">
            <For each=move || notices.toasts() key=|toast| toast.id let:toast>
                <li class="toast" data-kind=if toast.kind == Kind::Error { "error" } else { "news" }>
                    <p class="toast__text" role=(toast.kind == Kind::Error).then_some("alert")>
                        {toast.text}
                    </p>
                    <button
                        class="button button--icon"
                        type="button"
                        aria-label=t.controls.dismiss
                        on:click=move |_| notices.dismiss(toast.id)
                    >
                        <Icon glyph=Glyph::Close />
                    </button>
                </li>
            </For>
        </ol>
        </section>
    }
}
