//! The engine: what a shell tells it, and what it wants done. Each concern has its own file; this one holds them
//! together and keeps the order of outputs.

use std::collections::VecDeque;
use std::time::Duration;

use dais_audio::MakeEncoder;
use dais_shared::ids::Token;
use dais_shared::limits::{HEARTBEAT_MS, VOICE_FRAME_SAMPLES_LONG, VOICE_REPORT_MS};
use dais_shared::wire::{self, ClientFrame, FromServer, Goodbye, ServerFrame};

use crate::command::{Command, MicrophoneFailure, TalkKey, Ticket};
use crate::event::{Event, Failure, LeftRoom, Output, Statistics};
use crate::listening::Listening;
use crate::publishing::Publishing;
use crate::requests::Requests;
use crate::room::RoomState;
use crate::server_clock::ServerClock;
use crate::session::Session;

/// How often the engine looks at levels and reports while it is in a room.
const TICK: Duration = Duration::from_millis(100);
const STATISTICS_EVERY: Duration = Duration::from_secs(1);
/// A device that claims to take longer than this is not believed.
const DEVICE_LATENCY_MAX: Duration = Duration::from_millis(500);

/// What an engine starts with.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the client calls itself, for the server's log.
    pub client: String,
    /// The secret of an identity given on an earlier visit.
    pub token: Option<Token>,
    /// Whether that secret is for this page alone.
    pub is_for_this_page: bool,
    /// Differs between clients: spreads their reconnections, and tells this page from another of the same person. Guards
    /// nothing.
    pub seed: u64,
    /// What codes this client's own voice.
    pub make_encoder: MakeEncoder,
}

/// A client of one server. See the crate's documentation for the contract.
pub struct Engine {
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) session: Session,
    pub(crate) requests: Requests,
    pub(crate) clock: ServerClock,
    pub(crate) room: RoomState,
    pub(crate) publishing: Publishing,
    pub(crate) listening: Listening,
    traffic: Traffic,
    is_talking_told: bool,
    next_tick: Duration,
    next_statistics: Duration,
    next_report: Duration,
}

/// Bytes of the running second.
#[derive(Debug, Default)]
struct Traffic {
    sent_bytes: u64,
    received_bytes: u64,
    since: Duration,
}

impl Engine {
    /// An engine that starts connecting at once.
    #[must_use]
    pub fn new(config: Config, now: Duration) -> Self {
        let publishing = Publishing::new(config.make_encoder);
        let mut engine = Self {
            outputs: VecDeque::new(),
            session: Session::new(config, now),
            requests: Requests::default(),
            clock: ServerClock::default(),
            room: RoomState::default(),
            publishing,
            listening: Listening::default(),
            traffic: Traffic { since: now, ..Traffic::default() },
            is_talking_told: false,
            next_tick: now,
            next_statistics: now + STATISTICS_EVERY,
            next_report: now,
        };
        engine.connect(now);
        engine
    }

    /// What the shell is to do next, in order. Ask until there is nothing, after every `handle_*`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Engine::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.session.deadline().map_or(self.session.is_online().then_some(self.next_tick), |deadline| {
            Some(if self.session.is_online() { deadline.min(self.next_tick) } else { deadline })
        })
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.session_timeout(now);
        if !self.session.is_online() || now < self.next_tick {
            return;
        }
        self.next_tick = now + TICK;
        self.settle_microphone(now);
        if let Some(levels) = self.listening.take_levels(&self.room, &self.publishing, now) {
            self.tell(Event::Levels(levels));
        }
        // The last voice before a silence.
        self.report(now);
        if now >= self.next_statistics {
            self.next_statistics = now + STATISTICS_EVERY;
            let statistics = self.statistics(now);
            self.tell(Event::Statistics(statistics));
        }
    }

    /// Reports the newest voice, if that is due: when voice arrives, so that what the report says is as new as can be.
    fn report(&mut self, now: Duration) {
        if now >= self.next_report
            && let Some(newest_ms) = self.listening.take_report()
        {
            self.next_report = now + Duration::from_millis(VOICE_REPORT_MS);
            self.send(&ClientFrame::VoiceReport { newest_ms });
        }
    }

    /// A person asks for something. [`Event::Answered`] with the same ticket follows, at once or later.
    pub fn handle_command(&mut self, ticket: Ticket, command: Command, now: Duration) {
        match command {
            Command::SetVolume { user, volume } => {
                for (stream, gain) in self.listening.set_volume(user, volume, &self.room) {
                    self.outputs.push_back(Output::SetGain { stream, gain });
                }
                self.silence_streams();
                self.answer(ticket, Ok(wire::Reply::Done));
            }
            Command::SetSpeaking(speaking) => {
                self.outputs.extend(self.publishing.set_speaking(speaking));
                self.tell_talking(now);
                self.answer(ticket, Ok(wire::Reply::Done));
            }
            Command::Talk(key) => {
                if key != TalkKey::Pressed || self.audible_stream().is_some() {
                    self.publishing.handle_key(key, now);
                }
                self.tell_talking(now);
                self.answer(ticket, Ok(wire::Reply::Done));
            }
            Command::BecomeAnother => {
                self.become_another(now);
                self.answer(ticket, Ok(wire::Reply::Done));
            }
            Command::Retry => {
                self.retry(now);
                self.answer(ticket, Ok(wire::Reply::Done));
            }
            command => self.ask(ticket, command),
        }
    }

    /// The socket that [`Output::Connect`] asked for is open.
    pub fn handle_socket_open(&mut self, now: Duration) {
        self.greet(now);
    }

    /// The socket is closed, or could not be opened. `code` is the WebSocket close code, where there was one.
    pub fn handle_socket_closed(&mut self, code: Option<u16>, now: Duration) {
        let goodbye = code.and_then(Goodbye::from_close_code);
        self.connection_lost(goodbye, now);
    }

    /// A binary message came, which may be several in one. One that cannot be read closes the connection: the server is not what it seems.
    pub fn handle_message(&mut self, message: &[u8], now: Duration) {
        self.traffic.received_bytes += message.len() as u64;
        self.heard_from_server(now);
        let Ok(messages) = wire::messages(message) else {
            return self.give_up_on_connection(Some(Goodbye::Malformed), now);
        };
        for message in messages {
            match wire::decode_server(message) {
                Ok(FromServer::Voice { origin, header, payload }) => {
                    if let Some(output) = self.listening.handle_voice(&origin, &header, payload, &self.room, now) {
                        self.outputs.push_back(output);
                    }
                }
                Ok(FromServer::Control(frame)) => self.handle_control(frame, now),
                Err(_) => return self.give_up_on_connection(Some(Goodbye::Malformed), now),
            }
        }
        self.report(now);
    }

    /// The microphone that [`Output::OpenMicrophone`] asked for is open, and gives samples at this rate.
    pub fn handle_microphone_open(&mut self, device_rate_hz: u32, now: Duration) {
        self.outputs.extend(self.publishing.handle_open(device_rate_hz));
        self.settle_microphone(now);
    }

    /// How long sound takes from the microphone to [`Engine::handle_samples`], as far as the device says.
    pub fn handle_microphone_latency(&mut self, latency: Duration) {
        self.publishing.device_latency = latency.min(DEVICE_LATENCY_MAX);
    }

    /// It could not be opened, or went away.
    pub fn handle_microphone_failed(&mut self, failure: MicrophoneFailure, now: Duration) {
        self.publishing.handle_failed(failure);
        self.settle_microphone(now);
    }

    /// Samples were lost between the microphone and here: what follows is no continuation.
    pub fn handle_samples_dropped(&mut self) {
        self.publishing.end_talkspurt();
    }

    /// Samples from the microphone: mono, at the device's rate, any number of them.
    pub fn handle_samples(&mut self, samples: &[f32], now: Duration) {
        let Some(stream) = self.audible_stream() else { return };
        let was_held_back = self.publishing.is_held_back();
        let others_talking = self.listening.others_talking(now);
        let view = self.room.view.as_ref();
        let frame_samples = view.map_or(VOICE_FRAME_SAMPLES_LONG, |view| view.voice_frame_samples(others_talking));
        let messages = self.publishing.encode(stream, samples, frame_samples, &self.clock, now);
        for message in messages {
            self.send_bytes(message);
        }
        if self.publishing.take_flush(now) {
            self.outputs.push_back(Output::FlushMicrophone);
        }
        if self.publishing.is_held_back() != was_held_back {
            self.tell(Event::VoiceHeldBack(!was_held_back));
        }
    }

    fn handle_control(&mut self, frame: ServerFrame, now: Duration) {
        match frame {
            ServerFrame::Welcome { identity, heartbeat_ms, .. } => self.handle_welcome(identity, heartbeat_ms, now),
            ServerFrame::Goodbye(goodbye) => self.give_up_on_connection(Some(goodbye), now),
            ServerFrame::Reply { id, revision, result } => self.handle_reply(id, revision, result, now),
            ServerFrame::Snapshot(view) => self.handle_snapshot(view, now),
            ServerFrame::Delta(delta) => self.handle_delta(&delta, now),
            ServerFrame::PutOut { room, reason, until_ms } => {
                self.handle_put_out(&room, LeftRoom::PutOut { reason, until_ms }, now);
            }
            ServerFrame::Rooms(page) => self.tell(Event::Rooms(page)),
            ServerFrame::Pong { nonce, server_ms } => self.clock.handle_pong(nonce, server_ms, now),
            ServerFrame::Ping { nonce } => self.send(&ClientFrame::Pong { nonce }),
            ServerFrame::VoiceAck { sequence } => self.publishing.handle_ack(sequence),
            ServerFrame::Clock { server_ms } => {
                self.listening.handle_clock(now);
                self.outputs.push_back(Output::PlayClock { server_ms });
            }
            ServerFrame::ClockMapping { stream, timestamp, server_ms } => {
                self.listening.handle_clock_mapping(stream, timestamp, server_ms);
            }
        }
    }

    /// Says whether a held key lets the voice out, where that has changed.
    pub(crate) fn tell_talking(&mut self, now: Duration) {
        let is_talking = self.publishing.is_talking(now);
        if core::mem::replace(&mut self.is_talking_told, is_talking) != is_talking {
            self.tell(Event::Talking(is_talking));
        }
    }

    /// The stream that this client may send as now, by the server's word.
    pub(crate) fn audible_stream(&self) -> Option<dais_shared::ids::StreamId> {
        if !self.session.is_online() {
            return None;
        }
        self.room.audible_stream()
    }

    pub(crate) fn send(&mut self, frame: &ClientFrame) {
        self.send_bytes(wire::encode_client(frame));
    }

    fn send_bytes(&mut self, message: Vec<u8>) {
        self.traffic.sent_bytes += message.len() as u64;
        self.outputs.push_back(Output::Send(message));
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(crate) fn answer(&mut self, ticket: Ticket, result: Result<wire::Reply, Failure>) {
        self.tell(Event::Answered { ticket, result });
    }

    fn statistics(&mut self, now: Duration) -> Statistics {
        let seconds = now.saturating_sub(self.traffic.since).as_secs_f64().max(0.001);
        let rate = |bytes: u64| (bytes as f64 * 8.0 / seconds) as u32;
        let (sent_bps, received_bps) = (rate(self.traffic.sent_bytes), rate(self.traffic.received_bytes));
        self.traffic = Traffic { since: now, ..Traffic::default() };
        Statistics {
            server_ms: self.clock.server_ms(now),
            rtt_ms: self.clock.rtt().map(|rtt| rtt.as_secs_f32() * 1000.0),
            sent_bps,
            received_bps,
            frames_sent: self.publishing.frames_sent,
            frames_held_back: self.publishing.frames_held_back,
            ..self.listening.statistics(&self.room, &self.clock)
        }
    }
}

/// How long a silent server is trusted after a ping.
pub(crate) const PING_EVERY: Duration = Duration::from_millis(HEARTBEAT_MS / 2);
