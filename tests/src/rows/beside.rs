//! Beside the voice: T1, T2, and silencing one person for oneself (Z16).

use dais_shared::room::{Command, Denied, Mode, Reaction, Setting};
use dais_shared::view::Change;
use dais_shared::wire::{Reply, Request};

use crate::harness::TestServer;

fn says(text: &str) -> Command {
    Command::SendMessage(text.into())
}

#[tokio::test]
async fn t1_messages_reach_everybody_and_whoever_comes_later() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    guest.commands(says("  <b>hello</b>  ")).await.unwrap();
    host.sees(|view| view.messages.len() == 1).await;
    let message = &host.view().messages[0];
    assert_eq!((message.name.as_str(), message.text.as_deref()), ("Ben", Some("<b>hello</b>")));
    let late = server.listener("Cleo").await;
    assert_eq!(late.view().messages, host.view().messages);
}

#[tokio::test]
async fn t1_a_message_has_500_characters_a_rate_and_no_tricks() {
    let server = TestServer::start().await;
    let _host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    guest.commands(says(&"é".repeat(500))).await.unwrap();
    let mut tricky = server.listener("Dan").await;
    for text in ["", "   ", &"x".repeat(501), "a\u{202E}b", "a\u{0}b"] {
        assert!(matches!(tricky.commands(says(text)).await, Err(Denied::InvalidMessage(_))), "{text:?}");
    }
    let mut flooder = server.listener("Cleo").await;
    let mut posted = 0;
    for _ in 0..10 {
        match flooder.commands(says("again")).await {
            Ok(_) => posted += 1,
            Err(denied) => assert_eq!(denied, Denied::TooFast),
        }
    }
    assert!((5..=7).contains(&posted), "{posted}");
}

#[tokio::test]
async fn t1_the_host_closes_the_chat_and_takes_messages_out() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    let mut other = server.listener("Cleo").await;
    guest.commands(says("rude")).await.unwrap();
    host.sees(|view| view.messages.len() == 1).await;
    let id = host.view().messages[0].id;
    assert_eq!(other.commands(Command::RemoveMessage(id)).await, Err(Denied::NotPermitted));
    host.commands(Command::RemoveMessage(id)).await.unwrap();
    other.sees(|view| view.messages.iter().any(|message| message.id == id && message.text.is_none())).await;
    host.commands(Command::Set(Setting::Chat(false))).await.unwrap();
    assert_eq!(guest.commands(says("more")).await, Err(Denied::ChatClosed));
    host.commands(Command::Set(Setting::Chat(true))).await.unwrap();
    guest.commands(says("sorry")).await.unwrap();
    let own = guest.view().messages.last().unwrap().id;
    guest.commands(Command::RemoveMessage(own)).await.unwrap();
}

#[tokio::test]
async fn t1_the_past_of_the_chat_comes_in_pages() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut written = 0;
    for number in 0..8 {
        // Each with a rate of his own.
        let mut person = server.listener(&format!("Person {number}")).await;
        for _ in 0..5 {
            person.commands(says(&format!("message {written}"))).await.unwrap();
            written += 1;
        }
    }
    host.sees(|view| view.messages.last().is_some_and(|last| last.text.as_deref() == Some("message 39"))).await;
    let mut texts = Vec::new();
    let mut before = None;
    loop {
        let Ok(Reply::Messages(page)) = host.asks(Request::ListMessages { before }).await else { panic!("a page") };
        let Some(first) = page.first() else { break };
        before = Some(first.id);
        texts.splice(0..0, page.into_iter().filter_map(|message| message.text));
    }
    assert_eq!(texts, (0..40).map(|number| format!("message {number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn t2_reactions_are_shown_limited_and_never_kept() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    guest.commands(Command::React(Reaction::Heart)).await.unwrap();
    let me = guest.id();
    let shown = |change: &Change| matches!(change, Change::Reactions(all) if all.contains(&(me, Reaction::Heart)));
    host.until("a heart", |host| host.changes.iter().any(shown)).await;
    let snapshot = server.listener("Cleo").await;
    assert!(!snapshot.changes.iter().any(|change| matches!(change, Change::Reactions(_))), "who comes later sees nothing of it");
    let mut refused = 0;
    for _ in 0..12 {
        refused += u32::from(guest.asks(Request::Room(Command::React(Reaction::Wow))).await == Err(Denied::TooFast));
    }
    assert!(refused >= 5, "{refused}");
}

#[tokio::test]
async fn z16_silencing_one_person_stops_that_voice_alone_and_for_oneself_alone() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    let stream = guest.stream();
    witness.asks(Request::Silence { stream, silent: true }).await.unwrap();
    guest.says("unheard by one").await;
    guest.has_been_processed().await;
    host.says("marker").await;
    witness.hears(&host, "marker").await;
    assert_eq!(witness.texts(), ["marker"]);
    host.hears(&guest, "unheard by one").await;
    witness.asks(Request::Silence { stream, silent: false }).await.unwrap();
    guest.says("again").await;
    witness.hears(&guest, "again").await;
}
