//! One person with a connection: says what the protocol lets one say, and keeps what comes back.

use dais_shared::ids::{MemberId, PageId, RequestId, Revision, RoomId, Seq, StreamId, Token};
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, LeaveReason, Mode};
use dais_shared::view::{Change, Person, View};
use dais_shared::voice::Header;
use dais_shared::wire::{
    ClientFrame, FromServer, Goodbye, Identity, KIND_BUNDLE, PROTOCOL_VERSION, Reply, Request, RoomsPage, ServerFrame,
    decode_server, encode_client, encode_client_voice, messages,
};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async};

use super::{PATIENCE, Way};

/// How the server ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) goodbye: Option<Goodbye>,
    pub(crate) close_code: Option<u16>,
}

/// A voice frame as it reached somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) stream: StreamId,
    pub(crate) arrived_ms: u64,
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct TestMember {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    way: Way,
    page: PageId,
    pub(crate) welcome: Option<ServerFrame>,
    pub(crate) identity: Option<Identity>,
    pub(crate) token: Option<Token>,
    pub(crate) member: Option<MemberId>,
    pub(crate) view: Option<View>,
    /// Every voice frame, in the order of arrival.
    pub(crate) heard: Vec<Heard>,
    /// How many messages were several in one.
    pub(crate) bundles: usize,
    /// Every change, in the order of arrival.
    pub(crate) changes: Vec<Change>,
    /// Every other control frame that answers no request.
    pub(crate) told: Vec<ServerFrame>,
    /// Every byte of control that has come, as it came: for looking for what should not be there.
    pub(crate) control: Vec<Vec<u8>>,
    /// Why a moderator put this person out, and until when.
    pub(crate) put_out: Option<(LeaveReason, Option<u64>)>,
    /// The revision of the newest reply.
    pub(crate) replied_at: Revision,
    /// How many heartbeats of the server have come.
    pub(crate) pings: u32,
    answers_pings: bool,
    end: Option<End>,
    next_request: u32,
    next_sequence: u32,
}

impl TestMember {
    pub(crate) async fn connect(way: impl Into<Way>, token: Option<Token>) -> Self {
        Self::connect_silently(way).await.says_hello(token).await
    }

    /// From another address of this machine.
    pub(crate) async fn connect_from(from: [u8; 4], way: impl Into<Way>) -> Self {
        let (socket, way) = (TcpSocket::new_v4().unwrap(), way.into());
        socket.bind((from, 0).into()).unwrap();
        let socket = socket.connect(way.address).await.unwrap();
        Self::over(socket, way, &[]).await.says_hello(None).await
    }

    /// As a reverse proxy on this machine would, for somebody at that address.
    pub(crate) async fn connect_for(client: &str, way: impl Into<Way>) -> Self {
        let way = way.into();
        let socket = TcpStream::connect(way.address).await.unwrap();
        Self::over(socket, way, &[("x-forwarded-for", client)]).await.says_hello(None).await
    }

    /// With this header line beside the handshake's.
    pub(crate) async fn connect_with(header: (&'static str, &str), way: impl Into<Way>, token: Option<Token>) -> Self {
        let way = way.into();
        Self::over(TcpStream::connect(way.address).await.unwrap(), way, &[header]).await.says_hello(token).await
    }

    /// With a socket that holds little, so that not reading is felt soon.
    pub(crate) async fn connect_with_receive_buffer(way: impl Into<Way>, bytes: u32) -> Self {
        let (socket, way) = (TcpSocket::new_v4().unwrap(), way.into());
        socket.set_recv_buffer_size(bytes).unwrap();
        let socket = socket.connect(way.address).await.unwrap();
        Self::over(socket, way, &[]).await.says_hello(None).await
    }

    /// Without the hello.
    pub(crate) async fn connect_silently(way: impl Into<Way>) -> Self {
        let way = way.into();
        Self::over(TcpStream::connect(way.address).await.unwrap(), way, &[]).await
    }

    async fn says_hello(mut self, token: Option<Token>) -> Self {
        self.token = token;
        self.sends(&ClientFrame::Hello { version: PROTOCOL_VERSION, client: "dais-tests".into(), token }).await;
        self.until("welcome", |member| member.welcome.is_some()).await;
        self
    }

    async fn over(socket: TcpStream, way: Way, headers: &[(&'static str, &str)]) -> Self {
        let socket = timeout(PATIENCE, way.over(socket)).await.unwrap().unwrap();
        let mut request = format!("ws://{}/ws", way.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let handshake = client_async(request, socket);
        let (socket, _) = timeout(PATIENCE, handshake).await.unwrap().unwrap();
        Self {
            socket,
            way,
            page: new_page(),
            welcome: None,
            identity: None,
            token: None,
            member: None,
            view: None,
            heard: Vec::new(),
            bundles: 0,
            changes: Vec::new(),
            told: Vec::new(),
            control: Vec::new(),
            put_out: None,
            replied_at: Revision(0),
            pings: 0,
            answers_pings: true,
            end: None,
            next_request: 1,
            next_sequence: 0,
        }
    }

    /// The same person on a new connection; the old one is cut without a word.
    pub(crate) async fn reconnects(self) -> Self {
        let Self { way, token, socket, page, .. } = self;
        drop(socket);
        Self { page, ..Self::connect(way, token).await }
    }

    /// The same person on a second connection; the first stays.
    pub(crate) async fn second_page(&self) -> Self {
        Self::connect(self.way.clone(), self.token).await
    }

    /// Answers no heartbeat from now on.
    pub(crate) fn falls_silent(&mut self) {
        self.answers_pings = false;
    }

    // What a person does.

    pub(crate) async fn logs_in(&mut self, name: &str) -> Result<Identity, Denied> {
        match self.asks(Request::Login { name: name.into() }).await? {
            Reply::LoggedIn { identity, token } => {
                self.identity = Some(identity.clone());
                self.token = token.or(self.token);
                Ok(identity)
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn creates(&mut self, room: &str, mode: Mode) -> Result<RoomId, Denied> {
        let room = Some(RoomId::parse(room).unwrap());
        self.creates_as(Request::CreateRoom {
            room,
            title: "A hall".into(),
            mode,
            unlisted: false,
            passcode: None,
            page: self.page,
        })
        .await
    }

    pub(crate) async fn creates_as(&mut self, request: Request) -> Result<RoomId, Denied> {
        self.comes_in(request).await
    }

    /// An unlisted room, or one with a passcode.
    pub(crate) async fn creates_hidden(&mut self, unlisted: bool, passcode: Option<&str>) -> Result<RoomId, Denied> {
        let room = (!unlisted).then(|| RoomId::parse("hall").unwrap());
        let passcode = passcode.map(Into::into);
        let (title, mode) = ("Behind a door".into(), Mode::Moderated);
        self.comes_in(Request::CreateRoom { room, title, mode, unlisted, passcode, page: self.page }).await
    }

    pub(crate) async fn creates_unnamed(&mut self) -> Result<RoomId, Denied> {
        let (title, mode) = ("Any".into(), Mode::Moderated);
        let request = Request::CreateRoom { room: None, title, mode, unlisted: false, passcode: None, page: self.page };
        self.comes_in(request).await
    }

    pub(crate) async fn joins(&mut self, room: &str) -> Result<RoomId, Denied> {
        self.rejoins(room, false).await
    }

    pub(crate) async fn rejoins(&mut self, room: &str, microphone_open: bool) -> Result<RoomId, Denied> {
        self.comes_in(self.joining(room, None, false, microphone_open)).await
    }

    pub(crate) async fn joins_with(&mut self, room: &str, passcode: &str) -> Result<RoomId, Denied> {
        self.comes_in(self.joining(room, Some(passcode), false, false)).await
    }

    /// Takes the seat over from another page.
    pub(crate) async fn takes_over(&mut self, room: &str) -> Result<RoomId, Denied> {
        self.comes_in(self.joining(room, None, true, false)).await
    }

    fn joining(&self, room: &str, passcode: Option<&str>, take_over: bool, microphone_open: bool) -> Request {
        let (room, passcode) = (RoomId::parse(room).unwrap(), passcode.map(Into::into));
        Request::JoinRoom { room, passcode, page: self.page, take_over, microphone_open }
    }

    async fn comes_in(&mut self, request: Request) -> Result<RoomId, Denied> {
        match self.asks(request).await? {
            Reply::Joined { room, member } => {
                assert_eq!(self.view.as_ref().map(|view| view.me), Some(member), "a snapshot comes before the reply");
                self.member = Some(member);
                Ok(room)
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn leaves(&mut self) -> Result<Reply, Denied> {
        self.asks(Request::LeaveRoom).await
    }

    pub(crate) async fn lists_rooms(&mut self, after: Option<&str>) -> RoomsPage {
        let after = after.map(|id| RoomId::parse(id).unwrap());
        match self.asks(Request::ListRooms { after }).await {
            Ok(Reply::Rooms(page)) => page,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn raises_hand(&mut self) -> Result<Reply, Denied> {
        self.commands(Command::RaiseHand).await
    }

    pub(crate) async fn admits(&mut self, other: &Self) -> Result<Reply, Denied> {
        self.commands(Command::AdmitHand(other.id())).await
    }

    pub(crate) async fn mutes(&mut self) -> Result<Reply, Denied> {
        self.commands(Command::SetMicrophone { muted: true }).await
    }

    pub(crate) async fn unmutes(&mut self) -> Result<Reply, Denied> {
        self.commands(Command::SetMicrophone { muted: false }).await
    }

    /// A command that was carried out has been seen, too, when this returns: what a crowded room shows may leave after the
    /// answer.
    pub(crate) async fn commands(&mut self, command: Command) -> Result<Reply, Denied> {
        let reply = self.asks(Request::Room(command)).await?;
        let revision = self.replied_at;
        let has_seen = |member: &Self| member.view.as_ref().is_none_or(|view| view.revision >= revision);
        self.until("the change", |member| has_seen(member) || member.put_out.is_some() || member.end.is_some()).await;
        Ok(reply)
    }

    /// Sends a voice frame whose payload is the text: nobody on the way looks into it.
    pub(crate) async fn says(&mut self, text: &str) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.says_as(sequence, text).await;
    }

    pub(crate) async fn says_as(&mut self, sequence: u32, text: &str) {
        self.says_from(sequence, u64::from(sequence) * 960, text).await;
    }

    /// As something captured at this timestamp.
    pub(crate) async fn says_from(&mut self, sequence: u32, timestamp: u64, text: &str) {
        let header = Header { sequence: Seq(sequence), timestamp, duration_samples: 960, level_dbov: 30, flags: 0 };
        self.sends_bytes(encode_client_voice(&header, text.as_bytes())).await;
    }

    /// Everything sent so far has gone through the room when this returns.
    pub(crate) async fn has_been_processed(&mut self) {
        match self.asks(Request::ListMembers { after: None }).await {
            Ok(Reply::Members { .. }) => {}
            other => panic!("{other:?}"),
        }
    }

    /// What has come so far and was looked at is kept no longer: a long evening's news fill the memory.
    pub(crate) fn forgets_what_it_saw(&mut self) {
        self.changes.clear();
        self.control.clear();
        self.heard.clear();
        self.told.clear();
    }

    // What a person perceives.

    /// Waits for this text in this person's voice.
    pub(crate) async fn hears(&mut self, speaker: &Self, text: &str) {
        let stream = speaker.stream();
        let is_it = |heard: &Heard| heard.stream == stream && heard.payload == text.as_bytes();
        self.until("voice", |member| member.heard.iter().any(is_it)).await;
    }

    /// All texts heard so far, in order.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.heard.iter().map(|heard| String::from_utf8_lossy(&heard.payload).into_owned()).collect()
    }

    /// Waits until the view shows something.
    pub(crate) async fn sees(&mut self, shown: impl Fn(&View) -> bool) {
        self.until("view", |member| member.view.as_ref().is_some_and(&shown)).await;
    }

    pub(crate) async fn is_on_stage(&mut self) {
        self.sees(|view| view.my_stage().is_some()).await;
    }

    /// Somebody on stage, as this person sees it.
    pub(crate) fn sees_person(&self, other: &Self) -> Option<&Person> {
        self.view().person(other.id())
    }

    pub(crate) fn view(&self) -> &View {
        self.view.as_ref().expect("it sits in a room")
    }

    pub(crate) fn role(&self) -> Role {
        self.view().my_role()
    }

    pub(crate) fn id(&self) -> MemberId {
        self.member.expect("it has joined")
    }

    /// Whether a text stands anywhere in what this person was sent.
    pub(crate) fn was_sent(&self, text: &str) -> bool {
        self.control.iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    /// The stream of the present stay on stage.
    pub(crate) fn stream(&self) -> StreamId {
        self.view().my_stage().expect("it is on stage").stream
    }

    /// Waits for the server to end the connection.
    pub(crate) async fn end(mut self) -> End {
        self.until_end().await
    }

    pub(crate) async fn until_end(&mut self) -> End {
        while self.end.is_none_or(|end| end.close_code.is_none()) {
            if !self.takes_one("the end").await {
                break;
            }
        }
        self.end.unwrap_or(End { goodbye: None, close_code: None })
    }

    // The bare protocol.

    pub(crate) async fn asks(&mut self, request: Request) -> Result<Reply, Denied> {
        let id = self.requests(request).await;
        self.answer_to(id).await
    }

    /// Asks without waiting.
    pub(crate) async fn requests(&mut self, request: Request) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.sends(&ClientFrame::Request { id, request }).await;
        id
    }

    pub(crate) async fn answer_to(&mut self, wanted: RequestId) -> Result<Reply, Denied> {
        let is_it = |frame: &ServerFrame| matches!(frame, ServerFrame::Reply { id, .. } if *id == wanted);
        self.until("reply", |member| member.told.iter().any(is_it)).await;
        let place = self.told.iter().position(is_it).unwrap();
        match self.told.remove(place) {
            ServerFrame::Reply { result, revision, .. } => {
                self.replied_at = revision;
                result
            }
            other => unreachable!("{other:?}"),
        }
    }

    pub(crate) async fn sends(&mut self, frame: &ClientFrame) {
        self.sends_bytes(encode_client(frame)).await;
    }

    pub(crate) async fn sends_bytes(&mut self, bytes: Vec<u8>) {
        self.sends_message(Message::Binary(bytes.into())).await;
    }

    pub(crate) async fn sends_message(&mut self, message: Message) {
        timeout(PATIENCE, self.socket.send(message)).await.unwrap().unwrap();
    }

    /// Sends although the server may have hung up. Returns whether it could.
    pub(crate) async fn tries_to_send(&mut self, bytes: Vec<u8>) -> bool {
        timeout(PATIENCE, self.socket.send(Message::Binary(bytes.into()))).await.unwrap().is_ok()
    }

    /// Takes in whatever comes until something is so.
    pub(crate) async fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        // Heartbeats come for ever: each message in time does not make the whole so.
        let until = Instant::now() + PATIENCE * 3;
        while !is_so(self) {
            assert!(Instant::now() < until, "waited in vain for {what}");
            assert!(self.takes_one(what).await, "waiting for {what}, the connection ended: {:?}", self.end);
        }
    }

    /// Takes in whatever comes next, however long that takes. False when the connection has ended.
    pub(crate) async fn takes_something(&mut self) -> bool {
        self.takes_one("anything").await && self.end.is_none()
    }

    /// Takes in one message. False when the connection has ended.
    async fn takes_one(&mut self, what: &str) -> bool {
        let Ok(message) = timeout(PATIENCE * 2, self.socket.next()).await else { panic!("waited in vain for {what}") };
        match message {
            Some(Ok(Message::Binary(bytes))) => self.takes(&bytes).await,
            Some(Ok(Message::Close(frame))) => {
                let close_code = frame.map(|frame| frame.code.into());
                self.end = Some(End { goodbye: self.end.and_then(|end| end.goodbye), close_code });
            }
            Some(Ok(other)) => panic!("the server sends binary only: {other:?}"),
            Some(Err(_)) | None => return false,
        }
        true
    }

    async fn takes(&mut self, received: &[u8]) {
        self.bundles += usize::from(received.first() == Some(&KIND_BUNDLE));
        for message in messages(received).unwrap() {
            self.takes_message(message).await;
        }
    }

    async fn takes_message(&mut self, bytes: &[u8]) {
        if bytes.first() == Some(&dais_shared::wire::KIND_CONTROL) {
            self.control.push(bytes.to_vec());
        }
        let frame = match decode_server(bytes).unwrap() {
            FromServer::Voice { origin, header, payload } => {
                let payload = payload.to_vec();
                self.heard.push(Heard { stream: origin.stream, arrived_ms: origin.arrived_ms, header, payload });
                return;
            }
            FromServer::Control(frame) => frame,
        };
        match frame {
            ServerFrame::Welcome { ref identity, .. } => {
                self.identity.clone_from(identity);
                self.welcome = Some(frame);
            }
            ServerFrame::Snapshot(view) => self.view = Some(view),
            ServerFrame::Delta(delta) => {
                let view = self.view.as_mut().expect("a snapshot comes first");
                view.apply(&delta).expect("no revision is missing");
                self.changes.extend(delta.changes);
            }
            ServerFrame::Ping { nonce } => {
                self.pings += 1;
                if self.answers_pings {
                    // The server may have hung up meanwhile; then there is nobody to answer.
                    let _ = self.tries_to_send(encode_client(&ClientFrame::Pong { nonce })).await;
                }
            }
            ServerFrame::PutOut { reason, until_ms, .. } => self.put_out = Some((reason, until_ms)),
            ServerFrame::Goodbye(goodbye) => self.end = Some(End { goodbye: Some(goodbye), close_code: None }),
            frame => self.told.push(frame),
        }
    }
}

/// Another number for every page.
fn new_page() -> PageId {
    static PAGES: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    PageId(PAGES.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}
