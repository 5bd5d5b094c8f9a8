//! What the page tells in passing: toasts for the eye, sentences for the live region. Both are bounded, the oldest
//! goes first.

use std::time::Duration;

use leptos::prelude::*;

/// Toasts shown at once: more cover the page.
const TOASTS_MAX: usize = 3;
/// Sentences kept in the live region, so that one said right after another is still read.
const SPOKEN_MAX: usize = 5;
/// Time to read a sentence.
const TOAST_STAYS: Duration = Duration::from_secs(6);
/// Time to read what went wrong and what to do.
const ERROR_STAYS: Duration = Duration::from_secs(12);

/// What a toast is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something happened; the live region says it too.
    News,
    /// A hand went up. A newer one takes its place.
    Hand,
    /// Something did not work.
    Error,
}

/// One toast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toast {
    /// Tells it from others.
    pub(crate) id: u64,
    /// What it is about.
    pub(crate) kind: Kind,
    /// The sentence.
    pub(crate) text: String,
}

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Notices {
    next: StoredValue<u64>,
    toasts: RwSignal<Vec<Toast>>,
    spoken: RwSignal<Vec<(u64, String)>>,
}

pub(super) fn provide() {
    provide_context(Notices { next: StoredValue::new(0), toasts: RwSignal::new(vec![]), spoken: RwSignal::new(vec![]) });
}

/// The notices.
pub(crate) fn use_notices() -> Notices {
    expect_context()
}

impl Notices {
    /// The toasts, oldest first.
    pub(crate) fn toasts(self) -> Vec<Toast> {
        self.toasts.get()
    }

    /// What the live region says, oldest first, each with a number of its own.
    pub(crate) fn spoken(self) -> Vec<(u64, String)> {
        self.spoken.get()
    }

    /// Says a sentence to those who listen to the page.
    pub(crate) fn say(self, text: &str) {
        let id = self.fresh();
        self.spoken.update(|spoken| {
            if spoken.len() >= SPOKEN_MAX {
                spoken.remove(0);
            }
            spoken.push((id, text.to_owned()));
        });
    }

    /// Says and shows that something happened.
    pub(crate) fn news(self, text: &str) {
        self.say(text);
        self.toast(Kind::News, text, TOAST_STAYS);
    }

    /// Says and shows that a hand went up.
    pub(crate) fn hand(self, text: &str) {
        self.say(text);
        self.toast(Kind::Hand, text, TOAST_STAYS);
    }

    /// Shows that something did not work; the toast itself is an alert.
    pub(crate) fn error(self, text: &str) {
        self.toast(Kind::Error, text, ERROR_STAYS);
    }

    /// Takes a toast away.
    pub(crate) fn dismiss(self, id: u64) {
        self.toasts.update(|toasts| toasts.retain(|toast| toast.id != id));
    }

    fn toast(self, kind: Kind, text: &str, stays: Duration) {
        let id = self.fresh();
        self.toasts.update(|toasts| {
            toasts.retain(|toast| toast.text != text && (kind, toast.kind) != (Kind::Hand, Kind::Hand));
            if toasts.len() >= TOASTS_MAX {
                toasts.remove(0);
            }
            toasts.push(Toast { id, kind, text: text.to_owned() });
        });
        set_timeout(move || self.dismiss(id), stays);
    }

    fn fresh(self) -> u64 {
        self.next.update_value(|next| *next += 1);
        self.next.get_value()
    }
}
