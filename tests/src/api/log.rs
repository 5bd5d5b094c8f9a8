//! What the log holds of a session, and what not.

use std::path::Path;

use dais_shared::room::Command;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use super::SECRET;
use super::described::Api;
use crate::harness::{PATIENCE, ServerProcess, TestMember};

const CLIENT: &str = "203.0.113.77";
const PASSCODE: &str = "open-sesame-4711";
const REMARK: &str = "a remark among ourselves";
const FRAMES: u32 = 150;

/// The log at level `debug` of a server on which something of everything happens, and the secrets that came up.
async fn log_of(options: &[&str]) -> (String, Vec<String>) {
    let folder = TempDir::with_prefix("dais-").unwrap();
    let path = folder.path().join("complaints.txt");
    let all = [&["--log", "debug", "--trust-proxy", "127.0.0.1", "--admin-token", SECRET], options].concat();
    let server = ServerProcess::start_with(folder.path(), 0, &all, None);
    let api = Api::of(server.address);
    let mut host = TestMember::connect_for(CLIENT, server.address).await;
    host.logs_in("Adalbert").await.unwrap();
    let room = host.creates_hidden(false, Some(PASSCODE)).await.unwrap();
    host.unmutes().await.unwrap();
    let mut guest = TestMember::connect_for(CLIENT, server.address).await;
    guest.logs_in("Benedikta").await.unwrap();
    guest.joins_with(room.as_str(), "another").await.unwrap_err();
    guest.joins_with(room.as_str(), PASSCODE).await.unwrap();
    guest.commands(Command::SendMessage(REMARK.into())).await.unwrap();
    for _ in 0..FRAMES {
        host.says("what is said").await;
    }
    guest.until("voice", |guest| !guest.heard.is_empty()).await;
    let host_link = api.post("/api/rooms", json!({ "title": "Hall", "passcode": PASSCODE })).await.body["host_link"].clone();
    let host_token = host_link.as_str().unwrap().split_once("#host=").unwrap().1.to_owned();
    assert_eq!(api.delete(&format!("/api/identities/{}", guest.identity.as_ref().unwrap().user)).await.status, 204);
    let mut secrets: Vec<String> =
        [SECRET, PASSCODE, "sesame", "another", REMARK, "remark", "what is said", "Adalbert", "Benedikta"].map(Into::into).into();
    for token in [host.token.unwrap(), guest.token.unwrap()] {
        secrets.push(token.0.iter().map(|byte| format!("{byte:02x}")).collect());
        secrets.push(format!("{:?}", token.0).trim_matches(['[', ']']).to_owned());
    }
    secrets.push(host_token);
    drop((host, guest));
    let log = until_closed(&path, 2).await;
    server.kill();
    (log, secrets)
}

/// The log, when so many connections have ended.
async fn until_closed(path: &Path, connections: usize) -> String {
    let began = Instant::now();
    loop {
        let log = std::fs::read_to_string(path).unwrap();
        if log.lines().filter(|line| line.contains("close")).count() >= connections {
            return log;
        }
        assert!(began.elapsed() < PATIENCE, "{log}");
        tokio::task::yield_now().await;
    }
}

/// Where the server itself listens is nobody's address: that it starts and stops is left out.
fn without_its_own_address(log: &str) -> String {
    log.lines().filter(|line| !line.contains("dais::life")).map(|line| format!("{line}\n")).collect()
}

fn assert_discreet(log: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!log.to_lowercase().contains(&secret.to_lowercase()), "{secret} is in the log:\n{log}");
    }
    let lines = log.lines().count();
    assert!(lines < FRAMES as usize / 2, "{lines} lines: not one per frame");
}

#[tokio::test]
async fn by_default_a_log_holds_no_address_no_secret_and_nothing_that_was_said() {
    let (log, secrets) = log_of(&[]).await;
    assert_discreet(&log, &secrets);
    let log = without_its_own_address(&log);
    for address in ["203.0.113", "127.0.0.1"] {
        assert!(!log.contains(address), "{address} is in the log:\n{log}");
    }
    for happened in ["open", "hello", "close", "made by the operator", "erased by the operator"] {
        assert!(log.contains(happened), "{happened} is missing:\n{log}");
    }
    assert!(!log.contains('\u{1b}'), "colours in a file:\n{log}");
}

#[tokio::test]
async fn a_log_for_programs_is_json_and_holds_networks_where_it_may() {
    let (log, secrets) = log_of(&["--log-format", "json", "--log-addresses", "prefix"]).await;
    assert_discreet(&log, &secrets);
    let (mut opened, mut refused) = (0, 0);
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "{field} is missing: {line}");
        }
        if line["message"] == "open" {
            assert_eq!(line["peer"], "203.0.113.0/24");
            opened += 1;
        }
        if line["reason"] == "passcode_wrong" {
            assert_eq!(line["peer"], "203.0.113.0/24", "whom a room refuses, too");
            refused += 1;
        }
    }
    assert_eq!((opened, refused), (2, 1));
    let log = without_its_own_address(&log);
    assert!(!log.contains(CLIENT) && !log.contains("127.0.0.1"), "{log}");
}

#[tokio::test]
async fn whoever_wants_whole_addresses_gets_them() {
    let (log, secrets) = log_of(&["--log-addresses", "full"]).await;
    assert_discreet(&log, &secrets);
    assert!(log.contains(CLIENT), "{log}");
}
