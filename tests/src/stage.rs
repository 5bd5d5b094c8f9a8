//! Coming on stage and leaving it: by being called, by taking a seat, by stepping down, by being removed.

use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, HandLoweredBy, Mode, Setting, StageEntry, StageExit, Unheard};
use dais_shared::view::Change;

use crate::harness::TestServer;

#[tokio::test]
async fn whoever_creates_a_room_is_its_host_and_whoever_joins_is_a_listener() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    assert_eq!((host.role(), guest.role()), (Role::Host, Role::Listener));
    assert_eq!(guest.sees_person(&host).map(|person| person.role), Some(Role::Host));
    host.sees(|view| view.audience_count == 1 && view.audience[0].name == "Ben").await;
    for command in [
        Command::MuteSpeaker(host.id()),
        Command::RemoveFromStage(host.id()),
        Command::SetMicrophone { muted: false },
        Command::Set(Setting::Mode(Mode::Open)),
        Command::Set(Setting::Title("Mine".into())),
        Command::EndRoom,
    ] {
        assert_eq!(guest.commands(command.clone()).await, Err(Denied::NotPermitted), "{command:?}");
    }
}

#[tokio::test]
async fn a_listener_who_sends_voice_is_not_heard() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut listener = server.listener("Ben").await;
    let mut witness = server.listener("Cleo").await;
    for _ in 0..5 {
        listener.says("let me").await;
    }
    listener.has_been_processed().await;
    host.says("order").await;
    witness.hears(&host, "order").await;
    assert_eq!(witness.texts(), ["order"]);
    host.has_been_processed().await;
    assert!(host.heard.is_empty());
    assert_eq!(server.metrics().voice_frames_unheard(Unheard::NotOnStage), 5);
}

#[tokio::test]
async fn a_raised_hand_is_admitted_and_the_guest_is_heard_once_unmuted() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    guest.raises_hand().await.unwrap();
    host.sees(|view| view.hands.len() == 1).await;
    host.admits(&guest).await.unwrap();
    guest.is_on_stage().await;
    assert_eq!(guest.role(), Role::Speaker);
    assert!(guest.view().my_stage().unwrap().self_muted, "arriving on stage opens no microphone");
    assert!(guest.view().hands.is_empty());
    let is_admitted = |change: &Change| matches!(change, Change::StageJoined { entry: StageEntry::Admitted, .. });
    assert!(guest.changes.iter().any(is_admitted));

    guest.says("too early").await;
    guest.unmutes().await.unwrap();
    guest.says("la").await;
    host.hears(&guest, "la").await;
    assert_eq!(host.texts(), ["la"]);
    guest.has_been_processed().await;
    assert!(guest.heard.is_empty(), "nobody hears himself");
}

#[tokio::test]
async fn hands_form_a_queue_that_keeps_its_order() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut people = Vec::new();
    for name in ["Ben", "Cleo", "Dan"] {
        let mut person = server.listener(name).await;
        person.raises_hand().await.unwrap();
        people.push(person);
    }
    people[0].raises_hand().await.unwrap();
    let queue =
        |host: &crate::harness::TestMember| -> Vec<String> { host.view().hands.iter().map(|hand| hand.name.clone()).collect() };
    host.sees(|view| view.hands.len() == 3).await;
    assert_eq!(queue(&host), ["Ben", "Cleo", "Dan"], "raising again keeps the place");

    people[1].commands(Command::LowerHand).await.unwrap();
    host.sees(|view| view.hands.len() == 2).await;
    assert_eq!(queue(&host), ["Ben", "Dan"]);

    host.commands(Command::DeclineHand(people[0].id())).await.unwrap();
    people[0].sees(|view| view.hands.len() == 1).await;
    let is_declined = |change: &Change| matches!(change, Change::HandLowered { by: HandLoweredBy::Declined, .. });
    assert!(people[0].changes.iter().any(is_declined));
    assert_eq!(host.admits(&people[0]).await, Err(Denied::HandNotRaised));
    let dan = people[2].id();
    assert_eq!(people[1].commands(Command::AdmitHand(dan)).await, Err(Denied::NotPermitted));
}

#[tokio::test]
async fn a_speaker_leaves_the_stage_by_himself_and_is_not_heard_from_then_on() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    guest.says("one").await;
    guest.commands(Command::LeaveStage).await.unwrap();
    guest.says("two").await;
    guest.has_been_processed().await;
    assert_eq!(guest.role(), Role::Listener);
    host.says("next").await;
    witness.hears(&host, "next").await;
    assert_eq!(witness.texts(), ["one", "next"]);
}

#[tokio::test]
async fn after_removal_from_stage_not_one_more_frame_arrives() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    // The guest goes on sending all the while, and never looks at what the server says.
    for number in 0..20 {
        guest.says(&format!("before {number}")).await;
    }
    host.commands(Command::RemoveFromStage(guest.id())).await.unwrap();
    let heard_by_host = host.heard.len();
    for number in 0..50 {
        guest.says(&format!("after {number}")).await;
    }
    guest.has_been_processed().await;
    assert_eq!(guest.role(), Role::Listener);
    let is_removed = |change: &Change| matches!(change, Change::StageLeft { exit: StageExit::Removed, .. });
    assert!(guest.changes.iter().any(is_removed));

    host.says("thank you").await;
    witness.hears(&host, "thank you").await;
    assert!(!witness.texts().iter().any(|text| text.starts_with("after")), "{:?}", witness.texts());
    host.has_been_processed().await;
    assert_eq!(host.heard.len(), heard_by_host, "the acknowledgement was the last that the host heard of him");
    assert!(server.metrics().voice_frames_unheard(Unheard::NotOnStage) >= 50);
}

#[tokio::test]
async fn in_an_open_room_whoever_takes_a_seat_speaks() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Open).await;
    let mut guest = server.listener("Ben").await;
    guest.commands(Command::TakeSeat).await.unwrap();
    guest.is_on_stage().await;
    assert!(guest.view().my_stage().unwrap().self_muted);
    guest.unmutes().await.unwrap();
    guest.says("la").await;
    host.hears(&guest, "la").await;

    host.commands(Command::MuteSpeaker(guest.id())).await.unwrap();
    assert_eq!(guest.unmutes().await, Err(Denied::MutedByHost), "every moderation command still applies");
    host.commands(Command::Set(Setting::Mode(Mode::Moderated))).await.unwrap();
    let mut late = server.listener("Cleo").await;
    assert_eq!(late.commands(Command::TakeSeat).await, Err(Denied::RoomIsModerated));
}

#[tokio::test]
async fn a_full_stage_takes_nobody_more() {
    let server = TestServer::start().await;
    let _host = server.host(Mode::Open).await;
    let mut people = Vec::new();
    for number in 1..dais_shared::limits::STAGE_SEATS_MAX {
        let mut person = server.listener(&format!("Person {number}")).await;
        person.commands(Command::TakeSeat).await.unwrap();
        people.push(person);
    }
    let mut late = server.listener("Late").await;
    assert_eq!(late.commands(Command::TakeSeat).await, Err(Denied::StageFull));
    people[0].commands(Command::LeaveStage).await.unwrap();
    late.commands(Command::TakeSeat).await.unwrap();
}

#[tokio::test]
async fn every_change_reaches_every_screen() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    host.commands(Command::Set(Setting::Title("Another hall".into()))).await.unwrap();
    guest.raises_hand().await.unwrap_err();
    guest.mutes().await.unwrap();
    witness.raises_hand().await.unwrap();
    host.commands(Command::MuteSpeaker(guest.id())).await.unwrap();
    let last = host.replied_at;
    for member in [&mut host, &mut guest, &mut witness] {
        member.sees(|view| view.revision >= last && view.audience_count == 1).await;
    }
    let mut views = [host.view().clone(), guest.view().clone(), witness.view().clone()];
    for view in &mut views {
        view.me = dais_shared::ids::MemberId(0);
        view.my_name.clear();
        view.private = dais_shared::view::Private::default();
    }
    assert_eq!(views[0], views[1]);
    assert_eq!(views[1], views[2]);
    assert_eq!(views[0].settings.title, "Another hall");

    let mut fresh = witness.view().clone();
    witness.view = None;
    witness.asks(dais_shared::wire::Request::Resync).await.unwrap();
    fresh.revision = witness.view().revision;
    assert_eq!(witness.view(), &fresh, "a snapshot says the same as all the changes together");
}
