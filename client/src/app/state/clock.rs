//! Countdowns, by the server's clock: whose deadlines they are. Nothing here decides that a time is over; the server
//! says so, and the page then shows what it said.

use std::time::Duration;

use leptos::prelude::*;

/// A countdown in seconds is looked at this often, so that none of them is skipped.
const TICK: Duration = Duration::from_millis(250);

/// How the server's clock stands to this machine's.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    offset_ms: RwSignal<f64>,
}

pub(super) fn provide() {
    provide_context(Clock { offset_ms: RwSignal::new(0.0) });
}

/// The clock.
pub(crate) fn use_clock() -> Clock {
    expect_context()
}

impl Clock {
    /// Seconds until a time of the server's, rounded up, kept up to date while the calling component lives. Never more
    /// than there were at first, `ms_max`: two clocks are never quite at one.
    pub(crate) fn seconds_until(self, ms_max: u64, at_ms: impl Fn() -> Option<u64> + Send + Sync + 'static) -> Memo<Option<u64>> {
        let tick = Trigger::new();
        if let Ok(interval) = set_interval_with_handle(move || tick.notify(), TICK) {
            on_cleanup(move || interval.clear());
        }
        Memo::new(move |_| {
            tick.track();
            at_ms().map(|at_ms| seconds_left(at_ms, ms_max, js_sys::Date::now() + self.offset_ms.get()))
        })
    }

    /// The server's clock reads `server_ms` now.
    pub(super) fn set(self, server_ms: f64) {
        self.offset_ms.set(server_ms - js_sys::Date::now());
    }
}

fn seconds_left(at_ms: u64, ms_max: u64, now_ms: f64) -> u64 {
    let left_ms = (at_ms as f64 - now_ms).clamp(0.0, ms_max as f64);
    (left_ms / 1000.0).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_that_has_begun_counts_and_what_is_over_is_zero() {
        let left = |now_ms| seconds_left(60_000, 60_000, now_ms);
        assert_eq!([left(0.0), left(1.0), left(1000.0), left(59_999.5)], [60, 60, 59, 1]);
        assert_eq!([left(60_000.0), left(90_000.0)], [0, 0]);
        assert_eq!(left(-300.0), 60, "a clock that is a little behind adds nothing");
    }
}
