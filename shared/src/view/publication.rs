//! When and in what portions a room's changes leave for its members.
//!
//! Changes of stage, hands and room leave at once. The audience's comings and goings are collected and leave at most
//! once in [`AUDIENCE_BATCH_MS`], as the difference between the part of the audience that views name then and now.

use alloc::vec::Vec;

use super::{Change, Delta, Listener, count};
use crate::ids::Revision;
use crate::limits::AUDIENCE_BATCH_MS;
use crate::room::{Event, Room};

/// What a room's members have been told so far, and what they have not.
#[derive(Debug)]
pub struct Publication {
    published: Revision,
    changes: Vec<Change>,
    audience: Vec<Listener>,
    audience_count: u32,
    audience_published_ms: u64,
    is_audience_dirty: bool,
}

impl Publication {
    /// For a room of which nobody has been told anything.
    #[must_use]
    pub fn new(room: &Room) -> Self {
        Self {
            published: room.revision(),
            changes: Vec::new(),
            audience: room.first_listeners(),
            audience_count: count(room.audience_count()),
            audience_published_ms: 0,
            is_audience_dirty: false,
        }
    }

    /// Notes an event that was just applied to `room`.
    pub fn record(&mut self, room: &Room, event: &Event) {
        match event.to_change(room) {
            Some(change) => self.changes.push(change),
            None => self.is_audience_dirty = true,
        }
        if matches!(event, Event::StageJoined { .. } | Event::StageLeft { .. }) {
            self.is_audience_dirty = true;
        }
    }

    /// When [`Publication::take`] has something to give, in Unix milliseconds: 0 for at once.
    #[must_use]
    pub fn due_ms(&self, room: &Room) -> Option<u64> {
        if !self.changes.is_empty() {
            return Some(0);
        }
        (self.published < room.revision()).then_some(self.audience_published_ms.saturating_add(AUDIENCE_BATCH_MS))
    }

    /// The delta that everybody in the room is due at `now_ms`.
    #[must_use]
    pub fn take(&mut self, room: &Room, now_ms: u64) -> Option<Delta> {
        if self.due_ms(room)? > now_ms {
            return None;
        }
        let mut changes = core::mem::take(&mut self.changes);
        if self.is_audience_dirty {
            changes.extend(self.take_audience(room, now_ms));
        }
        let from = core::mem::replace(&mut self.published, room.revision());
        Some(Delta { from, to: room.revision(), changes })
    }

    fn take_audience(&mut self, room: &Room, now_ms: u64) -> Option<Change> {
        self.is_audience_dirty = false;
        self.audience_published_ms = now_ms;
        let audience = room.first_listeners();
        let audience_count = count(room.audience_count());
        let gone: Vec<_> =
            self.audience.iter().map(|old| old.member).filter(|old| !audience.iter().any(|new| new.member == *old)).collect();
        let here: Vec<_> = audience.iter().filter(|new| !self.audience.contains(new)).cloned().collect();
        let is_same = gone.is_empty() && here.is_empty() && audience_count == self.audience_count;
        self.audience = audience;
        self.audience_count = audience_count;
        (!is_same).then_some(Change::Audience { count: audience_count, gone, here })
    }
}
