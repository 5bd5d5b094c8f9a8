//! What the log has been told of one reason, and what it is still to be told. Told the time.

use dais_shared::limits::REFUSALS_TOLD_MS;

/// See the module.
#[derive(Debug)]
pub(super) struct Told {
    /// When the log was told last, in milliseconds.
    at_ms: Option<u64>,
    /// How many have come since.
    untold: u64,
}

/// What is to be done about one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Tell of it.
    Now,
    /// In so long look for how many there are to tell of.
    Later { in_ms: u64 },
    /// Nothing: somebody looks already.
    Counted,
}

impl Told {
    pub(super) const fn new() -> Self {
        Self { at_ms: None, untold: 0 }
    }

    /// One more came.
    pub(super) fn note(&mut self, now_ms: u64) -> Word {
        let next_ms = self.at_ms.map_or(0, |at_ms| at_ms.saturating_add(REFUSALS_TOLD_MS));
        if self.untold == 0 && now_ms >= next_ms {
            self.at_ms = Some(now_ms);
            return Word::Now;
        }
        self.untold += 1;
        if self.untold == 1 { Word::Later { in_ms: next_ms - now_ms } } else { Word::Counted }
    }

    /// How many there are to tell of, which are told then.
    pub(super) fn take(&mut self, now_ms: u64) -> u64 {
        if self.untold > 0 {
            self.at_ms = Some(now_ms);
        }
        std::mem::take(&mut self.untold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_a_flood_in_one_line_every_few_seconds() {
        let mut told = Told::new();
        let (mut lines, mut counted, mut due_ms) = (0, 0, None);
        for now_ms in 0..10 * REFUSALS_TOLD_MS {
            if due_ms == Some(now_ms) {
                counted += told.take(now_ms);
                lines += 1;
            }
            match told.note(now_ms) {
                Word::Now => {
                    lines += 1;
                    counted += 1;
                }
                Word::Later { in_ms } => due_ms = Some(now_ms + in_ms),
                Word::Counted => {}
            }
        }
        assert_eq!(lines, 10);
        assert_eq!(counted + told.take(u64::MAX), 10 * REFUSALS_TOLD_MS, "each is in one line");
    }

    #[test]
    fn what_is_seldom_is_told_one_by_one() {
        let mut told = Told::new();
        for now_ms in [0, REFUSALS_TOLD_MS, 5 * REFUSALS_TOLD_MS] {
            assert_eq!(told.note(now_ms), Word::Now);
        }
        assert_eq!(told.take(5 * REFUSALS_TOLD_MS), 0);
    }
}
