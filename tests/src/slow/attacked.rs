//! A hall whose server is attacked meanwhile: what its listeners notice.
//!
//! Half-open sockets, requests that come byte by byte, messages announced with 64 MiB, and messages in parts that never end,
//! from addresses of their own. In a normal run for a second, to see the messages sent away; with `DAIS_LONG` in five pairs of
//! phases with and without, whose delays are compared.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dais_shared::wire::Goodbye;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use super::hall::{Comparison, Hall};
use super::is_long;
use crate::harness::{Ending, PATIENCE, RawPeer, frame};

const HEALTHY: usize = 40;
const BITRATE_BPS: i32 = 32_000;
/// Sockets that say nothing, and sockets that dribble.
const HALF_OPEN: usize = 1_000;
const DRIBBLING: usize = 200;
const DRIBBLE: Duration = Duration::from_millis(100);
/// Between two messages that are too large, and between two that never end.
const PAUSE: Duration = Duration::from_millis(20);
/// Until the server is done with those that have gone.
const SETTLE: Duration = Duration::from_secs(1);

/// From where they come: none has more than its share.
const fn attacker(number: usize) -> [u8; 4] {
    [127, 0, 67, (number % 200) as u8 + 1]
}

/// Says nothing, or a byte of a request now and then.
async fn holds(mut peer: RawPeer, dribbles: bool, mut is_over: watch::Receiver<bool>) {
    let mut request = b"GET /ws HTTP/1.1\r\nHost: dais\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
    let mut pace = interval(DRIBBLE);
    while dribbles && !*is_over.borrow() {
        pace.tick().await;
        let byte = request.next().expect("it never ends");
        if !peer.tries_to_send(&[*byte]).await {
            return; // sent away
        }
    }
    // The sender lives until it is over.
    let _ = is_over.wait_for(|is_over| *is_over).await;
}

/// Sends this on one connection after the other, and counts what was sent away as it should be.
async fn repeats(
    address: SocketAddr,
    sends: Vec<u8>,
    ending: Ending,
    sent_away: Arc<AtomicUsize>,
    is_over: watch::Receiver<bool>,
) {
    let mut pace = interval(PAUSE);
    for number in 0.. {
        if *is_over.borrow() {
            return;
        }
        pace.tick().await;
        let mut peer = RawPeer::greeted(attacker(number), address).await;
        let _ = peer.tries_to_send(&sends).await;
        assert_eq!(peer.ending(PATIENCE).await, ending);
        sent_away.fetch_add(1, Ordering::Relaxed);
    }
}

/// All attacks at once, until it is over. Counts those of either kind that were sent away.
async fn attack(address: SocketAddr, is_over: &watch::Receiver<bool>, sent_away: &[Arc<AtomicUsize>; 2]) -> JoinSet<()> {
    let mut attacks = JoinSet::new();
    for number in 0..HALF_OPEN + DRIBBLING {
        let peer = RawPeer::connect(attacker(number), address).await;
        attacks.spawn(holds(peer, number >= HALF_OPEN, is_over.clone()));
    }
    let large = [&[0x82, 0xFF], &(64_u64 << 20).to_be_bytes()[..], &[1, 2, 3, 4]].concat();
    let parts = [frame(0x02, &[1; 1000]), frame(0x00, &[1; 1000])].concat();
    let refused = Ending { goodbye: Some(Goodbye::Malformed), close_code: Some(1002) };
    let repeated = [(large, Ending::with(Goodbye::TooLarge)), (parts, refused)];
    for ((sends, ending), sent_away) in repeated.into_iter().zip(sent_away) {
        attacks.spawn(repeats(address, sends, ending, Arc::clone(sent_away), is_over.clone()));
    }
    attacks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_notice_no_attack() {
    let (pairs, phase) = if is_long() { (5, Duration::from_secs(6)) } else { (1, Duration::from_secs(1)) };
    let hall = Hall::begin(HEALTHY, BITRATE_BPS).await;
    let (mut comparison, sent_away) = (Comparison::default(), <[Arc<AtomicUsize>; 2]>::default());
    for _ in 0..pairs {
        hall.forget_delays();
        sleep(phase).await;
        let without_ms = hall.p99_ms();
        let (over, is_over) = watch::channel(false);
        let attacks = attack(hall.server.address, &is_over, &sent_away).await;
        hall.forget_delays();
        sleep(phase).await;
        comparison.note(without_ms, hall.p99_ms());
        over.send_replace(true);
        attacks.join_all().await;
        sleep(SETTLE).await;
    }
    println!("{sent_away:?}");
    let at_least = if is_long() { pairs * (phase.as_millis() / PAUSE.as_millis()) as usize / 4 } else { 1 };
    assert!(sent_away.iter().all(|count| count.load(Ordering::Relaxed) >= at_least), "{at_least} of each were to be sent away");
    if is_long() {
        comparison.shows_no_harm();
    }
    hall.ends().await;
}
