//! Reactions: shown for a few seconds with whoever showed them, then forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::room::Reaction;
use leptos::prelude::*;

/// Long enough to be seen from the corner of an eye.
const STAYS: Duration = Duration::from_secs(4);

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Reactions {
    next: StoredValue<u64>,
    shown: RwSignal<BTreeMap<MemberId, (u64, Reaction)>>,
}

pub(super) fn provide() {
    provide_context(Reactions { next: StoredValue::new(0), shown: RwSignal::new(BTreeMap::new()) });
}

/// The reactions.
pub(crate) fn use_reactions() -> Reactions {
    expect_context()
}

impl Reactions {
    /// What one person shows, with a number that is new for each.
    pub(crate) fn of(self, member: MemberId) -> Option<(u64, Reaction)> {
        self.shown.with(|shown| shown.get(&member).copied())
    }

    /// Whoever reacts again replaces what was shown before.
    pub(super) fn show(self, reactions: &[(MemberId, Reaction)]) {
        for (member, reaction) in reactions.iter().copied() {
            self.next.update_value(|next| *next += 1);
            let number = self.next.get_value();
            self.shown.update(|shown| {
                shown.insert(member, (number, reaction));
            });
            set_timeout(move || self.forget(member, number), STAYS);
        }
    }

    fn forget(self, member: MemberId, number: u64) {
        if self.shown.with_untracked(|shown| shown.get(&member).is_some_and(|(latest, _)| *latest == number)) {
            self.shown.update(|shown| {
                shown.remove(&member);
            });
        }
    }
}
