//! The sound devices.

use super::OfName;

/// Which are used, and how they do.
pub(crate) struct Devices {
    pub(crate) microphone: &'static str,
    pub(crate) output: &'static str,
    pub(crate) default: &'static str,
    pub(crate) not_there: OfName,
    pub(crate) names_unknown: &'static str,
    pub(crate) wireless: OfName,
    pub(crate) microphone_missing: OfName,
    pub(crate) suppressor_missing: &'static str,
    pub(crate) suppressor_failed: &'static str,
    pub(crate) output_missing: OfName,
    pub(crate) sound_steadied: &'static str,
    pub(crate) test: &'static str,
    pub(crate) test_hint: &'static str,
    pub(crate) test_on_air: &'static str,
    pub(crate) play_back: &'static str,
    pub(crate) stop_test: &'static str,
    pub(crate) recording: &'static str,
    pub(crate) playing: &'static str,
}
