//! A full stage that sends more than anybody can hear: as many frames as one may, each of them said to be the last, and as many
//! clock mappings. Each keeps every limit. Whoever moderates mutes them one by one all the same, and listeners are not told each
//! speaker's time over and over.

use std::time::Duration;

use dais_shared::ids::{MemberId, Seq};
use dais_shared::limits::{MAPPING_MS_MIN, STAGE_SEATS_MAX};
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Mode};
use dais_shared::voice::{Header, TALKSPURT_END};
use dais_shared::wire::{ClientFrame, FromServer, Request, ServerFrame, decode_server, encode_client_voice};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::hall::{Hall, listener};
use super::is_long;
use crate::harness::{RawPeer, TestMember, frame};

const BITRATE_BPS: i32 = 32_000;
/// The host and whoever moderates have a seat each.
const LOUD: usize = STAGE_SEATS_MAX - 2;

/// Somebody on stage who floods it until told.
async fn floods(number: usize, hall: &Hall, mut is_over: watch::Receiver<bool>) -> JoinHandle<()> {
    let mut peer = RawPeer::person([127, 0, 75, 1], hall.server.address, &format!("Loud {number}")).await;
    peer.joins("hall", None, 1).await.unwrap();
    peer.asks(Request::Room(Command::TakeSeat)).await.unwrap();
    peer.asks(Request::Room(Command::SetMicrophone { muted: false })).await.unwrap();
    tokio::spawn(async move {
        // A hundred a second, however late the machine is.
        let mut pace = interval(Duration::from_millis(10));
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for sequence in 0.. {
            tokio::select! {
                _ = pace.tick() => {}
                _ = is_over.changed() => return,
            }
            let timestamp = u64::from(sequence) * 480;
            let header =
                Header { sequence: Seq(sequence), timestamp, duration_samples: 480, level_dbov: 20, flags: TALKSPURT_END };
            if !peer.tries_to_send(&frame(0x82, &encode_client_voice(&header, &[0xFF; 40]))).await {
                return;
            }
            if sequence % 6 == 0 {
                peer.says(&ClientFrame::ClockMapping { timestamp, server_ms: 1_700_000_000_000 + timestamp / 48 }).await;
            }
            if sequence % 200 == 0 {
                peer.says(&ClientFrame::Ping { nonce: sequence }).await;
            }
            let mut ignored = [0; 4096];
            while peer.socket.try_read(&mut ignored).is_ok_and(|count| count > 0) {}
        }
    })
}

/// How many clock mappings a listener is told, until it is over.
async fn counts_mappings(mut peer: RawPeer, is_over: watch::Receiver<bool>) -> usize {
    let mut count = 0;
    while !*is_over.borrow() {
        let (_, payload) = peer.next_frame().await.expect("a listener is never cut off");
        match decode_server(&payload).unwrap() {
            FromServer::Control(ServerFrame::ClockMapping { .. }) => count += 1,
            FromServer::Control(ServerFrame::Ping { nonce }) => peer.says(&ClientFrame::Pong { nonce }).await,
            _ => {}
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_never_stops_can_be_muted_one_by_one() {
    let hall = Hall::begin_in(Mode::Open, if is_long() { 200 } else { 60 }, BITRATE_BPS).await;
    let mut moderator = TestMember::connect_from([127, 0, 71, 1], hall.server.address).await;
    moderator.logs_in("Moderator").await.unwrap();
    moderator.joins("hall").await.unwrap();
    moderator.commands(Command::TakeSeat).await.unwrap();
    hall.makes_co_host(moderator.id());
    moderator.sees(|view| view.my_role() == Role::CoHost).await;
    let witness = listener(&hall.server, 60_000, None).await;

    let (over, is_over) = watch::channel(false);
    let began = Instant::now();
    let counting = tokio::spawn(counts_mappings(witness, is_over.clone()));
    let mut loud = Vec::new();
    for number in 0..LOUD {
        loud.push(floods(number, &hall, is_over.clone()).await);
    }
    moderator.sees(|view| view.stage.len() == STAGE_SEATS_MAX).await;
    sleep(Duration::from_secs(2)).await;
    let is_loud = |person: &&dais_shared::view::Person| person.name.starts_with("Loud");
    let members: Vec<MemberId> = moderator.view().stage.iter().filter(is_loud).map(|person| person.member).collect();
    assert_eq!(members.len(), LOUD);
    let mut slowest = Duration::ZERO;
    for member in members {
        let asked = Instant::now();
        moderator.asks(Request::Room(Command::MuteSpeaker(member))).await.unwrap();
        slowest = slowest.max(asked.elapsed());
        moderator.forgets_what_it_saw();
    }
    over.send_replace(true);
    let mappings = counting.await.unwrap();
    let most = LOUD * (began.elapsed().as_millis() as usize / MAPPING_MS_MIN as usize + 2);
    println!("{LOUD} who never stop: a mute was answered after {slowest:?} at most; {mappings} mappings, {most} may be");
    assert!(mappings > 0 && mappings <= most);
    assert!(slowest <= Duration::from_millis(if cfg!(debug_assertions) { 1_000 } else { 100 }));
    for member in loud {
        member.await.unwrap();
    }
    hall.ends().await;
}
