//! Ranks, bits, and many at once: who may act on whom.

use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Mode, Setting};

use crate::harness::{TestMember, TestServer};

/// A hall with its host and these on stage, unmuted.
async fn stage(server: &TestServer, names: &[&str]) -> (TestMember, Vec<TestMember>) {
    let mut host = server.host(Mode::Open).await;
    let mut people = Vec::new();
    for name in names {
        let mut person = server.listener(name).await;
        person.commands(Command::TakeSeat).await.unwrap();
        person.unmutes().await.unwrap();
        people.push(person);
    }
    host.sees(|view| view.stage.len() == names.len() + 1).await;
    (host, people)
}

#[tokio::test]
async fn a_co_host_outranks_speakers_and_listeners_and_nobody_else() {
    let server = TestServer::start().await;
    let (mut host, mut people) = stage(&server, &["Ben", "Cleo", "Dan"]).await;
    let [mut ben, mut cleo, dan] = <[TestMember; 3]>::try_from(std::mem::take(&mut people)).ok().unwrap();
    for co_host in [&ben, &cleo] {
        host.commands(Command::MakeCoHost(co_host.id())).await.unwrap();
    }
    ben.sees(|view| view.my_role() == Role::CoHost).await;
    for target in [host.id(), cleo.id()] {
        for command in
            [Command::MuteSpeaker(target), Command::RemoveFromStage(target), Command::Kick(target), Command::Ban(target)]
        {
            assert_eq!(ben.commands(command.clone()).await, Err(Denied::NotPermitted), "{command:?}");
        }
    }
    ben.commands(Command::MuteSpeaker(dan.id())).await.unwrap();
    cleo.commands(Command::LiftMute(dan.id())).await.unwrap();
    for command in [
        Command::MakeCoHost(dan.id()),
        Command::RemoveCoHost(cleo.id()),
        Command::HandOver(dan.id()),
        Command::EndRoom,
        Command::Set(Setting::Lock(true)),
        Command::Set(Setting::Title("Mine".into())),
        Command::SetPasscode(None),
    ] {
        assert_eq!(ben.commands(command.clone()).await, Err(Denied::NotPermitted), "{command:?}");
    }
    host.commands(Command::RemoveCoHost(ben.id())).await.unwrap();
    assert_eq!(ben.commands(Command::Kick(dan.id())).await, Err(Denied::NotPermitted));
    cleo.commands(Command::Kick(dan.id())).await.unwrap();
}

#[tokio::test]
async fn only_somebody_on_stage_becomes_co_host() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let listener = server.listener("Ben").await;
    assert_eq!(host.commands(Command::MakeCoHost(listener.id())).await, Err(Denied::NotOnStage));
    assert_eq!(host.commands(Command::HandOver(listener.id())).await, Err(Denied::NotOnStage));
    assert_eq!(host.commands(Command::MakeCoHost(host.id())).await, Err(Denied::NotPermitted));
}

#[tokio::test]
async fn nobody_but_the_person_clears_the_persons_own_mute() {
    let server = TestServer::start().await;
    let (mut host, mut people) = stage(&server, &["Ben"]).await;
    let ben = &mut people[0];
    ben.mutes().await.unwrap();
    host.commands(Command::MuteSpeaker(ben.id())).await.unwrap();
    host.commands(Command::LiftMute(ben.id())).await.unwrap();
    ben.sees(|view| view.my_stage().is_some_and(|me| !me.host_muted && me.self_muted)).await;
    assert_eq!(ben.commands(Command::LiftMute(ben.id())).await, Err(Denied::NotPermitted));
}

#[tokio::test]
async fn mute_all_mutes_everybody_below_and_lower_all_hands_lowers_all() {
    let server = TestServer::start().await;
    let (mut host, mut people) = stage(&server, &["Ben", "Cleo", "Dan"]).await;
    host.commands(Command::MakeCoHost(people[0].id())).await.unwrap();
    people[0].sees(|view| view.my_role() == Role::CoHost).await;
    people[0].commands(Command::MuteAll).await.unwrap();
    let muted = |member: &TestMember| member.view().stage.iter().map(|person| person.host_muted).collect::<Vec<_>>();
    assert_eq!(muted(&people[0]), [false, false, true, true], "host and co-host are not below");
    assert_eq!(people[1].unmutes().await, Err(Denied::MutedByHost));
    host.commands(Command::MuteAll).await.unwrap();
    host.sees(|view| view.stage[1].host_muted).await;

    let mut listeners = Vec::new();
    for name in ["Eve", "Finn"] {
        let mut listener = server.listener(name).await;
        listener.raises_hand().await.unwrap();
        listeners.push(listener);
    }
    host.commands(Command::LowerAllHands).await.unwrap();
    listeners[0].sees(|view| view.hands.is_empty()).await;
    assert_eq!(listeners[0].commands(Command::LowerAllHands).await, Err(Denied::NotPermitted));
}

#[tokio::test]
async fn a_closed_queue_takes_no_hands_and_keeps_those_that_are_up() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut early = server.listener("Ben").await;
    early.raises_hand().await.unwrap();
    host.commands(Command::Set(Setting::HandQueue(false))).await.unwrap();
    let mut late = server.listener("Cleo").await;
    assert_eq!(late.raises_hand().await, Err(Denied::HandQueueClosed));
    early.raises_hand().await.unwrap();
    host.admits(&early).await.unwrap();
    host.commands(Command::Set(Setting::HandQueue(true))).await.unwrap();
    late.raises_hand().await.unwrap();
}

#[tokio::test]
async fn two_moderators_at_once_are_put_in_one_order() {
    let server = TestServer::start().await;
    let (mut host, mut people) = stage(&server, &["Ben"]).await;
    host.commands(Command::MakeCoHost(people[0].id())).await.unwrap();
    let co_host = &mut people[0];
    co_host.sees(|view| view.my_role() == Role::CoHost).await;
    let mut guest = server.listener("Cleo").await;
    guest.raises_hand().await.unwrap();
    for moderator in [&mut host, co_host] {
        moderator.sees(|view| view.hands.len() == 1).await;
    }
    let (admitted, declined) =
        tokio::join!(host.commands(Command::AdmitHand(guest.id())), co_host.commands(Command::DeclineHand(guest.id())),);
    assert!(admitted.is_ok() != declined.is_ok(), "{admitted:?} {declined:?}");
    let (changed, refused) =
        if admitted.is_ok() { (host.replied_at, co_host.replied_at) } else { (co_host.replied_at, host.replied_at) };
    assert_eq!(admitted.err().or(declined.err()), Some(Denied::HandNotRaised));
    guest.has_been_processed().await;
    // One of them changed the room, the other was refused in the room as it was then or before.
    guest.sees(|view| view.hands.is_empty()).await;
    assert_eq!(changed, guest.view().revision, "the reply names the revision that the change led to");
    assert_eq!(refused, changed, "the refusal the one that it was judged in");
}
