//! Slow-loris, on the handshake and after it: who dribbles or says nothing is hung up on by a deadline, however lively he
//! looks meanwhile.

use std::net::SocketAddr;
use std::time::Duration;

use dais_shared::limits::{HELLO_DEADLINE_MS, HTTP_HEAD_MS_MAX, HTTP_UNREAD_MS_MAX, SILENCE_MS_MAX};
use dais_shared::wire::{ClientFrame, Goodbye, PROTOCOL_VERSION, encode_client};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{ATTACKER, Scene, Stage};
use crate::harness::{Ending, RawPeer, frame};

/// How far a slow peer comes before it becomes slow.
#[derive(Clone, Copy, Debug)]
enum Begin {
    /// It has connected.
    Connected,
    /// A request of its has been answered, and the connection kept.
    Served,
    Stage(Stage),
}

struct Row {
    name: &'static str,
    begin: Begin,
    /// Sent over and over, a part at a time.
    dribbles: &'static [u8],
    every: Duration,
    /// When it is hung up on, in milliseconds from there.
    deadline_ms: u64,
    goodbye: Option<Goodbye>,
}

/// The machine may be busy with other things.
const SLACK_MS: u64 = 10_000;

/// A frame of 200 bytes, sent a byte at a time, is never whole before its deadline.
const LONG_FRAME: &[u8] = &[0x82, 0xFE, 0, 200, 1, 2, 3, 4];
const PING: &[u8] = &[0x89, 0x80, 0, 0, 0, 0];
const HEAD: &[u8] =
    b"GET /ws HTTP/1.1\r\nHost: x\r\nX-Padding: and nothing but padding, a letter at a time, for ever and ever\r\n";

fn table() -> Vec<Row> {
    let slow = |name, begin, dribbles, deadline_ms, goodbye| {
        let every = Duration::from_millis(150);
        Row { name, begin, dribbles, every, deadline_ms, goodbye }
    };
    let (upgraded, greeted) = (Begin::Stage(Stage::Upgraded), Begin::Stage(Stage::Greeted));
    let no_hello = (HELLO_DEADLINE_MS, Some(Goodbye::NoHello));
    let silent = (SILENCE_MS_MAX, Some(Goodbye::Silent));
    let no_head = (HTTP_HEAD_MS_MAX, None);
    vec![
        slow("a socket and nothing else", Begin::Connected, b"", no_head.0, no_head.1),
        slow("a request a byte at a time", Begin::Connected, HEAD, no_head.0, no_head.1),
        slow("nothing after an answer", Begin::Served, b"", no_head.0, no_head.1),
        slow("a second request a byte at a time", Begin::Served, HEAD, no_head.0, no_head.1),
        slow("no hello", upgraded, b"", no_hello.0, no_hello.1),
        slow("a hello a byte at a time", upgraded, LONG_FRAME, no_hello.0, no_hello.1),
        slow("pings and no hello", upgraded, PING, no_hello.0, no_hello.1),
        slow("nothing after the hello", greeted, b"", silent.0, silent.1),
        slow("a message a byte at a time", greeted, LONG_FRAME, silent.0, silent.1),
    ]
}

/// Plays a row; how long it was borne, and how it ended.
async fn is_borne(row: &Row, address: SocketAddr) -> (u64, Ending) {
    let mut peer = match row.begin {
        Begin::Connected => RawPeer::connect(ATTACKER, address).await,
        Begin::Served => {
            let mut peer = RawPeer::connect(ATTACKER, address).await;
            assert_eq!(peer.asks_http(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.status, 200);
            peer
        }
        Begin::Stage(Stage::Upgraded) => RawPeer::upgraded(ATTACKER, address).await,
        Begin::Stage(Stage::Greeted) => RawPeer::greeted(ATTACKER, address).await,
    };
    let began = Instant::now();
    let is_whole_at_once = row.dribbles.len() == PING.len();
    let step = if is_whole_at_once { row.dribbles.len() } else { 1 };
    let mut rest = row.dribbles.chunks(step.max(1)).cycle();
    let ending = loop {
        if let Some(bytes) = rest.next() {
            // It is hung up on; what the server said is still to be read.
            if !peer.tries_to_send(bytes).await {
                break peer.ending(Duration::from_secs(1)).await;
            }
        }
        tokio::select! {
            () = sleep(row.every) => {}
            readable = peer.socket.readable() => {
                readable.unwrap();
                if began.elapsed() >= Duration::from_millis(row.deadline_ms / 2) {
                    break peer.ending(Duration::from_millis(row.deadline_ms + SLACK_MS)).await;
                }
                // The server's own pings, of which such a peer takes no notice.
                drop(peer.next_frame().await);
            }
        }
        assert!(began.elapsed() < Duration::from_millis(row.deadline_ms + SLACK_MS), "{} is borne too long", row.name);
    };
    (u64::try_from(began.elapsed().as_millis()).unwrap(), ending)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_loris_before_and_after_the_handshake() {
    let scene = Scene::begin().await;
    let mut playing = JoinSet::new();
    for row in table() {
        let address = scene.address();
        playing.spawn(async move { (is_borne(&row, address).await, row) });
    }
    for ((borne_ms, ending), row) in playing.join_all().await {
        println!("{}: hung up on after {borne_ms} ms", row.name);
        let expected = row.goodbye.map_or(Ending { goodbye: None, close_code: None }, Ending::with);
        assert_eq!(ending, expected, "{}", row.name);
        assert!(borne_ms + 500 >= row.deadline_ms && borne_ms <= row.deadline_ms + SLACK_MS, "{}: {borne_ms} ms", row.name);
    }
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hello_in_time_after_a_slow_handshake_is_welcome() {
    let scene = Scene::begin().await;
    let mut peer = RawPeer::connect(ATTACKER, scene.address()).await;
    for part in ["GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upg", "rade\r\nSec-WebSocket-Version: 13\r\n"]
    {
        peer.sends(part.as_bytes()).await;
        sleep(Duration::from_secs(1)).await;
    }
    let answer = peer.asks_http(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").await;
    assert_eq!(answer.status, 101);
    let hello = encode_client(&ClientFrame::Hello { version: PROTOCOL_VERSION, client: "slow".into(), token: None });
    peer.sends(&frame(0x82, &hello)).await;
    assert!(peer.is_heard().await);
    scene.goes_on().await;
}

/// Asks for more than sockets hold and reads none of it, as long as that is borne.
async fn reads_nothing(address: SocketAddr) -> Duration {
    let mut peer = RawPeer::connect_with_receive_buffer(ATTACKER, address, 4096).await;
    peer.sends(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let began = Instant::now();
    // A connection given up is so in silence: who says something more is told.
    while peer.tries_to_send(b"G").await {
        assert!(began.elapsed() < Duration::from_millis(HTTP_UNREAD_MS_MAX + SLACK_MS), "who never reads is borne too long");
        sleep(Duration::from_millis(100)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_nobody_reads() {
    // More than the kernel keeps for a socket (tcp(7), `tcp_wmem`).
    const LARGE: usize = 6 * 1024 * 1024;
    let folder = tempfile::TempDir::with_prefix("dais-unread-").unwrap();
    std::fs::write(folder.path().join("index.html"), "<!doctype html>the page").unwrap();
    std::fs::write(folder.path().join("large.bin"), vec![b'x'; LARGE]).unwrap();
    let scene = Scene::begin_with(&["--web-dir", folder.path().to_str().unwrap()], None).await;
    let borne = reads_nothing(scene.address()).await;
    println!("hung up on after {} ms", borne.as_millis());
    assert!(borne + Duration::from_millis(500) >= Duration::from_millis(HTTP_UNREAD_MS_MAX), "{borne:?}");
    scene.goes_on().await;
}
