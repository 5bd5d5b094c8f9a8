//! What a change does. Cannot fail: whoever may refuse is `decide`. An event about a seat that is gone does nothing
//! but count.

use super::{Block, Claim, Departed, Event, MicrophoneState, RaisedHand, Room, Seat, Setting, StageEntry, StageSeat};
use crate::ids::{MemberId, StreamId, UserId};
use crate::limits::{BANS_MAX, BLOCKS_MAX, CLAIMS_MAX, DEPARTED_KEPT_MAX, MESSAGES_KEPT_MAX, MUTED_AWAY_MAX};
use crate::permissions::Role;

impl Room {
    /// Makes the change and counts the revision.
    pub fn apply(&mut self, event: &Event) {
        self.revision = self.revision.next();
        match event {
            Event::MemberJoined { .. }
            | Event::MemberLeft { .. }
            | Event::ConnectionLost { .. }
            | Event::ConnectionBack { .. } => {
                self.apply_presence(event);
            }
            Event::HandRaised { member, at_ms, .. } => {
                if !self.has_hand_raised(*member) {
                    self.hands.push(RaisedHand { member: *member, raised_ms: *at_ms });
                }
            }
            Event::HandLowered { member, .. } => self.hands.retain(|hand| hand.member != *member),
            Event::Invited(invitation) => {
                self.next_invitation = self.next_invitation.max(invitation.id.0 + 1);
                self.invitations.insert(invitation.member, *invitation);
            }
            Event::InvitationEnded { member, .. } => drop(self.invitations.remove(member)),
            Event::StageJoined { member, role, stream, entry, at_ms } => {
                self.enter_stage(*member, *role, *stream, *entry, *at_ms);
            }
            Event::StreamRenewed { member, stream } => {
                self.next_stream = self.next_stream.max(stream.0 + 1);
                self.with_stage(*member, |stage| stage.stream = *stream);
            }
            Event::StageLeft { member, .. } => self.leave_stage(*member),
            Event::MicrophoneSet { member, self_muted, host_muted, .. } => self.with_stage(*member, |stage| {
                stage.self_muted = *self_muted;
                stage.host_muted = *host_muted;
            }),
            Event::MicrophoneReported { member, state } => {
                self.with_stage(*member, |stage| stage.microphone = *state);
            }
            Event::CoHostSet { member, is_co_host, at_ms } => {
                self.give_role(*member, if *is_co_host { Role::CoHost } else { Role::Speaker }, *at_ms);
            }
            Event::HostChanged { member, at_ms, .. } => self.change_host(*member, *at_ms),
            Event::SuccessorNamed(successor) => self.successor = *successor,
            Event::ChairKept { user, until_ms } => self.keep_chair(Claim { user: *user, until_ms: *until_ms }),
            Event::Leaderless { ends_at_ms } => self.ends_at_ms = Some(*ends_at_ms),
            Event::Blocked(_) | Event::Banned(_) | Event::Unbanned(_) => self.apply_exclusion(event),
            Event::SettingChanged { setting, by } => self.change_setting(setting, *by),
            Event::PasscodeSet(passcode) => {
                self.passcode.clone_from(passcode);
                self.settings.has_passcode = passcode.is_some();
            }
            Event::MessagePosted(message) => {
                self.next_message = self.next_message.max(message.id.0 + 1);
                self.messages.push_back(message.clone());
                while self.messages.len() > MESSAGES_KEPT_MAX {
                    self.messages.pop_front();
                }
            }
            Event::MessageRemoved(id) => {
                if let Some(message) = self.messages.iter_mut().find(|message| message.id == *id) {
                    message.text = None;
                }
            }
            Event::Reacted { .. } => {}
            Event::Erased { user, ban } => self.erase(*user, ban.as_ref()),
            Event::RoomEnded(reason) => self.ended = Some(*reason),
        }
    }

    fn change_setting(&mut self, setting: &Setting, by: UserId) {
        let author = Some(by).filter(|by| *by != UserId::NOBODY);
        match setting {
            Setting::Title(_) => self.title_by = author,
            Setting::Topic(_) => self.topic_by = author,
            _ => {}
        }
        self.settings.set(setting);
    }

    fn apply_presence(&mut self, event: &Event) {
        match event {
            Event::MemberJoined { member, user, name, likeness, address, at_ms } => {
                let seat = Seat {
                    user: *user,
                    name: name.clone(),
                    likeness: likeness.clone(),
                    address: *address,
                    role: Role::Listener,
                    stage: None,
                    joined_ms: *at_ms,
                    held_until_ms: None,
                };
                self.seats.insert(*member, seat);
                self.seat_by_user.insert(*user, *member);
                self.departed.retain(|departed| departed.user != *user);
                self.next_member = self.next_member.max(member.0 + 1);
            }
            Event::MemberLeft { member, role, at_ms, .. } => self.remove_seat(*member, *role, *at_ms),
            Event::ConnectionLost { member, held_until_ms } => self.with_seat(*member, |seat| {
                seat.held_until_ms = Some(*held_until_ms);
            }),
            Event::ConnectionBack { member } => self.with_seat(*member, |seat| seat.held_until_ms = None),
            _ => {}
        }
    }

    fn remove_seat(&mut self, member: MemberId, role: Role, at_ms: u64) {
        self.hands.retain(|hand| hand.member != member);
        self.invitations.remove(&member);
        if self.successor == Some(member) {
            self.successor = None;
        }
        let Some(seat) = self.seats.remove(&member) else { return };
        self.seat_by_user.remove(&seat.user);
        self.remember_mute(&seat);
        let Seat { user, name, likeness, address, .. } = seat;
        self.departed.push_back(Departed { user, name, likeness, address, role, at_ms });
        // Whoever the chair waits for has his name kept with it, however many leave after him.
        let is_awaited = |gone: &Departed| self.claims.iter().any(|claim| claim.user == gone.user && claim.until_ms > at_ms);
        while self.departed.iter().filter(|gone| !is_awaited(gone)).count() > DEPARTED_KEPT_MAX {
            let Some(place) = self.departed.iter().position(|gone| !is_awaited(gone)) else { break };
            self.departed.remove(place);
        }
    }

    fn apply_exclusion(&mut self, event: &Event) {
        match event {
            Event::Blocked(block) => self.add_block(*block),
            Event::Banned(ban) => {
                self.bans.retain(|other| other.user != ban.user);
                self.bans.push(ban.clone());
                if self.bans.len() > BANS_MAX {
                    self.bans.remove(0);
                }
            }
            Event::Unbanned(user) => {
                self.bans.retain(|ban| ban.user != *user);
                self.erased_bans.retain(|ban| ban.handle() != *user);
            }
            _ => {}
        }
    }

    fn add_block(&mut self, block: Block) {
        self.blocks.retain(|other| other.user != block.user);
        self.blocks.push(block);
        if self.blocks.len() > BLOCKS_MAX
            && let Some((soonest, _)) = self.blocks.iter().enumerate().min_by_key(|(_, block)| block.until_ms)
        {
            self.blocks.remove(soonest);
        }
    }

    fn enter_stage(&mut self, member: MemberId, role: Role, stream: StreamId, entry: StageEntry, at_ms: u64) {
        self.next_stream = self.next_stream.max(stream.0 + 1);
        self.hands.retain(|hand| hand.member != member);
        self.invitations.remove(&member);
        let user = self.seats.get(&member).map(|seat| seat.user);
        if entry == StageEntry::Host {
            self.ends_at_ms = None;
            // Whoever was host in his place, and vanished, has no claim before him.
            if let Some(place) = self.claims.iter().position(|claim| Some(claim.user) == user) {
                self.claims.truncate(place);
            }
        }
        let was_muted = self.muted_away.iter().any(|muted| Some(*muted) == user);
        self.muted_away.retain(|muted| Some(*muted) != user);
        self.with_seat(member, |seat| {
            seat.role = role;
            seat.stage = Some(StageSeat {
                stream,
                since_ms: at_ms,
                role_since_ms: at_ms,
                self_muted: true,
                // Whom a moderator calls up may speak; whoever comes of himself is as muted as he left.
                host_muted: was_muted && entry == StageEntry::TookSeat,
                microphone: MicrophoneState::Closed,
            });
        });
    }

    fn leave_stage(&mut self, member: MemberId) {
        if self.successor == Some(member) {
            self.successor = None;
        }
        if let Some(seat) = self.seats.get(&member).cloned() {
            self.remember_mute(&seat);
        }
        self.with_seat(member, |seat| {
            seat.role = Role::Listener;
            seat.stage = None;
        });
    }

    fn remember_mute(&mut self, seat: &Seat) {
        if seat.stage.as_ref().is_some_and(|stage| stage.host_muted) {
            self.muted_away.push(seat.user);
            if self.muted_away.len() > MUTED_AWAY_MAX {
                self.muted_away.remove(0);
            }
        }
    }

    fn keep_chair(&mut self, claim: Claim) {
        self.claims.retain(|other| other.user != claim.user);
        self.claims.push(claim);
        if self.claims.len() > CLAIMS_MAX {
            self.claims.remove(0);
        }
    }

    fn change_host(&mut self, member: MemberId, at_ms: u64) {
        if let Some(former) = self.host().filter(|former| *former != member) {
            self.give_role(former, Role::CoHost, at_ms);
        }
        self.give_role(member, Role::Host, at_ms);
        // Being a moderator and being muted by one do not go together: nobody would be left to lift it.
        self.with_stage(member, |stage| stage.host_muted = false);
        self.ends_at_ms = None;
        self.successor = None;
    }

    fn give_role(&mut self, member: MemberId, role: Role, at_ms: u64) {
        self.with_seat(member, |seat| {
            if let Some(stage) = &mut seat.stage {
                stage.role_since_ms = at_ms;
                seat.role = role;
            }
        });
    }

    fn with_seat(&mut self, member: MemberId, change: impl FnOnce(&mut Seat)) {
        if let Some(seat) = self.seats.get_mut(&member) {
            change(seat);
        }
    }

    fn with_stage(&mut self, member: MemberId, change: impl FnOnce(&mut StageSeat)) {
        if let Some(stage) = self.seats.get_mut(&member).and_then(|seat| seat.stage.as_mut()) {
            change(stage);
        }
    }
}
