//! One open page: the real engine, with a microphone and a person in front of it. Knows no server and no network.

use std::collections::BTreeMap;
use std::time::Duration;

use dais_engine::audio::{CodecError, Encode};
use dais_engine::{Command, Config, Engine, Speaking, TalkKey, Ticket};
use dais_shared::ids::{RoomId, StreamId, Token, UserId};
use dais_shared::limits::VOICE_PAYLOAD_BYTES_MAX;
use dais_shared::view::View;

use crate::random::Random;

/// The simulation begins here, in Unix milliseconds; engines count from it.
pub(super) const BEGAN_MS: u64 = 1_700_000_000_000;

/// What the device gives at a time.
const SAMPLES: usize = 480;
const SAMPLES_MS: u64 = 10;
/// A page says so often that the key of push-to-talk is held.
const KEY_SAID_MS: u64 = 400;
/// A page's timers are as fine as this, so that those of many pages come together: half the work of a quiet room.
const TIMER_MS: u64 = 25;
/// Bytes of a coded frame: as many as speech takes.
const CODED_BYTES: usize = 60;

/// What an answer is awaited for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    Login,
    Create(RoomId),
    /// To be muted, or off the stage, or out of the room: from the click on nobody hears him.
    Silence,
    Unmute,
    /// That somebody else is muted or removed; since when.
    SilenceOther(StreamId, u64),
    Other,
}

/// See the module.
pub(super) struct Page {
    pub(super) person: usize,
    pub(super) engine: Engine,
    pub(super) random: Random,
    /// The connection that the engine holds.
    pub(super) line: Option<u64>,
    /// When the connection that it asked for stands, or fails.
    pub(super) connects_ms: Option<u64>,
    /// When the microphone that it asked for opens.
    pub(super) opens_ms: Option<u64>,
    pub(super) is_microphone_open: bool,
    pub(super) is_online: bool,
    pub(super) is_closed: bool,
    /// Nobody is there any more.
    pub(super) is_gone: bool,
    pub(super) user: Option<UserId>,
    pub(super) view: Option<View>,
    /// The connection was lost since the view came.
    pub(super) is_coming_back: bool,
    pub(super) asked: BTreeMap<Ticket, Asked>,
    next_ticket: u32,
    /// When the person does something next.
    pub(super) acts_ms: u64,
    pub(super) speaks_until_ms: u64,
    samples_ms: u64,
    key_said_ms: u64,
    pub(super) speaking: Speaking,
    /// Whether the last click on the microphone was to open it.
    pub(super) wants_open: bool,
    /// Voice frames sent since the person asked for silence.
    pub(super) frames_since_click: Option<u32>,
    /// Streams whose silencing was confirmed, and when it was asked for.
    pub(super) confirmed: Vec<(StreamId, u64)>,
    /// People whom this page plays at volume 0.
    pub(super) silenced: Vec<UserId>,
    pub(super) voice_heard: u64,
}

impl Page {
    pub(super) fn new(person: usize, token: Option<Token>, now_ms: u64, mut random: Random) -> Self {
        let config = Config {
            client: "simulation".into(),
            token,
            is_for_this_page: false,
            seed: random.next(),
            make_encoder: |_, _| Ok::<Box<dyn Encode>, CodecError>(Box::new(Mumble)),
        };
        Self {
            person,
            engine: Engine::new(config, since(now_ms)),
            acts_ms: now_ms + random.between(1, 1_000),
            random,
            line: None,
            connects_ms: None,
            opens_ms: None,
            is_microphone_open: false,
            is_online: false,
            is_closed: false,
            is_gone: false,
            user: None,
            view: None,
            is_coming_back: false,
            asked: BTreeMap::new(),
            next_ticket: 0,
            speaks_until_ms: 0,
            samples_ms: 0,
            key_said_ms: 0,
            speaking: Speaking::default(),
            wants_open: false,
            frames_since_click: None,
            confirmed: Vec::new(),
            silenced: Vec::new(),
            voice_heard: 0,
        }
    }

    /// When something is due here, without the network.
    pub(super) fn due_ms(&self) -> u64 {
        if self.is_gone {
            return u64::MAX;
        }
        let engine_ms = self.engine.poll_timeout().map_or(u64::MAX, |due| unix_ms(due).next_multiple_of(TIMER_MS));
        let due_ms = [self.connects_ms, self.opens_ms].into_iter().flatten().min().unwrap_or(u64::MAX);
        let samples_ms = if self.speaks_until_ms == 0 { u64::MAX } else { self.samples_ms };
        engine_ms.min(due_ms).min(samples_ms).min(self.acts_ms)
    }

    pub(super) fn ask(&mut self, command: Command, asked: Asked, now_ms: u64) {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.asked.insert(ticket, asked);
        self.engine.handle_command(ticket, command, since(now_ms));
    }

    /// The person begins to speak, for so long.
    pub(super) fn begin_to_speak(&mut self, for_ms: u64, now_ms: u64) {
        if self.speaks_until_ms == 0 {
            self.engine.handle_samples_dropped();
            self.samples_ms = now_ms;
            self.key_said_ms = now_ms;
            if self.speaking == Speaking::PushToTalk {
                self.ask(Command::Talk(TalkKey::Pressed), Asked::Other, now_ms);
            }
        }
        self.speaks_until_ms = now_ms + for_ms;
    }

    /// What the microphone gives by now.
    pub(super) fn speak(&mut self, now_ms: u64) {
        while self.speaks_until_ms > 0 && self.samples_ms <= now_ms {
            if self.samples_ms >= self.speaks_until_ms {
                self.speaks_until_ms = 0;
                if self.speaking == Speaking::PushToTalk {
                    self.ask(Command::Talk(TalkKey::Released), Asked::Other, now_ms);
                }
                return;
            }
            if self.speaking == Speaking::PushToTalk && now_ms >= self.key_said_ms + KEY_SAID_MS {
                self.key_said_ms = now_ms;
                self.ask(Command::Talk(TalkKey::StillHeld), Asked::Other, now_ms);
            }
            self.samples_ms += SAMPLES_MS;
            if self.is_microphone_open {
                self.engine.handle_samples(&tone(), since(now_ms));
            }
        }
    }
}

/// A tone that comes and goes, as loud as speech.
fn tone() -> [f32; SAMPLES] {
    let mut samples = [0.0; SAMPLES];
    for (place, sample) in samples.iter_mut().enumerate() {
        *sample = if place / 24 % 2 == 0 { 0.2 } else { -0.2 };
    }
    samples
}

/// What stands for Opus: nobody decodes it.
struct Mumble;

impl Encode for Mumble {
    fn look_ahead_samples(&self) -> u32 {
        312
    }

    fn set_bitrate(&mut self, _: i32) {}

    fn encode(&mut self, _: &[f32], payload: &mut [u8; VOICE_PAYLOAD_BYTES_MAX]) -> Option<usize> {
        payload[..CODED_BYTES].fill(0x55);
        Some(CODED_BYTES)
    }

    fn reset(&mut self) {}
}

/// The engine's time.
pub(super) fn since(now_ms: u64) -> Duration {
    Duration::from_millis(now_ms - BEGAN_MS)
}

/// And back, no earlier than it.
fn unix_ms(time: Duration) -> u64 {
    BEGAN_MS + u64::try_from(time.as_micros().div_ceil(1000)).expect("a short life")
}
