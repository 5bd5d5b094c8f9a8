//! What a person prefers on this browser: the look of the page and the name given last.

use leptos::prelude::*;

use super::storage;

const NAME_KEY: &str = "dais.name";
const THEME_KEY: &str = "dais.theme";

/// The look of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Whatever the system says.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Every theme.
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// As the style sheet and the storage call it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Preferences {
    theme: RwSignal<Theme>,
    name: RwSignal<String>,
}

pub(super) fn provide() {
    let kept = storage::read(THEME_KEY);
    let theme = Theme::ALL.into_iter().find(|theme| Some(theme.as_str()) == kept.as_deref()).unwrap_or(Theme::System);
    let preferences =
        Preferences { theme: RwSignal::new(theme), name: RwSignal::new(storage::read(NAME_KEY).unwrap_or_default()) };
    Effect::new(move || show(preferences.theme.get()));
    provide_context(preferences);
}

/// The preferences.
pub(crate) fn use_preferences() -> Preferences {
    expect_context()
}

impl Preferences {
    /// The look of the page.
    pub(crate) fn theme(self) -> Theme {
        self.theme.get()
    }

    /// Changes the look of the page.
    pub(crate) fn set_theme(self, theme: Theme) {
        storage::write(THEME_KEY, theme.as_str());
        self.theme.set(theme);
    }

    /// The name given last; empty before the first.
    pub(crate) fn name(self) -> String {
        self.name.get()
    }

    /// Remembers a name that the server took.
    pub(crate) fn remember_name(self, name: &str) {
        storage::write(NAME_KEY, name);
        self.name.set(name.to_owned());
    }
}

fn show(theme: Theme) {
    if let Some(root) = document().document_element() {
        // Fails only for names that are none.
        let _ = root.set_attribute("data-theme", theme.as_str());
    }
}
