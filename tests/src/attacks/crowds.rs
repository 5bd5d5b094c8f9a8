//! Many sockets at once: half-open ones by the thousand, more than the server may have files, more than one address may
//! have connections, and tries at passcodes from many connections.

use std::time::Duration;

use dais_shared::ids::PageId;
use dais_shared::limits::{HTTP_HEAD_MS_MAX, PASSCODE_BURST, PASSCODES_PER_ADDRESS};
use dais_shared::room::{Denied, Mode};
use dais_shared::wire::Request;
use tokio::time::{Instant, timeout};

use super::{ATTACKER, Scene};
use crate::harness::{PATIENCE, RawPeer};

/// Half a request from each of so many sockets, from some addresses in turn.
async fn half_open(scene: &Scene, count: usize, addresses: u8) -> Vec<RawPeer> {
    let mut peers = Vec::with_capacity(count);
    for from in (1..=addresses).map(|last| [127, 0, 7, last]).cycle().take(count) {
        let mut peer = RawPeer::connect(from, scene.address()).await;
        // Where there is no place for it, it may be put out already.
        peer.tries_to_send(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgr").await;
        peers.push(peer);
    }
    peers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_sockets_by_the_thousand() {
    const SOCKETS: usize = 3_000;
    /// What each may cost while it stands: its buffer for a head, and a task.
    const BYTES_EACH_MAX: u64 = 32 * 1024;
    let mut scene = Scene::begin().await;
    scene.may_grow_by(SOCKETS as u64 * BYTES_EACH_MAX);
    let peers = half_open(&scene, SOCKETS, 8).await;
    let began = Instant::now();
    let newcomer = scene.newcomer().await;
    println!(
        "{SOCKETS} half-open sockets cost {} kB; somebody new came in after {} ms",
        scene.growth_bytes() / 1024,
        began.elapsed().as_millis()
    );
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for mut peer in peers {
        let ending = peer.ending(Duration::from_millis(HTTP_HEAD_MS_MAX) + PATIENCE).await;
        assert_eq!((ending.goodbye, ending.close_code), (None, None));
    }
    drop(newcomer);
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_sockets_than_there_are_files() {
    // 236 are for sockets, and a quarter of these for those that are no WebSocket yet.
    let scene = Scene::begin_with(&[], Some(300)).await;
    let _peers = half_open(&scene, 600, 10).await;
    // Requests whose answers nobody reads.
    let mut unread = Vec::new();
    for from in (1..=10).map(|last| [127, 0, 8, last]).cycle().take(100) {
        let mut peer = RawPeer::connect_with_receive_buffer(from, scene.address(), 4096).await;
        peer.tries_to_send(&b"GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000)).await;
        unread.push(peer);
    }
    let began = Instant::now();
    drop(scene.newcomer().await);
    println!("somebody new came in after {} ms", began.elapsed().as_millis());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(scene.server.figure("dais_sockets_put_out_total").await >= 500.0);

    // Whole connections, from so many addresses that none has more than its share.
    let (mut connections, mut refused) = (Vec::new(), None);
    for from in (1..=50).map(|last| [127, 0, 9, last]).cycle().take(200) {
        let mut peer = RawPeer::connect(from, scene.address()).await;
        match peer.upgrades(&[]).await {
            answer if answer.status == 101 => connections.push(peer),
            answer => refused = Some(answer),
        }
    }
    let refused = refused.expect("there are not that many files");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    assert!(refused.text().contains("full"), "{}", refused.text());
    assert!(connections.len() > 150, "{}", connections.len());
    assert!(scene.server.figure("dais_refused_total{reason=\"server_full\"}").await >= 1.0);
    drop(connections);
    assert!(!scene.server.complaints().contains("accept"), "it never ran out of files: {}", scene.server.complaints());
    // Until the server has noticed that they are gone.
    let is_room = async {
        while RawPeer::connect(ATTACKER, scene.address()).await.upgrades(&[]).await.status != 101 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, is_room).await.expect("there is room again");
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_with_more_connections_than_its_share() {
    const SHARE: usize = 40;
    let scene = Scene::begin_with(&["--connections-per-address", &SHARE.to_string()], None).await;
    let mut peers = Vec::new();
    for _ in 0..SHARE {
        peers.push(RawPeer::upgraded(ATTACKER, scene.address()).await);
    }
    let refused = RawPeer::connect(ATTACKER, scene.address()).await.upgrades(&[]).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("5")));
    assert!(refused.text().contains("--connections-per-address"), "{}", refused.text());
    drop(RawPeer::upgraded([127, 0, 66, 7], scene.address()).await);

    // This machine's own address is an address like others: the three members sit there already.
    let mut own = Vec::new();
    for _ in 3..SHARE {
        own.push(RawPeer::upgraded([127, 0, 0, 1], scene.address()).await);
    }
    assert_eq!(RawPeer::connect([127, 0, 0, 1], scene.address()).await.upgrades(&[]).await.status, 429);
    assert!(scene.server.figure("dais_refused_total{reason=\"address_full\"}").await >= 2.0);
    drop(own);
    let is_room = async {
        while scene.server.figure("dais_connections").await > (SHARE + 3) as f64 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // All that it may do anew within 20 s has been used up.
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    timeout(PATIENCE, is_room).await.expect("they are gone");
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_that_comes_and_goes_all_the_time() {
    const SHARE: u32 = 40;
    let scene = Scene::begin_with(&["--connections-per-address", &SHARE.to_string()], None).await;
    let (mut came, mut refused) = (0, None);
    while refused.is_none() && came < 20 * SHARE {
        let mut peer = RawPeer::connect(ATTACKER, scene.address()).await;
        match peer.upgrades(&[]).await.status {
            101 => came += 1,
            status => refused = Some(status),
        }
    }
    println!("{came} connections came and went");
    assert_eq!(refused, Some(429));
    let too_fast = scene.server.figure("dais_refused_total{reason=\"address_too_fast\"}").await;
    let full = scene.server.figure("dais_refused_total{reason=\"address_full\"}").await;
    assert!(too_fast + full >= 1.0);

    // Logins on a few connections: each page needs one, and a join.
    let (from, mut denied) = ([127, 0, 66, 8], 0);
    let mut peers = Vec::new();
    for _ in 0..10 {
        peers.push(RawPeer::greeted(from, scene.address()).await);
    }
    for number in 0..2 * SHARE + 20 {
        let peer = &mut peers[number as usize % 10];
        match peer.logs_in(&format!("Name {number}")).await {
            Ok(_) => {}
            Err(Denied::TooFast) => denied += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(denied > 0, "the address has arrived often enough");
    assert!(scene.server.figure("dais_refused_total{reason=\"arrivals\"}").await >= 1.0);
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passcodes_tried_over_many_connections() {
    let scene = Scene::begin().await;
    let mut host = RawPeer::person([127, 0, 0, 5], scene.address(), "Ada").await;
    let (room, passcode) = (Some(dais_shared::ids::RoomId::parse("behind-a-door").unwrap()), Some("4711".into()));
    let create = Request::CreateRoom { room, title: "x".into(), mode: Mode::Open, unlisted: false, passcode, page: PageId(1) };
    host.asks(create).await.unwrap();

    let mut answers = Vec::new();
    'tries: for number in 0.. {
        let mut thief = RawPeer::person(ATTACKER, scene.address(), "Thief").await;
        for guess in 0..PASSCODE_BURST {
            let guess = format!("{:04}", number * PASSCODE_BURST + guess);
            answers.push(thief.joins("behind-a-door", Some(&guess), 1).await);
            if answers.last() != Some(&Err(Denied::PasscodeWrong)) || answers.len() > 2 * PASSCODES_PER_ADDRESS as usize {
                break 'tries;
            }
        }
    }
    println!("{} tries", answers.len());
    assert_eq!(answers.pop(), Some(Err(Denied::TooFast)));
    assert!(answers.len() >= PASSCODES_PER_ADDRESS as usize, "{}", answers.len());
    assert!(scene.server.figure("dais_refused_total{reason=\"passcodes\"}").await >= 1.0);
    // Not even the right one, from there; elsewhere it opens.
    let mut thief = RawPeer::person(ATTACKER, scene.address(), "Thief").await;
    assert_eq!(thief.joins("behind-a-door", Some("0000"), 1).await, Err(Denied::TooFast));
    let mut guest = RawPeer::person([127, 0, 0, 6], scene.address(), "Ben").await;
    guest.joins("behind-a-door", Some("4711"), 1).await.unwrap();
    scene.goes_on().await;
}
