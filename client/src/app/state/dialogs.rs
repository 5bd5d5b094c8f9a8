//! Which question the page asks at the moment: one at a time, whoever opened it. Knows nothing of what the answers do.

use dais_engine::shared::ids::MemberId;
use leptos::prelude::*;

/// A question, about the person and with the name that was shown when it came up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Put somebody out for a minute?
    Kick(MemberId, String),
    /// Put somebody out until the ban is lifted?
    Ban(MemberId, String),
    /// Make this person the host?
    HandOverTo(MemberId, String),
    /// Whom to make the host?
    HandOver,
    /// What is to become of the room that its host leaves?
    Leave,
    /// End the room?
    EndRoom,
    /// Which passcode?
    Passcode,
    /// Which title and topic?
    About,
    /// Who is to be kept out, and who not any more?
    Banned,
    /// Which keys do what?
    Keys,
}

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Dialogs {
    /// The last one asked; whether it still is, says `is_open`.
    question: RwSignal<Option<Question>>,
    is_open: RwSignal<bool>,
    is_invitation_open: RwSignal<bool>,
}

pub(super) fn provide() {
    provide_context(Dialogs {
        question: RwSignal::new(None),
        is_open: RwSignal::new(false),
        is_invitation_open: RwSignal::new(false),
    });
}

/// The dialogs.
pub(crate) fn use_dialogs() -> Dialogs {
    expect_context()
}

impl Dialogs {
    /// Asks.
    pub(crate) fn ask(self, question: Question) {
        self.question.set(Some(question));
        self.is_open.set(true);
    }

    /// It was answered, or is void.
    pub(crate) fn close(self) {
        self.is_open.set(false);
    }

    /// What is asked, or was asked last.
    pub(crate) fn question(self) -> Option<Question> {
        self.question.get()
    }

    /// Whether it is being asked.
    pub(crate) const fn is_open(self) -> RwSignal<bool> {
        self.is_open
    }

    /// Whether the invitation to the stage is in front. One that was put aside can still be answered.
    pub(crate) const fn is_invitation_open(self) -> RwSignal<bool> {
        self.is_invitation_open
    }
}
