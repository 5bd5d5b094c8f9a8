//! One's own voice: the device, the encoder, and the rule that voice is never queued behind voice.
//!
//! The server acknowledges the newest frame it has. While frames have been unacknowledged for longer than the shortest
//! round trip, [`VOICE_UNACKNOWLEDGED_MS_MAX`] and the time between two acknowledgements, the network is not taking them:
//! further ones are dropped *before* encoding, and counted. A socket's own buffer cannot tell this; it swallows minutes of voice first.

use std::collections::VecDeque;
use std::time::Duration;

use dais_audio::{CaptureConfig, CapturePipeline, EncodedFrame, MakeEncoder, SAMPLE_RATE_HZ, Skipped};
use dais_shared::ids::{Seq, StreamId};
use dais_shared::limits::{CLOCK_MAPPING_MS, VOICE_ACK_MS, VOICE_FRAME_SAMPLES_LONG, VOICE_UNACKNOWLEDGED_MS_MAX};
use dais_shared::room::MicrophoneState;
use dais_shared::voice;
use dais_shared::wire::{self, ClientFrame};

use crate::capture_clock::CaptureClock;
use crate::command::{MicrophoneFailure, Speaking, TalkKey};
use crate::event::Output;
use crate::server_clock::ServerClock;
use crate::talk::{LetsOut, Talk};

/// A microphone that its owner muted stays open this long, so that unmuting is immediate.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// While voice is held back, one frame goes out this often: its acknowledgement tells that the way is free again.
const PROBE_EVERY: Duration = Duration::from_millis(200);
/// While nobody speaks, what waits between the device and here is thrown away this often, at most.
const FLUSHED_EVERY: Duration = Duration::from_secs(5);
/// Where it turns out that voice was captured earlier than was told, that is told so often, at most.
const NEWS_EVERY: Duration = Duration::from_millis(250);
/// Frames whose acknowledgement is remembered: two seconds of 10 ms frames.
const UNACKNOWLEDGED_MAX: usize = 200;

/// What the encoder aims at, in bits per second: in frames of 20 ms; in shorter ones, which know less of what they code and
/// go to few people (with 48 kbit/s they keep what those of 20 ms keep with 40, by PESQ); and for a while after the network did not take it. At 24 kbit/s speech still has its full band
/// (RFC 6716, section 2.1.1).
const BITRATE_BPS: i32 = 32_000;
const BITRATE_SHORT_FRAMES_BPS: i32 = 48_000;
const BITRATE_LOWERED_BPS: i32 = 24_000;
/// Voice unacknowledged for this long beyond the shortest round trip is the first sign of a network that does not take it: an
/// acknowledgement may itself wait for [`VOICE_ACK_MS`].
const FALLING_BEHIND: Duration = Duration::from_millis(VOICE_ACK_MS + 60);
/// How long the bitrate stays lowered after the last such sign.
const LOWERED_FOR: Duration = Duration::from_secs(5);

/// What the room wants of the microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Open it.
    Open,
    /// Send nothing and open nothing, and let what is open be for a while: its owner is muted.
    Muted,
    /// The same, while there is no connection to send over.
    Offline,
    /// Release it at once: a moderator has muted its owner.
    Closed,
    /// Release it at once, and forget the stay: its owner is not on stage.
    OffStage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Microphone {
    #[default]
    Closed,
    Opening,
    Open,
    Failed(MicrophoneFailure),
}

/// A person who mutes falls silent at once: the server's word only confirms it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Closing {
    /// Nobody asked for silence.
    #[default]
    No,
    /// One more frame goes out, which tells that it is the last.
    LastFrame,
    /// Nothing goes out until the server answers.
    Silent,
}

impl Closing {
    const fn lets_out(self) -> LetsOut {
        match self {
            Self::No => LetsOut::All,
            Self::LastFrame => LetsOut::LastFrame,
            Self::Silent => LetsOut::Nothing,
        }
    }
}

/// One's own voice.
pub(crate) struct Publishing {
    make_encoder: MakeEncoder,
    microphone: Microphone,
    device_rate_hz: u32,
    kept_until: Option<Duration>,
    last_report: Option<MicrophoneState>,
    capture: Option<CapturePipeline>,
    stay: Option<Stay>,
    closing: Closing,
    talk: Talk,
    flushed_at: Option<Duration>,
    /// From the microphone to here.
    pub(crate) device_latency: Duration,
    pub(crate) level_dbov: Option<u8>,
    pub(crate) frames_sent: u64,
    pub(crate) frames_held_back: u64,
}

/// One stay on stage: a stream with its own sequence and timestamps.
struct Stay {
    stream: StreamId,
    since: Duration,
    next_sequence: u32,
    next_timestamp: u64,
    /// What to add to the pipeline's timestamps. `None` at a talkspurt's start.
    timestamp_base: Option<u64>,
    captured: CaptureClock,
    next_mapping: Duration,
    next_news: Duration,
    unacknowledged: VecDeque<(u32, Duration)>,
    is_held_back: bool,
    last_probe: Duration,
    bitrate_lowered_until: Duration,
}

impl Publishing {
    pub(crate) fn new(make_encoder: MakeEncoder) -> Self {
        Self {
            make_encoder,
            microphone: Microphone::default(),
            device_rate_hz: 0,
            kept_until: None,
            last_report: None,
            capture: None,
            stay: None,
            closing: Closing::default(),
            talk: Talk::default(),
            flushed_at: None,
            device_latency: Duration::ZERO,
            level_dbov: None,
            frames_sent: 0,
            frames_held_back: 0,
        }
    }

    /// Whether the microphone is open and nobody has asked for silence.
    pub(crate) fn is_microphone_open(&self) -> bool {
        self.microphone == Microphone::Open && self.closing == Closing::No
    }

    pub(crate) fn is_held_back(&self) -> bool {
        self.stay.as_ref().is_some_and(|stay| stay.is_held_back)
    }

    /// How the person speaks from now on. What is being said breaks off, and what follows starts anew.
    #[must_use]
    pub(crate) fn set_speaking(&mut self, speaking: Speaking) -> Option<Output> {
        if !self.talk.set_speaking(speaking) {
            return None;
        }
        self.end_talkspurt();
        self.capture.is_some().then(|| self.make_capture()).flatten()
    }

    /// What happens to push-to-talk's key.
    pub(crate) fn handle_key(&mut self, key: TalkKey, now: Duration) {
        match key {
            TalkKey::Pressed => {
                if self.talk.press(now) {
                    // What was captured before the key was pressed is nobody's business.
                    self.end_talkspurt();
                }
            }
            TalkKey::StillHeld | TalkKey::Released => self.talk.handle_key(key, now),
        }
    }

    /// Whether a held key lets the voice out.
    pub(crate) fn is_talking(&self, now: Duration) -> bool {
        self.talk.is_held(now)
    }

    /// What the shell is to do so that the microphone is as wanted.
    pub(crate) fn settle(&mut self, wanted: Wanted, now: Duration) -> Option<Output> {
        if wanted != Wanted::Open {
            self.talk.shut();
        }
        match wanted {
            Wanted::Open => {
                self.kept_until = None;
                if self.microphone != Microphone::Closed {
                    return None;
                }
                self.microphone = Microphone::Opening;
                Some(Output::OpenMicrophone)
            }
            Wanted::Muted | Wanted::Offline => {
                self.end_talkspurt();
                if now < *self.kept_until.get_or_insert(now + KEPT_FOR) { None } else { self.close() }
            }
            Wanted::Closed | Wanted::OffStage => {
                self.end_talkspurt();
                self.kept_until = None;
                if wanted == Wanted::OffStage {
                    // Another room counts its streams anew. As long as the stream lasts, its sequence goes on.
                    self.stay = None;
                }
                self.close()
            }
        }
    }

    /// The person asked to be muted. Asking twice is no reason for another last frame.
    pub(crate) fn fall_silent(&mut self) {
        if self.closing == Closing::No {
            self.closing = Closing::LastFrame;
        }
    }

    /// The server's word has come: from now on it alone decides.
    pub(crate) fn allow_voice(&mut self) {
        self.closing = Closing::No;
    }

    /// The person is not muted after all.
    pub(crate) fn speak_on(&mut self) {
        if core::mem::take(&mut self.closing) != Closing::No {
            self.end_talkspurt();
        }
    }

    fn close(&mut self) -> Option<Output> {
        self.capture = None;
        let was = core::mem::take(&mut self.microphone);
        // One that failed is told too: the shell is not to try again by itself.
        (was != Microphone::Closed).then_some(Output::CloseMicrophone)
    }

    /// What is sent next starts a talkspurt, with a timestamp that counts the pause.
    pub(crate) fn end_talkspurt(&mut self) {
        self.level_dbov = None;
        if let Some(stay) = &mut self.stay {
            stay.timestamp_base = None;
            stay.captured = CaptureClock::default();
        }
        if let Some(capture) = &mut self.capture {
            capture.reset_for_talkspurt();
        }
    }

    /// Unmuting is another try for a microphone that could not be opened.
    pub(crate) fn try_again(&mut self) {
        if matches!(self.microphone, Microphone::Failed(_)) {
            self.microphone = Microphone::Closed;
        }
    }

    /// What the shell is to do with it, where it is not wanted any more or of no use.
    #[must_use]
    pub(crate) fn handle_open(&mut self, device_rate_hz: u32) -> Option<Output> {
        if self.microphone == Microphone::Closed {
            return Some(Output::CloseMicrophone);
        }
        self.device_rate_hz = device_rate_hz;
        self.make_capture()
    }

    /// What the shell is to do where none can be made.
    #[must_use]
    fn make_capture(&mut self) -> Option<Output> {
        let codes_silence = self.talk.sends_silence();
        let config = CaptureConfig { codes_silence, ..CaptureConfig::new(self.device_rate_hz) };
        self.capture = CapturePipeline::new(config, self.make_encoder).ok();
        self.microphone = match self.capture {
            Some(_) => Microphone::Open,
            None => Microphone::Failed(MicrophoneFailure::Lost),
        };
        self.end_talkspurt();
        self.capture.is_none().then_some(Output::MicrophoneUseless)
    }

    pub(crate) fn handle_failed(&mut self, failure: MicrophoneFailure) {
        self.capture = None;
        self.microphone = Microphone::Failed(failure);
        self.end_talkspurt();
    }

    /// What the server is to be told of the device, if it believes something else. Says each thing once.
    pub(crate) fn take_report(&mut self, reported: MicrophoneState) -> Option<MicrophoneState> {
        let state = match self.microphone {
            Microphone::Closed | Microphone::Opening => MicrophoneState::Closed,
            Microphone::Open => MicrophoneState::Open,
            Microphone::Failed(MicrophoneFailure::Refused) => MicrophoneState::Refused,
            Microphone::Failed(MicrophoneFailure::Missing) => MicrophoneState::Missing,
            Microphone::Failed(MicrophoneFailure::Lost) => MicrophoneState::Lost,
        };
        if self.last_report == Some(state) || (self.last_report.is_none() && reported == state) {
            return None;
        }
        self.last_report = Some(state);
        Some(state)
    }

    pub(crate) fn handle_reconnect(&mut self) {
        self.last_report = None;
        self.talk.shut();
        self.end_talkspurt();
        if let Some(stay) = &mut self.stay {
            stay.unacknowledged.clear();
            stay.is_held_back = false;
        }
    }

    pub(crate) fn handle_ack(&mut self, sequence: Seq) {
        if let Some(stay) = &mut self.stay {
            while stay.unacknowledged.front().is_some_and(|(sent, _)| *sent <= sequence.0) {
                stay.unacknowledged.pop_front();
            }
        }
    }

    /// Whether what waits between the device and here may be thrown away now, since nobody is speaking.
    pub(crate) fn take_flush(&mut self, now: Duration) -> bool {
        let is_pause = self.capture.as_ref().is_some_and(CapturePipeline::is_quiet);
        let is_due = is_pause && self.flushed_at.is_none_or(|at| now.saturating_sub(at) >= FLUSHED_EVERY);
        if is_due {
            self.flushed_at = Some(now);
        }
        is_due
    }

    /// Encodes what the microphone gave, in frames of this length from the next talkspurt on: the messages to send.
    pub(crate) fn encode(
        &mut self,
        stream: StreamId,
        samples: &[f32],
        frame_samples: u32,
        clock: &ServerClock,
        now: Duration,
    ) -> Vec<Vec<u8>> {
        let lets_out = self.closing.lets_out().min(self.talk.lets_out(now));
        let Some(capture) = &mut self.capture else { return Vec::new() };
        // Where nobody was speaking there is no talkspurt to end.
        if lets_out == LetsOut::Nothing || (lets_out == LetsOut::LastFrame && !capture.is_active()) {
            self.be_silent();
            return Vec::new();
        }
        let is_last = lets_out == LetsOut::LastFrame;
        if self.stay.as_ref().is_none_or(|stay| stay.stream != stream) {
            self.stay = Some(Stay::new(stream, now));
            capture.reset_for_talkspurt();
        }
        let Some(stay) = &mut self.stay else { return Vec::new() };
        // Both lengths that there are can be coded.
        let _ = capture.set_frame_samples(frame_samples);
        capture.set_bitrate(stay.bitrate_bps(frame_samples, clock, now));
        capture.push(samples);
        stay.captured.note(capture.timestamp_captured(), self.device_latency, now);
        let mut messages = Vec::new();
        loop {
            if stay.may_send(clock, now) {
                let Some(frame) = capture.poll_frame() else { break };
                self.frames_sent += 1;
                messages.extend(stay.messages(&frame, is_last, clock, now));
                if is_last {
                    self.be_silent();
                    return messages;
                }
            } else if is_last {
                // What waits for the way to be free would not be the last word but a later one.
                self.be_silent();
                return messages;
            } else {
                match capture.skip_frame() {
                    None => break,
                    Some(Skipped::Silence) => {}
                    Some(Skipped::Voice) => {
                        self.frames_held_back += 1;
                        stay.next_sequence = stay.next_sequence.wrapping_add(1);
                    }
                }
            }
        }
        self.level_dbov = Some(capture.level_dbov());
        messages
    }

    /// The last frame is out, or there is none to come.
    fn be_silent(&mut self) {
        if self.closing == Closing::LastFrame {
            self.closing = Closing::Silent;
        }
        self.talk.end();
        self.level_dbov = None;
    }
}

impl Stay {
    fn new(stream: StreamId, now: Duration) -> Self {
        Self {
            stream,
            since: now,
            next_sequence: 0,
            next_timestamp: 0,
            timestamp_base: None,
            captured: CaptureClock::default(),
            next_mapping: now,
            next_news: now,
            unacknowledged: VecDeque::new(),
            is_held_back: false,
            last_probe: now,
            bitrate_lowered_until: Duration::ZERO,
        }
    }

    /// How long the oldest frame has been without an acknowledgement, beyond the shortest round trip.
    fn behind(&self, clock: &ServerClock, now: Duration) -> Duration {
        let oldest = self.unacknowledged.front().map_or(now, |(_, sent)| *sent);
        now.saturating_sub(oldest).saturating_sub(clock.rtt_min().unwrap_or_default())
    }

    fn bitrate_bps(&mut self, frame_samples: u32, clock: &ServerClock, now: Duration) -> i32 {
        if self.behind(clock, now) > FALLING_BEHIND {
            self.bitrate_lowered_until = now + LOWERED_FOR;
        }
        match frame_samples {
            _ if now < self.bitrate_lowered_until => BITRATE_LOWERED_BPS,
            ..VOICE_FRAME_SAMPLES_LONG => BITRATE_SHORT_FRAMES_BPS,
            _ => BITRATE_BPS,
        }
    }

    /// Whether the network still takes voice. While it does not, a probe may go now and then.
    fn may_send(&mut self, clock: &ServerClock, now: Duration) -> bool {
        self.is_held_back = self.behind(clock, now) > Duration::from_millis(VOICE_UNACKNOWLEDGED_MS_MAX + VOICE_ACK_MS);
        if !self.is_held_back {
            return true;
        }
        let probe = now >= self.last_probe + PROBE_EVERY;
        if probe {
            self.last_probe = now;
        }
        probe
    }

    /// The frame as a message, before it the clock mapping where one is due.
    fn messages(&mut self, frame: &EncodedFrame, is_last: bool, clock: &ServerClock, now: Duration) -> Vec<Vec<u8>> {
        let is_start = frame.flags & voice::TALKSPURT_START != 0;
        let base = *self.timestamp_base.get_or_insert_with(|| {
            let elapsed = now.saturating_sub(self.since).as_secs_f64() * f64::from(SAMPLE_RATE_HZ);
            self.next_timestamp.max(elapsed as u64).saturating_sub(frame.timestamp)
        });
        let timestamp = base + frame.timestamp;
        self.next_timestamp = timestamp + u64::from(frame.duration_samples);
        let mut messages = Vec::new();
        let is_news = now >= self.next_news && self.captured.has_news();
        if (is_start || is_news || now >= self.next_mapping)
            && let Some(server_ms) = self.captured.tell(frame.timestamp).and_then(|at| clock.server_ms(at))
        {
            self.next_mapping = now + Duration::from_millis(CLOCK_MAPPING_MS);
            self.next_news = now + NEWS_EVERY;
            let server_ms = server_ms.max(0.0) as u64;
            messages.push(wire::encode_client(&ClientFrame::ClockMapping { timestamp, server_ms }));
        }
        let header = voice::Header {
            sequence: Seq(self.next_sequence),
            timestamp,
            duration_samples: frame.duration_samples,
            level_dbov: frame.level_dbov,
            flags: frame.flags | if is_last { voice::TALKSPURT_END } else { 0 },
        };
        if self.unacknowledged.len() == UNACKNOWLEDGED_MAX {
            self.unacknowledged.pop_back();
        }
        self.unacknowledged.push_back((self.next_sequence, now));
        self.next_sequence = self.next_sequence.wrapping_add(1);
        messages.push(wire::encode_client_voice(&header, &frame.payload));
        messages
    }
}
