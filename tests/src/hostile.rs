//! Peers that misbehave: each is ended with a reason, the server stays up, and nobody else notices.

use dais_shared::ids::RequestId;
use dais_shared::limits::{CLIENT_MESSAGE_BYTES_MAX, VOICE_BYTES_PER_SECOND};
use dais_shared::room::{Command, Denied, Mode};
use dais_shared::wire::{ClientFrame, Goodbye, KIND_CONTROL, KIND_VOICE, PROTOCOL_VERSION, Request, encode_client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{End, PATIENCE, TestMember, TestServer};

/// A room in which people go on talking while somebody misbehaves.
struct Talk {
    server: TestServer,
    host: TestMember,
    guest: TestMember,
    witness: TestMember,
}

impl Talk {
    async fn begin() -> Self {
        let server = TestServer::start().await;
        let (host, guest, witness) = server.talk().await;
        Self { server, host, guest, witness }
    }

    /// Everybody still hears everybody, and nothing else has happened.
    async fn goes_on(mut self) {
        self.witness.changes.clear();
        self.guest.says("still").await;
        self.host.says("here").await;
        self.witness.hears(&self.guest, "still").await;
        self.witness.hears(&self.host, "here").await;
        self.guest.hears(&self.host, "here").await;
        assert_eq!(self.server.get("/healthz").await.status, 200);
        self.server.stop().await;
    }
}

fn ended(goodbye: Goodbye) -> End {
    End { goodbye: Some(goodbye), close_code: Some(goodbye.close_code()) }
}

#[tokio::test]
async fn malformed_messages_are_answered_with_a_reason_and_a_close_code() {
    let talk = Talk::begin().await;
    let hello = encode_client(&ClientFrame::Hello { version: PROTOCOL_VERSION, client: "x".into(), token: None });
    let mut left_over = encode_client(&ClientFrame::Ping { nonce: 1 });
    left_over.push(0);
    let long_name = ClientFrame::Hello { version: PROTOCOL_VERSION, client: "x".repeat(65), token: None };
    let messages: Vec<Vec<u8>> = vec![
        vec![],
        vec![KIND_CONTROL],
        vec![KIND_CONTROL, 99],
        vec![9, 9, 9],
        left_over,
        encode_client(&long_name),
        hello.clone(),
        vec![KIND_VOICE],
        vec![KIND_VOICE, 1, 2, 3],
        vec![KIND_CONTROL, 1, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, b'a'],
        vec![KIND_CONTROL, 1, 1, 0, 2, 0xC3, 0x28],
    ];
    for message in messages {
        let mut peer = talk.server.stranger().await;
        peer.sends_bytes(message.clone()).await;
        assert_eq!(peer.end().await, ended(Goodbye::Malformed), "{message:?}");
    }
    talk.goes_on().await;
}

#[tokio::test]
async fn a_member_who_sends_rubbish_loses_the_connection_and_nobody_else_does() {
    let mut talk = Talk::begin().await;
    let mut rascal = talk.server.listener("Rascal").await;
    talk.host.sees(|view| view.audience_count == 2).await;
    rascal.sends_bytes(vec![0xFF; 100]).await;
    assert_eq!(rascal.end().await, ended(Goodbye::Malformed));
    talk.goes_on().await;
}

#[tokio::test]
async fn text_is_refused() {
    let talk = Talk::begin().await;
    let mut peer = talk.server.stranger().await;
    peer.sends_message(Message::Text("{\"hello\":1}".into())).await;
    assert_eq!(peer.end().await, ended(Goodbye::Malformed));
    talk.goes_on().await;
}

#[tokio::test]
async fn an_oversized_message_is_refused_and_the_largest_lawful_one_is_not() {
    let talk = Talk::begin().await;
    let mut peer = talk.server.person("Ada").await;
    let name = "x".repeat(CLIENT_MESSAGE_BYTES_MAX - 6);
    let frame = encode_client(&ClientFrame::Request { id: RequestId(99), request: Request::Login { name } });
    assert_eq!(frame.len(), CLIENT_MESSAGE_BYTES_MAX);
    peer.sends_bytes(frame).await;
    let refused = Denied::InvalidName(dais_shared::names::InvalidName::TooLong);
    assert_eq!(peer.answer_to(RequestId(99)).await, Err(refused));
    for bytes in [CLIENT_MESSAGE_BYTES_MAX + 1, 100_000] {
        let mut peer = talk.server.stranger().await;
        peer.sends_bytes(vec![KIND_VOICE; bytes]).await;
        assert_eq!(peer.end().await, ended(Goodbye::TooLarge), "{bytes} bytes");
    }
    talk.goes_on().await;
}

#[tokio::test]
async fn another_version_is_told_so() {
    let talk = Talk::begin().await;
    for version in [0, PROTOCOL_VERSION + 1, u16::MAX] {
        let mut peer = TestMember::connect_silently(talk.server.address()).await;
        let mut hello = encode_client(&ClientFrame::Hello { version, client: String::new(), token: None });
        hello.extend_from_slice(b"and whatever a later version adds");
        peer.sends_bytes(hello).await;
        assert_eq!(peer.end().await, ended(Goodbye::WrongVersion), "version {version}");
    }
    talk.goes_on().await;
}

#[tokio::test]
async fn an_unknown_room_is_a_lawful_no() {
    let server = TestServer::start().await;
    let mut person = server.person("Ada").await;
    assert_eq!(person.joins("nowhere").await, Err(Denied::UnknownRoom));
    person.creates("somewhere", Mode::Open).await.unwrap();
}

#[tokio::test]
async fn who_never_says_hello_is_closed_after_a_while() {
    let talk = Talk::begin().await;
    let peer = TestMember::connect_silently(talk.server.address()).await;
    assert_eq!(peer.end().await, ended(Goodbye::NoHello));
    talk.goes_on().await;
}

#[tokio::test]
async fn who_speaks_before_the_hello_is_closed() {
    let talk = Talk::begin().await;
    let mut peer = TestMember::connect_silently(talk.server.address()).await;
    peer.sends(&ClientFrame::Ping { nonce: 1 }).await;
    assert_eq!(peer.end().await, ended(Goodbye::Malformed));
    talk.goes_on().await;
}

#[tokio::test]
async fn frames_against_the_standard_are_refused_at_their_header() {
    const BINARY: u8 = 0x82;
    let talk = Talk::begin().await;
    let cases: [(&str, &[u8], Goodbye); 6] = [
        ("64 MiB announced", &[BINARY, 0xFF, 0, 0, 0, 0, 4, 0, 0, 0], Goodbye::TooLarge),
        ("2^63 announced", &[BINARY, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], Goodbye::TooLarge),
        ("unmasked", &[BINARY, 1, 0], Goodbye::Malformed),
        ("a fragment", &[0x02, 0x81, 0, 0, 0, 0, 0], Goodbye::Malformed),
        ("a reserved bit", &[0xC2, 0x81, 0, 0, 0, 0, 0], Goodbye::Malformed),
        ("a reserved opcode", &[0x83, 0x81, 0, 0, 0, 0, 0], Goodbye::Malformed),
    ];
    for (what, bytes, goodbye) in cases {
        let mut socket = talk.server.bare_websocket().await;
        socket.write_all(bytes).await.unwrap();
        let code = goodbye.close_code().to_be_bytes();
        assert!(until_hung_up(&mut socket).await.ends_with(&[0x88, 2, code[0], code[1]]), "{what}");
    }
    talk.goes_on().await;
}

#[tokio::test]
async fn bytes_that_come_one_by_one_are_understood_all_the_same() {
    let server = TestServer::start().await;
    let mut socket = server.bare_websocket().await;
    socket.set_nodelay(true).unwrap();
    let hello = encode_client(&ClientFrame::Hello { version: PROTOCOL_VERSION, client: "slow".into(), token: None });
    let mut frame = vec![0x82, 0x80 | u8::try_from(hello.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(&hello);
    frame.extend_from_slice(&[0x88, 0x80, 0, 0, 0, 0]);
    for byte in frame {
        socket.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let answer = until_hung_up(&mut socket).await;
    assert_eq!(answer[0], 0x82, "the welcome came");
    assert!(answer.ends_with(&[0x88, 2, 0x03, 0xE8]), "and the closing handshake was answered");
}

#[tokio::test]
async fn half_a_handshake_holds_nobody_up() {
    let talk = Talk::begin().await;
    let mut sockets = Vec::new();
    for _ in 0..50 {
        let mut socket = TcpStream::connect(talk.server.address()).await.unwrap();
        socket.write_all(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgr").await.unwrap();
        sockets.push(socket);
    }
    talk.goes_on().await;
}

impl Talk {
    /// Somebody whose socket holds little.
    async fn slow_listener(&self) -> TestMember {
        let mut slow = TestMember::connect_with_receive_buffer(self.server.address(), 4096).await;
        slow.logs_in("Slow").await.unwrap();
        slow.joins("hall").await.unwrap();
        slow
    }

    /// The guest talks until voice is dropped for somebody. The witness keeps up.
    async fn guest_talks_until_voice_is_dropped(&mut self) {
        // Large frames, as fast as the server takes them from one speaker.
        let payload = "x".repeat(1000);
        let mut pace = tokio::time::interval(Duration::from_secs(1) / (VOICE_BYTES_PER_SECOND / 1100));
        let mut sent = 0;
        let metrics = self.server.metrics();
        while metrics.voice_frames_late_total.get() + metrics.voice_frames_overflow_total.get() == 0 {
            pace.tick().await;
            self.guest.says(&payload).await;
            sent += 1;
            self.witness.until("voice", |witness| witness.heard.len() == sent).await;
        }
    }
}

#[tokio::test]
async fn a_listener_who_reads_nothing_costs_only_himself() {
    let mut talk = Talk::begin().await;
    let slow = talk.slow_listener().await;
    talk.guest_talks_until_voice_is_dropped().await;
    drop(slow);
    talk.goes_on().await;
}

#[tokio::test]
async fn a_mute_takes_back_what_still_waits_for_a_slow_listener() {
    let mut talk = Talk::begin().await;
    let mut slow = talk.slow_listener().await;
    talk.guest_talks_until_voice_is_dropped().await;
    // Fresh frames now wait behind the slow socket, and would leave after the news of the mute.
    talk.guest.says("not for you").await;
    talk.witness.hears(&talk.guest, "not for you").await;
    let guest = talk.guest.id();
    talk.host.commands(Command::MuteSpeaker(guest)).await.unwrap();
    slow.sees(|view| view.person(guest).is_some_and(|person| person.host_muted)).await;
    let heard = slow.heard.len();
    slow.has_been_processed().await;
    talk.host.says("marker").await;
    slow.hears(&talk.host, "marker").await;
    assert_eq!(slow.heard.len(), heard + 1, "nothing of the guest's came after the news");
}

async fn until_hung_up(socket: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.unwrap().unwrap();
    bytes
}
