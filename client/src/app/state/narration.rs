//! Turns what happened in the room into sentences. Pure: two views and the changes between them in, sentences out.

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::permissions::{Action, may};
use dais_engine::shared::room::{HandLoweredBy, LeaveReason, MicrophoneSetBy, MicrophoneState, StageEntry, StageExit};
use dais_engine::shared::view::{Change, View};

use super::names::{Names, hand_position};
use crate::locales::Sentences;

/// A sentence, and how loud to say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// For the live region only.
    Say(String),
    /// Also as a toast: it concerns this person, or asks for something to be done.
    Show(String),
}

/// What to say of `changes`, which led from `before` to `after`.
pub(super) fn narrate(t: &Sentences, before: &View, after: &View, changes: &[Change]) -> Vec<Told> {
    let narrator = Narrator { t, me: after.me, after, names_before: Names::of(before), names_after: Names::of(after) };
    changes.iter().filter_map(|change| narrator.tell(change)).collect()
}

struct Narrator<'a> {
    t: &'a Sentences,
    me: MemberId,
    after: &'a View,
    names_before: Names,
    names_after: Names,
}

impl Narrator<'_> {
    fn tell(&self, change: &Change) -> Option<Told> {
        let happened = &self.t.happened;
        match change {
            Change::StageJoined { person, entry } => Some(self.stage_joined(person.member, *entry)),
            Change::StageLeft { member, exit } => Some(self.stage_left(*member, *exit)),
            Change::MicrophoneSet { member, self_muted, host_muted, by } => {
                Some(self.microphone_set(*member, *self_muted, *host_muted, *by))
            }
            Change::MicrophoneReported { member, state } => self.microphone_reported(*member, *state),
            // One's own connection shows at the top of the page.
            Change::Presence { member, .. } if *member == self.me => None,
            Change::Presence { member, held_until_ms: Some(_) } => Some(self.of(*member, happened.connection_lost)),
            Change::Presence { member, held_until_ms: None } => Some(self.of(*member, happened.connection_back)),
            Change::HandRaised(hand) => Some(self.hand_raised(hand.member)),
            Change::HandLowered { member, by } => self.hand_lowered(*member, *by),
            Change::HostChanged { member } if *member == self.me => Some(Told::Show(happened.you_are_host.into())),
            Change::HostChanged { member } => Some(Told::Show((happened.host_changed)(self.name(*member)))),
            Change::Leaderless { .. } => Some(Told::Show(happened.leaderless.into())),
            Change::ModeChanged(mode) => Some(Told::Show((happened.mode_changed)(*mode).into())),
            Change::TitleChanged(title) => Some(Told::Show((happened.title_changed)(title))),
            // The lobby tells how the room ended.
            Change::RoomEnded(_) => None,
            // Comings and goings of listeners would drown the rest; the count shows them.
            Change::Audience { .. } => None,
        }
    }

    fn stage_joined(&self, member: MemberId, entry: StageEntry) -> Told {
        let happened = &self.t.happened;
        if member != self.me {
            return self.of(member, happened.came_on_stage);
        }
        Told::Show(match entry {
            StageEntry::Admitted => happened.you_were_admitted.into(),
            StageEntry::Host | StageEntry::TookSeat => happened.you_came_on_stage.into(),
        })
    }

    fn stage_left(&self, member: MemberId, exit: StageExit) -> Told {
        let happened = &self.t.happened;
        if member == self.me {
            return match exit {
                StageExit::Stepped | StageExit::LeftRoom(_) => Told::Say(happened.you_left_stage.into()),
                StageExit::Removed => Told::Show(happened.you_were_removed.into()),
            };
        }
        self.of(
            member,
            match exit {
                StageExit::Stepped => happened.left_stage,
                StageExit::Removed => happened.was_removed,
                StageExit::LeftRoom(LeaveReason::Left) => happened.left_room,
                StageExit::LeftRoom(LeaveReason::TimedOut) => happened.timed_out,
            },
        )
    }

    fn microphone_set(&self, member: MemberId, self_muted: bool, host_muted: bool, by: MicrophoneSetBy) -> Told {
        let happened = &self.t.happened;
        if member == self.me {
            return match by {
                MicrophoneSetBy::Member if self_muted => Told::Say(happened.you_muted.into()),
                MicrophoneSetBy::Member => Told::Say(happened.you_unmuted.into()),
                MicrophoneSetBy::Moderator if host_muted => Told::Show(happened.you_were_muted.into()),
                MicrophoneSetBy::Moderator => Told::Show(happened.your_mute_lifted.into()),
                MicrophoneSetBy::Return => Told::Show(happened.you_returned_muted.into()),
            };
        }
        self.of(
            member,
            match by {
                MicrophoneSetBy::Member | MicrophoneSetBy::Return if self_muted => happened.muted,
                MicrophoneSetBy::Member | MicrophoneSetBy::Return => happened.unmuted,
                MicrophoneSetBy::Moderator if host_muted => happened.muted_by_host,
                MicrophoneSetBy::Moderator => happened.mute_lifted,
            },
        )
    }

    fn microphone_reported(&self, member: MemberId, state: MicrophoneState) -> Option<Told> {
        let happened = &self.t.happened;
        if member == self.me {
            return None; // The page says what to do about it.
        }
        let sentence = match state {
            MicrophoneState::Closed | MicrophoneState::Open => return None,
            MicrophoneState::Refused => happened.microphone_refused,
            MicrophoneState::Missing => happened.microphone_missing,
            MicrophoneState::Lost => happened.microphone_lost,
        };
        let text = sentence(self.name(member));
        Some(if may(self.after.my_role(), Action::MuteOther) { Told::Show(text) } else { Told::Say(text) })
    }

    fn hand_raised(&self, member: MemberId) -> Told {
        let happened = &self.t.happened;
        if member == self.me {
            let position = hand_position(self.after, member).unwrap_or(1);
            return Told::Say((happened.your_hand_raised)(position));
        }
        let text = (happened.hand_raised)(self.name(member));
        if may(self.after.my_role(), Action::AdmitHand) { Told::Show(text) } else { Told::Say(text) }
    }

    fn hand_lowered(&self, member: MemberId, by: HandLoweredBy) -> Option<Told> {
        let happened = &self.t.happened;
        let is_mine = member == self.me;
        match by {
            HandLoweredBy::Member if is_mine => Some(Told::Say(happened.your_hand_lowered.into())),
            HandLoweredBy::Member => Some(self.of(member, happened.hand_lowered)),
            HandLoweredBy::Declined if is_mine => Some(Told::Show(happened.your_hand_declined.into())),
            HandLoweredBy::Declined => Some(self.of(member, happened.hand_declined)),
            // What follows says it: somebody comes on stage, or is gone.
            HandLoweredBy::CalledUp | HandLoweredBy::Left => None,
        }
    }

    fn of(&self, member: MemberId, sentence: fn(&str) -> String) -> Told {
        Told::Say(sentence(self.name(member)))
    }

    fn name(&self, member: MemberId) -> &str {
        let known = [self.names_after.get(member), self.names_before.get(member)];
        known.into_iter().find(|name| !name.is_empty()).unwrap_or(self.t.happened.somebody)
    }
}

#[cfg(test)]
mod tests {
    use dais_engine::shared::permissions::Role;
    use dais_engine::shared::view::Delta;

    use super::super::sample::{hand, person, view};
    use super::*;
    use crate::locales::english;

    const HOST: MemberId = MemberId(1);
    const GUEST: MemberId = MemberId(2);

    fn told(me: MemberId, changes: &[Change]) -> Vec<Told> {
        let before = view(me, vec![person(HOST, Role::Host), person(GUEST, Role::Speaker)]);
        let mut after = before.clone();
        after.apply(&Delta { from: after.revision, to: after.revision.next(), changes: changes.to_vec() }).expect("no gap");
        narrate(english(), &before, &after, changes)
    }

    #[test]
    fn somebody_who_left_is_still_named() {
        let left = Change::StageLeft { member: GUEST, exit: StageExit::LeftRoom(LeaveReason::TimedOut) };
        assert_eq!(told(HOST, &[left]), [Told::Say("Member 2 lost the connection and left the room.".into())]);
    }

    #[test]
    fn what_a_moderator_does_to_me_is_shown_and_what_i_do_is_only_said() {
        let muted =
            |by| Change::MicrophoneSet { member: GUEST, self_muted: true, host_muted: by == MicrophoneSetBy::Moderator, by };
        assert_eq!(told(GUEST, &[muted(MicrophoneSetBy::Moderator)]), [Told::Show("The host muted you.".into())]);
        assert_eq!(told(GUEST, &[muted(MicrophoneSetBy::Member)]), [Told::Say("You are muted.".into())]);
        assert_eq!(told(HOST, &[muted(MicrophoneSetBy::Moderator)]), [Told::Say("Member 2 was muted by the host.".into())]);
    }

    #[test]
    fn a_raised_hand_is_shown_to_those_who_may_admit_it() {
        let raised = Change::HandRaised(hand(MemberId(3)));
        assert_eq!(told(HOST, core::slice::from_ref(&raised)), [Told::Show("Member 3 raised a hand.".into())]);
        assert_eq!(told(GUEST, std::slice::from_ref(&raised)), [Told::Say("Member 3 raised a hand.".into())]);
        assert_eq!(told(MemberId(3), &[raised]), [Told::Say("Your hand is up. You are next.".into())]);
    }
}
