//! Tokens of another site (JWT) that are forged, used up, or meant for something else; RFC 8725 names most of these.

use dais_shared::ids::{PageId, RoomId};
use dais_shared::room::Denied;
use dais_shared::wire::Request;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{ATTACKER, Scene};
use crate::harness::RawPeer;
use crate::harness::http::call;
use crate::harness::token::{Pair, SECRET, lawful, seconds_from_now, under_secret, unsigned};

/// A server that another site with this key sends people to, and members whom it sent.
async fn begin(key: &str, members: &str) -> (Scene, TempDir) {
    let folder = TempDir::with_prefix("dais-key-").unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, key).unwrap();
    let options = ["--sign-in-jwt-key", path.to_str().unwrap()];
    (Scene::begin_signed_in(&options, members).await, folder)
}

fn claims(seconds: i64) -> Value {
    json!({ "name": "Mallory", "role": "host", "exp": seconds_from_now(seconds) })
}

/// Each comes to nothing wherever it is shown.
async fn open_nothing(scene: &Scene, rows: Vec<(&str, String)>) {
    for (name, token) in rows {
        let authorization = format!("Authorization: Bearer {token}");
        let mut peer = RawPeer::connect(ATTACKER, scene.address()).await;
        assert_eq!(peer.upgrades(&[&authorization]).await.status, 401, "{name}");
        let cookie = format!("Cookie: dais-session=t.{token}");
        let mut peer = RawPeer::connect(ATTACKER, scene.address()).await;
        assert_eq!(peer.upgrades(&[&cookie]).await.status, 401, "{name}, in a cookie");
        let kind = ["Content-Type: application/x-www-form-urlencoded"];
        let answer = call(scene.address(), "POST", "/sign-in", &kind, Some(&format!("token={token}"))).await;
        assert!(matches!(answer.status, 400 | 401) && answer.header("set-cookie").is_none(), "{name}, in the form");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_are_forged_or_over() {
    let (scene, _key) = begin(SECRET, &lawful(&json!({ "exp": seconds_from_now(3_600) }))).await;
    let (none, hs256) = (json!({ "alg": "none" }), json!({ "alg": "HS256" }));
    let good = lawful(&claims(600));
    let (head, signature) = good.rsplit_once('.').unwrap();
    let other_claims = unsigned(&json!({ "alg": "HS256", "typ": "JWT" }), &json!({ "exp": seconds_from_now(9_999) }));
    let under = |header: Value, claims: Value| under_secret(SECRET.as_bytes(), &header, &claims);
    let rows = vec![
        ("alg none, unsigned", format!("{}.", unsigned(&none, &claims(600)))),
        ("alg none, signed", under(none, claims(600))),
        ("alg None", format!("{}.", unsigned(&json!({ "alg": "None" }), &claims(600)))),
        ("no alg", under(json!({ "typ": "JWT" }), claims(600))),
        ("an algorithm that is not the key's", under(json!({ "alg": "HS512" }), claims(600))),
        ("one for public keys", under(json!({ "alg": "RS256" }), claims(600))),
        ("a wrong secret", under_secret(b"what the other site and he share", &hs256, &claims(600))),
        ("an empty secret", under_secret(b"", &hs256, &claims(600))),
        (
            "a secret of its own, inside",
            under_secret(b"k", &json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": "aw" } }), &claims(600)),
        ),
        ("no signature", format!("{head}.")),
        ("half of a signature", format!("{head}.{}", &signature[..20])),
        ("other claims under a signature", format!("{other_claims}.{signature}")),
        ("two parts", head.into()),
        ("four parts", format!("{good}.{signature}")),
        ("an extension that has to be understood", under(json!({ "alg": "HS256", "crit": ["exp"] }), claims(600))),
        ("expired", lawful(&claims(-60))),
        ("without an end", lawful(&json!({ "name": "Mallory" }))),
        ("with an end that is no number", lawful(&json!({ "exp": "tomorrow" }))),
        ("not yet valid", lawful(&json!({ "exp": seconds_from_now(600), "nbf": seconds_from_now(300) }))),
        ("for somebody else", lawful(&json!({ "exp": seconds_from_now(600), "aud": "payroll" }))),
        ("of a role that there is not", lawful(&json!({ "exp": seconds_from_now(600), "role": "operator" }))),
        ("longer than any", lawful(&json!({ "exp": seconds_from_now(600), "x": "x".repeat(3_000) }))),
        ("nothing", String::new()),
        ("dots", "..".into()),
    ];
    open_nothing(&scene, rows).await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_key_taken_for_a_secret() {
    let pair = Pair::new();
    let (scene, _key) = begin(&pair.public(), &pair.signed(&json!({ "exp": seconds_from_now(3_600) }))).await;
    let under = |secret: &[u8], algorithm: &str| under_secret(secret, &json!({ "alg": algorithm }), &claims(600));
    let pem = pair.public();
    let rows = vec![
        ("the PEM file as a secret", under(pem.as_bytes(), "HS256")),
        ("the PEM file without its last line's end", under(pem.trim_end().as_bytes(), "HS256")),
        ("the bare key as a secret", under(pair.point(), "HS256")),
        ("the bare key, and the right algorithm", under(pair.point(), "EdDSA")),
        ("another pair's", Pair::new().signed(&claims(600))),
        ("expired", pair.signed(&claims(-60))),
    ];
    open_nothing(&scene, rows).await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_another_room() {
    let (scene, _key) = begin(SECRET, &lawful(&json!({ "exp": seconds_from_now(3_600) }))).await;
    let token = lawful(&json!({ "exp": seconds_from_now(600), "room": "attic", "role": "host" }));
    let mut peer = RawPeer::connect(ATTACKER, scene.address()).await;
    assert_eq!(peer.upgrades(&[&format!("Authorization: Bearer {token}")]).await.status, 101);
    let (mut peer, _) = peer.says_hello(None).await;
    peer.logs_in("Mallory").await.unwrap();
    assert_eq!(peer.joins("hall", None, 1).await, Err(Denied::NotPermitted));
    let room = RoomId::parse("hall").unwrap();
    let take_over = Request::JoinRoom { room, passcode: None, page: PageId(1), take_over: true, microphone_open: true };
    assert_eq!(peer.asks(take_over).await, Err(Denied::NotPermitted));
    scene.goes_on().await;
}
