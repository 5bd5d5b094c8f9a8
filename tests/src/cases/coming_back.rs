//! Connections that drop, come back, and are two: what is kept, and that no microphone is more open than before.

use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, HandLoweredBy, InvitationEnd, MicrophoneState, Mode};
use dais_shared::view::Change;
use dais_shared::wire::Goodbye;

use crate::harness::TestServer;

#[tokio::test]
async fn a_seat_is_held_for_half_a_minute_with_role_mutes_and_place_in_the_queue() {
    let server = TestServer::start().await;
    let (mut host, guest, witness) = server.talk().await;
    host.commands(Command::MakeCoHost(guest.id())).await.unwrap();
    let id = guest.id();
    let mut witness = witness;
    witness.raises_hand().await.unwrap();
    let mut late = server.listener("Dan").await;
    late.raises_hand().await.unwrap();
    let (mut guest, mut witness) = (guest.reconnects().await, witness.reconnects().await);
    host.sees(|view| view.person(id).is_some_and(|person| person.held_until_ms.is_some())).await;
    server.lets_pass(29, &mut host).await;
    guest.joins("hall").await.unwrap();
    witness.joins("hall").await.unwrap();
    assert_eq!((guest.role(), guest.id()), (Role::CoHost, id));
    let queue: Vec<_> = host.view().hands.iter().map(|hand| hand.name.as_str()).collect();
    assert_eq!(queue, ["Cleo", "Dan"], "the place in the queue is kept");
    host.sees(|view| view.person(id).is_some_and(|person| person.held_until_ms.is_none())).await;
}

#[tokio::test]
async fn after_half_a_minute_the_seat_is_given_up_and_nobody_is_a_ghost() {
    let server = TestServer::start().await;
    let (mut host, guest, witness) = server.talk().await;
    let id = guest.id();
    drop(witness);
    let mut guest = guest.reconnects().await;
    host.sees(|view| view.person(id).is_some_and(|person| person.held_until_ms.is_some())).await;
    host.sees(|view| view.audience.iter().all(|listener| listener.reconnecting)).await;
    server.lets_pass(31, &mut host).await;
    host.sees(|view| view.stage.len() == 1 && view.audience_count == 0).await;
    assert_eq!(server.status().members, 1);
    guest.joins("hall").await.unwrap();
    assert_eq!(guest.role(), Role::Listener);
}

#[tokio::test]
async fn an_open_microphone_stays_open_only_on_the_page_that_had_it() {
    let server = TestServer::start().await;
    let (mut host, guest, _witness) = server.talk().await;
    let stream = guest.stream();
    let mut guest = guest.reconnects().await;
    guest.rejoins("hall", true).await.unwrap();
    assert!(!guest.view().my_stage().unwrap().self_muted);
    assert_eq!(guest.stream(), stream, "the same page goes on where it was");
    guest.says_as(1000, "on").await;
    host.hears(&guest, "on").await;
    let mut guest = guest.reconnects().await;
    guest.rejoins("hall", false).await.unwrap();
    assert!(guest.view().my_stage().unwrap().self_muted);
    assert_ne!(guest.stream(), stream, "another page counts its frames anew");
    guest.unmutes().await.unwrap();
    guest.says_as(0, "anew").await;
    host.hears(&guest, "anew").await;
}

#[tokio::test]
async fn a_muted_microphone_stays_muted_whatever_the_page_claims() {
    let server = TestServer::start().await;
    let (mut host, mut guest, _witness) = server.talk().await;
    guest.mutes().await.unwrap();
    let mut guest = guest.reconnects().await;
    guest.rejoins("hall", true).await.unwrap();
    assert!(guest.view().my_stage().unwrap().self_muted);
    guest.says_as(1000, "unheard").await;
    guest.has_been_processed().await;
    host.has_been_processed().await;
    assert!(host.heard.is_empty());
}

#[tokio::test]
async fn a_second_tab_has_to_ask_and_the_first_is_superseded_for_good() {
    let server = TestServer::start().await;
    let _host = server.host(Mode::Moderated).await;
    let mut first = server.listener("Ben").await;
    first.raises_hand().await.unwrap();
    let mut second = first.second_page().await;
    assert_eq!(second.joins("hall").await, Err(Denied::SeatInUse));
    second.takes_over("hall").await.unwrap();
    assert!(second.view().is_my_hand_raised());
    let end = first.until_end().await;
    assert_eq!((end.goodbye, end.close_code), (Some(Goodbye::Superseded), Some(4007)));
    assert!(!Goodbye::Superseded.may_reconnect());

    let mut first = first.reconnects().await;
    assert_eq!(first.joins("hall").await, Err(Denied::SeatInUse), "the old tab does not take it back unasked either");
    let mut other = server.person("Ben").await;
    other.joins("hall").await.unwrap();
    assert_ne!(other.id(), second.id(), "as another person there is another seat");
}

#[tokio::test]
async fn an_invitation_waits_for_who_dropped_out() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    host.commands(Command::Invite(guest.id())).await.unwrap();
    guest.sees(|view| view.private.invitation.is_some()).await;
    let id = guest.view().private.invitation.as_ref().unwrap().id;
    let mut guest = guest.reconnects().await;
    guest.joins("hall").await.unwrap();
    assert_eq!(guest.view().private.invitation.as_ref().unwrap().id, id);
    guest.commands(Command::RespondInvite { invitation: id, accept: true }).await.unwrap();
    guest.is_on_stage().await;
}

#[tokio::test]
async fn whoever_leaves_the_stage_has_no_microphone_there() {
    let server = TestServer::start().await;
    let (mut host, mut guest, _witness) = server.talk().await;
    guest.commands(Command::LeaveStage).await.unwrap();
    assert_eq!(guest.unmutes().await, Err(Denied::NotPermitted));
    guest.raises_hand().await.unwrap();
    host.admits(&guest).await.unwrap();
    guest.sees(|view| view.my_stage().is_some_and(|me| me.self_muted)).await;
}

#[tokio::test]
async fn leaving_the_room_lowers_the_hand_and_ends_the_invitation() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let (mut ben, mut cleo) = (server.listener("Ben").await, server.listener("Cleo").await);
    ben.raises_hand().await.unwrap();
    host.sees(|view| view.hands.len() == 1).await;
    host.commands(Command::Invite(cleo.id())).await.unwrap();
    ben.leaves().await.unwrap();
    cleo.leaves().await.unwrap();
    host.sees(|view| view.hands.is_empty() && view.audience_count == 0).await;
    let lowered = |change: &Change| matches!(change, Change::HandLowered { by: HandLoweredBy::Left, .. });
    let ended = |change: &Change| matches!(change, Change::InvitationEnded { end: InvitationEnd::Left, .. });
    assert!(host.changes.iter().any(lowered) && host.changes.iter().any(ended), "and the host is told why");
}

#[tokio::test]
async fn a_microphone_that_is_missing_or_lost_is_shown_and_the_seat_is_kept() {
    let server = TestServer::start().await;
    let (mut host, mut guest, _witness) = server.talk().await;
    for state in [MicrophoneState::Missing, MicrophoneState::Lost, MicrophoneState::Open] {
        guest.commands(Command::ReportMicrophone(state)).await.unwrap();
        let guest = guest.id();
        host.sees(|view| view.person(guest).is_some_and(|person| person.microphone == state)).await;
    }
    assert!(guest.view().my_stage().is_some());
}
