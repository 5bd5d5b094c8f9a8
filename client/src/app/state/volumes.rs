//! How loud each person is for this listener alone. Kept by identity, so that it holds when the person comes back.

use std::collections::BTreeMap;

use dais_engine::Command;
use dais_engine::shared::ids::UserId;
use leptos::prelude::*;

use super::actions::Actions;

/// People whose volume is remembered; the engine remembers about as many.
const VOLUMES_MAX: usize = 256;

/// One person's volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    /// 100 is unchanged, at most [`Volume::PERCENT_MAX`].
    pub(crate) percent: u32,
    /// Not heard at all, whatever the percentage.
    pub(crate) is_silenced: bool,
}

impl Volume {
    /// Twice as loud is as far as it goes.
    pub(crate) const PERCENT_MAX: u32 = 200;
    const UNCHANGED: Self = Self { percent: 100, is_silenced: false };

    fn factor(self) -> f32 {
        if self.is_silenced { 0.0 } else { self.percent.min(Self::PERCENT_MAX) as f32 / 100.0 }
    }
}

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Volumes(RwSignal<BTreeMap<UserId, Volume>>);

pub(super) fn provide() {
    provide_context(Volumes(RwSignal::new(BTreeMap::new())));
}

/// The volumes.
pub(crate) fn use_volumes() -> Volumes {
    expect_context()
}

impl Volumes {
    /// One person's.
    pub(crate) fn get(self, user: UserId) -> Volume {
        self.0.with(|volumes| volumes.get(&user).copied().unwrap_or(Volume::UNCHANGED))
    }

    /// Turns one person up or down.
    pub(crate) fn set(self, user: UserId, volume: Volume, actions: Actions) {
        self.0.update(|volumes| {
            if volumes.len() >= VOLUMES_MAX && !volumes.contains_key(&user) {
                volumes.pop_first();
            }
            volumes.insert(user, volume);
        });
        actions.send(Command::SetVolume { user, volume: volume.factor() });
    }
}
