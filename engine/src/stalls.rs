//! Voice that stops in the middle of a talkspurt: how often, and on whose way.
//!
//! A way down that stands still lets nothing through, neither voice nor the server's clock, and holds all speakers up
//! together: that is one stall. Where something else came meanwhile, it was the speaker's way up.

use std::time::Duration;

use dais_shared::limits::CLOCK_IN_SILENCE_MS;

/// Voice that stops for so long in the middle of a talkspurt has stalled.
const STALL_AFTER: Duration = Duration::from_millis(200);
/// The server says something this often while microphones are open, and a network needs a moment more now and then.
const STANDSTILL_AFTER: Duration = Duration::from_millis(CLOCK_IN_SILENCE_MS + 50);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    own: u32,
    others: u32,
    /// When something last came.
    arrived: Option<Duration>,
    standstill: Option<Standstill>,
}

/// A time in which nothing came.
#[derive(Debug)]
struct Standstill {
    over: Duration,
    is_counted: bool,
}

impl Stalls {
    /// Voice came, or the server's clock; before [`Self::handle_gap`] is told.
    pub(crate) fn handle_arrival(&mut self, now: Duration) {
        let is_over = |arrived: Duration| now.saturating_sub(arrived) > STANDSTILL_AFTER;
        if self.arrived.replace(now).is_some_and(is_over) {
            self.standstill = Some(Standstill { over: now, is_counted: false });
        }
    }

    /// A talkspurt goes on after nothing came of it for so long.
    pub(crate) fn handle_gap(&mut self, gap: Duration, now: Duration) {
        if gap <= STALL_AFTER {
            return;
        }
        match &mut self.standstill {
            // What was held up comes at once, speaker by speaker.
            Some(standstill) if now.saturating_sub(standstill.over) <= STALL_AFTER => {
                self.own += u32::from(!standstill.is_counted);
                standstill.is_counted = true;
            }
            _ => self.others += 1,
        }
    }

    /// On the way from the server to here.
    pub(crate) fn own(&self) -> u32 {
        self.own
    }

    /// On the ways of those who speak.
    pub(crate) fn others(&self) -> u32 {
        self.others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Two speakers' frames every 20 ms until `from`, and again from `to` on.
    fn two_speakers(stalls: &mut Stalls, from: u64, to: u64) {
        for at in (0..=from).step_by(20) {
            stalls.handle_arrival(ms(at));
            stalls.handle_gap(ms(20), ms(at));
        }
        for _ in 0..2 {
            stalls.handle_arrival(ms(to));
            stalls.handle_gap(ms(to - from), ms(to));
        }
    }

    #[test]
    fn a_way_down_that_stands_still_is_one_stall_for_all_speakers() {
        let mut stalls = Stalls::default();
        two_speakers(&mut stalls, 1_000, 3_000);
        assert_eq!((stalls.own(), stalls.others()), (1, 0));
    }

    #[test]
    fn a_speaker_who_stops_while_others_or_the_clock_are_heard_stalls_himself() {
        for every_ms in [20, CLOCK_IN_SILENCE_MS] {
            let mut stalls = Stalls::default();
            (0..=2_000).step_by(every_ms as usize).for_each(|at| stalls.handle_arrival(ms(at)));
            stalls.handle_gap(ms(2_000), ms(2_000));
            assert_eq!((stalls.own(), stalls.others()), (0, 1), "{every_ms}");
        }
    }

    #[test]
    fn a_pause_of_less_is_none() {
        let mut stalls = Stalls::default();
        two_speakers(&mut stalls, 1_000, 1_200);
        assert_eq!((stalls.own(), stalls.others()), (0, 0));
    }

    #[test]
    fn the_next_standstill_counts_again() {
        let mut stalls = Stalls::default();
        two_speakers(&mut stalls, 1_000, 1_400);
        stalls.handle_arrival(ms(2_000));
        stalls.handle_gap(ms(600), ms(2_000));
        assert_eq!((stalls.own(), stalls.others()), (2, 0));
    }
}
