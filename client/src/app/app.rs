//! The frame around every page, and which page stands at which address.

use leptos::prelude::*;

use crate::address::{Screen, provide_address, use_address};
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
    provide_address();
    state::provide_state();
    provide_page_heading();
    let address = use_address();
    let screen = Memo::new(move |_| address.screen());
    view! {
        <TopBar />
        <main class="main">
            <Troubles />
            {move || match screen.get() {
                Screen::Lobby => view! { <Lobby /> }.into_any(),
                Screen::Room => view! { <AtRoom /> }.into_any(),
                Screen::Nowhere => view! { <Nowhere /> }.into_any(),
            }}
        </main>
        <InvitationDialog />
        <SeatDialog />
        <Questions />
        <Toasts />
        <LiveRegion />
    }
}
