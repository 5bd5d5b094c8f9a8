//! Why no connection comes about. A browser tells its page nothing of a handshake that was refused, so the page asks over HTTP
//! what stood in its way (docs/protocol.md).

use dais_engine::ConnectionState;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response, window};

/// What is asked with another method than it is connected with.
const WHERE: &str = "/ws";
/// The server answers, and one failed try may have been before it did.
const TRIES_BEFORE_SUSPICION: u32 = 2;
/// As many as the engine makes in the eager seconds after a connection was lost. A server that restarts is back by then, and
/// until then every question to it would stand as an error on the browser's console.
const TRIES_BEFORE_DOUBT: u32 = 16;

/// What stands in the way of a connection to a server that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// This page's address is not the one that the server is asked by.
    ForeignPage,
    /// This network has its share of connections.
    NetworkFull,
    /// The server has no place left.
    ServerFull,
    /// Something on the way lets no WebSocket through.
    OnTheWay,
}

/// What is in the way, where the last try has failed and anything is to be found out: soon for a page that never was online,
/// and for one that was once its server should be back.
pub(crate) async fn obstacle(connection: ConnectionState, was_online: bool) -> Option<Obstacle> {
    let ConnectionState::Reconnecting { failed_tries, retry_in_ms } = connection else { return None };
    if failed_tries < if was_online { TRIES_BEFORE_DOUBT } else { 1 } || retry_in_ms == 0 {
        return None;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    let answer = JsFuture::from(window()?.fetch_with_str_and_init(WHERE, &init)).await.ok()?;
    let text = JsFuture::from(answer.dyn_into::<Response>().ok()?.text().ok()?).await.ok()?.as_string()?;
    named(&text).filter(|obstacle| *obstacle != Obstacle::OnTheWay || failed_tries >= TRIES_BEFORE_SUSPICION)
}

/// What the server's word for it means. What a proxy says in its place means nothing here.
fn named(text: &str) -> Option<Obstacle> {
    let (_, word) = text.split_once("\"error\":\"")?;
    match word.split_once('"')?.0 {
        "foreign_page" => Some(Obstacle::ForeignPage),
        "address_full" | "address_too_fast" | "network_full" | "network_too_fast" => Some(Obstacle::NetworkFull),
        "server_full" => Some(Obstacle::ServerFull),
        "none" => Some(Obstacle::OnTheWay),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_are_understood_and_no_others() {
        let said = |word: &str| named(&format!(r#"{{"error":"{word}","detail":"A sentence."}}"#));
        assert_eq!(said("foreign_page"), Some(Obstacle::ForeignPage));
        assert_eq!(said("network_full"), Some(Obstacle::NetworkFull));
        assert_eq!(said("server_full"), Some(Obstacle::ServerFull));
        assert_eq!(said("none"), Some(Obstacle::OnTheWay));
        assert_eq!(said("something"), None);
        assert_eq!(named("<html>403 Forbidden"), None);
    }
}
