//! What one network may have of rooms and connections, what is kept for the operator, and which rooms give way.

use dais_bots::server::Server as BotsServer;
use dais_bots::{listen, say};
use dais_server::{AdminToken, Config};
use dais_shared::limits::SEAT_GRACE_MS;
use dais_shared::room::{Denied, Mode};
use serde_json::json;
use tempfile::TempDir;

use crate::harness::http::{Answer, call};
use crate::harness::{PATIENCE, RawPeer, ServerProcess, TestMember, TestServer};

const ADMIN: &str = "0123456789abcdef";
const AS_OPERATOR: [&str; 2] = ["Authorization: Bearer 0123456789abcdef", "Content-Type: application/json"];
const ROOMS: usize = 20;

/// A house for twenty rooms, two of which are the operator's.
async fn house() -> TestServer {
    let config = Config {
        rooms: ROOMS,
        rooms_per_person: 1,
        admin_token: Some(AdminToken(ADMIN.into())),
        trust_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        ..Config::default()
    };
    TestServer::start_with(config).await
}

/// Somebody from there makes a room and sits in it.
async fn founds(server: &TestServer, from: &str, room: &str) -> Result<TestMember, Denied> {
    let mut founder = TestMember::connect_for(from, server.way().clone()).await;
    founder.logs_in("Founder").await.unwrap();
    founder.creates(room, Mode::Open).await.map(|_| founder)
}

async fn operator_makes(server: &TestServer) -> Answer {
    call(server.way().clone(), "POST", "/api/rooms", &AS_OPERATOR, Some(&json!({ "title": "Assembly" }).to_string())).await
}

/// Waits until what the operator is told of who sits there has this in it. To be asked makes a room look at the clock.
async fn members_say(server: &TestServer, room: &str, said: &str) {
    let told = async {
        let (path, token) = (format!("/api/rooms/{room}/members"), format!("Authorization: Bearer {ADMIN}"));
        while !server.get_with(&path, &[&token]).await.text().contains(said) {}
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("{room} never says {said}"));
}

/// Waits until so many, or more, have been told that a room gave way.
async fn are_told_it_gave_way(server: &TestServer, times: u64) {
    let is_told = |page: &str| {
        let count = page.lines().find_map(|line| line.strip_prefix("dais_refused_total{reason=\"room_gave_way\"} "));
        count.and_then(|count| count.parse::<u64>().ok()).is_some_and(|count| count >= times)
    };
    let token = format!("Authorization: Bearer {ADMIN}");
    let told = async { while !is_told(&server.get_with("/metrics", &[&token]).await.text()) {} };
    tokio::time::timeout(PATIENCE, told).await.expect("they are told");
}

#[tokio::test]
async fn many_addresses_of_one_network_do_not_take_all_rooms() {
    let subnet = |n: usize| format!("2001:db8:1:23{n:02x}::7");
    let host = |n: usize| format!("203.0.113.{n}");
    let asked: [fn(usize) -> String; 2] = [subnet, host];
    for of in asked {
        let server = house().await;
        let mut founders = Vec::new();
        let mut denied = None;
        for n in 0..ROOMS {
            match founds(&server, &of(n % 5), &format!("room-{n}")).await {
                Ok(founder) => founders.push(founder),
                Err(no) => denied = Some(no),
            }
        }
        assert_eq!(denied, Some(Denied::TooManyRoomsOfNetwork));
        assert!((5..=ROOMS / 2).contains(&founders.len()), "{}", founders.len());
        founders.push(founds(&server, "198.51.100.7", "elsewhere").await.unwrap());
        assert_eq!(operator_makes(&server).await.status, 201);
    }
}

#[tokio::test]
async fn the_operators_places_last_while_the_server_is_full_and_deserted_rooms_give_way() {
    let server = house().await;
    let mut founders = Vec::new();
    for n in 0..ROOMS - ROOMS / 10 {
        founders.push(founds(&server, &format!("198.{n}.100.7"), &format!("room-{n}")).await.unwrap());
    }
    assert_eq!(founds(&server, "203.0.113.7", "one-more").await.err(), Some(Denied::TooManyRooms));
    for _ in 0..ROOMS / 10 {
        assert_eq!(operator_makes(&server).await.status, 201);
    }
    let refused = operator_makes(&server).await;
    assert!(refused.status == 409 && refused.text().contains("too_many_rooms"), "{}", refused.text());

    // Two founders are gone; in the older one's room somebody else has been.
    let mut guest = server.person("Ben").await;
    guest.joins("room-3").await.unwrap();
    guest.leaves().await.unwrap();
    let mut watcher = server.stranger().await;
    let (alone, visited) = (founders.remove(7), founders.remove(3));
    let token = alone.token;
    drop((alone, visited));
    for room in ["room-3", "room-7"] {
        members_say(&server, room, "\"connected\":false").await;
    }
    assert_eq!(founds(&server, "203.0.113.7", "one-more").await.err(), Some(Denied::TooManyRooms), "their seats are held");
    server.lets_pass_unnoticed(SEAT_GRACE_MS / 1000);
    for room in ["room-3", "room-7"] {
        members_say(&server, room, "\"members\":[]").await;
    }
    let mut newcomer = founds(&server, "203.0.113.7", "one-more").await.expect("a deserted room gives way");
    assert_eq!(founds(&server, "203.0.114.7", "and-another").await.err(), Some(Denied::TooManyRooms), "and no other does");
    let mut rooms = watcher.lists_rooms(None).await.rooms;
    // It was told to go, and goes when it comes to that.
    while rooms.iter().any(|room| room.id.as_str() == "room-7") {
        rooms = watcher.lists_rooms(None).await.rooms;
    }
    let is_there = |id: &str| rooms.iter().any(|room| room.id.as_str() == id);
    assert!(is_there("room-3") && is_there("one-more"), "{rooms:?}");
    let mut back = TestMember::connect(server.way().clone(), token).await;
    assert_eq!(back.joins("room-7").await, Err(Denied::RoomGaveWay), "whoever comes back is told");
    are_told_it_gave_way(&server, 1).await;

    // To bots it is a room that is not there: it is waited for, and made anew.
    newcomer.leaves().await.unwrap();
    let (room, to) = ("room-7".to_owned(), format!("ws://{}/ws", server.address()));
    let to = || BotsServer { url: to.clone(), trust: None, token: None, password_file: None };
    let (out, name) = (server.folder().join("heard.wav"), "Listening".to_owned());
    let listening = listen::Arguments { server: to(), room: room.clone(), out, seconds: 0.1, name };
    let speaking = say::Arguments { file: None, tone: Some(0.1), server: to(), room, name: "Speaking".into() };
    let comes_later = async {
        are_told_it_gave_way(&server, 2).await;
        say::run(&speaking).await
    };
    tokio::try_join!(listen::run(&listening), comes_later).unwrap();
}

#[tokio::test]
async fn many_addresses_of_one_network_do_not_take_all_connections() {
    let config = Config { connections: 100, connections_per_address: 10, ..Config::default() };
    let server = TestServer::start_with(config).await;
    let (mut peers, mut refused) = (Vec::new(), None);
    for n in 0..50u8 {
        let mut peer = RawPeer::connect([127, 0, 9, 1 + n % 25], server.address()).await;
        match peer.upgrades(&[]).await {
            answer if answer.status == 101 => peers.push(peer),
            answer => refused = Some(answer),
        }
    }
    let refused = refused.expect("the network has its share");
    assert_eq!((refused.status, refused.header("retry-after"), peers.len()), (429, Some("5"), 20));
    assert!(refused.text().contains("network"), "{}", refused.text());
    drop(RawPeer::upgraded([127, 0, 10, 1], server.address()).await);
    let page = server.get("/metrics").await.text();
    assert!(page.contains("dais_refused_total{reason=\"network_full\"} 30\n"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_for_an_operator_is_so_from_when_there_is_one() {
    const ROOMS: usize = 10;
    let folder = TempDir::with_prefix("dais-shares-").unwrap();
    let options = folder.path().join("dais.toml");
    let write = |more: &str| std::fs::write(&options, format!("rooms = {ROOMS}\ntrust-proxy = [\"127.0.0.1\"]\n{more}")).unwrap();
    write("");
    let server = ServerProcess::start_with(folder.path(), 0, &["--config", options.to_str().unwrap()], None);
    let comes = async |number: usize| {
        let mut founder = TestMember::connect_for(&format!("198.{number}.100.7"), server.address).await;
        founder.logs_in("Founder").await.unwrap();
        founder.creates(&format!("room-{number}"), Mode::Open).await.map(|_| founder)
    };
    let mut founders = Vec::new();
    for number in 1..ROOMS {
        founders.push(comes(number).await.unwrap());
    }
    write(&format!("admin-token = \"{ADMIN}\"\n"));
    server.signal("HUP");
    server.complains_of("admin_token=\"new\"");
    assert_eq!(comes(ROOMS).await.err(), Some(Denied::TooManyRooms), "one place in ten is the operator's from now on");
    let made = call(server.address, "POST", "/api/rooms", &AS_OPERATOR, Some(r#"{ "title": "Assembly" }"#)).await;
    assert_eq!(made.status, 201, "{}", made.text());
}
