//! The token bucket: a burst at once, then a steady rate. Told the time.

/// A bucket that starts full. Counts in thousandths of a token, so that slow rates lose nothing to rounding.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    capacity_milli: u64,
    milli_per_ms: u64,
    level_milli: u64,
    filled_at_ms: u64,
}

impl TokenBucket {
    /// A full bucket of `burst` tokens which refills at `per_second`.
    #[must_use]
    pub fn new(burst: u32, per_second: u32, now_ms: u64) -> Self {
        let capacity_milli = u64::from(burst) * 1000;
        Self { capacity_milli, milli_per_ms: u64::from(per_second), level_milli: capacity_milli, filled_at_ms: now_ms }
    }

    /// Takes `tokens` if they are there. A clock that steps back refills nothing.
    #[must_use]
    pub fn take(&mut self, tokens: u32, now_ms: u64) -> bool {
        if !self.holds(tokens, now_ms) {
            return false;
        }
        self.level_milli -= u64::from(tokens) * 1000;
        true
    }

    /// Takes `tokens`, or as many as there are.
    pub fn take_what_is_there(&mut self, tokens: u32, now_ms: u64) {
        self.refill(now_ms);
        self.level_milli = self.level_milli.saturating_sub(u64::from(tokens) * 1000);
    }

    /// Whether so many are there to be taken.
    #[must_use]
    pub fn holds(&mut self, tokens: u32, now_ms: u64) -> bool {
        self.refill(now_ms);
        u64::from(tokens) * 1000 <= self.level_milli
    }

    /// Gives back `tokens` that were taken for what turned out to cost nothing.
    pub fn give_back(&mut self, tokens: u32) {
        self.level_milli = self.capacity_milli.min(self.level_milli + u64::from(tokens) * 1000);
    }

    /// Whether it is as good as new.
    #[must_use]
    pub fn is_full(&mut self, now_ms: u64) -> bool {
        self.refill(now_ms);
        self.level_milli == self.capacity_milli
    }

    fn refill(&mut self, now_ms: u64) {
        let elapsed_ms = now_ms.saturating_sub(self.filled_at_ms);
        self.filled_at_ms = self.filled_at_ms.max(now_ms);
        self.level_milli = self.capacity_milli.min(self.level_milli.saturating_add(elapsed_ms.saturating_mul(self.milli_per_ms)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut bucket = TokenBucket::new(3, 2, 1000);
        assert!((0..3).all(|_| bucket.take(1, 1000)));
        assert!(!bucket.take(1, 1000));
        assert!(!bucket.take(1, 1499));
        assert!(bucket.take(1, 1500));
        assert!(!bucket.take(1, 900), "a clock that steps back refills nothing");
        assert!((0..3).all(|_| bucket.take(1, 1_000_000)));
        assert!(!bucket.take(1, 1_000_000), "it holds no more than its burst");
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_no_more() {
        let mut bucket = TokenBucket::new(3, 1, 0);
        assert!(bucket.is_full(0));
        assert!(bucket.take(2, 0) && !bucket.is_full(0));
        assert!(bucket.holds(1, 0) && !bucket.holds(2, 0), "looking takes nothing");
        bucket.take_what_is_there(5, 0);
        assert!(!bucket.holds(1, 0), "no more than there was");
        bucket.give_back(2);
        assert!(bucket.take(2, 0) && !bucket.take(1, 0));
        bucket.give_back(9);
        assert!(bucket.is_full(0) && bucket.take(3, 0) && !bucket.take(1, 0));
        assert!(bucket.holds(1, 1000) && !bucket.is_full(2999) && bucket.is_full(3000));
    }
}
