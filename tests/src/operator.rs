//! What the operator is told, and nobody else.

use std::collections::BTreeSet;

use dais_server::{AdminToken, Config};
use dais_shared::room::Command;

use crate::harness::TestServer;

const DOCUMENT: &str = include_str!("../../docs/metrics.md");

/// Names and, behind them, values.
fn figures(page: &str) -> Vec<(&str, f64)> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(name, value)| (name, value.parse().unwrap())).collect()
}

fn figure(page: &str, wanted: &str) -> f64 {
    figures(page).into_iter().find(|(name, _)| *name == wanted).unwrap_or_else(|| panic!("{wanted} in {page}")).1
}

#[tokio::test]
async fn the_metrics_are_those_of_the_document() {
    let server = TestServer::start().await;
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let page = answer.text();
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let rows = DOCUMENT.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        Some((cells.next()?.strip_prefix('`')?.strip_suffix('`')?, cells.next()?))
    });
    assert_eq!(types.collect::<BTreeSet<_>>(), rows.collect::<BTreeSet<_>>());
    for (name, _) in figures(&page) {
        if let Some((_, label)) = name.split_once('{').filter(|(name, _)| !name.ends_with("_bucket")) {
            let (_, value) = label.trim_end_matches("\"}").split_once("=\"").unwrap();
            assert!(DOCUMENT.contains(&format!("`{value}`")), "{value} is not documented");
        }
    }
}

#[tokio::test]
async fn the_metrics_count_what_happens() {
    let server = TestServer::start().await;
    let (mut host, mut guest, _witness) = server.talk().await;
    guest.says("heard").await;
    host.hears(&guest, "heard").await;
    host.commands(Command::MuteSpeaker(guest.id())).await.unwrap();
    guest.says("unheard").await;
    guest.has_been_processed().await;
    let page = server.get("/metrics").await.text();
    assert_eq!(figure(&page, "dais_rooms") as u32, 1);
    assert_eq!(figure(&page, "dais_members") as u32, 3);
    assert_eq!(figure(&page, "dais_connections") as u32, 3);
    assert_eq!(figure(&page, "dais_connections_total") as u32, 3);
    assert_eq!(figure(&page, "dais_voice_frames_heard_total") as u32, 1);
    assert_eq!(figure(&page, "dais_voice_frames_fanned_out_total") as u32, 2);
    assert_eq!(figure(&page, "dais_voice_frames_dropped_total{reason=\"muted_by_host\"}") as u32, 1);
    assert_eq!(figure(&page, "dais_delivery_delay_seconds_count") as u32, 1);
    assert!(figure(&page, "dais_store_commit_seconds_count") > 3.0);
    assert_eq!(figure(&page, "dais_store_failing") as u32, 0);
}

#[tokio::test]
async fn only_the_operator_is_told() {
    let server = TestServer::start().await;
    for header in ["X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "Via: 1.1 proxy"] {
        assert_eq!(server.get_with("/metrics", &[header]).await.status, 401, "{header}: somebody behind a proxy");
    }
    let admin_token = Some(AdminToken("0123456789abcdef".into()));
    let server = TestServer::start_with(Config { admin_token, ..Config::default() }).await;
    for wrong in [
        &[][..],
        &["Authorization: Bearer 0123456789abcdeF"],
        &["Authorization: Bearer"],
        &["Authorization: Basic 0123456789abcdef"],
    ] {
        let answer = server.get_with("/metrics", wrong).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{wrong:?}");
    }
    assert_eq!(server.get_with("/metrics", &["Authorization: Bearer 0123456789abcdef"]).await.status, 200);
    let admin_token = Some(AdminToken("cl\u{E9} de la maison".into()));
    let server = TestServer::start_with(Config { admin_token, ..Config::default() }).await;
    for said in ["cl\u{E9} de la maison", "cle\u{301} de\u{A0}la  maison "] {
        let header = format!("Authorization: Bearer {said}");
        assert_eq!(server.get_with("/metrics", &[&header]).await.status, 200, "{said:?}");
    }
}
