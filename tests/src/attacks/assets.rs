//! Paths that lead out of the page's folder.

use super::{ATTACKER, Scene};
use crate::harness::RawPeer;

const SECRET: &str = "nobody is to read this";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_that_lead_out_of_the_pages_folder() {
    let root = tempfile::TempDir::with_prefix("dais-assets-").unwrap();
    let folder = root.path().join("dist");
    std::fs::create_dir_all(folder.join("css")).unwrap();
    std::fs::write(root.path().join("secret"), SECRET).unwrap();
    std::fs::write(folder.join("index.html"), "<!doctype html>the page").unwrap();
    std::fs::write(folder.join("css/a.css"), "style").unwrap();
    std::os::unix::fs::symlink(root.path().join("secret"), folder.join("link")).unwrap();
    let scene = Scene::begin_with(&["--web-dir", folder.to_str().unwrap()], None).await;
    let absolute = format!("/{}", root.path().join("secret").display());
    let own = format!("/{}", scene.folder.path().join("dais.db").display());
    let rows: [(&str, u16); 25] = [
        ("/", 200),
        ("/css/a.css", 200),
        ("/../secret", 404),
        ("/css/../../secret", 404),
        ("/css/../css/a.css", 404),
        ("/./css/a.css", 404),
        ("/%2e%2e/secret", 404),
        ("/%2E%2E%2Fsecret", 404),
        ("/..%2fsecret", 404),
        ("/..%5csecret", 404),
        ("/..\\secret", 404),
        ("/%252e%252e/secret", 404),
        ("/....//secret", 404),
        ("/.%00./secret", 404),
        ("/css/a.css%00", 404),
        ("/%c0%ae%c0%ae/secret", 404),
        ("/link", 404),
        ("/css", 404),
        ("/css/", 404),
        (&absolute, 404),
        (&own, 404),
        ("//etc/passwd", 404),
        ("http://elsewhere/../secret", 404),
        ("*", 404),
        ("/r/../../secret", 404),
    ];
    for (path, status) in rows {
        let mut peer = RawPeer::connect(ATTACKER, scene.address()).await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = peer.asks_http(request.as_bytes()).await;
        let refused = answer.status == status || (status == 404 && answer.status == 400);
        assert!(refused && !answer.text().contains(SECRET), "{path}: {} {}", answer.status, answer.text());
    }
    for method in ["POST", "PUT", "DELETE", "TRACE", "CONNECT"] {
        let mut peer = RawPeer::connect(ATTACKER, scene.address()).await;
        let answer = peer.asks_http(format!("{method} / HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
        assert!(matches!(answer.status, 400 | 404 | 405), "{method}: {}", answer.status);
    }
    scene.goes_on().await;
}
