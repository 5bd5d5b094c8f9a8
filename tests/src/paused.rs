//! The server's process stands still for a while: nobody's time is up because of that.

use dais_shared::ids::RequestId;
use dais_shared::limits::{HEARTBEAT_MS, SEAT_GRACE_MS, SILENCE_MS_MAX};
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Mode};
use dais_shared::wire::{ClientFrame, PROTOCOL_VERSION, Reply, Request, ServerFrame};
use tempfile::TempDir;
use tokio::time::{Duration, Instant, sleep_until};

use crate::harness::{RawPeer, ServerProcess, TestServer};

const HERE: [u8; 4] = [127, 0, 0, 1];

#[tokio::test]
async fn who_has_something_waiting_in_his_socket_is_not_silent() {
    let folder = TempDir::with_prefix("dais-paused-").unwrap();
    let server = ServerProcess::start(folder.path(), 0);
    let mut host = RawPeer::person(HERE, server.address, "Ada").await;
    let room = dais_shared::ids::RoomId::parse("hall").unwrap();
    let creating = Request::CreateRoom {
        room: Some(room),
        title: "Hall".into(),
        mode: Mode::Open,
        unlisted: false,
        passcode: None,
        page: dais_shared::ids::PageId(1),
    };
    host.asks(creating).await.unwrap();
    let mut guest = RawPeer::person(HERE, server.address, "Ben").await;
    guest.joins("hall", None, 2).await.unwrap();
    let mut newcomer = RawPeer::upgraded(HERE, server.address).await;
    let mut visitor = RawPeer::connect(HERE, server.address).await;
    visitor.sends(b"GET /healthz HTTP/1.1\r\n").await;
    // Its head has begun, and is waited for.
    assert!(guest.is_heard().await);

    server.signal("STOP");
    let stopped = Instant::now();
    let until = |ms| sleep_until(stopped + Duration::from_millis(ms));
    newcomer.says(&ClientFrame::Hello { version: PROTOCOL_VERSION, client: "raw".into(), token: None }).await;
    visitor.sends(b"Host: x\r\n\r\n").await;
    for beat in 1..=SILENCE_MS_MAX / HEARTBEAT_MS {
        until(beat * HEARTBEAT_MS).await;
        for member in [&mut host, &mut guest] {
            member.says(&ClientFrame::Ping { nonce: 7 }).await;
        }
    }
    // Longer than anybody may be silent.
    until(SILENCE_MS_MAX + 1_000).await;
    server.signal("CONT");

    newcomer.until(|frame| matches!(frame, ServerFrame::Welcome { .. })).await;
    assert_eq!(visitor.asks_http(b"").await.status, 200);
    for member in [&mut host, &mut guest] {
        let id = RequestId(1_000);
        member.says(&ClientFrame::Request { id, request: Request::ListMembers { after: None } }).await;
        let is_it = |frame: &ServerFrame| matches!(frame, ServerFrame::Reply { id: of, .. } if *of == id);
        let answer = member.until(is_it).await;
        let there = matches!(answer, ServerFrame::Reply { result: Ok(Reply::Members { total: 2, .. }), .. });
        assert!(there, "{answer:?}");
    }
    assert!(server.figure("dais_pauses_total").await >= 1.0);
    server.complains_of("stood still");
}

#[tokio::test]
async fn a_seat_is_held_and_an_invitation_lives_while_nobody_can_come() {
    let server = TestServer::start().await;
    let (mut host, guest, mut listener) = server.talk().await;
    host.commands(Command::Invite(listener.id())).await.unwrap();
    listener.sees(|view| view.private.invitation.is_some()).await;
    let invitation = listener.view().private.invitation.as_ref().unwrap().id;
    let seat = guest.id();
    let mut guest = guest.reconnects().await;
    host.sees(|view| view.person(seat).is_some_and(|person| person.held_until_ms.is_some())).await;

    server.stands_still(10 * SEAT_GRACE_MS / 1_000);
    listener.commands(Command::RespondInvite { invitation, accept: true }).await.unwrap();
    guest.joins("hall").await.unwrap();
    assert_eq!((guest.id(), guest.role()), (seat, Role::Speaker), "the seat was held");

    // Time that passes as it does runs out.
    let guest = guest.reconnects().await;
    host.sees(|view| view.person(seat).is_some_and(|person| person.held_until_ms.is_some())).await;
    server.lets_pass(11 * SEAT_GRACE_MS / 1_000, &mut host).await;
    host.sees(|view| view.person(seat).is_none()).await;
    drop(guest);
}
