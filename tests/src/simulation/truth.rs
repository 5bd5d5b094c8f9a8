//! What the rooms truly are, revision by revision, and what may be on whose wire. Follows the server's journal and judges it by
//! rules of its own, which are written here once more as plainly as they can be.

mod spans;
mod voice;
mod wire;

use std::collections::BTreeMap;

use dais_shared::ids::{MemberId, Revision, RoomId, StreamId, UserId};
use dais_shared::limits::{INVITATION_MS, LEADERLESS_ROOM_MS, SEAT_GRACE_MS, STORE_RETRY_MS};
use dais_shared::room::{Event, InvitationEnd, LeaveReason, MicrophoneSetBy, Room, RoomEndReason};

use voice::Audible;
use wire::Ear;

/// What was violated, in a sentence.
pub(super) type Checked = Result<(), String>;

/// The runtime's timers are as fine as this, and a room judges by when it woke.
const SLACK_MS: u64 = 5;

/// After so long on a disk that is well again everything is on it: the store has tried again, and the rooms have handed over
/// what they had decided meanwhile, behind the slowest commit that [`Truth`] is told of and with another such.
const RECOVERS_MS: u64 = STORE_RETRY_MS + 2 * COMMIT_MS_MAX + 100;
/// No disk is slower.
pub(super) const COMMIT_MS_MAX: u64 = 1_500;

/// One room, as it is and as it was.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) room: Room,
    history: BTreeMap<Revision, Room>,
    /// As it was when servers before this one died, and when by their clocks. Of one that has kept nothing since, the store
    /// has still what the one before had.
    lives: Vec<(Room, u64)>,
    voices: BTreeMap<StreamId, Audible>,
    /// The newest revision that is on anybody's wire.
    told: Revision,
    /// The disk fails, or has not been well for long enough: what is told may be lost.
    may_lose: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// By the server's clock, which is another after each start.
    pub(super) now_ms: u64,
    /// By the simulation's.
    pub(super) true_ms: u64,
    /// When a room changed last, by that.
    pub(super) changed_ms: u64,
    pub(super) rooms: BTreeMap<RoomId, Known>,
    ears: BTreeMap<u64, Ear>,
    /// Counts changes of rooms: a frame's first byte stands between two of them.
    epoch: u64,
    /// How often each person has asked for an open microphone and has not got it yet.
    unmutes: BTreeMap<UserId, u32>,
    is_disk_failing: bool,
    /// Since when it is well, by the simulation's clock.
    well_ms: u64,
    is_server_dead: bool,
    /// When it died, by its own clock.
    died_ms: u64,
}

impl Truth {
    /// A person clicks to be heard.
    pub(super) fn note_unmute(&mut self, user: UserId) {
        *self.unmutes.entry(user).or_default() += 1;
    }

    /// And is refused.
    pub(super) fn note_unmute_denied(&mut self, user: UserId) {
        let asked = self.unmutes.entry(user).or_default();
        *asked = asked.saturating_sub(1);
    }

    /// The disk fails, or is well. The server finds out when it next writes, and tells what that was to keep all the same: of
    /// rooms that there are, and of rooms that begin before it knows.
    pub(super) fn note_disk(&mut self, is_failing: bool) {
        self.is_disk_failing = is_failing;
        if !is_failing {
            self.well_ms = self.true_ms;
        } else if !self.is_server_dead {
            for known in self.rooms.values_mut() {
                known.may_lose = true;
            }
        }
    }

    /// The server was killed: it holds nothing in memory, and nobody listens to it.
    pub(super) fn note_crash(&mut self) {
        self.ears.clear();
        self.is_server_dead = true;
        self.died_ms = self.now_ms;
        let has_recovered = !self.is_disk_failing && self.true_ms >= self.well_ms + RECOVERS_MS;
        for known in self.rooms.values_mut() {
            known.may_lose &= !has_recovered;
            for voice in known.voices.values_mut() {
                voice.close(self.epoch, self.now_ms);
            }
        }
    }

    /// What was kept is all there; rooms that it has not were over.
    pub(super) fn check_kept(&mut self, begun: &[RoomId]) -> Checked {
        self.is_server_dead = false;
        let lost = self.rooms.iter().filter(|(id, known)| known.room.ended().is_none() && !begun.contains(id));
        let lost: Vec<_> = lost.filter(|(_, known)| known.told > Revision(0) && !known.may_lose).map(|(id, _)| id).collect();
        if lost.is_empty() { Ok(()) } else { Err(format!("rooms {lost:?} did not survive")) }?;
        self.rooms.retain(|id, known| known.room.ended().is_some() || begun.contains(id));
        Ok(())
    }

    /// A room is at work.
    pub(super) fn began(&mut self, room: &Room) -> Checked {
        let (mut history, mut lives, mut told) = (BTreeMap::new(), Vec::new(), Revision(0));
        if let Some(known) = self.rooms.remove(room.id()) {
            if room.revision() < known.told && !known.may_lose {
                return Err(format!("revision {} was told, and {} is what survived", known.told, room.revision()));
            }
            lives = known.lives;
            lives.retain(|(life, _)| life.revision() == room.revision());
            if let Some(kept) = known.history.get(&room.revision()) {
                let began_ms = self.now_ms;
                let goes_on = |(life, died_ms): &(Room, u64)| spans::check_gone_on(life, room, *died_ms, began_ms);
                if !known.may_lose && !lives.iter().any(|life| goes_on(life).is_ok()) {
                    spans::check_gone_on(kept, room, self.died_ms, began_ms)?;
                }
                lives.push((kept.clone(), self.died_ms));
            }
            (history, told) = (known.history, known.told.min(room.revision()));
        }
        history.insert(room.revision(), room.clone());
        let may_lose = self.is_disk_failing;
        let known = Known { room: room.clone(), history, lives, voices: BTreeMap::new(), told, may_lose };
        self.rooms.insert(room.id().clone(), known);
        Ok(())
    }

    /// The room's next change.
    pub(super) fn applied(&mut self, id: &RoomId, event: &Event) -> Checked {
        self.epoch += 1;
        let (now_ms, epoch) = (self.now_ms, self.epoch);
        self.changed_ms = self.true_ms;
        let known = self.rooms.get_mut(id).ok_or("a change of a room that nobody began")?;
        check_time(&known.room, event, now_ms)?;
        if let Event::MicrophoneSet { member, self_muted: false, by, .. } = event {
            let seat = known.room.seat(*member).ok_or("a microphone without a seat")?;
            if seat.stage.as_ref().is_some_and(|stage| stage.self_muted) {
                let asked = self.unmutes.entry(seat.user).or_default();
                if *by != MicrophoneSetBy::Member || *asked == 0 {
                    return Err(format!("the microphone of {member} opened, by {by:?}, and he asked for it {asked} times"));
                }
                *asked -= 1;
            }
        }
        known.room.apply(event);
        known.history.insert(known.room.revision(), known.room.clone());
        known.follow_voices(epoch, now_ms);
        if let Event::MemberLeft { member, .. } = event {
            for ear in self.ears.values_mut() {
                ear.left(id, *member, epoch);
            }
        }
        Ok(())
    }

    /// The room a view shows, as it was at its revision.
    pub(super) fn at(&self, id: &RoomId, revision: Revision) -> Option<&Room> {
        self.rooms.get(id)?.history.get(&revision)
    }

    /// Nothing is overdue.
    pub(super) fn check_deadlines(&self) -> Checked {
        let is_over = |deadline_ms: u64| deadline_ms + SLACK_MS < self.now_ms;
        for (id, Known { room, .. }) in self.rooms.iter().filter(|(_, known)| known.room.ended().is_none()) {
            if let Some(invitation) = room.invitations().find(|invitation| is_over(invitation.expires_ms)) {
                return Err(format!("{id}: the invitation of {} should be over", invitation.member));
            }
            let held = room.seats().find(|(_, seat)| seat.held_until_ms.is_some_and(is_over));
            if let Some((member, _)) = held {
                return Err(format!("{id}: the seat of {member} should be given up"));
            }
            if room.ends_at_ms().is_some_and(is_over) {
                return Err(format!("{id}: the room should have ended"));
            }
            if room.has_begun() && room.seats().count() == 0 && room.ends_at_ms().is_none() {
                return Err(format!("{id}: empty, and nothing ends it"));
            }
        }
        Ok(())
    }

    /// Whether a frame of a stream that reached the server then was lawful.
    pub(super) fn was_audible(&self, id: &RoomId, stream: StreamId, at_ms: u64) -> bool {
        let audible = self.rooms.get(id).and_then(|known| known.voices.get(&stream));
        audible.is_some_and(|audible| audible.includes_ms(at_ms))
    }

    /// When a stream was silent for the first time from `from_ms` on.
    pub(super) fn silent_from(&self, id: &RoomId, stream: StreamId, from_ms: u64) -> Option<u64> {
        self.rooms.get(id)?.voices.get(&stream)?.silent_from(from_ms)
    }
}

impl Known {
    /// Brings up to date who may be heard: by the seats, and by nothing that the server asks.
    fn follow_voices(&mut self, epoch: u64, now_ms: u64) {
        let is_over = self.room.ended().is_some();
        let audible = |stream: StreamId| {
            let stages = self.room.seats().filter_map(|(_, seat)| seat.stage.as_ref());
            !is_over && stages.filter(|stage| stage.stream == stream).any(|stage| !stage.self_muted && !stage.host_muted)
        };
        for (stream, voice) in &mut self.voices {
            if !audible(*stream) {
                voice.close(epoch, now_ms);
            }
        }
        for (member, seat) in self.room.seats() {
            if let Some(stage) = seat.stage.as_ref().filter(|stage| audible(stage.stream)) {
                self.voices.entry(stage.stream).or_insert_with(|| Audible::new(member)).open(epoch, now_ms);
            }
        }
    }

    fn moderates(&self, member: MemberId, from: Revision, to: Revision) -> bool {
        self.history.range(from..=to).any(|(_, room)| {
            let role = room.seat(member).map(|seat| seat.role);
            matches!(role, Some(dais_shared::permissions::Role::Host | dais_shared::permissions::Role::CoHost))
        })
    }
}

/// Whether a change that follows from the time comes at its time, and whether one that begins a time gives it its length.
fn check_time(room: &Room, event: &Event, now_ms: u64) -> Checked {
    let is_now = |at_ms: u64, what: &str| {
        let is_close = at_ms.abs_diff(now_ms) <= SLACK_MS;
        if is_close { Ok(()) } else { Err(format!("{what}: {at_ms} where it is {now_ms}: {event:?}")) }
    };
    match event {
        Event::Invited(invitation) => is_now(invitation.expires_ms - INVITATION_MS, "an invitation's length"),
        Event::ConnectionLost { held_until_ms, .. } => is_now(held_until_ms - SEAT_GRACE_MS, "a seat's grace"),
        Event::Leaderless { ends_at_ms } => is_now(ends_at_ms - LEADERLESS_ROOM_MS, "a room's countdown"),
        Event::InvitationEnded { member, end: InvitationEnd::Expired } => {
            let invitation = room.invitation_of(*member).ok_or("nobody was invited")?;
            is_now(invitation.expires_ms, "an invitation's end")
        }
        Event::MemberLeft { member, reason: LeaveReason::TimedOut, .. } => {
            let held = room.seat(*member).and_then(|seat| seat.held_until_ms).ok_or("the seat was not held")?;
            is_now(held, "the end of a seat's grace")
        }
        Event::RoomEnded(RoomEndReason::Leaderless) => {
            is_now(room.ends_at_ms().ok_or("somebody moderated")?, "the end of a room's countdown")
        }
        _ => Ok(()),
    }
}
