//! Names that are meant to be taken for others, or for code.

use dais_shared::ids::{PageId, RoomId};
use dais_shared::limits::NAME_CHARS_MAX;
use dais_shared::names::InvalidName;
use dais_shared::room::{Command, Denied, Mode, Setting};
use dais_shared::view::View;
use dais_shared::wire::{Request, ServerFrame};

use super::{ATTACKER, Scene};
use crate::harness::RawPeer;

const EMPTY: Option<InvalidName> = Some(InvalidName::Empty);
const TOO_LONG: Option<InvalidName> = Some(InvalidName::TooLong);
const UNPRINTABLE: Option<InvalidName> = Some(InvalidName::Unprintable);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_show_something_else() {
    let scene = Scene::begin().await;
    let long = "x".repeat(NAME_CHARS_MAX + 1);
    let rows: [(&str, Option<InvalidName>); 22] = [
        ("", EMPTY),
        ("   ", EMPTY),
        ("\u{200B}\u{2060}", EMPTY),
        ("\u{3164}", EMPTY),
        ("\u{FE0F}\u{200D}", EMPTY),
        (&long, TOO_LONG),
        ("Ada\u{202E}tsoh", UNPRINTABLE),
        ("Ada\u{2066}x", UNPRINTABLE),
        ("Ada\u{200F}x", UNPRINTABLE),
        ("A\u{200B}da", UNPRINTABLE),
        ("A\u{2060}da", UNPRINTABLE),
        ("A\u{FEFF}da", UNPRINTABLE),
        ("A\u{AD}da", UNPRINTABLE),
        ("A\u{180E}da", UNPRINTABLE),
        ("A\u{115F}da", UNPRINTABLE),
        ("Ada\nHost: Eve", UNPRINTABLE),
        ("Ada\0", UNPRINTABLE),
        ("Ada\u{1B}[2J", UNPRINTABLE),
        ("Ada\u{2028}x", UNPRINTABLE),
        ("\u{200B}Ada\u{200B}", None),
        ("می\u{200C}خواهم", None),
        ("<script>alert(1)</script>", None),
    ];
    for (name, expected) in rows {
        let answer = RawPeer::greeted(ATTACKER, scene.address()).await.logs_in(name).await;
        assert_eq!(answer.err(), expected.map(Denied::InvalidName), "{name:?}");
    }
    // What a room is called, and says that it is about.
    let mut host = RawPeer::person(ATTACKER, scene.address(), "Eve").await;
    let create = |title: &str| {
        let room = Some(RoomId::parse("trap").unwrap());
        Request::CreateRoom { room, title: title.into(), mode: Mode::Open, unlisted: false, passcode: None, page: PageId(1) }
    };
    for title in ["Ha\u{202E}ll", "Ha\u{200B}ll"] {
        assert_eq!(host.asks(create(title)).await, Err(Denied::InvalidTitle(InvalidName::Unprintable)), "{title:?}");
    }
    host.asks(create("<img src=x onerror=alert(1)>")).await.unwrap();
    let topic = Command::Set(Setting::Topic("a\u{202E}b".into()));
    assert_eq!(host.asks(Request::Room(topic)).await, Err(Denied::InvalidTopic(InvalidName::Unprintable)));
    let message = Command::SendMessage("a\u{202E}b".into());
    assert_eq!(host.asks(Request::Room(message)).await, Err(Denied::InvalidMessage(InvalidName::Unprintable)));
    scene.goes_on().await;
}

/// Somebody of this name in the hall; the view that he is shown.
async fn comes_in(scene: &Scene, name: &str) -> (RawPeer, View) {
    let mut peer = RawPeer::person(ATTACKER, scene.address(), name).await;
    peer.joins("hall", None, 1).await.unwrap();
    peer.says(&dais_shared::wire::ClientFrame::Request { id: dais_shared::ids::RequestId(u32::MAX), request: Request::Resync })
        .await;
    match peer.until(|frame| matches!(frame, ServerFrame::Snapshot(_))).await {
        ServerFrame::Snapshot(view) => (peer, view),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_look_like_the_hosts() {
    let scene = Scene::begin().await;
    let mut sitting = Vec::new();
    for (name, shown) in
        [("Ada", "Ada (2)"), (" Ada\u{200B} ", "Ada (3)"), ("Ad\u{200D}a", "Ad\u{200D}a (4)"), ("Ada (2)", "Ada (2) (2)")]
    {
        let (peer, view) = comes_in(&scene, name).await;
        assert_eq!(view.my_name, shown, "the host is Ada, and {name:?} is told apart");
        sitting.push(peer);
    }
    // Markup is a name like others: it reaches everybody letter for letter, and the page shows it as text.
    let (_eve, view) = comes_in(&scene, "<b onclick='x()'>Eve</b>").await;
    assert_eq!(view.my_name, "<b onclick='x()'>Eve</b>");
    scene.goes_on().await;
}
