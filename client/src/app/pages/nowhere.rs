//! An address at which there is nothing.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::page_heading::PageHeading;
use crate::locales::t;

/// See the module.
#[component]
pub(crate) fn Nowhere() -> impl IntoView {
    let t = t();
    view! {
        <div class="nowhere">
            <PageHeading text=t.join.no_such_page />
            <p>{t.join.no_such_page_hint}</p>
            <A href="/" attr:class="button button--primary">
                {t.join.back}
            </A>
        </div>
    }
}
