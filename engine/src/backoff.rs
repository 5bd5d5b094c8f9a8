//! When to try the next connection: quickly at first, since most breaks are short, then ever more patiently. Jittered,
//! so that a room full of people does not come back in one instant.

use std::time::Duration;

/// As long as a break is this young, tries come at most a second apart.
const EAGER_FOR: Duration = Duration::from_secs(10);
const EAGER_DELAY: Duration = Duration::from_millis(700);
const DELAY_MAX: Duration = Duration::from_secs(15);

/// The state of one break.
#[derive(Debug)]
pub(crate) struct Backoff {
    random: u64,
    broken_since: Option<Duration>,
    pub(crate) failed_tries: u32,
}

impl Backoff {
    /// `seed` differs between clients; it only spreads them out.
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: seed | 1, broken_since: None, failed_tries: 0 }
    }

    /// The connection stands: the next break starts from the beginning.
    pub(crate) fn succeeded(&mut self) {
        self.broken_since = None;
        self.failed_tries = 0;
    }

    /// A connection was lost or could not be made: how long to wait before the next try.
    pub(crate) fn failed(&mut self, now: Duration) -> Duration {
        let broken_since = *self.broken_since.get_or_insert(now);
        self.failed_tries += 1;
        let broken_for = now.saturating_sub(broken_since);
        let delay = if broken_for < EAGER_FOR { EAGER_DELAY } else { (broken_for / 6).clamp(EAGER_DELAY, DELAY_MAX) };
        // Between 60 % and 140 % of it, which keeps the eager delay under a second.
        delay * (60 + self.draw() % 81) / 100
    }

    /// Marsaglia's xorshift64: spreads clients, guards no secret.
    fn draw(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        u32::try_from(self.random >> 33).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_apart_at_first_then_patient_then_eager_again() {
        let mut backoff = Backoff::new(7);
        for second in 0..10 {
            assert!(backoff.failed(Duration::from_secs(second)) <= Duration::from_secs(1));
        }
        assert!(backoff.failed(Duration::from_secs(60)) > Duration::from_secs(5));
        assert!(backoff.failed(Duration::from_secs(6000)) <= DELAY_MAX * 14 / 10);
        backoff.succeeded();
        assert!(backoff.failed(Duration::from_secs(6001)) <= Duration::from_secs(1));
    }
}
