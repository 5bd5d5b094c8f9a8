//! Measurements: the engine's of the network, the playout worklet's of the sound.

use std::collections::VecDeque;

use dais_client::bridge::Playout;
use dais_engine::Statistics;
use dais_engine::shared::ids::{MemberId, StreamId};
use leptos::prelude::*;

/// Reports over which loss is judged: ten seconds, at two a second.
const RECENT_REPORTS: usize = 20;
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
        self.playout.with_untracked(|before| keep_lags(&mut playout, before));
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

/// A voice that is silent just now keeps the lag that it had: its lag in silence says nothing.
fn keep_lags(playout: &mut Playout, before: &Playout) {
    for stream in playout.streams.iter_mut().filter(|stream| !stream.is_playing) {
        let known = before.streams.iter().find(|known| known.stream == stream.stream);
        stream.lag_ms = known.map_or(0.0, |known| known.lag_ms);
    }
}

/// From mouth to ear is the shortest way of late, the lag behind it, and what the loudspeaker takes. Both clocks are known
/// to half a round trip at worst, and devices tell what they take in steps of theirs.
fn delays(statistics: &Statistics, playout: &Playout, output_ms: f32) -> Vec<Delay> {
    let (output_ms, unknown_ms) = if output_ms > 0.0 { (output_ms, 0.0) } else { (LOUDSPEAKER_MS, LOUDSPEAKER_MS) };
    let uncertain_ms = DEVICES_UNCERTAIN_MS + unknown_ms + statistics.rtt_ms.unwrap_or_default() / 2.0;
    let delay = |speaker: &dais_engine::SpeakerStatistics| {
        let StreamId(number) = speaker.stream;
        let stream = playout.streams.iter().find(|stream| stream.stream == number);
        let mouth_to_ear_ms = speaker.transit_ms.zip(stream).map(|(transit_ms, stream)| transit_ms + stream.lag_ms + output_ms);
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
    fn mouth_to_ear_is_the_way_the_lag_and_the_device() {
        let speaker =
            |member, stream, transit_ms| SpeakerStatistics { member: MemberId(member), stream: StreamId(stream), transit_ms };
        let statistics = Statistics { speakers: vec![speaker(1, 7, Some(40.0)), speaker(2, 8, None)], ..Statistics::default() };
        let playing = PlayoutStream { stream: 7, is_playing: true, buffered_ms: 60.0, lag_ms: 25.0, target_ms: 20.0 };
        let playout = Playout { streams: vec![playing.clone()], ..Playout::default() };
        let now = delays(&statistics, &playout, 35.0);
        assert_eq!(now[0].mouth_to_ear_ms, Some(100.0));
        assert_eq!(now[1], Delay { member: MemberId(2), buffer_ms: None, mouth_to_ear_ms: None, uncertain_ms: 10.0 });
        let unsaid = delays(&statistics, &playout, 0.0);
        assert_eq!((unsaid[0].mouth_to_ear_ms, unsaid[0].uncertain_ms), (Some(85.0), 30.0), "a loudspeaker that says nothing");
        let mut silent =
            Playout { streams: vec![PlayoutStream { is_playing: false, lag_ms: 9_000.0, ..playing }], ..Playout::default() };
        keep_lags(&mut silent, &playout);
        assert_eq!(delays(&statistics, &silent, 35.0), now);
    }
}
