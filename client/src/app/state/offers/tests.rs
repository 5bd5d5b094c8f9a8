//! The offers in a room with a host, a co-host, a speaker and listeners.

use dais_engine::shared::ids::MessageId;
use dais_engine::shared::permissions::Role;
use dais_engine::shared::view::{Invited, Moderation};

use super::super::sample::{hand, listener, person, view};
use super::*;

const HOST: MemberId = MemberId(1);
const GUEST: MemberId = MemberId(2);
const CO_HOST: MemberId = MemberId(3);
const LISTENER: MemberId = MemberId(4);

fn hall(me: MemberId) -> View {
    let stage = vec![person(HOST, Role::Host), person(GUEST, Role::Speaker), person(CO_HOST, Role::CoHost)];
    let mut view = view(me, stage);
    view.audience = vec![listener(LISTENER, "Member 4")];
    view.audience_count = 1;
    if me == HOST || me == CO_HOST {
        view.private.moderation = Some(Moderation { invited: vec![], successor: None, bans: 0 });
    }
    view
}

#[test]
fn a_host_is_offered_what_fits_the_moment() {
    use OnPerson::*;
    let mut view = hall(HOST);
    assert_eq!(on_person(&view, GUEST), [Mute, RemoveFromStage, MakeCoHost, NameSuccessor, HandOver, Kick, Ban]);
    assert_eq!(on_person(&view, CO_HOST), [Mute, RemoveFromStage, RemoveCoHost, NameSuccessor, HandOver, Kick, Ban]);
    assert_eq!(on_person(&view, LISTENER), [Invite, Kick, Ban]);
    assert_eq!(on_person(&view, HOST), [], "nobody moderates himself");
    assert_eq!(on_self(&view), [OnSelf::Unmute], "the host's place is on stage");
    view.stage[1].host_muted = true;
    view.hands.push(hand(LISTENER));
    assert_eq!(on_person(&view, GUEST)[0], AllowToSpeak);
    assert_eq!(on_person(&view, LISTENER), [Admit, Decline, Kick, Ban]);
}

#[test]
fn an_invitation_is_cancelled_and_a_successor_forgotten() {
    use OnPerson::*;
    let mut view = hall(HOST);
    let invited = vec![Invited { member: LISTENER, name: "Member 4".into(), expires_ms: 9 }];
    view.private.moderation = Some(Moderation { invited, successor: Some(GUEST), bans: 0 });
    assert_eq!(on_person(&view, LISTENER), [CancelInvitation, Kick, Ban]);
    assert_eq!(on_person(&view, GUEST), [Mute, RemoveFromStage, MakeCoHost, ForgetSuccessor, HandOver, Kick, Ban]);
}

#[test]
fn a_co_host_moderates_those_below_and_nobody_else() {
    use OnPerson::*;
    let view = hall(CO_HOST);
    assert_eq!(on_person(&view, GUEST), [Mute, RemoveFromStage, Kick, Ban]);
    assert_eq!(on_person(&view, LISTENER), [Invite, Kick, Ban]);
    assert_eq!(on_person(&view, HOST), []);
    assert_eq!(on_room(&view), [OnRoom::MuteAll, OnRoom::BannedPeople]);
}

#[test]
fn the_room_menu_offers_the_opposite_of_what_is() {
    let mut view = hall(HOST);
    view.settings.is_locked = true;
    view.settings.takes_hands = false;
    view.hands.push(hand(LISTENER));
    let offers = on_room(&view);
    for offer in [OnRoom::Lock(false), OnRoom::HandQueue(true), OnRoom::Chat(false), OnRoom::Mode(Mode::Open)] {
        assert!(offers.contains(&offer), "{offer:?}");
    }
    assert!(offers.contains(&OnRoom::LowerAllHands) && offers.contains(&OnRoom::HandOver));
    assert_eq!(on_room(&hall(GUEST)), []);
    assert_eq!(on_room(&hall(LISTENER)), []);
}

#[test]
fn a_host_alone_leaves_without_a_question() {
    assert!(leaves_others_behind(&hall(HOST)));
    assert!(!leaves_others_behind(&hall(CO_HOST)));
    assert!(!leaves_others_behind(&view(HOST, vec![person(HOST, Role::Host)])));
    assert_eq!(next_hosts(&hall(HOST)), [GUEST, CO_HOST]);
    assert_eq!(next_hosts(&hall(CO_HOST)), []);
}

#[test]
fn a_listener_is_offered_a_way_to_the_stage_and_nobody_else_to_moderate() {
    let mut view = hall(LISTENER);
    assert_eq!(on_person(&view, GUEST), []);
    assert_eq!(on_self(&view), [OnSelf::RaiseHand]);
    view.hands.push(hand(LISTENER));
    assert_eq!(on_self(&view), [OnSelf::LowerHand]);
    view.settings.mode = Mode::Open;
    assert_eq!(on_self(&view), [OnSelf::TakeSeat, OnSelf::LowerHand]);
    view.hands.clear();
    view.settings.takes_hands = false;
    assert_eq!(on_self(&view), [OnSelf::TakeSeat], "the queue is closed");
}

#[test]
fn a_speaker_mutes_and_leaves() {
    let mut view = hall(GUEST);
    assert_eq!(on_self(&view), [OnSelf::Unmute, OnSelf::LeaveStage]);
    view.stage[1].self_muted = false;
    assert_eq!(on_self(&view), [OnSelf::Mute, OnSelf::LeaveStage]);
}

#[test]
fn a_message_is_removed_by_its_writer_and_by_those_above() {
    let by = |member: MemberId| Message {
        id: MessageId(1),
        member,
        user: UserId(member.0.into()),
        name: String::new(),
        at_ms: 0,
        text: Some("la".into()),
    };
    let may = |me: MemberId, writer: MemberId| may_remove(&hall(me), Some(UserId(me.0.into())), &by(writer));
    assert!(may(LISTENER, LISTENER) && may(CO_HOST, LISTENER) && may(HOST, CO_HOST));
    assert!(!may(LISTENER, GUEST) && !may(GUEST, LISTENER) && !may(CO_HOST, HOST));
    assert!(may(CO_HOST, MemberId(99)), "the writer has left");
    assert!(!may_remove(&hall(HOST), None, &Message { text: None, ..by(GUEST) }), "it is gone already");
}
