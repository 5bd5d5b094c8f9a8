//! How one speaks.

use dais_engine::Speaking as How;

use super::super::Speaking;

pub(super) const SPEAKING: Speaking = Speaking {
    how: "How you speak",
    name: |how| match how {
        How::VoiceActivation => "Voice activation",
        How::OpenMicrophone => "Open microphone",
        How::PushToTalk => "Push to talk",
    },
    hint: |how| match how {
        How::VoiceActivation => "While you are unmuted, you are heard when you speak. Silence is not sent.",
        How::OpenMicrophone => "While you are unmuted, everything is heard, however quiet. For music.",
        How::PushToTalk => {
            "While you are unmuted, you are heard only while you hold a key or the button Hold to talk. Enter still \
             presses buttons."
        }
    },
    key: |key| format!("Talk key: {key}"),
    press_a_key: "Press the key to hold while you talk…",
    key_is_taken: "That key already does something else. Press another one.",
    space: "Space",
    talk: "Hold to talk",
    hold_to_talk: "Hold to talk",
    hold_key: |key| format!("Hold {key} to talk."),
    talking: "You are talking.",
};
