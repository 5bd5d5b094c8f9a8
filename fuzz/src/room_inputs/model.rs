//! The rules of a room once more, after docs/permissions.md and docs/protocol.md, small and slow: whom they allow what
//! ([`Model::forbids`], in `model/law.rs`), and what comes of it ([`Model::carry_out`]). Shares no code with `Room` but the
//! names of its refusals.

mod law;

use super::step::{Act, Person, Step, Upon};

/// What docs/protocol.md says of deadlines, in milliseconds.
const INVITATION_MS: u64 = 60_000;
const SEAT_HELD_MS: u64 = 30_000;
const REENTRY_BLOCK_MS: u64 = 60_000;
const LEADERLESS_MS: u64 = 120_000;
const CHAIR_KEPT_MS: u64 = 600_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Listener,
    Speaker,
    CoHost,
    Host,
}

#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) who: Person,
    pub(super) rank: Rank,
    /// Since when, for the order in which the chair passes on.
    ranked_ms: u64,
    pub(super) self_muted: bool,
    pub(super) host_muted: bool,
    pub(super) held_until_ms: Option<u64>,
}

impl Seat {
    pub(super) fn is_on_stage(&self) -> bool {
        self.rank > Rank::Listener
    }

    pub(super) fn is_audible(&self) -> bool {
        self.is_on_stage() && !self.self_muted && !self.host_muted
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Invitation {
    pub(super) who: Person,
    pub(super) expires_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Kicked {
    who: Person,
    until_ms: u64,
}

/// The ways on stage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    CalledUp,
    TookSeat,
    InTheChair,
}

/// How somebody is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exit {
    OnPurpose,
    Vanished,
    PutOut,
}

#[derive(Debug)]
pub(super) struct Model {
    stage_seats: usize,
    room_seats: usize,
    blocks_addresses: bool,
    /// In the order in which they were taken.
    pub(super) seats: Vec<Seat>,
    /// First raised first.
    pub(super) hands: Vec<Person>,
    pub(super) invitations: Vec<Invitation>,
    pub(super) successor: Option<Person>,
    /// For whom, until when; who vanished first stands first.
    chairs_kept: Vec<(Person, u64)>,
    muted_away: Vec<Person>,
    kicked: Vec<Kicked>,
    pub(super) banned: Vec<Person>,
    gone: Vec<(Person, Rank)>,
    /// Who wrote each message, and whether it is still there.
    pub(super) messages: Vec<(Person, bool)>,
    pub(super) is_open: bool,
    pub(super) takes_hands: bool,
    pub(super) takes_messages: bool,
    pub(super) is_locked: bool,
    pub(super) has_passcode: bool,
    pub(super) ends_at_ms: Option<u64>,
    pub(super) has_ended: bool,
}

impl Model {
    pub(super) fn new(stage_seats: usize, room_seats: usize, blocks_addresses: bool) -> Self {
        Self {
            stage_seats,
            room_seats,
            blocks_addresses,
            seats: vec![],
            hands: vec![],
            invitations: vec![],
            successor: None,
            chairs_kept: vec![],
            muted_away: vec![],
            kicked: vec![],
            banned: vec![],
            gone: vec![],
            messages: vec![],
            is_open: false,
            takes_hands: true,
            takes_messages: true,
            is_locked: false,
            has_passcode: false,
            ends_at_ms: None,
            has_ended: false,
        }
    }

    pub(super) fn seat(&self, who: Person) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.who == who)
    }

    fn seat_mut(&mut self, who: Person) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.who == who)
    }

    pub(super) fn host(&self) -> Option<Person> {
        self.seats.iter().find(|seat| seat.rank == Rank::Host).map(|seat| seat.who)
    }

    pub(super) fn stage(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().filter(|seat| seat.is_on_stage())
    }

    pub(super) fn invitation(&self, who: Person) -> Option<Invitation> {
        self.invitations.iter().find(|invitation| invitation.who == who).copied()
    }

    /// When something is to be judged that nobody asks for.
    pub(super) fn next_deadline_ms(&self) -> Option<u64> {
        if self.has_ended {
            return None;
        }
        let seats = self.seats.iter().filter_map(|seat| seat.held_until_ms);
        seats.chain(self.invitations.iter().map(|invitation| invitation.expires_ms)).chain(self.ends_at_ms).min()
    }

    /// What has come due by now.
    pub(super) fn judge_deadlines(&mut self, now_ms: u64) {
        if self.ends_at_ms.is_some_and(|ends_ms| ends_ms <= now_ms) {
            self.has_ended = true;
            return;
        }
        self.invitations.retain(|invitation| invitation.expires_ms > now_ms);
        let overdue = |seat: &&Seat| seat.held_until_ms.is_some_and(|until_ms| until_ms <= now_ms);
        while let Some(who) = self.seats.iter().filter(overdue).min_by_key(|seat| seat.held_until_ms).map(|seat| seat.who) {
            self.give_up(who, Exit::Vanished, now_ms);
        }
    }

    /// What a step that nothing forbids comes to.
    pub(super) fn carry_out(&mut self, step: &Step, now_ms: u64) {
        match *step {
            Step::Join { who, microphone_open, .. } => self.join(who, microphone_open, now_ms),
            Step::Lose(who) => {
                if let Some(seat) = self.seat_mut(who).filter(|seat| seat.held_until_ms.is_none()) {
                    seat.held_until_ms = Some(now_ms + SEAT_HELD_MS);
                }
            }
            Step::Leave(who) => self.give_up(who, Exit::OnPurpose, now_ms),
            Step::Ask(Some(who), act) => self.act(who, act, now_ms),
            Step::Ask(None, _) | Step::Pass { .. } | Step::AcceptLate(_) | Step::Resync(_) => {}
        }
    }

    fn join(&mut self, who: Person, microphone_open: bool, now_ms: u64) {
        if let Some(seat) = self.seat_mut(who) {
            seat.held_until_ms = None;
            seat.self_muted |= !microphone_open;
            return;
        }
        let has_chair = self.has_chair(who, now_ms);
        self.gone.retain(|(gone, _)| *gone != who);
        let held_until_ms = None;
        let seat = Seat { who, rank: Rank::Listener, ranked_ms: now_ms, self_muted: false, host_muted: false, held_until_ms };
        self.seats.push(seat);
        if has_chair {
            // Whoever was host in his place, and vanished, has no claim before him.
            if let Some(place) = self.chairs_kept.iter().position(|(kept, _)| *kept == who) {
                self.chairs_kept.truncate(place);
            }
            self.enter(who, Entry::InTheChair, now_ms);
        }
    }

    /// Whether the chair is his who comes in: kept for him, or free and he founded the room.
    fn has_chair(&self, who: Person, now_ms: u64) -> bool {
        let is_kept = self.chairs_kept.iter().any(|(kept, until_ms)| *kept == who && now_ms < *until_ms);
        is_kept || (who == Person::FOUNDER && self.host().is_none())
    }

    /// On stage everybody arrives muted by himself; and whoever comes on stage while the chair is free sits in it.
    fn enter(&mut self, who: Person, entry: Entry, now_ms: u64) {
        self.hands.retain(|hand| *hand != who);
        self.invitations.retain(|invitation| invitation.who != who);
        let was_muted = self.muted_away.contains(&who);
        self.muted_away.retain(|muted| *muted != who);
        let seat = self.seat_mut(who).expect("only a member comes on stage");
        seat.rank = Rank::Speaker;
        seat.ranked_ms = now_ms;
        seat.self_muted = true;
        seat.host_muted = was_muted && entry == Entry::TookSeat;
        if entry == Entry::InTheChair || self.host().is_none() {
            self.seat_host(who, now_ms);
        }
    }

    /// The chair is his, and whoever sat in it is a co-host.
    fn seat_host(&mut self, who: Person, now_ms: u64) {
        for seat in &mut self.seats {
            if seat.who == who {
                seat.rank = Rank::Host;
                seat.ranked_ms = now_ms;
                seat.host_muted = false;
            } else if seat.rank == Rank::Host {
                seat.rank = Rank::CoHost;
                seat.ranked_ms = now_ms;
            }
        }
        self.ends_at_ms = None;
        self.successor = None;
    }

    fn leave_stage(&mut self, who: Person) {
        if self.successor == Some(who) {
            self.successor = None;
        }
        let Some(seat) = self.seat_mut(who) else { return };
        let was_muted = std::mem::take(&mut seat.host_muted);
        seat.rank = Rank::Listener;
        seat.self_muted = false;
        if was_muted {
            self.muted_away.push(who);
        }
    }

    /// A seat in the room is given up, with all that hangs on it.
    fn give_up(&mut self, who: Person, exit: Exit, now_ms: u64) {
        let Some(seat) = self.seat(who).cloned() else { return };
        let named = self.successor.filter(|named| *named != who);
        self.leave_stage(who);
        self.hands.retain(|hand| *hand != who);
        self.invitations.retain(|invitation| invitation.who != who);
        self.seats.retain(|seat| seat.who != who);
        self.gone.push((who, seat.rank));
        let was_host = seat.rank == Rank::Host;
        if was_host && exit == Exit::Vanished {
            let vanished_ms = seat.held_until_ms.unwrap_or(now_ms) - SEAT_HELD_MS;
            self.chairs_kept.retain(|(kept, _)| *kept != who);
            self.chairs_kept.push((who, vanished_ms + CHAIR_KEPT_MS));
        }
        let is_chair_kept = self.chairs_kept.iter().any(|(_, until_ms)| now_ms < *until_ms);
        if self.seats.is_empty() && exit != Exit::Vanished && !is_chair_kept {
            self.has_ended = true;
        } else if was_host {
            match self.heir(named) {
                Some(heir) => self.seat_host(heir, now_ms),
                None => self.ends_at_ms = Some(now_ms + LEADERLESS_MS),
            }
        }
    }

    /// Those present before those who are not; whom the host named, the longest-serving co-host, the longest-serving speaker.
    fn heir(&self, named: Option<Person>) -> Option<Person> {
        let mut heirs: Vec<&Seat> = self.stage().collect();
        heirs.sort_by_key(|seat| seat.ranked_ms);
        heirs.sort_by_key(|seat| match seat.rank {
            _ if named == Some(seat.who) => 0,
            Rank::CoHost | Rank::Host => 1,
            Rank::Speaker | Rank::Listener => 2,
        });
        heirs.sort_by_key(|seat| seat.held_until_ms.is_some());
        heirs.first().map(|seat| seat.who)
    }

    fn act(&mut self, who: Person, act: Act, now_ms: u64) {
        match act {
            Act::RaiseHand => self.raise_hand(who),
            Act::LowerHand => self.hands.retain(|hand| *hand != who),
            Act::Answer { accept, .. } => {
                self.invitations.retain(|invitation| invitation.who != who);
                match accept {
                    true if self.is_stage_full() => self.raise_hand(who),
                    true => self.enter(who, Entry::CalledUp, now_ms),
                    false => {}
                }
            }
            Act::TakeSeat => self.enter(who, Entry::TookSeat, now_ms),
            Act::LeaveStage => self.leave_stage(who),
            Act::SetMicrophone { muted } => self.with(Some(who), |seat| seat.self_muted = muted),
            Act::Write => self.messages.push((who, true)),
            Act::RemoveMessage(number) => self.messages[number as usize - 1].1 = false,
            Act::LowerAllHands => self.hands.clear(),
            Act::MuteAll => {
                let rank = self.rank(who);
                for seat in self.seats.iter_mut().filter(|seat| seat.is_on_stage() && seat.rank < rank) {
                    seat.host_muted = true;
                    seat.self_muted = true;
                }
            }
            Act::Upon(what, Some(whom)) => self.act_upon(whom, what, now_ms),
            Act::NameNobody => self.successor = None,
            Act::BanDeparted(whom) => self.ban(whom),
            Act::Unban(whom) => self.banned.retain(|banned| *banned != whom),
            Act::Mode { is_open } => self.is_open = is_open,
            Act::HandQueue { is_open } => self.takes_hands = is_open,
            Act::Chat { is_open } => self.takes_messages = is_open,
            Act::Lock { is_locked } => self.is_locked = is_locked,
            Act::Passcode { is_set } => self.has_passcode = is_set,
            Act::EndRoom => self.has_ended = true,
            Act::Upon(_, None) | Act::ReportMicrophone(_) | Act::React(_) => {}
        }
    }

    fn act_upon(&mut self, whom: Person, what: Upon, now_ms: u64) {
        match what {
            Upon::Invite if !self.hands.contains(&whom) => {
                self.invitations.push(Invitation { who: whom, expires_ms: now_ms + INVITATION_MS });
            }
            // A raised hand is consent.
            Upon::Invite | Upon::Admit => self.enter(whom, Entry::CalledUp, now_ms),
            Upon::CancelInvite => self.invitations.retain(|invitation| invitation.who != whom),
            Upon::Decline => self.hands.retain(|hand| *hand != whom),
            Upon::Mute => self.with(Some(whom), |seat| (seat.host_muted, seat.self_muted) = (true, true)),
            Upon::LiftMute => self.with(Some(whom), |seat| seat.host_muted = false),
            Upon::Remove => self.leave_stage(whom),
            Upon::Kick => {
                self.give_up(whom, Exit::PutOut, now_ms);
                self.kicked.retain(|kicked| kicked.who != whom);
                self.kicked.push(Kicked { who: whom, until_ms: now_ms + REENTRY_BLOCK_MS });
            }
            Upon::Ban => {
                self.give_up(whom, Exit::PutOut, now_ms);
                self.ban(whom);
            }
            Upon::MakeCoHost => self.with(Some(whom), |seat| (seat.rank, seat.ranked_ms) = (Rank::CoHost, now_ms)),
            Upon::RemoveCoHost => self.with(Some(whom), |seat| (seat.rank, seat.ranked_ms) = (Rank::Speaker, now_ms)),
            Upon::HandOver => self.seat_host(whom, now_ms),
            Upon::NameSuccessor => self.successor = Some(whom),
        }
    }

    /// A hand that is up keeps its place.
    fn raise_hand(&mut self, who: Person) {
        if !self.hands.contains(&who) {
            self.hands.push(who);
        }
    }

    fn ban(&mut self, whom: Person) {
        if !self.banned.contains(&whom) {
            self.banned.push(whom);
        }
    }

    fn with(&mut self, who: Option<Person>, change: impl FnOnce(&mut Seat)) {
        if let Some(seat) = who.and_then(|who| self.seat_mut(who)) {
            change(seat);
        }
    }

    fn rank(&self, who: Person) -> Rank {
        self.seat(who).map_or(Rank::Listener, |seat| seat.rank)
    }

    fn is_stage_full(&self) -> bool {
        self.stage().count() >= self.stage_seats
    }
}
