//! How the person speaks, and push-to-talk's key: what of the microphone may go out now. Whatever is in doubt shuts it,
//! and once shut it takes a fresh press to open.

use std::time::Duration;

use crate::command::{Speaking, TalkKey};

/// A key that the shell has not said to be held for so long counts as let go: a page that hangs holds no microphone open.
const HELD_FOR: Duration = Duration::from_secs(1);
/// After the key is let go one more frame may go out, which tells that it is the last, if it was captured by then.
const LAST_FRAME_WITHIN: Duration = Duration::from_millis(50);

/// What of the microphone may go out. Of two that judge, the smaller holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LetsOut {
    /// Not a sample.
    Nothing,
    /// One more frame, which tells that it is the last.
    LastFrame,
    /// Whatever is said.
    All,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Key {
    #[default]
    Up,
    /// Held, unless nothing more is heard of it until then.
    Held { until: Duration },
    /// Let go, and the last frame is to come until then.
    LetGo { until: Duration },
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    speaking: Speaking,
    key: Key,
}

impl Talk {
    /// Whether silence is sent like voice. Whoever holds a key has said what is voice.
    pub(crate) fn sends_silence(&self) -> bool {
        match self.speaking {
            Speaking::VoiceActivation => false,
            Speaking::OpenMicrophone | Speaking::PushToTalk => true,
        }
    }

    /// Returns whether that is something new.
    pub(crate) fn set_speaking(&mut self, speaking: Speaking) -> bool {
        self.key = Key::Up;
        core::mem::replace(&mut self.speaking, speaking) != speaking
    }

    /// The key is pressed. Returns whether that opens a microphone that was shut.
    pub(crate) fn press(&mut self, now: Duration) -> bool {
        if self.speaking != Speaking::PushToTalk {
            return false;
        }
        let was = core::mem::replace(&mut self.key, Key::Held { until: now + HELD_FOR });
        !matches!(was, Key::Held { .. })
    }

    /// The key is still held, or not any more.
    pub(crate) fn handle_key(&mut self, key: TalkKey, now: Duration) {
        match (self.key, key) {
            (Key::Held { until }, TalkKey::StillHeld) if now < until => self.key = Key::Held { until: now + HELD_FOR },
            (Key::Held { .. }, TalkKey::Released) => self.key = Key::LetGo { until: now + LAST_FRAME_WITHIN },
            _ => {}
        }
    }

    /// Nothing more goes out until the key is pressed anew.
    pub(crate) fn shut(&mut self) {
        self.key = Key::Up;
    }

    /// Whether a held key lets the voice out.
    pub(crate) fn is_held(&self, now: Duration) -> bool {
        matches!(self.key, Key::Held { until } if now < until)
    }

    /// What may go out now.
    pub(crate) fn lets_out(&mut self, now: Duration) -> LetsOut {
        if self.speaking != Speaking::PushToTalk {
            return LetsOut::All;
        }
        if let Key::Held { until } = self.key
            && now >= until
        {
            self.key = Key::LetGo { until: until + LAST_FRAME_WITHIN };
        }
        match self.key {
            Key::Held { .. } => LetsOut::All,
            Key::LetGo { until } if now <= until => LetsOut::LastFrame,
            Key::LetGo { .. } | Key::Up => LetsOut::Nothing,
        }
    }

    /// The last frame is out, or there is none to come.
    pub(crate) fn end(&mut self) {
        if matches!(self.key, Key::LetGo { .. }) {
            self.key = Key::Up;
        }
    }
}
