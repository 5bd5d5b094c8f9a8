//! Rooms that the operator sees, makes and ends.

use dais_shared::ids::Token;
use dais_shared::limits::HOST_AWAITED_MS;
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Mode, RoomEndReason, Setting};
use dais_shared::view::Change;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::described::{Api, Told};
use super::{SECRET, start};
use crate::harness::{ServerProcess, TestMember};

/// The secret in a host's link.
pub(super) fn token_in(made: &Told) -> Token {
    let (link, hex) = made.body["host_link"].as_str().unwrap().split_once("#host=").unwrap();
    assert_eq!(link, made.body["link"]);
    assert_eq!(hex.len(), 32);
    Token(std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()))
}

fn has_ended(member: &TestMember, wanted: RoomEndReason) -> bool {
    member.changes.iter().any(|change| matches!(change, Change::RoomEnded(reason) if *reason == wanted))
}

#[tokio::test]
async fn the_operator_sees_every_room_as_it_is() {
    let (server, api) = start().await;
    assert_eq!(api.get("/api/rooms").await.body, json!({ "rooms": [], "next": null }));
    let mut host = server.host(Mode::Moderated).await;
    let _guest = server.listener("Ben").await;
    host.commands(Command::Set(Setting::Lock(true))).await.unwrap();
    let mut other = server.person("Eve").await;
    let hidden = other.creates_hidden(true, Some("sesame")).await.unwrap();
    let rooms = api.get("/api/rooms").await.body;
    let [first, second] = rooms["rooms"].as_array().unwrap().as_slice() else { panic!("{rooms}") };
    let (hall, unlisted) = if first["id"] == "hall" { (first, second) } else { (second, first) };
    for (name, value) in [
        ("id", json!("hall")),
        ("mode", json!("moderated")),
        ("unlisted", json!(false)),
        ("locked", json!(true)),
        ("has_passcode", json!(false)),
        ("on_stage", json!(1)),
        ("listening", json!(1)),
        ("host", json!("Ada")),
    ] {
        assert_eq!(hall[name], value, "{name}");
    }
    assert!(hall["age_seconds"].as_u64().unwrap() < 3600);
    assert_eq!((&unlisted["unlisted"], &unlisted["has_passcode"]), (&json!(true), &json!(true)));
    assert_eq!(unlisted["id"], hidden.as_str());
    assert!(!rooms.to_string().contains("sesame"));
    let one = api.get("/api/rooms/hall").await.body;
    assert_eq!(one["created_ms"], hall["created_ms"]);
    let members = api.get("/api/rooms/hall/members").await.body;
    let shown: Vec<(&Value, &Value)> =
        members["members"].as_array().unwrap().iter().map(|member| (&member["name"], &member["role"])).collect();
    assert_eq!(shown, [(&json!("Ada"), &json!("host")), (&json!("Ben"), &json!("listener"))]);
    let seat = members["members"][0]["seat"].as_u64().unwrap();
    let later = api.get(&format!("/api/rooms/hall/members?after={seat}")).await.body;
    assert_eq!(later["members"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_list_of_many_rooms_comes_in_pages() {
    let (server, api) = start().await;
    for number in 0..101 {
        let made = api.post("/api/rooms", json!({ "title": "Many", "id": format!("room-{number:03}") })).await;
        assert_eq!(made.status, 201);
    }
    let first = api.get("/api/rooms").await.body;
    assert_eq!((first["rooms"].as_array().unwrap().len(), &first["next"]), (100, &json!("room-099")));
    let second = api.get("/api/rooms?after=room-099").await.body;
    assert_eq!((&second["rooms"][0]["id"], &second["next"]), (&json!("room-100"), &json!(null)));
    assert_eq!(server.status().rooms, 101);
}

#[tokio::test]
async fn a_room_that_is_made_waits_for_whoever_has_the_hosts_link() {
    let (server, api) = start().await;
    let wanted = json!({ "title": "Assembly", "id": "assembly", "mode": "moderated", "passcode": "sesame",
                         "host_name": "Grace", "wait_hours": 48 });
    let made = api.post("/api/rooms", wanted).await;
    assert_eq!((made.status, &made.body["link"]), (201, &json!("/r/assembly")));
    // Who is early may come and go, and is no host.
    let mut early = server.person("Ben").await;
    assert_eq!(early.joins("assembly").await, Err(Denied::PasscodeNeeded));
    early.joins_with("assembly", "sesame").await.unwrap();
    assert_eq!(early.role(), Role::Listener);
    // One is a date, and the other what rooms count in: read one after the other.
    let (shown, promised) = (early.view().ends_at_ms.unwrap(), made.body["waits_until_ms"].as_u64().unwrap());
    assert!(shown.abs_diff(promised) < 1000, "{shown} for {promised}");
    early.leaves().await.unwrap();
    early.joins_with("assembly", "sesame").await.unwrap();
    let mut host = TestMember::connect(server.address(), Some(token_in(&made))).await;
    host.joins("assembly").await.unwrap();
    assert_eq!((host.role(), host.view().my_name.as_str()), (Role::Host, "Grace"));
    assert_eq!(host.view().ends_at_ms, None, "somebody is in charge");
    early.sees(|view| view.ends_at_ms.is_none() && view.stage.len() == 1).await;
    assert_eq!(api.get("/api/rooms/assembly").await.body["host"], "Grace");
    assert_eq!(host.identity.unwrap().user.0, made.body["host_user"].as_u64().unwrap());
}

#[tokio::test]
async fn a_room_whose_host_never_comes_ends_in_time() {
    let (server, api) = start().await;
    let made = api.post("/api/rooms", json!({ "title": "Nobody", "id": "nobody" })).await;
    assert_eq!(made.status, 201);
    server.lets_pass_unnoticed(HOST_AWAITED_MS / 1000 - 60);
    let mut early = server.person("Ben").await;
    early.joins("nobody").await.unwrap();
    server.lets_pass(60, &mut early).await;
    early.until("the end", |member| has_ended(member, RoomEndReason::Leaderless)).await;
    assert_eq!(api.get("/api/rooms/nobody").await.error(), (404, "unknown_room"));
}

#[tokio::test]
async fn an_ended_room_tells_its_members_who_did_it_and_is_gone() {
    let (server, api) = start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    assert_eq!(api.delete("/api/rooms/hall").await.status, 204);
    for member in [&mut host, &mut guest] {
        member.until("the end", |member| has_ended(member, RoomEndReason::ByOperator)).await;
    }
    assert_eq!(api.delete("/api/rooms/hall").await.error(), (404, "unknown_room"));
    assert_eq!(guest.joins("hall").await, Err(Denied::UnknownRoom));
    guest.creates("hall", Mode::Open).await.unwrap();
}

#[tokio::test]
async fn a_room_that_waits_and_one_that_was_ended_are_so_after_a_crash_too() {
    let folder = TempDir::with_prefix("dais-").unwrap();
    let options = ["--admin-token", SECRET];
    let server = ServerProcess::start_with(folder.path(), 0, &options, None);
    let api = Api::of(server.address);
    let made = api.post("/api/rooms", json!({ "title": "Later", "id": "later" })).await;
    let before = api.get("/api/rooms/later").await.body;
    let mut host = TestMember::connect(server.address, None).await;
    host.logs_in("Ada").await.unwrap();
    host.creates("hall", Mode::Moderated).await.unwrap();
    assert_eq!(api.delete("/api/rooms/hall").await.status, 204);
    server.kill();
    let server = ServerProcess::start_with(folder.path(), 0, &options, None);
    let api = Api::of(server.address);
    let rooms = api.get("/api/rooms").await.body;
    assert_eq!(rooms["rooms"].as_array().unwrap().len(), 1, "{rooms}");
    assert_eq!(rooms["rooms"][0]["created_ms"], before["created_ms"]);
    let mut host = TestMember::connect(server.address, Some(token_in(&made))).await;
    host.joins("later").await.unwrap();
    assert_eq!(host.role(), Role::Host);
}
