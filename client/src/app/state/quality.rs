//! Measurements: the engine's of the network, the playout worklet's of the sound.

use std::collections::{BTreeMap, VecDeque};

use dais_client::bridge::Playout;
use dais_engine::Statistics;
use dais_engine::shared::ids::{MemberId, StreamId};
use leptos::prelude::*;

/// Reports over which loss is judged: ten seconds, at two a second.
const RECENT_REPORTS: usize = 20;
/// Reports of a voice that sounds of which the median is shown: what it does from word to word is nobody's concern.
const PLAYED_REPORTS: usize = 10;
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
    /// By stream, when of late its timestamp zero would have been played.
    played: StoredValue<BTreeMap<u32, VecDeque<f64>>>,
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
        played: StoredValue::new(BTreeMap::new()),
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
        self.playout.with(|playout| self.statistics.with(|statistics| delays(statistics, playout, output_ms)))
    }

    pub(super) fn set_statistics(self, statistics: Statistics, is_microphone_open: bool) {
        self.statistics.set(statistics);
        let is_silent = is_microphone_open && self.own_level_dbov.get_value() >= SILENCE_DBOV;
        let silent_s = if is_silent { self.silent_s.get_untracked().saturating_add(1) } else { 0 };
        if silent_s != self.silent_s.get_untracked() {
            self.silent_s.set(silent_s);
        }
    }

    pub(super) fn set_playout(self, mut playout: Playout, output_ms: f32) {
        self.played.update_value(|played| settle(&mut playout, played));
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

/// Takes for when each voice is played the median of its latest reports. One that is silent just now keeps what it had: its
/// lag in silence says nothing.
fn settle(playout: &mut Playout, played: &mut BTreeMap<u32, VecDeque<f64>>) {
    played.retain(|stream, _| playout.streams.iter().any(|known| known.stream == *stream));
    for stream in &mut playout.streams {
        let latest = played.entry(stream.stream).or_default();
        if stream.is_playing {
            if latest.len() >= PLAYED_REPORTS {
                latest.pop_front();
            }
            latest.push_back(stream.played_origin_ms);
        }
        let mut sorted: Vec<f64> = latest.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        stream.played_origin_ms = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
    }
}

/// From mouth to ear it is as long as from when a sample was captured until it is given to the loudspeaker, and what that takes.
/// Both clocks are known to half a round trip at worst, and devices tell what they take in steps of theirs.
fn delays(statistics: &Statistics, playout: &Playout, output_ms: f32) -> Vec<Delay> {
    let (output_ms, unknown_ms) = if output_ms > 0.0 { (output_ms, 0.0) } else { (LOUDSPEAKER_MS, LOUDSPEAKER_MS) };
    let uncertain_ms = DEVICES_UNCERTAIN_MS + unknown_ms + statistics.rtt_ms.unwrap_or_default() / 2.0;
    let delay = |speaker: &dais_engine::SpeakerStatistics| {
        let StreamId(number) = speaker.stream;
        let stream = playout.streams.iter().find(|stream| stream.stream == number);
        let captured_ms = speaker.captured_origin_ms.unwrap_or(f64::NAN);
        let played_ms = stream.map_or(f64::NAN, |stream| stream.played_origin_ms);
        let mouth_to_ear_ms = Some((played_ms - captured_ms) as f32 + output_ms).filter(|ms| ms.is_finite());
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

    #[test]
    fn mouth_to_ear_is_from_the_capture_to_the_device_and_what_that_takes() {
        let speaker = |member, stream, captured_origin_ms| SpeakerStatistics {
            member: MemberId(member),
            stream: StreamId(stream),
            captured_origin_ms,
        };
        let statistics =
            Statistics { speakers: vec![speaker(1, 7, Some(5_040.0)), speaker(2, 8, None)], ..Statistics::default() };
        let playing = |played_origin_ms| PlayoutStream {
            stream: 7,
            is_playing: true,
            played_origin_ms,
            buffered_ms: 60.0,
            target_ms: 20.0,
        };
        let playout = Playout { streams: vec![playing(5_105.0)], ..Playout::default() };
        let now = delays(&statistics, &playout, 35.0);
        assert_eq!(now[0].mouth_to_ear_ms, Some(100.0));
        assert_eq!(now[1], Delay { member: MemberId(2), buffer_ms: None, mouth_to_ear_ms: None, uncertain_ms: 10.0 });
        let unsaid = delays(&statistics, &playout, 0.0);
        assert_eq!((unsaid[0].mouth_to_ear_ms, unsaid[0].uncertain_ms), (Some(85.0), 30.0), "a loudspeaker that says nothing");
    }

    #[test]
    fn a_voice_is_played_when_most_of_its_latest_reports_say() {
        let mut played = BTreeMap::new();
        let mut report = |stream, is_playing, played_origin_ms| {
            let stream = PlayoutStream { stream, is_playing, played_origin_ms, buffered_ms: 0.0, target_ms: 0.0 };
            let mut playout = Playout { streams: vec![stream], ..Playout::default() };
            settle(&mut playout, &mut played);
            playout.streams[0].played_origin_ms
        };
        assert!(report(7, false, 9_000.0).is_nan(), "never heard");
        assert_eq!([5.0, 7.0, 6.0].map(|ms| report(7, true, ms)), [5.0, 7.0, 6.0]);
        assert_eq!(report(7, false, 9_000.0), 6.0, "silence says nothing");
        assert_eq!((0..PLAYED_REPORTS).map(|_| report(7, true, 50.0)).last(), Some(50.0), "what was long ago is forgotten");
        assert!(report(8, false, 0.0).is_nan(), "another voice");
        assert!(report(7, false, 0.0).is_nan(), "one that was gone begins anew");
    }
}
