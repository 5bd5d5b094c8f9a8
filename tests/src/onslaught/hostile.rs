//! A hostile member: comes in, goes on stage, and sends whatever the protocol can carry and some of what it cannot, at
//! anybody, as fast as the socket takes it; then comes back for more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use dais_shared::ids::{InvitationId, MemberId, MessageId, PageId, RequestId, RoomId, Seq, StreamId, Token, UserId};
use dais_shared::room::{Command, Denied, MicrophoneState, Mode, Reaction, Setting};
use dais_shared::voice::Header;
use dais_shared::wire::{
    ClientFrame, FromServer, PROTOCOL_VERSION, Reply, Request, ServerFrame, decode_server, encode_client, encode_client_voice,
    messages,
};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::net::TcpSocket;
use tokio::time::timeout;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Shared;
use super::ear::Ear;
use super::random::Random;
use crate::harness::PATIENCE;

pub(super) struct Hostile {
    number: u64,
    /// How many identities it has gone through.
    lives: u64,
    room: RoomId,
    shared: Arc<Shared>,
    random: Random,
    token: Option<Token>,
    sequence: u32,
    next_request: u32,
}

/// What a session taught.
#[derive(Default)]
struct Learned {
    token: Option<Token>,
    is_kept_out: bool,
}

impl Hostile {
    pub(super) fn new(number: u64, seed: u64, room: &RoomId, shared: &Arc<Shared>) -> Self {
        let random = Random::new(seed.wrapping_add(number));
        let (room, shared) = (room.clone(), Arc::clone(shared));
        Self { number, lives: 0, room, shared, random, token: None, sequence: 0, next_request: 0 }
    }

    /// One connection's worth of it. Whoever was put out comes back as somebody else from somewhere else.
    pub(super) async fn rages(&mut self, server: SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        let [high, low, ..] = self.lives.to_be_bytes()[6..] else { unreachable!("eight bytes end with two") };
        let own = [127, u8::try_from(self.number).unwrap(), high, low.max(1)];
        socket.bind((own, 0).into()).unwrap();
        let socket = socket.connect(server).await.unwrap();
        let (socket, _) = timeout(PATIENCE, client_async(format!("ws://{server}/ws"), socket)).await.unwrap().unwrap();
        let (mut sink, stream) = socket.split();
        let listening = tokio::spawn(listens(stream, Arc::clone(&self.shared)));
        self.sends_all(&mut sink).await;
        let _ = sink.close().await; // the server may have been quicker
        let learned = listening.await.unwrap();
        self.token = learned.token.or(self.token);
        // Who comes and goes, opens and shuts all the time waits ever longer: whoever is hostile comes as somebody else then.
        if learned.is_kept_out || self.random.percent(20) {
            self.token = None;
            self.lives += 1;
        }
    }

    async fn sends_all(&mut self, sink: &mut (impl Sink<Message, Error = Error> + Unpin)) {
        let mut messages =
            vec![encode_client(&ClientFrame::Hello { version: PROTOCOL_VERSION, client: "hostile".into(), token: self.token })];
        if self.token.is_none() {
            messages.push(self.request(Request::Login { name: format!("Hostile {}", self.number) }));
        }
        let join = self.join();
        messages.push(self.request(join));
        for command in [Command::TakeSeat, Command::SetMicrophone { muted: false }] {
            messages.push(self.request(Request::Room(command)));
        }
        for _ in 0..100 + self.random.below(300) {
            messages.push(self.anything());
        }
        for message in messages {
            let sent = timeout(PATIENCE, sink.send(Message::Binary(message.into()))).await;
            if sent.expect("the server reads, or hangs up").is_err() {
                return;
            }
        }
    }

    fn request(&mut self, request: Request) -> Vec<u8> {
        self.next_request += 1;
        encode_client(&ClientFrame::Request { id: RequestId(self.next_request), request })
    }

    fn join(&mut self) -> Request {
        let (page, microphone_open) = (PageId(self.random.below(3)), self.random.percent(50));
        let passcode = self.random.percent(10).then(|| "guess".into());
        Request::JoinRoom { room: self.room.clone(), passcode, page, take_over: self.random.percent(90), microphone_open }
    }

    fn anything(&mut self) -> Vec<u8> {
        match self.random.below(1000) {
            0..550 => self.voice(),
            550..920 => {
                let command = self.command();
                self.request(Request::Room(command))
            }
            920..970 => {
                let request = self.other_request();
                self.request(request)
            }
            970..998 => encode_client(&self.signal()),
            _ => {
                let count = self.random.below(200);
                self.random.bytes(count)
            }
        }
    }

    fn voice(&mut self) -> Vec<u8> {
        self.sequence = match self.random.below(20) {
            0 => self.sequence,
            1 => self.sequence.wrapping_add(1 << self.random.below(32)),
            2 => self.sequence.saturating_sub(3),
            _ => self.sequence.wrapping_add(1),
        };
        let timestamp = if self.random.percent(95) { u64::from(self.sequence) * 960 } else { self.random.next() };
        let header = Header { sequence: Seq(self.sequence), timestamp, duration_samples: 960, level_dbov: 30, flags: 0 };
        let count = 1 + self.random.below(150);
        let payload = self.random.bytes(count);
        encode_client_voice(&header, &payload)
    }

    fn member(&mut self) -> MemberId {
        let number = if self.random.percent(95) { self.random.below(40) } else { self.random.next() };
        MemberId(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn number(&mut self) -> u32 {
        u32::try_from(self.random.below(60)).unwrap_or(u32::MAX)
    }

    fn text(&mut self) -> String {
        let count = self.random.below(40) * self.random.below(20);
        let bytes = self.random.bytes(count);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn command(&mut self) -> Command {
        let (member, flag) = (self.member(), self.random.percent(50));
        match self.random.below(40) {
            0..4 => Command::TakeSeat,
            4..10 => Command::SetMicrophone { muted: self.random.percent(12) },
            10 => Command::RaiseHand,
            11 => Command::LowerHand,
            12..14 => Command::RespondInvite { invitation: InvitationId(self.number()), accept: flag },
            14 => Command::LeaveStage,
            15 => Command::ReportMicrophone(MicrophoneState::Open),
            16 => Command::SendMessage(self.text()),
            17 => Command::React(Reaction::Heart),
            18 => Command::Invite(member),
            19 => Command::CancelInvite(member),
            20 => Command::AdmitHand(member),
            21 => Command::DeclineHand(member),
            22 => Command::LowerAllHands,
            23 => Command::MuteSpeaker(member),
            24 => Command::MuteAll,
            25 => Command::LiftMute(member),
            26 => Command::RemoveFromStage(member),
            27 => Command::Kick(member),
            28 => Command::Ban(member),
            29 => Command::BanDeparted(UserId(self.random.next())),
            30 => Command::Unban(UserId(self.random.next())),
            31 => Command::RemoveMessage(MessageId(self.number())),
            32 => Command::MakeCoHost(member),
            33 => Command::RemoveCoHost(member),
            34 => Command::HandOver(member),
            35 => Command::NameSuccessor(flag.then_some(member)),
            36 => Command::Set(Setting::Lock(flag)),
            37 => Command::Set(Setting::Title(self.text())),
            38 => Command::SetPasscode(flag.then(|| self.text())),
            _ => Command::EndRoom,
        }
    }

    fn other_request(&mut self) -> Request {
        match self.random.below(12) {
            0 => Request::ListMembers { after: Some(self.member()) },
            1 => Request::Resync,
            2 => Request::ListMessages { before: Some(MessageId(self.number())) },
            3 => Request::ListBanned,
            4 => Request::Silence { stream: StreamId(self.number()), silent: self.random.percent(50) },
            5 => Request::LeaveRoom,
            6 => self.join(),
            7 => Request::Login { name: self.text() },
            8 => Request::WatchRooms { watch: self.random.percent(50) },
            9 => Request::DescribeRoom { room: self.room.clone() },
            10 => Request::CreateRoom {
                room: self.random.percent(50).then(|| self.room.clone()),
                title: self.text(),
                mode: Mode::Open,
                unlisted: self.random.percent(50),
                passcode: None,
                page: PageId(1),
            },
            _ => Request::ListRooms { after: None },
        }
    }

    fn signal(&mut self) -> ClientFrame {
        let number = self.random.next();
        match self.random.below(4) {
            0 => ClientFrame::Ping { nonce: 7 },
            1 => ClientFrame::Pong { nonce: 7 },
            2 => ClientFrame::VoiceReport { newest_ms: number },
            _ => ClientFrame::ClockMapping { timestamp: number, server_ms: number },
        }
    }
}

/// Takes in all that comes, until the end. What a hostile member is sent obeys the rules too.
async fn listens(mut stream: impl Stream<Item = Result<Message, Error>> + Unpin, shared: Arc<Shared>) -> Learned {
    let (mut learned, mut ear) = (Learned::default(), Ear::new(&shared));
    while let Some(Ok(message)) = timeout(PATIENCE * 2, stream.next()).await.expect("the server sends something or hangs up") {
        let Message::Binary(bytes) = message else { break };
        for message in messages(&bytes).unwrap() {
            let message = decode_server(message).unwrap();
            ear.takes(&message);
            match message {
                FromServer::Control(ServerFrame::Reply { result, .. }) => {
                    shared.answered.fetch_add(1, Ordering::Relaxed);
                    match result {
                        Ok(Reply::LoggedIn { token: Some(token), .. }) => learned.token = Some(token),
                        Err(Denied::Kicked { .. }) => learned.is_kept_out = true,
                        _ => {}
                    }
                }
                FromServer::Control(ServerFrame::PutOut { .. }) => learned.is_kept_out = true,
                _ => {}
            }
        }
    }
    learned
}
