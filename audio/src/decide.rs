//! What a stream does next when it has nothing more to play: the decision, without the deed.
//!
//! After the cut of WebRTC's NetEq: one pure function from a situation to a decision, so that
//! every case can be read, and tested, in one place. It refuses to know packets' bytes, the
//! decoder and the sound itself.

use std::time::Duration;

use crate::SAMPLES_PER_MS;
use crate::conceal::FADE_SAMPLES;

/// Concealment lasts at most this long, in samples: five frames of 20 ms, after which made-up
/// sound is no longer taken for the speaker's.
pub(crate) const CONCEAL_SAMPLES_MAX: u32 = 100 * SAMPLES_PER_MS;

/// What may wait beyond the target before some of it is shed, in samples. One burst after a
/// stall stays below; a delay that would last does not.
pub(crate) const EXCESS_SAMPLES_MAX: u64 = 120 * SAMPLES_PER_MS as u64;

/// The longest pause that is played as a pause, in samples. What lies behind a longer one has
/// arrived already, so the pause is no longer a fact about now.
pub(crate) const PAUSE_SAMPLES_MAX: u64 = 200 * SAMPLES_PER_MS as u64;

/// Concealment of packets that are late goes in steps of at most 10 ms, in samples: one that
/// comes a moment later need not wait for long.
const STALL_SAMPLES_MAX: u32 = 10 * SAMPLES_PER_MS;

/// The packet whose turn is next, seen from where playout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    /// From the end of what was played to the packet's beginning, in samples; negative where
    /// they overlap.
    pub(crate) gap_samples: i64,
    /// Whether packets are missing in between.
    pub(crate) follows_loss: bool,
}

/// All that a decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Situation {
    /// Whether a talkspurt is sounding, real or concealed.
    pub(crate) playing: bool,
    /// Received and not yet played, in samples.
    pub(crate) buffered_samples: u64,
    /// What should be, in samples.
    pub(crate) target_samples: u64,
    /// How long the oldest waiting packet has been waiting for playout to begin.
    pub(crate) waited: Duration,
    /// Whether the end of the talkspurt is among what waits.
    pub(crate) end_waits: bool,
    /// Whether what played last was marked as the talkspurt's end.
    pub(crate) ended: bool,
    /// Made up since the last true sample, in samples.
    pub(crate) concealed_samples: u32,
    /// Whether concealment began because nothing waited.
    pub(crate) ran_dry: bool,
    /// Length of the last packet, in samples: the step of concealment.
    pub(crate) frame_samples: u32,
    /// What waits first, if anything does.
    pub(crate) next: Option<Next>,
}

/// What to do next. Lengths are in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Silence, and ask again: nothing has begun.
    Wait,
    /// Begin a talkspurt with the first waiting packet, after throwing away `discard`.
    Start { discard: u64 },
    /// Play the next packet.
    Decode,
    /// Throw this much away in the middle of speech, with a crossfade.
    Shed { samples: u64 },
    /// Make up sound for a lost packet: time goes on.
    Conceal { samples: u32 },
    /// Make up sound while packets are late: their time does not go on.
    Stall { samples: u32 },
    /// The speaker paused: this much silence, then go on at the next packet.
    Pause { samples: u64 },
    /// The talkspurt is over: fade out and wait for the next.
    Stop,
}

/// The decision for a situation.
pub(crate) fn decide(situation: &Situation) -> Decision {
    match (situation.playing, situation.next) {
        (false, None) => Decision::Wait,
        (false, Some(_)) => decide_stopped(situation),
        (true, None) => decide_dry(situation),
        (true, Some(next)) => decide_playing(situation, next),
    }
}

/// A talkspurt begins when the target is reached, in samples or in waiting: whatever came
/// first is then as old as the target wants it.
fn decide_stopped(situation: &Situation) -> Decision {
    let Situation { buffered_samples, target_samples, .. } = *situation;
    let patience = Duration::from_millis(target_samples / u64::from(SAMPLES_PER_MS));
    if buffered_samples < target_samples && situation.waited < patience && !situation.end_waits {
        return Decision::Wait;
    }
    let excess = buffered_samples.saturating_sub(target_samples);
    Decision::Start { discard: if excess > EXCESS_SAMPLES_MAX { excess } else { 0 } }
}

/// Nothing waits while a talkspurt sounds.
fn decide_dry(situation: &Situation) -> Decision {
    if situation.ended {
        return Decision::Stop;
    }
    decide_stall(situation)
}

/// Waits for late packets behind made-up sound, as long as that may last.
fn decide_stall(situation: &Situation) -> Decision {
    match conceal_samples_left(situation) {
        0 => Decision::Stop,
        left => Decision::Stall { samples: left.min(STALL_SAMPLES_MAX) },
    }
}

fn decide_playing(situation: &Situation, next: Next) -> Decision {
    let Situation { buffered_samples, target_samples, .. } = *situation;
    let excess = buffered_samples.saturating_sub(target_samples);
    // After running dry, playing the first packet at once would run dry again behind it:
    // half the target has to be there, as in NetEq.
    if situation.ran_dry && buffered_samples < target_samples / 2 && !situation.end_waits {
        return decide_stall(situation);
    }
    let gap = u64::try_from(next.gap_samples).unwrap_or(0);
    // Concealment comes in steps of 2.5 ms; a lesser gap is none.
    if gap < crate::codec::CONCEAL_SAMPLES_STEP as u64 {
        return if excess > EXCESS_SAMPLES_MAX { Decision::Shed { samples: excess } } else { Decision::Decode };
    }
    // A newer packet proves, on an ordered transport, that the missing one will not come, and
    // on any other that it will come too late.
    if next.follows_loss {
        let step = conceal_samples_left(situation).min(u32::try_from(gap).unwrap_or(u32::MAX));
        if step > 0 {
            return Decision::Conceal { samples: step };
        }
    }
    // In silence too much delay can be shed freely; only the fade needs its time.
    let pause = gap.min(PAUSE_SAMPLES_MAX);
    let fade = gap.min(u64::from(FADE_SAMPLES));
    Decision::Pause { samples: (pause - pause.min(excess)).max(fade) }
}

/// The next step of concealment: a frame, or what is left of the time it may last.
fn conceal_samples_left(situation: &Situation) -> u32 {
    CONCEAL_SAMPLES_MAX.saturating_sub(situation.concealed_samples).min(situation.frame_samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: u64 = 60 * 48;

    /// A talkspurt in full flow: the next packet follows what was played.
    const FLOWING: Situation = Situation {
        playing: true,
        buffered_samples: TARGET,
        target_samples: TARGET,
        waited: Duration::ZERO,
        end_waits: false,
        ended: false,
        concealed_samples: 0,
        ran_dry: false,
        frame_samples: 960,
        next: Some(Next { gap_samples: 0, follows_loss: false }),
    };
    const DRY: Situation = Situation { buffered_samples: 0, next: None, ..FLOWING };
    const STOPPED: Situation = Situation { playing: false, buffered_samples: 960, ..FLOWING };

    fn gap(gap_samples: i64, follows_loss: bool) -> Option<Next> {
        Some(Next { gap_samples, follows_loss })
    }

    #[test]
    fn a_talkspurt_begins_at_the_target_or_after_it() {
        assert_eq!(decide(&Situation { next: None, ..STOPPED }), Decision::Wait);
        assert_eq!(decide(&STOPPED), Decision::Wait);
        let start = Decision::Start { discard: 0 };
        assert_eq!(decide(&Situation { buffered_samples: TARGET, ..STOPPED }), start);
        assert_eq!(decide(&Situation { waited: Duration::from_millis(60), ..STOPPED }), start);
        assert_eq!(decide(&Situation { end_waits: true, ..STOPPED }), start);
        let stale = Situation { buffered_samples: TARGET + 9_600, ..STOPPED };
        assert_eq!(decide(&stale), Decision::Start { discard: 9_600 });
    }

    #[test]
    fn the_next_packet_plays_unless_far_too_much_waits() {
        assert_eq!(decide(&FLOWING), Decision::Decode);
        let most = TARGET + EXCESS_SAMPLES_MAX;
        assert_eq!(decide(&Situation { buffered_samples: most, ..FLOWING }), Decision::Decode);
        assert_eq!(
            decide(&Situation { buffered_samples: most + 1, ..FLOWING }),
            Decision::Shed { samples: EXCESS_SAMPLES_MAX + 1 }
        );
        assert_eq!(decide(&Situation { next: gap(-5_000, false), ..FLOWING }), Decision::Decode);
        assert_eq!(decide(&Situation { next: gap(i64::MIN, true), ..FLOWING }), Decision::Decode);
    }

    #[test]
    fn a_loss_is_concealed_for_a_tenth_of_a_second() {
        let lost = Situation { next: gap(960, true), ..FLOWING };
        assert_eq!(decide(&lost), Decision::Conceal { samples: 960 });
        assert_eq!(decide(&Situation { next: gap(480, true), ..FLOWING }), Decision::Conceal { samples: 480 });
        let long = Situation { next: gap(96_000, true), ..FLOWING };
        assert_eq!(decide(&long), Decision::Conceal { samples: 960 });
        let over = Situation { concealed_samples: CONCEAL_SAMPLES_MAX, ..long };
        assert_eq!(decide(&over), Decision::Pause { samples: PAUSE_SAMPLES_MAX });
    }

    #[test]
    fn a_pause_of_the_speaker_is_silence_and_sheds_delay() {
        let paused = Situation { next: gap(4_800, false), ..FLOWING };
        assert_eq!(decide(&paused), Decision::Pause { samples: 4_800 });
        let behind = Situation { buffered_samples: TARGET + 1_000, ..paused };
        assert_eq!(decide(&behind), Decision::Pause { samples: 3_800 });
        let far_behind = Situation { buffered_samples: 20 * TARGET, ..paused };
        assert_eq!(decide(&far_behind), Decision::Pause { samples: 480 });
        let absurd = Situation { next: gap(i64::MAX, false), ..FLOWING };
        assert_eq!(decide(&absurd), Decision::Pause { samples: PAUSE_SAMPLES_MAX });
    }

    #[test]
    fn running_dry_is_bridged_and_then_given_up() {
        assert_eq!(decide(&DRY), Decision::Stall { samples: 480 });
        assert_eq!(decide(&Situation { concealed_samples: 4_680, ..DRY }), Decision::Stall { samples: 120 });
        assert_eq!(decide(&Situation { concealed_samples: 4_800, ..DRY }), Decision::Stop);
        assert_eq!(decide(&Situation { ended: true, ..DRY }), Decision::Stop);
    }

    #[test]
    fn after_running_dry_half_the_target_comes_first() {
        let resuming = Situation { ran_dry: true, concealed_samples: 960, ..FLOWING };
        assert_eq!(decide(&resuming), Decision::Decode);
        let little = Situation { buffered_samples: TARGET / 2 - 1, ..resuming };
        assert_eq!(decide(&little), Decision::Stall { samples: 480 });
        assert_eq!(decide(&Situation { concealed_samples: 4_800, ..little }), Decision::Stop);
        assert_eq!(decide(&Situation { end_waits: true, ..little }), Decision::Decode);
    }
}
