//! One password for the whole house.

use dais_bots::member::Member;
use dais_bots::server::Server as BotsServer;
use dais_server::{Config, Tls};
use dais_shared::limits::{SIGN_IN_MS, SIGN_INS_PER_ADDRESS};
use dais_shared::room::Mode;

use super::{HOME, SENT_AWAY, cookie, file, handshake, is_let_in, page_ends, says, server_with_password, with_cookie};
use crate::harness::http::call;
use crate::harness::{RawPeer, TestServer};

#[tokio::test]
async fn whoever_knows_the_password_comes_in_and_is_led_where_he_wanted() {
    let server = server_with_password("open sesame\n").await;
    let asked = server.get("/r/hall").await;
    assert_eq!(asked.status, 401);
    let page = asked.text();
    assert!(page.contains(r#"name="to" value="/r/hall""#) && page.contains(r#"type="password""#), "{page}");
    let policy = asked.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(asked.header("cache-control"), Some("no-store"));
    let answer = says(&server, "to=%2Fr%2Fhall%23host%3D0123&password=open+sesame", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/r/hall#host=0123")));
    let cookie = cookie(&answer);
    assert!(is_let_in(&server, &cookie).await && is_let_in(&server, &format!("{cookie}; other=1")).await);
    let mut member = with_cookie(&server, &cookie).await;
    member.logs_in("Ada").await.unwrap();
    member.creates("hall", Mode::Open).await.unwrap();
}

#[tokio::test]
async fn nobody_else_does() {
    let server = server_with_password("open sesame").await;
    for wrong in ["password=open+sesam", "password=Open+sesame", "password=", "", "password=%ff", "token=a.b.c", "to=/r/hall"] {
        let answer = says(&server, wrong, &[]).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (401, None), "{wrong}");
        assert!(answer.text().contains("not right"), "{wrong}");
    }
    let as_json =
        call(server.address(), "POST", "/sign-in", &["Content-Type: application/json"], Some("password=open+sesame")).await;
    assert_eq!(as_json.status, 400);
    let long = format!("password=open+sesame&to={}", "x".repeat(5_000));
    assert_eq!(says(&server, &long, &[]).await.status, 400);
    let forged = ["dais-session=", "dais-session=p.9999999999999.00", "dais-session=t.a.b.c", "x=1", ""];
    for line in forged.map(|cookie| format!("Cookie: {cookie}")) {
        assert!(!is_let_in(&server, &line).await, "{line}");
        assert_eq!(handshake(&server, &[&line]).await, 401, "{line}");
        assert_eq!(page_ends(&server, &[&line]).await, SENT_AWAY, "{line}");
    }
    // What is the same for everybody, or for the operator, is not behind the password.
    for open in ["/healthz", "/api/status"] {
        assert_eq!(server.get(open).await.status, 200, "{open}");
    }
}

#[tokio::test]
async fn a_password_opens_however_it_is_typed() {
    // Composed and not, with blanks of other kinds, with the mark that some editors put first.
    let typed = ["un+caf%C3%A9+noir", "un+cafe%CC%81+noir", "+un%C2%A0caf%C3%A9++noir+", "un+caf%C3%A9%E3%80%80noir"];
    for file in ["un caf\u{E9} noir\n", "un cafe\u{301} noir\r\n", "\u{FEFF}un  caf\u{E9}\u{A0}noir \n"] {
        let server = server_with_password(file).await;
        for typed in typed {
            assert_eq!(says(&server, &format!("password={typed}"), &[]).await.status, 303, "{file:?}, {typed}");
        }
        for wrong in ["un+cafe+noir", "Un+caf%C3%A9+noir", "uncaf%C3%A9noir"] {
            assert_eq!(says(&server, &format!("password={wrong}"), &[]).await.status, 401, "{file:?}, {wrong}");
        }
    }
}

#[tokio::test]
async fn the_cookie_is_for_this_server_alone_and_over_https_for_nothing_else() {
    let server = server_with_password("open sesame").await;
    let flags = |set: &str| set.split_once("; ").map(|(_, flags)| flags.to_owned()).unwrap();
    let plain = says(&server, "password=open+sesame", &[]).await;
    let plain = flags(plain.header("set-cookie").unwrap());
    assert_eq!(plain, format!("Path=/; Max-Age={}; HttpOnly; SameSite=Lax", SIGN_IN_MS / 1000));
    // Behind a proxy that speaks HTTPS the browser says so.
    let proxied = says(&server, "password=open+sesame", &["Host: talk.example", "Origin: https://talk.example"]).await;
    assert_eq!(flags(proxied.header("set-cookie").unwrap()), format!("{plain}; Secure"));
    let foreign = says(&server, "password=open+sesame", &["Origin: https://evil.example"]).await;
    assert_eq!((foreign.status, foreign.header("set-cookie")), (403, None));
}

#[tokio::test]
async fn nobody_is_led_to_another_site() {
    let server = server_with_password("open sesame").await;
    for to in
        ["//evil.example", "https://evil.example", "/r/../../evil", "/r/a%0d%0aSet-Cookie:x=1", "/%5cevil.example", "/r/Hall"]
    {
        let answer = says(&server, &format!("password=open+sesame&to={to}"), &[]).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{to}");
    }
    for path in ["/r/%22%3E%3Cscript%3E", "/r/a%27b"] {
        let page = server.get(path).await.text();
        assert!(page.contains(r#"name="to" value="/""#), "{page}");
    }
}

#[tokio::test]
async fn a_session_ends_in_time_and_the_next_connection_is_told() {
    let server = server_with_password("open sesame").await;
    let cookie = cookie(&says(&server, "password=open+sesame", &[]).await);
    server.lets_pass_unnoticed(SIGN_IN_MS / 1000 - 60);
    assert!(is_let_in(&server, &cookie).await);
    let mut member = with_cookie(&server, &cookie).await;
    server.lets_pass_unnoticed(60);
    assert!(!is_let_in(&server, &cookie).await);
    assert_eq!(handshake(&server, &[&cookie]).await, 401);
    assert_eq!(page_ends(&server, &[&cookie]).await, SENT_AWAY);
    member.logs_in("Ada").await.expect("who is in stays in");
}

#[tokio::test]
async fn an_address_has_so_many_wrong_tries_and_leaves_the_others_theirs() {
    let server = server_with_password("open sesame").await;
    for _ in 0..SIGN_INS_PER_ADDRESS {
        assert_eq!(says(&server, "password=open+sesame", &[]).await.status, 303, "a right one costs nothing");
    }
    for _ in 0..SIGN_INS_PER_ADDRESS {
        assert_eq!(says(&server, "password=guess", &[]).await.status, 401);
    }
    let refused = says(&server, "password=open+sesame", &[]).await;
    assert_eq!((refused.status, refused.header("retry-after"), refused.header("set-cookie")), (429, Some("10"), None));
    let form = "password=open+sesame";
    let request = format!(
        "POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let other = RawPeer::connect([127, 0, 0, 7], server.address()).await.asks_http(request.as_bytes()).await;
    assert_eq!(other.status, 303);
    assert!(server.get("/metrics").await.text().contains("dais_refused_total{reason=\"sign_ins\"} 1"));
}

#[tokio::test]
async fn where_nobody_is_asked_there_is_no_such_page() {
    let server = TestServer::start().await;
    for answer in [server.get("/sign-in").await, says(&server, "password=open+sesame", &[]).await] {
        assert_eq!((answer.status, answer.header("location"), answer.header("set-cookie")), (303, Some("/"), None));
    }
    let _ = RawPeer::greeted(HOME, server.address()).await;
}

#[tokio::test]
async fn programs_sign_in_with_the_password_as_a_browser_does() {
    for tls in [Tls::Off, Tls::SelfSigned] {
        let (_folder, house) = file("open sesame\n");
        let is_https = tls == Tls::SelfSigned;
        let server =
            TestServer::start_with(Config { sign_in_password_file: Some(house.clone()), tls, ..Config::default() }).await;
        let trust = is_https.then(|| server.folder().join("tls-certificate.pem"));
        let scheme = if is_https { "wss" } else { "ws" };
        let with = |password_file| {
            let url = format!("{scheme}://{}/ws", server.address());
            BotsServer { url, trust: trust.clone(), token: None, password_file }
        };
        let lets_in = with(Some(house));
        let entrance = lets_in.enter().await.unwrap();
        // All of a crowd take the same way.
        for name in ["Ada", "Ben"] {
            Member::log_in_by(entrance.way(), name, None).await.unwrap();
        }
        let (_other, wrong) = file("another word\n");
        let refused = with(Some(wrong)).enter().await.map(drop).unwrap_err();
        assert!(format!("{refused:#}").contains("does not take this password"), "{refused:#}");
        let asked = with(None);
        let refused = Member::log_in_by(asked.enter().await.unwrap().way(), "Cleo", None).await.map(drop).unwrap_err();
        assert!(refused.to_string().contains("--password-file"), "{refused:#}");
    }
    // Where nobody is asked, a password is in nobody's way.
    let server = TestServer::start().await;
    let (_folder, password_file) = file("open sesame\n");
    let url = format!("ws://{}/ws", server.address());
    let open = BotsServer { url, trust: None, token: None, password_file: Some(password_file) };
    Member::log_in_by(open.enter().await.unwrap().way(), "Ada", None).await.unwrap();
}
