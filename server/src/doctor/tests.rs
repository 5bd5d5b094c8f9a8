//! Each finding, from what causes it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use time::macros::datetime;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::tls::testing;
use crate::{Running, Server};

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server, and a doctor who has its options.
async fn server(tls: Tls, trust_proxies: &[IpAddr]) -> (Running, TempDir, Doctor) {
    let folder = TempDir::with_prefix("dais-doctor-").unwrap();
    let trust_proxies = trust_proxies.iter().copied().map(Into::into).collect();
    let data_dir = folder.path().to_owned();
    let config = Config { listen: ([127, 0, 0, 1], 0).into(), data_dir, tls, trust_proxies, ..Config::default() };
    let running = Server::start(config.clone()).await.unwrap();
    let config = Config { listen: running.addr, ..config };
    (running, folder, doctor(config))
}

fn doctor(config: Config) -> Doctor {
    Doctor { config, roots: RootCertStore::empty(), now: OffsetDateTime::now_utc() }
}

/// What is wrong, but for the limits of whoever runs the tests.
fn wrong(findings: &[Finding]) -> Vec<&str> {
    let wrong = findings.iter().filter_map(|finding| match finding {
        Wrong(sentence) if !sentence.contains("LimitNOFILE") => Some(sentence.as_str()),
        _ => None,
    });
    wrong.collect()
}

#[track_caller]
fn assert_only(findings: &[Finding], wanted: &str) {
    let wrong = wrong(findings);
    assert!(wrong.len() == 1 && wrong[0].contains(wanted), "{wanted}: {findings:#?}");
}

#[track_caller]
fn assert_fine(findings: &[Finding], wanted: &str) {
    let is_it = |finding: &Finding| matches!(finding, Fine(sentence) if sentence.contains(wanted));
    assert!(findings.iter().any(is_it), "{wanted}: {findings:#?}");
}

/// Answers every connection with this, or hangs up.
async fn somebody_else(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((PROXY, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            if !answer.is_empty() {
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        }
    });
    address
}

/// A proxy with a certificate, which passes on what `edit` makes of a request's head; and a doctor who believes it.
async fn behind_proxy(trust_proxies: &[IpAddr], edit: fn(&str) -> String) -> Vec<Finding> {
    behind_proxy_of(trust_proxies, trust_proxies, edit).await
}

/// The same where the doctor was told of other proxies than the server.
async fn behind_proxy_of(trust_proxies: &[IpAddr], told: &[IpAddr], edit: fn(&str) -> String) -> Vec<Finding> {
    let (running, _folder, mut doctor) = server(Tls::Off, trust_proxies).await;
    doctor.config.trust_proxies = told.iter().copied().map(Into::into).collect();
    let (chain, key) = testing::pem_pair();
    doctor.roots.add(CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()).unwrap();
    let acceptor = TlsAcceptor::from(testing::config(&chain, &key));
    let listener = TcpListener::bind((PROXY, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = running.addr;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut socket = acceptor.accept(socket).await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    // Who only shakes hands asks for nothing.
                    let Ok(byte) = socket.read_u8().await else { return };
                    head.push(byte);
                }
                let mut onward = TcpStream::connect(server).await.unwrap();
                onward.write_all(edit(&String::from_utf8(head).unwrap()).as_bytes()).await.unwrap();
                let _ = copy_bidirectional(&mut socket, &mut onward).await;
            });
        }
    });
    let findings = doctor.examine(Some(&format!("https://localhost:{port}"))).await;
    running.shutdown().await;
    findings
}

fn forwarded(head: &str) -> String {
    head.replacen("\r\n", "\r\nX-Forwarded-For: 198.51.100.7\r\n", 1)
}

/// Without the lines that begin so.
fn without(head: &str, name: &str) -> String {
    head.split_inclusive("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with(name)).collect()
}

#[tokio::test]
async fn a_server_that_runs_is_found_with_its_data_and_from_outside() {
    for (tls, scheme) in [(Tls::Off, "http"), (Tls::SelfSigned, "https")] {
        let (running, _folder, doctor) = server(tls, &[]).await;
        let findings = doctor.examine(Some(&format!("{scheme}://{}", running.addr))).await;
        assert_eq!(wrong(&findings), [""; 0], "{findings:#?}");
        for wanted in ["runs on", "in use by the server that runs", "healthy", "is well", "leads to this Dais", "WebSocket"] {
            assert_fine(&findings, wanted);
        }
        running.shutdown().await;
    }
}

#[tokio::test]
async fn whether_people_can_sign_in_is_said_and_a_server_that_asks_them_is_reached() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "open sesame").unwrap();
    let data_dir = folder.path().join("data");
    let sign_in_password_file = Some(path.clone());
    let config = Config { listen: ([127, 0, 0, 1], 0).into(), data_dir, sign_in_password_file, ..Config::default() };
    let running = Server::start(config.clone()).await.unwrap();
    let doctor = doctor(Config { listen: running.addr, ..config });
    let findings = doctor.examine(Some(&format!("http://{}", running.addr))).await;
    assert_eq!(wrong(&findings), [""; 0], "{findings:#?}");
    assert_fine(&findings, "sign in with a password");
    assert_fine(&findings, "WebSocket");
    std::fs::write(&path, "short").unwrap();
    assert_only(&doctor.examine(None).await, "Nobody can sign in: the password in");
    running.shutdown().await;
}

#[tokio::test]
async fn before_the_first_start_nothing_is_wrong_and_nothing_is_made() {
    let folder = TempDir::new().unwrap();
    let config = Config { listen: ([127, 0, 0, 1], 0).into(), data_dir: folder.path().join("new"), ..Config::default() };
    for tls in [Tls::Off, Tls::SelfSigned] {
        let findings = doctor(Config { tls, ..config.clone() }).examine(None).await;
        assert_eq!(wrong(&findings), [""; 0], "{findings:#?}");
        assert_fine(&findings, "is free");
        assert_fine(&findings, "can be made");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_port_that_another_program_has_is_named() {
    let folder = TempDir::new().unwrap();
    for answer in ["", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"] {
        let listen = somebody_else(answer).await;
        let findings = doctor(Config { listen, data_dir: folder.path().into(), ..Config::default() }).examine(None).await;
        assert_only(&findings, "in use by another program");
    }
    let listen = "192.0.2.1:8080".parse().unwrap();
    let findings = doctor(Config { listen, data_dir: folder.path().into(), ..Config::default() }).examine(None).await;
    assert_only(&findings, "192.0.2.1:8080 is no address of this machine");
}

#[tokio::test]
async fn data_that_cannot_be_used_is_named() {
    let (running, _folder, doctor) = server(Tls::Off, &[]).await;
    let elsewhere = Doctor { config: Config { listen: ([127, 0, 0, 1], 0).into(), ..doctor.config.clone() }, ..doctor };
    assert_only(&elsewhere.examine(None).await, "in use by a server that does not listen");
    let other = TempDir::new().unwrap();
    let config = Config { listen: running.addr, data_dir: other.path().into(), ..Config::default() };
    assert_only(&self::doctor(config.clone()).examine(None).await, "is not where the server");
    running.shutdown().await;

    let config = Config { listen: ([127, 0, 0, 1], 0).into(), ..config };
    std::fs::write(other.path().join("dais.db"), "rubbish, and more of it than a header takes".repeat(100)).unwrap();
    assert_only(&self::doctor(config.clone()).examine(None).await, "is no database");
    let folder = TempDir::new().unwrap();
    let newer = rusqlite::Connection::open(folder.path().join("dais.db")).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(store::examine(folder.path()), Err(store::OpenError::Foreign { .. })), "it is somebody else's");
    newer.pragma_update(None, "application_id", 0x4461_6973).unwrap();
    assert!(matches!(store::examine(folder.path()), Err(store::OpenError::Newer { version: 99, .. })));
    let data_dir = other.path().join("dais.db").join("below");
    assert_only(&self::doctor(Config { data_dir, ..config }).examine(None).await, "is a file, and no folder");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named() {
    let folder = TempDir::new().unwrap();
    let [certificate, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    let (pair, other) = (testing::pem_pair(), testing::pem_pair());
    std::fs::write(&certificate, &pair.0).unwrap();
    std::fs::write(&key, &other.1).unwrap();
    let tls = Tls::Files { certificate, key: key.clone() };
    let config = Config { listen: ([127, 0, 0, 1], 0).into(), data_dir: folder.path().into(), tls, ..Config::default() };
    assert_only(&doctor(config.clone()).examine(None).await, "is not that of the certificate");
    std::fs::write(&key, &pair.1).unwrap();
    assert_eq!(wrong(&doctor(config).examine(None).await), [""; 0]);
}

#[test]
fn dates_are_judged_by_the_clock() {
    let valid = Dates { not_before: datetime!(2026-01-01 0:00 UTC), not_after: datetime!(2026-04-01 0:00 UTC) };
    for (now, wanted) in [
        (datetime!(2025-12-31 0:00 UTC), Wrong("The certificate is not valid before 2026-01-01".into())),
        (datetime!(2026-02-01 0:00 UTC), Fine("The certificate is valid for 59 days".into())),
        (datetime!(2026-03-28 0:00 UTC), Wrong("The certificate ends in 4 days".into())),
        (datetime!(2026-04-02 0:00 UTC), Wrong("The certificate has expired on 2026-04-01".into())),
    ] {
        match (dates(valid, now), wanted) {
            (Fine(said), Fine(wanted)) | (Wrong(said), Wrong(wanted)) => assert!(said.starts_with(&wanted), "{said}"),
            (said, wanted) => panic!("{said:?} instead of {wanted:?}"),
        }
    }
}

#[test]
fn a_clock_shows_no_less_than_what_was() {
    let now = datetime!(2026-02-01 0:00 UTC);
    let ms = |time: OffsetDateTime| u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap();
    let seen = |newest_ms| Seen { newest_ms, jump: None };
    let only = |written, seen, is_running| {
        let [finding] = <[Finding; 1]>::try_from(clock(now, written, seen, is_running)).unwrap();
        finding
    };
    assert!(matches!(only(Some(now - Duration::DAY), seen(ms(now - Duration::DAY)), false), Fine(_)));
    assert!(matches!(only(None, seen(ms(now + Duration::MINUTE)), true), Fine(_)), "a minute is no matter");
    assert!(matches!(only(Some(now + Duration::days(2)), seen(0), false), Wrong(said) if said.contains("program")));
    assert!(matches!(only(None, seen(ms(now + Duration::HOUR)), true), Wrong(said) if said.contains("database remembers")));
    assert!(
        matches!(only(None, seen(ms(now - Duration::days(100))), false), Note(said) if said.contains("2025-10-24 00:00 UTC"))
    );
    assert!(matches!(only(None, seen(ms(now - Duration::days(100))), true), Fine(_)), "it has found out by itself");
    let jump =
        |ago_ms| Seen { newest_ms: ms(now), jump: Some(Jump { from_ms: ms(now), to_ms: ms(now + Duration::DAY), ago_ms }) };
    let told = clock(now, None, jump(1), true);
    assert!(matches!(&told[..], [Fine(_), Note(said)] if said.contains("from 2026-02-01 00:00 UTC to 2026-02-02")), "{told:?}");
    assert!(!format!("{told:?}").contains("Nobody is forgotten"), "a day may be one that the machine slept");
    let years = Jump { from_ms: ms(now), to_ms: ms(now + Duration::days(700)), ago_ms: 1 };
    let told = clock(now, None, Seen { newest_ms: ms(now), jump: Some(years) }, true);
    assert!(format!("{told:?}").contains("Nobody is forgotten"), "{told:?}");
    assert!(matches!(only(None, jump(JUMP_TOLD_MS), true), Fine(_)), "it is long ago");
}

#[test]
fn a_full_room_needs_a_file_for_each_of_its_people() {
    let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            256      1024      files\n";
    assert!(matches!(files(limits, 2000), Some(Wrong(said)) if said.contains("LimitNOFILE=2731")));
    assert!(Bounds::within(2731, usize::MAX, 1).connections >= 2000, "and so many are enough");
    assert!(matches!(files(limits, 700), Some(Fine(_))), "the server raises the lower one");
    assert!(matches!(files(&limits.replace("1024", "unlimited"), 2000), Some(Fine(_))));
    assert_eq!(files("", 1), None);
}

#[tokio::test]
async fn a_proxy_that_passes_everything_on_and_is_trusted_is_fine() {
    let findings = behind_proxy(&[PROXY], forwarded).await;
    assert_eq!(wrong(&findings), [""; 0], "{findings:#?}");
    assert_fine(&findings, "and is believed");
    assert_fine(&findings, "The certificate of https://localhost");
}

#[tokio::test]
async fn the_servers_word_counts_and_not_what_the_doctor_was_told_of_proxies() {
    let findings = behind_proxy_of(&[PROXY], &[], forwarded).await;
    assert_eq!(wrong(&findings), [""; 0], "{findings:#?}");
    assert_fine(&findings, "and is believed");
    assert_only(&behind_proxy_of(&[], &[PROXY], forwarded).await, "none that --trust-proxy names");
}

#[tokio::test]
async fn a_certificate_of_its_own_is_known_though_the_doctor_was_not_told_of_it() {
    let folder = TempDir::new().unwrap();
    let [certificate, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    let pair = testing::pem_pair();
    std::fs::write(&certificate, &pair.0).unwrap();
    std::fs::write(&key, &pair.1).unwrap();
    let (running, _folder, mut doctor) = server(Tls::Files { certificate, key }, &[]).await;
    doctor.config.tls = Tls::Off;
    doctor.roots.add(CertificateDer::from_pem_slice(pair.0.as_bytes()).unwrap()).unwrap();
    let findings = doctor.examine(Some(&format!("https://localhost:{}", running.addr.port()))).await;
    assert_eq!(wrong(&findings), [""; 0], "nobody stands in between: {findings:#?}");
    running.shutdown().await;
}

#[tokio::test]
async fn what_a_proxy_does_wrong_is_named() {
    assert_only(&behind_proxy(&[], forwarded).await, "--trust-proxy");
    assert_only(&behind_proxy(&[PROXY], str::to_owned).await, "let it add X-Forwarded-For");
    // By another name this machine tells nothing; but whoever names it as `localhost` is told.
    let silent = |head: &str| head.replace("localhost:", "talk.example:");
    assert_only(&behind_proxy(&[PROXY], silent).await, "everybody may read /metrics; let it add X-Forwarded-For");
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    assert_only(&behind_proxy(&[elsewhere], forwarded).await, "none that --trust-proxy names");
    let half = |head: &str| head.replacen("\r\n", "\r\nX-Real-IP: 198.51.100.7\r\n", 1);
    assert_only(&behind_proxy(&[PROXY], half).await, "all people have one address; let it add X-Forwarded-For");
    let renamed = |head: &str| forwarded(&without(head, "host:")).replacen("\r\n", "\r\nHost: internal\r\n", 1);
    assert_only(&behind_proxy(&[PROXY], renamed).await, "--allow-origin https://localhost");
    let plain = |head: &str| forwarded(&without(head, "upgrade:"));
    assert_only(&behind_proxy(&[PROXY], plain).await, "pass on Upgrade");
}

#[tokio::test]
async fn an_address_that_leads_elsewhere_is_named() {
    let (running, _folder, doctor) = server(Tls::Off, &[]).await;
    let nowhere = TcpListener::bind((PROXY, 0)).await.unwrap().local_addr().unwrap();
    assert_only(&doctor.examine(Some(&format!("http://{nowhere}"))).await, "cannot be reached");
    for address in ["talk.example", "ftp://talk.example", "https://me@talk.example", ""] {
        assert_only(&doctor.examine(Some(address)).await, "no address to open");
    }
    assert_only(&doctor.examine(Some(&format!("https://{}", running.addr))).await, "does not speak HTTPS");
    let other = somebody_else("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    let findings = doctor.examine(Some(&format!("http://{other}"))).await;
    assert_eq!(wrong(&findings).len(), 2, "{findings:#?}");
    assert!(wrong(&findings)[0].contains("answers 404") && wrong(&findings)[1].contains("leads to no Dais"));

    let said = |uptime_seconds| place::Said { version: "1".into(), uptime_seconds };
    assert!(matches!(outside::identity("u", &said(50), Some(&said(49))), Fine(_)));
    assert!(matches!(outside::identity("u", &said(50), Some(&said(5_000))), Wrong(_)));
    assert!(matches!(outside::identity("u", &said(50), None), Note(_)));
    running.house().store.die().await;
    assert_only(&doctor.outside(&format!("http://{}", running.addr), None).await, "is not well");
    running.shutdown().await;
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_named() {
    let (running, _folder, doctor) = server(Tls::SelfSigned, &[]).await;
    let stranger = Doctor { config: Config { tls: Tls::Off, ..doctor.config.clone() }, ..doctor };
    let findings = stranger.examine(Some(&format!("https://{}", running.addr))).await;
    assert_only(&findings, "not one that browsers accept");
    running.shutdown().await;
}
