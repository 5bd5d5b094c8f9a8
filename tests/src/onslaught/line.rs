//! An honest member's connection: says what it should, and is never disturbed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use dais_shared::ids::{PageId, RequestId, Revision, RoomId, Seq};
use dais_shared::room::{Denied, Mode};
use dais_shared::view::View;
use dais_shared::voice::Header;
use dais_shared::wire::{
    ClientFrame, FromServer, PROTOCOL_VERSION, Reply, Request, ServerFrame, decode_server, encode_client, encode_client_voice,
    messages,
};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Shared;
use super::ear::Ear;
use crate::harness::PATIENCE;

pub(super) struct Line {
    socket: WebSocketStream<TcpStream>,
    ear: Ear,
    texts: BTreeSet<Vec<u8>>,
    answers: BTreeMap<RequestId, Result<Reply, Denied>>,
    /// The room's revision in the newest answer.
    answered_at: Revision,
    /// Heartbeats to be answered with the next message that is taken in.
    pings: Vec<u32>,
    next_request: u32,
    next_sequence: u32,
}

impl Line {
    /// The host of a new room.
    pub(super) async fn creates(address: SocketAddr, room: &RoomId, mode: Mode, shared: &Arc<Shared>) -> Self {
        let mut line = Self::connects(address, "Ada", shared).await;
        let (room, title) = (Some(room.clone()), "A hall".into());
        line.asks(Request::CreateRoom { room, title, mode, unlisted: false, passcode: None, page: PageId(1) }).await.unwrap();
        line
    }

    /// A listener.
    pub(super) async fn joins(address: SocketAddr, room: &RoomId, name: &str, shared: &Arc<Shared>) -> Self {
        let mut line = Self::connects(address, name, shared).await;
        let room = room.clone();
        let join = Request::JoinRoom { room, passcode: None, page: PageId(1), take_over: false, microphone_open: false };
        line.asks(join).await.unwrap();
        line
    }

    async fn connects(address: SocketAddr, name: &str, shared: &Arc<Shared>) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (socket, _) = timeout(PATIENCE, client_async(format!("ws://{address}/ws"), socket)).await.unwrap().unwrap();
        let mut line = Self {
            socket,
            ear: Ear::new(shared),
            texts: BTreeSet::new(),
            answers: BTreeMap::new(),
            answered_at: Revision(0),
            pings: Vec::new(),
            next_request: 0,
            next_sequence: 0,
        };
        line.sends(encode_client(&ClientFrame::Hello { version: PROTOCOL_VERSION, client: "honest".into(), token: None })).await;
        line.asks(Request::Login { name: name.into() }).await.unwrap();
        line
    }

    pub(super) fn view(&self) -> &View {
        self.ear.view().expect("it sits in a room")
    }

    pub(super) const fn frames_heard(&self) -> u64 {
        self.ear.frames_heard
    }

    /// Asks, and takes in all that comes before the answer.
    pub(super) async fn asks(&mut self, request: Request) -> Result<Reply, Denied> {
        self.next_request += 1;
        let id = RequestId(self.next_request);
        self.sends(encode_client(&ClientFrame::Request { id, request })).await;
        loop {
            if let Some(result) = self.answers.remove(&id) {
                return result;
            }
            self.takes_one().await;
        }
    }

    pub(super) async fn says(&mut self, text: &str) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let timestamp = u64::from(sequence) * 960;
        let header = Header { sequence: Seq(sequence), timestamp, duration_samples: 960, level_dbov: 30, flags: 0 };
        self.sends(encode_client_voice(&header, text.as_bytes())).await;
    }

    /// Takes in whatever comes until this text was heard.
    pub(super) async fn hears(&mut self, text: &str) {
        while !self.texts.contains(text.as_bytes()) {
            self.takes_one().await;
        }
    }

    /// Takes in whatever comes while the onslaught goes on.
    pub(super) async fn listens_until(&mut self, mut is_over: watch::Receiver<bool>) {
        while !*is_over.borrow() {
            tokio::select! {
                () = self.takes_one() => {}
                changed = is_over.changed() => changed.expect("the test goes on"),
            }
        }
    }

    /// Takes in one message. May be dropped and called again.
    pub(super) async fn takes_one(&mut self) {
        while let Some(nonce) = self.pings.pop() {
            self.sends(encode_client(&ClientFrame::Pong { nonce })).await;
        }
        match timeout(PATIENCE * 2, self.socket.next()).await.expect("the server sends something now and then") {
            Some(Ok(Message::Binary(bytes))) => self.takes(&bytes),
            other => panic!("an honest member's session was disturbed: {other:?}"),
        }
    }

    fn takes(&mut self, received: &[u8]) {
        for message in messages(received).unwrap() {
            self.takes_message(decode_server(message).unwrap());
        }
    }

    fn takes_message(&mut self, message: FromServer<'_>) {
        self.ear.takes(&message);
        match message {
            FromServer::Voice { payload, .. } if payload.starts_with(b"wave") => drop(self.texts.insert(payload.to_vec())),
            FromServer::Voice { .. } => {}
            FromServer::Control(ServerFrame::Reply { id, result, revision }) => {
                self.answers.insert(id, result);
                self.answered_at = revision;
            }
            FromServer::Control(ServerFrame::Ping { nonce }) => self.pings.push(nonce),
            FromServer::Control(ServerFrame::Goodbye(goodbye)) => panic!("an honest member was told {goodbye:?}"),
            FromServer::Control(ServerFrame::PutOut { .. }) => panic!("an honest member was put out"),
            FromServer::Control(_) => {}
        }
    }

    /// Takes in whatever comes until the view shows what was answered.
    pub(super) async fn catches_up(&mut self) {
        while self.view().revision < self.answered_at {
            self.takes_one().await;
        }
    }

    /// The room's revision in the newest answer.
    pub(super) const fn answered_at(&self) -> Revision {
        self.answered_at
    }

    async fn sends(&mut self, bytes: Vec<u8>) {
        let sent = self.socket.send(Message::Binary(bytes.into()));
        timeout(PATIENCE, sent).await.unwrap().expect("an honest member stays connected");
    }
}
