//! What looks the same is the same: names that are told apart, and secrets that open however they are typed.

use dais_shared::ids::{PageId, RoomId};
use dais_shared::names::InvalidName;
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Mode, Setting};
use dais_shared::view::View;
use dais_shared::wire::Request;

use crate::harness::{TestMember, TestServer};

const HOST: &str = "José Ruiz";

/// A room `hall` whose host has this name.
async fn hall_of(server: &TestServer, name: &str) -> TestMember {
    let mut host = server.person(name).await;
    host.creates("hall", Mode::Moderated).await.unwrap();
    host
}

/// Under which name somebody is shown who comes in with this one, and goes again.
async fn shown_as(server: &TestServer, name: &str) -> String {
    let mut member = server.listener(name).await;
    let shown = member.view().my_name.clone();
    member.leaves().await.unwrap();
    shown
}

#[tokio::test]
async fn whoever_looks_like_the_host_gets_a_number() {
    let server = TestServer::start().await;
    let _host = hall_of(&server, "Jose\u{301}\u{A0} Ruiz").await;
    for (name, shown) in [
        ("Jose\u{301} Ruiz", "José Ruiz (2)"),
        ("José  Ruiz", "José Ruiz (2)"),
        ("José\u{A0}Ruiz", "José Ruiz (2)"),
        ("\u{3000}José\u{2003}Ruiz\u{2009}", "José Ruiz (2)"),
        ("José\u{200D} Ruiz", "José\u{200D} Ruiz (2)"),
        ("José \u{200C} Ruiz", "José \u{200C} Ruiz (2)"),
        ("José Ruiz\u{FE0F}", "José Ruiz\u{FE0F} (2)"),
        ("Jоsé Ruiz", "Jоsé Ruiz (2)"),
        ("Jοsé Ruiz", "Jοsé Ruiz (2)"),
        ("Ｊｏｓé Ｒｕｉｚ", "Ｊｏｓé Ｒｕｉｚ (2)"),
        ("JOSÉ RUIZ", "JOSÉ RUIZ (2)"),
        ("josé ruiz", "josé ruiz (2)"),
        ("J0sé Ruiz", "J0sé Ruiz (2)"),
        ("José Ruiz (1)", "José Ruiz (1) (2)"),
        ("José Ruiz (2)", "José Ruiz (2)"),
        ("José Ruis", "José Ruis"),
    ] {
        assert_eq!(shown_as(&server, name).await, shown, "{name:?}");
    }
}

#[tokio::test]
async fn the_number_is_theirs_who_come_later_and_coming_back_keeps_it() {
    let server = TestServer::start().await;
    let mut host = hall_of(&server, HOST).await;
    let second = server.listener("Jоsé Ruiz").await;
    let third = server.listener("José Ruiz (2)").await;
    assert_eq!((second.view().my_name.as_str(), third.view().my_name.as_str()), ("Jоsé Ruiz (2)", "José Ruiz (2) (2)"));
    let mut second = second.reconnects().await;
    second.joins("hall").await.unwrap();
    assert_eq!(second.view().my_name, "Jоsé Ruiz (2)");
    // Another name is for rooms to come; in this one everybody stays who he is, and the host has no number.
    let renamed = second.logs_in("JOSE\u{301} RUIZ").await.unwrap();
    assert_eq!(renamed.name, "JOSÉ RUIZ");
    host.sees(|view| view.audience.len() == 2).await;
    let names = |view: &View| view.audience.iter().map(|listener| listener.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(host.view()), host.view().my_name.as_str()),
        (vec!["Jоsé Ruiz (2)".into(), "José Ruiz (2) (2)".into()], HOST)
    );
    second.leaves().await.unwrap();
    second.joins("hall").await.unwrap();
    assert_eq!(second.view().my_name, "JOSÉ RUIZ (2)");
}

#[tokio::test]
async fn what_is_written_under_a_name_is_known_by_who_wrote_it() {
    let server = TestServer::start().await;
    let mut host = hall_of(&server, HOST).await;
    let mut guest = server.listener("josé ruiz").await;
    for member in [&mut host, &mut guest] {
        member.commands(Command::SendMessage("Jose\u{301}  says\n hello".into())).await.unwrap();
    }
    host.sees(|view| view.messages.len() == 2).await;
    let view = host.view();
    let written = view.messages.iter().map(|message| (message.name.as_str(), view.role_of_user(message.user)));
    assert_eq!(written.collect::<Vec<_>>(), [(HOST, Role::Host), ("josé ruiz (2)", Role::Listener)]);
    assert_eq!(view.messages[0].text.as_deref(), Some("José  says\n hello"), "prose is composed and left as it is");
}

#[tokio::test]
async fn names_are_counted_as_they_are_shown() {
    let server = TestServer::start().await;
    let mut stranger = server.stranger().await;
    let shown = |member: &Result<dais_shared::wire::Identity, Denied>| member.as_ref().map(|identity| identity.name.clone()).ok();
    assert_eq!(shown(&stranger.logs_in(&"e\u{301}".repeat(40)).await), Some("é".repeat(40)));
    assert_eq!(shown(&stranger.logs_in(&format!("A{}B", "\u{2003}".repeat(60))).await), Some("A B".into()));
    for (wrong, why) in [
        ("e\u{301}".repeat(41), InvalidName::TooLong),
        ("\u{958}".repeat(40), InvalidName::TooLong), // composed, it is two characters
        ("\u{2800}\u{FE0F}\u{E0041}".into(), InvalidName::Empty),
        ("A\u{206E}da".into(), InvalidName::Unprintable),
        ("A\tda".into(), InvalidName::Unprintable),
    ] {
        assert_eq!(stranger.logs_in(&wrong).await.err(), Some(Denied::InvalidName(why)), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_passcode_opens_however_it_is_typed() {
    let server = TestServer::start().await;
    let mut host = hall_of(&server, HOST).await;
    let ways = ["café au lait", "cafe\u{301} au lait", " café\u{3000}au  lait ", "caf\u{E9}\u{A0}au\u{200B} lait\u{FEFF}"];
    for set in ways {
        host.commands(Command::SetPasscode(Some(set.into()))).await.unwrap();
        let mut guest = server.person("Ben").await; // as many tries as one connection has
        for typed in ways {
            assert!(guest.joins_with("hall", typed).await.is_ok(), "{set:?}, {typed:?}");
            guest.leaves().await.unwrap();
        }
        let mut stranger = server.person("Dan").await;
        for wrong in ["cafe au lait", "Café au lait", "caféaulait", ""] {
            assert_eq!(stranger.joins_with("hall", wrong).await, Err(Denied::PasscodeWrong), "{set:?}, {wrong:?}");
        }
    }
    let room = RoomId::parse("annex").unwrap();
    let create = Request::CreateRoom {
        room: Some(room),
        title: "Cafe\u{301}  \u{3000}du coin".into(),
        mode: Mode::Open,
        unlisted: false,
        passcode: Some("cle\u{301}".into()),
        page: PageId(1),
    };
    let mut other = server.person("Cleo").await;
    other.creates_as(create).await.unwrap();
    let mut guest = server.person("Ben").await;
    guest.joins_with("annex", "clé").await.unwrap();
    assert_eq!(guest.view().settings.title, "Café du coin");
    other.commands(Command::Set(Setting::Topic("Ame\u{301}lie \u{A0}Poulain".into()))).await.unwrap();
    guest.sees(|view| view.settings.topic == "Amélie Poulain").await;
}
