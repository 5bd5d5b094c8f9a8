//! Changes that wait to leave, in the order in which they happened, the last word of each kind on each thing: who raises and lowers
//! a hand ten times meanwhile is told of once.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::super::Change;
use crate::ids::MemberId;
use crate::permissions::Role;
use crate::room::{MicrophoneSetBy, StageEntry};

/// Who may know of a change.
#[derive(Debug)]
pub(super) enum To {
    Everybody,
    These(Vec<MemberId>),
}

impl To {
    pub(super) fn includes(&self, member: MemberId) -> bool {
        match self {
            Self::Everybody => true,
            Self::These(members) => members.contains(&member),
        }
    }
}

/// What a change is about, where a later one about the same makes it idle. Changes are absolute, so that views come out the same
/// without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// Whether a hand is up.
    Hand(MemberId),
    /// Whether somebody is on stage.
    Place(MemberId),
    /// The microphone bits, as their owner has set them.
    Mute(MemberId),
    /// What a device does.
    Device(MemberId),
    /// How a connection stands.
    Connection(MemberId),
    /// As which source of sound somebody speaks.
    Stream(MemberId),
}

impl Subject {
    fn of(change: &Change) -> Option<Self> {
        Some(match change {
            Change::HandRaised { hand, .. } => Self::Hand(hand.member),
            Change::HandLowered { member, .. } => Self::Hand(*member),
            // Who takes a seat and leaves it again has called nobody off the chair, and his hand was told of before.
            Change::StageJoined { person, entry: StageEntry::TookSeat } if person.role == Role::Speaker => {
                Self::Place(person.member)
            }
            Change::StageLeft { member, .. } => Self::Place(*member),
            // A moderator's word is told whatever comes after it.
            Change::MicrophoneSet { member, by: MicrophoneSetBy::Member, .. } => Self::Mute(*member),
            Change::MicrophoneReported { member, .. } => Self::Device(*member),
            Change::Presence { member, .. } => Self::Connection(*member),
            Change::StreamRenewed { member, .. } => Self::Stream(*member),
            _ => return None,
        })
    }

    /// Whether a change about this is idle once `later` is told.
    fn is_settled_by(self, later: Self) -> bool {
        match (self, later) {
            // Who comes on stage is shown with all that he is there, and who goes has none of it.
            (Self::Mute(member) | Self::Device(member) | Self::Stream(member), Self::Place(whose)) => member == whose,
            (Self::Mute(member), Self::Mute(whose)) => member == whose,
            _ => self == later,
        }
    }
}

/// Bytes of somebody in the audience beside his name: two ids and the state of his connection.
pub(super) const AUDIENCE_NAME_BYTES: usize = 16;

/// Which changes have to stay in their order among each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    /// About one person.
    Of(MemberId),
    /// Places in the queue.
    Hands,
    Chat,
    Audience,
}

/// The row in which a change with names or texts in it waits for its turn, and about how many bytes those are. `None` for one that is
/// short, and always leaves with the next delta.
fn bulk(change: &Change) -> Option<(Row, usize)> {
    match change {
        Change::HandRaised { hand, .. } => Some((Row::Hands, hand.name.len() + 16)),
        Change::StageJoined { person, .. } => Some((Row::Of(person.member), person.name.len() + 40)),
        Change::MessagePosted(message) => {
            Some((Row::Chat, message.name.len() + message.text.as_ref().map_or(0, |text| text.len()) + 32))
        }
        Change::Audience { here, gone, .. } => {
            let names: usize = here.iter().map(|listener| listener.name.len() + AUDIENCE_NAME_BYTES).sum();
            Some((Row::Audience, names + 4 * gone.len() + 8))
        }
        _ => None,
    }
}

/// Which rows a change may not overtake.
fn rows(change: &Change) -> [Option<Row>; 2] {
    match change {
        Change::HandRaised { hand, .. } => [Some(Row::Of(hand.member)), Some(Row::Hands)],
        Change::MessagePosted(_) | Change::MessageRemoved(_) => [Some(Row::Chat), None],
        Change::Audience { .. } => [Some(Row::Audience), None],
        _ => [whose(change).map(Row::Of), None],
    }
}

fn whose(change: &Change) -> Option<MemberId> {
    match change {
        Change::StageJoined { person, .. } => Some(person.member),
        Change::HandRaised { hand, .. } => Some(hand.member),
        Change::StreamRenewed { member, .. }
        | Change::StageLeft { member, .. }
        | Change::MicrophoneSet { member, .. }
        | Change::MicrophoneReported { member, .. }
        | Change::Presence { member, .. }
        | Change::HandLowered { member, .. }
        | Change::InvitationEnded { member, .. }
        | Change::CoHostSet { member, .. }
        | Change::HostChanged { member, .. } => Some(*member),
        _ => None,
    }
}

#[derive(Debug)]
struct Entry {
    to: To,
    change: Change,
    /// A moderator's word.
    is_pressing: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pending(Vec<Entry>);

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For everybody.
    pub(super) fn push(&mut self, change: Change, is_pressing: bool) {
        if let Some(later) = Subject::of(&change) {
            self.0.retain(|earlier| !Subject::of(&earlier.change).is_some_and(|subject| subject.is_settled_by(later)));
        }
        self.0.push(Entry { to: To::Everybody, change, is_pressing });
    }

    pub(super) fn push_to(&mut self, those: Vec<MemberId>, change: Change) {
        self.0.push(Entry { to: To::These(those), change, is_pressing: true });
    }

    /// Somebody has left the room: what waits names him to nobody any more. That he is gone comes behind it.
    pub(super) fn forget_name(&mut self, gone: MemberId) {
        for entry in &mut self.0 {
            match &mut entry.change {
                Change::StageJoined { person, .. } if person.member == gone => person.name.clear(),
                Change::HandRaised { hand, .. } if hand.member == gone => hand.name.clear(),
                Change::Audience { here, .. } => here.retain(|listener| listener.member != gone),
                _ => {}
            }
        }
    }

    /// What waits of the audience is compared anew.
    pub(super) fn forget_audience(&mut self) {
        self.0.retain(|entry| !matches!(entry.change, Change::Audience { .. }));
    }

    /// Whether something of the audience waits.
    pub(super) fn tells_of_audience(&self) -> bool {
        self.0.iter().any(|entry| matches!(entry.change, Change::Audience { .. }))
    }

    /// What leaves with the next delta: all that is short, and of what is long so much that it comes to `bulk_bytes_max`, or is one.
    /// Who is spoken of by a moderator does not wait. What waits keeps its place before what comes later in its row.
    pub(super) fn take(&mut self, bulk_bytes_max: usize) -> Vec<(To, Change)> {
        let pressing: BTreeSet<MemberId> =
            self.0.iter().filter(|entry| entry.is_pressing).filter_map(|entry| whose(&entry.change)).collect();
        let mut held: BTreeSet<Row> = BTreeSet::new();
        let mut bytes = 0;
        let (mut taken, mut waiting) = (Vec::new(), Vec::new());
        for entry in core::mem::take(&mut self.0) {
            let is_free = !rows(&entry.change).iter().flatten().any(|row| held.contains(row));
            let may_leave = match bulk(&entry.change) {
                None => is_free,
                Some((Row::Of(member), _)) if is_free && pressing.contains(&member) => true,
                Some((_, more)) => is_free && (bytes == 0 || bytes + more <= bulk_bytes_max),
            };
            if may_leave {
                bytes += bulk(&entry.change).map_or(0, |(_, more)| more);
                taken.push((entry.to, entry.change));
            } else {
                held.extend(rows(&entry.change).into_iter().flatten());
                waiting.push(entry);
            }
        }
        self.0 = waiting;
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;
    use crate::ids::{StreamId, UserId};
    use crate::room::{HandLoweredBy, HandRaisedBy, MicrophoneState, StageExit};
    use crate::view::{Hand, Person};

    fn raised(member: u32) -> Change {
        let hand = Hand { member: MemberId(member), name: String::new(), raised_ms: 0 };
        Change::HandRaised { hand, by: HandRaisedBy::Member }
    }

    fn lowered(member: u32) -> Change {
        Change::HandLowered { member: MemberId(member), by: HandLoweredBy::Member }
    }

    fn muted(by: MicrophoneSetBy, self_muted: bool) -> Change {
        Change::MicrophoneSet { member: MemberId(1), self_muted, host_muted: false, by }
    }

    fn joined(entry: StageEntry) -> Change {
        let person = Person {
            member: MemberId(1),
            user: UserId(1),
            name: String::new(),
            role: Role::Speaker,
            stream: StreamId(1),
            since_ms: 0,
            self_muted: true,
            host_muted: false,
            microphone: MicrophoneState::Closed,
            held_until_ms: None,
        };
        Change::StageJoined { person, entry }
    }

    fn told(changes: impl IntoIterator<Item = Change>) -> Vec<Change> {
        let mut pending = Pending::default();
        changes.into_iter().for_each(|change| pending.push(change, false));
        pending.take(usize::MAX).into_iter().map(|(_, change)| change).collect()
    }

    #[test]
    fn the_last_word_on_each_thing_is_told_in_the_order_of_last_words() {
        let flips = (0..10).flat_map(|_| [raised(1), lowered(1)]);
        assert_eq!(told(flips.chain([raised(2), raised(1)])), [raised(2), raised(1)]);
        let toggles = [true, false, true].map(|self_muted| muted(MicrophoneSetBy::Member, self_muted));
        assert_eq!(told(toggles), [muted(MicrophoneSetBy::Member, true)]);
        let left = Change::StageLeft { member: MemberId(1), exit: StageExit::Stepped };
        let stay = [joined(StageEntry::TookSeat), muted(MicrophoneSetBy::Member, false), left.clone()];
        assert_eq!(told(stay), [left]);
    }

    #[test]
    fn a_moderators_word_is_told_whatever_comes_after_it() {
        let changes = [muted(MicrophoneSetBy::Moderator, true), muted(MicrophoneSetBy::Member, true)];
        assert_eq!(told(changes.clone()), changes);
        let left = Change::StageLeft { member: MemberId(1), exit: StageExit::Stepped };
        let changes = [joined(StageEntry::Invited), left];
        assert_eq!(told(changes.clone()), changes);
    }

    #[test]
    fn what_is_long_leaves_bit_by_bit_in_its_order_and_what_is_short_at_once() {
        let mut pending = Pending::default();
        for member in 1..=10 {
            pending.push(raised(member), false);
        }
        pending.push(lowered(11), false);
        pending.push(lowered(9), false);
        pending.push(raised(9), false);
        let mut order = Vec::new();
        while !pending.is_empty() {
            let taken = pending.take(3 * 16);
            assert!(taken.len() <= 4);
            order.extend(taken.into_iter().map(|(_, change)| change));
        }
        assert_eq!(order[3], lowered(11));
        order.retain(|change| *change != lowered(11));
        assert_eq!(order, [1, 2, 3, 4, 5, 6, 7, 8, 10, 9].map(raised));
    }

    #[test]
    fn nothing_about_somebody_overtakes_what_waits_about_him() {
        let mut pending = Pending::default();
        pending.push(raised(2), false);
        pending.push(joined(StageEntry::TookSeat), false);
        pending.push(muted(MicrophoneSetBy::Member, false), false);
        assert_eq!(pending.take(1).len(), 1, "one at least");
        pending.push(muted(MicrophoneSetBy::Moderator, true), true);
        let rest = pending.take(1);
        assert_eq!(rest.len(), 3, "of whom a moderator speaks all is told");
        assert!(matches!(rest[0].1, Change::StageJoined { .. }) && pending.is_empty());
    }
}
