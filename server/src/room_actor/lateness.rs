//! How late a speaker's frames reach the server, against the quickest of them: what was held up on its way is not
//! worth passing on. Told the time.

use dais_shared::limits::{SILENCE_MS_MAX, TRANSIT_WINDOW_MS, VOICE_LATE_MS_MAX};

/// Samples of a stream in a millisecond.
const SAMPLES_PER_MS: i64 = 48;

/// One stream's way to the server, in milliseconds from capture to arrival.
#[derive(Debug, Default)]
pub(super) struct Lateness {
    mapping: Option<Mapping>,
    /// The quickest since `since_ms`, and of the time before that.
    best_ms: Option<u64>,
    best_before_ms: Option<u64>,
    since_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Mapping {
    timestamp: u64,
    server_ms: u64,
}

impl Lateness {
    /// The speaker says that the server's clock showed `server_ms` when the sample `timestamp` was captured. A page whose
    /// clock is far off says nothing of use, and is not judged by it.
    pub(super) fn handle_mapping(&mut self, timestamp: u64, server_ms: u64, now_ms: u64) {
        let is_plausible = now_ms.abs_diff(server_ms) <= SILENCE_MS_MAX;
        self.mapping = is_plausible.then_some(Mapping { timestamp, server_ms });
    }

    /// Whether a frame is later than the quickest by more than [`VOICE_LATE_MS_MAX`]. Nobody can say while its speaker has
    /// not told when it was captured.
    pub(super) fn is_too_late(&mut self, timestamp: u64, arrived_ms: u64) -> bool {
        let Some(mapping) = self.mapping else { return false };
        let transit_ms = mapping.transit_ms(timestamp, arrived_ms);
        if arrived_ms >= self.since_ms.saturating_add(TRANSIT_WINDOW_MS) {
            self.since_ms = arrived_ms;
            self.best_before_ms = self.best_ms.take();
        }
        let best_ms = self.best_ms.map_or(transit_ms, |best_ms| best_ms.min(transit_ms));
        self.best_ms = Some(best_ms);
        let best_ms = self.best_before_ms.map_or(best_ms, |before_ms| before_ms.min(best_ms));
        transit_ms - best_ms > VOICE_LATE_MS_MAX
    }
}

impl Mapping {
    /// What the frame took. Nothing arrives before it was captured: a clock that says so errs, and must not make the
    /// frames that follow look late.
    fn transit_ms(self, timestamp: u64, arrived_ms: u64) -> u64 {
        let since_mapped_ms = timestamp.wrapping_sub(self.timestamp).cast_signed() / SAMPLES_PER_MS;
        arrived_ms.saturating_sub(self.server_ms.saturating_add_signed(since_mapped_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_700_000_000_000;

    /// A speaker whose sample 0 was captured at `NOW_MS`.
    fn mapped() -> Lateness {
        let mut lateness = Lateness::default();
        lateness.handle_mapping(0, NOW_MS, NOW_MS + 30);
        lateness
    }

    /// Whether the frame captured `at_ms` later, which took `transit_ms`, is too late.
    fn judge(lateness: &mut Lateness, at_ms: u64, transit_ms: u64) -> bool {
        lateness.is_too_late(at_ms * 48, NOW_MS + at_ms + transit_ms)
    }

    #[test]
    fn a_frame_is_too_late_that_took_longer_than_the_quickest_by_more_than_the_limit() {
        let mut lateness = mapped();
        assert!(!judge(&mut lateness, 0, 300), "nothing was quicker yet");
        assert!(!judge(&mut lateness, 20, 30));
        assert!(!judge(&mut lateness, 40, 30 + VOICE_LATE_MS_MAX));
        assert!(judge(&mut lateness, 60, 31 + VOICE_LATE_MS_MAX));
        assert!(!judge(&mut lateness, 80, 30), "and the next is heard again");
    }

    #[test]
    fn what_a_stall_held_up_is_judged_frame_by_frame() {
        let mut lateness = mapped();
        for at_ms in (0..1000).step_by(20) {
            assert!(!judge(&mut lateness, at_ms, 30));
        }
        // Two seconds arrive at once.
        let kept = (1000..3000).step_by(20).filter(|at_ms| !judge(&mut lateness, *at_ms, 3030 - at_ms));
        assert_eq!(kept.collect::<Vec<_>>(), (2600..3000).step_by(20).collect::<Vec<_>>());
    }

    #[test]
    fn a_way_that_stays_long_is_taken_for_what_it_is() {
        let mut lateness = mapped();
        assert!(!judge(&mut lateness, 0, 30));
        let from = |at_ms: u64| (at_ms..at_ms + 3 * TRANSIT_WINDOW_MS).step_by(20);
        let heard = from(20).find(|at_ms| !judge(&mut lateness, *at_ms, 900)).expect("it is heard again");
        assert!((TRANSIT_WINDOW_MS..=2 * TRANSIT_WINDOW_MS + 20).contains(&heard), "after {heard} ms");
    }

    #[test]
    fn a_clock_that_drifts_or_a_microphone_that_stood_still_is_put_right_by_the_next_mapping() {
        let mut lateness = mapped();
        assert!(!judge(&mut lateness, 0, 30));
        // Two seconds were never captured: timestamps are behind by as much.
        assert!(lateness.is_too_late(1000 * 48, NOW_MS + 3030));
        lateness.handle_mapping(1020 * 48, NOW_MS + 3020, NOW_MS + 3050);
        assert!(!lateness.is_too_late(1020 * 48, NOW_MS + 3050));
    }

    #[test]
    fn nobody_is_judged_by_nothing_or_by_nonsense() {
        let mut lateness = Lateness::default();
        assert!(!lateness.is_too_late(0, NOW_MS) && !lateness.is_too_late(0, NOW_MS + 9_000));
        for server_ms in [0, 5, NOW_MS + 3_600_000, u64::MAX] {
            lateness.handle_mapping(7, server_ms, NOW_MS);
            assert!(!lateness.is_too_late(0, NOW_MS) && !lateness.is_too_late(0, NOW_MS + 9_000), "{server_ms}");
        }
    }

    #[test]
    fn frames_from_the_future_do_not_make_the_present_late() {
        let mut lateness = mapped();
        for timestamp in [u64::MAX, 1 << 63, (1 << 63) - 1, 48_000_000] {
            lateness.is_too_late(timestamp, NOW_MS + 40);
        }
        assert!(!judge(&mut lateness, 20, 30));
    }
}
