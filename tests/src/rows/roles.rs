//! Who is what in a room, and what everybody learns of it: Z1 to Z3, Z5 to Z7, Z13, Z14, F4, F10.

use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, HandLoweredBy, LeaveReason, Mode, Setting, StageEntry, StageExit, Unheard};
use dais_shared::view::Change;
use dais_shared::wire::{Reply, Request, ServerFrame};

use crate::harness::{TestMember, TestServer};

#[tokio::test]
async fn z01_whoever_creates_a_room_is_its_host_and_manages_who_speaks() {
    let server = TestServer::start().await;
    let mut host = server.person("Ada").await;
    host.creates("hall", Mode::Moderated).await.unwrap();
    assert_eq!(host.role(), Role::Host);
    let mut guest = server.listener("Ben").await;
    guest.raises_hand().await.unwrap();
    host.sees(|view| view.hands.len() == 1).await;
    host.admits(&guest).await.unwrap();
    guest.is_on_stage().await;
    host.commands(Command::RemoveFromStage(guest.id())).await.unwrap();
    guest.sees(|view| view.my_stage().is_none()).await;
}

#[tokio::test]
async fn z02_whoever_joins_only_listens_and_his_voice_is_dropped_by_the_server() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut listener = server.listener("Ben").await;
    let mut witness = server.listener("Cleo").await;
    assert_eq!(listener.role(), Role::Listener);
    listener.says("let me").await;
    listener.has_been_processed().await;
    host.says("order").await;
    for member in [&mut witness, &mut listener] {
        member.hears(&host, "order").await;
        assert_eq!(member.texts(), ["order"]);
    }
    assert_eq!(server.metrics().voice_frames_unheard(Unheard::NotOnStage), 1);
}

#[tokio::test]
async fn z03_a_listener_becomes_a_speaker_by_being_called_and_a_listener_again_by_quitting() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    guest.raises_hand().await.unwrap();
    host.sees(|view| view.hands.len() == 1).await;
    host.admits(&guest).await.unwrap();
    guest.is_on_stage().await;
    assert_eq!(guest.role(), Role::Speaker);
    host.sees(|view| view.stage.len() == 2).await;
    guest.commands(Command::LeaveStage).await.unwrap();
    guest.sees(|view| view.my_role() == Role::Listener).await;
    let stepped = |change: &Change| matches!(change, Change::StageLeft { exit: StageExit::Stepped, .. });
    host.until("news", |host| host.changes.iter().any(stepped)).await;
}

#[tokio::test]
async fn z05_hands_go_up_and_down_in_an_ordered_queue_and_are_admitted_or_declined() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut people = Vec::new();
    for name in ["Ben", "Cleo", "Dan"] {
        let mut person = server.listener(name).await;
        person.raises_hand().await.unwrap();
        people.push(person);
    }
    host.sees(|view| view.hands.len() == 3).await;
    let names = |host: &TestMember| host.view().hands.iter().map(|hand| hand.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&host), ["Ben", "Cleo", "Dan"]);
    people[0].commands(Command::LowerHand).await.unwrap();
    host.sees(|view| view.hands.len() == 2).await;
    host.commands(Command::DeclineHand(people[1].id())).await.unwrap();
    host.admits(&people[2]).await.unwrap();
    people[2].is_on_stage().await;
    assert!(host.view().hands.is_empty());
    let lowered = host.changes.iter().filter_map(|change| match change {
        Change::HandLowered { by, .. } => Some(*by),
        _ => None,
    });
    assert_eq!(lowered.collect::<Vec<_>>(), [HandLoweredBy::Member, HandLoweredBy::Declined, HandLoweredBy::CalledUp]);
}

#[tokio::test]
async fn z06_a_speaker_leaves_the_stage_by_himself_even_with_every_door_shut() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    for setting in [Setting::Lock(true), Setting::HandQueue(false), Setting::Chat(false)] {
        host.commands(Command::Set(setting)).await.unwrap();
    }
    host.commands(Command::MuteSpeaker(guest.id())).await.unwrap();
    guest.commands(Command::LeaveStage).await.unwrap();
    witness.sees(|view| view.stage.len() == 1).await;
}

#[tokio::test]
async fn z07_the_host_removes_a_speaker_whose_frames_stop_although_he_goes_on_sending() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    guest.says("before").await;
    guest.has_been_processed().await;
    host.commands(Command::RemoveFromStage(guest.id())).await.unwrap();
    let heard = host.heard.len();
    for _ in 0..30 {
        guest.says("after").await;
    }
    guest.has_been_processed().await;
    host.says("next").await;
    witness.hears(&host, "next").await;
    assert_eq!(witness.texts(), ["before", "next"]);
    assert_eq!(host.heard.len(), heard);
}

#[tokio::test]
async fn z13_rooms_are_listed_live_and_so_are_the_people_in_one() {
    let server = TestServer::start().await;
    let mut visitor = server.person("Vera").await;
    visitor.asks(Request::WatchRooms { watch: true }).await.unwrap();
    let mut host = server.host(Mode::Moderated).await;
    let is_live = |frame: &ServerFrame| matches!(frame, ServerFrame::Rooms(page) if page.rooms.iter().any(|room| room.id.as_str() == "hall" && room.host.as_deref() == Some("Ada")));
    visitor.until("the list", |visitor| visitor.told.iter().any(is_live)).await;
    let _guest = server.listener("Ben").await;
    let listens =
        |frame: &ServerFrame| matches!(frame, ServerFrame::Rooms(page) if page.rooms.iter().any(|room| room.listening == 1));
    visitor.until("the count", |visitor| visitor.told.iter().any(listens)).await;
    assert_eq!(visitor.lists_rooms(None).await.total, 1);
    match host.asks(Request::ListMembers { after: None }).await.unwrap() {
        Reply::Members { members, total } => {
            let names: Vec<_> = members.iter().map(|member| (member.name.as_str(), member.role)).collect();
            assert_eq!((names, total), (vec![("Ada", Role::Host), ("Ben", Role::Listener)], 2));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn z14_every_change_reaches_every_screen_and_a_gap_is_filled_by_a_snapshot() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    host.commands(Command::Set(Setting::Topic("Trees".into()))).await.unwrap();
    host.commands(Command::MakeCoHost(guest.id())).await.unwrap();
    guest.commands(Command::SendMessage("hello".into())).await.unwrap();
    witness.raises_hand().await.unwrap();
    let last = witness.replied_at;
    for member in [&mut host, &mut guest, &mut witness] {
        member.sees(|view| view.revision >= last).await;
        assert_eq!(member.view().settings.topic, "Trees");
        assert_eq!(member.view().messages.len(), 1);
        assert_eq!(member.view().hands.len(), 1);
    }
    let seen = witness.view().clone();
    witness.view = None;
    witness.asks(Request::Resync).await.unwrap();
    assert_eq!((&witness.view().stage, &witness.view().hands), (&seen.stage, &seen.hands));
    assert_eq!(witness.view().messages, seen.messages);
}

#[tokio::test]
async fn f04_joins_and_departures_are_told_with_a_reason_and_the_snapshot_lists_who_is_here() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut left = server.listener("Ben").await;
    let kicked = server.listener("Cleo").await;
    host.sees(|view| view.audience.len() == 2).await;
    left.leaves().await.unwrap();
    host.commands(Command::Kick(kicked.id())).await.unwrap();
    host.sees(|view| view.audience.is_empty()).await;
    let gone = host.changes.iter().flat_map(|change| match change {
        Change::Audience { gone, .. } => gone.clone(),
        _ => Vec::new(),
    });
    let reasons: Vec<_> = gone.map(|gone| (gone.member, gone.reason)).collect();
    assert!(reasons.contains(&(left.id(), Some(LeaveReason::Left))), "{reasons:?}");
    assert!(reasons.contains(&(kicked.id(), Some(LeaveReason::Kicked))), "{reasons:?}");
}

#[tokio::test]
async fn f10_in_an_open_room_one_button_leads_on_stage_muted_while_there_is_room() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Open).await;
    let mut guest = server.listener("Ben").await;
    guest.commands(Command::TakeSeat).await.unwrap();
    guest.is_on_stage().await;
    assert!(guest.view().my_stage().unwrap().self_muted);
    let took = |change: &Change| matches!(change, Change::StageJoined { entry: StageEntry::TookSeat, .. });
    assert!(guest.changes.iter().any(took));
    guest.unmutes().await.unwrap();
    guest.says("la").await;
    host.hears(&guest, "la").await;
    host.commands(Command::MuteSpeaker(guest.id())).await.unwrap();
    assert_eq!(guest.unmutes().await, Err(Denied::MutedByHost));
    guest.commands(Command::LeaveStage).await.unwrap();
    guest.commands(Command::TakeSeat).await.unwrap();
    assert_eq!(guest.unmutes().await, Err(Denied::MutedByHost), "another seat lifts no mute");
    guest.leaves().await.unwrap();
    guest.joins("hall").await.unwrap();
    guest.commands(Command::TakeSeat).await.unwrap();
    assert_eq!(guest.unmutes().await, Err(Denied::MutedByHost), "nor does coming in anew");
    host.sees(|view| view.stage.iter().any(|person| person.host_muted)).await;
    host.commands(Command::LiftMute(guest.id())).await.unwrap();
    guest.unmutes().await.unwrap();
    host.commands(Command::Set(Setting::Mode(Mode::Moderated))).await.unwrap();
    let mut late = server.listener("Cleo").await;
    assert_eq!(late.commands(Command::TakeSeat).await, Err(Denied::RoomIsModerated));
}
