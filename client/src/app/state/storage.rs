//! What the browser keeps between visits, as text under a key. Where a person forbids storage, nothing is kept.

use leptos::prelude::window;
use web_sys::Storage;

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// The text kept under `key`.
pub(super) fn read(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// Keeps `text` under `key`.
pub(super) fn write(key: &str, text: &str) {
    if let Some(storage) = storage() {
        // A full storage forgets; the page asks again next time.
        let _ = storage.set_item(key, text);
    }
}
