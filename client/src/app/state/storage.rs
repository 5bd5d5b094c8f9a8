//! What the browser keeps, as text under a key: between visits, or for as long as a tab is there. Where a person forbids
//! storage, nothing is kept.

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

/// The text that this tab keeps under `key`, also after it has been loaded anew.
pub(super) fn read_in_tab(key: &str) -> Option<String> {
    window().session_storage().ok().flatten()?.get_item(key).ok().flatten()
}

/// Keeps `text` under `key` in this tab, or forgets what was kept.
pub(super) fn write_in_tab(key: &str, text: Option<&str>) {
    let Ok(Some(storage)) = window().session_storage() else { return };
    // A full storage forgets.
    let _ = match text {
        Some(text) => storage.set_item(key, text),
        None => storage.remove_item(key),
    };
}
