//! What stands above every screen: the way home, the connection, the settings.

use leptos::prelude::*;

use super::connection_chip::ConnectionChip;
use super::dialog::Dialog;
use super::icon::{Glyph, Icon};
use super::screen_link::ScreenLink;
use super::settings::Settings;
use crate::locales::t;

/// See the module.
#[component]
pub(crate) fn TopBar() -> impl IntoView {
    let t = t();
    let is_open = RwSignal::new(false);
    view! {
        <header class="top-bar">
            <ScreenLink to="/" class="top-bar__brand">
                <svg class="top-bar__mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                    <path d="M3 19h18M6 15h12M12 4v7M8 6.5v3M16 6.5v3" />
                </svg>
                "Dais"
            </ScreenLink>
            <ConnectionChip />
            <button class="button button--icon" type="button" aria-label=t.controls.settings on:click=move |_| is_open.set(true)>
                <Icon glyph=Glyph::Gear />
            </button>
        </header>
        <Dialog id="settings" title=t.settings.heading is_open=is_open>
            <Settings />
        </Dialog>
    }
}
