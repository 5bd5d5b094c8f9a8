//! Links that let people into a room with more than others have.

use std::time::{SystemTime, UNIX_EPOCH};

use dais_server::{AdminToken, Config};
use dais_shared::ids::Token;
use dais_shared::limits::{LINK_MS, LINK_MS_MAX, LINKS_PER_ROOM_MAX};
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Mode, Setting};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::described::{Api, Told};
use super::{SECRET, start};
use crate::harness::http::call;
use crate::harness::{RawPeer, ServerProcess, TestMember, TestServer};

const LINKS: &str = "/api/rooms/hall/links";

/// The secret in a link.
fn secret_in(made: &Told) -> Token {
    let link = made.body["link"].as_str().unwrap_or_else(|| panic!("{made:?}"));
    let hex = link.strip_prefix("/r/hall#invite=").unwrap();
    assert_eq!(hex.len(), 32);
    Token(std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()))
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// Somebody who opens a link and says a name.
async fn opens(server: &TestServer, link: Token, name: &str) -> TestMember {
    let mut guest = TestMember::connect(server.way().clone(), Some(link)).await;
    assert_eq!(guest.identity, None, "a link is nobody's identity");
    guest.logs_in(name).await.unwrap();
    guest
}

async fn with_hall() -> (TestServer, Api, TestMember) {
    let (server, api) = start().await;
    let host = server.host(Mode::Moderated).await;
    (server, api, host)
}

#[tokio::test]
async fn whoever_has_a_link_has_what_it_gives() {
    let (server, api, mut host) = with_hall().await;
    host.commands(Command::SetPasscode(Some("sesame".into()))).await.unwrap();
    host.commands(Command::Set(Setting::Lock(true))).await.unwrap();
    let made = api.post(LINKS, json!({ "role": "speaker", "skips": ["passcode", "lock"] })).await;
    assert_eq!((made.status, &made.body["uses"], &made.body["uses_max"]), (201, &json!(0), &json!(null)));
    assert_eq!(made.body["expires_ms"].as_u64().unwrap() - made.body["not_before_ms"].as_u64().unwrap(), LINK_MS);
    let mut guest = opens(&server, secret_in(&made), "Grace").await;
    guest.joins("hall").await.unwrap();
    assert_eq!(guest.role(), Role::Speaker);
    // It is the guest's own from then on, for this room: gone and come back, the link is not asked for.
    guest.leaves().await.unwrap();
    let mut guest = guest.reconnects().await;
    guest.joins("hall").await.unwrap();
    assert_eq!(guest.role(), Role::Speaker);
    let co_host = api.post(LINKS, json!({ "role": "co_host", "skips": ["passcode"] })).await;
    let mut second = opens(&server, secret_in(&co_host), "Ben").await;
    assert_eq!(second.joins("hall").await, Err(Denied::RoomLocked), "that it does not give");
    host.commands(Command::Set(Setting::Lock(false))).await.unwrap();
    second.joins("hall").await.unwrap();
    assert_eq!(second.role(), Role::CoHost);
    let listed = api.get(LINKS).await.body;
    let uses: Vec<&Value> = listed["links"].as_array().unwrap().iter().map(|link| &link["uses"]).collect();
    assert_eq!(uses, [&json!(1), &json!(1)]);
    let hex = made.body["link"].as_str().unwrap().split_once('=').unwrap().1;
    assert!(!listed.to_string().contains(hex), "no list says a secret");
}

#[tokio::test]
async fn a_hosts_link_gives_the_chair() {
    let (server, api, mut host) = with_hall().await;
    let made = api.post(LINKS, json!({ "role": "host" })).await;
    let mut grace = opens(&server, secret_in(&made), "Grace").await;
    grace.joins("hall").await.unwrap();
    assert_eq!(grace.role(), Role::Host);
    host.sees(|view| view.my_role() == Role::CoHost).await;
}

#[tokio::test]
async fn a_link_leads_into_its_own_room_alone() {
    let (server, api, _host) = with_hall().await;
    let mut other = server.person("Eve").await;
    other.creates("attic", Mode::Moderated).await.unwrap();
    let made = api.post(LINKS, json!({ "role": "co_host" })).await;
    let mut guest = opens(&server, secret_in(&made), "Grace").await;
    guest.joins("attic").await.unwrap();
    assert_eq!(guest.role(), Role::Listener);
    let id = made.body["id"].as_u64().unwrap();
    assert_eq!(api.delete(&format!("/api/rooms/attic/links/{id}")).await.error(), (404, "unknown_link"));
    assert_eq!(api.delete(&format!("{LINKS}/{}", id ^ 1)).await.error(), (404, "unknown_link"));
    assert_eq!(api.post("/api/rooms/cellar/links", json!({})).await.error(), (404, "unknown_room"));
}

#[tokio::test]
async fn a_link_holds_from_then_until_then() {
    let (server, api, mut host) = with_hall().await;
    let (begins_ms, ends_ms) = (now_ms() + 3_600_000, now_ms() + 7_200_000);
    let made = api.post(LINKS, json!({ "role": "speaker", "not_before_ms": begins_ms, "expires_ms": ends_ms })).await;
    let mut guest = opens(&server, secret_in(&made), "Grace").await;
    guest.joins("hall").await.unwrap();
    assert_eq!(guest.role(), Role::Listener, "not yet");
    guest.leaves().await.unwrap();
    server.lets_pass(3_700, &mut host).await;
    guest.joins("hall").await.unwrap();
    assert_eq!(guest.role(), Role::Speaker);
    server.lets_pass(3_600, &mut host).await;
    guest.has_been_processed().await;
    assert_eq!(guest.role(), Role::Speaker, "who sits there sits there");
    guest.leaves().await.unwrap();
    guest.joins("hall").await.unwrap();
    assert_eq!(guest.role(), Role::Listener, "no longer");
    let mut late = opens(&server, secret_in(&made), "Late").await;
    late.joins("hall").await.unwrap();
    assert_eq!(late.role(), Role::Listener);
}

#[tokio::test]
async fn a_link_brings_so_many_people_and_no_more() {
    let (server, api, _host) = with_hall().await;
    let made = api.post(LINKS, json!({ "role": "speaker", "uses_max": 2 })).await;
    let mut guests = Vec::new();
    for (name, role) in [("One", Role::Speaker), ("Two", Role::Speaker), ("Three", Role::Listener)] {
        let mut guest = opens(&server, secret_in(&made), name).await;
        guest.joins("hall").await.unwrap();
        assert_eq!(guest.role(), role, "{name}");
        guests.push(guest);
    }
    guests[0].leaves().await.unwrap();
    guests[0].joins("hall").await.unwrap();
    assert_eq!(guests[0].role(), Role::Speaker, "coming again is no other use");
    assert_eq!(api.get(LINKS).await.body["links"][0]["uses"], 2);
}

#[tokio::test]
async fn a_revoked_link_gives_nothing_any_more_to_nobody() {
    let (server, api, _host) = with_hall().await;
    let made = api.post(LINKS, json!({ "role": "co_host" })).await;
    let mut guest = opens(&server, secret_in(&made), "Grace").await;
    guest.joins("hall").await.unwrap();
    assert_eq!(api.delete(&format!("{LINKS}/{}", made.body["id"])).await.status, 204);
    assert_eq!(api.get(LINKS).await.body, json!({ "links": [] }));
    guest.leaves().await.unwrap();
    guest.joins("hall").await.unwrap();
    assert_eq!(guest.role(), Role::Listener);
    let mut late = opens(&server, secret_in(&made), "Late").await;
    late.joins("hall").await.unwrap();
    assert_eq!(late.role(), Role::Listener);
}

#[tokio::test]
async fn a_room_takes_its_links_along_and_has_only_so_many() {
    let (server, api, mut host) = with_hall().await;
    let made = api.post(LINKS, json!({ "role": "host" })).await;
    for _ in 1..LINKS_PER_ROOM_MAX {
        assert_eq!(api.post(LINKS, json!({})).await.status, 201);
    }
    assert_eq!(api.post(LINKS, json!({})).await.error(), (409, "too_many_links"));
    host.commands(Command::EndRoom).await.unwrap();
    let mut host = server.host(Mode::Moderated).await;
    assert_eq!(api.get(LINKS).await.body, json!({ "links": [] }), "another room of the same name");
    let mut guest = opens(&server, secret_in(&made), "Grace").await;
    guest.joins("hall").await.unwrap();
    assert_eq!(guest.role(), Role::Listener);
    host.has_been_processed().await;
}

#[tokio::test]
async fn a_wish_that_cannot_be_is_refused() {
    let (_server, api, _host) = with_hall().await;
    let now_ms = now_ms();
    for wrong in [
        json!({ "role": "operator" }),
        json!({ "skips": ["ban"] }),
        json!({ "expires_ms": now_ms - 1_000 }),
        json!({ "expires_ms": now_ms + 60_000, "not_before_ms": now_ms + 60_000 }),
        json!({ "expires_ms": now_ms + LINK_MS_MAX + 60_000 }),
        json!({ "not_before_ms": u64::MAX }),
        json!({ "uses_max": 0 }),
        json!({ "uses_max": 100_001 }),
        json!({ "name": "Grace" }),
    ] {
        assert_eq!(api.post(LINKS, wrong.clone()).await.error(), (400, "invalid_body"), "{wrong}");
    }
}

#[tokio::test]
async fn links_and_whom_they_brought_survive_a_crash() {
    let folder = TempDir::with_prefix("dais-").unwrap();
    let options = ["--admin-token", SECRET];
    let server = ServerProcess::start_with(folder.path(), 0, &options, None);
    let mut host = TestMember::connect(server.address, None).await;
    host.logs_in("Ada").await.unwrap();
    host.creates("hall", Mode::Moderated).await.unwrap();
    let api = Api::of(server.address);
    let made = api.post(LINKS, json!({ "role": "speaker", "uses_max": 2 })).await;
    let void = api.post(LINKS, json!({ "role": "co_host" })).await;
    assert_eq!(api.delete(&format!("{LINKS}/{}", void.body["id"])).await.status, 204);
    let mut guest = TestMember::connect(server.address, Some(secret_in(&made))).await;
    guest.logs_in("Grace").await.unwrap();
    server.kill();
    let server = ServerProcess::start_with(folder.path(), 0, &options, None);
    let mut host = TestMember::connect(server.address, host.token).await;
    host.joins("hall").await.unwrap();
    let links = Api::of(server.address).get(LINKS).await.body;
    assert_eq!(links["links"].as_array().unwrap().len(), 1, "{links}");
    assert_eq!((&links["links"][0]["id"], &links["links"][0]["uses"]), (&made.body["id"], &json!(1)));
    let mut guest = TestMember::connect(server.address, guest.token).await;
    guest.joins("hall").await.unwrap();
    assert_eq!(guest.role(), Role::Speaker);
    for (link, role) in [(&made, Role::Speaker), (&made, Role::Listener), (&void, Role::Listener)] {
        let mut other = TestMember::connect(server.address, Some(secret_in(link))).await;
        other.logs_in("Other").await.unwrap();
        other.joins("hall").await.unwrap();
        assert_eq!(other.role(), role);
    }
}

#[tokio::test]
async fn where_people_sign_in_a_link_lets_its_bearers_into_its_room_and_no_further() {
    let folder = TempDir::with_prefix("dais-sign-in-").unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "open sesame").unwrap();
    let admin_token = Some(AdminToken(SECRET.into()));
    let server = TestServer::start_with(Config { sign_in_password_file: Some(path), admin_token, ..Config::default() }).await;
    let api = Api::of(server.address());
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let signs_in = async |form: &str| call(server.way().clone(), "POST", "/sign-in", &[kind], Some(form)).await;
    let password = signs_in("password=open+sesame").await;
    let password = password.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let mut host = TestMember::connect_with(("cookie", &password), server.way().clone(), None).await;
    host.logs_in("Ada").await.unwrap();
    host.creates("hall", Mode::Moderated).await.unwrap();

    let made = api.post(LINKS, json!({ "role": "speaker", "uses_max": 1 })).await;
    let secret = secret_in(&made);
    let hex = made.body["link"].as_str().unwrap().split_once('=').unwrap().1;
    let answer = signs_in(&format!("to=%2F&invite={hex}")).await;
    assert_eq!((answer.status, answer.header("location")), (303, made.body["link"].as_str()), "on, with the link");
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let mut guest = TestMember::connect_with(("cookie", &cookie), server.way().clone(), Some(secret)).await;
    guest.logs_in("Grace").await.unwrap();
    assert_eq!(guest.creates("attic", Mode::Open).await, Err(Denied::NotPermitted));
    guest.joins("hall").await.unwrap();
    assert_eq!(guest.role(), Role::Speaker);
    // It has brought as many as it may: who comes now is let into no room.
    let mut second = TestMember::connect_with(("cookie", &cookie), server.way().clone(), Some(secret)).await;
    second.logs_in("Second").await.unwrap();
    assert_eq!(second.joins("hall").await, Err(Denied::NotPermitted));
    assert_eq!(api.delete(&format!("{LINKS}/{}", made.body["id"])).await.status, 204);
    guest.leaves().await.unwrap();
    assert_eq!(guest.joins("hall").await, Err(Denied::NotPermitted));
    let mut peer = RawPeer::connect([127, 0, 0, 1], server.address()).await;
    assert_eq!(peer.upgrades(&[&format!("Cookie: {cookie}")]).await.status, 401);
    assert_eq!(signs_in(&format!("invite={hex}")).await.status, 401);
}
