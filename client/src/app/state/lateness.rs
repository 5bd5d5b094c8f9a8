//! Whether the loudspeaker runs dry so often that it is better played late than quick.

use std::collections::VecDeque;

/// Times within [`REPORTS`] that are once too often.
const LATE_MAX: u64 = 3;
/// Ten seconds, at two reports a second.
const REPORTS: usize = 20;
/// Reports of the first two seconds: a page that starts up is busy.
const REPORTS_FIRST: u32 = 4;
/// No device that was asked to be quick has so much in store, in milliseconds. Some browsers show lateness only so.
const CALL_GAP_MS_MAX: f32 = 100.0;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Lateness {
    reports: u32,
    quanta_late_total: u64,
    /// How often it ran dry, per report.
    recent: VecDeque<u64>,
}

impl Lateness {
    /// A report came: of so many late quanta since the worklet started, and of the longest time between two calls, in
    /// milliseconds. Returns whether that was once too often.
    pub(super) fn take(&mut self, quanta_late_total: u64, call_gap_ms_max: f32) -> bool {
        if quanta_late_total < self.quanta_late_total {
            *self = Self::default(); // Another worklet.
        }
        let late = quanta_late_total - self.quanta_late_total;
        self.quanta_late_total = quanta_late_total;
        self.reports = self.reports.saturating_add(1);
        if self.reports <= REPORTS_FIRST {
            return false;
        }
        if self.recent.len() >= REPORTS {
            self.recent.pop_front();
        }
        self.recent.push_back(late.max(u64::from(call_gap_ms_max >= CALL_GAP_MS_MAX)));
        self.recent.iter().sum::<u64>() >= LATE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Past its first two seconds, with 8 late quanta behind it.
    fn started() -> Lateness {
        let mut lateness = Lateness::default();
        for report in 1..=u64::from(REPORTS_FIRST) {
            assert!(!lateness.take(2 * report, 300.0), "a page that starts up is busy");
        }
        assert!(!lateness.take(8, 12.0));
        lateness
    }

    #[test]
    fn three_times_in_ten_seconds_are_too_often() {
        let mut lateness = started();
        assert!(!lateness.take(10, 12.0));
        assert!(lateness.take(11, 12.0));
    }

    #[test]
    fn a_thread_that_was_held_up_counts_once_a_report() {
        let mut lateness = started();
        assert!(!lateness.take(9, 150.0));
        assert!(!lateness.take(9, 150.0));
        assert!(lateness.take(9, 150.0));
    }

    #[test]
    fn now_and_then_is_not_too_often() {
        let mut lateness = started();
        for times in 1..10 {
            assert!(!lateness.take(8 + times, 12.0));
            for _ in 0..REPORTS / 2 {
                assert!(!lateness.take(8 + times, 99.0));
            }
        }
    }

    #[test]
    fn another_worklet_starts_from_nothing() {
        let mut lateness = started();
        assert!(!lateness.take(0, 12.0));
        assert!(!lateness.take(5, 12.0));
    }
}
