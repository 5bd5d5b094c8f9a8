//! The chat, reactions and the keyboard.

use dais_engine::shared::room::Reaction;

use super::super::{Chat, Keys};

pub(super) const CHAT: Chat = Chat {
    heading: "Chat",
    messages: "Messages",
    empty: "Nobody has written anything yet.",
    earlier: "Show earlier messages",
    removed: "This message was removed.",
    closed: "The chat is closed at the moment.",
    hint: "Enter sends, Shift and Enter start a new line.",
    unread: |count| format!("{count} new"),
    reactions: "Reactions",
    reaction: |reaction| match reaction {
        Reaction::Applause => "Applause",
        Reaction::Heart => "Heart",
        Reaction::Agree => "Agree",
        Reaction::Laugh => "Laugh",
        Reaction::Wow => "Wow",
        Reaction::Doubt => "Doubt",
    },
};

pub(super) const KEYS: Keys = Keys {
    heading: "Keyboard shortcuts",
    mute: "Mute or unmute",
    hand: "Raise or lower your hand",
    help: "Show this list",
    escape: "Close a menu or a dialog",
    escape_key: "Esc",
    not_while_typing: "In a field these keys only write.",
};
