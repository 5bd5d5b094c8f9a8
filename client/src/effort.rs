//! How much of its time a machine spends on coding a voice. Pure: told how long each frame took.

/// As a part of real time that is too much: the page, and other programs, want the rest.
const SHARE_MAX: f64 = 0.1;
/// Judged over so many samples at 48 kHz at a time, two seconds: one frame that took long says nothing.
const JUDGED_SAMPLES: usize = 96_000;
const SAMPLES_PER_MS: f64 = 48.0;

/// See the module.
#[derive(Debug, Default)]
pub struct Effort {
    spent_ms: f64,
    samples: usize,
}

impl Effort {
    /// A frame of so many samples at 48 kHz took so long to code, in milliseconds. Whether that, with those before it, is
    /// too much; said once every two seconds of voice, at most.
    pub fn is_too_much(&mut self, took_ms: f64, samples: usize) -> bool {
        self.spent_ms += took_ms;
        self.samples += samples;
        if self.samples < JUDGED_SAMPLES {
            return false;
        }
        let spent = std::mem::take(self);
        spent.spent_ms > SHARE_MAX * spent.samples as f64 / SAMPLES_PER_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said after each of a hundred frames of 20 ms.
    fn says(effort: &mut Effort, took_ms: f64) -> Vec<bool> {
        (0..100).map(|_| effort.is_too_much(took_ms, 960)).collect()
    }

    #[test]
    fn a_tenth_of_the_time_is_borne_and_more_is_not() {
        let mut effort = Effort::default();
        assert!(!says(&mut effort, 1.9).contains(&true));
        assert!(says(&mut effort, 2.1).ends_with(&[false, true]));
        assert!(!says(&mut effort, 1.9).contains(&true), "what was is past");
    }

    #[test]
    fn one_frame_that_takes_long_says_nothing() {
        let mut effort = Effort::default();
        assert!(!effort.is_too_much(150.0, 960));
        assert!(!says(&mut effort, 0.4).contains(&true));
    }
}
