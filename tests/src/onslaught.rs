//! Hostile clients over raw sockets: whatever they send, nobody is heard who was silenced, the server does not stumble,
//! and the people beside them go on talking.
//!
//! A hundred thousand messages in a normal run, a million with `DAIS_LONG`. `DAIS_SEED` chooses what is sent; when it
//! meets what is the machine's affair.

mod ear;
mod hostile;
mod line;
mod moderator;
mod random;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use dais_shared::ids::{MemberId, Revision, RoomId};
use dais_shared::room::{Command, Mode, Unheard};
use dais_shared::wire::Request;
use tokio::sync::watch;

use crate::harness::TestServer;
use hostile::Hostile;
use line::Line;
use moderator::Moderator;
use random::Random;

const HOSTILE_MEMBERS: u64 = 12;
const MESSAGES_PER_WAVE: u64 = 25_000;

fn messages() -> u64 {
    if std::env::var_os("DAIS_LONG").is_some() { 1_000_000 } else { 100_000 }
}

fn seed() -> u64 {
    std::env::var("DAIS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121)
}

/// What everybody on the honest side knows of each other without the server's help.
#[derive(Debug, Default)]
struct Shared {
    /// The host's last lifting of each member's mute. The member and not the stream, which may be another one by the time
    /// the host is obeyed.
    lifted: Mutex<BTreeMap<MemberId, Lift>>,
    /// Requests of hostile members that were answered.
    answered: AtomicU64,
}

/// A mute being lifted: frames may come before the news of it.
#[derive(Clone, Copy, Debug)]
enum Lift {
    /// It was asked for, and not answered yet.
    Asked,
    /// It was done, and whoever has seen this revision knows of it.
    Done(Revision),
}

/// How many hostile messages the server has judged, be it at the door.
fn judged(server: &TestServer, shared: &Shared) -> u64 {
    let metrics = server.metrics();
    let unheard: u64 = Unheard::ALL.into_iter().map(|reason| metrics.voice_frames_unheard(reason)).sum();
    shared.answered.load(Ordering::Relaxed)
        + unheard
        + metrics.voice_frames_heard_total.get()
        + metrics.voice_frames_duplicate_total.get()
        + metrics.voice_frames_stale_total.get()
        + metrics.voice_frames_too_fast_total.get()
}

/// Whether enough was sent that nobody may hear, for each reason.
fn was_tried(server: &TestServer) -> bool {
    let reasons = [Unheard::NotOnStage, Unheard::MutedByHost, Unheard::MutedBySelf];
    reasons.into_iter().all(|reason| server.metrics().voice_frames_unheard(reason) > 100)
}

/// One connection's worth of each.
async fn all_rage(hostile: Vec<Hostile>, address: SocketAddr) -> Vec<Hostile> {
    let raging: Vec<_> = hostile
        .into_iter()
        .map(|mut one| {
            tokio::spawn(async move {
                one.rages(address).await;
                one
            })
        })
        .collect();
    let mut tired = Vec::new();
    for one in raging {
        tired.push(one.await.unwrap());
    }
    tired
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_heard_after_the_acknowledgement_whatever_hostile_members_send() {
    let (server, shared, seed) = (TestServer::start().await, Arc::new(Shared::default()), seed());
    println!("DAIS_SEED={seed}");
    let room = RoomId::parse("hall").unwrap();
    let mut host = Line::creates(server.address(), &room, Mode::Open, &shared).await;
    host.asks(Request::Room(Command::SetMicrophone { muted: false })).await.unwrap();
    let mut guest = Line::joins(server.address(), &room, "Ben", &shared).await;
    guest.asks(Request::Room(Command::TakeSeat)).await.unwrap();
    guest.asks(Request::Room(Command::SetMicrophone { muted: false })).await.unwrap();
    let mut witness = Line::joins(server.address(), &room, "Cleo", &shared).await;
    let honest = [&host, &guest, &witness].map(|line| line.view().me);
    let mut moderator = Moderator::new(host, honest, &shared, Random::new(seed));
    let mut hostile: Vec<_> = (1..=HOSTILE_MEMBERS).map(|number| Hostile::new(number, seed, &room, &shared)).collect();

    let mut wave = 0;
    // The host's commands have a rate, and hostile members wait who do and undo the same: where the machine is quick, a wave
    // more gives them time.
    while judged(&server, &shared) < messages() || !moderator.has_acted() || !was_tried(&server) {
        wave += 1;
        let enough = judged(&server, &shared) + MESSAGES_PER_WAVE;
        let (over, is_over) = watch::channel(false);
        let listeners = [guest, witness].map(|mut line| {
            let is_over = is_over.clone();
            tokio::spawn(async move {
                line.listens_until(is_over).await;
                line
            })
        });
        let moderating = tokio::spawn(async move {
            moderator.moderates_until(is_over).await;
            moderator
        });
        while judged(&server, &shared) < enough {
            hostile = all_rage(hostile, server.address()).await;
        }
        over.send(true).unwrap();
        moderator = moderating.await.unwrap();
        let [first, second] = listeners;
        (guest, witness) = (first.await.unwrap(), second.await.unwrap());

        let (from_host, from_guest) = (format!("wave {wave}"), format!("wave {wave}, answered"));
        moderator.line.says(&from_host).await;
        guest.says(&from_guest).await;
        for line in [&mut guest, &mut witness] {
            line.hears(&from_host).await;
        }
        for line in [&mut moderator.line, &mut witness] {
            line.hears(&from_guest).await;
        }
    }

    println!("{} messages judged in {wave} waves; acknowledged: {moderator}", judged(&server, &shared));
    let metrics = server.metrics();
    assert_eq!(metrics.room_restarts_total.get(), 0, "nothing in the room has panicked");
    assert_eq!(server.get("/healthz").await.status, 200);
    // What was tried has happened often, or nothing is proved.
    assert!(witness.frames_heard() > 1000, "{} frames were lawful", witness.frames_heard());
    assert!(metrics.misbehaved_total.get() > 10, "floods and rubbish were sent away");
    server.stop().await;
}
