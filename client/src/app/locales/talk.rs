//! The chat, reactions and the keyboard.

use dais_engine::shared::room::Reaction;

/// What is written and shown beside the voice.
pub(crate) struct Chat {
    pub(crate) heading: &'static str,
    pub(crate) messages: &'static str,
    pub(crate) empty: &'static str,
    pub(crate) earlier: &'static str,
    pub(crate) removed: &'static str,
    pub(crate) closed: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) unread: fn(u32) -> String,
    pub(crate) reactions: &'static str,
    pub(crate) reaction: fn(Reaction) -> &'static str,
}

/// The keyboard.
pub(crate) struct Keys {
    pub(crate) heading: &'static str,
    pub(crate) mute: &'static str,
    pub(crate) hand: &'static str,
    pub(crate) help: &'static str,
    pub(crate) escape: &'static str,
    pub(crate) escape_key: &'static str,
    pub(crate) not_while_typing: &'static str,
}
