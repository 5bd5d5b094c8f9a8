//! What a room is, in words with icons: for the head of the room, its card in the lobby, and the screen before it.

use dais_engine::shared::room::{Mode, Settings};
use dais_engine::shared::wire::RoomSummary;
use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::locales::{Sentences, t};

/// A list of badges.
#[component]
pub(crate) fn RoomBadges(
    /// What to show.
    badges: Badges,
) -> impl IntoView {
    let t = t();
    let badge = |(glyph, word): (Glyph, &'static str)| {
        view! {
            <li class="badge">
                <Icon glyph=glyph />
                {word}
            </li>
        }
    };
    view! {
        <ul class="room-badges" aria-label=t.badges.label>
            {badges.words(t).into_iter().map(badge).collect_view()}
        </ul>
    }
}

/// What is worth a badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Badges {
    mode: Mode,
    is_locked: bool,
    has_passcode: bool,
    is_unlisted: bool,
    takes_hands: bool,
    takes_messages: bool,
}

impl From<&Settings> for Badges {
    fn from(settings: &Settings) -> Self {
        let &Settings { mode, is_locked, has_passcode, is_unlisted, takes_hands, takes_messages, .. } = settings;
        Self { mode, is_locked, has_passcode, is_unlisted, takes_hands, takes_messages }
    }
}

/// From outside less is known.
impl From<&RoomSummary> for Badges {
    fn from(room: &RoomSummary) -> Self {
        let &RoomSummary { mode, is_locked, has_passcode, .. } = room;
        Self { mode, is_locked, has_passcode, is_unlisted: false, takes_hands: true, takes_messages: true }
    }
}

impl Badges {
    fn words(self, t: &Sentences) -> Vec<(Glyph, &'static str)> {
        let mode = match self.mode {
            Mode::Moderated => Glyph::Crown,
            Mode::Open => Glyph::Seat,
        };
        let badges = [
            (true, mode, (t.lobby.mode)(self.mode)),
            (self.is_locked, Glyph::Lock, t.badges.locked),
            (self.has_passcode, Glyph::Key, t.badges.passcode),
            (self.is_unlisted, Glyph::Hidden, t.badges.unlisted),
            (!self.takes_hands, Glyph::Hand, t.badges.hands_closed),
            (!self.takes_messages, Glyph::Chat, t.badges.chat_closed),
        ];
        badges.into_iter().filter(|(is_shown, ..)| *is_shown).map(|(_, glyph, word)| (glyph, word)).collect()
    }
}
