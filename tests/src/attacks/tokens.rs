//! Tokens that are guessed, used up, stolen or sent twice.

use std::time::Duration;

use dais_shared::ids::Token;
use dais_shared::room::Denied;
use dais_shared::wire::{ClientFrame, Goodbye, KIND_CONTROL, PROTOCOL_VERSION, Request, ServerFrame, encode_client};

use super::{ATTACKER, MALFORMED, Row, Scene, Stage, are_answered, row};
use crate::harness::{Ending, RawPeer, frame};

/// Who the server says that somebody with this token is.
async fn name_of(scene: &Scene, token: Token) -> Option<String> {
    let (mut peer, welcome) = RawPeer::upgraded(ATTACKER, scene.address()).await.says_hello(Some(token)).await;
    let ServerFrame::Welcome { identity, .. } = welcome else { panic!("{welcome:?}") };
    if identity.is_none() {
        assert_eq!(peer.joins("hall", None, 1).await, Err(Denied::NotLoggedIn), "what opens nothing lets nobody in");
    }
    identity.map(|identity| identity.name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_are_guessed_or_used_up() {
    let scene = Scene::begin().await;
    let mut owner = RawPeer::person([127, 0, 0, 5], scene.address(), "Ada").await;
    let token = owner.token.unwrap();
    assert_eq!(name_of(&scene, token).await.as_deref(), Some("Ada"), "the owner, on another page");
    let mut near = token;
    near.0[15] ^= 1;
    for guessed in [Token([0; 16]), Token([0xFF; 16]), near] {
        assert_eq!(name_of(&scene, guessed).await, None);
    }
    // Logging out uses it up, for every page; a copy of the hello opens nothing any more.
    owner.asks(Request::Logout).await.unwrap();
    assert_eq!(owner.ending(Duration::from_secs(10)).await, Ending::with(Goodbye::LoggedOut));
    assert_eq!(name_of(&scene, token).await, None, "replayed");

    let hello = |token| encode_client(&ClientFrame::Hello { version: PROTOCOL_VERSION, client: "x".into(), token });
    let whole = hello(Some(token));
    let first = |name, bytes: &[u8]| Row { at: Stage::Upgraded, ..row(name, frame(0x82, bytes), MALFORMED) };
    let rows = vec![
        first("a token that is cut off", &whole[..whole.len() - 1]),
        first("a token with more behind", &[&whole[..], &[0]].concat()),
        first("a token that is neither there nor not", &[&hello(None)[..whole.len() - 17], &[2], &token.0].concat()),
        row("a token in a second hello", frame(0x82, &whole), MALFORMED),
        first("a token and nothing else", &[&[KIND_CONTROL][..], &token.0].concat()),
    ];
    are_answered(&scene, rows).await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_token() {
    let scene = Scene::begin().await;
    let mut owner = RawPeer::person([127, 0, 0, 5], scene.address(), "Ada").await;
    owner.joins("hall", None, 1).await.unwrap();
    // Whoever has the token is its owner, and the owner is told: nothing happens behind his back.
    let (mut thief, _) = RawPeer::upgraded(ATTACKER, scene.address()).await.says_hello(owner.token).await;
    assert_eq!(thief.joins("hall", None, 2).await, Err(Denied::SeatInUse));
    let room = dais_shared::ids::RoomId::parse("hall").unwrap();
    let page = dais_shared::ids::PageId(2);
    let take_over = Request::JoinRoom { room, passcode: None, page, take_over: true, microphone_open: false };
    thief.asks(take_over.clone()).await.unwrap();
    assert_eq!(owner.ending(Duration::from_secs(10)).await, Ending::with(Goodbye::Superseded));
    // He gets the seat back the same way, and ends it by logging out.
    let (mut owner, _) = RawPeer::upgraded([127, 0, 0, 5], scene.address()).await.says_hello(owner.token).await;
    owner.asks(take_over).await.unwrap();
    owner.asks(Request::Logout).await.unwrap();
    assert!(matches!(thief.ending(Duration::from_secs(10)).await.goodbye, Some(Goodbye::Superseded | Goodbye::LoggedOut)));
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_seat_by_name_or_number() {
    let scene = Scene::begin().await;
    let mut impostor = RawPeer::person(ATTACKER, scene.address(), "Ada").await;
    impostor.joins("hall", None, 1).await.unwrap();
    let kick = dais_shared::room::Command::Kick(dais_shared::ids::MemberId(1));
    assert_eq!(impostor.asks(Request::Room(kick)).await, Err(Denied::NotPermitted), "a name is no rank");
    scene.goes_on().await;
}
