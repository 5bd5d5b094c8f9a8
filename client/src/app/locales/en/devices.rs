//! The sound devices.

use super::super::Devices;

pub(super) const DEVICES: Devices = Devices {
    microphone: "Microphone device",
    output: "Sound output",
    default: "As the system has it",
    not_there: |label| format!("{label} (not connected)"),
    names_unknown: "The browser names the devices once it has let this page use the microphone. Testing it asks for that.",
    wireless: |label| {
        format!(
            "“{label}” looks like a wireless headset. Most of them sound worse while their microphone is open: another \
             microphone keeps what you hear good."
        )
    },
    suppressor_missing: "Strong noise suppression could not be loaded. The browser’s own is used; open the microphone again to try once more.",
    suppressor_failed: "Strong noise suppression does not work in this browser. Switch it off, and the browser’s own takes its place.",
    microphone_missing: |label| format!("“{label}” is not connected. The microphone that the system prefers is used."),
    output_missing: |label| format!("“{label}” is not connected. Sound comes from where the system prefers."),
    sound_steadied: "The sound was interrupted several times. It now comes a little later, and more steadily.",
    test: "Test the microphone",
    test_hint: "Records for five seconds at most and plays that back to you. Nobody else hears it, and nothing is kept.",
    test_on_air: "Mute yourself to test the microphone: now the others would hear it.",
    play_back: "Stop and play back",
    stop_test: "Stop the test",
    recording: "Recording. Say something.",
    playing: "The microphone is released. This is how you sound.",
};
