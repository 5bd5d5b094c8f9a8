//! Whoever is refused, and whoever runs the house, can find out why: in the answer, in the metrics, in the log.

mod told;

use std::collections::BTreeMap;

use dais_server::{AdminToken, Config};
use dais_shared::room::{Command, Denied, Mode, Setting};
use dais_shared::wire::Goodbye;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::harness::http::{Answer, call};
use crate::harness::token::{Pair, SECRET, lawful, seconds_from_now, under_secret, unsigned};
use crate::harness::{PATIENCE, RawPeer, TestServer, UPGRADE, frame};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";
const ADMIN: &str = "0123456789abcdef";
const HOME: [u8; 4] = [127, 0, 0, 1];

/// How often each reason was given.
async fn counts(server: &TestServer, headers: &[&str]) -> BTreeMap<String, u64> {
    let page = server.get_with("/metrics", headers).await.text();
    let reasons = page.lines().filter_map(|line| line.strip_prefix("dais_refused_total{reason=\"")?.split_once("\"} "));
    reasons.map(|(reason, count)| (reason.to_owned(), count.parse().unwrap())).collect()
}

/// What has come on top.
fn since(before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let more = now.iter().map(|(reason, count)| (reason.clone(), count - before[reason]));
    more.filter(|(_, count)| *count > 0).collect()
}

async fn server_with_key(key: &str) -> TestServer {
    let folder = tempfile::TempDir::with_prefix("dais-key-").unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, key).unwrap();
    TestServer::start_with(Config { sign_in_jwt_key: Some(path), ..Config::default() }).await
}

fn claims(more: Value) -> Value {
    let mut claims = json!({ "name": "Grace", "exp": seconds_from_now(600) });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

#[tokio::test]
async fn of_every_token_that_is_refused_it_is_told_what_is_wrong() {
    let server = server_with_key(SECRET).await;
    let under = |header: Value| under_secret(SECRET.as_bytes(), &header, &claims(json!({})));
    let good = lawful(&claims(json!({})));
    let (head, signature) = good.rsplit_once('.').unwrap();
    let rows = [
        ("algorithm", format!("{}.", unsigned(&json!({ "alg": "none" }), &claims(json!({}))))),
        ("algorithm", under(json!({ "alg": "HS512" }))),
        ("algorithm", under(json!({ "alg": "RS256" }))),
        ("algorithm", under(json!({ "typ": "JWT" }))),
        ("algorithm", Pair::new().signed(&claims(json!({})))),
        ("signature", under_secret(b"what another site and he share..", &json!({ "alg": "HS256" }), &claims(json!({})))),
        ("signature", format!("{head}.{}", &signature[..20])),
        ("critical", under(json!({ "alg": "HS256", "crit": ["exp"] }))),
        ("malformed", head.to_owned()),
        ("malformed", format!("{good}.{signature}")),
        ("malformed", "nothing of the kind".into()),
        ("too_long", lawful(&claims(json!({ "x": "x".repeat(2_000) })))),
        ("expired", lawful(&claims(json!({ "exp": seconds_from_now(-60) })))),
        ("too_early", lawful(&claims(json!({ "nbf": seconds_from_now(300) })))),
        ("end", lawful(&json!({ "name": "Grace" }))),
        ("end", lawful(&claims(json!({ "exp": "tomorrow" })))),
        ("begin", lawful(&claims(json!({ "nbf": "today" })))),
        ("audience", lawful(&claims(json!({ "aud": "payroll" })))),
        ("name", lawful(&claims(json!({ "name": "" })))),
        ("room", lawful(&claims(json!({ "room": "A Hall" })))),
        ("role", lawful(&claims(json!({ "role": "operator" })))),
        ("skips", lawful(&claims(json!({ "skips": ["ban"] })))),
    ];
    for (why, token) in rows {
        let before = counts(&server, &[]).await;
        let authorization = format!("Authorization: Bearer {token}");
        assert_eq!(RawPeer::connect(HOME, server.address()).await.upgrades(&[&authorization]).await.status, 401, "{why}");
        let cookie = format!("Cookie: dais-session=t.{token}");
        let page = server.get_with("/r/hall", &[&cookie]).await;
        let origin = format!("Origin: http://{}", server.address());
        let mut connection = RawPeer::connect(HOME, server.address()).await;
        assert_eq!(connection.upgrades(&[&origin, &cookie]).await.status, 101, "{why}: a page learns it from a goodbye");
        assert_eq!(connection.ending(PATIENCE).await.goodbye, Some(Goodbye::NotSignedIn), "{why}");
        let form = call(server.way().clone(), "POST", "/sign-in", &[FORM], Some(&format!("token={token}"))).await;
        assert_eq!((page.status, form.status), (401, 401), "{why}");
        let wanted = vec![(format!("token_{why}"), 4)];
        assert_eq!(since(&before, &counts(&server, &[]).await), wanted, "{token}");
        // Who brings what is signed rightly is told more than who may be guessing.
        let sentence = match why {
            "expired" => "has expired. Go back there",
            "too_early" => "is not valid yet",
            "algorithm" | "signature" | "malformed" | "too_long" => "That link is not valid, or its time is over.",
            "critical" => "(crit)",
            "end" => "(exp)",
            "begin" => "(nbf)",
            "audience" => "(aud)",
            claim => &format!("({claim})"),
        };
        assert!(page.text().contains(sentence) && form.text().contains(sentence), "{why}: {}", page.text());
    }
}

#[tokio::test]
async fn late_tokens_keep_nobody_out_who_brings_a_good_one() {
    let server = server_with_key(SECRET).await;
    let say =
        async |token: String| call(server.way().clone(), "POST", "/sign-in", &[FORM], Some(&format!("token={token}"))).await;
    let late = lawful(&claims(json!({ "exp": seconds_from_now(-60) })));
    for _ in 0..dais_shared::limits::SIGN_INS_PER_ADDRESS + 5 {
        let answer = say(late.clone()).await;
        assert!(answer.status == 401 && answer.text().contains("has expired"), "a class with yesterday's link is told so");
    }
    assert_eq!(say(lawful(&claims(json!({})))).await.status, 303);
}

/// All that comes back on a connection that is closed then.
async fn whole_answer(mut peer: RawPeer, request: &str) -> Answer {
    let mut answer = Vec::new();
    peer.socket.write_all(request.as_bytes()).await.unwrap();
    timeout(PATIENCE, peer.socket.read_to_end(&mut answer)).await.unwrap().unwrap();
    Answer::parse(&answer)
}

/// One request, and under which reason its refusal is counted.
type Row<'a> = (&'a str, &'a str, Vec<&'a str>, Option<&'a str>, u16, &'a str);

async fn are_counted(server: &TestServer, operator: &[&str], rows: Vec<Row<'_>>) {
    for (method, path, headers, body, status, reason) in rows {
        let before = counts(server, operator).await;
        let answer = call(server.way().clone(), method, path, &headers, body).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.text());
        let wanted = vec![(reason.to_owned(), 1)];
        assert_eq!(since(&before, &counts(server, operator).await), wanted, "{method} {path} {headers:?}");
    }
}

#[tokio::test]
async fn every_answer_that_is_a_no_is_counted_once_with_its_reason() {
    let admin_token = Some(AdminToken(ADMIN.into()));
    let server = TestServer::start_with(Config { admin_token, ..Config::default() }).await;
    let operator = format!("Authorization: Bearer {ADMIN}");
    let api = || vec![operator.as_str(), JSON];
    let with = |place: usize, line: &'static str| {
        let mut lines = UPGRADE.to_vec();
        lines[place] = line;
        lines
    };
    let large = json!({ "title": "x".repeat(5_000) }).to_string();
    let foreign = [&UPGRADE[..], &["Origin: https://evil.example"]].concat();
    are_counted(
        &server,
        &[&operator],
        vec![
            ("GET", "/nothing.js", vec![], None, 404, "unknown_path"),
            ("PUT", "/healthz", vec![], None, 405, "unknown_method"),
            ("GET", "/ws", vec![], None, 426, "not_a_handshake"),
            ("GET", "/ws", with(2, "Sec-WebSocket-Version: 8"), None, 426, "handshake_version"),
            ("GET", "/ws", with(3, "Sec-WebSocket-Key: short"), None, 400, "handshake_key"),
            ("GET", "/ws", [&["Host: a"], &UPGRADE[..], &["Host: b"]].concat(), None, 400, "handshake_host"),
            ("GET", "/ws", foreign, None, 403, "foreign_page"),
            ("GET", "/metrics", vec![], None, 401, "not_operator"),
            ("GET", "/metrics", vec!["Authorization: Bearer guessed"], None, 401, "admin_token_wrong"),
            ("GET", "/metrics", vec![&operator, "Origin: https://evil.example"], None, 403, "foreign_page"),
            ("GET", "/api/rooms", vec![], None, 401, "not_operator"),
            ("GET", "/api/rooms", vec!["Authorization: Bearer guessed"], None, 401, "admin_token_wrong"),
            ("DELETE", "/api/rooms/x", vec![&operator, "Origin: null"], None, 403, "foreign_page"),
            ("GET", "/api/nothing", api(), None, 404, "unknown_path"),
            ("PUT", "/api/rooms", api(), None, 405, "unknown_method"),
            ("GET", "/api/rooms?before=1", api(), None, 400, "invalid_query"),
            ("GET", "/api/rooms/nowhere", api(), None, 404, "unknown_room"),
            ("POST", "/api/rooms", vec![&operator], Some("{}"), 415, "not_json"),
            ("POST", "/api/rooms", api(), Some("{"), 400, "invalid_body"),
            ("POST", "/api/rooms", api(), Some(&large), 413, "body_too_large"),
            ("DELETE", "/api/identities/7", api(), None, 404, "denied"),
        ],
    )
    .await;
    let plain = TestServer::start().await;
    are_counted(&plain, &[], vec![("POST", "/api/rooms", vec![JSON], Some("{}"), 403, "no_admin_token")]).await;
}

#[tokio::test]
async fn who_cannot_sign_in_with_a_password_is_counted_with_the_reason() {
    let folder = tempfile::TempDir::with_prefix("dais-password-").unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "open sesame").unwrap();
    let server = TestServer::start_with(Config { sign_in_password_file: Some(path), ..Config::default() }).await;
    let says = |form: &'static str| ("POST", "/sign-in", vec![FORM], Some(form), 401);
    let row = |(method, path, headers, body, status), reason| (method, path, headers, body, status, reason);
    are_counted(
        &server,
        &[],
        vec![
            row(says("password=guess"), "password_wrong"),
            row(says("token=a.b.c"), "token_unwanted"),
            row(says("invite=00"), "link_unknown"),
            ("POST", "/sign-in", vec![], Some("password=open+sesame"), 400, "sign_in_form"),
            ("POST", "/sign-in", vec![FORM], Some("to=%2F"), 401, "password_wrong"),
            ("POST", "/sign-in", vec![FORM, "Origin: https://evil.example"], Some("x"), 403, "foreign_page"),
            ("GET", "/", vec![], None, 401, "not_signed_in"),
            ("GET", "/", vec!["Cookie: dais-session=p.1.00"], None, 401, "session_over"),
            ("GET", "/ws", UPGRADE.to_vec(), None, 401, "not_signed_in"),
        ],
    )
    .await;
}

#[tokio::test]
async fn so_is_who_is_denied_something_and_whose_connection_is_ended() {
    let server = TestServer::start_with(Config { room_seats: 2, ..Config::default() }).await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.person("Ben").await;
    host.commands(Command::SetPasscode(Some("sesame".into()))).await.unwrap();
    let before = counts(&server, &[]).await;
    assert_eq!(guest.joins("nowhere").await, Err(Denied::UnknownRoom));
    assert_eq!(guest.joins("hall").await, Err(Denied::PasscodeNeeded));
    guest.joins_with("hall", "another").await.unwrap_err();
    host.commands(Command::Set(Setting::Lock(true))).await.unwrap();
    assert_eq!(guest.joins("hall").await, Err(Denied::RoomLocked));
    assert_eq!(guest.creates("hall", Mode::Open).await, Err(Denied::RoomIdTaken));
    guest.logs_in(" ").await.unwrap_err();
    let mut ended = vec![
        (frame(0x81, b"text"), "malformed"),
        (frame(0x82, &[0; 5_000]), "message_too_large"),
        (frame(0x82, &[0xEE; 9]), "malformed"),
    ];
    for (bytes, _) in &ended {
        let mut peer = RawPeer::greeted(HOME, server.address()).await;
        peer.tries_to_send(bytes).await;
        peer.ending(PATIENCE).await;
    }
    ended.dedup_by_key(|(_, reason)| *reason);
    let expected: BTreeMap<String, u64> = [
        ("unknown_room", 1),
        ("passcode_needed", 1),
        ("passcode_wrong", 1),
        ("room_locked", 1),
        ("room_id_taken", 1),
        ("invalid_text", 1),
        ("malformed", 2),
        ("message_too_large", 1),
    ]
    .map(|(reason, count)| (reason.to_owned(), count))
    .into();
    // A goodbye is counted when the connection has ended, which its peer may see a moment before.
    let counted = async {
        loop {
            let now: BTreeMap<String, u64> = since(&before, &counts(&server, &[]).await).into_iter().collect();
            if now == expected {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    if timeout(PATIENCE, counted).await.is_err() {
        panic!("{:?}", since(&before, &counts(&server, &[]).await));
    }
}

/// What is answered to why there is no connection.
async fn why_not(server: &TestServer, from: [u8; 4], headers: &[&str]) -> (u16, String) {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let request =
        format!("POST /ws HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: 0\r\n{lines}\r\n", server.address());
    let answer = whole_answer(RawPeer::connect(from, server.address()).await, &request).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", answer.text()));
    assert!(body["detail"].as_str().unwrap().ends_with('.'), "{body}");
    (answer.status, body["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_it_is_told_is_what_its_handshake_would_be_and_counts_as_no_other_refusal() {
    let server = server_with_key(SECRET).await;
    let before = counts(&server, &[]).await;
    let origin = format!("Origin: http://{}", server.address());
    assert_eq!(why_not(&server, HOME, &[&origin]).await, (200, "none".into()), "a page is connected, and told there");
    assert_eq!(why_not(&server, HOME, &[]).await, (401, "not_signed_in".into()));
    assert_eq!(why_not(&server, HOME, &["Authorization: Bearer a.b.c"]).await, (401, "token_malformed".into()));
    let token = format!("Authorization: Bearer {}", lawful(&claims(json!({}))));
    assert_eq!(why_not(&server, HOME, &[&token]).await, (200, "none".into()));
    assert_eq!(since(&before, &counts(&server, &[]).await), vec![]);
}

#[tokio::test]
async fn a_page_can_ask_why_it_is_not_connected() {
    let config = Config { connections_per_address: 1, connections: 2, ..Config::default() };
    let server = TestServer::start_with(config).await;
    let ask = async |from, headers: &[&str]| why_not(&server, from, headers).await;
    let own = format!("Origin: http://{}", server.address());
    assert_eq!(ask(HOME, &[&own]).await, (200, "none".into()));
    // What a proxy makes of it that writes its own name for the server.
    assert_eq!(ask(HOME, &["Origin: https://talk.example"]).await, (403, "foreign_page".into()));
    let _first = RawPeer::upgraded(HOME, server.address()).await;
    assert_eq!(ask(HOME, &[&own]).await, (429, "address_full".into()));
    assert_eq!(ask([127, 0, 2, 1], &[&own]).await, (200, "none".into()));
    let _second = RawPeer::upgraded([127, 0, 2, 1], server.address()).await;
    assert_eq!(ask([127, 0, 3, 1], &[&own]).await, (503, "server_full".into()));
}
