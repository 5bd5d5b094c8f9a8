//! How things stand with the server, in a word; opens the measurements.

use dais_engine::ConnectionState;
use leptos::prelude::*;

use super::dialog::Dialog;
use super::quality_panel::QualityPanel;
use crate::locales::{Connection, t};
use crate::state::house::use_house;
use crate::state::quality::use_quality;

/// See the module.
#[component]
pub(crate) fn ConnectionChip() -> impl IntoView {
    let t = t();
    let (house, quality) = (use_house(), use_quality());
    let is_open = RwSignal::new(false);
    // Measurements come several times a second, and mostly tell the same.
    let measured = Memo::new(move |_| {
        let rtt_ms = house.is_online().then(|| quality.statistics().rtt_ms).flatten();
        rtt_ms.map(t.quality.ms)
    });
    let rtt = move || measured.get().map(|text| view! { <span class="connection-chip__rtt">{text}</span> });
    view! {
        <button
            class="connection-chip"
            type="button"
            data-state=move || name(house.connection())
            on:click=move |_| is_open.set(true)
        >
            <span class="connection-chip__word">{move || word(&t.connection, house.connection())}</span>
            {rtt}
            <span class="visually-hidden">{t.quality.open}</span>
        </button>
        <Dialog id="quality" title=t.quality.heading is_open=is_open>
            <QualityPanel />
        </Dialog>
    }
}

fn word(words: &Connection, connection: ConnectionState) -> &'static str {
    match connection {
        ConnectionState::Connecting => words.connecting,
        ConnectionState::Online => words.online,
        ConnectionState::Stalled => words.stalled,
        ConnectionState::Reconnecting { .. } => words.reconnecting,
        ConnectionState::Closed(_) => words.closed,
    }
}

/// As the style sheet calls it.
fn name(connection: ConnectionState) -> &'static str {
    match connection {
        ConnectionState::Connecting => "connecting",
        ConnectionState::Online => "online",
        ConnectionState::Stalled => "stalled",
        ConnectionState::Reconnecting { .. } => "reconnecting",
        ConnectionState::Closed(_) => "closed",
    }
}
