//! HTTPS by the server itself: the same stories over wss, and certificates that come and go.

use std::path::Path;

use dais_bots::engine::audio::SAMPLE_RATE_HZ;
use dais_bots::member::{Member, Way as BotsWay};
use dais_server::{Config, Tls};
use dais_shared::room::{Command, Denied, Mode};
use dais_shared::wire::Goodbye;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::harness::{End, PATIENCE, ServerProcess, TestMember, TestServer, Way};

/// A certificate for this machine and its key, in PEM.
fn pair() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let wanted = rcgen::CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
    (wanted.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn put(folder: &Path, (chain, key): &(String, String)) {
    std::fs::write(folder.join("chain.pem"), chain).unwrap();
    std::fs::write(folder.join("key.pem"), key).unwrap();
}

#[tokio::test]
async fn people_talk_over_tls_and_who_is_muted_is_silent() {
    let server = TestServer::start_https().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    guest.says("heard").await;
    witness.hears(&guest, "heard").await;
    host.commands(Command::MuteSpeaker(guest.id())).await.unwrap();
    guest.says("muted").await;
    guest.has_been_processed().await;
    host.says("later").await;
    witness.hears(&host, "later").await;
    assert_eq!(witness.texts(), ["heard", "later"]);

    let mut guest = guest.reconnects().await;
    guest.joins("hall").await.unwrap();
    host.says("still here").await;
    guest.hears(&host, "still here").await;
    server.stop().await;
    let goodbye = Goodbye::ShuttingDown;
    assert_eq!(guest.end().await, End { goodbye: Some(goodbye), close_code: Some(goodbye.close_code()) });
}

#[tokio::test]
async fn what_takes_many_records_comes_whole() {
    let server = TestServer::start_https().await;
    let mut host = server.host(Mode::Open).await;
    let topic = "a long topic ".repeat(15);
    for number in 0..5 {
        // A chat takes no more of these at once than anybody reads: whoever is told so tries again.
        while host.commands(Command::SendMessage(format!("{number} {}", "é".repeat(490)))).await == Err(Denied::TooFast) {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }
    host.commands(Command::Set(dais_shared::room::Setting::Topic(topic.trim().into()))).await.unwrap();
    // In one snapshot.
    let listener = server.listener("Ben").await;
    assert_eq!(listener.view().messages.len(), 5);
    assert_eq!(listener.view().settings.topic, topic.trim());
}

#[tokio::test]
async fn a_certificate_that_changes_is_that_of_new_connections() {
    let folder = TempDir::new().unwrap();
    let (first, second) = (pair(), pair());
    put(folder.path(), &first);
    let tls = Tls::Files { certificate: folder.path().join("chain.pem"), key: folder.path().join("key.pem") };
    let server = TestServer::start_with(Config { tls, ..Config::default() }).await;
    let [old, new] = [&first, &second].map(|pair| Way::trusting(server.address(), &pair.0, &[]));
    let mut before = TestMember::connect(old.clone(), None).await;
    assert!(new.dial().await.is_err());

    put(folder.path(), &second);
    let deadline = Instant::now() + PATIENCE;
    while new.dial().await.is_err() {
        assert!(Instant::now() < deadline, "the new certificate is not taken up");
    }
    assert!(old.dial().await.is_err());
    before.logs_in("Ada").await.unwrap();
    let mut after = TestMember::connect(new, None).await;
    after.logs_in("Ben").await.unwrap();
}

#[tokio::test]
async fn what_a_browser_was_told_to_accept_it_accepts_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let start = |port| ServerProcess::start_with(folder.path(), port, &["--tls", "self-signed"], None);
    let server = start(0);
    let address = server.address;
    let certificate = std::fs::read_to_string(folder.path().join("tls-certificate.pem")).unwrap();
    let way = Way::trusting(address, &certificate, &[]);
    let mut ada = TestMember::connect(way, None).await;
    ada.logs_in("Ada").await.unwrap();
    server.kill();
    let _server = start(address.port());
    let ada = ada.reconnects().await;
    assert_eq!(ada.identity.map(|identity| identity.name).as_deref(), Some("Ada"));
    let after = std::fs::read_to_string(folder.path().join("tls-certificate.pem")).unwrap();
    assert_eq!(after, certificate, "another one for the same key would be warned of again");
}

#[tokio::test]
async fn who_forgets_the_s_is_told_where_to_go() {
    let server = TestServer::start_https().await;
    let answer = server.answers_plainly("GET /r/hall?x=1 HTTP/1.1\r\nHost: talk.lan:8443\r\n\r\n").await;
    assert_eq!((answer.status, answer.header("location")), (307, Some("https://talk.lan:8443/r/hall?x=1")));
    assert!(answer.text().contains("https://talk.lan:8443/r/hall?x=1"), "{}", answer.text());
    let upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    assert_eq!(server.answers_plainly(upgrade).await.status, 307);
    for nameless in ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n"] {
        let answer = server.answers_plainly(nameless).await;
        assert_eq!((answer.status, answer.text().as_str()), (400, "This port speaks HTTPS.\n"), "{nameless}");
    }
    for rubbish in [&b"\0\0\0\0"[..], b"\x16\x03\x01\x00\x05rubbish", b"\x16\x05\x05\xFF\xFF"] {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(rubbish).await.unwrap();
        // An alert, or nothing; and the end, which may be a reset.
        let _ = timeout(PATIENCE, socket.read_to_end(&mut Vec::new())).await.expect("it is hung up on");
    }
    assert_eq!(server.get("/healthz").await.status, 200, "and HTTPS goes on");
}

#[tokio::test]
async fn only_http_1_is_spoken_and_only_to_pages_of_its_own() {
    let server = TestServer::start_https().await;
    let certificate = std::fs::read_to_string(server.folder().join("tls-certificate.pem")).unwrap();
    let offering = |protocols: &[&str]| Way::trusting(server.address(), &certificate, protocols);
    assert!(offering(&["h2", "http/1.1"]).dial().await.is_ok());
    assert!(offering(&["h2"]).dial().await.is_err());
    let handshake =
        ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
    for (scheme, status) in [("https", 101), ("http", 403)] {
        let origin = format!("Origin: {scheme}://{}", server.address());
        let mut headers = vec![origin.as_str()];
        headers.extend(handshake);
        assert_eq!(server.handshake_status(&headers).await, status, "{origin}");
    }
}

#[tokio::test]
async fn who_never_finishes_the_handshake_is_hung_up_on() {
    let server = TestServer::start_https().await;
    let beginnings: [&[u8]; 3] = [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"];
    let mut waiting = Vec::new();
    for beginning in beginnings {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(beginning).await.unwrap();
        waiting.push(socket);
    }
    server.host(Mode::Open).await;
    for mut socket in waiting {
        let read = timeout(PATIENCE, socket.read_to_end(&mut Vec::new())).await;
        let _ = read.expect("it is not waited for longer than for a request's head");
    }
}

#[tokio::test]
async fn a_bot_trusts_the_certificate_it_is_given_and_no_other() {
    let server = TestServer::start_https().await;
    let url = format!("wss://{}/ws", server.address());
    let certificate = server.folder().join("tls-certificate.pem");
    let by = |trusted| BotsWay { url: &url, trusted: Some(trusted), token: None, cookie: None };
    Member::log_in_by(by(&certificate), "Ada", Some(SAMPLE_RATE_HZ)).await.unwrap();
    put(server.folder(), &pair());
    let other = server.folder().join("chain.pem");
    let refused = Member::log_in_by(by(&other), "Ben", None).await.map(drop).unwrap_err();
    assert!(refused.to_string().contains("vouches for the certificate"), "{refused}");
    let key = server.folder().join("key.pem");
    let refused = Member::log_in_by(by(&key), "Ben", None).await.map(drop).unwrap_err();
    assert!(refused.to_string().contains("holds no certificate"), "{refused}");
}
