//! RFC 6455 against the standard: what is refused at the header, before anything is kept for it.

use dais_shared::limits::CLIENT_MESSAGE_BYTES_MAX;
use dais_shared::wire::{ClientFrame, KIND_VOICE, encode_client};

use super::{ATTACKER, Answer, MALFORMED, PROTOCOL, Row, Scene, Stage, TOO_LARGE, are_answered, row};
use crate::harness::{RawPeer, frame};

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// The standard's code for data of a type that is not taken.
const TEXT_REFUSED: Answer = Answer::Refused(1003);

/// A lawful message, which a wrong frame around it makes unlawful.
fn ping() -> Vec<u8> {
    encode_client(&ClientFrame::Ping { nonce: 1 })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc6455_unmasked_frames() {
    let scene = Scene::begin().await;
    let unmasked = |opcode: u8, payload: &[u8]| [&[FIN | opcode, u8::try_from(payload.len()).unwrap()], payload].concat();
    let rows = vec![
        row("an unmasked message", unmasked(BINARY, &ping()), PROTOCOL),
        row("an unmasked ping", unmasked(PING, b""), PROTOCOL),
        row("an unmasked close", unmasked(CLOSE, &[0x03, 0xE8]), PROTOCOL),
        Row { at: Stage::Upgraded, ..row("an unmasked first message", unmasked(BINARY, &ping()), PROTOCOL) },
        row("a mask of zeros", [&[FIN | BINARY, 0x83, 0, 0, 0, 0], &ping()[..]].concat(), Answer::Taken),
    ];
    are_answered(&scene, rows).await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc6455_reserved_bits_and_opcodes() {
    let scene = Scene::begin().await;
    let mut rows = vec![
        row("the first reserved bit, which compression would use", frame(FIN | 0x40 | BINARY, &ping()), PROTOCOL),
        row("the second reserved bit", frame(FIN | 0x20 | BINARY, &ping()), PROTOCOL),
        row("the third reserved bit", frame(FIN | 0x10 | BINARY, &ping()), PROTOCOL),
        row("a reserved bit on a ping", frame(FIN | 0x40 | PING, b""), PROTOCOL),
        row("text", frame(FIN | TEXT, b"{\"hello\":1}"), TEXT_REFUSED),
        row("text that is no UTF-8", frame(FIN | TEXT, &[0xC3, 0x28]), TEXT_REFUSED),
    ];
    rows.extend((0x3..=0x7).chain(0xB..=0xF).map(|opcode| row("a reserved opcode", frame(FIN | opcode, &ping()), PROTOCOL)));
    are_answered(&scene, rows).await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc6455_fragments() {
    let scene = Scene::begin().await;
    let endless: Vec<u8> = std::iter::once(frame(BINARY, &[KIND_VOICE; 1000]))
        .chain(std::iter::repeat_with(|| frame(CONTINUATION, &[0; 1000])).take(10_000))
        .flatten()
        .collect();
    let rows = vec![
        row("the first part of a message", frame(BINARY, &ping()), PROTOCOL),
        row("a part that continues nothing", frame(CONTINUATION, &ping()), PROTOCOL),
        row("the last part of nothing", frame(FIN | CONTINUATION, &ping()), PROTOCOL),
        row("a ping in parts", frame(PING, b"half"), PROTOCOL),
        row("ten megabytes of a message that never ends", endless, PROTOCOL),
    ];
    are_answered(&scene, rows).await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc6455_lengths() {
    let scene = Scene::begin().await;
    let announces = |length: u64| [&[FIN | BINARY, 0xFF], &length.to_be_bytes()[..], &[1, 2, 3, 4, 5]].concat();
    let padded = |form: &[u8]| [&[FIN | BINARY], form, &[0; 4], &ping()[..]].concat();
    let rows = vec![
        row("64 MiB announced", announces(64 << 20), TOO_LARGE),
        row("2^32 announced", announces(1 << 32), TOO_LARGE),
        row("2^63 - 1 announced", announces(i64::MAX as u64), TOO_LARGE),
        row("2^64 - 1 announced", announces(u64::MAX), TOO_LARGE),
        row("64 KiB announced in two bytes", vec![FIN | BINARY, 0xFE, 0xFF, 0xFF, 1, 2, 3, 4], TOO_LARGE),
        row("one byte more than there may be", frame(FIN | BINARY, &[KIND_VOICE; CLIENT_MESSAGE_BYTES_MAX + 1]), TOO_LARGE),
        row("as much as there may be, and no voice", frame(FIN | BINARY, &[KIND_VOICE; CLIENT_MESSAGE_BYTES_MAX]), MALFORMED),
        row("three bytes' length in two bytes", padded(&[0xFE, 0, 3]), PROTOCOL),
        row("three bytes' length in eight bytes", padded(&[0xFF, 0, 0, 0, 0, 0, 0, 0, 3]), PROTOCOL),
    ];
    are_answered(&scene, rows).await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc6455_control_frames() {
    let scene = Scene::begin().await;
    let rows = vec![
        row("a ping of 126 bytes", frame(FIN | PING, &[7; 126]), PROTOCOL),
        row("a pong of 126 bytes", frame(FIN | PONG, &[7; 126]), PROTOCOL),
        row("a close of 126 bytes", frame(FIN | CLOSE, &[0x03; 126]), PROTOCOL),
        row("a pong that nobody asked for", frame(FIN | PONG, b"unasked"), Answer::Taken),
        row("rubbish behind a close", [frame(FIN | CLOSE, &[]), vec![0xFF; 1000]].concat(), Answer::Closed(1000)),
    ];
    are_answered(&scene, rows).await;
    for payload in [&b""[..], b"echo", &[7; 125]] {
        let mut peer = RawPeer::upgraded(ATTACKER, scene.address()).await;
        peer.sends(&frame(FIN | PING, payload)).await;
        assert_eq!(peer.next_frame().await, Some((FIN | PONG, payload.to_vec())), "before the hello, too");
    }
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc6455_close_codes() {
    let scene = Scene::begin().await;
    let close = |code: u16, reason: &[u8]| frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat());
    let mut rows = vec![
        row("a close without a code", frame(FIN | CLOSE, &[]), Answer::Closed(1000)),
        row("a close with a reason", close(1000, "bis später".as_bytes()), Answer::Closed(1000)),
        row("half a code", frame(FIN | CLOSE, &[0x03]), PROTOCOL),
        row("a reason that is no UTF-8", close(1000, &[0xC3, 0x28]), MALFORMED),
        row("a reason with a surrogate", close(1000, &[0xED, 0xA0, 0x80]), MALFORMED),
    ];
    let lawful = [1001, 1002, 1003, 1007, 1011, 3000, 4999];
    rows.extend(lawful.map(|code| row("a lawful code", close(code, b""), Answer::Closed(code))));
    let unlawful = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX];
    rows.extend(unlawful.map(|code| row("a code that may not be sent", close(code, b""), PROTOCOL)));
    are_answered(&scene, rows).await;
    scene.goes_on().await;
}
