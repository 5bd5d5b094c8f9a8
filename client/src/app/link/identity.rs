//! The secret of one's identity, between visits. One identity is every page's of this browser; a page may have another
//! for itself, which lasts as long as its tab and goes before the shared one. A host's link brings such a one along.

use dais_engine::shared::ids::Token;
use wasm_bindgen::JsValue;
use web_sys::{Storage, window};

const TOKEN_KEY: &str = "dais.token";

/// The secret kept, or just brought along, and whether it is this page's alone.
pub(super) fn kept() -> (Option<Token>, bool) {
    if let Some(token) = brought() {
        keep(Some(token), true);
        return (Some(token), true);
    }
    match read(storage(true)) {
        Some(token) => (Some(token), true),
        None => (read(storage(false)), false),
    }
}

/// The secret in the page's own address (`#host=…`, `#invite=…`: docs/api.md), from which it is taken away: addresses are
/// shown, copied and remembered.
fn brought() -> Option<Token> {
    let window = window()?;
    let location = window.location();
    let token = from_hex(location.hash().ok()?.split_once('=')?.1)?;
    let bare = format!("{}{}", location.pathname().ok()?, location.search().ok()?);
    // Where the browser does not let it be taken away, it opens the room all the same.
    let _ = window.history().and_then(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(&bare)));
    Some(token)
}

/// Keeps a secret, or forgets the one kept.
pub(super) fn keep(token: Option<Token>, is_for_this_page: bool) {
    let Some(storage) = storage(is_for_this_page) else { return };
    // A full or forbidden storage forgets, which is what it was asked for.
    let _ = match token {
        Some(token) => storage.set_item(TOKEN_KEY, &to_hex(&token)),
        None => storage.remove_item(TOKEN_KEY),
    };
}

/// Absent where the person forbids storage: then nothing is remembered.
fn storage(is_for_this_page: bool) -> Option<Storage> {
    let window = window()?;
    let storage = if is_for_this_page { window.session_storage() } else { window.local_storage() };
    storage.ok().flatten()
}

fn read(storage: Option<Storage>) -> Option<Token> {
    from_hex(&storage?.get_item(TOKEN_KEY).ok().flatten()?)
}

fn from_hex(text: &str) -> Option<Token> {
    let mut token = [0; 16];
    if text.len() != 2 * token.len() || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in token.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(Token(token))
}

fn to_hex(token: &Token) -> String {
    token.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_survives_being_kept_as_text_and_nothing_else_is_one() {
        let token = Token(core::array::from_fn(|at| at as u8 * 17));
        assert_eq!(from_hex(&to_hex(&token)), Some(token));
        for text in ["", "00", "zz112233445566778899aabbccddeeff", "é0112233445566778899aabbccddeef"] {
            assert_eq!(from_hex(text), None, "{text:?}");
        }
    }
}
