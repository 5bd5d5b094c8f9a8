//! More than anybody says: commands, chat, voice, pings, and questions whose answers nobody reads.

use std::time::Duration;

use dais_shared::ids::{RequestId, Seq};
use dais_shared::limits::{
    COMMAND_BURST, MESSAGE_BURST, OUTBOX_CONTROL_BYTES_MAX, REFUSALS_BURST, SIGNALS_BURST, UNHEARD_FRAMES_MAX, VOICE_FRAME_BURST,
    VOICE_FRAMES_PER_SECOND,
};
use dais_shared::room::{Command, Denied};
use dais_shared::voice::Header;
use dais_shared::wire::{
    ClientFrame, FromServer, Goodbye, Reply, Request, ServerFrame, decode_server, encode_client, encode_client_voice,
};
use tokio::time::Instant;

use super::{ATTACKER, Scene};
use crate::harness::{Ending, RawPeer, frame};

/// How long a flood may last until it is ended.
const WITHIN: Duration = Duration::from_secs(20);

fn request(id: u32, request: Request) -> Vec<u8> {
    frame(0x82, &encode_client(&ClientFrame::Request { id: RequestId(id), request }))
}

fn voice(sequence: u32) -> Vec<u8> {
    let timestamp = u64::from(sequence) * 480;
    let header = Header { sequence: Seq(sequence), timestamp, duration_samples: 480, level_dbov: 30, flags: 0 };
    frame(0x82, &encode_client_voice(&header, &[0; 40]))
}

/// Somebody in the hall's audience.
async fn member(scene: &Scene) -> RawPeer {
    let mut peer = RawPeer::person(ATTACKER, scene.address(), "Flood").await;
    peer.joins("hall", None, 1).await.unwrap();
    peer
}

/// Sends as fast as the server takes it, and reads along, until it is ended: what came of each request, and the end.
async fn floods(peer: &mut RawPeer, messages: impl Iterator<Item = Vec<u8>>) -> (Vec<Result<Reply, Denied>>, Ending) {
    let (began, mut results, mut ending) = (Instant::now(), Vec::new(), Ending { goodbye: None, close_code: None });
    let all: Vec<u8> = messages.flatten().collect();
    // What the server does not take any more says only that it has ended.
    let _ = peer.tries_to_send(&all).await;
    while let Some((first, payload)) = peer.next_frame().await {
        assert!(began.elapsed() < WITHIN, "the flood is borne");
        match (first, decode_server(&payload)) {
            (0x88, _) => ending.close_code = Some(u16::from_be_bytes([payload[0], payload[1]])),
            (_, Ok(FromServer::Control(ServerFrame::Reply { result, .. }))) => results.push(result),
            (_, Ok(FromServer::Control(ServerFrame::Goodbye(goodbye)))) => ending.goodbye = Some(goodbye),
            _ => {}
        }
    }
    (results, ending)
}

/// A burst is taken, whose answers the end may overtake, then all are denied as too fast, then it is the end.
fn is_ended_as_too_fast((results, ending): (Vec<Result<Reply, Denied>>, Ending), burst: u32) {
    let denied = results.iter().filter(|result| **result == Err(Denied::TooFast)).count();
    let others = results.len() - denied;
    assert_eq!(ending, Ending::with(Goodbye::TooFast), "{others} done, {denied} denied");
    assert!(others <= 4 * burst as usize, "{others} done");
    assert!(denied >= REFUSALS_BURST as usize / 2, "{denied} denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_commands_and_chat() {
    let scene = Scene::begin().await;
    let mut peer = member(&scene).await;
    let commands = (0..2000).map(|id| request(id, Request::Room(Command::RaiseHand)));
    is_ended_as_too_fast(floods(&mut peer, commands).await, COMMAND_BURST);
    let mut peer = member(&scene).await;
    let chat = (0..2000).map(|id| request(id, Request::Room(Command::SendMessage(format!("spam {id}")))));
    is_ended_as_too_fast(floods(&mut peer, chat).await, MESSAGE_BURST);
    // What the others have of it.
    let mut witness = member(&scene).await;
    let Ok(Reply::Messages(messages)) = witness.asks(Request::ListMessages { before: None }).await else { panic!("messages") };
    assert!((1..=3 * MESSAGE_BURST as usize).contains(&messages.len()), "{} messages", messages.len());
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_pings_of_both_kinds() {
    let scene = Scene::begin().await;
    let mut peer = RawPeer::greeted(ATTACKER, scene.address()).await;
    let pings = std::iter::repeat_with(|| frame(0x89, b"ping")).take(4 * (SIGNALS_BURST + REFUSALS_BURST) as usize);
    assert_eq!(floods(&mut peer, pings).await.1, Ending::with(Goodbye::TooFast));
    let mut peer = RawPeer::greeted(ATTACKER, scene.address()).await;
    let pings = (0..4 * (SIGNALS_BURST + REFUSALS_BURST)).map(|nonce| frame(0x82, &encode_client(&ClientFrame::Ping { nonce })));
    assert_eq!(floods(&mut peer, pings).await.1, Ending::with(Goodbye::TooFast));
    let mut peer = RawPeer::greeted(ATTACKER, scene.address()).await;
    let pongs = std::iter::repeat_with(|| frame(0x8A, b"")).take(4 * (SIGNALS_BURST + REFUSALS_BURST) as usize);
    assert_eq!(floods(&mut peer, pongs).await.1, Ending::with(Goodbye::TooFast));
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_voice() {
    let scene = Scene::begin().await;
    let before = scene.server.figure("dais_voice_frames_dropped_total{reason=\"too_fast\"}").await;
    let mut peer = member(&scene).await;
    let frames = (0..4 * (VOICE_FRAME_BURST + REFUSALS_BURST)).map(voice);
    assert_eq!(floods(&mut peer, frames).await.1, Ending::with(Goodbye::TooFast));
    assert!(scene.server.figure("dais_voice_frames_dropped_total{reason=\"too_fast\"}").await >= before + 100.0);

    // No faster than one may speak, but nobody may hear it.
    let mut peer = member(&scene).await;
    let mut pace = tokio::time::interval(Duration::from_secs(1) / (VOICE_FRAMES_PER_SECOND - 10));
    let mut sent = 0;
    while sent < 4 * UNHEARD_FRAMES_MAX && peer.tries_to_send(&voice(sent)).await {
        pace.tick().await;
        sent += 1;
    }
    println!("{sent} frames that nobody may hear were sent");
    assert_eq!(peer.ending(Duration::from_secs(10)).await, Ending::with(Goodbye::Abuse));
    assert!((UNHEARD_FRAMES_MAX..4 * UNHEARD_FRAMES_MAX).contains(&sent), "{sent}");
    assert!(scene.server.figure("dais_voice_frames_dropped_total{reason=\"not_on_stage\"}").await >= 400.0);
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_whose_answers_nobody_reads() {
    let scene = Scene::begin().await;
    // A page of the chat is 8 kB.
    for number in 0..4 {
        let mut chatty = RawPeer::person([127, 0, 0, 5], scene.address(), &format!("Chatty {number}")).await;
        chatty.joins("hall", None, 1).await.unwrap();
        for _ in 0..MESSAGE_BURST {
            // The chat takes no more at once than anybody reads: whoever is told so tries again.
            while chatty.asks(Request::Room(Command::SendMessage("x".repeat(500)))).await == Err(Denied::TooFast) {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
    for _ in 0..8 {
        let mut peer = RawPeer::connect_with_receive_buffer(ATTACKER, scene.address(), 4096).await;
        assert_eq!(peer.upgrades(&[]).await.status, 101);
        let (mut peer, _) = peer.says_hello(None).await;
        peer.logs_in("Deaf").await.unwrap();
        peer.joins("hall", None, 1).await.unwrap();
        let questions: Vec<u8> = (1000..1030).flat_map(|id| request(id, Request::ListMessages { before: None })).collect();
        peer.sends(&questions).await;
        let largest = scene.server.figure("dais_outbox_bytes_max{kind=\"control\"}").await;
        assert!(largest <= (OUTBOX_CONTROL_BYTES_MAX + 16_384) as f64, "{largest} bytes wait");
        assert_eq!(peer.ending(WITHIN).await, Ending::with(Goodbye::Overloaded));
    }
    scene.goes_on().await;
}
