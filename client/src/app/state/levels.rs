//! How loud people are, several times a second. Passes by the signals: who shows a level is called with it and sets
//! an attribute or a CSS custom property, so that nothing is rendered anew.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use dais_client::bridge::SPEAKING_DBOV;
use dais_engine::shared::ids::MemberId;
use leptos::prelude::*;
use send_wrapper::SendWrapper;

use super::quality::SILENCE_DBOV;

/// The loudest level that the meter tells apart, in -dBov.
const LOUDEST_DBOV: f32 = 15.0;
/// The quietest level that the meter shows, in -dBov.
const QUIETEST_DBOV: f32 = 65.0;

/// One member's level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Level {
    /// From 0 to 1, even steps of decibels.
    pub(crate) loudness: f32,
    /// Whether this is speech rather than a quiet room.
    pub(crate) is_speaking: bool,
}

impl Level {
    pub(super) fn from_dbov(level_dbov: u8) -> Self {
        let loudness = (QUIETEST_DBOV - f32::from(level_dbov)) / (QUIETEST_DBOV - LOUDEST_DBOV);
        Self { loudness: loudness.clamp(0.0, 1.0), is_speaking: level_dbov <= SPEAKING_DBOV }
    }
}

type Watchers = BTreeMap<u64, (MemberId, Box<dyn Fn(Level)>)>;

/// See the module.
#[derive(Clone)]
pub(crate) struct Levels(SendWrapper<Rc<RefCell<(u64, Watchers)>>>);

pub(super) fn provide() {
    provide_context(Levels(SendWrapper::new(Rc::default())));
}

/// The levels.
pub(crate) fn use_levels() -> Levels {
    expect_context()
}

impl Levels {
    /// Calls `show` with each level of a member while the calling component lives.
    pub(crate) fn watch(&self, member: MemberId, show: impl Fn(Level) + 'static) {
        let key = {
            let (next, watchers) = &mut *self.0.borrow_mut();
            *next += 1;
            watchers.insert(*next, (member, Box::new(show)));
            *next
        };
        let levels = self.clone();
        on_cleanup(move || {
            levels.0.borrow_mut().1.remove(&key);
        });
    }

    /// Tells everybody who watches. Members without a level are silent.
    pub(super) fn tell(&self, levels: &[(MemberId, u8)]) {
        for (member, show) in self.0.borrow().1.values() {
            let level_dbov = levels.iter().find(|(whose, _)| whose == member).map_or(SILENCE_DBOV, |(_, level)| *level);
            show(Level::from_dbov(level_dbov));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_fills_the_meter_and_a_quiet_room_does_not() {
        assert_eq!(Level::from_dbov(SILENCE_DBOV), Level { loudness: 0.0, is_speaking: false });
        assert_eq!(Level::from_dbov(0), Level { loudness: 1.0, is_speaking: true });
        let speech = Level::from_dbov(30);
        assert!(speech.is_speaking && speech.loudness > 0.5 && speech.loudness < 1.0);
    }
}
