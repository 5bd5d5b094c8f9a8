//! Requests that are no handshake, or that somebody else's page makes.

use super::{ATTACKER, Scene};
use crate::harness::{RawPeer, UPGRADE};

/// Hung up on without a word.
const NOTHING: u16 = 0;

/// What a whole request is answered.
async fn status_of(scene: &Scene, request: &[u8]) -> u16 {
    let answer = RawPeer::connect(ATTACKER, scene.address()).await.tries_http(request).await;
    answer.map_or(NOTHING, |answer| answer.status)
}

fn request(line: &str, host: &str, headers: &[&str]) -> Vec<u8> {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{line}\r\nHost: {host}\r\n{lines}\r\n").into_bytes()
}

/// The lawful handshake with one of its lines replaced.
fn with(place: usize, line: &'static str) -> Vec<&'static str> {
    let mut lines = UPGRADE.to_vec();
    lines[place] = line;
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_against_the_standard() {
    let scene = Scene::begin().await;
    let get = |headers: &[&str]| request("GET /ws HTTP/1.1", "127.0.0.1", headers);
    let bare = |headers: &[&str]| format!("GET /ws HTTP/1.1\r\n{}\r\n\r\n", headers.join("\r\n")).into_bytes();
    let lawful = |line: &str| request(line, "127.0.0.1", &UPGRADE);
    let two_keys = [&UPGRADE[..], &[UPGRADE[3]]].concat();
    let compressing = [&UPGRADE[..], &["Sec-WebSocket-Extensions: permessage-deflate"]].concat();
    let rows: Vec<(&str, Vec<u8>, u16)> = vec![
        ("a lawful one", get(&UPGRADE), 101),
        ("one that offers compression", get(&compressing), 101),
        ("no upgrade", get(&[]), 426),
        ("an upgrade to something else", get(&with(0, "Upgrade: h2c")), 426),
        ("a connection that is closed instead", get(&with(1, "Connection: close")), 426),
        ("an old version", get(&with(2, "Sec-WebSocket-Version: 8")), 426),
        ("no key", get(&with(3, "X-Nothing: here")), 400),
        ("a short key", get(&with(3, "Sec-WebSocket-Key: short")), 400),
        ("a key of 15 bytes", get(&with(3, "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1")), 400),
        ("two keys", get(&two_keys), 400),
        ("POST", lawful("POST /ws HTTP/1.1"), 405),
        ("HEAD", lawful("HEAD /ws HTTP/1.1"), 405),
        ("no host", bare(&UPGRADE), 400),
        ("two hosts", get(&[&UPGRADE[..], &["Host: evil.example"]].concat()), 400),
        ("HTTP/1.0", lawful("GET /ws HTTP/1.0"), 426),
        ("HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), NOTHING),
        ("TLS", [&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01][..], &[0; 100], b"\r\n\r\n"].concat(), 400),
        ("a line that is none", b"\0\0\0\0\r\n\r\n".to_vec(), 400),
        ("two lengths", get(&["Content-Length: 1", "Content-Length: 2"]), 400),
        ("a length that is none", get(&["Content-Length: +1"]), 400),
        ("chunks in something that is not the last coding", get(&["Transfer-Encoding: chunked, gzip"]), 400),
        ("more headers than anybody sends", get(&["X-Again: and again"; 200]), 431),
        ("a head of a megabyte", get(&[&format!("X-Long: {}", "x".repeat(1 << 20))]), 431),
        ("a path of a megabyte", request(&format!("GET /{} HTTP/1.1", "x".repeat(1 << 20)), "127.0.0.1", &[]), 431),
    ];
    let mut wrong = Vec::new();
    for (name, request, expected) in rows {
        let status = status_of(&scene, &request).await;
        if status != expected {
            wrong.push((name, status, expected));
        }
    }
    assert!(wrong.is_empty(), "name, status, what it should be: {wrong:#?}");
    let mut peer = RawPeer::connect(ATTACKER, scene.address()).await;
    let answer = peer.upgrades(&["Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: chat"]).await;
    assert_eq!(answer.header("sec-websocket-extensions"), None, "compression is not taken up");
    assert_eq!(answer.header("sec-websocket-protocol"), None);
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_foreign_origins() {
    let scene = Scene::begin_with(&["--allow-origin", "https://talk.example"], None).await;
    let rows: [(&str, &[&str], u16); 14] = [
        ("no browser", &[], 101),
        ("the server's own page", &["Origin: http://dais.example:8080"], 101),
        ("the server's own page behind a proxy with a certificate", &["Origin: https://dais.example:8080"], 101),
        ("an allowed one", &["Origin: https://talk.example"], 101),
        ("another host", &["Origin: https://evil.example"], 403),
        ("nobody", &["Origin: null"], 403),
        ("nothing", &["Origin: "], 403),
        ("another port", &["Origin: http://dais.example"], 403),
        ("a host below", &["Origin: http://evil.dais.example:8080"], 403),
        ("a host that ends alike", &["Origin: http://evildais.example:8080"], 403),
        ("a host that begins alike", &["Origin: https://talk.example.evil.example"], 403),
        ("an allowed host without its certificate", &["Origin: http://talk.example"], 403),
        ("the server's name as a user", &["Origin: http://dais.example:8080@evil.example"], 403),
        ("two origins", &["Origin: http://dais.example:8080", "Origin: https://evil.example"], 403),
    ];
    for (name, origin, status) in rows {
        let request = request("GET /ws HTTP/1.1", "dais.example:8080", &[&UPGRADE[..], origin].concat());
        assert_eq!(status_of(&scene, &request).await, status, "{name}");
    }
    scene.goes_on().await;
}
