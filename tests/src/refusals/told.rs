//! What the log is told by default, and that no flood fills it.

use std::path::Path;

use dais_shared::limits::REFUSALS_TOLD_MS;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Duration, Instant};

use super::{HOME, claims, whole_answer};
use crate::harness::http::call;
use crate::harness::token::{SECRET, lawful, seconds_from_now};
use crate::harness::{PATIENCE, RawPeer, ServerProcess, TestServer, UPGRADE};

/// The lines about one reason, when there is one at least.
async fn lines(log: &Path, reason: &str) -> Vec<String> {
    let began = Instant::now();
    loop {
        let said = std::fs::read_to_string(log).unwrap();
        let about = |line: &&str| line.contains(&format!("reason=\"{reason}\""));
        let lines: Vec<String> = said.lines().filter(about).map(Into::into).collect();
        if !lines.is_empty() || began.elapsed() > PATIENCE {
            assert!(!lines.is_empty(), "nothing of {reason} in {said}");
            return lines;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_proxy_that_rewrites_the_host_is_named_in_the_log_and_no_flood_fills_it() {
    const FLOOD: usize = 300;
    let folder = TempDir::with_prefix("dais-").unwrap();
    let server = ServerProcess::start_with(folder.path(), 0, &["--log-addresses", "none"], None);
    let log = folder.path().join("complaints.txt");
    let began = Instant::now();
    for _ in 1..FLOOD {
        let refused = RawPeer::connect(HOME, server.address).await.upgrades(&["Origin: https://talk.example"]).await;
        assert_eq!(refused.status, 403);
    }
    let head: String = [&["Connection: close", "Origin: https://talk.example"], &UPGRADE[..]].concat().join("\r\n");
    let request = format!("GET /ws HTTP/1.1\r\nHost: {}\r\n{head}\r\n\r\n", server.address);
    let refused = whole_answer(RawPeer::connect(HOME, server.address).await, &request).await;
    assert!(refused.text().contains("--allow-origin") && refused.text().contains("Host header"), "{}", refused.text());
    let told = lines(&log, "foreign_page").await;
    let most = 2 + began.elapsed().as_millis() / u128::from(REFUSALS_TOLD_MS);
    assert!(told.len() as u128 <= most, "{told:?}");
    let first = &told[0];
    for word in ["WARN", "https://talk.example", &server.address.to_string(), "Host header", "--allow-origin", "count=1"] {
        assert!(first.contains(word), "{word} is missing: {first}");
    }
    assert!(!first.contains("peer=127"), "{first}");
    assert!((server.figure("dais_refused_total{reason=\"foreign_page\"}").await - FLOOD as f64).abs() < 0.5);
    // The rest is told, too, in one line when its time has come.
    let rest = async {
        loop {
            let said = std::fs::read_to_string(&log).unwrap();
            let counts = said.lines().filter_map(|line| line.split("count=").nth(1)?.split(' ').next()?.parse::<usize>().ok());
            if counts.sum::<usize>() == FLOOD {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, rest).await.is_ok(), "{}", server.complaints());
}

#[tokio::test]
async fn a_refused_token_has_a_line_with_the_reason_and_nothing_of_the_token() {
    let folder = TempDir::with_prefix("dais-").unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, SECRET).unwrap();
    let options = ["--sign-in-jwt-key", key.to_str().unwrap(), "--log-addresses", "prefix", "--trust-proxy", "127.0.0.1"];
    let server = ServerProcess::start_with(folder.path(), 0, &options, None);
    let log = folder.path().join("complaints.txt");
    let early = lawful(&claims(json!({ "nbf": seconds_from_now(300), "name": "Gwendolyn" })));
    let (head, signature) = early.rsplit_once('.').unwrap();
    for (token, reason) in [(&early, "token_too_early"), (&format!("{head}.{}", &signature[..20]), "token_signature")] {
        let form = ["Content-Type: application/x-www-form-urlencoded", "X-Forwarded-For: 203.0.113.77"];
        assert_eq!(call(server.address, "POST", "/sign-in", &form, Some(&format!("token={token}"))).await.status, 401);
        let lines = lines(&log, reason).await;
        assert!(lines.len() == 1 && lines[0].contains("peer=203.0.113.0/24") && lines[0].contains("WARN"), "{lines:?}");
    }
    let said = server.complaints();
    for secret in [head, &signature[..20], "Gwendolyn", "203.0.113.77", SECRET] {
        assert!(!said.contains(secret), "{secret} is in the log: {said}");
    }
}

#[tokio::test]
async fn who_does_not_believe_the_certificate_is_counted() {
    let server = TestServer::start_https().await;
    let distrusting = crate::harness::Way::trusting(server.address(), &other_certificate().await, &["http/1.1"]);
    distrusting.dial().await.expect_err("another certificate");
    // What is neither TLS nor HTTP.
    let mut peer = RawPeer::connect(HOME, server.address()).await;
    peer.tries_to_send(&[0, 1, 2, 3]).await;
    peer.ending(PATIENCE).await;
    let counted = async {
        loop {
            let page = server.get("/metrics").await.text();
            if ["tls_distrusted", "no_tls"]
                .iter()
                .all(|reason| page.contains(&format!("dais_refused_total{{reason=\"{reason}\"}} 1\n")))
            {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, counted).await.is_ok(), "{}", server.get("/metrics").await.text());
}

/// Of a server that has nothing to do with the first.
async fn other_certificate() -> String {
    let other = TestServer::start_https().await;
    std::fs::read_to_string(other.folder().join("tls-certificate.pem")).unwrap()
}
