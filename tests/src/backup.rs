//! `dais backup` while the server runs, and a server started on the copy.

use std::process::ExitCode;

use dais_shared::ids::{PageId, RequestId, RoomId};
use dais_shared::permissions::Role;
use dais_shared::room::{Denied, Mode};
use dais_shared::wire::{ClientFrame, Request, ServerFrame};
use tempfile::TempDir;

use crate::harness::{RawPeer, ServerProcess};

const FROM: [u8; 4] = [127, 0, 0, 1];

fn creating(room: &str) -> Request {
    let (title, page) = (room.into(), PageId(1));
    Request::CreateRoom { room: RoomId::parse(room).ok(), title, mode: Mode::Moderated, unlisted: false, passcode: None, page }
}

/// As on the command line.
fn back_up(data_dir: &str, to: &str) -> ExitCode {
    dais_server::run(["dais", "backup", to, "--data-dir", data_dir].map(Into::into))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_a_copy_knows_its_people_and_their_rooms() {
    let folders = ["here", "there"].map(|name| TempDir::with_prefix(format!("dais-backup-{name}-")).unwrap());
    let [here, there] = folders.each_ref().map(|folder| folder.path().to_str().unwrap());
    let server = ServerProcess::start(here.as_ref(), 0);
    let mut host = RawPeer::person(FROM, server.address, "Ada").await;
    host.asks(creating("hall")).await.unwrap();
    let token = host.token;
    let copy = format!("{there}/dais.db");
    assert_eq!(back_up(here, &copy), ExitCode::SUCCESS);
    assert_eq!(back_up(here, &copy), ExitCode::FAILURE, "a copy is not written over");
    let mut later = RawPeer::person(FROM, server.address, "Ben").await;
    later.asks(creating("later")).await.unwrap();
    server.kill();

    let server = ServerProcess::start(there.as_ref(), 0);
    let (mut host, welcome) = RawPeer::upgraded(FROM, server.address).await.says_hello(token).await;
    assert!(matches!(welcome, ServerFrame::Welcome { identity: Some(identity), .. } if identity.name == "Ada"));
    let (room, page) = (RoomId::parse("hall").unwrap(), PageId(2));
    let request = Request::JoinRoom { room, passcode: None, page, take_over: false, microphone_open: false };
    host.says(&ClientFrame::Request { id: RequestId(1), request }).await;
    let snapshot = host.until(|frame| matches!(frame, ServerFrame::Snapshot(_))).await;
    assert!(matches!(snapshot, ServerFrame::Snapshot(view) if view.my_role() == Role::Host));
    let mut other = RawPeer::person(FROM, server.address, "Cleo").await;
    assert_eq!(other.joins("later", None, 1).await, Err(Denied::UnknownRoom), "that came after the copy");
}
