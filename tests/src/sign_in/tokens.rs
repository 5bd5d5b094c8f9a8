//! Another site sends its people.

use dais_shared::ids::RoomId;
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Mode, Setting};
use dais_shared::wire::{Reply, Request};
use serde_json::{Value, json};

use super::{SENT_AWAY, bearer, cookie, handshake, is_let_in, page_ends, says, server_with_key, signed_in, with_cookie};
use crate::harness::token::{Pair, SECRET, lawful, seconds_from_now};
use crate::harness::{TestMember, TestServer};

/// A token for ten minutes that says this too.
fn token(more: Value) -> String {
    let mut claims = json!({ "exp": seconds_from_now(600) });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    lawful(&claims)
}

/// A moderated `hall` of somebody whom the other site sent without a word.
async fn with_hall() -> (TestServer, TestMember) {
    let server = server_with_key(SECRET).await;
    let mut host = bearer(&server, &token(json!({}))).await;
    host.logs_in("Ada").await.unwrap();
    host.creates("hall", Mode::Moderated).await.unwrap();
    (server, host)
}

async fn comes(server: &TestServer, more: Value) -> (TestMember, Result<RoomId, Denied>) {
    let mut member = bearer(server, &token(more)).await;
    member.logs_in("Somebody").await.unwrap();
    let said = member.joins("hall").await;
    (member, said)
}

#[tokio::test]
async fn a_link_of_the_other_site_leads_into_the_room_that_it_names() {
    let (server, _host) = with_hall().await;
    let page = server.get("/sign-in").await;
    assert_eq!(page.status, 401);
    assert!(page.text().contains("entered from another site"), "there is no password to ask for");
    let form = format!("to=%2F&token={}", token(json!({ "name": "Grace", "room": "hall", "role": "speaker" })));
    let answer = says(&server, &form, &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/r/hall")));
    let seconds: u64 =
        answer.header("set-cookie").unwrap().split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
    assert!((500..=600).contains(&seconds), "as long as the token: {seconds}");
    let cookie = cookie(&answer);
    assert!(is_let_in(&server, &cookie).await);
    let mut grace = with_cookie(&server, &cookie).await;
    assert_eq!(grace.logs_in("Mallory").await.unwrap().name, "Grace");
    grace.joins("hall").await.unwrap();
    assert_eq!((grace.role(), grace.view().my_name.as_str()), (Role::Speaker, "Grace"));
}

#[tokio::test]
async fn the_name_is_the_other_sites_whatever_is_said() {
    let (server, _host) = with_hall().await;
    let grace = token(json!({ "name": "Grace" }));
    let mut member = bearer(&server, &grace).await;
    assert_eq!(member.logs_in("Ada").await.unwrap().name, "Grace");
    assert_eq!(member.logs_in("Mallory").await.unwrap().name, "Grace", "another name is none");
    member.joins("hall").await.unwrap();
    assert_eq!(member.view().my_name, "Grace");
    // Somebody who is known by another name is Grace under her token.
    let mut known = server_member(&server, "Ben").await;
    known.leaves().await.unwrap();
    let mut again = signed_in(&server, ("authorization", &format!("Bearer {grace}")), known.token).await;
    again.joins("hall").await.unwrap();
    assert_eq!(again.view().my_name, "Grace (2)");
}

async fn server_member(server: &TestServer, name: &str) -> TestMember {
    let mut member = bearer(server, &token(json!({}))).await;
    member.logs_in(name).await.unwrap();
    member.joins("hall").await.unwrap();
    member
}

#[tokio::test]
async fn who_is_sent_to_one_room_enters_and_makes_no_other() {
    let (server, _host) = with_hall().await;
    let (_, said) = comes(&server, json!({ "room": "attic" })).await;
    assert_eq!(said, Err(Denied::NotPermitted));
    let mut guest = bearer(&server, &token(json!({ "room": "attic", "role": "speaker" }))).await;
    guest.logs_in("Ben").await.unwrap();
    assert_eq!(guest.creates("attic", Mode::Open).await, Err(Denied::NotPermitted), "its host makes it");
    let mut host = bearer(&server, &token(json!({ "room": "attic", "role": "host" }))).await;
    host.logs_in("Cleo").await.unwrap();
    assert_eq!(host.creates("cellar", Mode::Open).await, Err(Denied::NotPermitted));
    assert_eq!(host.creates_unnamed().await, Err(Denied::NotPermitted));
    host.creates("attic", Mode::Open).await.unwrap();
    guest.joins("attic").await.unwrap();
    assert_eq!(guest.role(), Role::Speaker);
}

#[tokio::test]
async fn whoever_is_sent_to_be_the_host_is_told_that_the_room_is_to_be_opened() {
    let server = server_with_key(SECRET).await;
    let asks = || Request::DescribeRoom { room: RoomId::parse("attic").unwrap() };
    for (more, wanted) in [
        (json!({ "room": "attic", "role": "host" }), Ok(Reply::RoomToOpen)),
        (json!({ "role": "host" }), Ok(Reply::RoomToOpen)),
        (json!({ "room": "attic", "role": "co_host" }), Err(Denied::UnknownRoom)),
        (json!({ "room": "cellar", "role": "host" }), Err(Denied::UnknownRoom)),
        (json!({}), Err(Denied::UnknownRoom)),
    ] {
        let mut sent = bearer(&server, &token(more.clone())).await;
        sent.logs_in("Cleo").await.unwrap();
        assert_eq!(sent.asks(asks()).await, wanted, "{more}");
    }
    let mut host = bearer(&server, &token(json!({ "room": "attic", "role": "host" }))).await;
    host.logs_in("Cleo").await.unwrap();
    host.creates("attic", Mode::Moderated).await.unwrap();
    assert!(matches!(host.asks(asks()).await, Ok(Reply::Room(room)) if room.host.as_deref() == Some("Cleo")));
}

#[tokio::test]
async fn everybody_has_the_role_that_the_other_site_gives() {
    let (server, mut ada) = with_hall().await;
    for (word, role) in [("listener", Role::Listener), ("speaker", Role::Speaker), ("co_host", Role::CoHost)] {
        let (member, said) = comes(&server, json!({ "role": word })).await;
        said.unwrap();
        assert_eq!(member.role(), role);
        if let Some(stage) = member.view().my_stage() {
            assert!(stage.self_muted && !stage.host_muted, "nobody's microphone is opened for him");
        }
    }
    let (mut host, said) = comes(&server, json!({ "role": "host" })).await;
    said.unwrap();
    assert_eq!(host.role(), Role::Host);
    ada.sees(|view| view.my_role() == Role::CoHost).await;
    // What the table says of these roles holds for them as for anybody.
    host.commands(Command::Set(Setting::Lock(true))).await.unwrap();
    assert_eq!(ada.commands(Command::Set(Setting::Lock(false))).await, Err(Denied::NotPermitted));
}

#[tokio::test]
async fn a_moderators_word_holds_against_a_given_role() {
    let (server, mut host) = with_hall().await;
    let grace = token(json!({ "name": "Grace", "role": "speaker" }));
    let mut speaker = bearer(&server, &grace).await;
    speaker.logs_in("-").await.unwrap();
    speaker.joins("hall").await.unwrap();
    host.commands(Command::MuteSpeaker(speaker.id())).await.unwrap();
    speaker.leaves().await.unwrap();
    speaker.joins("hall").await.unwrap();
    assert_eq!(speaker.unmutes().await, Err(Denied::MutedByHost), "as muted as she left");
    host.commands(Command::RemoveFromStage(speaker.id())).await.unwrap();
    let authorization = format!("Bearer {grace}");
    let mut again = signed_in(&server, ("authorization", &authorization), speaker.token).await;
    again.takes_over("hall").await.unwrap();
    assert_eq!(again.role(), Role::Listener, "a lost connection undoes nothing");
    host.commands(Command::Kick(again.id())).await.unwrap();
    assert!(matches!(again.joins("hall").await, Err(Denied::Kicked { .. })));
}

#[tokio::test]
async fn passcode_and_lock_are_skipped_by_whom_the_other_site_lets() {
    let (server, mut host) = with_hall().await;
    host.commands(Command::SetPasscode(Some("sesame".into()))).await.unwrap();
    assert_eq!(comes(&server, json!({ "role": "speaker" })).await.1, Err(Denied::PasscodeNeeded));
    let (_inside, said) = comes(&server, json!({ "skips": ["passcode"] })).await;
    said.unwrap();
    host.commands(Command::Set(Setting::Lock(true))).await.unwrap();
    assert_eq!(comes(&server, json!({ "skips": ["passcode"] })).await.1, Err(Denied::RoomLocked));
    let (_inside, said) = comes(&server, json!({ "skips": ["passcode", "lock"] })).await;
    said.unwrap();
}

#[tokio::test]
async fn a_token_ends_and_the_next_connection_is_told() {
    let (server, mut host) = with_hall().await;
    let token = token(json!({ "name": "Grace" }));
    let line = cookie(&says(&server, &format!("token={token}"), &[]).await);
    assert!(is_let_in(&server, &line).await);
    server.lets_pass(600 + 31, &mut host).await;
    assert!(!is_let_in(&server, &line).await);
    assert_eq!(page_ends(&server, &[&line]).await, SENT_AWAY);
    assert_eq!(handshake(&server, &[&format!("Authorization: Bearer {token}")]).await, 401);
    assert_eq!(says(&server, &format!("token={token}"), &[]).await.status, 401);
}

#[tokio::test]
async fn a_site_with_a_key_pair_signs_with_the_private_one() {
    let pair = Pair::new();
    let server = server_with_key(&pair.public()).await;
    let claims = json!({ "exp": seconds_from_now(60), "name": "Grace" });
    let mut grace = bearer(&server, &pair.signed(&claims)).await;
    assert_eq!(grace.logs_in("-").await.unwrap().name, "Grace");
    let other = format!("Authorization: Bearer {}", Pair::new().signed(&claims));
    assert_eq!(handshake(&server, &[&other]).await, 401);
}
