//! The microphone test, as it goes on.

use leptos::prelude::*;

use super::levels::Level;
use crate::link::{DeviceState, TrialEvent};

/// How far a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// None is under way.
    Idle,
    /// The microphone is being opened.
    Opening,
    /// It is recorded.
    Recording,
    /// What it gave is played.
    Playing,
    /// It could not be opened.
    Failed(DeviceState),
}

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Trial {
    stage: RwSignal<Stage>,
    loudness: RwSignal<f32>,
}

pub(super) fn provide() {
    provide_context(Trial { stage: RwSignal::new(Stage::Idle), loudness: RwSignal::new(0.0) });
}

/// The microphone test.
pub(crate) fn use_trial() -> Trial {
    expect_context()
}

impl Trial {
    /// How far it is.
    pub(crate) fn stage(self) -> Stage {
        self.stage.get()
    }

    /// How loud it is, from 0 to 1 in even steps of decibels.
    pub(crate) fn loudness(self) -> f32 {
        self.loudness.get()
    }

    pub(super) fn take(self, event: TrialEvent) {
        match event {
            TrialEvent::Level(level_dbov) => return self.loudness.set(Level::from_dbov(level_dbov).loudness),
            TrialEvent::Opening => self.stage.set(Stage::Opening),
            TrialEvent::Recording => self.stage.set(Stage::Recording),
            TrialEvent::Playing => self.stage.set(Stage::Playing),
            TrialEvent::Over => self.stage.set(Stage::Idle),
            TrialEvent::Failed(state) => self.stage.set(Stage::Failed(state)),
        }
        self.loudness.set(0.0);
    }
}
