//! All that a room holds, laid open for whoever keeps it.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Ban, Block, Claim, Departed, ErasedBan, Invitation, Message, RaisedHand, Room, Seat, Settings};
use crate::ids::{MemberId, Revision, RoomId, UserId};
use crate::limits::{HOST_AWAITED_MS_MAX, INVITATION_MS, LEADERLESS_ROOM_MS, REENTRY_BLOCK_MS, TIME_OFF_MS_MAX};

/// The numbers that are given out next. None is ever given out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// For a seat.
    pub member: u32,
    /// For a stay on stage.
    pub stream: u32,
    /// For an invitation.
    pub invitation: u32,
    /// For a chat message.
    pub message: u32,
}

/// A live room, field by field. What follows from the others is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: RoomId,
    /// What everybody may know of it; whether there is a passcode follows from the next.
    pub settings: Settings,
    /// What newcomers have to say.
    pub passcode: Option<String>,
    /// Who created it.
    pub founder: UserId,
    /// Who worded the title, where that is known.
    pub title_by: Option<UserId>,
    /// And what the room is about.
    pub topic_by: Option<UserId>,
    /// When it was made, in Unix milliseconds, where that is known.
    pub created_ms: Option<u64>,
    /// How many changes it has seen.
    pub revision: Revision,
    /// Every seat.
    pub seats: Vec<(MemberId, Seat)>,
    /// First raised first.
    pub hands: Vec<RaisedHand>,
    /// Under way.
    pub invitations: Vec<Invitation>,
    /// Whom the host wants to be the host after him.
    pub successor: Option<MemberId>,
    /// Hosts who vanished, the first to vanish first.
    pub claims: Vec<Claim>,
    /// Whom a moderator muted and who has left the stage, longest gone first.
    pub muted_away: Vec<UserId>,
    /// In the order of the kicks.
    pub blocks: Vec<Block>,
    /// Longest banned first.
    pub bans: Vec<Ban>,
    /// Longest erased first.
    pub erased_bans: Vec<ErasedBan>,
    /// Longest gone first.
    pub departed: Vec<Departed>,
    /// Oldest first.
    pub messages: Vec<Message>,
    /// See there.
    pub counters: Counters,
    /// When a room without a moderator ends, in Unix milliseconds.
    pub ends_at_ms: Option<u64>,
}

impl Room {
    /// A room as it was. Whoever kept the record answers for it.
    #[must_use]
    pub fn restore(record: Record) -> Self {
        let Record { id, settings, passcode, founder, revision, seats, hands, invitations, successor, claims, .. } = record;
        Self {
            id,
            settings: Settings { has_passcode: passcode.is_some(), ..settings },
            passcode,
            founder,
            title_by: record.title_by,
            topic_by: record.topic_by,
            created_ms: record.created_ms,
            revision,
            seat_by_user: seats.iter().map(|(member, seat)| (seat.user, *member)).collect(),
            seats: seats.into_iter().collect(),
            hands,
            invitations: invitations.into_iter().map(|invitation| (invitation.member, invitation)).collect(),
            successor,
            claims,
            muted_away: record.muted_away,
            blocks: record.blocks,
            bans: record.bans,
            erased_bans: record.erased_bans,
            departed: VecDeque::from(record.departed),
            messages: VecDeque::from(record.messages),
            next_member: record.counters.member,
            next_stream: record.counters.stream,
            next_invitation: record.counters.invitation,
            next_message: record.counters.message,
            ends_at_ms: record.ends_at_ms,
            ended: None,
        }
    }

    /// The server was down, and no connection has outlived it: every seat counts as connected until its loss is decided anew.
    ///
    /// What is left of every span goes on at `now_ms`, whatever the date was when it began and is now: `seen_ms` is the last
    /// time of the run before. Nobody could come back meanwhile, so that what was off is no part of it. None is longer than
    /// it can be, and a room without a moderator is given its time once more.
    pub fn begin_anew(&mut self, seen_ms: u64, now_ms: u64) {
        for seat in self.seats.values_mut() {
            seat.held_until_ms = None;
        }
        let go_on = |until_ms: &mut u64, ms_min: u64, ms_max: u64| {
            *until_ms = now_ms + until_ms.saturating_sub(seen_ms).clamp(ms_min, ms_max);
        };
        self.blocks.retain(|block| block.until_ms > seen_ms);
        self.claims.retain(|claim| claim.until_ms > seen_ms);
        self.blocks.iter_mut().for_each(|block| go_on(&mut block.until_ms, 0, REENTRY_BLOCK_MS));
        self.claims.iter_mut().for_each(|claim| go_on(&mut claim.until_ms, 0, HOST_AWAITED_MS_MAX));
        self.invitations.values_mut().for_each(|invitation| go_on(&mut invitation.expires_ms, 0, INVITATION_MS));
        if let Some(ends_at_ms) = &mut self.ends_at_ms {
            go_on(ends_at_ms, LEADERLESS_ROOM_MS, HOST_AWAITED_MS_MAX);
        }
        self.move_stays(seen_ms, now_ms);
    }

    /// Where the date has jumped, who is here has been here for as long as before: who is the host's successor hangs on it.
    fn move_stays(&mut self, seen_ms: u64, now_ms: u64) {
        if (seen_ms..=seen_ms.saturating_add(TIME_OFF_MS_MAX)).contains(&now_ms) {
            return;
        }
        let go_on = |since_ms: &mut u64| *since_ms = now_ms.saturating_sub(seen_ms.saturating_sub(*since_ms));
        for seat in self.seats.values_mut() {
            go_on(&mut seat.joined_ms);
            if let Some(stage) = &mut seat.stage {
                go_on(&mut stage.since_ms);
                go_on(&mut stage.role_since_ms);
            }
        }
        self.hands.iter_mut().for_each(|hand| go_on(&mut hand.raised_ms));
    }

    /// What newcomers have to say.
    #[must_use]
    pub fn passcode(&self) -> Option<&str> {
        self.passcode.as_deref()
    }

    /// Who created the room.
    #[must_use]
    pub const fn founder(&self) -> UserId {
        self.founder
    }

    /// Hosts who vanished and may have the chair back, the first to vanish first.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Whom a moderator muted and who has left the stage since, longest gone first.
    #[must_use]
    pub fn muted_away(&self) -> &[UserId] {
        &self.muted_away
    }

    /// The numbers that are given out next.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        Counters {
            member: self.next_member,
            stream: self.next_stream,
            invitation: self.next_invitation,
            message: self.next_message,
        }
    }
}
