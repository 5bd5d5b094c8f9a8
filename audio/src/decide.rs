//! What a stream does next when it has nothing more to play: the decision, without the deed.
//!
//! After the cut of WebRTC's NetEq: one pure function from a situation to a decision, so that
//! every case can be read, and tested, in one place. Unlike NetEq it looks at how late playout
//! is rather than at how much is buffered: jitter makes the buffer swing, and the lag does not.
//! It refuses to know packets' bytes, the decoder and the sound itself.

use crate::SAMPLES_PER_MS;
use crate::conceal::FADE_SAMPLES;

/// Concealment lasts at most this long, in samples: five frames of 20 ms, after which made-up
/// sound is no longer taken for the speaker's.
pub(crate) const CONCEAL_SAMPLES_MAX: u32 = 100 * SAMPLES_PER_MS;

/// The longest pause that is played as a pause, in samples. What lies behind a longer one has
/// arrived already, so the pause is no longer a fact about now.
pub(crate) const PAUSE_SAMPLES_MAX: u64 = 200 * SAMPLES_PER_MS as u64;

/// Lag beyond the target, and short of it, that is left alone, in samples: 8 and 2 ms. Together they are a period of
/// all but the deepest voices, which is the step of catching up and of falling back.
const SLACK_SAMPLES: i64 = 8 * SAMPLES_PER_MS as i64;
const SLACK_BEFORE_SAMPLES: i64 = 2 * SAMPLES_PER_MS as i64;

/// Lag beyond the target from which catching up is hurried, in samples.
const HURRY_SAMPLES: i64 = 120 * SAMPLES_PER_MS as i64;

/// Lag beyond the target from which speech is skipped, in samples: stretching it away would
/// take more than a second.
const SKIP_SAMPLES: i64 = 400 * SAMPLES_PER_MS as i64;

/// What was said longer ago than this, in samples, is not said any more: a talkspurt that begins later begins with what is no
/// later, and so does speech after a skip. Where the target is long, it is so much beyond that.
const LATE_SAMPLES_MAX: i64 = 200 * SAMPLES_PER_MS as i64;
const LATE_BEYOND_TARGET_MAX: i64 = 100 * SAMPLES_PER_MS as i64;

/// How much of speech may be left out or said twice, in percent: unnoticed; in a hurry; and where
/// the choice is between that and making sound up.
const STRETCH_PERCENT: u32 = 15;
const HURRIED_STRETCH_PERCENT: u32 = 30;
const LASTING_STRETCH_PERCENT: u32 = 50;

/// What catching up needs in a row, in samples: 20 ms, two periods of all but the deepest voices.
pub(crate) const ACCELERATE_SAMPLES_MIN: u64 = 20 * SAMPLES_PER_MS as u64;

/// Concealment goes in steps of at most 10 ms, in samples: a packet that comes a moment later need not
/// wait for long.
const CONCEAL_SAMPLES_AT_ONCE: u32 = 10 * SAMPLES_PER_MS;

/// The packet whose turn is next, seen from where playout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    /// From the end of what was played to the packet's beginning, in samples; negative where
    /// they overlap.
    pub(crate) gap_samples: i64,
    /// Whether packets are missing in between.
    pub(crate) follows_loss: bool,
    /// Whether a pause of the speaker lies close behind it, where a cut is not heard.
    pub(crate) precedes_pause: bool,
}

/// All that a decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Situation {
    /// Whether a talkspurt is sounding, real or concealed.
    pub(crate) playing: bool,
    /// By how much what plays next lags behind the quickest packets, in samples; while nothing
    /// plays, the first packet that waits.
    pub(crate) delay_samples: i64,
    /// What the lag should be, in samples.
    pub(crate) target_samples: i64,
    /// What can be played in a row from here, in samples.
    pub(crate) contiguous_samples: u64,
    /// Whether the packet behind that has not come, nor any newer, though most would have.
    pub(crate) is_overdue: bool,
    /// The period that was stretched away last as a part of what was played since, in percent.
    pub(crate) stretched_percent: u32,
    /// Whether what played last was marked as the talkspurt's end.
    pub(crate) ended: bool,
    /// Made up since the last true sample, in samples.
    pub(crate) concealed_samples: u32,
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
    /// Play what comes next, shorter by a period of itself that is no longer than this.
    Accelerate { most: u64 },
    /// Play what comes next, longer by a period of itself that is no longer than this; by
    /// something like a period, if it has to be.
    SlowDown { most: u64, has_to_be: bool },
    /// Leave this much of the speaker's time out in the middle of speech, with a crossfade.
    Skip { samples: u64 },
    /// Make up sound for a packet that is late or lost.
    Conceal { samples: u32 },
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

/// A talkspurt begins when its first packet lags as much as the target wants.
fn decide_stopped(situation: &Situation) -> Decision {
    if situation.delay_samples < situation.target_samples {
        return Decision::Wait;
    }
    Decision::Start { discard: too_late_samples(situation) }
}

/// By how much what plays next is later than anything is to be played.
fn too_late_samples(situation: &Situation) -> u64 {
    let latest = LATE_SAMPLES_MAX.max(situation.target_samples + LATE_BEYOND_TARGET_MAX);
    u64::try_from(situation.delay_samples - latest).unwrap_or(0)
}

/// Nothing waits while a talkspurt sounds.
fn decide_dry(situation: &Situation) -> Decision {
    if situation.ended {
        return Decision::Stop;
    }
    match conceal_samples_left(situation) {
        0 => Decision::Stop,
        samples => Decision::Conceal { samples },
    }
}

fn decide_playing(situation: &Situation, next: Next) -> Decision {
    let excess = situation.delay_samples - situation.target_samples;
    let gap = u64::try_from(next.gap_samples).unwrap_or(0);
    // Concealment comes in steps of 2.5 ms; a lesser gap is none.
    if gap < crate::codec::CONCEAL_SAMPLES_STEP as u64 {
        return decide_pace(situation, next, excess);
    }
    // A newer packet proves, on an ordered transport, that the missing one will not come, and
    // on any other that it will come too late.
    if next.follows_loss {
        let step = conceal_samples_left(situation).min(u32::try_from(gap).unwrap_or(u32::MAX));
        if step > 0 {
            return Decision::Conceal { samples: step };
        }
    }
    // In silence the lag is put right freely; only the fade needs its time.
    let pause = i64::try_from(gap.min(PAUSE_SAMPLES_MAX)).unwrap_or(0);
    let fade = gap.min(u64::from(FADE_SAMPLES));
    Decision::Pause { samples: u64::try_from(pause - excess).unwrap_or(0).clamp(fade, 2 * PAUSE_SAMPLES_MAX) }
}

/// The next packet follows what was played: as it is, shorter, longer, or not at all.
fn decide_pace(situation: &Situation, next: Next, excess: i64) -> Decision {
    if excess > SKIP_SAMPLES {
        // A cut is best made in a pause, if one is near.
        if next.precedes_pause {
            return Decision::Decode;
        }
        return Decision::Skip { samples: too_late_samples(situation) };
    }
    // To fall back further than by an eighth of the target costs more lag than it saves loss.
    let lasts = situation.is_overdue && excess <= situation.target_samples / 8;
    let allowed = match (lasts, excess > HURRY_SAMPLES) {
        (true, _) => LASTING_STRETCH_PERCENT,
        (false, true) => HURRIED_STRETCH_PERCENT,
        (false, false) => STRETCH_PERCENT,
    };
    if situation.stretched_percent > allowed {
        return Decision::Decode;
    }
    // What is there is made to last while the rest is late, rather than running dry.
    if lasts {
        return Decision::SlowDown { most: u64::MAX, has_to_be: true };
    }
    // One step goes no further than to the other end of the slack, or two would undo each other.
    if excess > SLACK_SAMPLES && !situation.is_overdue && situation.contiguous_samples >= ACCELERATE_SAMPLES_MIN {
        return Decision::Accelerate { most: (excess + SLACK_BEFORE_SAMPLES).unsigned_abs() };
    }
    if excess < -SLACK_BEFORE_SAMPLES {
        return Decision::SlowDown { most: (SLACK_SAMPLES - excess).unsigned_abs(), has_to_be: false };
    }
    Decision::Decode
}

/// The next step of concealment: what is left of the time it may last, if that is less than a step.
fn conceal_samples_left(situation: &Situation) -> u32 {
    CONCEAL_SAMPLES_MAX.saturating_sub(situation.concealed_samples).min(CONCEAL_SAMPLES_AT_ONCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: i64 = 60 * 48;

    /// A talkspurt in full flow: the next packet follows what was played.
    const FLOWING: Situation = Situation {
        playing: true,
        delay_samples: TARGET,
        target_samples: TARGET,
        contiguous_samples: 2_880,
        is_overdue: false,
        stretched_percent: 0,
        ended: false,
        concealed_samples: 0,
        next: Some(Next { gap_samples: 0, follows_loss: false, precedes_pause: false }),
    };
    const DRY: Situation = Situation { next: None, contiguous_samples: 0, ..FLOWING };
    const STOPPED: Situation = Situation { playing: false, ..FLOWING };

    fn gap(gap_samples: i64, follows_loss: bool) -> Option<Next> {
        Some(Next { gap_samples, follows_loss, precedes_pause: false })
    }

    fn late(beyond_target: i64) -> Situation {
        Situation { delay_samples: TARGET + beyond_target, ..FLOWING }
    }

    #[test]
    fn a_talkspurt_begins_when_it_lags_as_the_target_wants() {
        assert_eq!(decide(&Situation { next: None, ..STOPPED }), Decision::Wait);
        assert_eq!(decide(&Situation { delay_samples: TARGET - 1, ..STOPPED }), Decision::Wait);
        let start = Decision::Start { discard: 0 };
        assert_eq!(decide(&STOPPED), start);
        assert_eq!(decide(&Situation { delay_samples: LATE_SAMPLES_MAX, ..STOPPED }), start);
        let stale = Situation { delay_samples: LATE_SAMPLES_MAX + 4_800, ..STOPPED };
        assert_eq!(decide(&stale), Decision::Start { discard: 4_800 });
        let far = Situation { delay_samples: 20_000, target_samples: 12_000, ..STOPPED };
        assert_eq!(decide(&far), Decision::Start { discard: 3_200 }, "a long target allows for more");
    }

    #[test]
    fn the_next_packet_plays_as_it_is_within_the_slack() {
        for lag in [-SLACK_BEFORE_SAMPLES, 0, SLACK_SAMPLES] {
            assert_eq!(decide(&late(lag)), Decision::Decode);
        }
        assert_eq!(decide(&Situation { next: gap(-5_000, false), ..FLOWING }), Decision::Decode);
        assert_eq!(decide(&Situation { next: gap(i64::MIN, true), ..FLOWING }), Decision::Decode);
    }

    #[test]
    fn lag_is_stretched_away_within_what_speech_bears() {
        let slack = (SLACK_SAMPLES + SLACK_BEFORE_SAMPLES).unsigned_abs();
        assert_eq!(decide(&late(SLACK_SAMPLES + 1)), Decision::Accelerate { most: slack + 1 });
        assert_eq!(decide(&late(-SLACK_BEFORE_SAMPLES - 1)), Decision::SlowDown { most: slack + 1, has_to_be: false });
        assert_eq!(decide(&Situation { contiguous_samples: 959, ..late(2_000) }), Decision::Decode, "too little to look at");
        assert_eq!(decide(&Situation { stretched_percent: 16, ..late(2_000) }), Decision::Decode);
        assert_eq!(decide(&Situation { stretched_percent: 16, ..late(-2_000) }), Decision::Decode);
        let hurried = late(HURRY_SAMPLES + 1);
        assert!(matches!(decide(&Situation { stretched_percent: 16, ..hurried }), Decision::Accelerate { .. }));
        assert_eq!(decide(&Situation { stretched_percent: 31, ..hurried }), Decision::Decode);
    }

    #[test]
    fn what_is_there_is_made_to_last_while_the_rest_is_late() {
        let overdue = Situation { is_overdue: true, stretched_percent: 16, ..FLOWING };
        assert_eq!(decide(&overdue), Decision::SlowDown { most: u64::MAX, has_to_be: true });
        assert_eq!(decide(&Situation { stretched_percent: 51, ..overdue }), Decision::Decode);
        assert!(matches!(decide(&Situation { is_overdue: true, ..late(TARGET / 8) }), Decision::SlowDown { .. }));
        assert_eq!(decide(&Situation { is_overdue: true, ..late(TARGET / 8 + 1) }), Decision::Decode);
    }

    #[test]
    fn far_too_much_lag_is_skipped_in_the_nearest_pause() {
        assert!(matches!(decide(&late(SKIP_SAMPLES)), Decision::Accelerate { .. }));
        assert_eq!(
            decide(&late(SKIP_SAMPLES + 1)),
            Decision::Skip { samples: (TARGET + SKIP_SAMPLES + 1 - LATE_SAMPLES_MAX).unsigned_abs() }
        );
        let before_pause = Some(Next { gap_samples: 0, follows_loss: false, precedes_pause: true });
        assert_eq!(decide(&Situation { next: before_pause, ..late(SKIP_SAMPLES + 1) }), Decision::Decode);
    }

    #[test]
    fn a_loss_is_concealed_for_a_tenth_of_a_second() {
        let lost = Situation { next: gap(960, true), ..FLOWING };
        assert_eq!(decide(&lost), Decision::Conceal { samples: 480 });
        assert_eq!(decide(&Situation { next: gap(240, true), ..FLOWING }), Decision::Conceal { samples: 240 });
        let long = Situation { next: gap(96_000, true), ..FLOWING };
        assert_eq!(decide(&long), Decision::Conceal { samples: 480 });
        let over = Situation { concealed_samples: CONCEAL_SAMPLES_MAX, ..long };
        assert_eq!(decide(&over), Decision::Pause { samples: PAUSE_SAMPLES_MAX });
    }

    #[test]
    fn a_pause_of_the_speaker_is_silence_in_which_the_lag_is_put_right() {
        let paused = Situation { next: gap(4_800, false), ..FLOWING };
        assert_eq!(decide(&paused), Decision::Pause { samples: 4_800 });
        let behind = Situation { delay_samples: TARGET + 1_000, ..paused };
        assert_eq!(decide(&behind), Decision::Pause { samples: 3_800 });
        let ahead = Situation { delay_samples: TARGET - 1_000, ..paused };
        assert_eq!(decide(&ahead), Decision::Pause { samples: 5_800 });
        let far_behind = Situation { delay_samples: 20 * TARGET, ..paused };
        assert_eq!(decide(&far_behind), Decision::Pause { samples: 480 });
        let absurd = Situation { next: gap(i64::MAX, false), ..FLOWING };
        assert_eq!(decide(&absurd), Decision::Pause { samples: PAUSE_SAMPLES_MAX });
    }

    #[test]
    fn running_dry_is_bridged_and_then_given_up() {
        assert_eq!(decide(&DRY), Decision::Conceal { samples: 480 });
        assert_eq!(decide(&Situation { concealed_samples: 4_680, ..DRY }), Decision::Conceal { samples: 120 });
        assert_eq!(decide(&Situation { concealed_samples: 4_800, ..DRY }), Decision::Stop);
        assert_eq!(decide(&Situation { ended: true, ..DRY }), Decision::Stop);
    }
}
