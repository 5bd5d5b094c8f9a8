//! Why no connection comes about. A browser tells its page nothing of a handshake that was refused, so the page asks over HTTP
//! what stood in its way (docs/protocol.md).

use dais_engine::ConnectionState;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response, window};

/// What is asked with another method than it is connected with.
const WHERE: &str = "/ws";
/// As many as the engine makes in the eager seconds after a connection was lost. A server that restarts is back by then, and
/// until then every question to it would stand as an error on the browser's console.
const TRIES_BEFORE_DOUBT: u32 = 16;
/// The server is asked a moment after it has refused: by then it may have a place again, or be back. Where that explains nothing
/// so often in a row, it was not the server.
const UNEXPLAINED_BEFORE_SUSPICION: u32 = 3;

/// What stands in the way of a connection to a server that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// This page's address is not the one that the server is asked by.
    ForeignPage,
    /// This network has its share of connections.
    NetworkFull,
    /// The server has no place left.
    ServerFull,
    /// The server's disk does not answer.
    Unavailable,
    /// Something on the way lets no WebSocket through.
    OnTheWay,
}

/// What the server says to why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// This.
    Because(Obstacle),
    /// Nothing of its own is in the way.
    NoReason,
}

/// Asks where the last try has failed and anything is to be found out: soon for a page that never was online, and for one that
/// was once its server should be back. Not where a WebSocket was open and ended: it came through.
pub(crate) async fn ask(connection: ConnectionState, was_online: bool) -> Option<Said> {
    let ConnectionState::Reconnecting { failed_tries, retry_in_ms, was_open } = connection else { return None };
    if was_open || failed_tries < if was_online { TRIES_BEFORE_DOUBT } else { 1 } || retry_in_ms == 0 {
        return None;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    let answer = JsFuture::from(window()?.fetch_with_str_and_init(WHERE, &init)).await.ok()?;
    let text = JsFuture::from(answer.dyn_into::<Response>().ok()?.text().ok()?).await.ok()?.as_string()?;
    named(&text)
}

/// What the server's word means. What a proxy says in its place means nothing here.
fn named(text: &str) -> Option<Said> {
    let (_, word) = text.split_once("\"error\":\"")?;
    Some(Said::Because(match word.split_once('"')?.0 {
        "foreign_page" => Obstacle::ForeignPage,
        "address_full" | "address_too_fast" | "network_full" | "network_too_fast" => Obstacle::NetworkFull,
        "server_full" => Obstacle::ServerFull,
        "unavailable" => Obstacle::Unavailable,
        "none" => return Some(Said::NoReason),
        _ => return None,
    }))
}

/// How many failed tries in a row the server could not explain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Suspicion {
    unexplained: u32,
}

impl Suspicion {
    /// What is in the way, by all that was said so far; `None` is said where nothing was, or nothing was asked.
    pub(crate) fn hear(&mut self, said: Option<Said>) -> Option<Obstacle> {
        self.unexplained = if said == Some(Said::NoReason) { self.unexplained.saturating_add(1) } else { 0 };
        match said? {
            Said::Because(obstacle) => Some(obstacle),
            Said::NoReason => (self.unexplained >= UNEXPLAINED_BEFORE_SUSPICION).then_some(Obstacle::OnTheWay),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_are_understood_and_no_others() {
        let said = |word: &str| named(&format!(r#"{{"error":"{word}","detail":"A sentence."}}"#));
        assert_eq!(said("foreign_page"), Some(Said::Because(Obstacle::ForeignPage)));
        assert_eq!(said("network_full"), Some(Said::Because(Obstacle::NetworkFull)));
        assert_eq!(said("server_full"), Some(Said::Because(Obstacle::ServerFull)));
        assert_eq!(said("unavailable"), Some(Said::Because(Obstacle::Unavailable)));
        assert_eq!(said("none"), Some(Said::NoReason));
        assert_eq!(said("something"), None);
        assert_eq!(named("<html>403 Forbidden"), None);
    }

    #[test]
    fn what_is_on_the_way_is_blamed_only_after_several_answers_without_a_reason_in_a_row() {
        let unexplained = Some(Said::NoReason);
        let full = Some(Said::Because(Obstacle::ServerFull));
        let mut suspicion = Suspicion::default();
        for between in [full, None] {
            assert_eq!(suspicion.hear(unexplained), None);
            assert_eq!(suspicion.hear(unexplained), None);
            assert_eq!(
                suspicion.hear(between),
                between.map(|_| Obstacle::ServerFull),
                "that was the reason all along, or may be"
            );
        }
        assert_eq!(suspicion.hear(unexplained), None);
        assert_eq!(suspicion.hear(unexplained), None);
        for _ in 0..2 {
            assert_eq!(suspicion.hear(unexplained), Some(Obstacle::OnTheWay));
        }
    }
}
