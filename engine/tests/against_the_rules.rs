//! The engine against the real rules: a room of `dais-shared` answers it, in virtual time, without a socket.

use std::collections::VecDeque;
use std::time::Duration;

use dais_engine::shared::ids::{AddressPrefix, MemberId, PageId, Revision, RoomId, Seq, StreamId, Token, UserId};
use dais_engine::shared::limits::AUDIENCE_BATCH_MS;
use dais_engine::shared::room::{
    Command as RoomCommand, Context, Denied, Input, Join, LeaveReason, MicrophoneState, Mode, Room, Settings,
};
use dais_engine::shared::view::Publication;
use dais_engine::shared::voice;
use dais_engine::shared::wire::{self, ClientFrame, FromClient, Goodbye, Identity, Reply, Request, ServerFrame};
use dais_engine::{Command, Config, ConnectionState, Engine, Event, Failure, LeftRoom, MicrophoneFailure, Output, Ticket};

const TOKEN: Token = Token([7; 16]);
const USER: UserId = UserId(10);
const MS: Duration = Duration::from_millis(1);
const QUANTUM: [f32; 960] = [0.1; 960];

/// A server of one room, in which the engine's user and `MemberId(1)`, a host, sit.
struct World {
    engine: Engine,
    room: Room,
    publication: Publication,
    host: MemberId,
    seat: Option<MemberId>,
    now: Duration,
    is_connected: bool,
    acknowledges: bool,
    to_client: VecDeque<Vec<u8>>,
    voice: Vec<(voice::Header, usize)>,
    requests: Vec<Request>,
    events: Vec<Event>,
    outputs: Vec<Output>,
}

fn person(user: UserId, name: &str, microphone_open: bool) -> Join {
    Join { user, name: name.into(), address: AddressPrefix::V4([127, 0, 0, 1]), passcode: None, microphone_open }
}

fn join() -> Command {
    Command::JoinRoom { room: RoomId::parse("hall").expect("lawful"), passcode: None, take_over: false }
}

/// What the engine asks on coming back.
fn rejoin(microphone_open: bool) -> Request {
    let room = RoomId::parse("hall").expect("lawful");
    Request::JoinRoom { room, passcode: None, page: PageId(1), take_over: false, microphone_open }
}

impl World {
    fn new(token: Option<Token>) -> Self {
        let id = RoomId::parse("hall").expect("lawful");
        let mut room = Room::new(id, Settings::new("Hall".into(), Mode::Moderated), None, UserId(1));
        let host = Input::Join(person(UserId(1), "Hanna", false));
        for event in room.decide(&host, &Context::at(0)).expect("the founder may come in") {
            room.apply(&event);
        }
        let mut world = Self {
            engine: Engine::new(Config { client: "test".into(), token, is_for_this_page: false, seed: 1 }, Duration::ZERO),
            publication: Publication::new(&room),
            host: MemberId(1),
            room,
            seat: None,
            now: Duration::ZERO,
            is_connected: false,
            acknowledges: true,
            to_client: VecDeque::new(),
            voice: Vec::new(),
            requests: Vec::new(),
            events: Vec::new(),
            outputs: Vec::new(),
        };
        world.settle();
        world
    }

    /// In the room, after login.
    fn inside() -> Self {
        let mut world = Self::new(None);
        world.command(Command::Login { name: "Leo".into() });
        world.command(join());
        assert!(world.seat.is_some());
        world
    }

    /// In the room and on stage, muted.
    fn on_stage() -> Self {
        let mut world = Self::inside();
        let seat = world.seat.expect("inside");
        world.command(Command::Room(RoomCommand::RaiseHand));
        world.moderate(RoomCommand::AdmitHand(seat));
        world
    }

    /// On stage with an open microphone.
    fn speaking() -> Self {
        let mut world = Self::on_stage();
        world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
        assert_eq!(world.take_outputs(), [Output::OpenMicrophone]);
        let now = world.now;
        world.engine.handle_microphone_open(48_000, now);
        world.settle();
        world
    }

    fn command(&mut self, command: Command) {
        let now = self.now;
        self.engine.handle_command(Ticket(1), command, now);
        self.settle();
    }

    fn moderate(&mut self, command: RoomCommand) {
        self.decide(&Input::Command(self.host, command)).expect("the host may");
        self.settle();
    }

    fn decide(&mut self, input: &Input) -> Result<(), Denied> {
        let context = Context::at(1000 + self.now.as_millis() as u64);
        for event in self.room.decide(input, &context)? {
            self.room.apply(&event);
            self.publication.record(&self.room, &event);
        }
        if let Some(delta) = self.publication.take(&self.room, context.now_ms + AUDIENCE_BATCH_MS)
            && let Some(seat) = self.seat
        {
            self.say(&ServerFrame::Delta(delta.for_member(seat).clone()));
        }
        Ok(())
    }

    fn say(&mut self, frame: &ServerFrame) {
        self.to_client.push_back(wire::encode_server(frame));
    }

    fn advance(&mut self, by: Duration) {
        let until = self.now + by;
        while self.now < until {
            self.now += 20 * MS;
            if self.engine.poll_timeout().is_some_and(|due| due <= self.now) {
                self.engine.handle_timeout(self.now);
            }
            self.settle();
        }
    }

    fn speak(&mut self, frames: usize) {
        for _ in 0..frames {
            self.now += 20 * MS;
            let now = self.now;
            self.engine.handle_samples(&QUANTUM, now);
            self.settle();
        }
    }

    fn cut(&mut self, goodbye: Option<Goodbye>) {
        self.is_connected = false;
        if let Some(seat) = self.seat.take() {
            self.decide(&Input::ConnectionLost(seat)).expect("a loss is no question");
        }
        self.to_client.clear();
        let now = self.now;
        self.engine.handle_socket_closed(goodbye.map(Goodbye::close_code), now);
        self.settle();
    }

    /// Lets engine and server talk until both have nothing to say.
    fn settle(&mut self) {
        loop {
            while let Some(output) = self.engine.poll_output() {
                self.perform(output);
            }
            let Some(message) = self.to_client.pop_front() else { return };
            let now = self.now;
            self.engine.handle_message(&message, now);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Connect => {
                self.is_connected = true;
                let now = self.now;
                self.engine.handle_socket_open(now);
            }
            Output::Send(message) if self.is_connected => self.serve(&message),
            Output::Send(_) => {} // Lost on the way.
            Output::Event(event) => self.events.push(event),
            output => self.outputs.push(output),
        }
    }

    fn serve(&mut self, message: &[u8]) {
        match wire::decode_client(message).expect("the engine speaks the protocol") {
            FromClient::Control(ClientFrame::Hello { token, .. }) => {
                let identity = (token == Some(TOKEN)).then(|| Identity { user: USER, name: "Leo".into() });
                self.say(&ServerFrame::Welcome { version: 1, server_ms: 0, identity, heartbeat_ms: 5000 });
            }
            FromClient::Control(ClientFrame::Request { id, request }) => {
                self.requests.push(request.clone());
                let result = self.answer(request);
                self.say(&ServerFrame::Reply { id, revision: Revision(0), result });
            }
            FromClient::Control(ClientFrame::Ping { nonce }) => {
                let server_ms = 1000 + self.now.as_millis() as u64;
                self.say(&ServerFrame::Pong { nonce, server_ms });
            }
            FromClient::Control(_) => {}
            FromClient::Voice { bytes, header } => {
                self.voice.push((header, bytes.len()));
                if self.acknowledges {
                    self.say(&ServerFrame::VoiceAck { sequence: header.sequence });
                }
            }
        }
    }

    fn answer(&mut self, request: Request) -> Result<Reply, Denied> {
        match request {
            Request::Login { name } => Ok(Reply::LoggedIn { identity: Identity { user: USER, name }, token: Some(TOKEN) }),
            Request::JoinRoom { room, microphone_open, .. } => {
                self.decide(&Input::Join(person(USER, "Leo", microphone_open)))?;
                let member = self.room.seat_of(USER).expect("just joined");
                self.seat = Some(member);
                let view = self.room.view_for(member).expect("just joined");
                self.say(&ServerFrame::Snapshot(view));
                Ok(Reply::Joined { room, member })
            }
            Request::LeaveRoom => {
                let seat = self.seat.take().expect("inside");
                self.decide(&Input::Leave(seat))?;
                Ok(Reply::Done)
            }
            Request::Room(command) => {
                let seat = self.seat.expect("inside");
                self.decide(&Input::Command(seat, command))?;
                Ok(Reply::Done)
            }
            Request::Resync => {
                let view = self.seat.and_then(|seat| self.room.view_for(seat)).expect("inside");
                self.say(&ServerFrame::Snapshot(view));
                Ok(Reply::Done)
            }
            _ => Ok(Reply::Done),
        }
    }

    fn take_outputs(&mut self) -> Vec<Output> {
        self.outputs.drain(..).filter(|output| !matches!(output, Output::KeepToken { .. })).collect()
    }

    fn last_view(&self) -> &dais_engine::shared::view::View {
        let view = self.events.iter().rev().find_map(|event| match event {
            Event::Room { view, .. } => Some(view),
            _ => None,
        });
        view.expect("there was a room")
    }
}

#[test]
fn the_view_is_what_the_server_says() {
    let world = World::on_stage();
    let seat = world.seat.expect("inside");
    assert_eq!(Some(world.last_view()), world.room.view_for(seat).as_ref());
}

#[test]
fn the_microphone_opens_on_the_servers_event_and_not_on_the_click() {
    let mut world = World::on_stage();
    assert_eq!(world.take_outputs(), [], "arriving on stage opens nothing");
    world.is_connected = false; // The click's request is lost on the way.
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    assert_eq!(world.take_outputs(), []);
    world.is_connected = true;
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    assert_eq!(world.take_outputs(), [Output::OpenMicrophone]);
}

#[test]
fn voice_carries_sequence_timestamp_and_the_talkspurts_ends() {
    let mut world = World::speaking();
    world.speak(50);
    let headers: Vec<_> = world.voice.iter().map(|(header, _)| *header).collect();
    assert!(headers.len() >= 48, "{} frames", headers.len());
    assert_eq!(headers[0].flags, voice::TALKSPURT_START);
    for pair in headers.windows(2) {
        assert_eq!(pair[1].sequence.0, pair[0].sequence.0 + 1);
        assert_eq!(pair[1].timestamp, pair[0].timestamp + 960);
        assert_eq!(pair[1].flags, 0);
    }
    world.is_connected = false; // The mute itself does not get through: silence does not depend on it.
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.is_connected = true;
    let before = world.voice.len();
    world.speak(10);
    assert_eq!(world.voice.len(), before + 1, "one last frame");
    assert_eq!(world.voice[before].0.flags, voice::TALKSPURT_END);
}

#[test]
fn a_pause_is_a_gap_in_timestamps_and_none_in_sequence() {
    let mut world = World::speaking();
    world.speak(10);
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.advance(2000 * MS);
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    let before = world.voice.last().expect("spoke").0;
    world.speak(10);
    let first = world.voice.iter().map(|(header, _)| header).find(|header| header.sequence > before.sequence).expect("spoke");
    assert_eq!(first.sequence, Seq(before.sequence.0 + 1));
    assert_eq!(first.flags, voice::TALKSPURT_START);
    let gap_ms = (first.timestamp - before.timestamp) / 48;
    assert!((1900..2200).contains(&gap_ms), "{gap_ms} ms");
}

#[test]
fn a_host_mute_releases_the_device_at_once_and_lifting_it_opens_nothing() {
    let mut world = World::speaking();
    let seat = world.seat.expect("inside");
    world.moderate(RoomCommand::MuteSpeaker(seat));
    assert_eq!(world.take_outputs(), [Output::CloseMicrophone]);
    let sent = world.voice.len();
    world.speak(10);
    assert_eq!(world.voice.len(), sent);
    world.moderate(RoomCommand::LiftMute(seat));
    world.advance(1000 * MS);
    assert_eq!(world.take_outputs(), []);
}

#[test]
fn leaving_the_stage_releases_the_device() {
    let mut world = World::speaking();
    world.command(Command::Room(RoomCommand::LeaveStage));
    assert_eq!(world.take_outputs(), [Output::CloseMicrophone]);
}

#[test]
fn a_self_mute_keeps_the_device_for_a_minute() {
    let mut world = World::speaking();
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.advance(59_000 * MS);
    assert_eq!(world.take_outputs(), []);
    world.advance(2_000 * MS);
    assert_eq!(world.take_outputs(), [Output::CloseMicrophone]);
}

#[test]
fn a_microphone_that_cannot_be_opened_is_reported_and_tried_again_on_unmuting() {
    let mut world = World::on_stage();
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    let now = world.now;
    world.engine.handle_microphone_failed(MicrophoneFailure::Refused, now);
    world.settle();
    let seat = world.seat.expect("inside");
    let reported = world.room.seat(seat).and_then(|seat| seat.stage.as_ref()).map(|stage| stage.microphone);
    assert_eq!(reported, Some(MicrophoneState::Refused));
    world.take_outputs();
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    assert_eq!(world.take_outputs(), [Output::OpenMicrophone]);
}

#[test]
fn voice_that_is_not_acknowledged_is_held_back_and_probed() {
    let mut world = World::speaking();
    world.speak(10);
    world.acknowledges = false;
    let before = world.voice.len();
    world.speak(100);
    let sent = world.voice.len() - before;
    assert!((15..45).contains(&sent), "300 ms of frames, then five probes a second: {sent}");
    assert!(world.events.contains(&Event::VoiceHeldBack(true)));
    world.acknowledges = true;
    world.speak(30);
    let before = world.voice.len();
    world.speak(20);
    assert_eq!(world.voice.len() - before, 20, "free again");
    assert!(world.events.contains(&Event::VoiceHeldBack(false)));
}

#[test]
fn a_lost_connection_comes_back_into_the_seat_with_an_open_microphone_only_if_it_was_open() {
    let mut world = World::speaking();
    let seat = world.seat;
    world.cut(None);
    assert!(matches!(world.events.last(), Some(Event::Connection(ConnectionState::Reconnecting { .. }))));
    world.advance(1100 * MS);
    assert_eq!(world.seat, seat);
    assert!(world.requests.contains(&rejoin(true)));
    let sent = world.voice.len();
    world.speak(10);
    assert!(world.voice.len() > sent, "speaks on");
}

#[test]
fn a_mute_that_never_reached_the_server_still_holds_after_coming_back() {
    let mut world = World::speaking();
    world.is_connected = false;
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.cut(None);
    world.advance(1100 * MS);
    assert!(world.last_view().my_stage().expect("still on stage").self_muted);
    let sent = world.voice.len();
    world.speak(10);
    assert_eq!(world.voice.len(), sent);
}

#[test]
fn a_fresh_page_comes_back_muted() {
    let speaking = World::speaking();
    let room = speaking.room;
    let mut fresh = World::new(Some(TOKEN));
    fresh.publication = Publication::new(&room);
    fresh.room = room;
    fresh.command(join());
    let me = fresh.last_view().my_stage().expect("still on stage");
    assert!(me.self_muted);
    assert_eq!(fresh.take_outputs(), []);
}

#[test]
fn superseded_does_not_come_back() {
    let mut world = World::inside();
    world.cut(Some(Goodbye::Superseded));
    world.requests.clear();
    world.advance(30_000 * MS);
    assert!(!world.is_connected);
    assert_eq!(world.events.last(), Some(&Event::Connection(ConnectionState::Closed(Goodbye::Superseded))));
    world.command(Command::LeaveRoom);
    assert!(world.events.contains(&Event::Answered { ticket: Ticket(1), result: Err(Failure::Offline) }));
}

#[test]
fn a_gap_asks_once_for_a_snapshot() {
    let mut world = World::inside();
    let view = world.last_view().clone();
    let far = Revision(view.revision.0 + 5);
    let delta = |from| ServerFrame::Delta(dais_engine::shared::view::Delta { from, to: far, changes: vec![] });
    world.say(&delta(far));
    world.say(&delta(far));
    world.requests.clear();
    world.settle();
    assert_eq!(world.requests, [Request::Resync]);
}

#[test]
fn silence_from_the_server_ends_the_connection() {
    let mut world = World::inside();
    world.is_connected = false; // Pings go nowhere.
    world.advance(16_000 * MS);
    assert!(world.outputs.contains(&Output::Disconnect));
    assert!(world.events.iter().any(|event| matches!(event, Event::Connection(ConnectionState::Stalled))));
}

#[test]
fn the_rooms_end_is_told_and_nothing_is_asked_of_it_again() {
    let mut world = World::inside();
    world.moderate(RoomCommand::EndRoom);
    assert!(matches!(world.events.last(), Some(Event::LeftRoom(LeftRoom::Ended(_)))));
}

#[test]
fn a_silenced_person_is_not_played() {
    let mut world = World::inside();
    let stream = StreamId(1);
    let header = voice::Header { sequence: Seq(0), timestamp: 312, duration_samples: 960, level_dbov: 30, flags: 1 };
    let bytes = wire::encode_client_voice(&header, &[1, 2, 3]);
    let message = wire::encode_server_voice(&voice::Origin { stream, arrived_ms: 1 }, &bytes[1..]);
    let now = world.now;
    world.engine.handle_message(&message, now);
    world.settle();
    assert!(matches!(world.take_outputs()[..], [Output::Play { .. }]));
    world.command(Command::SetVolume { user: UserId(1), volume: 0.0 });
    assert_eq!(world.take_outputs(), [Output::SetGain { stream, gain: 0.0 }]);
    world.engine.handle_message(&message, now);
    world.settle();
    assert_eq!(world.take_outputs(), []);
}

#[test]
fn the_server_is_asked_not_to_send_what_is_not_played_and_again_after_coming_back() {
    let mut world = World::inside();
    let silence = |silent| Request::Silence { stream: StreamId(1), silent };
    world.requests.clear();
    world.command(Command::SetVolume { user: UserId(1), volume: 0.0 });
    world.command(Command::SetVolume { user: UserId(1), volume: 0.0 });
    assert_eq!(world.requests, [silence(true)]);
    world.cut(None);
    world.requests.clear();
    world.advance(1100 * MS);
    assert_eq!(world.requests, [rejoin(false), silence(true)]);
    world.command(Command::SetVolume { user: UserId(1), volume: 0.5 });
    assert_eq!(world.requests.last(), Some(&silence(false)));
}

#[test]
fn whoever_is_put_out_is_told_and_asks_for_nothing_more() {
    let mut world = World::speaking();
    let seat = world.seat.take().expect("inside");
    world.say(&ServerFrame::PutOut {
        room: RoomId::parse("hall").expect("lawful"),
        reason: LeaveReason::Kicked,
        until_ms: Some(61_000),
    });
    world.moderate(RoomCommand::Kick(seat));
    let put_out = LeftRoom::PutOut { reason: LeaveReason::Kicked, until_ms: Some(61_000) };
    assert_eq!(world.events.last(), Some(&Event::LeftRoom(put_out)));
    assert!(world.outputs.contains(&Output::CloseMicrophone));
    world.requests.clear();
    world.cut(None);
    world.advance(1100 * MS);
    assert!(!world.requests.iter().any(|request| matches!(request, Request::JoinRoom { .. })));
}

#[test]
fn becoming_another_person_forgets_who_one_was_on_this_page_alone() {
    let mut world = World::inside();
    world.outputs.clear();
    world.command(Command::BecomeAnother);
    assert!(world.events.contains(&Event::Identity(None)));
    assert!(world.outputs.contains(&Output::Disconnect));
    assert!(!world.outputs.iter().any(|output| matches!(output, Output::KeepToken { .. })), "other pages keep theirs");
    world.command(Command::Login { name: "Another".into() });
    let kept = Output::KeepToken { token: Some(TOKEN), is_for_this_page: true };
    assert!(world.outputs.contains(&kept), "{:?}", world.outputs);
}

#[test]
fn nonsense_from_the_server_ends_the_connection_for_good() {
    let mut world = World::inside();
    world.to_client.push_back(vec![9, 9, 9]);
    world.settle();
    assert!(world.outputs.contains(&Output::Disconnect));
    assert_eq!(world.events.last(), Some(&Event::Connection(ConnectionState::Closed(Goodbye::Malformed))));
}
