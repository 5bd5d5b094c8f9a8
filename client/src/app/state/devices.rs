//! The loudspeaker and the microphone of this machine.

use leptos::prelude::*;

use crate::link::{AudioState, DeviceState, Processing};

use super::actions::use_actions;

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Devices {
    audio: RwSignal<AudioState>,
    microphone: RwSignal<DeviceState>,
    processing: RwSignal<Option<Processing>>,
    is_secure: bool,
}

pub(super) fn provide() {
    provide_context(Devices {
        audio: RwSignal::new(AudioState::Locked),
        microphone: RwSignal::new(DeviceState::Closed),
        processing: RwSignal::new(None),
        is_secure: window().is_secure_context(),
    });
}

/// What is known of the devices.
pub(crate) fn use_devices() -> Devices {
    expect_context()
}

impl Devices {
    /// The loudspeaker.
    pub(crate) fn audio(self) -> AudioState {
        self.audio.get()
    }

    /// The microphone.
    pub(crate) fn microphone(self) -> DeviceState {
        self.microphone.get()
    }

    /// Whether browsers give this page any devices at all.
    pub(crate) fn is_secure(self) -> bool {
        self.is_secure
    }

    /// What the browser is asked to do to the microphone's sound, and a way to change it.
    pub(crate) fn processing(self) -> (Signal<Processing>, Callback<Processing>) {
        let actions = use_actions();
        let first = actions.processing();
        let set = Callback::new(move |processing| {
            actions.set_processing(processing);
            self.processing.set(Some(processing));
        });
        (Signal::derive(move || self.processing.get().unwrap_or(first)), set)
    }

    pub(super) fn set_audio(self, audio: AudioState) {
        self.audio.set(audio);
    }

    pub(super) fn set_microphone(self, microphone: DeviceState) {
        self.microphone.set(microphone);
    }
}
