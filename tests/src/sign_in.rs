//! Servers that let in only who has signed in: with the house's password, or with a token of another site.

mod password;
mod tokens;

use dais_server::Config;
use dais_shared::ids::Token;
use dais_shared::wire::Goodbye;
use tempfile::TempDir;

use crate::harness::http::{Answer, call};
use crate::harness::{Ending, PATIENCE, RawPeer, TestMember, TestServer};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const HOME: [u8; 4] = [127, 0, 0, 1];

/// A file with this in it, and the folder that it is gone with.
fn file(content: &str) -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::with_prefix("dais-sign-in-").unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

async fn server_with_password(password: &str) -> TestServer {
    let (_folder, path) = file(password);
    TestServer::start_with(Config { sign_in_password_file: Some(path), ..Config::default() }).await
}

async fn server_with_key(key: &str) -> TestServer {
    let (_folder, path) = file(key);
    TestServer::start_with(Config { sign_in_jwt_key: Some(path), ..Config::default() }).await
}

/// Sends the form of the sign-in page.
async fn says(server: &TestServer, form: &str, headers: &[&str]) -> Answer {
    call(server.way().clone(), "POST", "/sign-in", &[&[FORM], headers].concat(), Some(form)).await
}

/// What a browser sends from now on.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {} {}", answer.status, answer.text()));
    format!("Cookie: {}", set.split(';').next().unwrap())
}

/// Whether a browser with this header line is given the app, or the sign-in page.
async fn is_let_in(server: &TestServer, line: &str) -> bool {
    let answer = server.get_with("/r/hall", &[line]).await;
    let asks = answer.text().contains("<h1>Sign in</h1>");
    assert_eq!(asks, answer.status == 401, "{}", answer.text());
    !asks
}

/// What a program with these header lines is answered on asking for a WebSocket.
async fn handshake(server: &TestServer, headers: &[&str]) -> u16 {
    RawPeer::connect(HOME, server.address()).await.upgrades(headers).await.status
}

/// How a page's connection ends that says nothing.
async fn page_ends(server: &TestServer, headers: &[&str]) -> Ending {
    let origin = format!("Origin: http://{}", server.address());
    let mut peer = RawPeer::connect(HOME, server.address()).await;
    assert_eq!(peer.upgrades(&[&[origin.as_str()], headers].concat()).await.status, 101);
    peer.ending(PATIENCE).await
}

/// Somebody with a token of another site.
async fn bearer(server: &TestServer, token: &str) -> TestMember {
    signed_in(server, ("authorization", &format!("Bearer {token}")), None).await
}

/// Somebody whom this header line lets in, under an identity that he has.
async fn signed_in(server: &TestServer, header: (&'static str, &str), identity: Option<Token>) -> TestMember {
    TestMember::connect_with(header, server.way().clone(), identity).await
}

/// A browser's connection with its cookie.
async fn with_cookie(server: &TestServer, line: &str) -> TestMember {
    signed_in(server, ("cookie", line.strip_prefix("Cookie: ").unwrap()), None).await
}

const SENT_AWAY: Ending = Ending::with(Goodbye::NotSignedIn);
