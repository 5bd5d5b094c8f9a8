//! Who is known to the server, and no longer.

use dais_shared::room::{Denied, Mode};
use dais_shared::wire::Goodbye;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::described::Api;
use super::{SECRET, start};
use crate::harness::{ServerProcess, TestMember};

fn path_of(member: &TestMember) -> String {
    format!("/api/identities/{}", member.identity.as_ref().unwrap().user)
}

#[tokio::test]
async fn who_is_known_comes_in_pages_and_without_secrets() {
    let (server, api) = start().await;
    let mut known = Vec::new();
    for number in 0..101 {
        known.push(server.person(&format!("Person {number}")).await.identity.unwrap());
    }
    known.sort_by_key(|identity| identity.user);
    let first = api.get("/api/identities").await.body;
    assert_eq!(first["next"], known[99].user.0);
    let second = api.get(&format!("/api/identities?after={}", first["next"])).await.body;
    assert_eq!(second["next"], Value::Null);
    let shown = [&first, &second].into_iter().flat_map(|page| page["identities"].as_array().unwrap());
    let shown: Vec<(u64, &str)> = shown.map(|one| (one["user"].as_u64().unwrap(), one["name"].as_str().unwrap())).collect();
    assert_eq!(shown, known.iter().map(|one| (one.user.0, one.name.as_str())).collect::<Vec<_>>());
    // What else it says is in the description, which has no secret and lets nothing else pass.
    let one = &second["identities"][0];
    assert_eq!(one["created_ms"], one["used_ms"]);
}

#[tokio::test]
async fn whoever_is_revoked_is_logged_out_everywhere_and_leaves_every_seat() {
    let (server, api) = start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    let page = guest.second_page().await;
    let away = server.listener("Cleo").await;
    let away_path = path_of(&away);
    let away_token = away.token;
    drop(away);
    host.sees(|view| view.audience_count == 2 && view.audience.iter().any(|listener| listener.reconnecting)).await;
    assert_eq!(api.delete(&path_of(&guest)).await.status, 204);
    assert_eq!(guest.until_end().await.goodbye, Some(Goodbye::LoggedOut));
    assert_eq!(page.end().await.goodbye, Some(Goodbye::LoggedOut));
    host.sees(|view| view.audience_count == 1).await;
    // A seat that is only held is left, too: nobody waits for who cannot come back.
    assert_eq!(api.delete(&away_path).await.status, 204);
    host.sees(|view| view.audience_count == 0).await;
    for token in [guest.token, away_token] {
        let mut again = TestMember::connect(server.address(), token).await;
        assert_eq!(again.identity, None, "the token opens nothing");
        assert_eq!(again.joins("hall").await, Err(Denied::NotLoggedIn));
    }
    for path in [path_of(&guest), "/api/identities/nobody".to_owned()] {
        assert_eq!(api.delete(&path).await.error(), (404, "unknown_person"));
    }
    let known = api.get("/api/identities").await.body;
    assert_eq!(known["identities"].as_array().unwrap().len(), 1);
    assert_eq!(api.get("/api/rooms/hall/members").await.body["members"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_after_a_crash_either() {
    let folder = TempDir::with_prefix("dais-").unwrap();
    let options = ["--admin-token", SECRET];
    let server = ServerProcess::start_with(folder.path(), 0, &options, None);
    let mut members = Vec::new();
    for name in ["Ada", "Ben"] {
        let mut member = TestMember::connect(server.address, None).await;
        member.logs_in(name).await.unwrap();
        members.push(member);
    }
    assert_eq!(Api::of(server.address).delete(&path_of(&members[1])).await.status, 204);
    server.kill();
    let server = ServerProcess::start_with(folder.path(), 0, &options, None);
    let stays = TestMember::connect(server.address, members[0].token).await;
    assert_eq!(stays.identity.unwrap().name, "Ada");
    let revoked = TestMember::connect(server.address, members[1].token).await;
    assert_eq!(revoked.identity, None);
    let known = Api::of(server.address).get("/api/identities").await.body;
    assert_eq!(known["identities"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_hosts_link_whose_identity_is_revoked_is_void() {
    let (server, api) = start().await;
    let made = api.post("/api/rooms", json!({ "title": "Hall", "id": "hall" })).await;
    assert_eq!(api.delete(&format!("/api/identities/{}", made.body["host_user"])).await.status, 204);
    let nobody = TestMember::connect(server.address(), Some(super::rooms::token_in(&made))).await;
    assert_eq!(nobody.identity, None);
}
