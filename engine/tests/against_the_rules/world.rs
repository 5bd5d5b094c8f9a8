//! A server of one room made of the real rules, in virtual time, without a socket.

use std::collections::VecDeque;
use std::time::Duration;

use dais_engine::audio::OpusEncoder;
use dais_engine::shared::ids::{AddressPrefix, MemberId, PageId, Revision, RoomId, Token, UserId};
use dais_engine::shared::names::Looks;
use dais_engine::shared::room::{Command as RoomCommand, Context, Denied, Input, Join, Mode, Pass, Room, Settings};
use dais_engine::shared::view::Publication;
use dais_engine::shared::voice;
use dais_engine::shared::wire::{self, ClientFrame, FromClient, Goodbye, Identity, Reply, Request, ServerFrame};
use dais_engine::{Command, Config, Engine, Event, Output, Ticket};

pub(crate) const TOKEN: Token = Token([7; 16]);
pub(crate) const USER: UserId = UserId(10);
pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const QUANTUM: [f32; 960] = [0.1; 960];

/// A server of one room, in which the engine's user and `MemberId(1)`, a host, sit.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) room: Room,
    pub(crate) publication: Publication,
    pub(crate) host: MemberId,
    pub(crate) seat: Option<MemberId>,
    pub(crate) now: Duration,
    pub(crate) is_connected: bool,
    /// Whether a socket that is wanted opens.
    pub(crate) comes_through: bool,
    pub(crate) acknowledges: bool,
    /// What every request is answered with.
    pub(crate) denies: Option<Denied>,
    pub(crate) to_client: VecDeque<Vec<u8>>,
    pub(crate) voice: Vec<(voice::Header, usize)>,
    /// Timestamps and the server's milliseconds at which they were captured, as the engine says.
    pub(crate) mappings: Vec<(u64, u64)>,
    pub(crate) requests: Vec<Request>,
    pub(crate) events: Vec<Event>,
    /// Times that the microphone's queue was to be thrown away.
    pub(crate) flushes: usize,
    pub(crate) outputs: Vec<Output>,
}

pub(crate) fn person(user: UserId, name: &str, microphone_open: bool) -> Join {
    Join {
        user,
        name: name.into(),
        looks: Looks::plain(name),
        address: AddressPrefix::V4([127, 0, 0, 1]),
        passcode: None,
        microphone_open,
        pass: Pass::NONE,
    }
}

pub(crate) fn join() -> Command {
    Command::JoinRoom { room: RoomId::parse("hall").expect("lawful"), passcode: None, take_over: false }
}

/// What the engine asks on coming back.
pub(crate) fn rejoin(microphone_open: bool) -> Request {
    let room = RoomId::parse("hall").expect("lawful");
    Request::JoinRoom { room, passcode: None, page: PageId(1), take_over: false, microphone_open }
}

impl World {
    pub(crate) fn new(token: Option<Token>) -> Self {
        let id = RoomId::parse("hall").expect("lawful");
        let mut room = Room::new(id, Settings::new("Hall".into(), Mode::Moderated), None, UserId(1));
        let host = Input::Join(person(UserId(1), "Hanna", false));
        for event in room.decide(&host, &Context::at(0)).expect("the founder may come in") {
            room.apply(&event);
        }
        let config = Config { client: "test".into(), token, is_for_this_page: false, seed: 1, make_encoder: OpusEncoder::boxed };
        let mut world = Self {
            engine: Engine::new(config, Duration::ZERO),
            publication: Publication::new(&room),
            host: MemberId(1),
            room,
            seat: None,
            now: Duration::ZERO,
            is_connected: false,
            comes_through: true,
            acknowledges: true,
            denies: None,
            to_client: VecDeque::new(),
            voice: Vec::new(),
            mappings: Vec::new(),
            requests: Vec::new(),
            events: Vec::new(),
            flushes: 0,
            outputs: Vec::new(),
        };
        world.settle();
        world
    }

    /// In the room, after login.
    pub(crate) fn inside() -> Self {
        let mut world = Self::new(None);
        world.command(Command::Login { name: "Leo".into() });
        world.command(join());
        assert!(world.seat.is_some());
        world
    }

    /// In the room and on stage, muted.
    pub(crate) fn on_stage() -> Self {
        let mut world = Self::inside();
        let seat = world.seat.expect("inside");
        world.command(Command::Room(RoomCommand::RaiseHand));
        world.moderate(RoomCommand::AdmitHand(seat));
        world
    }

    /// On stage with an open microphone.
    pub(crate) fn speaking() -> Self {
        let mut world = Self::on_stage();
        world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
        assert_eq!(world.take_outputs(), [Output::OpenMicrophone]);
        let now = world.now;
        world.engine.handle_microphone_open(48_000, now);
        world.settle();
        world
    }

    pub(crate) fn command(&mut self, command: Command) {
        let now = self.now;
        self.engine.handle_command(Ticket(1), command, now);
        self.settle();
    }

    pub(crate) fn moderate(&mut self, command: RoomCommand) {
        self.decide(&Input::Command(self.host, command)).expect("the host may");
        self.settle();
    }

    pub(crate) fn decide(&mut self, input: &Input) -> Result<(), Denied> {
        let context = Context::at(1000 + self.now.as_millis() as u64);
        for event in self.room.decide(input, &context)? {
            self.room.apply(&event);
            self.publication.record(&self.room, &event);
        }
        // As soon as each may leave.
        while let Some(due_ms) = self.publication.due_ms(&self.room) {
            let delta = self.publication.take(&self.room, due_ms);
            if let (Some(delta), Some(seat)) = (delta, self.seat) {
                self.say(&ServerFrame::Delta(delta.for_member(seat).clone()));
            }
        }
        Ok(())
    }

    pub(crate) fn say(&mut self, frame: &ServerFrame) {
        self.to_client.push_back(wire::encode_server(frame));
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        let until = self.now + by;
        while self.now < until {
            self.now += 20 * MS;
            if self.engine.poll_timeout().is_some_and(|due| due <= self.now) {
                self.engine.handle_timeout(self.now);
            }
            self.settle();
        }
    }

    pub(crate) fn speak(&mut self, frames: usize) {
        for _ in 0..frames {
            self.now += 20 * MS;
            let now = self.now;
            self.engine.handle_samples(&QUANTUM, now);
            self.settle();
        }
    }

    /// The microphone is open and hears nothing.
    pub(crate) fn is_silent(&mut self, frames: usize) {
        for _ in 0..frames {
            self.now += 20 * MS;
            let now = self.now;
            self.engine.handle_samples(&[0.0; QUANTUM.len()], now);
            self.settle();
        }
    }

    pub(crate) fn cut(&mut self, goodbye: Option<Goodbye>) {
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
    pub(crate) fn settle(&mut self) {
        loop {
            while let Some(output) = self.engine.poll_output() {
                self.perform(output);
            }
            let Some(message) = self.to_client.pop_front() else { return };
            let now = self.now;
            self.engine.handle_message(&message, now);
        }
    }

    pub(crate) fn perform(&mut self, output: Output) {
        match output {
            Output::Connect if !self.comes_through => {}
            Output::Connect => {
                self.is_connected = true;
                let now = self.now;
                self.engine.handle_socket_open(now);
            }
            Output::Send(message) if self.is_connected => self.serve(&message),
            Output::Send(_) => {} // Lost on the way.
            Output::Event(event) => self.events.push(event),
            Output::FlushMicrophone => self.flushes += 1,
            output => self.outputs.push(output),
        }
    }

    pub(crate) fn serve(&mut self, message: &[u8]) {
        match wire::decode_client(message).expect("the engine speaks the protocol") {
            FromClient::Control(ClientFrame::Hello { token, .. }) => {
                let identity = (token == Some(TOKEN)).then(|| Identity { user: USER, name: "Leo".into() });
                self.say(&ServerFrame::Welcome { version: 1, server_ms: 0, identity, heartbeat_ms: 5000 });
            }
            FromClient::Control(ClientFrame::Request { id, request }) => {
                self.requests.push(request.clone());
                let result = self.denies.map_or_else(|| self.answer(request), Err);
                self.say(&ServerFrame::Reply { id, revision: Revision(0), result });
            }
            FromClient::Control(ClientFrame::Ping { nonce }) => {
                let server_ms = 1000 + self.now.as_millis() as u64;
                self.say(&ServerFrame::Pong { nonce, server_ms });
            }
            FromClient::Control(ClientFrame::ClockMapping { timestamp, server_ms }) => self.mappings.push((timestamp, server_ms)),
            FromClient::Control(_) => {}
            FromClient::Voice { bytes, header } => {
                self.voice.push((header, bytes.len()));
                if self.acknowledges {
                    self.say(&ServerFrame::VoiceAck { sequence: header.sequence });
                }
            }
        }
    }

    pub(crate) fn answer(&mut self, request: Request) -> Result<Reply, Denied> {
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

    pub(crate) fn take_outputs(&mut self) -> Vec<Output> {
        self.outputs.drain(..).filter(|output| !matches!(output, Output::KeepToken { .. })).collect()
    }

    pub(crate) fn last_view(&self) -> &dais_engine::shared::view::View {
        let view = self.events.iter().rev().find_map(|event| match event {
            Event::Room { view, .. } => Some(view),
            _ => None,
        });
        view.expect("there was a room")
    }
}
