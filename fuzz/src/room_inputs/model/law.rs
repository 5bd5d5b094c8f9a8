//! Whom the rules allow what: every reason for a no, not only the first that somebody would think of.

use dais_shared::room::Denied;

use super::super::step::{Act, Given, Person, Step, Upon};
use super::{Model, Rank};

impl Model {
    /// Why a step is not allowed; nothing if it is.
    pub(in super::super) fn forbids(&self, step: &Step, now_ms: u64) -> Vec<Denied> {
        match *step {
            _ if self.has_ended => vec![Denied::RoomEnded],
            Step::Join { who, passcode, .. } => self.forbids_join(who, passcode, now_ms),
            Step::Leave(who) => self.seat(who).map_or(vec![Denied::NotInRoom], |_| vec![]),
            Step::Ask(Some(who), act) if self.seat(who).is_some() => self.forbids_act(who, act, now_ms),
            Step::Ask(..) => vec![Denied::NotInRoom],
            Step::Lose(_) | Step::Pass { .. } | Step::AcceptLate(_) | Step::Resync(_) => vec![],
        }
    }

    /// Who sits in the room comes back to his seat. Of the others, whoever the chair waits for passes what keeps newcomers out,
    /// unless he himself is meant.
    fn forbids_join(&self, who: Person, passcode: Given, now_ms: u64) -> Vec<Denied> {
        if self.seat(who).is_some() {
            return vec![];
        }
        let has_chair = self.has_chair(who, now_ms);
        let is_meant = |other: Person| other == who || (self.blocks_addresses && other.address() == who.address() && !has_chair);
        let mut no = Vec::new();
        if self.banned.iter().any(|banned| is_meant(*banned)) {
            no.push(Denied::Banned);
        }
        let kicked = self.kicked.iter().filter(|kicked| is_meant(kicked.who) && kicked.until_ms > now_ms);
        no.extend(kicked.map(|kicked| kicked.until_ms).max().map(|until_ms| Denied::Kicked { until_ms }));
        if has_chair {
            return no;
        }
        let refusals = [
            (self.is_locked, Denied::RoomLocked),
            (self.has_passcode && passcode == Given::Nothing, Denied::PasscodeNeeded),
            (self.has_passcode && passcode == Given::Wrong, Denied::PasscodeWrong),
            (self.seats.len() >= self.room_seats, Denied::RoomFull),
        ];
        no.extend(refusals.into_iter().filter(|(holds, _)| *holds).map(|(_, denied)| denied));
        no
    }

    fn forbids_act(&self, who: Person, act: Act, now_ms: u64) -> Vec<Denied> {
        let rank = self.rank(who);
        let is_host_muted = self.seat(who).is_some_and(|seat| seat.host_muted);
        let has_hand = self.hands.contains(&who);
        let may = |allowed: bool| (!allowed, Denied::NotPermitted);
        let refusals = match act {
            Act::RaiseHand => {
                vec![may(rank == Rank::Listener), (!self.takes_hands && !has_hand, Denied::HandQueueClosed)]
            }
            Act::LowerHand => vec![may(rank == Rank::Listener)],
            Act::Answer { is_right_number, .. } => {
                let is_live = self.invitation(who).is_some_and(|invitation| now_ms < invitation.expires_ms);
                vec![may(rank == Rank::Listener), (!is_live || !is_right_number, Denied::InviteExpired)]
            }
            Act::TakeSeat => vec![
                may(rank == Rank::Listener),
                (!self.is_open, Denied::RoomIsModerated),
                (self.is_stage_full(), Denied::StageFull),
            ],
            Act::LeaveStage => vec![may(matches!(rank, Rank::Speaker | Rank::CoHost))],
            Act::SetMicrophone { muted } => {
                vec![may(rank > Rank::Listener), (!muted && is_host_muted, Denied::MutedByHost)]
            }
            Act::ReportMicrophone(_) => vec![may(rank > Rank::Listener)],
            Act::Write => vec![(!self.takes_messages, Denied::ChatClosed)],
            Act::React(_) => vec![],
            Act::RemoveMessage(number) => return self.forbids_removal(who, number),
            Act::LowerAllHands | Act::MuteAll => vec![may(rank >= Rank::CoHost)],
            Act::BanDeparted(whom) => {
                let gone = self.gone.iter().find(|(gone, _)| *gone == whom);
                vec![may(rank >= Rank::CoHost && gone.is_none_or(|(_, was)| *was < rank)), (gone.is_none(), Denied::NoSuchPerson)]
            }
            Act::Unban(whom) => vec![may(rank >= Rank::CoHost), (!self.banned.contains(&whom), Denied::NoSuchPerson)],
            Act::Upon(what, whom) => return self.forbids_upon(rank, what, whom),
            Act::NameNobody
            | Act::Mode { .. }
            | Act::HandQueue { .. }
            | Act::Chat { .. }
            | Act::Lock { .. }
            | Act::Passcode { .. }
            | Act::EndRoom => vec![may(rank == Rank::Host)],
        };
        refusals.into_iter().filter(|(holds, _)| *holds).map(|(_, denied)| denied).collect()
    }

    /// One's own message anybody takes out, another's whoever moderates and outranks its writer, if he is here.
    fn forbids_removal(&self, who: Person, number: u32) -> Vec<Denied> {
        let message = number.checked_sub(1).and_then(|place| self.messages.get(place as usize));
        let Some((writer, _)) = message else { return vec![Denied::NoSuchMessage] };
        let outranks = self.seat(*writer).is_none_or(|seat| seat.rank < self.rank(who));
        let may = *writer == who || (self.rank(who) >= Rank::CoHost && outranks);
        if may { vec![] } else { vec![Denied::NotPermitted] }
    }

    /// Who acts on somebody needs a higher rank than that person, besides the action itself.
    fn forbids_upon(&self, rank: Rank, what: Upon, whom: Option<Person>) -> Vec<Denied> {
        let least = match what {
            Upon::MakeCoHost | Upon::RemoveCoHost | Upon::HandOver | Upon::NameSuccessor => Rank::Host,
            _ => Rank::CoHost,
        };
        let Some(seat) = whom.and_then(|whom| self.seat(whom)) else {
            let permission = (rank < least).then_some(Denied::NotPermitted);
            return permission.into_iter().chain([Denied::NoSuchMember]).collect();
        };
        let has_hand = self.hands.contains(&seat.who);
        let is_invited = self.invitation(seat.who).is_some();
        let off_stage = (!seat.is_on_stage(), Denied::NotOnStage);
        let full = self.is_stage_full();
        let refusals = match what {
            Upon::Invite => vec![
                (seat.is_on_stage(), Denied::AlreadyOnStage),
                (has_hand && full, Denied::StageFull),
                (!has_hand && is_invited, Denied::AlreadyInvited),
            ],
            Upon::CancelInvite => vec![(!is_invited, Denied::NotInvited)],
            Upon::Admit => vec![(!has_hand, Denied::HandNotRaised), (full, Denied::StageFull)],
            Upon::Decline => vec![(!has_hand, Denied::HandNotRaised)],
            Upon::Mute | Upon::LiftMute | Upon::Remove | Upon::HandOver | Upon::NameSuccessor => vec![off_stage],
            Upon::Kick | Upon::Ban => vec![],
            Upon::MakeCoHost => vec![off_stage, (seat.rank == Rank::CoHost, Denied::OtherRole)],
            Upon::RemoveCoHost => vec![off_stage, (seat.rank != Rank::CoHost, Denied::OtherRole)],
        };
        let permission = (rank < least || rank <= seat.rank, Denied::NotPermitted);
        refusals.into_iter().chain([permission]).filter(|(holds, _)| *holds).map(|(_, denied)| denied).collect()
    }
}
