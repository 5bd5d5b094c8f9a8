//! What a yes does, where the product promises more than that something happens.

use dais_shared::ids::MemberId;
use dais_shared::limits::{LEADERLESS_ROOM_MS, SEAT_GRACE_MS};
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Input, RoomEndReason, Unheard};

use crate::scene::{Condition, Scene, newcomer};

fn role(scene: &Scene, member: MemberId) -> Option<Role> {
    scene.house.room.seat(member).map(|seat| seat.role)
}

/// Everybody, in the order listener, listener, speaker, speaker, co-host, co-host, host.
fn everybody(scene: &Scene) -> Vec<MemberId> {
    let mut members: Vec<_> = scene.cast[..3].iter().flat_map(|pair| [pair.first, pair.second]).collect();
    members.push(scene.host());
    members
}

/// `l` in the audience, `.` audible, `s` muted by himself, `m` by a moderator.
fn microphones(scene: &Scene) -> String {
    let letter = |member| match scene.house.room.may_speak(member) {
        Ok(_) => '.',
        Err(Unheard::NotOnStage) => 'l',
        Err(Unheard::MutedBySelf) => 's',
        Err(Unheard::MutedByHost) => 'm',
        Err(Unheard::NotAMember) => '-',
    };
    everybody(scene).into_iter().map(letter).collect()
}

#[test]
fn mute_all_reaches_those_of_lower_rank() {
    for (rank, expected) in [(2, "llmm..."), (3, "llmmmm.")] {
        let mut scene = Scene::under(&[Condition::MicrophonesOpen]);
        assert_eq!(microphones(&scene), "ll.....");
        scene.house.obeys(scene.cast[rank].first, Command::MuteAll);
        assert_eq!(microphones(&scene), expected);
    }
}

#[test]
fn a_moderators_mute_is_lifted_by_a_moderator_and_opens_nothing() {
    let mut scene = Scene::under(&[Condition::MicrophonesOpen]);
    let speaker = scene.cast[1].second;
    let unmute = Input::Command(speaker, Command::SetMicrophone { muted: false });
    scene.house.obeys(scene.cast[2].first, Command::MuteSpeaker(speaker));
    assert_eq!(scene.house.takes(&unmute), Err(Denied::MutedByHost));
    assert_eq!(microphones(&scene), "ll.m...");
    assert_eq!(role(&scene, speaker), Some(Role::Speaker), "mute is not a change of role");
    scene.house.obeys(scene.host(), Command::LiftMute(speaker));
    assert_eq!(microphones(&scene), "ll.s...");
    scene.house.takes(&unmute).unwrap();
    assert_eq!(microphones(&scene), "ll.....");
}

#[test]
fn every_way_on_stage_arrives_there_muted_as_a_speaker() {
    let admitted = |scene: &mut Scene, listener| {
        scene.house.obeys(scene.host(), Command::AdmitHand(listener));
    };
    let invited = |scene: &mut Scene, listener| {
        let invitation = scene.house.room.invitation_of(listener).unwrap().id;
        scene.house.obeys(listener, Command::RespondInvite { invitation, accept: true });
    };
    let seated = |scene: &mut Scene, listener| drop(scene.house.obeys(listener, Command::TakeSeat));
    let asked = |scene: &mut Scene, listener| drop(scene.house.obeys(scene.host(), Command::Invite(listener)));
    type Way = dyn Fn(&mut Scene, MemberId);
    let ways: [(Condition, &Way); 4] = [
        (Condition::HandsUp, &admitted),
        (Condition::Invited, &invited),
        (Condition::Open, &seated),
        (Condition::HandsUp, &asked),
    ];
    for (condition, way) in ways {
        let mut scene = Scene::under(&[condition]);
        let listener = scene.cast[0].second;
        way(&mut scene, listener);
        assert_eq!(role(&scene, listener), Some(Role::Speaker));
        assert_eq!(microphones(&scene), "lssssss");
        assert!(!scene.house.room.has_hand_raised(listener) && scene.house.room.invitation_of(listener).is_none());
    }
}

#[test]
fn an_accepted_invitation_waits_in_the_queue_while_the_stage_is_full() {
    let mut scene = Scene::under(&[Condition::Invited, Condition::StageFull]);
    let listener = scene.cast[0].first;
    let invitation = scene.house.room.invitation_of(listener).unwrap().id;
    scene.house.obeys(listener, Command::RespondInvite { invitation, accept: true });
    assert_eq!(role(&scene, listener), Some(Role::Listener));
    assert!(scene.house.room.has_hand_raised(listener));
    assert!(scene.house.room.invitation_of(listener).is_none());
}

#[test]
fn removal_and_leaving_lead_to_the_audience_and_a_kick_leads_out() {
    let mut scene = Scene::under(&[Condition::MicrophonesOpen]);
    let [_, speakers, co_hosts, host] = scene.cast;
    scene.house.obeys(host.first, Command::RemoveFromStage(co_hosts.second));
    scene.house.obeys(co_hosts.first, Command::RemoveFromStage(speakers.first));
    scene.house.obeys(speakers.second, Command::LeaveStage);
    assert_eq!(microphones(&scene), "llll.l.");
    assert_eq!(role(&scene, co_hosts.second), Some(Role::Listener));
    scene.house.obeys(co_hosts.first, Command::Kick(speakers.first));
    assert_eq!(microphones(&scene), "ll-l.l.");
}

#[test]
fn hands_are_called_and_declined_in_any_order_and_keep_theirs() {
    let mut scene = Scene::at_rest();
    let queue = |scene: &Scene| scene.house.room.hands().iter().map(|hand| hand.member).collect::<Vec<_>>();
    let [first, second] = [scene.cast[0].second, scene.cast[0].first];
    let third = scene.house.seats(dais_shared::ids::UserId(50));
    for member in [first, second, third, first] {
        scene.house.obeys(member, Command::RaiseHand);
        scene.house.waits(1000);
    }
    assert_eq!(queue(&scene), [first, second, third], "raising again changes nothing");
    scene.house.obeys(scene.host(), Command::DeclineHand(second));
    assert_eq!(queue(&scene), [first, third]);
    scene.house.obeys(second, Command::RaiseHand);
    assert_eq!(queue(&scene), [first, third, second]);
    scene.house.obeys(scene.cast[2].first, Command::LowerAllHands);
    assert_eq!(queue(&scene), []);
}

#[test]
fn the_chair_passes_to_the_named_then_co_hosts_then_speakers_then_nobody() {
    let mut scene = Scene::at_rest();
    let [_, speakers, co_hosts, host] = scene.cast;
    scene.house.obeys(host.first, Command::NameSuccessor(Some(speakers.second)));
    let mut holder = host.first;
    for heir in [speakers.second, co_hosts.first, co_hosts.second, speakers.first] {
        scene.house.takes(&Input::ConnectionLost(holder)).unwrap();
        assert_eq!(scene.house.room.host(), Some(holder), "the seat is held");
        scene.house.waits(SEAT_GRACE_MS);
        scene.house.runs_dry();
        assert_eq!(scene.house.room.host(), Some(heir));
        holder = heir;
    }
    scene.house.takes(&Input::Leave(holder)).unwrap();
    assert_eq!(scene.house.room.host(), None);
    assert_eq!(scene.house.room.ends_at_ms(), Some(scene.house.context.now_ms + LEADERLESS_ROOM_MS));
    scene.house.waits(LEADERLESS_ROOM_MS);
    scene.house.runs_dry();
    assert_eq!(scene.house.room.ended(), Some(RoomEndReason::Leaderless));
}

#[test]
fn handing_over_swaps_the_chair_and_lifts_the_new_hosts_mute() {
    let mut scene = Scene::under(&[Condition::MicrophonesOpen, Condition::MutedByHost]);
    let (host, speaker) = (scene.host(), scene.cast[1].second);
    scene.house.obeys(host, Command::HandOver(speaker));
    assert_eq!((role(&scene, host), role(&scene, speaker)), (Some(Role::CoHost), Some(Role::Host)));
    assert_eq!(microphones(&scene), "llmsmm.", "and opens nothing");
}

#[test]
fn a_seat_that_comes_back_keeps_all_but_an_open_microphone() {
    for (microphone_open, expected) in [(false, "llss..."), (true, "lls....")] {
        let mut scene = Scene::under(&[Condition::HandsUp, Condition::MicrophonesOpen]);
        let [listeners, speakers, ..] = scene.cast;
        scene.house.obeys(speakers.first, Command::SetMicrophone { muted: true });
        for member in [listeners.second, speakers.second] {
            scene.house.takes(&Input::ConnectionLost(member)).unwrap();
            scene.house.waits(SEAT_GRACE_MS / 3);
            let user = scene.house.room.seat(member).unwrap().user;
            let back = dais_shared::room::Join { microphone_open, ..newcomer(user) };
            scene.house.takes(&Input::Join(back)).unwrap();
            assert_eq!(scene.house.room.seat_of(user), Some(member));
        }
        assert_eq!(microphones(&scene), expected);
        assert_eq!(scene.house.room.hands().last().unwrap().member, listeners.second);
    }
}

#[test]
fn who_sees_what() {
    let mut scene = Scene::under(&[Condition::Invited, Condition::SuccessorNamed]);
    scene.house.obeys(scene.host(), Command::SetPasscode(Some("sesame".into())));
    //                              listener, listener, speaker, speaker, co-host, co-host, host
    let sees_own_invitation = [true, true, false, false, false, false, false];
    let sees_moderation = [false, false, false, false, true, true, true];
    let members = everybody(&scene);
    for (index, member) in members.into_iter().enumerate() {
        let view = scene.house.room.view_for(member).unwrap();
        assert_eq!(view.private.invitation.is_some(), sees_own_invitation[index], "the invitation, {index}");
        assert_eq!(view.private.moderation.is_some(), sees_moderation[index], "what moderators know, {index}");
        assert!(view.settings.has_passcode);
        if let Some(invitation) = view.private.invitation {
            assert_eq!(Some(invitation.id), scene.house.room.invitation_of(member).map(|live| live.id), "his own");
        }
        if let Some(moderation) = view.private.moderation {
            let invited: Vec<_> = moderation.invited.iter().map(|invited| invited.member).collect();
            assert_eq!(invited, [scene.cast[0].first, scene.cast[0].second]);
            assert_eq!(moderation.successor, Some(scene.cast[1].second));
            assert_eq!(moderation.bans, 1);
        }
    }
}
