//! The frame around every page, and which page stands at which address.

use leptos::prelude::*;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

use crate::components::invitation::InvitationDialog;
use crate::components::live_region::LiveRegion;
use crate::components::page_heading::provide_page_heading;
use crate::components::questions::Questions;
use crate::components::seat_dialog::SeatDialog;
use crate::components::toasts::Toasts;
use crate::components::top_bar::TopBar;
use crate::components::troubles::Troubles;
use crate::pages::at_room::AtRoom;
use crate::pages::lobby::Lobby;
use crate::pages::nowhere::Nowhere;
use crate::{locales, state};

/// The whole page.
#[component]
pub(crate) fn App() -> impl IntoView {
    locales::provide_language();
    state::provide_state();
    provide_page_heading();
    view! {
        <Router>
            <TopBar />
            <main class="main">
                <Troubles />
                <Routes fallback=Nowhere>
                    <Route path=path!("/") view=Lobby />
                    <Route path=path!("/r/:room") view=AtRoom />
                </Routes>
            </main>
        </Router>
        <InvitationDialog />
        <SeatDialog />
        <Questions />
        <Toasts />
        <LiveRegion />
    }
}
