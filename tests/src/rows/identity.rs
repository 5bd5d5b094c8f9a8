//! Who somebody is, and that the connection lives: Z11, Z12, Z16.

use dais_bots::engine::Command;
use dais_bots::engine::Command::CreateRoom as Create;
use dais_bots::member::Member;
use dais_shared::ids::RoomId;
use dais_shared::room::{Command as RoomCommand, Denied, Mode, StageExit};
use dais_shared::view::Change;
use dais_shared::wire::{ClientFrame, Goodbye, Request, ServerFrame};

use crate::harness::{PATIENCE, TestServer};

#[tokio::test]
async fn z11_login_gives_an_id_of_ones_own_and_logout_leaves_and_revokes() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    let other = server.person("Ben").await;
    let (id, token) = (guest.identity.clone().unwrap().user, guest.token);
    assert_ne!(id, other.identity.clone().unwrap().user);
    assert!(token.is_some() && token != other.token);
    host.sees(|view| view.audience_count == 1).await;
    guest.asks(Request::Logout).await.unwrap();
    assert_eq!(guest.end().await.goodbye, Some(Goodbye::LoggedOut));
    host.sees(|view| view.audience_count == 0).await;
    let again = crate::harness::TestMember::connect(server.address(), token).await;
    assert!(again.identity.is_none(), "the token opens nothing any more");
}

#[tokio::test]
async fn z11_without_a_login_there_is_no_room() {
    let server = TestServer::start().await;
    let _host = server.host(Mode::Moderated).await;
    let mut stranger = server.stranger().await;
    assert_eq!(stranger.joins("hall").await, Err(Denied::NotLoggedIn));
    assert_eq!(stranger.creates("mine", Mode::Open).await, Err(Denied::NotLoggedIn));
}

#[tokio::test]
async fn z12_heartbeats_go_both_ways_and_tell_the_servers_time() {
    let server = TestServer::start().await;
    let mut member = server.person("Ada").await;
    let Some(ServerFrame::Welcome { server_ms, .. }) = member.welcome.clone() else { panic!("welcomed") };
    member.sends(&ClientFrame::Ping { nonce: 77 }).await;
    let is_answer = |frame: &ServerFrame| matches!(frame, ServerFrame::Pong { nonce: 77, server_ms: now } if *now >= server_ms);
    member.until("pong", |member| member.told.iter().any(is_answer)).await;
    member.until("ping", |member| member.pings > 0).await;
}

/// The engine is the same in the page and in headless members: here it creates, publishes and mutes, as `dais-bots`.
#[tokio::test]
async fn z16_an_engine_with_typed_events_creates_publishes_and_mutes() {
    let server = TestServer::start().await;
    let mut speaker = Member::log_in(&format!("ws://{}/ws", server.address()), "Ada", Some(48_000)).await.unwrap();
    let room = Some(RoomId::parse("hall").unwrap());
    let create = Create { room, title: "Hall".into(), mode: Mode::Moderated, unlisted: false, passcode: None };
    speaker.ask(create).await.unwrap().unwrap();
    let mut witness = server.listener("Cleo").await;
    let set_muted = |muted| Command::Room(RoomCommand::SetMicrophone { muted });
    speaker.ask(set_muted(false)).await.unwrap().unwrap();
    speaker.wait_for("the microphone", PATIENCE, Member::is_microphone_open).await.unwrap();
    speaker.speak(&[0.2; 9_600]);
    speaker.ask(set_muted(true)).await.unwrap().unwrap();
    witness.until("voice", |witness| !witness.heard.is_empty()).await;
    witness.sees(|view| view.stage[0].self_muted).await;
    let heard = witness.heard.len();
    speaker.speak(&[0.2; 9_600]);
    speaker.ask(Command::LeaveRoom).await.unwrap().unwrap();
    let left = |change: &Change| matches!(change, Change::StageLeft { exit: StageExit::LeftRoom(_), .. });
    witness.until("departure", |witness| witness.changes.iter().any(left)).await;
    assert_eq!(witness.heard.len(), heard, "muted, it publishes nothing");
}

/// It plays another member's stream, turns one person down, and is told of everything.
#[tokio::test]
async fn z16_an_engine_plays_one_stream_and_silences_it() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut listener = Member::log_in(&format!("ws://{}/ws", server.address()), "Ben", None).await.unwrap();
    let join = Command::JoinRoom { room: RoomId::parse("hall").unwrap(), passcode: None, take_over: false };
    listener.ask(join).await.unwrap().unwrap();
    listener.wait_for("the room", PATIENCE, |member| member.view().is_some()).await.unwrap();
    let heard = |member: &Member| member.playback().statistics().counters.packets_queued_total > 0;
    host.says("la").await;
    listener.wait_for("voice", PATIENCE, heard).await.unwrap();
    let before = server.metrics().voice_frames_fanned_out_total.get();
    let user = host.identity.clone().unwrap().user;
    listener.ask(Command::SetVolume { user, volume: 0.0 }).await.unwrap().unwrap();
    listener.ask(Command::ListMembers { after: None }).await.unwrap().unwrap();
    host.says("la").await;
    host.has_been_processed().await;
    assert_eq!(server.metrics().voice_frames_fanned_out_total.get(), before, "what is not played is not sent");
}
