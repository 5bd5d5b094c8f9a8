//! When, in what portions and to whom a room's changes leave.
//!
//! Changes of stage, hands and room leave at once. The audience's comings and goings and reactions are collected: they
//! leave with such a change or, by themselves, at most once in [`AUDIENCE_BATCH_MS`], the former as the difference between the part of the audience that views
//! name then and now. Most people get the same delta, which is encoded once; who has something private to learn gets
//! one of his own.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::show::count;
use super::{Change, Delta, Gone, Listener, Private};
use crate::ids::{MemberId, Revision};
use crate::limits::{AUDIENCE_BATCH_MS, REACTIONS_PER_BATCH_MAX};
use crate::room::{Event, LeaveReason, Reaction, Room};

/// What a room's members have been told so far, and what they have not.
#[derive(Debug)]
pub struct Publication {
    published: Revision,
    changes: Vec<(To, Change)>,
    is_urgent: bool,
    private: BTreeMap<MemberId, Private>,
    audience: Vec<Listener>,
    audience_count: u32,
    is_audience_dirty: bool,
    /// Whose place in the audience has changed since: told again even if it is what it was, for those who were given a
    /// snapshot in between.
    touched: BTreeSet<MemberId>,
    left: BTreeMap<MemberId, LeaveReason>,
    reactions: Vec<(MemberId, Reaction)>,
    batched_ms: u64,
}

/// Who may know of a change.
#[derive(Debug)]
enum To {
    Everybody,
    These(Vec<MemberId>),
}

impl To {
    fn includes(&self, member: MemberId) -> bool {
        match self {
            Self::Everybody => true,
            Self::These(members) => members.contains(&member),
        }
    }
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
            changes: Vec::new(),
            is_urgent: false,
            private: room.confidants().map(|member| (member, room.private_for(member))).collect(),
            audience: room.first_listeners(),
            audience_count: count(room.audience_count()),
            is_audience_dirty: false,
            touched: BTreeSet::new(),
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
                self.is_audience_dirty = true;
            }
            Event::MemberJoined { .. } | Event::StageJoined { .. } | Event::StageLeft { .. } => self.is_audience_dirty = true,
            Event::InvitationEnded { member, end } => {
                let those = core::iter::once(*member).chain(room.moderators()).collect();
                self.changes.push((To::These(those), Change::InvitationEnded { member: *member, end: *end }));
            }
            _ => {}
        }
        self.touched.extend(event.moves());
        match event.to_change(room) {
            Some(change) => self.changes.push((To::Everybody, change)),
            None => self.is_audience_dirty |= event.concerns_audience(),
        }
        self.is_urgent |= !event.concerns_audience();
    }

    /// When [`Publication::take`] has something to give, in Unix milliseconds: 0 for at once.
    #[must_use]
    pub fn due_ms(&self, room: &Room) -> Option<u64> {
        if self.is_urgent || !self.changes.is_empty() {
            return Some(0);
        }
        (self.published < room.revision()).then_some(self.batched_ms.saturating_add(AUDIENCE_BATCH_MS))
    }

    /// What everybody in the room is due at `now_ms`.
    #[must_use]
    pub fn take(&mut self, room: &Room, now_ms: u64) -> Option<Published> {
        if self.due_ms(room)? > now_ms {
            return None;
        }
        self.is_urgent = false;
        let changes = core::mem::take(&mut self.changes);
        let batch = self.take_batch(room, now_ms);
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
            Delta { from, to, changes: changes.chain(batch.iter().cloned()).chain(private).collect() }
        };
        let common = delta(&|to| matches!(to, To::Everybody), None);
        let personal =
            special.into_iter().map(|member| (member, delta(&|to| to.includes(member), private.get(&member)))).collect();
        Some(Published { common, personal })
    }

    /// Everybody's private part that is another one than what he was told last.
    fn take_private(&mut self, room: &Room) -> BTreeMap<MemberId, Private> {
        let now: BTreeMap<MemberId, Private> = room.confidants().map(|member| (member, room.private_for(member))).collect();
        let before = core::mem::replace(&mut self.private, now);
        let lost = before.keys().filter(|member| !self.private.contains_key(member)).map(|member| (*member, Private::default()));
        let changed = self.private.iter().filter(|(member, private)| before.get(member) != Some(private));
        changed.map(|(member, private)| (*member, private.clone())).chain(lost).collect()
    }

    fn take_batch(&mut self, room: &Room, now_ms: u64) -> Vec<Change> {
        let mut batch = Vec::new();
        if !self.reactions.is_empty() {
            self.batched_ms = now_ms;
            batch.push(Change::Reactions(core::mem::take(&mut self.reactions)));
        }
        if self.is_audience_dirty {
            batch.extend(self.take_audience(room, now_ms));
        }
        batch
    }

    fn take_audience(&mut self, room: &Room, now_ms: u64) -> Option<Change> {
        self.is_audience_dirty = false;
        self.batched_ms = now_ms;
        let (left, touched) = (core::mem::take(&mut self.left), core::mem::take(&mut self.touched));
        let audience = room.first_listeners();
        let audience_count = count(room.audience_count());
        let is_here = |member: MemberId| audience.iter().any(|new| new.member == member);
        let known: BTreeSet<MemberId> = self.audience.iter().map(|old| old.member).chain(touched.iter().copied()).collect();
        let gone = known.into_iter().filter(|old| !is_here(*old));
        let gone: Vec<_> = gone.map(|member| Gone { member, reason: left.get(&member).copied() }).collect();
        let is_news = |new: &&Listener| touched.contains(&new.member) || !self.audience.contains(new);
        let here: Vec<_> = audience.iter().filter(is_news).cloned().collect();
        let is_same = gone.is_empty() && here.is_empty() && audience_count == self.audience_count;
        self.audience = audience;
        self.audience_count = audience_count;
        (!is_same).then_some(Change::Audience { count: audience_count, gone, here })
    }
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
}
