//! Connections that drop, come back, are taken over or end with the server.

use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, LeaveReason, Mode, StageExit};
use dais_shared::view::Change;
use dais_shared::wire::{ClientFrame, Goodbye, ServerFrame};

use crate::harness::TestServer;

#[tokio::test]
async fn heartbeats_go_both_ways() {
    let server = TestServer::start().await;
    let mut member = server.person("Ada").await;
    let Some(ServerFrame::Welcome { heartbeat_ms, server_ms, .. }) = member.welcome.clone() else { panic!("welcomed") };
    assert_eq!(u64::from(heartbeat_ms), dais_shared::limits::HEARTBEAT_MS);
    member.sends(&ClientFrame::Ping { nonce: 77 }).await;
    let is_answer = |frame: &ServerFrame| matches!(frame, ServerFrame::Pong { nonce: 77, server_ms: now } if *now >= server_ms);
    member.until("pong", |member| member.told.iter().any(is_answer)).await;
}

#[tokio::test]
async fn who_comes_back_has_the_same_role_and_never_a_more_open_microphone() {
    let server = TestServer::start().await;
    let (mut host, guest, mut witness) = server.talk().await;
    let (id, stream) = (guest.id(), guest.stream());
    let mut guest = guest.reconnects().await;
    host.sees(|view| view.person(id).is_some_and(|person| person.held_until_ms.is_some())).await;
    guest.rejoins("hall", true).await.unwrap();
    host.sees(|view| view.person(id).is_some_and(|person| person.held_until_ms.is_none())).await;
    assert_eq!((guest.id(), guest.stream(), guest.role()), (id, stream, Role::Speaker));
    guest.says_as(100, "as before").await;
    host.hears(&guest, "as before").await;

    let mut guest = guest.reconnects().await;
    guest.rejoins("hall", false).await.unwrap();
    assert!(guest.view().my_stage().unwrap().self_muted, "this page's microphone is closed");
    guest.says_as(200, "unheard").await;
    guest.has_been_processed().await;
    host.commands(Command::MuteSpeaker(id)).await.unwrap();

    let mut guest = guest.reconnects().await;
    guest.rejoins("hall", true).await.unwrap();
    assert!(guest.view().my_stage().unwrap().host_muted);
    guest.says_as(300, "unheard").await;
    guest.has_been_processed().await;
    host.says("marker").await;
    witness.hears(&host, "marker").await;
    assert_eq!(witness.texts(), ["as before", "marker"]);
}

#[tokio::test]
async fn a_raised_hand_keeps_its_place_through_a_lost_connection() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    let mut other = server.listener("Cleo").await;
    guest.raises_hand().await.unwrap();
    other.raises_hand().await.unwrap();
    let mut guest = guest.reconnects().await;
    guest.joins("hall").await.unwrap();
    assert!(guest.view().is_my_hand_raised());
    assert_eq!(guest.view().hands[0].member, guest.id());
    host.admits(&guest).await.unwrap();
    guest.is_on_stage().await;
}

#[tokio::test]
async fn a_token_brings_a_seat_back_and_a_name_does_not() {
    let server = TestServer::start().await;
    let (mut host, guest, _witness) = server.talk().await;
    let id = guest.id();
    let mut guest = guest.reconnects().await;
    host.sees(|view| view.person(id).is_some_and(|person| person.held_until_ms.is_some())).await;
    let mut namesake = server.listener("Ben").await;
    assert_eq!((namesake.role(), namesake.view().my_name.as_str()), (Role::Listener, "Ben (2)"));
    assert!(namesake.id() != id);
    namesake.says("as Ben").await;
    namesake.has_been_processed().await;
    assert_eq!(server.metrics().voice_frames_heard_total.get(), 0);
    guest.rejoins("hall", true).await.unwrap();
    assert_eq!((guest.id(), guest.role()), (id, Role::Speaker));
}

#[tokio::test]
async fn a_second_page_takes_the_seat_over() {
    let server = TestServer::start().await;
    let (mut host, mut first, mut witness) = server.talk().await;
    let mut second = first.second_page().await;
    assert_eq!(second.joins("hall").await, Err(Denied::SeatInUse), "nobody's seat is taken unasked");
    second.takes_over("hall").await.unwrap();
    assert_eq!(second.id(), first.id());
    let end = first.until_end().await;
    assert_eq!((end.goodbye, end.close_code), (Some(Goodbye::Superseded), Some(4007)));
    assert!(second.view().my_stage().unwrap().self_muted, "this page's microphone is closed");
    second.unmutes().await.unwrap();
    second.says_as(50, "here").await;
    witness.hears(&second, "here").await;
    let id = second.id();
    host.says("marker").await;
    witness.hears(&host, "marker").await;
    assert!(
        !witness.changes.iter().any(|change| matches!(change, Change::Presence { member, .. } if *member == id)),
        "nobody saw the seat empty"
    );
}

#[tokio::test]
async fn whoever_leaves_is_gone_at_once_and_the_room_passes_on() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    let (host_id, guest_id) = (host.id(), guest.id());
    host.leaves().await.unwrap();
    witness.sees(|view| view.person(host_id).is_none()).await;
    let has_left = |change: &Change| matches!(change, Change::StageLeft { member, exit: StageExit::LeftRoom(LeaveReason::Left) } if *member == host_id);
    assert!(witness.changes.iter().any(has_left));
    guest.sees(|view| view.my_role() == Role::Host).await;
    witness.sees(|view| view.person(guest_id).is_some_and(|person| person.role == Role::Host)).await;
}

/// Takes as long as a seat is held: half a minute.
#[tokio::test]
async fn who_does_not_come_back_is_gone_after_the_grace() {
    let server = TestServer::start().await;
    let (mut host, guest, witness) = server.talk().await;
    let id = guest.id();
    drop((guest, witness));
    host.sees(|view| view.person(id).is_some_and(|person| person.held_until_ms.is_some())).await;
    host.sees(|view| view.person(id).is_none() && view.audience_count == 0).await;
    let timed_out = |change: &Change| matches!(change, Change::StageLeft { member, exit: StageExit::LeftRoom(LeaveReason::TimedOut) } if *member == id);
    assert!(host.changes.iter().any(timed_out));
    assert_eq!(server.status().members, 1, "no ghosts");
}

/// Takes as long as silence is borne: fifteen seconds.
#[tokio::test]
async fn who_sends_nothing_for_long_is_closed_and_shown_as_reconnecting() {
    let server = TestServer::start().await;
    let (mut host, mut guest, _witness) = server.talk().await;
    let id = guest.id();
    guest.falls_silent();
    let watching = async {
        host.sees(|view| view.person(id).is_some_and(|person| person.held_until_ms.is_some())).await;
    };
    let (end, ()) = tokio::join!(guest.end(), watching);
    assert_eq!((end.goodbye, end.close_code), (Some(Goodbye::Silent), Some(4004)));
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye_to_everybody() {
    let server = TestServer::start().await;
    let (host, guest, witness) = server.talk().await;
    let stranger = server.stranger().await;
    let ((), ends) = tokio::join!(server.stop(), async {
        let mut ends = Vec::new();
        for member in [host, guest, witness, stranger] {
            ends.push(member.end().await);
        }
        ends
    });
    for end in ends {
        assert_eq!((end.goodbye, end.close_code), (Some(Goodbye::ShuttingDown), Some(1001)));
    }
}
