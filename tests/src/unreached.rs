//! What a bot says where it does not reach a server: the true cause, told from its neighbours, and what helps.

use std::net::SocketAddr;

use dais_bots::member::{Member, Way};
use dais_server::{Config, Tls};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::TestServer;

/// A certificate for these names and its key, in PEM.
fn pair(names: &[&str], has_expired: bool) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut wanted = rcgen::CertificateParams::new(names).unwrap();
    if has_expired {
        (wanted.not_before, wanted.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
    }
    (wanted.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// What becomes of logging in there.
async fn said(url: &str) -> String {
    let refused = Member::log_in_by(Way { url, trusted: None, token: None, cookie: None }, "Bot", None).await;
    refused.err().map_or_else(|| panic!("{url} lets it in"), |error| format!("{error:#}"))
}

async fn assert_said(url: &str, wanted: &[&str]) {
    let said = said(url).await;
    assert!(wanted.iter().all(|words| said.contains(words)), "{url}: {said}");
}

/// Answers every connection with this after the first bytes, and hangs up.
async fn somebody(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn each_way_not_to_reach_a_server_has_a_sentence_of_its_own() {
    let server = TestServer::start().await;
    let (plain, https) = (server.address(), TestServer::start_https().await);
    let secure = https.address();
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (url, wanted) in [
        (format!("ws://{nowhere}/ws"), "nothing listens at"),
        ("ws://no-such-host.invalid/ws".to_owned(), "nobody knows where no-such-host.invalid is"),
        (format!("wss://{secure}/ws"), "vouches for the certificate of 127.0.0.1; if it signed its own, name that with --trust"),
        (format!("ws://{secure}/ws"), "speaks HTTPS; name it with wss://"),
        (format!("wss://{plain}/ws"), "does not speak HTTPS; name it with ws://"),
        (format!("ws://{plain}/"), "no WebSocket of Dais' at / "),
        (format!("ws://{plain}/elsewhere"), "no WebSocket of Dais' at /elsewhere (404); the path is /ws"),
        (format!("http://{plain}/"), "is a page's address; its WebSocket's begins with ws:// and ends with /ws"),
        (format!("https://{plain}/"), "begins with wss://"),
        (plain.to_string(), "is no WebSocket's address"),
        ("ws:///ws".to_owned(), "is no address"),
        (format!("ws://{}/ws", somebody("").await), "hangs up without an answer"),
        (format!("ws://{}/ws", somebody("220 mail.example ESMTP\r\n").await), "is no WebSocket"),
        (format!("wss://{}/ws", somebody("220 mail.example ESMTP\r\n").await), "does not speak HTTPS"),
        (answering("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await, "the server behind it does not (502)"),
        (answering("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await, "try again later"),
        (
            answering("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n").await,
            "too many connections from this address",
        ),
        (
            answering("HTTP/1.1 302 Found\r\nlocation: https://talk.example/ws\r\ncontent-length: 0\r\n\r\n").await,
            "speaks HTTPS; name it with wss://",
        ),
    ] {
        assert_said(&url, &[wanted]).await;
    }
}

async fn answering(answer: &'static str) -> String {
    format!("ws://{}/ws", somebody(answer).await)
}

#[tokio::test]
async fn a_certificate_that_is_not_believed_says_why() {
    for (names, has_expired, wanted) in [
        (&["talk.example"][..], false, "is not one for 127.0.0.1; name the server as its certificate does"),
        (&["127.0.0.1"], true, "the certificate of 127.0.0.1 has expired"),
    ] {
        let folder = TempDir::new().unwrap();
        let (chain, key) = pair(names, has_expired);
        let [certificate, secret] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
        std::fs::write(&certificate, chain).unwrap();
        std::fs::write(&secret, key).unwrap();
        let tls = Tls::Files { certificate: certificate.clone(), key: secret };
        let server = TestServer::start_with(Config { tls, ..Config::default() }).await;
        let url = format!("wss://{}/ws", server.address());
        let way = Way { url: &url, trusted: Some(&certificate), token: None, cookie: None };
        let said = format!("{:#}", Member::log_in_by(way, "Bot", None).await.err().unwrap());
        assert!(said.contains(wanted), "{said}");
    }
}
