//! How the person speaks, and push-to-talk's key: which it is, and what happens to it. What of the microphone goes out
//! is the engine's to say.

use std::time::Duration;

use dais_engine::{Command, Speaking, TalkKey};
use leptos::leptos_dom::helpers::IntervalHandle;
use leptos::prelude::*;

use super::actions::Actions;
use super::storage;

const HOW_KEY: &str = "dais.speaking";
const TALK_KEY_KEY: &str = "dais.talk-key";

/// The engine takes a key that it hears nothing of for a second to be let go.
const REMIND_EVERY: Duration = Duration::from_millis(250);

/// Every way to speak.
pub(crate) const WAYS: [Speaking; 3] = [Speaking::VoiceActivation, Speaking::OpenMicrophone, Speaking::PushToTalk];

/// Keys that do something else wherever one could talk.
const TAKEN: [&str; 8] = ["Escape", "Tab", "Enter", "m", "h", "?", "Meta", "Unidentified"];

/// A key, by its place on the keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    code: String,
    /// What is printed on it. `None` for the space bar.
    name: Option<String>,
}

impl Key {
    fn space() -> Self {
        Self { code: "Space".into(), name: None }
    }

    /// From a keyboard event's `code` and `key`. `None` for keys that do something else.
    pub(crate) fn new(code: &str, key: &str) -> Option<Self> {
        let lower = key.to_lowercase();
        let is_taken = code.is_empty() || TAKEN.iter().any(|taken| *taken == key || *taken == lower);
        let name = if key.chars().count() == 1 { key.to_uppercase() } else { key.to_owned() };
        (!is_taken).then(|| Self { code: code.to_owned(), name: (key != " ").then_some(name) })
    }

    fn from_text(text: &str) -> Option<Self> {
        let (code, key) = text.split_once(' ')?;
        Self::new(code, if key.is_empty() { " " } else { key })
    }

    fn to_text(&self) -> String {
        format!("{} {}", self.code, self.name.as_deref().unwrap_or_default())
    }

    /// What is printed on it, `space` where that is nothing.
    pub(crate) fn name(&self, space: &str) -> String {
        self.name.clone().unwrap_or_else(|| space.to_owned())
    }
}

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Speech {
    how: RwSignal<Speaking>,
    key: RwSignal<Key>,
    is_talking: RwSignal<bool>,
    /// There while the key is held.
    reminder: StoredValue<Option<IntervalHandle>>,
}

pub(super) fn provide() {
    let kept = storage::read(HOW_KEY);
    let how = WAYS.into_iter().find(|how| Some(as_text(*how)) == kept.as_deref()).unwrap_or_default();
    let key = storage::read(TALK_KEY_KEY).and_then(|text| Key::from_text(&text)).unwrap_or_else(Key::space);
    provide_context(Speech {
        how: RwSignal::new(how),
        key: RwSignal::new(key),
        is_talking: RwSignal::new(false),
        reminder: StoredValue::new(None),
    });
}

/// How the person speaks.
pub(crate) fn use_speech() -> Speech {
    expect_context()
}

impl Speech {
    /// Which way.
    pub(crate) fn how(self) -> Speaking {
        self.how.get()
    }

    /// Whether it is by a key.
    pub(crate) fn is_by_key(self) -> bool {
        self.how.get() == Speaking::PushToTalk
    }

    /// Changes the way, from now on and on later visits.
    pub(crate) fn set_how(self, how: Speaking, actions: Actions) {
        storage::write(HOW_KEY, as_text(how));
        self.let_go(actions);
        self.how.set(how);
        self.tell_how(actions);
    }

    /// Tells the engine of it.
    pub(super) fn tell_how(self, actions: Actions) {
        actions.send(Command::SetSpeaking(self.how.get_untracked()));
    }

    /// The key.
    pub(crate) fn key(self) -> Key {
        self.key.get()
    }

    /// Whether a keyboard event's `code` is the key's.
    pub(crate) fn is_key(self, code: &str) -> bool {
        self.key.with_untracked(|key| key.code == code)
    }

    /// Changes the key, from now on and on later visits.
    pub(crate) fn set_key(self, key: Key, actions: Actions) {
        storage::write(TALK_KEY_KEY, &key.to_text());
        self.let_go(actions);
        self.key.set(key);
    }

    /// The key, or the button, is pressed.
    pub(crate) fn hold(self, actions: Actions) {
        if self.is_held() {
            return;
        }
        actions.send(Command::Talk(TalkKey::Pressed));
        let remind = move || actions.send(Command::Talk(TalkKey::StillHeld));
        match set_interval_with_handle(remind, REMIND_EVERY) {
            Ok(reminder) => self.reminder.set_value(Some(reminder)),
            // Without a timer nothing could be trusted to be held.
            Err(_) => actions.send(Command::Talk(TalkKey::Released)),
        }
    }

    /// It is let go, or might be.
    pub(crate) fn let_go(self, actions: Actions) {
        if let Some(reminder) = self.reminder.try_update_value(Option::take).flatten() {
            reminder.clear();
            actions.send(Command::Talk(TalkKey::Released));
        }
    }

    /// Whether the key or the button is held, as far as the page knows.
    pub(crate) fn is_held(self) -> bool {
        self.reminder.with_value(Option::is_some)
    }

    /// Whether the engine lets the voice out because of the key.
    pub(crate) fn is_talking(self) -> bool {
        self.is_talking.get()
    }

    pub(super) fn set_talking(self, is_talking: bool) {
        self.is_talking.set(is_talking);
    }
}

const fn as_text(how: Speaking) -> &'static str {
    match how {
        Speaking::VoiceActivation => "voice",
        Speaking::OpenMicrophone => "open",
        Speaking::PushToTalk => "key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_and_named_as_printed() {
        let key = Key::new("KeyV", "v").expect("free");
        assert_eq!(key.name("Space"), "V");
        assert_eq!(Key::from_text(&key.to_text()), Some(key));
        assert_eq!(Key::new("Space", " "), Some(Key::space()));
        assert_eq!(Key::from_text(&Key::space().to_text()), Some(Key::space()));
        assert_eq!(Key::space().name("Leertaste"), "Leertaste");
    }

    #[test]
    fn keys_that_do_something_else_are_not_taken_away() {
        for (code, key) in [("KeyM", "m"), ("KeyM", "M"), ("Escape", "Escape"), ("Tab", "Tab"), ("", "Unidentified")] {
            assert_eq!(Key::new(code, key), None, "{key}");
        }
    }
}
