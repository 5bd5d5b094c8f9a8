//! Microphone, quality, settings.

use dais_engine::MicrophoneFailure;

use super::super::{Microphone, Quality, Settings};
use crate::state::diagnosis::{Heard, Hearing};

pub(super) const MICROPHONE: Microphone = Microphone {
    failed: |failure| match failure {
        MicrophoneFailure::Refused => {
            "The browser does not let this page use the microphone. Allow it in the address bar or in the browser’s \
             settings, then try again. Listening goes on."
        }
        MicrophoneFailure::Missing => "No microphone was found. Plug one in and try again. Listening goes on.",
        MicrophoneFailure::Lost => {
            "The microphone cannot be opened or went away. Check that it is plugged in and that no other program holds \
             it, then try again."
        }
    },
    opening: "Opening the microphone…",
    try_again: "Try the microphone again",
};

pub(super) const QUALITY: Quality = Quality {
    heading: "Connection and sound",
    open: "Connection details",
    hearing: |hearing| match hearing {
        Hearing::Well => "You can hear the stage. If you do not, look whether this tab or your loudspeaker is muted.",
        Hearing::NotInRoom => "You are in no room.",
        Hearing::Offline => "You hear nothing, because the connection to the server is down. It is being made again.",
        Hearing::Stalled => "The server has not answered for some seconds. The network may be overloaded.",
        Hearing::SoundLocked => "The browser holds the sound back. Press Enable sound.",
        Hearing::SoundFailed => "The browser cannot play sound on this page. Reload it, or use another browser.",
        Hearing::NobodySpeaks => "Nobody is unmuted on stage, so there is nothing to hear.",
        Hearing::OutputMissing => {
            "The loudspeaker you chose is not there, so the voices come from another one. Choose one in Settings."
        }
        Hearing::Choppy => "Voices may sound choppy, because parts of them arrive too late or not at all.",
        Hearing::Delayed => "Voices reach you late, because the way to the server is slow.",
    },
    heard: |heard| match heard {
        Heard::Well => "Your microphone is open and your voice is on its way.",
        Heard::NotInRoom => "You are in no room.",
        Heard::Offline => "Nobody hears you, because the connection to the server is down.",
        Heard::NotOnStage => "You are in the audience, so nobody hears you.",
        Heard::MutedByHost => "A moderator muted you.",
        Heard::MutedBySelf => "You are muted. Press Unmute to speak.",
        Heard::MicrophoneRefused => "The microphone is not allowed. Allow it in the browser and try again.",
        Heard::MicrophoneMissing => "There is no microphone. Plug one in and try again.",
        Heard::MicrophoneLost => "The microphone failed. Check it and try again.",
        Heard::MicrophoneInsecure => "The browser gives no microphone to a page that was not loaded securely.",
        Heard::MicrophoneOpening => "The microphone is being opened.",
        Heard::KeyUp => "Push to talk is on: you are heard while you hold the key or the button Hold to talk.",
        Heard::HeldBack => "The network does not take your voice quickly enough, so parts of it are left out.",
        Heard::Silent => "Your microphone is open but silent. Check that it is the right one and not switched off.",
    },
    can_you_hear: "Do you hear the others?",
    can_others_hear: "Do the others hear you?",
    measurements: "Measured",
    rtt: "Round trip to the server",
    jitter: "Jitter of arriving voice",
    stalls_own: "Interruptions over 200 ms, on your way",
    stalls_others: "Interruptions over 200 ms, on a speaker’s way",
    sent: "Sent",
    received: "Received",
    concealed: "Made up for lost sound",
    discarded: "Thrown away to catch up",
    stretched: "Played quicker or slower",
    late: "Sound delivered late by the browser",
    held_back: "Own voice left out",
    speakers: "Delay of each speaker",
    speaker: "Speaker",
    buffer: "Buffer",
    mouth_to_ear: "Mouth to ear",
    mouth_to_ear_hint: "Estimated from the way here, the buffer, and what the browsers say of their sound devices.",
    unknown: "not known yet",
    ms: |ms| format!("{ms:.0} ms"),
    about_ms: |ms, uncertain| format!("{ms:.0} ms ± {uncertain:.0}"),
    kbit: |bps| format!("{:.0} kbit/s", f64::from(bps) / 1000.0),
    percent: |percent| format!("{percent:.1} %"),
};

pub(super) const SETTINGS: Settings = Settings {
    heading: "Settings",
    microphone: "Microphone",
    echo_cancellation: "Echo cancellation",
    echo_cancellation_hint: "Takes out what your loudspeaker plays. Keep it on unless you wear headphones.",
    noise_suppression: "Noise suppression",
    noise_suppression_hint: "Takes out fans and traffic. Switch it off for music.",
    strong_suppression: "Strong noise suppression",
    strong_suppression_hint: "RNNoise in the page, in place of the browser’s own. Loads 0.2 MB, and you are heard 10 to 25 ms later.",
    gain_control: "Gain control",
    gain_control_hint: "Evens out how loud you are. Switch it off for music.",
    input_level: "Input level",
    input_level_closed: "The level shows here while your microphone is open on stage.",
    appearance: "Appearance",
    theme: "Theme",
    theme_system: "As the system",
    theme_light: "Light",
    theme_dark: "Dark",
};
