//! Messages in lawful frames that are none of the protocol's.

use dais_shared::ids::RequestId;
use dais_shared::limits::CLIENT_MESSAGE_BYTES_MAX;
use dais_shared::names::InvalidName;
use dais_shared::room::Denied;
use dais_shared::wire::{ClientFrame, Goodbye, KIND_CONTROL, KIND_VOICE, PROTOCOL_VERSION, Request, encode_client};

use super::{ATTACKER, Answer, MALFORMED, PROTOCOL, Row, Scene, Stage, are_answered, row};
use crate::harness::{RawPeer, frame};

fn message(bytes: &[u8]) -> Vec<u8> {
    frame(0x82, bytes)
}

fn hello(version: u16, client: &str) -> Vec<u8> {
    encode_client(&ClientFrame::Hello { version, client: client.into(), token: None })
}

/// A login whose name has these bytes behind its length.
fn login(name: &[u8]) -> Vec<u8> {
    message(&[&[KIND_CONTROL, 1, 1, 0], name].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_none() {
    let scene = Scene::begin().await;
    let rows = vec![
        row("nothing", message(&[]), MALFORMED),
        row("a kind without a message", message(&[KIND_CONTROL]), MALFORMED),
        row("an unknown kind", message(&[9, 9, 9]), MALFORMED),
        row("rubbish", message(&[0xFF; 100]), MALFORMED),
        row("an unknown message", message(&[KIND_CONTROL, 99]), MALFORMED),
        row("an unknown request", message(&[KIND_CONTROL, 1, 1, 99]), MALFORMED),
        row("an unknown command", message(&[KIND_CONTROL, 1, 1, 13, 99]), MALFORMED),
        row("a byte left over", message(&[&encode_client(&ClientFrame::Ping { nonce: 1 })[..], &[0]].concat()), MALFORMED),
        row("a number that never ends", message(&[&[KIND_CONTROL, 2][..], &[0x80; 100]].concat()), MALFORMED),
        row("voice without a header", message(&[KIND_VOICE]), MALFORMED),
        row("voice with half a header", message(&[KIND_VOICE, 1, 2, 3]), MALFORMED),
        row("voice that lasts for ever", message(&[KIND_VOICE, 1, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 30, 0, 1]), MALFORMED),
        row("a second hello", message(&hello(PROTOCOL_VERSION, "x")), MALFORMED),
    ];
    are_answered(&scene, rows).await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lengths_of_two_to_the_thirty_two_and_text_that_is_no_utf8() {
    let scene = Scene::begin().await;
    let lists = |variant: u8| message(&[&[KIND_CONTROL, 1, 1, variant][..], &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, b'a']].concat());
    let rows = vec![
        row("a name of 2^32 - 1 bytes", login(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, b'a']), MALFORMED),
        row("a name of 2^64 - 1 bytes", login(&[&[0xFF; 9][..], &[0x01, b'a']].concat()), MALFORMED),
        row("a room's id of 2^32 - 1 bytes", lists(9), MALFORMED),
        row("an option that is neither", message(&[KIND_CONTROL, 1, 1, 2, 7]), MALFORMED),
        row("a truth of 2", message(&[KIND_CONTROL, 1, 1, 3, 2]), MALFORMED),
        row("a name with half a letter", login(&[2, 0xC3, 0x28]), MALFORMED),
        row("a name with an overlong slash", login(&[2, 0xC0, 0xAF]), MALFORMED),
        row("a name with a surrogate", login(&[3, 0xED, 0xA0, 0x80]), MALFORMED),
        row("a name beyond Unicode", login(&[4, 0xF4, 0x90, 0x80, 0x80]), MALFORMED),
        row("a room's id that climbs", message(&[&[KIND_CONTROL, 1, 1, 9, 8][..], b"../../db"].concat()), MALFORMED),
    ];
    are_answered(&scene, rows).await;

    let mut peer = RawPeer::greeted(ATTACKER, scene.address()).await;
    let name = "x".repeat(CLIENT_MESSAGE_BYTES_MAX - 6);
    let largest = encode_client(&ClientFrame::Request { id: RequestId(99), request: Request::Login { name: name.clone() } });
    assert_eq!(largest.len(), CLIENT_MESSAGE_BYTES_MAX);
    assert_eq!(peer.logs_in(&name).await, Err(Denied::InvalidName(InvalidName::TooLong)), "the largest lawful message");
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_messages_that_are_no_hello() {
    let scene = Scene::begin().await;
    let first = |name, sends, answer| Row { name, at: Stage::Upgraded, sends, answer };
    let later = |version| message(&[&hello(version, "")[..], b"and whatever a later version adds"].concat());
    let wrong_version = Answer::Goodbye(Goodbye::WrongVersion);
    let long_name = "x".repeat(65);
    let rows = vec![
        first("a request", login(&[1, b'a']), MALFORMED),
        first("a ping of the protocol", message(&encode_client(&ClientFrame::Ping { nonce: 1 })), MALFORMED),
        first("voice", message(&[KIND_VOICE, 1, 1, 0xC0, 0x07, 30, 0, 1]), MALFORMED),
        first("a hello with a long name", message(&hello(PROTOCOL_VERSION, &long_name)), MALFORMED),
        first("version 0", later(0), wrong_version),
        first("the next version", later(PROTOCOL_VERSION + 1), wrong_version),
        first("the last version", later(u16::MAX), wrong_version),
        first("HTTP once more", b"GET / HTTP/1.1\r\n\r\n".to_vec(), PROTOCOL),
    ];
    are_answered(&scene, rows).await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_come_one_by_one_are_understood_all_the_same() {
    let scene = Scene::begin().await;
    let mut peer = RawPeer::upgraded(ATTACKER, scene.address()).await;
    for byte in [message(&hello(PROTOCOL_VERSION, "slow")), frame(0x88, &[])].concat() {
        peer.sends(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert!(matches!(peer.next_frame().await, Some((0x82, welcome)) if welcome.starts_with(&[KIND_CONTROL, 0])));
    let ending = peer.ending(std::time::Duration::from_secs(10)).await;
    assert_eq!((ending.goodbye, ending.close_code), (None, Some(1000)), "the closing handshake is answered");
    scene.goes_on().await;
}
