//! A server whose clock is wrong at a start: nobody is forgotten for it, nobody is shut out by it, and the log says so.

use std::time::Duration;

use dais_server::{Config, Server};
use dais_shared::ids::{MemberId, PageId, RequestId, RoomId, Token};
use dais_shared::limits::REENTRY_BLOCK_MS;
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Mode};
use dais_shared::wire::{ClientFrame, Request, ServerFrame};
use tempfile::TempDir;

use crate::harness::{RawPeer, ServerProcess};

const DAY_MS: i64 = 86_400_000;
const YEAR_MS: i64 = 365 * DAY_MS;
const ADA: [u8; 4] = [127, 0, 0, 2];
const BEN: [u8; 4] = [127, 0, 0, 3];
const ZOE: [u8; 4] = [127, 0, 0, 4];

fn hall() -> RoomId {
    RoomId::parse("hall").unwrap()
}

/// A hall of Ada's, into which Zoe came and out of which she was kicked; Ben is about. Whose tokens are whose.
async fn kicked_out(address: std::net::SocketAddr) -> (Option<Token>, Option<Token>, Option<Token>) {
    let mut ada = RawPeer::person(ADA, address, "Ada").await;
    let (title, page) = ("Hall".into(), PageId(1));
    let create = Request::CreateRoom { room: Some(hall()), title, mode: Mode::Moderated, unlisted: false, passcode: None, page };
    ada.asks(create).await.unwrap();
    let ben = RawPeer::person(BEN, address, "Ben").await;
    let mut zoe = RawPeer::person(ZOE, address, "Zoe").await;
    zoe.joins("hall", None, 1).await.unwrap();
    ada.asks(Request::Room(Command::Kick(MemberId(2)))).await.unwrap();
    (ada.token, ben.token, zoe.token)
}

/// Who the server says that this is, and as what he comes into the hall.
async fn comes_back(from: [u8; 4], address: std::net::SocketAddr, token: Option<Token>) -> (String, Result<Role, Denied>) {
    let (mut peer, welcome) = RawPeer::upgraded(from, address).await.says_hello(token).await;
    let name = match welcome {
        ServerFrame::Welcome { identity: Some(identity), .. } => identity.name,
        other => panic!("the server knows nobody by this token: {other:?}"),
    };
    let request = Request::JoinRoom { room: hall(), passcode: None, page: PageId(2), take_over: false, microphone_open: false };
    peer.says(&ClientFrame::Request { id: RequestId(1), request }).await;
    let is_it = |frame: &ServerFrame| matches!(frame, ServerFrame::Snapshot(_) | ServerFrame::Reply { result: Err(_), .. });
    match peer.until(is_it).await {
        ServerFrame::Snapshot(view) => (name, Ok(view.my_role())),
        ServerFrame::Reply { result: Err(denied), .. } => (name, Err(denied)),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_start_by_a_wrong_date_takes_nothing_from_anybody() {
    for off_ms in [100 * DAY_MS, 10 * YEAR_MS, -3 * YEAR_MS, -60 * YEAR_MS] {
        let folder = TempDir::with_prefix("dais-clock-").unwrap();
        let start = |off_ms| ServerProcess::start_by(folder.path(), 0, &[], None, off_ms);
        let server = start(0);
        let (ada, ben, zoe) = kicked_out(server.address).await;
        server.kill();

        let server = start(off_ms);
        server.complains_of("the date has jumped");
        let cleo = RawPeer::person(BEN, server.address, "Cleo").await.token;
        let (_, barred) = comes_back(ZOE, server.address, zoe).await;
        assert!(matches!(barred, Err(Denied::Kicked { .. })), "{off_ms}: what is left of the minute holds, too: {barred:?}");
        server.kill();

        let server = start(0);
        let host = comes_back(ADA, server.address, ada).await;
        assert_eq!(host, ("Ada".into(), Ok(Role::Host)), "{off_ms}: the chair is hers");
        for (from, token, name) in [(BEN, ben, "Ben"), (BEN, cleo, "Cleo")] {
            assert_eq!(comes_back(from, server.address, token).await.0, name, "{off_ms}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kick_made_three_years_ahead_is_over_a_minute_later() {
    let folder = TempDir::with_prefix("dais-clock-").unwrap();
    let config = || Config { listen: ([127, 0, 0, 1], 0).into(), data_dir: folder.path().to_owned(), ..Config::default() };
    let server = ServerProcess::start_by(folder.path(), 0, &[], None, 3 * YEAR_MS);
    let (_, _, zoe) = kicked_out(server.address).await;
    server.kill();

    let server = Server::start(config()).await.unwrap();
    let (_, barred) = comes_back(ZOE, server.addr, zoe).await;
    assert!(matches!(barred, Err(Denied::Kicked { .. })), "{barred:?}");
    server.let_time_pass(Duration::from_millis(REENTRY_BLOCK_MS));
    assert_eq!(comes_back(ZOE, server.addr, zoe).await.1, Ok(Role::Listener));
}
