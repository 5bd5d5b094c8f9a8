//! Why one hears nothing, and why one is not heard: the first reason that holds, in the order in which one would
//! look. Pure; the sentences are the language's.

use dais_engine::shared::room::MicrophoneState;
use dais_engine::shared::view::View;
use dais_engine::{ConnectionState, MicrophoneFailure};

use crate::link::{AudioState, DeviceState};

/// Made-up sound above this share is noticed in speech.
const CHOPPY_PERCENT: f32 = 3.0;
/// One-way delay that disturbs a conversation (ITU-T G.114).
const DELAYED_MS: f32 = 400.0;
/// Digital silence for so long is no pause of a speaker.
const SILENT_S: u32 = 10;

/// What is to be looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) connection: ConnectionState,
    pub(crate) view: Option<&'a View>,
    pub(crate) audio: AudioState,
    /// The chosen output is not there, and another one plays.
    pub(crate) is_output_missing: bool,
    pub(crate) microphone: DeviceState,
    /// Push-to-talk is on and nothing is held.
    pub(crate) is_key_up: bool,
    pub(crate) is_held_back: bool,
    /// Share of recent sound that was made up.
    pub(crate) concealed_percent: f32,
    /// The largest among the speakers.
    pub(crate) mouth_to_ear_ms: Option<f32>,
    /// For how long the open microphone has given digital silence.
    pub(crate) silent_s: u32,
}

/// Whether one hears the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hearing {
    Well,
    NotInRoom,
    Offline,
    Stalled,
    SoundLocked,
    SoundFailed,
    NobodySpeaks,
    OutputMissing,
    Choppy,
    Delayed,
}

/// Whether one is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Well,
    NotInRoom,
    Offline,
    NotOnStage,
    MutedByHost,
    MutedBySelf,
    MicrophoneRefused,
    MicrophoneMissing,
    MicrophoneLost,
    MicrophoneInsecure,
    MicrophoneOpening,
    KeyUp,
    HeldBack,
    Silent,
}

/// Whether one hears the stage, or what is in the way.
pub(crate) fn hearing(facts: Facts<'_>) -> Hearing {
    let Some(view) = facts.view else { return Hearing::NotInRoom };
    match facts.connection {
        ConnectionState::Connecting | ConnectionState::Reconnecting { .. } | ConnectionState::Closed(_) => {
            return Hearing::Offline;
        }
        ConnectionState::Stalled => return Hearing::Stalled,
        ConnectionState::Online => {}
    }
    match facts.audio {
        AudioState::Locked => return Hearing::SoundLocked,
        AudioState::Failed => return Hearing::SoundFailed,
        AudioState::Running => {}
    }
    if !view.stage.iter().any(|person| person.member != view.me && person.is_audible()) {
        return Hearing::NobodySpeaks;
    }
    if facts.is_output_missing {
        return Hearing::OutputMissing;
    }
    if facts.concealed_percent >= CHOPPY_PERCENT {
        return Hearing::Choppy;
    }
    if facts.mouth_to_ear_ms.is_some_and(|ms| ms >= DELAYED_MS) { Hearing::Delayed } else { Hearing::Well }
}

/// Whether one is heard, or what is in the way.
pub(crate) fn heard(facts: Facts<'_>) -> Heard {
    let Some(view) = facts.view else { return Heard::NotInRoom };
    match facts.connection {
        ConnectionState::Connecting | ConnectionState::Reconnecting { .. } | ConnectionState::Closed(_) => return Heard::Offline,
        ConnectionState::Online | ConnectionState::Stalled => {}
    }
    let Some(me) = view.my_stage() else { return Heard::NotOnStage };
    if me.host_muted {
        return Heard::MutedByHost;
    }
    if me.self_muted {
        return Heard::MutedBySelf;
    }
    match facts.microphone {
        DeviceState::Insecure => return Heard::MicrophoneInsecure,
        DeviceState::Failed(MicrophoneFailure::Refused) => return Heard::MicrophoneRefused,
        DeviceState::Failed(MicrophoneFailure::Missing) => return Heard::MicrophoneMissing,
        DeviceState::Failed(MicrophoneFailure::Lost) => return Heard::MicrophoneLost,
        DeviceState::Closed | DeviceState::Opening => return Heard::MicrophoneOpening,
        DeviceState::Open => {}
    }
    match me.microphone {
        MicrophoneState::Refused => return Heard::MicrophoneRefused,
        MicrophoneState::Missing => return Heard::MicrophoneMissing,
        MicrophoneState::Lost => return Heard::MicrophoneLost,
        MicrophoneState::Closed | MicrophoneState::Open => {}
    }
    if facts.is_key_up {
        return Heard::KeyUp;
    }
    if facts.is_held_back {
        return Heard::HeldBack;
    }
    if facts.silent_s >= SILENT_S { Heard::Silent } else { Heard::Well }
}

#[cfg(test)]
mod tests {
    use dais_engine::shared::ids::MemberId;
    use dais_engine::shared::permissions::Role;
    use dais_engine::shared::view::Person;

    use super::super::sample;
    use super::*;

    fn person(member: u32, self_muted: bool) -> Person {
        Person { self_muted, ..sample::person(MemberId(member), Role::Speaker) }
    }

    fn view(stage: Vec<Person>) -> View {
        sample::view(MemberId(1), stage)
    }

    fn facts(view: &View) -> Facts<'_> {
        Facts {
            connection: ConnectionState::Online,
            view: Some(view),
            audio: AudioState::Running,
            is_output_missing: false,
            microphone: DeviceState::Open,
            is_key_up: false,
            is_held_back: false,
            concealed_percent: 0.0,
            mouth_to_ear_ms: Some(120.0),
            silent_s: 0,
        }
    }

    #[test]
    fn all_is_well_when_nothing_is_in_the_way() {
        let view = view(vec![person(1, false), person(2, false)]);
        assert_eq!((hearing(facts(&view)), heard(facts(&view))), (Hearing::Well, Heard::Well));
    }

    #[test]
    fn what_is_in_the_way_of_hearing_is_named() {
        let view_with = |muted| view(vec![person(1, false), person(2, muted)]);
        let view = view_with(false);
        let well = facts(&view);
        assert_eq!(hearing(Facts { view: None, ..well }), Hearing::NotInRoom);
        assert_eq!(hearing(Facts { audio: AudioState::Locked, ..well }), Hearing::SoundLocked);
        assert_eq!(
            hearing(Facts { connection: ConnectionState::Connecting, audio: AudioState::Locked, ..well }),
            Hearing::Offline
        );
        assert_eq!(hearing(Facts { is_output_missing: true, concealed_percent: 5.0, ..well }), Hearing::OutputMissing);
        assert_eq!(hearing(Facts { concealed_percent: 5.0, ..well }), Hearing::Choppy);
        assert_eq!(hearing(Facts { mouth_to_ear_ms: Some(500.0), ..well }), Hearing::Delayed);
        assert_eq!(hearing(facts(&view_with(true))), Hearing::NobodySpeaks, "one's own voice is nothing to hear");
    }

    #[test]
    fn what_is_in_the_way_of_being_heard_is_named() {
        let unmuted = view(vec![person(1, false)]);
        let well = facts(&unmuted);
        let refused = DeviceState::Failed(MicrophoneFailure::Refused);
        assert_eq!(heard(Facts { microphone: refused, ..well }), Heard::MicrophoneRefused);
        assert_eq!(heard(Facts { is_key_up: true, is_held_back: true, ..well }), Heard::KeyUp);
        assert_eq!(heard(Facts { is_held_back: true, ..well }), Heard::HeldBack);
        assert_eq!(heard(Facts { silent_s: 60, ..well }), Heard::Silent);
        assert_eq!(heard(facts(&view(vec![]))), Heard::NotOnStage);
        let muted = view(vec![person(1, true)]);
        assert_eq!(heard(Facts { microphone: refused, ..facts(&muted) }), Heard::MutedBySelf, "muted comes first");
    }
}
