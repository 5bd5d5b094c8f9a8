//! The page's address: which screen stands there, and how to get to another without loading the page anew.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// What stands before a room's id.
const ROOMS: &str = "/r/";

/// What stands at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    Lobby,
    Room,
    Nowhere,
}

/// The path in the browser's address bar.
#[derive(Clone, Copy)]
pub(crate) struct Address(RwSignal<String>);

/// Follows the browser's address from here on; call it once, above all screens.
pub(crate) fn provide_address() {
    let path = RwSignal::new(current());
    let moving = window_event_listener(ev::popstate, move |_| path.set(current()));
    on_cleanup(move || moving.remove());
    provide_context(Address(path));
}

/// Where the page is.
pub(crate) fn use_address() -> Address {
    expect_context()
}

fn current() -> String {
    window().location().pathname().unwrap_or_default()
}

impl Address {
    /// What stands here.
    pub(crate) fn screen(self) -> Screen {
        self.0.with(|path| screen_at(path))
    }

    /// The id in a room's address, as it stands there; `None` where another screen is.
    pub(crate) fn room(self) -> Option<String> {
        self.0.with(|path| room_in(path).map(decoded))
    }

    /// Whether this path is where the page is.
    pub(crate) fn is(self, path: &str) -> bool {
        self.0.with(|here| here == path)
    }

    /// Shows the screen at this path, with the way back kept by the browser.
    pub(crate) fn go(self, path: &str) {
        if self.0.with_untracked(|here| here != path) {
            // Fails where a browser finds that a page moves too often. The screen is shown all the same.
            let _ = window().history().and_then(|history| history.push_state_with_url(&JsValue::NULL, "", Some(path)));
            self.0.set(path.to_owned());
        }
        window().scroll_to_with_x_and_y(0.0, 0.0);
    }
}

fn screen_at(path: &str) -> Screen {
    match room_in(path) {
        _ if path == "/" => Screen::Lobby,
        Some(_) => Screen::Room,
        None => Screen::Nowhere,
    }
}

fn room_in(path: &str) -> Option<&str> {
    let id = path.strip_prefix(ROOMS)?;
    let id = id.strip_suffix('/').unwrap_or(id);
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// Addresses may spell any letter as its number.
fn decoded(text: &str) -> String {
    js_sys::decode_uri_component(text).map_or_else(|_| text.to_owned(), String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_its_screen() {
        assert_eq!(screen_at("/"), Screen::Lobby);
        for room in ["/r/tea", "/r/tea/", "/r/NO-ROOM"] {
            assert_eq!(screen_at(room), Screen::Room, "{room}");
        }
        for nowhere in ["", "/r", "/r/", "/r//", "/r/tea/pot", "/room/tea", "/index"] {
            assert_eq!(screen_at(nowhere), Screen::Nowhere, "{nowhere}");
        }
    }

    #[test]
    fn a_room_is_what_stands_behind_the_prefix() {
        assert_eq!(room_in("/r/tea"), Some("tea"));
        assert_eq!(room_in("/r/tea/"), Some("tea"));
        assert_eq!(room_in("/"), None);
    }
}
