//! Whom the operator keeps out and lets in.

use dais_server::Config;
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, LeaveReason, Mode};
use serde_json::json;

use super::{start, start_with};
use crate::harness::TestMember;

fn user(member: &TestMember) -> u64 {
    member.identity.as_ref().unwrap().user.0
}

#[tokio::test]
async fn a_ban_of_the_hosts_is_seen_without_an_address_and_lifted() {
    let (server, api) = start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    host.commands(Command::Ban(guest.id())).await.unwrap();
    guest.until("the ban", |member| member.put_out.is_some()).await;
    let bans = api.get("/api/rooms/hall/bans").await.body;
    let [ban] = bans["bans"].as_array().unwrap().as_slice() else { panic!("{bans}") };
    assert_eq!((&ban["user"], &ban["name"], &ban["blocks_address"]), (&json!(user(&guest)), &json!("Ben"), &json!(true)));
    // Numbers of people are random and may hold any digits, but no point.
    assert!(!bans.to_string().contains("127."), "{bans}");
    assert_eq!(guest.joins("hall").await, Err(Denied::Banned));
    let path = format!("/api/rooms/hall/bans/{}", user(&guest));
    assert_eq!(api.delete(&path).await.status, 204);
    assert_eq!(api.delete(&path).await.error(), (404, "unknown_person"));
    assert_eq!(api.get("/api/rooms/hall/bans").await.body, json!({ "bans": [] }));
    guest.joins("hall").await.unwrap();
}

#[tokio::test]
async fn the_operator_bans_whoever_sits_there_or_has_left_and_the_host_too() {
    let (server, api) = start_with(Config { block_addresses: false, ..Config::default() }).await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    witness.leaves().await.unwrap();
    for person in [&witness, &host] {
        let banned = api.post("/api/rooms/hall/bans", json!({ "user": user(person) })).await;
        assert_eq!(banned.status, 204);
    }
    host.until("the ban", |member| matches!(member.put_out, Some((LeaveReason::Banned, None)))).await;
    guest.sees(|view| view.my_role() == Role::Host).await;
    for person in [&mut witness, &mut host] {
        assert_eq!(person.joins("hall").await, Err(Denied::Banned));
    }
    let stranger = server.person("Eve").await;
    let unknown = api.post("/api/rooms/hall/bans", json!({ "user": user(&stranger) })).await;
    assert_eq!(unknown.error(), (404, "unknown_person"));
    let bans = api.get("/api/rooms/hall/bans").await.body;
    assert_eq!(bans["bans"].as_array().unwrap().len(), 2, "{bans}");
}
