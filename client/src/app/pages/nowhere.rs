//! An address at which there is nothing.

use leptos::prelude::*;

use crate::components::page_heading::PageHeading;
use crate::components::screen_link::ScreenLink;
use crate::locales::t;

/// See the module.
#[component]
pub(crate) fn Nowhere() -> impl IntoView {
    let t = t();
    view! {
        <div class="nowhere">
            <PageHeading text=t.join.no_such_page />
            <p>{t.join.no_such_page_hint}</p>
            <ScreenLink to="/" class="button button--primary">
                {t.join.back}
            </ScreenLink>
        </div>
    }
}
