//! The outbox over real sockets, plain and encrypted.

use std::pin::Pin;

use dais_shared::limits::{
    BUNDLE_MESSAGES_MAX, OUTBOX_VOICE_AGE_MS_MAX, SOCKET_NOTSENT_BYTES_MAX, SOCKET_SEND_BUFFER_BYTES, TLS_RECORD_BYTES_MAX,
    VOICE_UNSEEN_MS_MAX,
};
use dais_shared::wire::{KIND_VOICE, messages};
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::*;
use crate::tls::testing;

const MESSAGE_BYTES: usize = 100;
/// Long enough for a busy machine.
const PATIENCE: tokio::time::Duration = tokio::time::Duration::from_secs(20);

/// A listener's end, whatever its transport.
type Listener = Pin<Box<dyn AsyncRead + Send>>;

/// A message that says when it reached the server.
fn voice(arrived_ms: u64) -> Voice {
    voice_of(1, arrived_ms)
}

fn voice_of(stream: u32, arrived_ms: u64) -> Voice {
    let mut bytes = vec![KIND_VOICE; MESSAGE_BYTES];
    bytes[1..9].copy_from_slice(&arrived_ms.to_be_bytes());
    Voice { stream: StreamId(stream), arrived_ms, bytes: bytes.into() }
}

/// A socket as small as the server's own, and the listener's end of it.
async fn sockets() -> (TcpStream, TcpStream) {
    let house = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let listener = TcpSocket::new_v4().expect("a socket");
    listener.set_recv_buffer_size(4096).expect("a small buffer");
    let listener = listener.connect(house.local_addr().expect("it is bound")).await.expect("a connection");
    let (socket, _) = house.accept().await.expect("a connection");
    let options = SockRef::from(&socket);
    options.set_send_buffer_size(SOCKET_SEND_BUFFER_BYTES).expect("a small buffer");
    options.set_tcp_notsent_lowat(SOCKET_NOTSENT_BYTES_MAX).expect("a low mark");
    socket.writable().await.expect("an open socket");
    (socket, listener)
}

/// Both ends after their handshake.
async fn tls_streams() -> (server::TlsStream<TcpStream>, client::TlsStream<TcpStream>) {
    let (socket, listener) = sockets().await;
    let (house, trusting) = testing::configs();
    let name = ServerName::try_from("localhost").expect("a name");
    let accepting = TlsAcceptor::from(house).accept(socket);
    let connecting = TlsConnector::from(trusting).connect(name, listener);
    let (stream, listener) = tokio::join!(accepting, connecting);
    (stream.expect("a handshake"), listener.expect("a handshake"))
}

/// As the server makes one of a connection that has been upgraded.
fn over(stream: server::TlsStream<TcpStream>) -> (Outbox, Vec<u8>) {
    let (socket, session) = stream.into_inner();
    let mut first = Vec::new();
    let transport = Transport::tls(session, &mut first).expect("a lawful peer");
    (Outbox::new(Socket::Tcp(socket), transport, Arc::default()), first)
}

async fn tls_connection() -> (Outbox, client::TlsStream<TcpStream>) {
    let (stream, listener) = tls_streams().await;
    (over(stream).0, listener)
}

/// One without TLS, and one with.
async fn connections() -> [(Outbox, Listener); 2] {
    let (socket, plain) = sockets().await;
    let (sealed, secret) = tls_connection().await;
    [(Outbox::new(Socket::Tcp(socket), Transport::Plain, Arc::default()), Box::pin(plain)), (sealed, Box::pin(secret))]
}

/// Reads all that comes.
fn read_all(mut listener: Listener) -> JoinHandle<Vec<u8>> {
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        // What is cut without a word has come all the same.
        let _ = listener.read_to_end(&mut bytes).await;
        bytes
    })
}

/// When each message had reached the server.
fn times(bytes: &[u8]) -> Vec<u64> {
    let frames = payloads(bytes).into_iter();
    let messages = frames.flat_map(|frame| messages(frame).expect("a message or a bundle"));
    messages.map(|message| u64::from_be_bytes(message[1..9].try_into().expect("eight bytes"))).collect()
}

fn say(outbox: &Outbox, arrived_ms: u64) {
    outbox.send_voice([voice(arrived_ms)].iter(), arrived_ms);
}

/// Talks until the socket takes no more.
fn fill(outbox: &Outbox, arrived_ms: u64) {
    while !outbox.lock().is_blocked {
        say(outbox, arrived_ms);
    }
}

async fn drain(outbox: &Outbox, now_ms: u64) {
    while !outbox.handle_writable(now_ms) {
        outbox.socket().writable().await.expect("an open socket");
    }
}

#[tokio::test]
async fn what_a_full_socket_held_up_is_judged_by_its_age_when_it_is_written() {
    for (outbox, listener) in connections().await {
        fill(&outbox, 1_000);
        (1_020..=2_500).step_by(20).for_each(|now_ms| say(&outbox, now_ms));
        // Nobody speaks for a moment; then the listener reads again.
        const NOW_MS: u64 = 2_650;
        let read = read_all(listener);
        drain(&outbox, NOW_MS).await;
        let late = outbox.metrics.voice_frames_late_total.get();
        drop(outbox);
        let heard = times(&read.await.expect("it reads to the end"));
        let first = heard.iter().position(|arrived_ms| *arrived_ms != 1_000).expect("fresh voice");
        let fresh: Vec<u64> = (NOW_MS - OUTBOX_VOICE_AGE_MS_MAX..=2_500).filter(|ms| ms % 20 == 0).collect();
        assert_eq!(heard[first..], fresh);
        assert!(late >= (1_020..2_450).step_by(20).count() as u64, "{late}");
    }
}

#[tokio::test]
async fn what_a_missing_report_held_up_is_judged_by_its_age_when_it_is_written() {
    for (outbox, listener) in connections().await {
        say(&outbox, 1_000);
        outbox.handle_report(1_000, 1_010);
        // He takes what he is sent, and reports none of it.
        (1_020..=2_500).step_by(20).for_each(|now_ms| say(&outbox, now_ms));
        let nonce = outbox.lock().queue.flight_mut().start_ping(2_500);
        const NOW_MS: u64 = 2_650;
        outbox.handle_pong(nonce, NOW_MS);
        drop(outbox);
        let heard = times(&read_all(listener).await.expect("it reads to the end"));
        let gap = heard.windows(2).position(|pair| pair[1] - pair[0] != 20).expect("what stood too long is left out");
        assert!(heard[gap] <= 1_020 + VOICE_UNSEEN_MS_MAX + 10, "held at {}", heard[gap]);
        assert_eq!(heard[gap + 1], 2_460, "the oldest that is no older than its age at {NOW_MS}");
        assert_eq!(heard.last(), Some(&2_500));
    }
}

#[tokio::test]
async fn what_waits_for_a_full_socket_can_still_be_taken_back() {
    for (outbox, listener) in connections().await {
        fill(&outbox, 1_000);
        // More than one record holds, so that what is encrypted too early is seen to be.
        let waiting: Vec<Voice> = (0..2 * TLS_RECORD_BYTES_MAX / MESSAGE_BYTES).map(|_| voice_of(2, 1_111)).collect();
        outbox.send_voice(waiting.iter(), 1_111);
        outbox.silence(StreamId(2));
        let read = read_all(listener);
        drain(&outbox, 1_111).await;
        say(&outbox, 1_120);
        drop(outbox);
        let heard = times(&read.await.expect("it reads to the end"));
        assert!(!heard.contains(&1_111), "silenced before it could leave");
        assert_eq!(heard.last(), Some(&1_120));
    }
}

#[tokio::test]
async fn what_is_larger_than_the_socket_leaves_whole_and_in_order() {
    for (outbox, listener) in connections().await {
        let large = |byte: u8| Bytes::from(vec![byte; 25_000]);
        for byte in *b"abc" {
            outbox.send_control(Control::Answer(large(byte)), 1_000);
        }
        assert!(outbox.lock().is_blocked, "so much no socket takes at once");
        assert!(!outbox.is_idle());
        let read = read_all(listener);
        drain(&outbox, 1_000).await;
        assert!(outbox.is_idle());
        drop(outbox);
        assert_eq!(read.await.expect("it reads to the end"), [large(b'a'), large(b'b'), large(b'c')].concat());
    }
}

#[tokio::test]
async fn what_need_not_wait_leaves_as_the_same_frames_whole_and_in_order() {
    for (outbox, listener) in connections().await {
        let mut together = Together::default();
        let mut say = |arrived_ms| {
            let voice = [voice_of(1, arrived_ms), voice_of(2, arrived_ms)];
            together.make(voice.iter());
            assert_eq!(outbox.send_together(&together, voice.iter(), 2_000), 2);
        };
        // Until the socket takes no more, wherever in a frame that is, and then some that have to wait.
        let mut said = 2_000;
        while !outbox.lock().is_blocked {
            said += 1;
            say(said);
        }
        (said + 1..said + 20).for_each(&mut say);
        let read = read_all(listener);
        drain(&outbox, 2_000).await;
        say(said + 20);
        drain(&outbox, 2_000).await;
        drop(outbox);
        let bytes = read.await.expect("it reads to the end");
        assert!(payloads(&bytes).into_iter().all(|frame| messages(frame).expect("a bundle").count() == 2));
        assert_eq!(times(&bytes), (2_001..=said + 20).flat_map(|ms| [ms; 2]).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn voice_that_has_to_wait_is_passed_by_none() {
    let [(outbox, listener), _] = connections().await;
    let send = |arrived_ms| {
        let (mut together, voice) = (Together::default(), [voice(arrived_ms)]);
        together.make(voice.iter());
        outbox.send_together(&together, voice.iter(), arrived_ms);
    };
    send(1_000);
    outbox.handle_report(1_000, 1_010);
    send(1_020);
    // Held back: none of what was said since is reported. The last is sent when it could leave, but for those before it.
    send(1_310);
    send(1_320);
    outbox.lock().queue.flight_mut().handle_report(1_020, 1_330);
    send(1_340);
    drop(outbox);
    assert_eq!(times(&read_all(listener).await.expect("it reads to the end")), [1_000, 1_020, 1_310, 1_320, 1_340]);
}

#[tokio::test]
async fn voice_that_is_too_old_when_it_comes_passes_no_more_than_it_would_wait() {
    let [(outbox, listener), _] = connections().await;
    for now_ms in [1_000 + OUTBOX_VOICE_AGE_MS_MAX, 1_001 + OUTBOX_VOICE_AGE_MS_MAX] {
        let (mut together, voice) = (Together::default(), [voice(1_000)]);
        together.make(voice.iter());
        outbox.send_together(&together, voice.iter(), now_ms);
    }
    assert_eq!(outbox.metrics.voice_frames_late_total.get(), 1);
    drop(outbox);
    assert_eq!(times(&read_all(listener).await.expect("it reads to the end")), [1_000]);
}

#[test]
fn what_has_not_left_together_or_is_too_much_is_no_one_frame() {
    let mut together = Together::default();
    for voice in [vec![], vec![voice(1), voice(2)], vec![voice(1); BUNDLE_MESSAGES_MAX + 1]] {
        together.make([voice_of(1, 1)].iter());
        assert!(together.frame().is_some());
        together.make(voice.iter());
        assert!(together.frame().is_none(), "{}", voice.len());
    }
}

#[tokio::test]
async fn a_record_is_small_and_the_next_waits_until_it_has_left() {
    let (outbox, _listener) = tls_connection().await;
    outbox.send_control(Control::Answer(vec![7; 60_000].into()), 1_000);
    let mut state = outbox.lock();
    assert!(state.is_blocked);
    let Transport::Tls(session) = &mut state.transport else { unreachable!("it was made so") };
    let mut sealed = Vec::new();
    session.write_tls(&mut sealed).expect("memory takes it");
    assert!(!session.wants_write());
    // RFC 8446, section 5.2: five bytes before it, one of its kind and sixteen of its tag behind it.
    let bytes = sealed.len();
    assert!(bytes > 0 && bytes <= TLS_RECORD_BYTES_MAX + 22, "{bytes} bytes were encrypted and had not left");
}

#[tokio::test]
async fn behind_the_goodbye_tls_says_that_nothing_was_cut_off() {
    for is_full in [false, true] {
        let (outbox, mut listener) = tls_connection().await;
        if is_full {
            fill(&outbox, 1_000);
        }
        let has_left = outbox.send_goodbye(Goodbye::ShuttingDown, Goodbye::ShuttingDown.close_code(), 1_000);
        assert_eq!(has_left, !is_full);
        let read = tokio::spawn(async move {
            let mut bytes = Vec::new();
            // An end without that word is an error.
            listener.read_to_end(&mut bytes).await.map(|_| bytes)
        });
        drain(&outbox, 1_000).await;
        drop(outbox);
        let bytes = read.await.expect("it ends").expect("it is told that this is the end");
        assert!(bytes.ends_with(&websocket::close(Goodbye::ShuttingDown.close_code())));
    }
}

/// Reads until so much has come.
async fn read(outbox: &Outbox, count: usize) -> Vec<u8> {
    let mut inbox = Vec::new();
    while inbox.len() < count {
        outbox.socket().readable().await.expect("an open socket");
        assert!(outbox.read(&mut inbox, 1_000).expect("a lawful peer"), "it has not ended");
    }
    inbox
}

#[tokio::test]
async fn what_comes_encrypted_is_read_in_order_to_its_end() {
    let (mut stream, mut listener) = tls_streams().await;
    listener.write_all(b"GET and the first words").await.expect("an open socket");
    let mut request = [0; 3];
    stream.read_exact(&mut request).await.expect("what was sent");
    let (outbox, first) = over(stream);
    assert_eq!(first, b" and the first words", "what HTTP has not read is not lost");

    let long: Vec<u8> = (0..40_000_u32).map(|index| index.to_le_bytes()[0]).collect();
    let sent = long.clone();
    let speaking = tokio::spawn(async move {
        listener.write_all(&sent).await.expect("an open socket");
        listener
    });
    assert_eq!(read(&outbox, long.len()).await, long);
    let (mut socket, mut session) = speaking.await.expect("it has spoken").into_inner();
    session.send_close_notify();
    let mut closing = Vec::new();
    session.write_tls(&mut closing).expect("memory takes it");
    // The socket stays open: it is TLS that ends.
    socket.write_all(&closing).await.expect("an open socket");
    let mut inbox = Vec::new();
    while outbox.read(&mut inbox, 1_000).expect("a lawful end") {
        let readable = tokio::time::timeout(PATIENCE, outbox.socket().readable()).await;
        readable.expect("the end is noticed").expect("an open socket");
    }
    assert_eq!(inbox, b"");
}

#[tokio::test]
async fn what_is_no_tls_ends_the_connection_with_a_reason() {
    let (outbox, listener) = tls_connection().await;
    let (mut socket, mut session) = listener.into_inner();
    socket
        .write_all(&[23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
        .await
        .expect("sent");
    let mut inbox = Vec::new();
    let ended = loop {
        outbox.socket().readable().await.expect("an open socket");
        match outbox.read(&mut inbox, 1_000) {
            Ok(more) => assert!(more, "nobody has ended it lawfully"),
            Err(error) => break error,
        }
    };
    assert!(outbox.poll_needs(1_000).is_broken, "{ended}");
    say(&outbox, 1_000);
    drop(outbox);
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.expect("what was sent");
    let mut rest = rest.as_slice();
    while session.read_tls(&mut rest).expect("memory gives it") > 0 {
        if let Err(error) = session.process_new_packets() {
            assert_eq!(error, rustls::Error::AlertReceived(rustls::AlertDescription::BadRecordMac));
            return;
        }
    }
    panic!("the peer is not told why");
}
