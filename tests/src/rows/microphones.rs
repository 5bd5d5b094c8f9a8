//! Mutes and the microphone: Z8, Z9, Z10, Z15.

use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, MicrophoneState, Unheard};

use crate::harness::TestServer;

#[tokio::test]
async fn z08_a_speaker_mutes_and_unmutes_himself() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    guest.says("one").await;
    guest.mutes().await.unwrap();
    guest.says("two").await;
    guest.unmutes().await.unwrap();
    guest.says("three").await;
    witness.hears(&guest, "three").await;
    assert_eq!(witness.texts(), ["one", "three"]);
    assert_eq!(server.metrics().voice_frames_unheard(Unheard::MutedBySelf), 1);
    host.sees(|view| !view.stage[1].self_muted).await;
}

#[tokio::test]
async fn z09_a_host_mute_is_enforced_whatever_the_client_does_and_its_lifting_asks() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    guest.says("before").await;
    guest.has_been_processed().await;
    host.commands(Command::MuteSpeaker(guest.id())).await.unwrap();
    let heard = host.heard.len();
    for _ in 0..20 {
        guest.says("after").await;
    }
    assert_eq!(guest.unmutes().await, Err(Denied::MutedByHost));
    host.commands(Command::LiftMute(guest.id())).await.unwrap();
    guest.says("still after").await;
    guest.has_been_processed().await;
    assert_eq!(host.heard.len(), heard, "lifting a mute opens nothing");
    let me = guest.view().my_stage().unwrap();
    assert_eq!((me.host_muted, me.self_muted), (false, true));
    guest.unmutes().await.unwrap();
    guest.says("asked").await;
    witness.hears(&guest, "asked").await;
    assert_eq!(witness.texts(), ["before", "asked"]);
}

#[tokio::test]
async fn z10_a_muted_speaker_stays_on_stage() {
    let server = TestServer::start().await;
    let (mut host, mut guest, _witness) = server.talk().await;
    let before = guest.stream();
    host.commands(Command::MuteSpeaker(guest.id())).await.unwrap();
    guest.sees(|view| view.my_stage().is_some_and(|me| me.host_muted)).await;
    assert_eq!((guest.role(), guest.stream()), (Role::Speaker, before));
}

#[tokio::test]
async fn z15_what_is_sent_before_the_servers_word_is_not_heard() {
    let server = TestServer::start().await;
    let mut host = server.host(dais_shared::room::Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    guest.raises_hand().await.unwrap();
    guest.says("on the click").await;
    host.sees(|view| view.hands.len() == 1).await;
    host.admits(&guest).await.unwrap();
    guest.is_on_stage().await;
    guest.says("on stage and muted").await;
    guest.commands(Command::ReportMicrophone(MicrophoneState::Refused)).await.unwrap();
    host.sees(|view| view.stage.iter().any(|person| person.microphone == MicrophoneState::Refused)).await;
    guest.unmutes().await.unwrap();
    guest.says("on the server's word").await;
    host.hears(&guest, "on the server's word").await;
    assert_eq!(host.texts(), ["on the server's word"]);
}
