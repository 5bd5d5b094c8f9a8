//! Which buttons to offer now: the permissions applied to what the page knows. A courtesy only; the server decides.

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::permissions::{Action, Role, may, may_act_on};
use dais_engine::shared::room::{Command, Mode};
use dais_engine::shared::view::View;

/// What a moderator may do to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnPerson {
    /// Call a raised hand on stage.
    Admit,
    /// Lower a raised hand.
    Decline,
    /// Mute somebody on stage.
    Mute,
    /// Lift such a mute.
    AllowToSpeak,
    /// Send somebody to the audience.
    RemoveFromStage,
}

impl OnPerson {
    /// What to ask of the room for it.
    pub(crate) const fn command(self, member: MemberId) -> Command {
        match self {
            Self::Admit => Command::AdmitHand(member),
            Self::Decline => Command::DeclineHand(member),
            Self::Mute => Command::MuteSpeaker(member),
            Self::AllowToSpeak => Command::LiftMute(member),
            Self::RemoveFromStage => Command::RemoveFromStage(member),
        }
    }

    const fn action(self) -> Action {
        match self {
            Self::Admit => Action::AdmitHand,
            Self::Decline => Action::DeclineHand,
            Self::Mute => Action::MuteOther,
            Self::AllowToSpeak => Action::LiftMute,
            Self::RemoveFromStage => Action::RemoveFromStage,
        }
    }
}

/// What the viewer may do to somebody now.
pub(crate) fn on_person(view: &View, member: MemberId) -> Vec<OnPerson> {
    let on_stage = view.person(member);
    let is_hand_raised = view.hands.iter().any(|hand| hand.member == member);
    let fits = |offer: &OnPerson| match offer {
        OnPerson::Admit | OnPerson::Decline => is_hand_raised,
        OnPerson::Mute => on_stage.is_some_and(|person| !person.host_muted),
        OnPerson::AllowToSpeak => on_stage.is_some_and(|person| person.host_muted),
        OnPerson::RemoveFromStage => on_stage.is_some(),
    };
    let role = on_stage.map_or(Role::Listener, |person| person.role);
    [OnPerson::Admit, OnPerson::Decline, OnPerson::Mute, OnPerson::AllowToSpeak, OnPerson::RemoveFromStage]
        .into_iter()
        .filter(|offer| may_act_on(view.my_role(), offer.action(), role))
        .filter(fits)
        .collect()
}

/// What the viewer may do about himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnSelf {
    /// Stop being heard.
    Mute,
    /// Be heard.
    Unmute,
    /// Ask to be called on stage.
    RaiseHand,
    /// Take that back.
    LowerHand,
    /// Go on stage in an open room.
    TakeSeat,
    /// Go back to the audience.
    LeaveStage,
}

/// What the viewer may do about himself now. Unmuting is offered also to those whom the host muted, so that they
/// see what is missing.
pub(crate) fn on_self(view: &View) -> Vec<OnSelf> {
    let role = view.my_role();
    let me = view.my_stage();
    let offers = [
        (OnSelf::Mute, Action::SetMicrophone, me.is_some_and(|me| me.is_audible())),
        (OnSelf::Unmute, Action::SetMicrophone, me.is_some_and(|me| !me.is_audible())),
        (OnSelf::TakeSeat, Action::TakeSeat, view.settings.mode == Mode::Open),
        (OnSelf::RaiseHand, Action::RaiseHand, !view.is_my_hand_raised()),
        (OnSelf::LowerHand, Action::LowerHand, view.is_my_hand_raised()),
        (OnSelf::LeaveStage, Action::LeaveStage, me.is_some()),
    ];
    offers.into_iter().filter(|(_, action, fits)| *fits && may(role, *action)).map(|(offer, ..)| offer).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{hand, person, view};
    use super::*;

    const HOST: MemberId = MemberId(1);
    const GUEST: MemberId = MemberId(2);

    #[test]
    fn a_host_is_offered_what_fits_the_moment() {
        let mut view = view(HOST, vec![person(HOST, Role::Host), person(GUEST, Role::Speaker)]);
        view.hands.push(hand(MemberId(3)));
        assert_eq!(on_person(&view, GUEST), [OnPerson::Mute, OnPerson::RemoveFromStage]);
        assert_eq!(on_person(&view, MemberId(3)), [OnPerson::Admit, OnPerson::Decline]);
        assert_eq!(on_person(&view, HOST), [], "nobody moderates himself");
        assert_eq!(on_self(&view), [OnSelf::Unmute], "the host's place is on stage");
        view.stage[1].host_muted = true;
        assert_eq!(on_person(&view, GUEST), [OnPerson::AllowToSpeak, OnPerson::RemoveFromStage]);
    }

    #[test]
    fn a_listener_is_offered_a_way_to_the_stage_and_nobody_else_to_moderate() {
        let mut view = view(MemberId(3), vec![person(HOST, Role::Host), person(GUEST, Role::Speaker)]);
        assert_eq!(on_person(&view, GUEST), []);
        assert_eq!(on_self(&view), [OnSelf::RaiseHand]);
        view.hands.push(hand(MemberId(3)));
        assert_eq!(on_self(&view), [OnSelf::LowerHand]);
        view.settings.mode = Mode::Open;
        assert_eq!(on_self(&view), [OnSelf::TakeSeat, OnSelf::LowerHand]);
    }

    #[test]
    fn a_speaker_mutes_and_leaves() {
        let mut view = view(GUEST, vec![person(HOST, Role::Host), person(GUEST, Role::Speaker)]);
        assert_eq!(on_self(&view), [OnSelf::Unmute, OnSelf::LeaveStage]);
        view.stage[1].self_muted = false;
        assert_eq!(on_self(&view), [OnSelf::Mute, OnSelf::LeaveStage]);
    }
}
