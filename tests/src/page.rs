//! What a browser is given over plain HTTP.

use std::path::PathBuf;

use dais_server::Config;
use dais_shared::room::Mode;

use crate::harness::TestServer;

/// A folder with a small page, gone with the test.
struct Dist(PathBuf);

impl Dist {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("dais-dist-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let dist = Self(folder);
        dist.write("index.html", "<!doctype html><script type=\"module\">go()</script>");
        dist.write("app-0123456789abcdef.js", "export default 1");
        dist.write("app-0123456789abcdef.js.br", "brotli");
        dist.write("app-0123456789abcdef.js.gz", "gzip");
        dist.write("worker_bg.wasm", "\0asm");
        dist
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.0.join(name), content).unwrap();
    }

    async fn server(&self) -> TestServer {
        TestServer::start_with(Config { web_dir: Some(self.0.clone()), ..Config::default() }).await
    }
}

impl Drop for Dist {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_lobby_and_every_room_are_the_app() {
    let dist = Dist::new("app");
    let server = dist.server().await;
    for path in ["/", "/r/hall", "/r/hall?x=1"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert!(answer.text().contains("go()"));
        let policy = answer.header("content-security-policy").unwrap();
        let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src ")).unwrap();
        assert!(scripts.contains("'self' 'wasm-unsafe-eval' 'sha256-"), "{policy}");
        assert!(!scripts.contains("unsafe-inline"), "{policy}");
    }
    for path in ["/r", "/r/", "/r/a/b", "/nothing", "/index.html/x", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "//etc/hostname"] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn files_come_packed_tagged_and_with_their_kind() {
    let dist = Dist::new("files");
    let server = dist.server().await;
    let name = "/app-0123456789abcdef.js";
    let mut tags = Vec::new();
    for (accepted, coding, body) in
        [("gzip, deflate, br", Some("br"), "brotli"), ("gzip", Some("gzip"), "gzip"), ("identity", None, "export default 1")]
    {
        let accept = format!("Accept-Encoding: {accepted}");
        let answer = server.get_with(name, &[&accept]).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, coding));
        assert_eq!(answer.text(), body);
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        let tag = answer.header("etag").unwrap().to_owned();
        let again = server.get_with(name, &[&accept, &format!("If-None-Match: {tag}")]).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag.as_str())));
        tags.push(tag);
    }
    tags.dedup();
    assert_eq!(tags.len(), 3, "a tag stands for these very bytes");
    let worker = server.get("/worker_bg.wasm").await;
    assert_eq!(worker.header("content-type"), Some("application/wasm"));
    assert_eq!(worker.header("cache-control"), Some("no-cache"), "its name says nothing about its content");
}

#[tokio::test]
async fn the_page_and_all_it_loads_are_isolated_from_other_origins() {
    let dist = Dist::new("isolated");
    let server = dist.server().await;
    let tag = server.get("/worker_bg.wasm").await.header("etag").unwrap().to_owned();
    let known = format!("If-None-Match: {tag}");
    let requests: [(&str, &[&str], u16); 7] = [
        ("/", &[], 200),
        ("/r/hall", &[], 200),
        ("/app-0123456789abcdef.js", &[], 200),
        ("/app-0123456789abcdef.js", &["Accept-Encoding: br"], 200),
        ("/worker_bg.wasm", &[], 200),
        ("/worker_bg.wasm", &[&known], 304),
        ("/nothing", &[], 404),
    ];
    for (path, headers, status) in requests {
        let answer = server.get_with(path, headers).await;
        assert_eq!(answer.status, status, "{path} {headers:?}");
        let (is_module, is_page) = (path.ends_with(".wasm"), !path.contains('.'));
        for (header, value, is_due) in [
            ("cross-origin-opener-policy", "same-origin", is_page),
            ("x-frame-options", "DENY", is_page),
            ("cross-origin-embedder-policy", "require-corp", !is_module),
            ("cross-origin-resource-policy", "same-origin", true),
            ("x-content-type-options", "nosniff", true),
            ("referrer-policy", "no-referrer", !is_module),
        ] {
            assert_eq!(answer.header(header), is_due.then_some(value), "{path} {headers:?}");
        }
    }
    // What stands on another origin would not be loaded; the policy does not even let the page ask.
    let policy = server.get("/").await.header("content-security-policy").unwrap().to_owned();
    assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");
    // A worker goes by the policy of its own script.
    let policy = server.get("/app-0123456789abcdef.js").await.header("content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"), "{policy}");
}

#[tokio::test]
async fn what_is_no_file_is_kept_nowhere_taken_for_nothing_else_and_loads_nothing() {
    let server = TestServer::start().await;
    for (path, status) in [
        ("/healthz", 200),
        ("/metrics", 200),
        ("/api/status", 200),
        ("/api/rooms?", 200),
        ("/api/nothing", 404),
        ("/nothing", 404),
        ("/", 404),
        ("/ws", 426),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'", "{path}");
    }
}

#[tokio::test]
async fn a_server_without_a_page_says_how_to_get_one() {
    let server = TestServer::start().await;
    let answer = server.get("/").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("--web-dir"), "{}", answer.text());
}

#[tokio::test]
async fn status_and_health_can_be_asked() {
    let server = TestServer::start().await;
    let _host = server.host(Mode::Moderated).await;
    let _guest = server.listener("Ben").await;
    assert_eq!(server.get("/healthz").await.text(), "ok\n");
    let answer = server.get("/api/status").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let status: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&status["rooms"], &status["members"]), (&1.into(), &2.into()));
    assert!(status["uptime_seconds"].is_u64());
}
