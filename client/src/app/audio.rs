//! The sound devices, which only a page can open: the loudspeaker ([`playout`]) and the microphone ([`microphone`]).
//! No sample passes through here: the worklets' ports go to the worker, and the microphone test ([`trial`]) stays on the
//! audio thread.

pub(crate) mod device_list;
pub(crate) mod microphone;
pub(crate) mod playout;
mod suppressor;
pub(crate) mod trial;
pub(crate) mod user_media;

use dais_engine::MicrophoneFailure;

pub(crate) use device_list::{Device, DeviceList};
pub(crate) use trial::TrialEvent;

/// The loudspeaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AudioState {
    /// Not started, or put to sleep by the browser: a click wakes it.
    Locked,
    /// It plays.
    Running,
    /// The browser cannot play.
    Failed,
}

/// The microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceState {
    /// Released.
    Closed,
    /// The browser is being asked.
    Opening,
    /// Open.
    Open,
    /// It could not be opened, or went away.
    Failed(MicrophoneFailure),
    /// The page was not loaded securely, and so gets no microphone from any browser.
    Insecure,
}

/// What the browser is asked to do to the microphone's sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Processing {
    /// Take out what the loudspeaker plays.
    pub(crate) echo_cancellation: bool,
    /// Take out steady noise.
    pub(crate) noise_suppression: bool,
    /// Take out more of it by a network of our own (RNNoise), in place of the browser's.
    pub(crate) strong_suppression: bool,
    /// Even out loudness.
    pub(crate) gain_control: bool,
}

impl Default for Processing {
    fn default() -> Self {
        Self { echo_cancellation: true, noise_suppression: true, strong_suppression: false, gain_control: true }
    }
}

impl Processing {
    /// As kept between visits: four digits.
    pub(crate) fn to_text(self) -> String {
        let switches = [self.echo_cancellation, self.noise_suppression, self.gain_control, self.strong_suppression];
        switches.map(|on| if on { '1' } else { '0' }).iter().collect()
    }

    /// Reads [`Processing::to_text`], and the three digits of visits before there was the fourth switch.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let on = |digit: u8| digit == b'1';
        match text.as_bytes() {
            &[echo, noise, gain, ref strong @ ..] if strong.len() <= 1 => Some(Self {
                echo_cancellation: on(echo),
                noise_suppression: on(noise),
                gain_control: on(gain),
                strong_suppression: strong.iter().copied().any(on),
            }),
            _ => None,
        }
    }
}
