//! What a room shows to its members.

use alloc::vec::Vec;

use super::{Change, Hand, Listener, Member, Person, View};
use crate::ids::{MemberId, MessageId};
use crate::limits::{AUDIENCE_IN_VIEW, MESSAGES_IN_VIEW};
use crate::room::{Event, Message, RaisedHand, Room, Seat, StageSeat};

impl Room {
    /// What `me` may know. `None` if `me` has no seat.
    #[must_use]
    pub fn view_for(&self, me: MemberId) -> Option<View> {
        let own = self.seat(me)?;
        Some(View {
            room: self.id().clone(),
            settings: self.settings().clone(),
            revision: self.revision(),
            ends_at_ms: self.ends_at_ms(),
            me,
            my_name: own.name.clone(),
            stage: self.on_stage().map(|(member, seat, stage)| Person::new(member, seat, stage)).collect(),
            hands: self.hands().iter().filter_map(|hand| self.hand(hand)).collect(),
            audience_count: count(self.audience_count()),
            audience: self.first_listeners(),
            messages: self.messages_before(None, MESSAGES_IN_VIEW),
            private: self.private_for(me),
        })
    }

    /// One page of the member list, in the order of the seats: those after `after`, at most `members_max`.
    #[must_use]
    pub fn members_after(&self, after: Option<MemberId>, members_max: usize) -> Vec<Member> {
        self.seats()
            .filter(|(member, _)| after.is_none_or(|after| *member > after))
            .take(members_max)
            .map(|(member, seat)| Member { member, user: seat.user, name: seat.name.clone(), role: seat.role })
            .collect()
    }

    /// One page of the chat, oldest first: the newest of those before `before`, at most `messages_max`.
    #[must_use]
    pub fn messages_before(&self, before: Option<MessageId>, messages_max: usize) -> Vec<Message> {
        let earlier = self.messages().rev().filter(|message| before.is_none_or(|before| message.id < before));
        let mut page: Vec<Message> = earlier.take(messages_max).cloned().collect();
        page.reverse();
        page
    }

    fn hand(&self, hand: &RaisedHand) -> Option<Hand> {
        let seat = self.seat(hand.member)?;
        Some(Hand { member: hand.member, name: seat.name.clone(), raised_ms: hand.raised_ms })
    }

    pub(super) fn first_listeners(&self) -> Vec<Listener> {
        self.seats()
            .filter(|(_, seat)| seat.stage.is_none())
            .take(AUDIENCE_IN_VIEW)
            .map(|(member, seat)| Listener {
                member,
                user: seat.user,
                name: seat.name.clone(),
                reconnecting: !seat.is_connected(),
            })
            .collect()
    }
}

impl Event {
    /// What everybody in the room may know of an event that was just applied to `room`. `None` where it concerns
    /// only the audience, which is told of in batches, or a few people, who are told in private.
    #[must_use]
    pub fn to_change(&self, room: &Room) -> Option<Change> {
        let on_stage = |member: MemberId| room.seat(member).and_then(|seat| seat.stage.as_ref().map(|stage| (seat, stage)));
        Some(match self {
            Self::MemberJoined { .. }
            | Self::MemberLeft { .. }
            | Self::Invited(_)
            | Self::InvitationEnded { .. }
            | Self::SuccessorNamed(_)
            | Self::ChairKept { .. }
            | Self::Blocked(_)
            | Self::Banned(_)
            | Self::Unbanned(_)
            | Self::Erased { .. }
            | Self::Reacted { .. } => return None,
            Self::ConnectionLost { member, .. } | Self::ConnectionBack { member } => {
                let (seat, _) = on_stage(*member)?;
                Change::Presence { member: *member, held_until_ms: seat.held_until_ms }
            }
            Self::HandRaised { member, by, at_ms } => {
                let hand = Hand { member: *member, name: room.seat(*member)?.name.clone(), raised_ms: *at_ms };
                Change::HandRaised { hand, by: *by }
            }
            Self::HandLowered { member, by } => Change::HandLowered { member: *member, by: *by },
            Self::StageJoined { member, entry, .. } => {
                let (seat, stage) = on_stage(*member)?;
                Change::StageJoined { person: Person::new(*member, seat, stage), entry: *entry }
            }
            Self::StreamRenewed { member, stream } => Change::StreamRenewed { member: *member, stream: *stream },
            Self::StageLeft { member, exit } => Change::StageLeft { member: *member, exit: *exit },
            Self::MicrophoneSet { member, self_muted, host_muted, by } => {
                Change::MicrophoneSet { member: *member, self_muted: *self_muted, host_muted: *host_muted, by: *by }
            }
            Self::MicrophoneReported { member, state } => Change::MicrophoneReported { member: *member, state: *state },
            Self::CoHostSet { member, is_co_host, .. } => Change::CoHostSet { member: *member, is_co_host: *is_co_host },
            Self::HostChanged { member, by, .. } => Change::HostChanged { member: *member, by: *by },
            Self::Leaderless { ends_at_ms } => Change::Leaderless { ends_at_ms: *ends_at_ms },
            Self::SettingChanged { setting, .. } => Change::SettingChanged(setting.clone()),
            Self::PasscodeSet(passcode) => Change::PasscodeSet(passcode.is_some()),
            Self::MessagePosted(message) => Change::MessagePosted(message.clone()),
            Self::MessageRemoved(message) => Change::MessageRemoved(*message),
            Self::RoomEnded(reason) => Change::RoomEnded(*reason),
        })
    }
}

impl Person {
    fn new(member: MemberId, seat: &Seat, stage: &StageSeat) -> Self {
        Self {
            member,
            user: seat.user,
            name: seat.name.clone(),
            role: seat.role,
            stream: stage.stream,
            since_ms: stage.since_ms,
            self_muted: stage.self_muted,
            host_muted: stage.host_muted,
            microphone: stage.microphone,
            held_until_ms: seat.held_until_ms,
        }
    }

    /// Whether the rules let this person be heard.
    #[must_use]
    pub const fn is_audible(&self) -> bool {
        !self.self_muted && !self.host_muted
    }
}

/// Counts of people fit into 32 bits, since a room's seats are bounded.
pub(super) fn count(people: usize) -> u32 {
    u32::try_from(people).unwrap_or(u32::MAX)
}
