//! Doing and undoing the same over and over. Each is lawful, everybody in the room is told of both, and nobody has a reason to do
//! it often: whoever takes back what he has just done waits before he does it again, the longer the more often. Taking back is
//! never refused. Told the time.

/// How much patience there is with one kind of doing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// So many times nobody waits.
    free: u32,
    /// The first wait, in milliseconds; each is twice the one before.
    first_ms: u64,
    /// The longest.
    longest_ms: u64,
    /// One time is forgotten whenever so long has passed.
    forgotten_ms: u64,
}

impl Patience {
    /// With hands, seats on stage and seats in a room: somebody changes his mind a few times.
    pub(super) const PLACE: Self = Self { free: 4, first_ms: 1_000, longest_ms: 60_000, forgotten_ms: 30_000 };
    /// With a microphone: a talk may need it open and shut every second.
    pub(super) const MICROPHONE: Self = Self { free: 12, first_ms: 250, longest_ms: 4_000, forgotten_ms: 1_000 };
}

/// How often one person has taken one thing back.
#[derive(Clone, Debug)]
pub(super) struct Flips {
    patience: Patience,
    times: u32,
    last_ms: u64,
    free_from_ms: u64,
}

impl Flips {
    pub(super) const fn new(patience: Patience) -> Self {
        Self { patience, times: 0, last_ms: 0, free_from_ms: 0 }
    }

    /// Whether it may be done now.
    pub(super) const fn may_do(&self, now_ms: u64) -> bool {
        now_ms >= self.free_from_ms
    }

    /// It is taken back.
    pub(super) fn undone(&mut self, now_ms: u64) {
        let Patience { free, first_ms, longest_ms, .. } = self.patience;
        self.times = self.remembered(now_ms).saturating_add(1);
        self.last_ms = now_ms;
        if self.times > free {
            // Twice as long each time, until that is longer than the longest in any case.
            let wait_ms = first_ms << (self.times - free - 1).min(16);
            self.free_from_ms = now_ms + wait_ms.min(longest_ms);
            // No more than what makes the longest wait, or one evening's would be remembered for days.
            self.times = self.times.min(free + 17);
        }
    }

    /// Whether it is as good as new.
    pub(super) fn is_calm(&self, now_ms: u64) -> bool {
        self.may_do(now_ms) && self.remembered(now_ms) == 0
    }

    fn remembered(&self, now_ms: u64) -> u32 {
        let forgotten = now_ms.saturating_sub(self.last_ms) / self.patience.forgotten_ms;
        self.times.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often somebody does it who takes it back at once and does it again as soon as he may.
    fn done(patience: Patience, within_ms: u64) -> u64 {
        let mut flips = Flips::new(patience);
        let mut done = 0;
        for now_ms in (0..within_ms).step_by(50) {
            if flips.may_do(now_ms) {
                done += 1;
                flips.undone(now_ms);
            }
        }
        done
    }

    #[test]
    fn a_few_times_are_free_and_then_it_is_less_and_less() {
        assert!((5..=8).contains(&done(Patience::PLACE, 5_000)));
        assert!(done(Patience::PLACE, 600_000) < 40, "{}", done(Patience::PLACE, 600_000));
        assert!(done(Patience::MICROPHONE, 60_000) < 80, "{}", done(Patience::MICROPHONE, 60_000));
    }

    #[test]
    fn whoever_opens_and_shuts_his_microphone_every_second_never_waits() {
        let mut flips = Flips::new(Patience::MICROPHONE);
        for second in 0..600 {
            assert!(flips.may_do(second * 1_000), "second {second}");
            flips.undone(second * 1_000 + 500);
        }
    }

    #[test]
    fn it_is_forgotten() {
        let mut flips = Flips::new(Patience::PLACE);
        for _ in 0..100 {
            flips.undone(1_000);
        }
        assert!(!flips.may_do(60_999) && flips.may_do(61_000) && !flips.is_calm(61_000));
        assert!(flips.is_calm(1_000 + 21 * 30_000));
    }
}
