//! How late a speaker's frames reach the server, against the quickest of them: what was held up on its way is not
//! worth passing on. Told the time.

use dais_shared::limits::{TRANSIT_FRAMES, VOICE_LATE_MS_MAX};
use dais_shared::quickest::Quickest;

/// Samples of a stream in a millisecond.
const SAMPLES_PER_MS: u64 = 48;

/// One stream's way to the server: arrival by the server's clock less capture by the speaker's count of samples, in
/// milliseconds. Only differences between frames mean anything.
#[derive(Debug, Default)]
pub(super) struct Lateness {
    is_judged: bool,
    quickest: Quickest<i64, TRANSIT_FRAMES>,
}

impl Lateness {
    /// The speaker says how his timestamps lie to the server's clock: they are a clock. What a client sends that has never
    /// said so may be anything, and is not judged.
    pub(super) fn handle_mapping(&mut self) {
        self.is_judged = true;
    }

    /// Whether a frame is later than the quickest by more than [`VOICE_LATE_MS_MAX`].
    ///
    /// Windows are counted in frames, not in time: while a stall lasts no frame comes that could make it the usual, and
    /// what it held up is less than a window. A count of samples that jumps, because a device stood still, is the usual
    /// after two windows at most.
    pub(super) fn is_too_late(&mut self, timestamp: u64, arrived_ms: u64) -> bool {
        if !self.is_judged {
            return false;
        }
        let transit_ms = arrived_ms.wrapping_sub(timestamp / SAMPLES_PER_MS).cast_signed();
        self.quickest.note(transit_ms);
        transit_ms.abs_diff(self.quickest.get().unwrap_or(transit_ms)) > VOICE_LATE_MS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_700_000_000_000;

    fn judged() -> Lateness {
        let mut lateness = Lateness::default();
        lateness.handle_mapping();
        lateness
    }

    /// Whether the frame captured `at_ms` after the first, which took `transit_ms`, is too late.
    fn judge(lateness: &mut Lateness, at_ms: u64, transit_ms: u64) -> bool {
        lateness.is_too_late(at_ms * 48, NOW_MS + at_ms + transit_ms)
    }

    #[test]
    fn a_frame_is_too_late_that_took_longer_than_the_quickest_by_more_than_the_limit() {
        let mut lateness = judged();
        assert!(!judge(&mut lateness, 0, 300), "nothing was quicker yet");
        assert!(!judge(&mut lateness, 20, 30));
        assert!(!judge(&mut lateness, 40, 30 + VOICE_LATE_MS_MAX));
        assert!(judge(&mut lateness, 60, 31 + VOICE_LATE_MS_MAX));
        assert!(!judge(&mut lateness, 80, 30), "and the next is heard again");
    }

    #[test]
    fn what_a_stall_held_up_is_judged_frame_by_frame() {
        let mut lateness = judged();
        for at_ms in (0..3000).step_by(10) {
            assert!(!judge(&mut lateness, at_ms, 30));
        }
        // What its speaker sent before he noticed arrives two seconds later.
        let mut held_up = (3000..3350).step_by(10);
        assert!(held_up.all(|at_ms| judge(&mut lateness, at_ms, 5030 - at_ms)));
        assert!((5000..6000).step_by(10).all(|at_ms| !judge(&mut lateness, at_ms, 30)));
    }

    #[test]
    fn a_way_that_stays_long_and_a_device_that_stood_still_are_soon_the_usual() {
        let mut lateness = judged();
        for at_ms in (0..3000).step_by(10) {
            assert!(!judge(&mut lateness, at_ms, 30));
        }
        let lost = (3000..9000).step_by(10).filter(|at_ms| judge(&mut lateness, *at_ms, 900)).count();
        assert!((TRANSIT_FRAMES as usize..=2 * TRANSIT_FRAMES as usize).contains(&lost), "{lost} frames");
    }

    #[test]
    fn nobody_is_judged_who_does_not_claim_that_his_timestamps_are_a_clock() {
        let mut lateness = Lateness::default();
        assert!(!lateness.is_too_late(0, NOW_MS) && !lateness.is_too_late(960, NOW_MS + 9_000));
    }

    #[test]
    fn nonsense_is_survived() {
        let mut lateness = judged();
        for timestamp in [u64::MAX, 1 << 63, 0, (1 << 63) - 1, 48_000_000] {
            for arrived_ms in [0, NOW_MS, u64::MAX] {
                lateness.is_too_late(timestamp, arrived_ms);
            }
        }
    }
}
