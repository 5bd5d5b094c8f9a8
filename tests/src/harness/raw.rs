//! A bare socket, for what no library would send.

use std::collections::VecDeque;
use std::net::SocketAddr;

use dais_shared::ids::{PageId, RequestId, RoomId, Token};
use dais_shared::room::Denied;
use dais_shared::wire::{
    ClientFrame, FromServer, Goodbye, PROTOCOL_VERSION, Reply, Request, ServerFrame, decode_server, encode_client, messages,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Duration, Instant, timeout};

use super::PATIENCE;
use super::http::Answer;

/// The header lines of a lawful handshake but for the host. RFC 6455, section 1.3, has this key.
pub(crate) const UPGRADE: [&str; 4] =
    ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
/// And its answer.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A masked frame with this first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ ..=125), _) => frame.push(0x80 | short),
        (_, Ok(medium)) => {
            frame.push(0xFE);
            frame.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            frame.push(0xFF);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) goodbye: Option<Goodbye>,
    pub(crate) close_code: Option<u16>,
}

impl Ending {
    /// As the protocol has it.
    pub(crate) const fn with(goodbye: Goodbye) -> Self {
        Self { goodbye: Some(goodbye), close_code: Some(goodbye.close_code()) }
    }
}

/// See the module.
pub(crate) struct RawPeer {
    pub(crate) socket: TcpStream,
    address: SocketAddr,
    inbox: Vec<u8>,
    /// Of a bundle, still to be looked at.
    bundled: VecDeque<Vec<u8>>,
    /// The token of its login.
    pub(crate) token: Option<Token>,
    next_request: u32,
}

impl RawPeer {
    /// A socket from this address of this machine, on which nothing has been said.
    pub(crate) async fn connect(from: [u8; 4], address: SocketAddr) -> Self {
        Self::over(TcpSocket::new_v4().unwrap(), from, address).await
    }

    /// With a socket that holds little, so that not reading is felt soon.
    pub(crate) async fn connect_with_receive_buffer(from: [u8; 4], address: SocketAddr, bytes: u32) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(bytes).unwrap();
        Self::over(socket, from, address).await
    }

    async fn over(socket: TcpSocket, from: [u8; 4], address: SocketAddr) -> Self {
        socket.bind((from, 0).into()).unwrap();
        let socket = timeout(PATIENCE, socket.connect(address)).await.unwrap().unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, address, inbox: Vec::new(), bundled: VecDeque::new(), token: None, next_request: 0 }
    }

    /// Past the handshake.
    pub(crate) async fn upgraded(from: [u8; 4], address: SocketAddr) -> Self {
        let mut peer = Self::connect(from, address).await;
        let answer = peer.upgrades(&[]).await;
        assert_eq!(answer.status, 101, "{}", answer.text());
        peer
    }

    /// Past the hello.
    pub(crate) async fn greeted(from: [u8; 4], address: SocketAddr) -> Self {
        Self::upgraded(from, address).await.says_hello(None).await.0
    }

    /// Logged in.
    pub(crate) async fn person(from: [u8; 4], address: SocketAddr, name: &str) -> Self {
        let mut peer = Self::greeted(from, address).await;
        peer.logs_in(name).await.unwrap();
        peer
    }

    /// Asks for the upgrade, with extra header lines.
    pub(crate) async fn upgrades(&mut self, headers: &[&str]) -> Answer {
        let lines: String = UPGRADE.iter().chain(headers).map(|line| format!("{line}\r\n")).collect();
        let request = format!("GET /ws HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", self.address);
        let answer = self.asks_http(request.as_bytes()).await;
        assert!(answer.status != 101 || answer.header("sec-websocket-accept") == Some(ACCEPT));
        answer
    }

    /// Sends a request; the head that comes back, and as much of the body as came with it.
    pub(crate) async fn asks_http(&mut self, request: &[u8]) -> Answer {
        let answer = self.tries_http(request).await;
        answer.unwrap_or_else(|| panic!("no answer to {}", String::from_utf8_lossy(&request[..request.len().min(200)])))
    }

    /// The same where the server may hang up without a word.
    pub(crate) async fn tries_http(&mut self, request: &[u8]) -> Option<Answer> {
        // A server that refuses early hangs up on the rest.
        let _ = self.socket.write_all(request).await;
        let is_whole = |inbox: &[u8]| inbox.windows(4).any(|window| window == b"\r\n\r\n");
        while !is_whole(&self.inbox) {
            if !self.reads().await {
                return None;
            }
        }
        let answer = Answer::parse(&self.inbox);
        self.inbox = if answer.status == 101 { answer.body.clone() } else { Vec::new() };
        Some(answer)
    }

    pub(crate) async fn says_hello(mut self, token: Option<Token>) -> (Self, ServerFrame) {
        self.says(&ClientFrame::Hello { version: PROTOCOL_VERSION, client: "raw".into(), token }).await;
        let welcome = self.until(|frame| matches!(frame, ServerFrame::Welcome { .. })).await;
        (self, welcome)
    }

    pub(crate) async fn logs_in(&mut self, name: &str) -> Result<Reply, Denied> {
        let reply = self.asks(Request::Login { name: name.into() }).await;
        if let Ok(Reply::LoggedIn { token: Some(token), .. }) = &reply {
            self.token = Some(*token);
        }
        reply
    }

    pub(crate) async fn joins(&mut self, room: &str, passcode: Option<&str>, page: u64) -> Result<Reply, Denied> {
        let (room, passcode) = (RoomId::parse(room).unwrap(), passcode.map(Into::into));
        let join = Request::JoinRoom { room, passcode, page: PageId(page), take_over: false, microphone_open: false };
        self.asks(join).await
    }

    /// Asks, and passes over all that comes before the answer.
    pub(crate) async fn asks(&mut self, request: Request) -> Result<Reply, Denied> {
        self.next_request += 1;
        let wanted = RequestId(self.next_request);
        self.says(&ClientFrame::Request { id: wanted, request }).await;
        match self.until(|frame| matches!(frame, ServerFrame::Reply { id, .. } if *id == wanted)).await {
            ServerFrame::Reply { result, .. } => result,
            other => unreachable!("{other:?}"),
        }
    }

    pub(crate) async fn says(&mut self, message: &ClientFrame) {
        self.sends(&frame(0x82, &encode_client(message))).await;
    }

    pub(crate) async fn sends(&mut self, bytes: &[u8]) {
        assert!(self.tries_to_send(bytes).await, "the server has hung up");
    }

    /// Sends although the server may have hung up. Returns whether it could.
    pub(crate) async fn tries_to_send(&mut self, bytes: &[u8]) -> bool {
        timeout(PATIENCE, self.socket.write_all(bytes)).await.expect("the server reads or hangs up").is_ok()
    }

    /// The next frame: its first byte and its payload. `None` when the server has hung up. The messages of a bundle come
    /// one by one.
    pub(crate) async fn next_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(message) = self.bundled.pop_front() {
                return Some((0x82, message));
            }
            match self.take_frame() {
                Some((0x82, payload)) => {
                    self.bundled.extend(messages(&payload).unwrap().map(<[u8]>::to_vec));
                    continue;
                }
                Some(frame) => return Some(frame),
                None => {}
            }
            if !self.reads().await {
                return None;
            }
        }
    }

    /// Passes over all that comes until this.
    pub(crate) async fn until(&mut self, mut is_it: impl FnMut(&ServerFrame) -> bool) -> ServerFrame {
        loop {
            let (first, payload) = self.next_frame().await.expect("the server goes on");
            assert_eq!(first, 0x82, "{payload:?}");
            if let FromServer::Control(frame) = decode_server(&payload).unwrap() {
                if let ServerFrame::Ping { nonce } = frame {
                    self.says(&ClientFrame::Pong { nonce }).await;
                }
                if is_it(&frame) {
                    return frame;
                }
                assert!(!matches!(frame, ServerFrame::Goodbye(_)), "{frame:?}");
            }
        }
    }

    /// Whether the server answers a ping of the protocol. What comes before that is passed over.
    pub(crate) async fn is_heard(&mut self) -> bool {
        const NONCE: u32 = 0xDA15;
        if !self.tries_to_send(&frame(0x82, &encode_client(&ClientFrame::Ping { nonce: NONCE }))).await {
            return false;
        }
        while let Some((_, payload)) = self.next_frame().await {
            if let Ok(FromServer::Control(ServerFrame::Pong { nonce: NONCE, .. })) = decode_server(&payload) {
                return true;
            }
        }
        false
    }

    /// Says nothing more and waits until the server hangs up, by this deadline at the latest.
    pub(crate) async fn ending(&mut self, within: Duration) -> Ending {
        let (deadline, mut ending) = (Instant::now() + within, Ending { goodbye: None, close_code: None });
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(next) = timeout(left, self.next_frame()).await else { panic!("not hung up within {within:?}") };
            match next {
                None => return ending,
                Some((0x88, payload)) => {
                    ending.close_code = payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]));
                }
                Some((_, payload)) => {
                    if let Ok(FromServer::Control(ServerFrame::Goodbye(goodbye))) = decode_server(&payload) {
                        ending.goodbye = Some(goodbye);
                    }
                }
            }
        }
    }

    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (first, second) = (*self.inbox.first()?, *self.inbox.get(1)?);
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let (length, header) = match second {
            127 => (number(self.inbox.get(2..10)?), 10),
            126 => (number(self.inbox.get(2..4)?), 4),
            short => (usize::from(short), 2),
        };
        let payload = self.inbox.get(header..header + length)?.to_vec();
        self.inbox.drain(..header + length);
        Some((first, payload))
    }

    /// Reads what there is. False when the server has hung up.
    async fn reads(&mut self) -> bool {
        let read = timeout(2 * PATIENCE, self.socket.read_buf(&mut self.inbox)).await;
        matches!(read.expect("the server says something or hangs up"), Ok(1..))
    }
}
