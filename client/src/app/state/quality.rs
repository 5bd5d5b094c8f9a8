//! Measurements: the engine's of the network, the playout worklet's of the sound.

use std::collections::{BTreeMap, VecDeque};

use dais_client::bridge::Playout;
use dais_engine::Statistics;
use dais_engine::shared::ids::{MemberId, StreamId};
use leptos::prelude::*;

/// Reports over which loss is judged: ten seconds, at two a second.
const RECENT_REPORTS: usize = 20;
/// Reports of a voice that sounds of which the median is shown: what it does from word to word is nobody's concern.
const AGE_REPORTS: usize = 10;
/// What a voice can be old, in milliseconds; speakers are believed no further.
const AGES_MS: std::ops::Range<f32> = 0.0..10_000.0;
/// A speaker whose timestamps count from an origin that is off by more, in milliseconds, has begun to count anew.
const REBASED_MS: f64 = 5.0;
/// How much a browser's latest word on its loudspeaker's latency counts: it changes with each of the device's steps.
const OUTPUT_GAIN: f32 = 0.2;
/// What devices say of themselves is right to about a step of theirs, in milliseconds.
const DEVICES_UNCERTAIN_MS: f32 = 10.0;
/// What a loudspeaker takes that says nothing of itself, somewhere between nothing and twice this.
const LOUDSPEAKER_MS: f32 = 20.0;
/// Level of digital silence, in -dBov (RFC 6464).
pub(crate) const SILENCE_DBOV: u8 = 127;

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Quality {
    statistics: RwSignal<Statistics>,
    playout: RwSignal<Playout>,
    output_ms: RwSignal<f32>,
    recent: StoredValue<VecDeque<Totals>>,
    ages: StoredValue<Ages>,
    shares: RwSignal<Shares>,
    is_held_back: RwSignal<bool>,
    silent_s: RwSignal<u32>,
    own_level_dbov: StoredValue<u8>,
}

/// How late one speaker's voice reaches this machine's loudspeaker.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delay {
    /// Who.
    pub(crate) member: MemberId,
    /// What waits to be played, in milliseconds.
    pub(crate) buffer_ms: Option<f32>,
    /// From the speaker's mouth to this ear, in milliseconds, and by how much that may be wrong.
    pub(crate) mouth_to_ear_ms: Option<f32>,
    pub(crate) uncertain_ms: f32,
}

pub(super) fn provide() {
    provide_context(Quality {
        statistics: RwSignal::new(Statistics::default()),
        playout: RwSignal::new(Playout::default()),
        output_ms: RwSignal::new(0.0),
        recent: StoredValue::new(VecDeque::new()),
        ages: StoredValue::new(Ages::default()),
        shares: RwSignal::new(Shares::default()),
        is_held_back: RwSignal::new(false),
        silent_s: RwSignal::new(0),
        own_level_dbov: StoredValue::new(SILENCE_DBOV),
    });
}

/// The measurements.
pub(crate) fn use_quality() -> Quality {
    expect_context()
}

impl Quality {
    /// The engine's, once a second.
    pub(crate) fn statistics(self) -> Statistics {
        self.statistics.get()
    }

    /// The playout worklet's, twice a second.
    pub(crate) fn playout(self) -> Playout {
        self.playout.get()
    }

    /// What was done to the sound of the last ten seconds.
    pub(crate) fn shares(self) -> Shares {
        self.shares.get()
    }

    /// Whether one's own voice is left out at the moment.
    pub(crate) fn is_held_back(self) -> bool {
        self.is_held_back.get()
    }

    /// For how many seconds an open microphone has given digital silence.
    pub(crate) fn silent_s(self) -> u32 {
        self.silent_s.get()
    }

    /// Per speaker.
    pub(crate) fn delays(self) -> Vec<Delay> {
        let output_ms = self.output_ms.get();
        let of = |statistics: &Statistics, playout: &Playout| {
            self.ages.with_value(|ages| delays(statistics, playout, ages, output_ms))
        };
        self.playout.with(|playout| self.statistics.with(|statistics| of(statistics, playout)))
    }

    pub(super) fn set_statistics(self, statistics: Statistics, is_microphone_open: bool) {
        self.statistics.set(statistics);
        let is_silent = is_microphone_open && self.own_level_dbov.get_value() >= SILENCE_DBOV;
        let silent_s = if is_silent { self.silent_s.get_untracked().saturating_add(1) } else { 0 };
        if silent_s != self.silent_s.get_untracked() {
            self.silent_s.set(silent_s);
        }
    }

    pub(super) fn set_playout(self, playout: Playout, output_ms: f32) {
        self.statistics.with_untracked(|statistics| self.ages.update_value(|ages| ages.note(&playout, statistics)));
        let known_ms = self.output_ms.get_untracked();
        let smoothed_ms = if known_ms > 0.0 { known_ms + (output_ms - known_ms) * OUTPUT_GAIN } else { output_ms };
        self.output_ms.set(smoothed_ms);
        let latest = Totals::of(&playout);
        let earliest = self.recent.try_update_value(|recent| {
            if recent.len() >= RECENT_REPORTS {
                recent.pop_front();
            }
            recent.push_back(latest);
            recent.front().copied()
        });
        self.shares.set(shares(earliest.flatten().unwrap_or_default(), latest));
        self.playout.set(playout);
    }

    pub(super) fn set_held_back(self, is_held_back: bool) {
        self.is_held_back.set(is_held_back);
    }

    pub(super) fn set_own_level(self, level_dbov: u8) {
        self.own_level_dbov.set_value(level_dbov);
    }
}

/// Samples since the worklet started.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    decoded: u64,
    concealed: u64,
    discarded: u64,
    stretched: u64,
}

impl Totals {
    fn of(playout: &Playout) -> Self {
        Self {
            decoded: playout.samples_decoded_total,
            concealed: playout.samples_concealed_total,
            discarded: playout.samples_discarded_total,
            stretched: playout.samples_stretched_total,
        }
    }
}

/// Parts of what was to be heard, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shares {
    /// Made up for what was lost or late.
    pub(crate) concealed: f32,
    /// Received, and thrown away to catch up.
    pub(crate) discarded: f32,
    /// Left out or said twice, unheard.
    pub(crate) stretched: f32,
}

/// Between two totals. A worklet that started anew counts from 0 again.
fn shares(earliest: Totals, latest: Totals) -> Shares {
    let grown = |of: fn(&Totals) -> u64| of(&latest).saturating_sub(of(&earliest)) as f32;
    let (concealed, discarded) = (grown(|totals| totals.concealed), grown(|totals| totals.discarded));
    let all = grown(|totals| totals.decoded) + concealed + discarded;
    let percent = |part: f32| if part > 0.0 { 100.0 * part / all.max(part) } else { 0.0 };
    let stretched = percent(grown(|totals| totals.stretched));
    Shares { concealed: percent(concealed), discarded: percent(discarded), stretched }
}

/// How long after its capture each voice is played, of late.
#[derive(Debug, Default)]
struct Ages {
    streams: BTreeMap<u32, Age>,
}

#[derive(Debug, Default)]
struct Age {
    /// As the speaker told last.
    captured_origin_ms: f64,
    recent_ms: VecDeque<f32>,
}

impl Ages {
    /// One more report. A voice that is silent just now keeps what it had: its lag in silence says nothing.
    fn note(&mut self, playout: &Playout, statistics: &Statistics) {
        self.streams.retain(|number, _| playout.streams.iter().any(|stream| stream.stream == *number));
        for stream in playout.streams.iter().filter(|stream| stream.is_playing) {
            let speaker = statistics.speakers.iter().find(|speaker| speaker.stream == StreamId(stream.stream));
            let Some(captured_origin_ms) = speaker.and_then(|speaker| speaker.captured_origin_ms) else { continue };
            let age = self.streams.entry(stream.stream).or_default();
            // A talkspurt may count from an origin of its own, and is measured by the one before until that is known.
            if (captured_origin_ms - age.captured_origin_ms).abs() > REBASED_MS {
                age.recent_ms.clear();
            }
            age.captured_origin_ms = captured_origin_ms;
            let age_ms = (stream.played_origin_ms - captured_origin_ms) as f32;
            if AGES_MS.contains(&age_ms) {
                if age.recent_ms.len() >= AGE_REPORTS {
                    age.recent_ms.pop_front();
                }
                age.recent_ms.push_back(age_ms);
            }
        }
    }

    /// The median, in milliseconds.
    fn of(&self, stream: u32) -> Option<f32> {
        let mut sorted: Vec<f32> = self.streams.get(&stream)?.recent_ms.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }
}

/// From mouth to ear it is as long as from a sample's capture until it is given to the loudspeaker, and what that takes.
/// Both clocks are known to half a round trip at worst, and devices tell what they take in steps of theirs.
fn delays(statistics: &Statistics, playout: &Playout, ages: &Ages, output_ms: f32) -> Vec<Delay> {
    let (output_ms, unknown_ms) = if output_ms > 0.0 { (output_ms, 0.0) } else { (LOUDSPEAKER_MS, LOUDSPEAKER_MS) };
    let uncertain_ms = DEVICES_UNCERTAIN_MS + unknown_ms + statistics.rtt_ms.unwrap_or_default() / 2.0;
    let delay = |speaker: &dais_engine::SpeakerStatistics| {
        let StreamId(number) = speaker.stream;
        let stream = playout.streams.iter().find(|stream| stream.stream == number);
        let mouth_to_ear_ms = ages.of(number).map(|age_ms| age_ms + output_ms);
        Delay { member: speaker.member, buffer_ms: stream.map(|stream| stream.buffered_ms), mouth_to_ear_ms, uncertain_ms }
    };
    statistics.speakers.iter().map(delay).collect()
}

#[cfg(test)]
mod tests {
    use dais_client::bridge::PlayoutStream;
    use dais_engine::SpeakerStatistics;

    use super::*;

    fn totals(decoded: u64, concealed: u64, discarded: u64, stretched: u64) -> Totals {
        Totals { decoded, concealed, discarded, stretched }
    }

    #[test]
    fn what_was_done_to_the_sound_is_a_share_of_what_was_to_be_heard() {
        let recent = shares(totals(1000, 0, 50, 7), totals(1800, 100, 150, 57));
        assert!((recent.concealed - 10.0).abs() < 1e-3);
        assert!((recent.discarded - 10.0).abs() < 1e-3);
        assert!((recent.stretched - 5.0).abs() < 1e-3);
        assert_eq!(shares(Totals::default(), Totals::default()), Shares::default());
        assert_eq!(shares(totals(5000, 70, 9, 9), totals(10, 0, 0, 0)), Shares::default(), "a new worklet is no loss");
    }

    fn playing(played_origin_ms: f64) -> Playout {
        let stream = PlayoutStream { stream: 7, is_playing: true, played_origin_ms, buffered_ms: 60.0, target_ms: 20.0 };
        Playout { streams: vec![stream], ..Playout::default() }
    }

    fn captured(captured_origin_ms: Option<f64>) -> Statistics {
        let speaker = |member, stream, captured_origin_ms| SpeakerStatistics {
            member: MemberId(member),
            stream: StreamId(stream),
            captured_origin_ms,
        };
        Statistics { speakers: vec![speaker(1, 7, captured_origin_ms), speaker(2, 8, None)], ..Statistics::default() }
    }

    #[test]
    fn mouth_to_ear_is_from_the_capture_to_the_device_and_what_that_takes() {
        let (statistics, playout) = (captured(Some(5_040.0)), playing(5_105.0));
        let mut ages = Ages::default();
        ages.note(&playout, &statistics);
        let now = delays(&statistics, &playout, &ages, 35.0);
        assert_eq!(now[0].mouth_to_ear_ms, Some(100.0));
        assert_eq!(now[1], Delay { member: MemberId(2), buffer_ms: None, mouth_to_ear_ms: None, uncertain_ms: 10.0 });
        let unsaid = delays(&statistics, &playout, &ages, 0.0);
        assert_eq!((unsaid[0].mouth_to_ear_ms, unsaid[0].uncertain_ms), (Some(85.0), 30.0), "a loudspeaker that says nothing");
    }

    #[test]
    fn a_voice_is_as_old_as_most_of_its_latest_reports_say() {
        let mut ages = Ages::default();
        let mut note = |playout: &Playout, captured_origin_ms| {
            ages.note(playout, &captured(captured_origin_ms));
            ages.of(7)
        };
        let silent = |mut playout: Playout| {
            playout.streams[0].is_playing = false;
            playout
        };
        assert_eq!(note(&silent(playing(9_000.0)), Some(0.0)), None, "never heard");
        assert_eq!(note(&playing(50.0), None), None, "nobody said when it was captured");
        let few = [50.0, 70.0, 60.0].map(|played_ms| note(&playing(played_ms), Some(0.0)));
        assert_eq!(few, [Some(50.0), Some(70.0), Some(60.0)]);
        assert_eq!(note(&silent(playing(9_000.0)), Some(0.0)), Some(60.0), "silence says nothing");
        assert_eq!(note(&playing(-9_000.0), Some(0.0)), Some(60.0), "nor does what cannot be");
        assert_eq!(note(&playing(f64::NAN), Some(0.0)), Some(60.0));
        assert_eq!(note(&playing(3_055.0), Some(3_000.0)), Some(55.0), "another talkspurt counts from another origin");
        for _ in 0..AGE_REPORTS {
            note(&playing(3_090.0), Some(3_001.0));
        }
        assert_eq!(note(&playing(3_090.0), Some(3_001.0)), Some(89.0), "what was long ago is forgotten");
        assert_eq!(note(&Playout::default(), Some(0.0)), None, "and so is who is gone");
    }
}
