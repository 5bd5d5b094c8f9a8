//! Z4: an invitation asks, reaches its target only, has an id, can be taken back, and expires.

use dais_shared::ids::InvitationId;
use dais_shared::room::{Command, Denied, HandRaisedBy, InvitationEnd, Mode, StageEntry};
use dais_shared::view::Change;

use crate::harness::{TestMember, TestServer};

async fn invites(host: &mut TestMember, guest: &mut TestMember) -> InvitationId {
    host.commands(Command::Invite(guest.id())).await.unwrap();
    guest.sees(|view| view.private.invitation.is_some()).await;
    guest.view().private.invitation.as_ref().unwrap().id
}

fn answer(invitation: InvitationId, accept: bool) -> Command {
    Command::RespondInvite { invitation, accept }
}

fn was_told(member: &TestMember, wanted: InvitationEnd) -> bool {
    member.changes.iter().any(|change| matches!(change, Change::InvitationEnded { end, .. } if *end == wanted))
}

#[tokio::test]
async fn z04_a_listener_accepts_an_invitation_and_is_on_stage_muted() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    let id = invites(&mut host, &mut guest).await;
    assert_eq!(guest.view().private.invitation.as_ref().unwrap().by, "Ada");
    assert!(guest.view().my_stage().is_none(), "nobody comes on stage without saying yes");
    guest.commands(answer(id, true)).await.unwrap();
    guest.is_on_stage().await;
    assert!(guest.view().my_stage().unwrap().self_muted);
    assert!(guest.view().private.invitation.is_none());
    let entered = |change: &Change| matches!(change, Change::StageJoined { entry: StageEntry::Invited, .. });
    host.until("news", |host| host.changes.iter().any(entered) && was_told(host, InvitationEnd::Accepted)).await;
}

#[tokio::test]
async fn z04_a_listener_rejects_an_invitation_and_the_host_is_told() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    let id = invites(&mut host, &mut guest).await;
    guest.commands(answer(id, false)).await.unwrap();
    host.until("news", |host| was_told(host, InvitationEnd::Rejected)).await;
    assert!(host.view().private.moderation.as_ref().unwrap().invited.is_empty());
    assert!(guest.view().my_stage().is_none());
    assert_eq!(guest.commands(answer(id, true)).await, Err(Denied::InviteExpired), "no is no");
    let again = invites(&mut host, &mut guest).await;
    assert_ne!(again, id, "another invitation has another id");
    assert_eq!(guest.commands(answer(id, true)).await, Err(Denied::InviteExpired), "an answer names its invitation");
}

#[tokio::test]
async fn z04_an_invitation_is_in_nobody_elses_bytes() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    let mut speaker = server.listener("Cleo").await;
    speaker.raises_hand().await.unwrap();
    host.sees(|view| view.hands.len() == 1).await;
    host.admits(&speaker).await.unwrap();
    let mut other = server.listener("Dan").await;
    for member in [&mut other, &mut speaker] {
        let came =
            |change: &Change| matches!(change, Change::Audience { here, .. } if here.iter().any(|here| here.name == "Dan"));
        member.until("the newcomer", |member| member.changes.iter().any(came)).await;
    }
    let (before, before_speaker) = (other.control.len(), speaker.control.len());
    let id = invites(&mut host, &mut guest).await;
    guest.commands(answer(id, false)).await.unwrap();
    host.until("news", |host| was_told(host, InvitationEnd::Rejected)).await;
    for (member, before) in [(&mut other, before), (&mut speaker, before_speaker)] {
        member.has_been_processed().await;
        assert_eq!(member.view().private, dais_shared::view::Private::default());
        for bytes in &member.control[before..] {
            use dais_shared::wire::{FromServer, ServerFrame, decode_server};
            if let FromServer::Control(ServerFrame::Delta(delta)) = decode_server(bytes).unwrap() {
                assert!(delta.changes.is_empty(), "{:?}", delta.changes);
            }
        }
    }
}

#[tokio::test]
async fn z04_an_invitation_is_taken_back_and_expires_after_a_minute() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    let id = invites(&mut host, &mut guest).await;
    assert_eq!(host.commands(Command::Invite(guest.id())).await, Err(Denied::AlreadyInvited));
    host.commands(Command::CancelInvite(guest.id())).await.unwrap();
    guest.until("news", |guest| was_told(guest, InvitationEnd::Cancelled)).await;
    assert_eq!(guest.commands(answer(id, true)).await, Err(Denied::InviteExpired));
    assert_eq!(host.commands(Command::CancelInvite(guest.id())).await, Err(Denied::NotInvited));

    let id = invites(&mut host, &mut guest).await;
    server.lets_pass(59, &mut host).await;
    assert!(guest.view().private.invitation.is_some());
    server.lets_pass(2, &mut host).await;
    guest.until("news", |guest| was_told(guest, InvitationEnd::Expired)).await;
    assert!(guest.view().private.invitation.is_none());
    assert_eq!(guest.commands(answer(id, true)).await, Err(Denied::InviteExpired));
}

#[tokio::test]
async fn z04_a_yes_on_a_full_stage_becomes_a_raised_hand() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Open).await;
    let mut people = Vec::new();
    for number in 1..dais_shared::limits::STAGE_SEATS_MAX {
        let mut person = server.listener(&format!("Person {number}")).await;
        person.commands(Command::TakeSeat).await.unwrap();
        people.push(person);
    }
    let mut guest = server.listener("Ben").await;
    let id = invites(&mut host, &mut guest).await;
    guest.commands(answer(id, true)).await.unwrap();
    assert!(guest.view().is_my_hand_raised());
    let queued = |change: &Change| matches!(change, Change::HandRaised { by: HandRaisedBy::StageFull, .. });
    assert!(guest.changes.iter().any(queued));
    host.sees(|view| view.hands.len() == 1).await;
    assert_eq!(host.admits(&guest).await, Err(Denied::StageFull));
    people[0].commands(Command::LeaveStage).await.unwrap();
    host.admits(&guest).await.unwrap();
    guest.is_on_stage().await;
}

#[tokio::test]
async fn z04_a_raised_hand_is_a_yes_already() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    guest.raises_hand().await.unwrap();
    host.sees(|view| view.hands.len() == 1).await;
    host.commands(Command::Invite(guest.id())).await.unwrap();
    guest.is_on_stage().await;
    assert!(guest.view().my_stage().unwrap().self_muted);
}

#[tokio::test]
async fn z04_whoever_is_called_up_another_way_has_no_invitation_left() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Open).await;
    let mut guest = server.listener("Ben").await;
    let id = invites(&mut host, &mut guest).await;
    guest.commands(Command::TakeSeat).await.unwrap();
    guest.is_on_stage().await;
    assert!(was_told(&guest, InvitationEnd::OnStage));
    assert_eq!(guest.commands(answer(id, true)).await, Err(Denied::NotPermitted), "on stage there is nothing to accept");
    guest.commands(Command::LeaveStage).await.unwrap();
    assert_eq!(guest.commands(answer(id, true)).await, Err(Denied::InviteExpired));
}
