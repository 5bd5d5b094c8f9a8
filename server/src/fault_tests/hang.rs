//! A disk that says nothing, as one in a cabinet whose cable is loose.

use std::time::Instant;

use dais_shared::limits::STORE_HANG_MS;
use dais_shared::room::{Pass, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::auth::token_hash;
use crate::config::AdminToken;
use crate::store::{Link, LinkId};

/// What the server answers to a request with these header lines and this body, as text. Each is a connection of its own.
async fn http(server: &Running, method: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let length = body.len();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Up to the end of the head: an upgraded connection stays open.
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Who sits here, counted from those who came first.
async fn user_of(server: &Running, name: &str, place: usize) -> UserId {
    seats(server, name).await[place]
}

async fn seats(server: &Running, name: &str) -> Vec<UserId> {
    let mailbox = server.house().rooms.find(&room(name)).unwrap().mailbox;
    let (answer, answered) = tokio::sync::oneshot::channel();
    mailbox.send(Message::TellSeats { after: None, answer }).await.unwrap();
    answered.await.unwrap().into_iter().map(|(_, seat)| seat.user).collect()
}

/// Whether the app, or that there is none in this build; a WebSocket; and a session were answered.
fn let_in(answers: [String; 3]) -> [bool; 3] {
    let [page, socket, entered] = answers.map(|answer| status(&answer));
    [matches!(page, 200 | 404), socket == 101, entered == 303]
}

async fn until_it_is_well(server: &Running) {
    drop(timeout(Duration::from_secs(10), server.house().store.wait_for_place()).await.expect("it goes on").unwrap());
}

#[tokio::test]
async fn for_a_disk_that_hangs_nobody_waits_long_and_what_was_decided_is_on_it_later() {
    let (server, folder) = start().await;
    let (mut host, token) = logged_in(&server).await;
    host.ask(creating("hall")).await.0.unwrap();
    let (mut guest, _) = logged_in(&server).await;
    let me = guest.ask(joining_room("hall")).await.1.unwrap().me;
    host.ask(Request::Room(Command::Invite(me))).await.0.unwrap();
    let (mut third, _) = logged_in(&server).await;
    third.ask(joining_room("hall")).await.0.unwrap();
    let left = user_of(&server, "hall", 2).await;
    third.ask(Request::LeaveRoom).await.0.unwrap();
    let store = &server.house().store;

    let (lets_go, until) = std::sync::mpsc::channel();
    let began = Instant::now();
    store.hang(until).await;
    // Asked before anybody can know, it has happened.
    let (locked, banned) =
        tokio::join!(host.ask(Request::Room(Command::Set(Setting::Lock(true)))), ordered(&server, Order::Ban(left)));
    assert_eq!((locked.0, banned), (Ok(Reply::Done), Err(Denied::Unavailable)), "an order is obeyed when it is kept");
    let waited_ms = began.elapsed().as_millis() as u64;
    assert!((STORE_HANG_MS..STORE_HANG_MS + 2_000).contains(&waited_ms), "told after {waited_ms} ms");
    assert!(store.check().is_err(), "/healthz says so");
    let title = Command::Set(Setting::Title("Other".into()));
    assert_eq!(host.ask(Request::Room(title)).await.0, Err(Denied::Unavailable));
    host.ask(Request::Room(Command::CancelInvite(me))).await.0.unwrap();
    assert_eq!(guest.ask(Request::Login { name: "Renamed".into() }).await.0, Err(Denied::Unavailable));
    let mut again = Client::connect(&server, Some(token)).await;
    assert_eq!(again.goodbye().await, Goodbye::Overloaded, "nobody can say who that is, and nobody says nobody");
    assert!(began.elapsed() < Duration::from_millis(2 * STORE_HANG_MS), "all others are answered at once");

    drop(lets_go);
    let handed_over = async {
        while kept(&server).await.is_none_or(|room| room.invitation_of(me).is_some()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), handed_over).await.expect("what was decided meanwhile is handed over");
    assert_eq!(ordered(&server, Order::Ban(left)).await, Ok(()), "it holds, and is kept by now");
    host.ask(Request::Room(Command::Set(Setting::Topic("Well".into())))).await.0.unwrap();
    drop((host, guest));
    let (server, _left) = after_a_crash(folder.path()).await;
    let mut host = Client::connect(&server, Some(token)).await;
    let view = host.ask(joining_room("hall")).await.1.unwrap();
    assert!(view.settings.is_locked && view.settings.topic == "Well");
    server.shutdown().await;
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_done_behind_a_disk_that_hung() {
    let (server, _folder) = start().await;
    let (host, _) = logged_in(&server).await;
    let store = &server.house().store;
    let (lets_go, until) = std::sync::mpsc::channel();
    store.hang(until).await;
    let identity = Identity { user: UserId(7), name: "Nobody".into() };
    let write = Write::IdentityCreated { identity, token: [7; 32], link: None };
    assert!(store.write(write).await.is_err());
    drop(lets_go);
    until_it_is_well(&server).await;
    assert_eq!(store.is_user_known(UserId(7)).await, Ok(false), "its token is nobody's");
    drop(host);
    server.shutdown().await;
}

#[tokio::test]
async fn whoever_is_signed_in_by_a_link_is_not_told_that_he_is_not() {
    let folder = TempDir::with_prefix("dais-").unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "open sesame").unwrap();
    let (server, _folder) = start_with(Config { sign_in_password_file: Some(password), ..Config::default() }).await;
    let store = &server.house().store;
    let hall = Room::new(room("hall"), Settings::new("Hall".into(), Mode::Open), None, UserId(1));
    store.write(Write::Room(Box::new(hall))).await.unwrap();
    let link = Link {
        id: LinkId(1),
        room: room("hall"),
        pass: Pass::NONE,
        not_before_ms: 0,
        expires_ms: u64::MAX >> 1,
        uses: 0,
        uses_max: None,
        created_ms: 0,
    };
    store.write(Write::LinkMade { link, secret: token_hash(&[7; 16]) }).await.unwrap();
    let cookie = format!("Cookie: dais-session=i.{}\r\n", "07".repeat(16));
    let handshake = format!(
        "{cookie}Origin: http://localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    );
    let (form, invite) = ("Content-Type: application/x-www-form-urlencoded\r\n", format!("invite={}", "07".repeat(16)));
    let ask = async || {
        let (page, socket, entered) = tokio::join!(
            http(&server, "GET", "/", &cookie, ""),
            http(&server, "GET", "/ws", &handshake, ""),
            http(&server, "POST", "/sign-in", form, &invite),
        );
        [page, socket, entered]
    };
    assert_eq!(let_in(ask().await), [true; 3]);

    let (lets_go, until) = std::sync::mpsc::channel();
    store.hang(until).await;
    for _ in 0..2 {
        for answer in ask().await {
            assert!(status(&answer) == 503 && answer.contains("retry-after"), "{answer}");
        }
        // A page that is not connected learns that it is the server, and nothing on the way.
        let why = http(&server, "POST", "/ws", &format!("{cookie}Origin: http://localhost\r\n"), "").await;
        assert_eq!(status(&why), 503, "{why}");
    }
    drop(lets_go);
    until_it_is_well(&server).await;
    assert_eq!(let_in(ask().await), [true; 3]);
    server.shutdown().await;
}

#[tokio::test]
async fn whoever_is_to_be_forgotten_is_also_where_the_order_is_given_again() {
    let token = Some(AdminToken("0123456789abcdef".into()));
    let (server, _folder) = start_with(Config { admin_token: token, ..Config::default() }).await;
    let (mut host, _) = logged_in(&server).await;
    host.ask(creating("hall")).await.0.unwrap();
    let (mut guest, _) = logged_in(&server).await;
    guest.ask(joining_room("hall")).await.0.unwrap();
    let user = user_of(&server, "hall", 1).await;

    let (lets_go, until) = std::sync::mpsc::channel();
    server.house().store.hang(until).await;
    let path = format!("/api/identities/{user}");
    let forget = || http(&server, "DELETE", &path, "Authorization: Bearer 0123456789abcdef\r\n", "");
    assert_eq!(status(&forget().await), 503);
    drop((lets_go, guest));
    until_it_is_well(&server).await;
    let gone = async {
        while server.house().auth.is_connected(user) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), gone).await.expect("his page is gone");
    assert_eq!(status(&forget().await), 204, "the first one came to nothing");
    assert_eq!(seats(&server, "hall").await.len(), 1, "and his seat is not held");
    assert_eq!(status(&forget().await), 404);
    server.shutdown().await;
}
