//! Turns what happened in the room into sentences. Pure: two views and the changes between them in, sentences out.

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::permissions::{Action, may};
use dais_engine::shared::room::{
    HandLoweredBy, HandRaisedBy, HostChangedBy, InvitationEnd, LeaveReason, MicrophoneSetBy, MicrophoneState, Setting,
    StageEntry, StageExit,
};
use dais_engine::shared::view::{Change, Gone, Moderation, Private, View};

use super::names::{Names, hand_position};
use crate::locales::{OfName, Sentences};

/// A sentence, and how loud to say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// For the live region only.
    Say(String),
    /// Also as a toast: it concerns this person, or asks for something to be done.
    Show(String),
    /// As [`Told::Show`], in the place of the last such toast: the queue shows every hand.
    ShowHand(String),
}

/// What to say of `changes`, which led from `before` to `after`.
pub(super) fn narrate(t: &Sentences, before: &View, after: &View, changes: &[Change]) -> Vec<Told> {
    let narrator =
        Narrator { t, me: after.me, before, after, names_before: Names::of(before), names_after: Names::of(after), changes };
    changes.iter().flat_map(|change| narrator.tell(change)).collect()
}

struct Narrator<'a> {
    t: &'a Sentences,
    me: MemberId,
    before: &'a View,
    after: &'a View,
    names_before: Names,
    names_after: Names,
    changes: &'a [Change],
}

impl Narrator<'_> {
    fn tell(&self, change: &Change) -> Vec<Told> {
        match change {
            Change::Audience { gone, .. } => gone.iter().filter_map(|gone| self.put_out(gone)).collect(),
            Change::Private(private) => self.invited(private),
            change => self.tell_one(change).into_iter().collect(),
        }
    }

    fn tell_one(&self, change: &Change) -> Option<Told> {
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
            Change::HandRaised { hand, by } => Some(self.hand_raised(hand.member, *by)),
            Change::HandLowered { member, by } => self.hand_lowered(*member, *by),
            Change::InvitationEnded { member, end } => self.invitation_ended(*member, *end),
            Change::CoHostSet { member, is_co_host } => Some(self.co_host_set(*member, *is_co_host)),
            Change::HostChanged { member, by } => Some(self.host_changed(*member, *by)),
            Change::Leaderless { .. } => Some(Told::Show(happened.leaderless.into())),
            Change::SettingChanged(setting) => Some(Told::Show(self.setting_changed(setting))),
            Change::PasscodeSet(has_passcode) => Some(Told::Show((happened.passcode_set)(*has_passcode).into())),
            Change::MessageRemoved(_) => Some(Told::Say(happened.message_removed.into())),
            // The lobby tells how the room ended; the chat reads itself out; a reaction is a glance; a stream is no news.
            Change::RoomEnded(_) | Change::MessagePosted(_) | Change::Reactions(_) | Change::StreamRenewed { .. } => None,
            // Told by `tell`.
            Change::Audience { .. } | Change::Private(_) => None,
        }
    }

    fn stage_joined(&self, member: MemberId, entry: StageEntry) -> Told {
        let happened = &self.t.happened;
        if member == self.me {
            return Told::Show(match entry {
                StageEntry::Admitted => happened.you_were_admitted.into(),
                StageEntry::Host | StageEntry::TookSeat | StageEntry::Invited => happened.you_came_on_stage.into(),
            });
        }
        self.of(
            member,
            match entry {
                StageEntry::Host => happened.host_came_on_stage,
                StageEntry::Admitted => happened.was_admitted,
                StageEntry::TookSeat => happened.took_seat,
                StageEntry::Invited => happened.accepted,
            },
        )
    }

    fn stage_left(&self, member: MemberId, exit: StageExit) -> Told {
        let happened = &self.t.happened;
        if member == self.me {
            return match exit {
                StageExit::Stepped | StageExit::LeftRoom(_) => Told::Say(happened.you_left_stage.into()),
                StageExit::Removed => Told::Show(happened.you_were_removed.into()),
            };
        }
        match exit {
            StageExit::Stepped => self.of(member, happened.left_stage),
            StageExit::Removed => self.of(member, happened.was_removed),
            StageExit::LeftRoom(LeaveReason::Left) => self.of(member, happened.left_room),
            StageExit::LeftRoom(LeaveReason::TimedOut) => self.of(member, happened.timed_out),
            StageExit::LeftRoom(LeaveReason::Kicked) => self.show_of(member, happened.was_kicked),
            StageExit::LeftRoom(LeaveReason::Banned) => self.show_of(member, happened.was_banned),
        }
    }

    /// Comings and goings of listeners would drown the rest; the count shows them. Who was put out is told.
    fn put_out(&self, gone: &Gone) -> Option<Told> {
        match gone.reason? {
            LeaveReason::Left | LeaveReason::TimedOut => None,
            LeaveReason::Kicked => Some(self.show_of(gone.member, self.t.happened.was_kicked)),
            LeaveReason::Banned => Some(self.show_of(gone.member, self.t.happened.was_banned)),
        }
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
        Some(self.of_for_those_who_may(Action::MuteOther, member, sentence))
    }

    fn hand_raised(&self, member: MemberId, by: HandRaisedBy) -> Told {
        let happened = &self.t.happened;
        match by {
            HandRaisedBy::Member if member == self.me => {
                let position = hand_position(self.after, member).unwrap_or(1);
                Told::Say((happened.your_hand_raised)(position))
            }
            HandRaisedBy::StageFull if member == self.me => Told::Show(happened.your_hand_raised_by_full_stage.into()),
            HandRaisedBy::Member => match self.of_for_those_who_may(Action::AdmitHand, member, happened.hand_raised) {
                Told::Show(text) => Told::ShowHand(text),
                quieter => quieter,
            },
            HandRaisedBy::StageFull => self.of_for_those_who_may(Action::AdmitHand, member, happened.hand_raised_by_full_stage),
        }
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

    /// Who is asked on stage now and was not before; known to moderators alone. One's own invitation is a dialog.
    fn invited(&self, private: &Private) -> Vec<Told> {
        let invited = |moderation: &Option<Moderation>| moderation.iter().flat_map(|m| m.invited.clone()).collect::<Vec<_>>();
        let before = invited(&self.before.private.moderation);
        let is_new = |member| before.iter().all(|invited| invited.member != member);
        let new = invited(&private.moderation).into_iter().filter(|invited| is_new(invited.member));
        new.map(|invited| Told::Say((self.t.happened.was_invited)(&invited.name))).collect()
    }

    fn invitation_ended(&self, member: MemberId, end: InvitationEnd) -> Option<Told> {
        let happened = &self.t.happened;
        let is_mine = member == self.me;
        match end {
            InvitationEnd::Rejected if is_mine => Some(Told::Say(happened.you_rejected.into())),
            InvitationEnd::Rejected => Some(self.show_of(member, happened.rejected)),
            InvitationEnd::Cancelled if is_mine => Some(Told::Show(happened.your_invitation_cancelled.into())),
            InvitationEnd::Cancelled => Some(self.of(member, happened.invitation_cancelled)),
            InvitationEnd::Expired if is_mine => Some(Told::Show(happened.your_invitation_expired.into())),
            InvitationEnd::Expired => Some(self.show_of(member, happened.invitation_expired)),
            // What follows says it: somebody comes on stage, raises a hand, or is gone.
            InvitationEnd::Accepted | InvitationEnd::OnStage | InvitationEnd::Left => None,
        }
    }

    fn co_host_set(&self, member: MemberId, is_co_host: bool) -> Told {
        let happened = &self.t.happened;
        match (member == self.me, is_co_host) {
            (true, true) => Told::Show(happened.you_are_co_host.into()),
            (true, false) => Told::Show(happened.you_are_no_co_host.into()),
            (false, true) => self.show_of(member, happened.made_co_host),
            (false, false) => self.of(member, happened.co_host_removed),
        }
    }

    fn host_changed(&self, member: MemberId, by: HostChangedBy) -> Told {
        let happened = &self.t.happened;
        if member == self.me {
            return Told::Show(happened.you_are_host.into());
        }
        self.show_of(
            member,
            match by {
                HostChangedBy::HandedOver => happened.host_handed_over,
                HostChangedBy::Succession => happened.host_succeeded,
                HostChangedBy::Return => happened.host_returned,
            },
        )
    }

    fn setting_changed(&self, setting: &Setting) -> String {
        let happened = &self.t.happened;
        match setting {
            Setting::Mode(mode) => (happened.mode_changed)(*mode).into(),
            Setting::Title(title) => (happened.title_changed)(title),
            Setting::Topic(topic) => (happened.topic_changed)(topic),
            Setting::HandQueue(is_open) => (happened.hand_queue_set)(*is_open).into(),
            Setting::Chat(is_open) => (happened.chat_set)(*is_open).into(),
            Setting::Lock(is_locked) => (happened.lock_set)(*is_locked).into(),
            Setting::Unlisted(is_unlisted) => (happened.unlisted_set)(*is_unlisted).into(),
        }
    }

    fn of(&self, member: MemberId, sentence: OfName) -> Told {
        Told::Say(sentence(self.name(member)))
    }

    fn show_of(&self, member: MemberId, sentence: OfName) -> Told {
        Told::Show(sentence(self.name(member)))
    }

    /// Those who can do something about it are to see it.
    fn of_for_those_who_may(&self, action: Action, member: MemberId, sentence: OfName) -> Told {
        if may(self.after.my_role(), action) { self.show_of(member, sentence) } else { self.of(member, sentence) }
    }

    /// Somebody may have come and gone between the two views.
    fn name(&self, member: MemberId) -> &str {
        let in_between = self.changes.iter().find_map(|change| match change {
            Change::StageJoined { person, .. } if person.member == member => Some(person.name.as_str()),
            _ => None,
        });
        let known = [self.names_after.get(member), self.names_before.get(member), in_between.unwrap_or_default()];
        known.into_iter().find(|name| !name.is_empty()).unwrap_or(self.t.happened.somebody)
    }
}

#[cfg(test)]
mod tests {
    use dais_engine::shared::permissions::Role;
    use dais_engine::shared::view::{Delta, Invited};

    use super::super::sample::{hand, listener, person, view};
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
        assert_eq!(told(GUEST, &[muted(MicrophoneSetBy::Moderator)]), [Told::Show("You were muted by a moderator.".into())]);
        assert_eq!(told(GUEST, &[muted(MicrophoneSetBy::Member)]), [Told::Say("You are muted.".into())]);
        assert_eq!(told(HOST, &[muted(MicrophoneSetBy::Moderator)]), [Told::Say("Member 2 was muted by a moderator.".into())]);
    }

    #[test]
    fn a_raised_hand_is_shown_to_those_who_may_admit_it() {
        let raised = Change::HandRaised { hand: hand(MemberId(3)), by: HandRaisedBy::Member };
        assert_eq!(told(HOST, core::slice::from_ref(&raised)), [Told::ShowHand("Member 3 raised a hand.".into())]);
        assert_eq!(told(GUEST, std::slice::from_ref(&raised)), [Told::Say("Member 3 raised a hand.".into())]);
        assert_eq!(told(MemberId(3), &[raised]), [Told::Say("Your hand is up. You are next.".into())]);
    }

    #[test]
    fn an_invitation_that_ends_is_told_to_both_sides_where_nothing_else_tells_it() {
        let ended = |me, end| told(me, &[Change::InvitationEnded { member: MemberId(3), end }]);
        let show = |text: &str| vec![Told::Show(text.into())];
        assert_eq!(ended(MemberId(3), InvitationEnd::Expired), show("The invitation to the stage has expired."));
        assert_eq!(ended(MemberId(3), InvitationEnd::Cancelled), show("The invitation to the stage was cancelled."));
        assert_eq!(ended(MemberId(3), InvitationEnd::Accepted), [], "coming on stage tells it");
        assert_eq!(told_of_listener(InvitationEnd::Rejected), show("Member 3 declined the invitation."));
        assert_eq!(told_of_listener(InvitationEnd::Expired), show("Member 3 did not answer the invitation in time."));
        assert_eq!(told_of_listener(InvitationEnd::OnStage), []);
    }

    #[test]
    fn an_accepted_invitation_on_a_full_stage_says_why_the_hand_is_up() {
        let raised = [Change::HandRaised { hand: hand(MemberId(3)), by: HandRaisedBy::StageFull }];
        let mine = "The stage is full at the moment, so your hand is up instead. You are called when there is room.";
        assert_eq!(told(MemberId(3), &raised), [Told::Show(mine.into())]);
        let theirs = "Member 3 accepted, but the stage is full: the hand is up instead.";
        assert_eq!(told(HOST, &raised), [Told::Show(theirs.into())]);
    }

    #[test]
    fn who_is_put_out_of_the_audience_is_named_and_who_goes_is_only_counted() {
        let mut before = view(HOST, vec![person(HOST, Role::Host)]);
        before.audience = [5, 6, 7].map(|member| listener(MemberId(member), &format!("Listener {member}"))).into();
        let gone = |member, reason| Gone { member: MemberId(member), reason: Some(reason) };
        let gone = vec![gone(5, LeaveReason::Kicked), gone(6, LeaveReason::Left), gone(7, LeaveReason::Banned)];
        let change = Change::Audience { count: 0, gone, here: vec![] };
        let mut after = before.clone();
        after.audience.clear();
        let told = narrate(english(), &before, &after, &[change]);
        assert_eq!(
            told,
            [
                Told::Show("Listener 5 was put out of the room for a minute.".into()),
                Told::Show("Listener 7 was banned from the room.".into()),
            ]
        );
    }

    #[test]
    fn the_chair_passes_on_with_a_reason() {
        let passed = |by| told(MemberId(3), &[Change::HostChanged { member: GUEST, by }]);
        let show = |text: &str| [Told::Show(text.into())];
        assert_eq!(passed(HostChangedBy::HandedOver), show("The host handed the room over: Member 2 is the host now."));
        assert_eq!(passed(HostChangedBy::Succession), show("The host is gone: Member 2 is the host now."));
        assert_eq!(passed(HostChangedBy::Return), show("The host is back: Member 2 is the host again."));
        let mine = Change::HostChanged { member: GUEST, by: HostChangedBy::Succession };
        assert_eq!(told(GUEST, &[mine]), show("You are the host now."));
    }

    #[test]
    fn moderators_are_told_whom_one_of_them_asks_and_each_only_once() {
        let invited = |members: &[u32]| Private {
            invitation: None,
            moderation: Some(Moderation {
                invited: members
                    .iter()
                    .map(|member| Invited { member: MemberId(*member), name: format!("Member {member}"), expires_ms: 9 })
                    .collect(),
                successor: None,
                bans: 0,
            }),
        };
        let mut before = view(HOST, vec![person(HOST, Role::Host)]);
        before.private = invited(&[7]);
        let mut after = before.clone();
        after.private = invited(&[7, 8]);
        let told = narrate(english(), &before, &after, &[Change::Private(after.private.clone())]);
        assert_eq!(told, [Told::Say("Member 8 is invited to the stage.".into())]);
    }

    #[test]
    fn what_the_room_is_is_told_to_everybody() {
        let told = |change| told(MemberId(3), &[change]);
        let show = |text: &str| [Told::Show(text.into())];
        assert_eq!(told(Change::SettingChanged(Setting::Lock(true))), show("The room is locked: nobody new comes in."));
        assert_eq!(told(Change::PasscodeSet(false)), show("No passcode is needed any more."));
        assert_eq!(told(Change::SettingChanged(Setting::Topic("Bees".into()))), show("The room is about “Bees” now."));
    }

    fn told_of_listener(end: InvitationEnd) -> Vec<Told> {
        let mut before = view(HOST, vec![person(HOST, Role::Host)]);
        before.audience = vec![listener(MemberId(3), "Member 3")];
        narrate(english(), &before, &before.clone(), &[Change::InvitationEnded { member: MemberId(3), end }])
    }
}
