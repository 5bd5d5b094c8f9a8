//! Which buttons to offer now: the permissions applied to what the page knows. A courtesy only; the server decides.

mod on_room;

use dais_engine::shared::ids::{MemberId, UserId};
use dais_engine::shared::permissions::{Action, may, may_act_on};
use dais_engine::shared::room::{Command, Message, Mode};
use dais_engine::shared::view::View;

pub(crate) use on_room::{OnRoom, on_room};

/// What one may do to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnPerson {
    /// Ask a listener on stage.
    Invite,
    /// Take that back.
    CancelInvitation,
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
    /// Give a speaker a moderator's powers.
    MakeCoHost,
    /// Take them back.
    RemoveCoHost,
    /// Say that this is the next host if the present one vanishes.
    NameSuccessor,
    /// Take that back.
    ForgetSuccessor,
    /// Make somebody on stage the host.
    HandOver,
    /// Put somebody out for a minute.
    Kick,
    /// Put somebody out until that is lifted.
    Ban,
}

impl OnPerson {
    /// In the order of a menu: what is done often first, what hurts last.
    const ALL: [Self; 14] = [
        Self::Invite,
        Self::CancelInvitation,
        Self::Admit,
        Self::Decline,
        Self::Mute,
        Self::AllowToSpeak,
        Self::RemoveFromStage,
        Self::MakeCoHost,
        Self::RemoveCoHost,
        Self::NameSuccessor,
        Self::ForgetSuccessor,
        Self::HandOver,
        Self::Kick,
        Self::Ban,
    ];

    /// What to ask of the room for it.
    pub(crate) const fn command(self, member: MemberId) -> Command {
        match self {
            Self::Invite => Command::Invite(member),
            Self::CancelInvitation => Command::CancelInvite(member),
            Self::Admit => Command::AdmitHand(member),
            Self::Decline => Command::DeclineHand(member),
            Self::Mute => Command::MuteSpeaker(member),
            Self::AllowToSpeak => Command::LiftMute(member),
            Self::RemoveFromStage => Command::RemoveFromStage(member),
            Self::MakeCoHost => Command::MakeCoHost(member),
            Self::RemoveCoHost => Command::RemoveCoHost(member),
            Self::NameSuccessor => Command::NameSuccessor(Some(member)),
            Self::ForgetSuccessor => Command::NameSuccessor(None),
            Self::HandOver => Command::HandOver(member),
            Self::Kick => Command::Kick(member),
            Self::Ban => Command::Ban(member),
        }
    }

    const fn action(self) -> Action {
        match self {
            Self::Invite => Action::Invite,
            Self::CancelInvitation => Action::CancelInvite,
            Self::Admit => Action::AdmitHand,
            Self::Decline => Action::DeclineHand,
            Self::Mute => Action::MuteOther,
            Self::AllowToSpeak => Action::LiftMute,
            Self::RemoveFromStage => Action::RemoveFromStage,
            Self::MakeCoHost => Action::MakeCoHost,
            Self::RemoveCoHost => Action::RemoveCoHost,
            Self::NameSuccessor => Action::NameSuccessor,
            Self::ForgetSuccessor => Action::NameSuccessor,
            Self::HandOver => Action::HandOver,
            Self::Kick => Action::Kick,
            Self::Ban => Action::Ban,
        }
    }

    /// Whether the room is in a state for it.
    fn fits(self, view: &View, member: MemberId) -> bool {
        let on_stage = view.person(member);
        let moderation = view.private.moderation.as_ref();
        let is_hand_raised = view.hands.iter().any(|hand| hand.member == member);
        let is_invited = moderation.is_some_and(|known| known.invited.iter().any(|invited| invited.member == member));
        let is_successor = moderation.is_some_and(|known| known.successor == Some(member));
        match self {
            Self::Invite => on_stage.is_none() && !is_hand_raised && !is_invited,
            Self::CancelInvitation => is_invited,
            Self::Admit | Self::Decline => is_hand_raised,
            Self::Mute => on_stage.is_some_and(|person| !person.host_muted),
            Self::AllowToSpeak => on_stage.is_some_and(|person| person.host_muted),
            Self::RemoveFromStage | Self::HandOver => on_stage.is_some(),
            Self::MakeCoHost => on_stage.is_some_and(|person| !person.role.is_moderator()),
            Self::RemoveCoHost => on_stage.is_some_and(|person| person.role.is_moderator()),
            Self::NameSuccessor => on_stage.is_some() && !is_successor,
            Self::ForgetSuccessor => is_successor,
            Self::Kick | Self::Ban => true,
        }
    }
}

/// What the viewer may do to somebody now.
pub(crate) fn on_person(view: &View, member: MemberId) -> Vec<OnPerson> {
    if member == view.me {
        return Vec::new();
    }
    let (mine, theirs) = (view.my_role(), view.role_of(member));
    let is_offered = |offer: &OnPerson| may_act_on(mine, offer.action(), theirs) && offer.fits(view, member);
    OnPerson::ALL.into_iter().filter(is_offered).collect()
}

/// Who could be the host in the viewer's place.
pub(crate) fn next_hosts(view: &View) -> Vec<MemberId> {
    let could_be = |member: &MemberId| on_person(view, *member).contains(&OnPerson::HandOver);
    view.stage.iter().map(|person| person.member).filter(could_be).collect()
}

/// Whether leaving is a question: the viewer is responsible for a room that others are in.
pub(crate) fn leaves_others_behind(view: &View) -> bool {
    may(view.my_role(), Action::HandOver) && (view.stage.len() > 1 || view.audience_count > 0)
}

/// Whether the viewer may take a message out: everybody his own, and others' whoever moderates their writers.
pub(crate) fn may_remove(view: &View, my_user: Option<UserId>, message: &Message) -> bool {
    let writer = view.stage.iter().find(|person| person.user == message.user).map(|person| person.role);
    let is_mine = message.member == view.me || my_user == Some(message.user);
    let may_moderate = match writer {
        Some(writer) => may_act_on(view.my_role(), Action::RemoveMessage, writer),
        None => may(view.my_role(), Action::RemoveMessage),
    };
    message.text.is_some() && (is_mine || may_moderate)
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
        (OnSelf::RaiseHand, Action::RaiseHand, !view.is_my_hand_raised() && view.settings.takes_hands),
        (OnSelf::LowerHand, Action::LowerHand, view.is_my_hand_raised()),
        (OnSelf::LeaveStage, Action::LeaveStage, me.is_some()),
    ];
    offers.into_iter().filter(|(_, action, fits)| *fits && may(role, *action)).map(|(offer, ..)| offer).collect()
}

#[cfg(test)]
mod tests;
