//! The two microphone bits, and that the server obeys them frame by frame.

use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, MicrophoneState, Mode, Unheard};

use crate::harness::TestServer;

#[tokio::test]
async fn who_mutes_himself_is_not_heard_and_stays_on_stage() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    guest.says("one").await;
    guest.mutes().await.unwrap();
    guest.says("two").await;
    guest.has_been_processed().await;
    assert_eq!(guest.role(), Role::Speaker);
    host.says("marker").await;
    witness.hears(&host, "marker").await;
    assert_eq!(witness.texts(), ["one", "marker"]);
    assert_eq!(server.metrics().voice_frames_unheard(Unheard::MutedBySelf), 1);

    guest.unmutes().await.unwrap();
    guest.says("three").await;
    witness.hears(&guest, "three").await;
    assert_eq!(witness.texts(), ["one", "marker", "three"]);
}

#[tokio::test]
async fn whom_the_host_mutes_is_not_heard_and_cannot_undo_it() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    host.commands(Command::MuteSpeaker(guest.id())).await.unwrap();
    for _ in 0..10 {
        guest.says("still here").await;
    }
    assert_eq!(guest.unmutes().await, Err(Denied::MutedByHost));
    assert_eq!(guest.role(), Role::Speaker, "muted is not removed");
    assert!(guest.view().my_stage().unwrap().host_muted);
    host.says("marker").await;
    witness.hears(&host, "marker").await;
    assert_eq!(witness.texts(), ["marker"]);
    host.has_been_processed().await;
    assert!(host.heard.is_empty(), "after the acknowledgement not one frame");
    assert_eq!(server.metrics().voice_frames_unheard(Unheard::MutedByHost), 10);

    host.commands(Command::LiftMute(guest.id())).await.unwrap();
    guest.says("is this on?").await;
    guest.has_been_processed().await;
    assert!(guest.view().my_stage().unwrap().self_muted, "lifting a mute asks and opens nothing");
    guest.unmutes().await.unwrap();
    guest.says("yes").await;
    witness.hears(&guest, "yes").await;
    assert_eq!(witness.texts(), ["marker", "yes"]);
}

#[tokio::test]
async fn everybody_sees_what_becomes_of_a_microphone() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    guest.commands(Command::ReportMicrophone(MicrophoneState::Refused)).await.unwrap();
    let id = guest.id();
    for member in [&mut host, &mut witness] {
        member.sees(|view| view.person(id).is_some_and(|person| person.microphone == MicrophoneState::Refused)).await;
    }
}

#[tokio::test]
async fn voice_that_nobody_may_hear_ends_a_connection_at_last() {
    use dais_shared::limits::{UNHEARD_FRAMES_MAX, VOICE_FRAMES_PER_SECOND};
    use dais_shared::wire::Goodbye;

    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut nuisance = server.listener("Ben").await;
    // At a lawful rate, as a client would that ignores what it is told.
    let mut pace = tokio::time::interval(tokio::time::Duration::from_secs(1) / VOICE_FRAMES_PER_SECOND);
    for _ in 0..UNHEARD_FRAMES_MAX {
        pace.tick().await;
        nuisance.says("me me me").await;
    }
    let end = nuisance.end().await;
    assert_eq!((end.goodbye, end.close_code), (Some(Goodbye::Abuse), Some(4006)));
    host.has_been_processed().await;
    assert!(host.heard.is_empty());
}
