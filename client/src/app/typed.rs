//! What people type, written in the one way in which the server writes it: composed (NFC). The browser has the tables for that.

use js_sys::JsString;

/// Letters and their marks as one character each, wherever there is one: what is counted is what the server counts.
pub(crate) fn composed(typed: &str) -> String {
    JsString::from(typed).normalize("NFC").into()
}
