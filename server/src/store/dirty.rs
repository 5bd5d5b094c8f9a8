//! Which rows of a room a change touches: one `match` over what happens, beside the one that makes it happen.

use std::collections::BTreeSet;

use dais_shared::ids::{MemberId, MessageId};
use dais_shared::limits::MESSAGES_KEPT_MAX;
use dais_shared::room::{Event, Room};

/// What of a room is to be written with the next commit. The room's own row, with its revision, always is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dirty {
    /// Everything, whatever stands below.
    pub(super) everything: bool,
    pub(super) seats: BTreeSet<MemberId>,
    pub(super) messages: BTreeSet<MessageId>,
    pub(super) hands: bool,
    pub(super) invitations: bool,
    pub(super) claims: bool,
    pub(super) muted_away: bool,
    pub(super) blocks: bool,
    pub(super) bans: bool,
    pub(super) departed: bool,
}

impl Dirty {
    pub(super) fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// What differs between a room as its rows are and as it is, where only times may: `None` if nothing does.
    pub(super) fn between(rows: &Room, room: &Room) -> Option<Self> {
        let seats = room.seats().filter(|(member, seat)| rows.seat(*member) != Some(*seat));
        let dirty = Self {
            seats: seats.map(|(member, _)| member).collect(),
            hands: !rows.hands().eq(room.hands()),
            invitations: !rows.invitations().eq(room.invitations()),
            claims: rows.claims() != room.claims(),
            blocks: !rows.blocks().eq(room.blocks()),
            ..Self::default()
        };
        (dirty != Self::default() || rows.ends_at_ms() != room.ends_at_ms()).then_some(dirty)
    }

    /// Marks what `event` is about to change in `room`.
    pub(super) fn mark(&mut self, room: &Room, event: &Event) {
        match event {
            Event::MemberJoined { member, .. } => {
                self.seats.insert(*member);
                self.departed = true;
            }
            Event::MemberLeft { member, .. } => {
                self.seats.insert(*member);
                self.hands = true;
                self.invitations = true;
                self.muted_away = true;
                self.departed = true;
            }
            Event::StageJoined { member, .. } => {
                self.seats.insert(*member);
                self.hands = true;
                self.invitations = true;
                self.claims = true;
                self.muted_away = true;
            }
            Event::StageLeft { member, .. } => {
                self.seats.insert(*member);
                self.muted_away = true;
            }
            Event::HostChanged { member, .. } => {
                self.seats.extend(room.host());
                self.seats.insert(*member);
            }
            Event::ConnectionLost { member, .. }
            | Event::ConnectionBack { member }
            | Event::StreamRenewed { member, .. }
            | Event::MicrophoneSet { member, .. }
            | Event::MicrophoneReported { member, .. }
            | Event::CoHostSet { member, .. } => {
                self.seats.insert(*member);
            }
            Event::HandRaised { .. } | Event::HandLowered { .. } => self.hands = true,
            Event::Invited(_) | Event::InvitationEnded { .. } => self.invitations = true,
            Event::ChairKept { .. } => self.claims = true,
            Event::Blocked(_) => self.blocks = true,
            Event::Banned(_) | Event::Unbanned(_) => self.bans = true, // and those of the erased
            Event::MessagePosted(message) => {
                self.messages.insert(message.id);
                if room.messages().len() >= MESSAGES_KEPT_MAX {
                    self.messages.extend(room.messages().next().map(|oldest| oldest.id));
                }
            }
            Event::MessageRemoved(message) => {
                self.messages.insert(*message);
            }
            // In the middle of lists, and rarely.
            Event::Erased { .. } => self.everything = true,
            Event::SuccessorNamed(_)
            | Event::Leaderless { .. }
            | Event::SettingChanged { .. }
            | Event::PasscodeSet(_)
            | Event::Reacted { .. }
            | Event::RoomEnded(_) => {}
        }
    }
}
