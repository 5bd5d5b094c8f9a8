//! The voices of others: on to the playback pipeline, silenced where the listener wants it, and measured.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dais_audio::{PacketHeader, SAMPLE_RATE_HZ};
use dais_shared::ids::{MemberId, StreamId, UserId};
use dais_shared::limits::STAGE_SEATS_MAX;
use dais_shared::view::Person;
use dais_shared::voice;

use crate::event::{Output, SpeakerStatistics, Statistics};
use crate::publishing::Publishing;
use crate::room::RoomState;
use crate::server_clock::ServerClock;
use crate::stalls::Stalls;

/// Loudness of silence.
const SILENCE_DBOV: u8 = 127;
/// How quickly a level that is shown falls, in decibels a second: it stays through the pauses between words, and is gone
/// half a second after the last.
const LEVEL_FALLS_DB_PER_S: f32 = 60.0;
/// A speaker from whom something has come this recently is talking: pauses between sentences are shorter.
const TALKING_WITHIN: Duration = Duration::from_secs(1);
/// The louder, the larger; 2 is +6 dB, beyond which the limiter would do all the work.
const VOLUME_MAX: f32 = 2.0;
/// Streams known at once: a full stage, and those who just left it.
const STREAMS_MAX: usize = 2 * STAGE_SEATS_MAX;
/// Volumes remembered: more people than one ever turns down.
const VOLUMES_MAX: usize = 256;
/// Divisor of the jitter estimator (RFC 3550, section 6.4.1).
const JITTER_GAIN: f32 = 1.0 / 16.0;

/// The voices of others.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    streams: BTreeMap<StreamId, Speaker>,
    volumes: BTreeMap<UserId, f32>,
    /// Streams that the server was asked not to send.
    silenced: BTreeSet<StreamId>,
    newest_ms: u64,
    reported_ms: u64,
    levels: BTreeMap<MemberId, u8>,
    jitter_ms: f32,
    frames_received: u64,
    stalls: Stalls,
}

#[derive(Debug)]
struct Speaker {
    /// As shown when last heard.
    level_dbov: u8,
    heard: Duration,
    /// Local arrival less server arrival of the last frame, in milliseconds.
    last_relative_ms: Option<f64>,
    /// Server milliseconds at the stream's timestamp zero.
    origin_ms: Option<f64>,
    is_in_view: bool,
}

impl Default for Speaker {
    /// Nothing was heard yet.
    fn default() -> Self {
        Self { level_dbov: SILENCE_DBOV, heard: Duration::ZERO, last_relative_ms: None, origin_ms: None, is_in_view: false }
    }
}

impl Speaker {
    /// The level to be shown.
    fn level_dbov(&self, now: Duration) -> u8 {
        let fallen_db = now.saturating_sub(self.heard).as_secs_f32() * LEVEL_FALLS_DB_PER_S;
        // A float-to-integer cast saturates.
        self.level_dbov.saturating_add(fallen_db as u8).min(SILENCE_DBOV)
    }
}

impl Listening {
    pub(crate) fn handle_voice(
        &mut self,
        origin: &voice::Origin,
        header: &voice::Header,
        payload: &[u8],
        room: &RoomState,
        now: Duration,
    ) -> Option<Output> {
        room.view.as_ref()?;
        self.frames_received += 1;
        self.stalls.handle_arrival(now);
        self.newest_ms = self.newest_ms.max(origin.arrived_ms);
        let jitter_ms = self.jitter_ms;
        let speaker = self.speaker(origin.stream)?;
        speaker.level_dbov = speaker.level_dbov(now).min(header.level_dbov);
        let is_start = header.flags & voice::TALKSPURT_START != 0;
        let gap = (!is_start && speaker.last_relative_ms.is_some()).then(|| now.saturating_sub(speaker.heard));
        speaker.heard = now;
        let relative_ms = now.as_secs_f64() * 1000.0 - origin.arrived_ms as f64;
        let last_ms = speaker.last_relative_ms.replace(relative_ms);
        let difference_ms = last_ms.map_or(jitter_ms, |last_ms| (relative_ms - last_ms).abs() as f32);
        self.jitter_ms += (difference_ms - jitter_ms) * JITTER_GAIN;
        self.stalls.handle_gap(gap.unwrap_or_default(), now);
        let is_silenced = room.speaker(origin.stream).is_some_and(|(_, user)| self.volume(user) == 0.0);
        if is_silenced {
            return None;
        }
        let header = PacketHeader {
            stream: origin.stream.0,
            sequence: header.sequence.0,
            timestamp: header.timestamp,
            arrival_ms: origin.arrived_ms,
            duration_samples: header.duration_samples,
            level_dbov: header.level_dbov,
            flags: header.flags,
        };
        Some(Output::Play { header, payload: payload.to_vec() })
    }

    /// The server said what time it is, as it does while nobody speaks.
    pub(crate) fn handle_clock(&mut self, now: Duration) {
        self.stalls.handle_arrival(now);
    }

    pub(crate) fn handle_clock_mapping(&mut self, stream: StreamId, timestamp: u64, server_ms: u64) {
        let origin_ms = server_ms as f64 - timestamp as f64 * 1000.0 / f64::from(SAMPLE_RATE_HZ);
        if let Some(speaker) = self.speaker(stream) {
            speaker.origin_ms = Some(origin_ms);
        }
    }

    /// Forgets the streams of people who left the stage, and says which. A stream that the view does not know *yet*
    /// stays: its voice may overtake the news of its speaker.
    pub(crate) fn forget_gone(&mut self, room: &RoomState) -> Vec<StreamId> {
        let mut gone = Vec::new();
        self.streams.retain(|stream, speaker| {
            let is_in_view = room.speaker(*stream).is_some();
            let stays = is_in_view || (!speaker.is_in_view && room.view.is_some());
            speaker.is_in_view |= is_in_view;
            if !stays {
                gone.push(*stream);
            }
            stays
        });
        gone
    }

    /// Sets how loud one person is, and says for which streams.
    pub(crate) fn set_volume(&mut self, user: UserId, volume: f32, room: &RoomState) -> Vec<(StreamId, f32)> {
        let volume = if volume.is_finite() { volume.clamp(0.0, VOLUME_MAX) } else { 1.0 };
        if self.volumes.len() >= VOLUMES_MAX && !self.volumes.contains_key(&user) {
            self.volumes.pop_first();
        }
        self.volumes.insert(user, volume);
        let is_whose = |stream| room.speaker(stream).is_some_and(|(_, whose)| whose == user);
        self.take_gains(room).into_iter().filter(|(stream, _)| is_whose(*stream)).collect()
    }

    /// The gain of everybody on stage whom this listener has turned up or down. Their streams are known from now on,
    /// heard or not, so that the pipeline is told when they are gone.
    pub(crate) fn take_gains(&mut self, room: &RoomState) -> Vec<(StreamId, f32)> {
        let gain = |person: &Person| self.volumes.get(&person.user).map(|volume| (person.stream, *volume));
        let mut gains: Vec<_> = room.others().filter_map(gain).collect();
        gains.retain(|(stream, _)| self.speaker(*stream).is_some());
        gains
    }

    /// A stream's place, while there is one.
    fn speaker(&mut self, stream: StreamId) -> Option<&mut Speaker> {
        if !self.streams.contains_key(&stream) && self.streams.len() >= STREAMS_MAX {
            return None;
        }
        Some(self.streams.entry(stream).or_default())
    }

    /// A new seat or a new connection: the server sends everything again.
    pub(crate) fn handle_snapshot(&mut self) {
        self.silenced.clear();
    }

    /// What the server is to be asked, so that it sends exactly what is played.
    pub(crate) fn take_silencings(&mut self, room: &RoomState) -> Vec<(StreamId, bool)> {
        let wanted: BTreeSet<StreamId> =
            room.others().filter(|person| self.volume(person.user) == 0.0).map(|person| person.stream).collect();
        let is_present = |stream: &StreamId| room.speaker(*stream).is_some();
        let again = self.silenced.difference(&wanted).filter(|stream| is_present(stream)).map(|stream| (*stream, false));
        let new = wanted.difference(&self.silenced).map(|stream| (*stream, true));
        let silencings = again.chain(new).collect();
        self.silenced = wanted;
        silencings
    }

    fn volume(&self, user: UserId) -> f32 {
        self.volumes.get(&user).copied().unwrap_or(1.0)
    }

    /// The newest voice, if it is newer than the last report.
    pub(crate) fn take_report(&mut self) -> Option<u64> {
        let is_new = self.newest_ms > self.reported_ms;
        self.reported_ms = self.newest_ms;
        is_new.then_some(self.newest_ms)
    }

    /// How many people are talking, or paused a moment ago.
    pub(crate) fn others_talking(&self, now: Duration) -> usize {
        self.streams
            .values()
            .filter(|speaker| speaker.last_relative_ms.is_some() && speaker.heard + TALKING_WITHIN >= now)
            .count()
    }

    /// Levels, if any has changed since the last time.
    pub(crate) fn take_levels(
        &mut self,
        room: &RoomState,
        publishing: &Publishing,
        now: Duration,
    ) -> Option<Vec<(MemberId, u8)>> {
        let mut levels: BTreeMap<MemberId, u8> = room
            .others()
            .map(|person| {
                let speaker = self.streams.get(&person.stream).filter(|_| person.is_audible());
                (person.member, speaker.map_or(SILENCE_DBOV, |speaker| speaker.level_dbov(now)))
            })
            .collect();
        if let Some(me) = room.my_stage() {
            let own = publishing.level_dbov.filter(|_| me.is_audible());
            levels.insert(me.member, own.unwrap_or(SILENCE_DBOV));
        }
        if levels == self.levels {
            return None;
        }
        self.levels = levels;
        Some(self.levels.iter().map(|(member, level)| (*member, *level)).collect())
    }

    pub(crate) fn statistics(&self, room: &RoomState, clock: &ServerClock) -> Statistics {
        let speakers = room
            .others()
            .filter_map(|person| {
                let speaker = self.streams.get(&person.stream)?;
                let captured_origin_ms = speaker.origin_ms.and_then(|server_ms| clock.local_ms(server_ms));
                Some(SpeakerStatistics { member: person.member, stream: person.stream, captured_origin_ms })
            })
            .collect();
        Statistics {
            jitter_ms: self.jitter_ms,
            frames_received: self.frames_received,
            stalls_own: self.stalls.own(),
            stalls_others: self.stalls.others(),
            speakers,
            ..Statistics::default()
        }
    }
}
