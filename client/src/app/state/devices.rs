//! The loudspeaker and the microphone of this machine.

use leptos::prelude::*;

use crate::link::{AudioState, Device, DeviceList, DeviceState, Processing};

use super::actions::{Actions, use_actions};

/// The microphone and the output chosen.
type Chosen = (Option<Device>, Option<Device>);

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Devices {
    audio: RwSignal<AudioState>,
    is_output_missing: RwSignal<bool>,
    microphone: RwSignal<DeviceState>,
    processing: RwSignal<Option<Processing>>,
    list: RwSignal<DeviceList>,
    chosen: RwSignal<Option<Chosen>>,
    is_secure: bool,
}

pub(super) fn provide() {
    provide_context(Devices {
        audio: RwSignal::new(AudioState::Locked),
        is_output_missing: RwSignal::new(false),
        microphone: RwSignal::new(DeviceState::Closed),
        processing: RwSignal::new(None),
        list: RwSignal::new(DeviceList::default()),
        chosen: RwSignal::new(None),
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

    /// Whether the chosen output is not there, and another one plays.
    pub(crate) fn is_output_missing(self) -> bool {
        self.is_output_missing.get()
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

    /// The microphones that there are.
    pub(crate) fn inputs(self) -> Vec<Device> {
        self.list.with(|list| list.inputs.clone())
    }

    /// The outputs that there are.
    pub(crate) fn outputs(self) -> Vec<Device> {
        self.list.with(|list| list.outputs.clone())
    }

    /// The microphone that is to be used, and a way to change it. `None` is whatever the system prefers.
    pub(crate) fn microphone_choice(self) -> (Signal<Option<Device>>, Callback<Option<Device>>) {
        let actions = use_actions();
        let choose = move |device: Option<Device>| {
            actions.choose_microphone(device);
            self.chosen.set(Some(actions.chosen_devices()));
        };
        (Signal::derive(move || self.chosen(actions).0), Callback::new(choose))
    }

    /// The same for where the sound goes.
    pub(crate) fn output_choice(self) -> (Signal<Option<Device>>, Callback<Option<Device>>) {
        let actions = use_actions();
        let choose = move |device: Option<Device>| {
            actions.choose_output(device);
            self.chosen.set(Some(actions.chosen_devices()));
        };
        (Signal::derive(move || self.chosen(actions).1), Callback::new(choose))
    }

    fn chosen(self, actions: Actions) -> Chosen {
        self.chosen.get().unwrap_or_else(|| actions.chosen_devices())
    }

    pub(super) fn set_list(self, list: DeviceList) {
        self.list.set(list);
    }

    pub(super) fn set_audio(self, audio: AudioState) {
        self.audio.set(audio);
    }

    pub(super) fn set_output_missing(self, is_missing: bool) {
        self.is_output_missing.set(is_missing);
    }

    pub(super) fn set_microphone(self, microphone: DeviceState) {
        self.microphone.set(microphone);
    }
}
