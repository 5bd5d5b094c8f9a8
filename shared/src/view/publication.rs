//! When, in what portions and to whom a room's changes leave.
//!
//! Changes of stage, hands and room leave at once, as long as they are few: a crowd that changes something all the time is told of
//! some times a second, by what it came to in between ([`Pace`], [`Pending`]), and a moderator's word goes before. The audience's comings and goings and
//! reactions are collected: they leave with such a change or, by themselves, at most once in [`AUDIENCE_BATCH_MS`], the former as the
//! difference between the part of the audience that views name then and now. Most people get the same delta, which is encoded
//! once; who has something private to learn gets one of his own.

mod pace;
mod pending;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::show::count;
use super::{Change, Delta, Gone, Listener, Private};
use crate::ids::{MemberId, Revision};
use crate::limits::{AUDIENCE_BATCH_MS, DELTA_BULK_BYTES_MAX, REACTIONS_PER_BATCH_MAX};
use crate::room::{Event, HandLoweredBy, HandRaisedBy, LeaveReason, MicrophoneSetBy, Reaction, Room, StageEntry, StageExit};
use pace::Pace;
use pending::{AUDIENCE_NAME_BYTES, Pending, To};

/// What a room's members have been told so far, and what they have not.
#[derive(Debug)]
pub struct Publication {
    published: Revision,
    changes: Pending,
    is_urgent: bool,
    /// Something of what waits is a moderator's word.
    is_pressing: bool,
    /// Nothing comes behind it.
    is_last: bool,
    pace: Pace,
    private: BTreeMap<MemberId, Private>,
    /// Who may have had something private since: told again what he has, for the same reason as `touched`.
    confided: BTreeSet<MemberId>,
    /// The audience as those views name it that were told of everything which has left.
    audience: Vec<Listener>,
    audience_count: u32,
    is_audience_dirty: bool,
    /// Whose place in the audience has changed since: told again even if it is what it was, for those who were given a
    /// snapshot in between.
    touched: BTreeSet<MemberId>,
    /// Whom such snapshots name.
    shown: Shown,
    left: BTreeMap<MemberId, LeaveReason>,
    reactions: Vec<(MemberId, Reaction)>,
    batched_ms: u64,
}

/// The way from one revision to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// For everybody but those below.
    pub common: Delta,
    /// For each of these instead.
    pub personal: Vec<(MemberId, Delta)>,
}

impl Published {
    /// The delta that a member gets.
    #[must_use]
    pub fn for_member(&self, member: MemberId) -> &Delta {
        self.personal.iter().find(|(whose, _)| *whose == member).map_or(&self.common, |(_, delta)| delta)
    }
}

impl Publication {
    /// For a room of which nobody has been told anything.
    #[must_use]
    pub fn new(room: &Room) -> Self {
        Self {
            published: room.revision(),
            changes: Pending::default(),
            is_urgent: false,
            is_pressing: false,
            is_last: false,
            pace: Pace::default(),
            private: room.confidants().map(|member| (member, room.private_for(member))).collect(),
            confided: BTreeSet::new(),
            audience: room.first_listeners(),
            audience_count: count(room.audience_count()),
            is_audience_dirty: false,
            touched: BTreeSet::new(),
            shown: Shown::default(),
            left: BTreeMap::new(),
            reactions: Vec::new(),
            batched_ms: 0,
        }
    }

    /// Notes an event that was just applied to `room`.
    pub fn record(&mut self, room: &Room, event: &Event) {
        match event {
            Event::Reacted { member, reaction } => {
                if self.reactions.len() < REACTIONS_PER_BATCH_MAX {
                    self.reactions.push((*member, *reaction));
                }
                return;
            }
            Event::MemberLeft { member, reason, .. } => {
                self.left.insert(*member, *reason);
                self.changes.forget_name(*member);
                self.is_audience_dirty = true;
            }
            Event::MemberJoined { .. } | Event::StageJoined { .. } | Event::StageLeft { .. } => self.is_audience_dirty = true,
            Event::InvitationEnded { member, end } => {
                let those = core::iter::once(*member).chain(room.moderators()).collect();
                self.changes.push_to(those, Change::InvitationEnded { member: *member, end: *end });
            }
            Event::RoomEnded(_) => self.is_last = true,
            _ => {}
        }
        self.touched.extend(event.moves());
        if event.is_pressing() || matches!(event, Event::StageJoined { .. }) {
            self.confided.extend(room.confidants());
        }
        match event.to_change(room) {
            Some(change) => self.changes.push(change, event.is_pressing()),
            None => self.is_audience_dirty |= event.concerns_audience(),
        }
        self.is_urgent |= !event.concerns_audience();
        self.is_pressing |= event.is_pressing();
    }

    /// When [`Publication::take`] has something to give, in Unix milliseconds: it may be over.
    #[must_use]
    pub fn due_ms(&self, room: &Room) -> Option<u64> {
        if self.is_last {
            let is_behind = self.published < room.revision() || self.is_audience_dirty || !self.changes.is_empty();
            return is_behind.then_some(0);
        }
        let may_leave_ms = self.pace.next_ms(self.is_pressing);
        if self.is_urgent || !self.changes.is_empty() {
            return Some(may_leave_ms);
        }
        let is_behind = self.published < room.revision() || self.is_audience_dirty;
        is_behind.then(|| may_leave_ms.max(self.batched_ms.saturating_add(AUDIENCE_BATCH_MS)))
    }

    /// What was taken last is so long, as it leaves to most. Long ones are followed by the next later.
    pub fn note_bytes(&mut self, bytes: usize) {
        self.pace.charge(bytes);
    }

    /// What everybody in the room is due at `now_ms`. Where there is more than a delta should hold, the long part of it, names and
    /// texts, comes with the next ones: until then a view is behind in that, whatever revision it has reached.
    #[must_use]
    pub fn take(&mut self, room: &Room, now_ms: u64) -> Option<Published> {
        if self.due_ms(room)? > now_ms {
            return None;
        }
        (self.is_urgent, self.is_pressing) = (false, false);
        self.pace.take(now_ms);
        self.push_batch(room, now_ms);
        let changes = self.changes.take(if self.is_last { usize::MAX } else { DELTA_BULK_BYTES_MAX });
        self.note_audience(&changes);
        let private = self.take_private(room);
        let (from, to) = (core::mem::replace(&mut self.published, room.revision()), room.revision());
        let told = changes.iter().flat_map(|(to, _)| match to {
            To::Everybody => &[],
            To::These(members) => members.as_slice(),
        });
        let special: BTreeSet<MemberId> =
            told.chain(private.keys()).copied().filter(|member| room.seat(*member).is_some()).collect();
        let delta = |includes: &dyn Fn(&To) -> bool, private: Option<&Private>| {
            let changes = changes.iter().filter(|(to, _)| includes(to)).map(|(_, change)| change.clone());
            let private = private.cloned().map(Change::Private);
            Delta { from, to, changes: changes.chain(private).collect() }
        };
        let common = delta(&|to| matches!(to, To::Everybody), None);
        let personal =
            special.into_iter().map(|member| (member, delta(&|to| to.includes(member), private.get(&member)))).collect();
        Some(Published { common, personal })
    }

    /// Everybody's private part that is another one than what he was told last, or was in between.
    fn take_private(&mut self, room: &Room) -> BTreeMap<MemberId, Private> {
        let now: BTreeMap<MemberId, Private> = room.confidants().map(|member| (member, room.private_for(member))).collect();
        let before = core::mem::replace(&mut self.private, now);
        let confided = core::mem::take(&mut self.confided);
        let lost = before.keys().chain(&confided).filter(|member| !self.private.contains_key(member));
        let lost = lost.map(|member| (*member, Private::default()));
        let is_news = |member: &MemberId, private: &Private| confided.contains(member) || before.get(member) != Some(private);
        let changed = self.private.iter().filter(|(member, private)| is_news(member, private));
        changed.map(|(member, private)| (*member, private.clone())).chain(lost).collect()
    }

    fn push_batch(&mut self, room: &Room, now_ms: u64) {
        if !self.reactions.is_empty() {
            self.batched_ms = now_ms;
            self.changes.push(Change::Reactions(core::mem::take(&mut self.reactions)), false);
        }
        if self.is_audience_dirty {
            self.is_audience_dirty = false;
            self.batched_ms = now_ms;
            // What waits was compared before; what has left stands in `audience`.
            self.changes.forget_audience();
            for part in self.compare_audience(room) {
                self.changes.push(part, false);
            }
        }
    }

    /// Somebody is given a snapshot of the room as it is. What he will be told next starts from something older.
    pub fn note_snapshot(&mut self, room: &Room) {
        if self.is_audience_dirty || self.changes.tells_of_audience() {
            self.shown.add(room.first_listeners().into_iter().map(|listener| listener.member).collect());
        }
    }

    /// What has changed of the audience, in parts none of which is long.
    fn compare_audience(&self, room: &Room) -> Vec<Change> {
        let audience = room.first_listeners();
        let audience_count = count(room.audience_count());
        let is_here = |member: MemberId| audience.iter().any(|new| new.member == member);
        let known = self.audience.iter().map(|old| old.member);
        let known: BTreeSet<MemberId> = known.chain(self.touched.iter().copied()).chain(self.shown.by_any()).collect();
        let gone = known.into_iter().filter(|old| !is_here(*old));
        let gone: Vec<_> = gone.map(|member| Gone { member, reason: self.left.get(&member).copied() }).collect();
        let is_told = |new: &Listener| self.audience.contains(new) && self.shown.by_all(new.member);
        let here: Vec<_> = audience.iter().filter(|new| self.touched.contains(&new.member) || !is_told(new)).cloned().collect();
        let is_same = gone.is_empty() && here.is_empty() && audience_count == self.audience_count;
        if is_same { Vec::new() } else { in_parts(audience_count, gone, here) }
    }

    /// What has left of the audience is what views name from now on.
    fn note_audience(&mut self, taken: &[(To, Change)]) {
        for (_, change) in taken {
            if let Change::Audience { count, gone, here } = change {
                super::fold::apply_audience(&mut self.audience, gone, here);
                self.audience_count = *count;
            }
        }
        if !self.is_audience_dirty && !self.changes.tells_of_audience() {
            self.touched.clear();
            self.left.clear();
            self.shown = Shown::default();
        }
    }
}

/// Who is named by snapshots that were given while something of the audience waited.
#[derive(Debug, Default)]
struct Shown {
    any: BTreeSet<MemberId>,
    /// `None` while there was no such snapshot.
    all: Option<BTreeSet<MemberId>>,
}

impl Shown {
    fn add(&mut self, named: BTreeSet<MemberId>) {
        self.any.extend(&named);
        self.all = Some(match self.all.take() {
            Some(all) => all.intersection(&named).copied().collect(),
            None => named,
        });
    }

    fn by_any(&self) -> impl Iterator<Item = MemberId> {
        self.any.iter().copied()
    }

    fn by_all(&self, member: MemberId) -> bool {
        self.all.as_ref().is_none_or(|all| all.contains(&member))
    }
}

/// Who is gone first, then who is here: each part is absolute about what it names.
fn in_parts(count: u32, gone: Vec<Gone>, here: Vec<Listener>) -> Vec<Change> {
    let mut parts = Vec::new();
    let mut part = (gone, Vec::new(), 0);
    for listener in here {
        let bytes = listener.name.len() + AUDIENCE_NAME_BYTES;
        if part.2 + bytes > DELTA_BULK_BYTES_MAX / 2 {
            let (gone, here, _) = core::mem::take(&mut part);
            parts.push(Change::Audience { count, gone, here });
        }
        part.1.push(listener);
        part.2 += bytes;
    }
    parts.push(Change::Audience { count, gone: part.0, here: part.1 });
    parts
}

impl Event {
    /// Whose place in the audience it changes.
    fn moves(&self) -> Option<MemberId> {
        match self {
            Self::MemberJoined { member, .. }
            | Self::MemberLeft { member, .. }
            | Self::ConnectionLost { member, .. }
            | Self::ConnectionBack { member }
            | Self::StageJoined { member, .. }
            | Self::StageLeft { member, .. } => Some(*member),
            _ => None,
        }
    }

    /// Whether it is about nobody but the audience, whose news can wait a moment.
    fn concerns_audience(&self) -> bool {
        matches!(
            self,
            Self::MemberJoined { .. } | Self::MemberLeft { .. } | Self::ConnectionLost { .. } | Self::ConnectionBack { .. }
        )
    }

    /// Whether it is a moderator's doing, or the server's: it does not wait for those who only do something for themselves. Nobody
    /// brings it about alone, as often as he likes.
    const fn is_pressing(&self) -> bool {
        match self {
            Self::MemberJoined { .. }
            | Self::ConnectionLost { .. }
            | Self::ConnectionBack { .. }
            | Self::StreamRenewed { .. }
            | Self::MicrophoneReported { .. }
            | Self::MessagePosted(_)
            | Self::MessageRemoved(_)
            | Self::Reacted { .. } => false,
            Self::MemberLeft { reason, .. } => matches!(reason, LeaveReason::Kicked | LeaveReason::Banned),
            Self::HandRaised { by, .. } => matches!(by, HandRaisedBy::StageFull),
            Self::HandLowered { by, .. } => matches!(by, HandLoweredBy::Declined | HandLoweredBy::CalledUp),
            Self::StageJoined { entry, .. } => !matches!(entry, StageEntry::TookSeat),
            Self::StageLeft { exit, .. } => matches!(exit, StageExit::Removed),
            Self::MicrophoneSet { by, .. } => matches!(by, MicrophoneSetBy::Moderator),
            Self::Invited(_)
            | Self::InvitationEnded { .. }
            | Self::CoHostSet { .. }
            | Self::HostChanged { .. }
            | Self::SuccessorNamed(_)
            | Self::ChairKept { .. }
            | Self::Leaderless { .. }
            | Self::Blocked(_)
            | Self::Banned(_)
            | Self::Unbanned(_)
            | Self::SettingChanged { .. }
            | Self::Erased { .. }
            | Self::PasscodeSet(_)
            | Self::RoomEnded(_) => true,
        }
    }
}
