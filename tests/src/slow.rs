//! Listeners who stop reading and read again: what they are sent then is fresh, and what they missed is gone.

mod attacked;
mod flooded;
mod hall;
mod kernel;
mod overheard;
mod stalled;

use std::time::Duration;

use dais_shared::limits::{OUTBOX_VOICE_AGE_MS_MAX, VOICE_BYTES_PER_SECOND};
use dais_shared::room::Command;
use dais_shared::wire::ClientFrame;
use tokio::sync::watch;

use crate::harness::{TestMember, TestServer};

/// Larger and longer, and with `--release` held to the bounds of docs/reliability.md as they stand.
fn is_long() -> bool {
    std::env::var_os("DAIS_LONG").is_some()
}

/// Frames that a stall loses, or it was none: most of a second.
const FRAMES_MISSED: u64 = 10;

/// Says large frames, as fast as the server takes them from one speaker.
async fn talks(mut guest: TestMember, mut is_over: watch::Receiver<bool>) {
    let payload = "x".repeat(1000);
    let mut pace = tokio::time::interval(Duration::from_secs(1) / (VOICE_BYTES_PER_SECOND / 1100));
    while !*is_over.borrow_and_update() {
        pace.tick().await;
        guest.says(&payload).await;
    }
}

/// Does not read until enough was dropped for it, then reads on: the first voice behind what was under way already is no
/// older than voice may become in an outbox.
async fn pauses_and_reads_on(server: &TestServer, mut slow: TestMember, guest: TestMember, mut witness: TestMember) {
    let (over, is_over) = watch::channel(false);
    let talking = tokio::spawn(talks(guest, is_over));
    while server.metrics().voice_frames_late_total.get() < FRAMES_MISSED {
        let heard = witness.heard.len();
        witness.until("voice", |witness| witness.heard.len() > heard).await;
    }
    // The server's clock has shown this already.
    let resumed_ms = witness.heard.last().unwrap().arrived_ms;
    slow.until("voice of now", |slow| slow.heard.last().is_some_and(|heard| heard.arrived_ms > resumed_ms)).await;
    over.send(true).unwrap();
    talking.await.unwrap();

    let gap = slow.heard.windows(2).rposition(|pair| pair[1].header.sequence.0 > pair[0].header.sequence.0 + 1);
    let gap = gap.expect("what was dropped is missing");
    let missing = slow.heard[gap + 1].header.sequence.0 - slow.heard[gap].header.sequence.0 - 1;
    let age_ms = resumed_ms.saturating_sub(slow.heard[gap + 1].arrived_ms);
    println!("{gap} frames were under way, {missing} are missing, the next was {age_ms} ms old");
    assert!(age_ms <= OUTBOX_VOICE_AGE_MS_MAX, "{age_ms} ms");
    assert!(u64::from(missing) >= FRAMES_MISSED / 2, "{missing}");
}

#[tokio::test]
async fn the_first_voice_behind_a_full_socket_is_fresh() {
    is_fresh_behind_a_full_socket(TestServer::start().await).await;
}

#[tokio::test]
async fn the_first_voice_behind_a_full_socket_is_fresh_over_tls_too() {
    is_fresh_behind_a_full_socket(TestServer::start_https().await).await;
}

async fn is_fresh_behind_a_full_socket(server: TestServer) {
    let (_host, guest, witness, slow) = talk_with_a_slow_listener(&server).await;
    pauses_and_reads_on(&server, slow, guest, witness).await;
}

#[tokio::test]
async fn the_first_voice_behind_a_missing_report_is_fresh() {
    let server = TestServer::start().await;
    let (_host, mut guest, witness) = server.talk().await;
    let mut slow = server.listener("Slow").await;
    guest.says("first").await;
    slow.hears(&guest, "first").await;
    let newest_ms = slow.heard[0].arrived_ms;
    slow.sends(&ClientFrame::VoiceReport { newest_ms }).await;
    pauses_and_reads_on(&server, slow, guest, witness).await;
}

/// A host, a guest who may speak, a witness, and somebody whose socket holds little.
async fn talk_with_a_slow_listener(server: &TestServer) -> (TestMember, TestMember, TestMember, TestMember) {
    let (host, guest, witness) = server.talk().await;
    let mut slow = TestMember::connect_with_receive_buffer(server.way().clone(), 4096).await;
    slow.logs_in("Slow").await.unwrap();
    slow.joins("hall").await.unwrap();
    (host, guest, witness, slow)
}

/// The guest talks until voice is dropped for somebody. The witness keeps up.
async fn guest_talks_until_voice_is_dropped(server: &TestServer, guest: &mut TestMember, witness: &mut TestMember) {
    // Large frames, as fast as the server takes them from one speaker.
    let payload = "x".repeat(1000);
    let mut pace = tokio::time::interval(Duration::from_secs(1) / (VOICE_BYTES_PER_SECOND / 1100));
    let mut sent = 0;
    let metrics = server.metrics();
    while metrics.voice_frames_late_total.get() + metrics.voice_frames_overflow_total.get() == 0 {
        pace.tick().await;
        guest.says(&payload).await;
        sent += 1;
        witness.until("voice", |witness| witness.heard.len() == sent).await;
    }
}

#[tokio::test]
async fn a_mute_takes_back_what_still_waits_for_a_slow_listener() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness, mut slow) = talk_with_a_slow_listener(&server).await;
    guest_talks_until_voice_is_dropped(&server, &mut guest, &mut witness).await;
    // Fresh frames now wait behind the slow socket, and would leave after the news of the mute.
    guest.says("not for you").await;
    witness.hears(&guest, "not for you").await;
    host.commands(Command::MuteSpeaker(guest.id())).await.unwrap();
    slow.sees(|view| view.person(guest.id()).is_some_and(|person| person.host_muted)).await;
    let heard = slow.heard.len();
    slow.has_been_processed().await;
    host.says("marker").await;
    slow.hears(&host, "marker").await;
    assert_eq!(slow.heard.len(), heard + 1, "nothing of the guest's came after the news");
}
