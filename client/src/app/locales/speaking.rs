//! How one speaks.

use dais_engine::Speaking as How;

use super::OfName;

/// Voice activation, an open microphone, push-to-talk.
pub(crate) struct Speaking {
    pub(crate) how: &'static str,
    pub(crate) name: fn(How) -> &'static str,
    pub(crate) hint: fn(How) -> &'static str,
    pub(crate) key: OfName,
    pub(crate) press_a_key: &'static str,
    pub(crate) key_is_taken: &'static str,
    pub(crate) space: &'static str,
    pub(crate) talk: &'static str,
    pub(crate) hold_to_talk: &'static str,
    pub(crate) hold_key: OfName,
    pub(crate) talking: &'static str,
}
