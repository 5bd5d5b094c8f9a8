//! The host's chair: left, lost, taken up, given back.

use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, HostChangedBy, Mode, RoomEndReason};
use dais_shared::view::Change;

use crate::harness::{TestMember, TestServer};

/// A hall with its host and these on stage.
async fn stage(server: &TestServer, names: &[&str]) -> (TestMember, Vec<TestMember>) {
    let mut host = server.host(Mode::Open).await;
    let mut people = Vec::new();
    for name in names {
        let mut person = server.listener(name).await;
        person.commands(Command::TakeSeat).await.unwrap();
        people.push(person);
    }
    host.sees(|view| view.stage.len() == names.len() + 1).await;
    (host, people)
}

/// Cuts the connection; the seat is held.
async fn vanishes(gone: TestMember, witness: &mut TestMember) -> TestMember {
    let id = gone.id();
    let gone = gone.reconnects().await;
    witness.sees(|view| view.person(id).is_none_or(|person| person.held_until_ms.is_some())).await;
    gone
}

fn host_of(member: &TestMember) -> Option<&str> {
    member.view().host().map(|person| person.name.as_str())
}

#[tokio::test]
async fn a_host_hands_over_and_is_a_co_host() {
    let server = TestServer::start().await;
    let (mut host, mut people) = stage(&server, &["Ben"]).await;
    host.commands(Command::HandOver(people[0].id())).await.unwrap();
    people[0].sees(|view| view.my_role() == Role::Host).await;
    assert_eq!(host.role(), Role::CoHost);
    let handed = |change: &Change| matches!(change, Change::HostChanged { by: HostChangedBy::HandedOver, .. });
    assert!(people[0].changes.iter().any(handed));
    assert_eq!(host.commands(Command::EndRoom).await, Err(Denied::NotPermitted));
    host.leaves().await.unwrap();
    people[0].sees(|view| view.stage.len() == 1).await;
}

#[tokio::test]
async fn a_host_ends_the_room_for_all() {
    let server = TestServer::start().await;
    let (mut host, mut people) = stage(&server, &["Ben"]).await;
    host.commands(Command::EndRoom).await.unwrap();
    let ended = |change: &Change| matches!(change, Change::RoomEnded(RoomEndReason::ByHost));
    people[0].until("the end", |person| person.changes.iter().any(ended)).await;
    assert_eq!(people[0].joins("hall").await, Err(Denied::UnknownRoom));
}

#[tokio::test]
async fn a_host_who_vanishes_is_followed_by_the_named_then_a_co_host_then_a_speaker() {
    for (named, co_host, follows) in [(Some(2), Some(1), "Dan"), (None, Some(1), "Cleo"), (None, None, "Ben")] {
        let server = TestServer::start().await;
        let (mut host, mut people) = stage(&server, &["Ben", "Cleo", "Dan"]).await;
        if let Some(co_host) = co_host {
            host.commands(Command::MakeCoHost(people[co_host].id())).await.unwrap();
        }
        if let Some(named) = named {
            host.commands(Command::NameSuccessor(Some(people[named].id()))).await.unwrap();
            assert_eq!(host.view().private.moderation.as_ref().unwrap().successor, Some(people[named].id()));
        }
        let witness = &mut people[0];
        let host = vanishes(host, witness).await;
        assert_eq!(host_of(witness), Some("Ada"), "the seat is held for half a minute");
        server.lets_pass(31, witness).await;
        witness.sees(|view| view.stage.len() == 3).await;
        assert_eq!(host_of(witness), Some(follows));
        let succeeded = |change: &Change| matches!(change, Change::HostChanged { by: HostChangedBy::Succession, .. });
        assert!(witness.changes.iter().any(succeeded), "and everybody is told");
        drop(host);
    }
}

#[tokio::test]
async fn the_longest_serving_follows_and_not_the_longest_present() {
    let server = TestServer::start().await;
    let (mut host, mut people) = stage(&server, &["Ben", "Cleo"]).await;
    // Cleo is co-host before Ben, who sat there before her.
    for index in [1, 0] {
        host.commands(Command::MakeCoHost(people[index].id())).await.unwrap();
        server.lets_pass(1, &mut people[0]).await;
    }
    let witness = &mut people[0];
    let _host = vanishes(host, witness).await;
    server.lets_pass(31, witness).await;
    witness.sees(|view| view.host().is_some_and(|person| person.name == "Cleo")).await;
}

#[tokio::test]
async fn a_host_who_comes_back_within_ten_minutes_gets_the_chair_back() {
    let server = TestServer::start().await;
    let (mut host, mut people) = stage(&server, &["Ben"]).await;
    host.commands(Command::Set(dais_shared::room::Setting::Lock(true))).await.unwrap();
    let mut host = vanishes(host, &mut people[0]).await;
    server.lets_pass(31, &mut people[0]).await;
    people[0].sees(|view| view.my_role() == Role::Host).await;
    server.lets_pass(500, &mut people[0]).await;
    host.joins("hall").await.unwrap();
    assert_eq!(host.role(), Role::Host, "not even the lock keeps her out");
    assert!(host.view().my_stage().unwrap().self_muted);
    people[0].sees(|view| view.my_role() == Role::CoHost).await;
    let returned = |change: &Change| matches!(change, Change::HostChanged { by: HostChangedBy::Return, .. });
    assert!(people[0].changes.iter().any(returned));
}

#[tokio::test]
async fn the_first_of_two_hosts_who_vanished_gets_the_chair_back_from_whoever_has_it() {
    let server = TestServer::start().await;
    let (host, mut people) = stage(&server, &["Ben", "Cleo"]).await;
    let mut cleo = people.pop().unwrap();
    let ben = people.pop().unwrap();
    let mut host = vanishes(host, &mut cleo).await;
    server.lets_pass(31, &mut cleo).await;
    cleo.sees(|view| view.host().is_some_and(|person| person.name == "Ben")).await;
    let mut ben = vanishes(ben, &mut cleo).await;
    server.lets_pass(31, &mut cleo).await;
    cleo.sees(|view| view.my_role() == Role::Host).await;
    host.joins("hall").await.unwrap();
    assert_eq!(host.role(), Role::Host, "three minutes after she vanished");
    cleo.sees(|view| view.my_role() == Role::CoHost).await;
    ben.joins("hall").await.unwrap();
    assert_eq!(ben.role(), Role::Listener, "he held the chair for her");
}

#[tokio::test]
async fn co_hosts_act_while_the_host_is_away() {
    let server = TestServer::start().await;
    let (mut host, mut people) = stage(&server, &["Ben", "Cleo"]).await;
    host.commands(Command::MakeCoHost(people[0].id())).await.unwrap();
    people[0].sees(|view| view.my_role() == Role::CoHost).await;
    let _host = vanishes(host, &mut people[0]).await;
    let cleo = people[1].id();
    people[0].commands(Command::MuteSpeaker(cleo)).await.unwrap();
    people[1].sees(|view| view.my_stage().is_some_and(|stage| stage.host_muted)).await;
}

#[tokio::test]
async fn after_ten_minutes_the_chair_has_passed_on() {
    let server = TestServer::start().await;
    let (host, mut people) = stage(&server, &["Ben"]).await;
    let mut host = vanishes(host, &mut people[0]).await;
    server.lets_pass(31, &mut people[0]).await;
    server.lets_pass(600, &mut people[0]).await;
    host.joins("hall").await.unwrap();
    assert_eq!(host.role(), Role::Listener);
    assert_eq!(people[0].role(), Role::Host);
}

#[tokio::test]
async fn a_room_that_nobody_can_moderate_ends_after_two_minutes_that_everybody_sees() {
    let server = TestServer::start().await;
    let host = server.host(Mode::Moderated).await;
    let mut listener = server.listener("Ben").await;
    let _host = vanishes(host, &mut listener).await;
    server.lets_pass(31, &mut listener).await;
    listener.sees(|view| view.ends_at_ms.is_some()).await;
    server.lets_pass(110, &mut listener).await;
    assert!(listener.view().ends_at_ms.is_some());
    server.lets_pass(15, &mut listener).await;
    let ended = |change: &Change| matches!(change, Change::RoomEnded(RoomEndReason::Leaderless));
    listener.until("the end", |listener| listener.changes.iter().any(ended)).await;
}

#[tokio::test]
async fn an_invitation_accepted_in_a_room_without_a_host_gives_the_chair() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    host.commands(Command::Invite(guest.id())).await.unwrap();
    guest.sees(|view| view.private.invitation.is_some()).await;
    let invitation = guest.view().private.invitation.as_ref().unwrap().id;
    let _host = vanishes(host, &mut guest).await;
    server.lets_pass(31, &mut guest).await;
    guest.sees(|view| view.ends_at_ms.is_some()).await;
    guest.commands(Command::RespondInvite { invitation, accept: true }).await.unwrap();
    guest.sees(|view| view.my_role() == Role::Host && view.ends_at_ms.is_none()).await;
    assert!(guest.view().my_stage().unwrap().self_muted);
}

#[tokio::test]
async fn a_host_who_comes_back_in_time_stops_the_countdown() {
    let server = TestServer::start().await;
    let host = server.host(Mode::Moderated).await;
    let mut listener = server.listener("Ben").await;
    let mut host = vanishes(host, &mut listener).await;
    server.lets_pass(31, &mut listener).await;
    listener.sees(|view| view.ends_at_ms.is_some()).await;
    host.joins("hall").await.unwrap();
    assert_eq!(host.role(), Role::Host);
    listener.sees(|view| view.ends_at_ms.is_none()).await;
    server.lets_pass(600, &mut listener).await;
    assert_eq!(listener.view().stage.len(), 1);
}

#[tokio::test]
async fn in_an_open_room_without_a_host_whoever_takes_a_seat_takes_the_chair() {
    let server = TestServer::start().await;
    let host = server.host(Mode::Open).await;
    let mut listener = server.listener("Ben").await;
    let _host = vanishes(host, &mut listener).await;
    server.lets_pass(31, &mut listener).await;
    listener.sees(|view| view.ends_at_ms.is_some()).await;
    listener.commands(Command::TakeSeat).await.unwrap();
    listener.sees(|view| view.my_role() == Role::Host && view.ends_at_ms.is_none()).await;
}
