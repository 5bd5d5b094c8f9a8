//! Whether the process stood still: stopped, frozen with its machine for a snapshot, or kept from running by others. Told the time.
//!
//! While it stands still nobody is heard, though what he says waits in his socket; and nobody can come back. So when it goes
//! on, nobody's time is up before everybody has had a while: what is judged by its deadline is judged as of when it stood
//! still, until then. What is stamped or counted is not: that time has passed.

use std::sync::atomic::{AtomicU64, Ordering};

use dais_shared::limits::{PAUSE_GRACE_MS, PAUSE_MS_MIN};

/// See the module. Times are those of one clock, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// When somebody last looked at the clock.
    seen_ms: AtomicU64,
    /// When the last pause began.
    stood_ms: AtomicU64,
    /// Until when nobody's time is up.
    calm_ms: AtomicU64,
    /// Pauses that nobody has been told of, in milliseconds.
    news_ms: AtomicU64,
}

impl Pauses {
    /// Somebody looks at the clock. As long as somebody does every few hundred milliseconds, whoever is the first to look after
    /// a pause notices it, before he judges anything.
    pub(super) fn look(&self, now_ms: u64) {
        let seen_ms = self.seen_ms.load(Ordering::Acquire);
        if now_ms <= seen_ms {
            return;
        }
        let stood_ms = now_ms - seen_ms;
        if seen_ms > 0 && stood_ms >= PAUSE_MS_MIN {
            // In a pause upon a pause, what was still to be judged when the first began still is.
            if self.calm_ms.load(Ordering::Acquire) <= seen_ms {
                self.stood_ms.store(seen_ms, Ordering::Release);
            }
            self.calm_ms.fetch_max(now_ms + PAUSE_GRACE_MS, Ordering::AcqRel);
            self.news_ms.fetch_max(stood_ms, Ordering::AcqRel);
        }
        // Last: whoever finds this finds what stands above.
        self.seen_ms.fetch_max(now_ms, Ordering::AcqRel);
    }

    /// How far behind `now_ms` it is judged whether somebody's time is up.
    pub(super) fn behind_ms(&self, now_ms: u64) -> u64 {
        if now_ms < self.calm_ms.load(Ordering::Acquire) {
            now_ms.saturating_sub(self.stood_ms.load(Ordering::Acquire))
        } else {
            0
        }
    }

    /// When a deadline is to be looked at.
    pub(super) fn put_off(&self, deadline_ms: u64) -> u64 {
        deadline_ms.max(self.calm_ms.load(Ordering::Acquire))
    }

    /// How long the longest pause took since this was asked last.
    pub(super) fn take_news(&self) -> Option<u64> {
        Some(self.news_ms.swap(0, Ordering::AcqRel)).filter(|ms| *ms > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looked at regularly until then.
    fn running_until(now_ms: u64) -> Pauses {
        let pauses = Pauses::default();
        for looked_ms in (1_000..=now_ms).step_by(500) {
            pauses.look(looked_ms);
        }
        pauses
    }

    #[test]
    fn a_clock_that_is_looked_at_goes_on() {
        let pauses = running_until(100_000);
        assert_eq!((pauses.behind_ms(100_000), pauses.put_off(1), pauses.take_news()), (0, 1, None));
        let late_ms = 100_000 + PAUSE_MS_MIN - 1;
        pauses.look(late_ms);
        assert_eq!((pauses.behind_ms(late_ms), pauses.take_news()), (0, None), "a busy machine");
    }

    #[test]
    fn after_a_pause_nobodys_time_is_up_for_a_while() {
        let pauses = running_until(100_000);
        let on_ms = 120_000;
        pauses.look(on_ms);
        let calm_ms = on_ms + PAUSE_GRACE_MS;
        for now_ms in (on_ms..calm_ms).step_by(500) {
            pauses.look(now_ms);
            assert_eq!(now_ms - pauses.behind_ms(now_ms), 100_000, "it is judged as of then");
        }
        assert_eq!(pauses.put_off(110_000), calm_ms);
        assert_eq!(pauses.put_off(calm_ms + 5), calm_ms + 5);
        assert_eq!(pauses.behind_ms(calm_ms), 0);
        assert_eq!((pauses.take_news(), pauses.take_news()), (Some(20_000), None));
    }

    #[test]
    fn a_pause_upon_a_pause_takes_nobodys_time_either() {
        let pauses = running_until(100_000);
        pauses.look(120_000);
        pauses.look(120_500);
        pauses.look(140_000);
        assert_eq!(140_000 - pauses.behind_ms(140_000), 100_000);
        assert_eq!(pauses.put_off(0), 140_000 + PAUSE_GRACE_MS);
        let calm_ms = 140_000 + PAUSE_GRACE_MS;
        for now_ms in (140_500..calm_ms + 1_000).step_by(500) {
            pauses.look(now_ms);
        }
        let again_ms = calm_ms + 30_000;
        pauses.look(again_ms);
        assert!(again_ms - pauses.behind_ms(again_ms) >= calm_ms, "the first is over");
    }
}
