//! Who may not ask, and what is not understood.

use dais_shared::limits::{ADMIN_TOKENS_PER_ADDRESS, API_BODY_BYTES_MAX};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::described::Api;
use super::{SECRET, start};
use crate::harness::http::{Answer, call};
use crate::harness::{PATIENCE, TestServer};

const JSON: &str = "Content-Type: application/json";

fn secret() -> String {
    format!("Authorization: Bearer {SECRET}")
}

/// Whether the description says that everybody may.
fn is_public(operation: &serde_json::Value) -> bool {
    operation["security"] == json!([])
}

#[tokio::test]
async fn with_a_token_nobody_else_may_do_anything() {
    let (_server, api) = start().await;
    let mut count = 0;
    for (method, path, operation) in api.operations() {
        let almost = format!("Authorization: Bearer {}x", &SECRET[..SECRET.len() - 1]);
        for headers in [&[JSON][..], &[JSON, &almost], &[JSON, "Authorization: Basic YTpi"]] {
            let told = api.ask_with(method, &path, headers, None).await;
            if is_public(operation) {
                assert_eq!(told.status, 200, "{method} {path}");
            } else if path == "/metrics" {
                assert_eq!(told.status, 401, "{method} {path}");
            } else {
                assert_eq!(told.error(), (401, "not_operator"), "{method} {path}");
                count += 1;
            }
        }
    }
    assert_eq!(count, 3 * 14, "every operation of the API but the public ones");
}

#[tokio::test]
async fn whoever_tries_many_tokens_has_to_wait_and_whoever_has_the_right_one_has_not() {
    let (_server, api) = start().await;
    let guessed = "Authorization: Bearer guessed";
    for path in ["/api/rooms", "/metrics"].into_iter().cycle().take(ADMIN_TOKENS_PER_ADDRESS as usize) {
        assert_eq!(api.ask_with("GET", path, &[&secret()], None).await.status, 200, "what is right counts for nothing");
        assert_eq!(api.ask_with("GET", path, &[guessed], None).await.status, 401);
    }
    for path in ["/api/rooms", "/metrics"] {
        assert_eq!(api.ask_with("GET", path, &[guessed], None).await.error(), (429, "too_many_tries"), "{path}");
        assert_eq!(api.ask_with("GET", path, &[&secret()], None).await.status, 200, "others shut nobody out: {path}");
    }
    let metrics = api.ask_with("GET", "/metrics", &[&secret()], None).await;
    let metrics = metrics.body.as_str().unwrap();
    assert!(metrics.contains("dais_refused_total{reason=\"admin_tokens\"} 2\n"), "{metrics}");
    assert_eq!(api.ask_with("GET", "/api/rooms", &[], None).await.error(), (401, "not_operator"), "who brings none tries none");
}

#[tokio::test]
async fn without_a_token_this_machine_reads_and_nobody_changes_anything() {
    let server = TestServer::start().await;
    let api = Api::of(server.address());
    for (method, path, operation) in api.operations() {
        if is_public(operation) || path == "/metrics" {
            continue;
        }
        let told = api.ask_with(method, &path, &[JSON], Some("{}")).await;
        let tells_of_one = path == "/api/identities/1";
        if method != "GET" || tells_of_one {
            assert_eq!(told.error(), (403, "no_admin_token"), "{method} {path}");
            continue;
        }
        let is_list = matches!(path.as_str(), "/api/rooms" | "/api/identities");
        assert_eq!(told.status, if is_list { 200 } else { 404 }, "{method} {path}: asked, and answered");
        let by_proxies = [
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: https",
            "X-Real-IP: 127.0.0.1",
            "Forwarded: for=127.0.0.1",
            "Via: 1.1 a",
        ];
        for elsewhere in by_proxies {
            assert_eq!(api.ask_with(method, &path, &[elsewhere], None).await.error(), (401, "not_operator"), "{elsewhere}");
        }
    }
}

/// What a page from elsewhere can make a browser on the operator's machine send.
#[tokio::test]
async fn no_page_from_elsewhere_asks_in_the_operators_name() {
    let server = TestServer::start().await;
    let api = Api::of(server.address());
    // Its own name, made to lead here.
    for path in ["/api/rooms", "/api/identities", "/metrics"] {
        for host in ["Host: evil.example", "Host: evil.example:8080", "Host: 127.0.0.1.evil.example"] {
            assert_eq!(api.ask_with("GET", path, &[host], None).await.status, 401, "{path} {host}");
        }
        assert_eq!(api.ask_with("GET", path, &["Host: localhost"], None).await.status, 200, "{path}");
    }
    for origin in ["Origin: https://evil.example", "Origin: null"] {
        assert_eq!(api.ask_with("GET", "/api/rooms", &[origin], None).await.error(), (403, "foreign_origin"), "{origin}");
    }
    // With a token: a page does not know it; and if it did, it would not be heard.
    let (server, api) = start().await;
    let mut host = server.host(dais_shared::room::Mode::Open).await;
    let secret = secret();
    let told = api.ask_with("DELETE", "/api/rooms/hall", &["Origin: https://evil.example", &secret], None).await;
    assert_eq!(told.error(), (403, "foreign_origin"));
    host.has_been_processed().await;
    let own = format!("Origin: http://{}", server.address());
    let preflight = [
        "Origin: https://evil.example",
        "Access-Control-Request-Method: DELETE",
        "Access-Control-Request-Headers: authorization",
    ];
    let answer = call(server.address(), "OPTIONS", "/api/rooms/hall", &preflight, None).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (405, None));
    assert_eq!(api.ask_with("DELETE", "/api/rooms/hall", &[&own, &secret], None).await.status, 204);
}

#[tokio::test]
async fn what_is_not_understood_is_refused_with_a_word_and_a_sentence() {
    /// Header lines, body; status and word, and something that the sentence says.
    type Case<'a> = (&'a [&'a str], &'a str, (u16, &'a str), &'a str);
    let (server, api) = start().await;
    let secret = secret();
    let fits = json!({ "title": "Hall", "id": "hall" }).to_string();
    let large = json!({ "title": "x".repeat(API_BODY_BYTES_MAX) }).to_string();
    let long = json!({ "title": "x".repeat(81) }).to_string();
    let all = [secret.as_str(), JSON];
    let cases: [Case<'_>; 19] = [
        (&all, &fits, (201, ""), ""),
        (&all, &fits, (409, "room_id_taken"), "exists"),
        (&all, &large, (413, "too_large"), "4096"),
        (&[&secret], &fits, (415, "not_json"), "application/json"),
        (&[&secret, "Content-Type: text/plain"], &fits, (415, "not_json"), "application/json"),
        (&all, "", (400, "invalid_body"), "title"),
        (&[&secret], " ", (400, "invalid_body"), "title"),
        (&all, "{", (400, "invalid_body"), "EOF"),
        (&all, "{}", (400, "invalid_body"), "title"),
        (&all, r#"["Hall",null,null,null,null,null,null]"#, (400, "invalid_body"), "object"),
        (&all, r#"{"title":"Hall","colour":"red"}"#, (400, "invalid_body"), "colour"),
        (&all, r#"{"title":"Hall"} and more"#, (400, "invalid_body"), "trailing"),
        (&all, &long, (400, "invalid_body"), "too long"),
        (&all, r#"{"title":"Hall","id":"Not An Id"}"#, (400, "invalid_body"), "room id"),
        (&all, r#"{"title":"Hall","id":"hall-2","unlisted":true}"#, (400, "invalid_body"), "unlisted"),
        (&all, r#"{"title":"Hall","mode":"silent"}"#, (400, "invalid_body"), "silent"),
        (&all, r#"{"title":"Hall","host_name":" "}"#, (400, "invalid_body"), "empty"),
        (&all, r#"{"title":"Hall","passcode":""}"#, (400, "invalid_body"), "empty"),
        (&all, r#"{"title":"Hall","wait_hours":673}"#, (400, "invalid_body"), "672"),
    ];
    for (headers, body, wanted, word) in cases {
        let told = api.ask_with("POST", "/api/rooms", headers, Some(body)).await;
        assert_eq!(told.error(), wanted, "{body}: {}", told.body);
        if wanted.0 >= 400 {
            let detail = told.body["detail"].as_str().unwrap();
            assert!(detail.contains(word) && detail.ends_with('.'), "{body}: {detail}");
        }
    }
    // Nothing of that has left anything behind but the one room and its host.
    assert_eq!(api.get("/api/rooms").await.body["rooms"].as_array().unwrap().len(), 1);
    assert_eq!(api.get("/api/identities").await.body["identities"].as_array().unwrap().len(), 1);
    for path in
        ["/api/rooms?before=1", "/api/rooms?after=Not+an+id", "/api/identities?after=x", "/api/rooms/hall/members?after=-1"]
    {
        assert_eq!(api.get(path).await.error(), (400, "invalid_query"), "{path}");
    }
    for path in
        ["/api", "/api/nothing", "/api/rooms/hall/nothing", "/api/rooms/", "/api/rooms/%ff", "/api/rooms/hall/members/%ff"]
    {
        let answer = call(server.address(), "GET", path, &all, None).await;
        assert_eq!((answer.status, answer.text().contains("unknown_path")), (404, true), "{path}: {}", answer.text());
    }
    for path in ["/api/rooms/Not%20an%20id", "/api/rooms/nowhere", "/api/rooms/nowhere/bans", "/api/rooms/nowhere/members"] {
        assert_eq!(api.get(path).await.error(), (404, "unknown_room"), "{path}");
    }
    let answer = call(server.address(), "PUT", "/api/rooms/hall", &all, None).await;
    assert!(answer.status == 405 && answer.text().contains("unknown_method"), "{}", answer.text());
}

/// What the description calls required, and nothing else.
#[tokio::test]
async fn a_body_of_which_all_may_be_left_out_may_be_left_out() {
    let (server, api) = start().await;
    let _host = server.host(dais_shared::room::Mode::Open).await;
    let mut left_out = 0;
    for (method, path, operation) in api.operations() {
        let Some(required) = operation["requestBody"]["required"].as_bool() else { continue };
        let path = path.replace("nowhere", "hall");
        for headers in [&[secret().as_str()][..], &[&secret(), JSON]] {
            for body in [None, Some("")] {
                let told = api.ask_with(method, &path, headers, body).await;
                let wanted = if required { 400 } else { 201 };
                assert_eq!(told.status, wanted, "{method} {path} {headers:?} {body:?}: {}", told.body);
                left_out += u32::from(!required);
            }
        }
    }
    assert_eq!(left_out, 4, "of links, and of nothing else");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let (server, api) = start().await;
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    let request = format!(
        "POST /api/rooms HTTP/1.1\r\nHost: {}\r\n{}\r\n{JSON}\r\nContent-Length: 20\r\n\r\n{{",
        server.address(),
        secret()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut answer)).await.unwrap().unwrap();
    let answer = Answer::parse(&answer);
    assert_eq!((answer.status, answer.text().contains("too_slow")), (408, true), "{}", answer.text());
    assert_eq!(api.get("/api/rooms").await.body["rooms"].as_array().unwrap().len(), 0);
}
