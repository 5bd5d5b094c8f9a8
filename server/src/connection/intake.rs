//! How much one connection may send, and how much one person may over all of his: of what everybody is shown, and of what is
//! answered with much. Told the time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dais_shared::ids::UserId;
use dais_shared::limits::{
    COMMAND_BURST, COMMANDS_PER_SECOND, MESSAGE_BURST, MESSAGES_PER_SECOND, PAGE_BURST, PAGES_PER_SECOND, PASSCODE_BURST,
    PASSCODE_SECONDS, REACTION_BURST, REACTIONS_PER_SECOND, REFUSALS_BURST, REFUSALS_PER_SECOND, REPORT_BURST,
    REPORTS_PER_SECOND, SIGNALS_BURST, SIGNALS_PER_SECOND, VOICE_BYTES_BURST, VOICE_BYTES_PER_SECOND, VOICE_FRAME_BURST,
    VOICE_FRAMES_PER_SECOND,
};
use dais_shared::rate::TokenBucket;
use dais_shared::room::Command;
use dais_shared::wire::Request;

use super::flips::{Flips, Patience};

/// What a message is charged as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charge {
    /// A request.
    Command,
    /// A chat message.
    Message,
    /// A reaction.
    Reaction,
    /// A try at a passcode.
    Passcode,
    /// A page of a list, or a snapshot.
    Page,
    /// What a device does.
    Report,
    /// Something that can be taken back is done.
    Do(Toggle),
    /// And taken back.
    Undo(Toggle),
    /// A heartbeat, report or mapping.
    Signal,
    /// A voice frame of so many bytes.
    Voice { bytes: usize },
}

/// What people do and take back, while others look on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Toggle {
    /// A raised hand.
    Hand,
    /// A place on stage, where one takes it himself.
    Stage,
    /// An open microphone.
    Microphone,
    /// A seat in a room.
    Seat,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    /// Drop it; a request is told so.
    Refuse,
    /// The connection floods: end it.
    Close,
}

/// What a request is charged as: each of these.
pub(super) fn charges(request: &Request) -> impl Iterator<Item = Charge> + use<> {
    let special = match request {
        Request::Room(Command::SendMessage(_)) => Some(Charge::Message),
        Request::Room(Command::React(_)) => Some(Charge::Reaction),
        Request::Room(Command::ReportMicrophone(_)) => Some(Charge::Report),
        Request::JoinRoom { passcode: Some(_), .. } => Some(Charge::Passcode),
        request if is_page(request) => Some(Charge::Page),
        _ => None,
    };
    let toggle = match request {
        Request::Room(Command::RaiseHand) => Some(Charge::Do(Toggle::Hand)),
        Request::Room(Command::LowerHand) => Some(Charge::Undo(Toggle::Hand)),
        Request::Room(Command::TakeSeat) => Some(Charge::Do(Toggle::Stage)),
        Request::Room(Command::LeaveStage) => Some(Charge::Undo(Toggle::Stage)),
        Request::Room(Command::SetMicrophone { muted: false }) => Some(Charge::Do(Toggle::Microphone)),
        Request::Room(Command::SetMicrophone { muted: true }) => Some(Charge::Undo(Toggle::Microphone)),
        Request::JoinRoom { .. } | Request::CreateRoom { .. } => Some(Charge::Do(Toggle::Seat)),
        Request::LeaveRoom => Some(Charge::Undo(Toggle::Seat)),
        _ => None,
    };
    std::iter::once(Charge::Command).chain(special).chain(toggle)
}

/// Whether a request counts as an arrival: it costs the store a write, and everybody in a room a change.
pub(super) const fn is_arrival(request: &Request) -> bool {
    matches!(request, Request::Login { .. } | Request::CreateRoom { .. } | Request::JoinRoom { .. })
}

/// Whether a request asks for much with a few bytes.
pub(super) const fn is_page(request: &Request) -> bool {
    matches!(
        request,
        Request::ListRooms { .. }
            | Request::WatchRooms { watch: true }
            | Request::ListMembers { .. }
            | Request::ListMessages { .. }
            | Request::ListBanned
            | Request::Resync
    )
}

/// What everybody in a room is shown, and what much is sent for: one person's buckets, whichever connections he uses.
#[derive(Debug)]
struct Allowance {
    messages: TokenBucket,
    reactions: TokenBucket,
    reports: TokenBucket,
    pages: TokenBucket,
    hand: Flips,
    stage: Flips,
    microphone: Flips,
    seat: Flips,
}

impl Allowance {
    fn new(now_ms: u64) -> Self {
        Self {
            messages: TokenBucket::new(MESSAGE_BURST, MESSAGES_PER_SECOND, now_ms),
            reactions: TokenBucket::new(REACTION_BURST, REACTIONS_PER_SECOND, now_ms),
            reports: TokenBucket::new(REPORT_BURST, REPORTS_PER_SECOND, now_ms),
            pages: TokenBucket::new(PAGE_BURST, PAGES_PER_SECOND, now_ms),
            hand: Flips::new(Patience::PLACE),
            stage: Flips::new(Patience::PLACE),
            microphone: Flips::new(Patience::MICROPHONE),
            seat: Flips::new(Patience::PLACE),
        }
    }

    /// Whether it is as good as a new one.
    fn is_full(&mut self, now_ms: u64) -> bool {
        let buckets = [&mut self.messages, &mut self.reactions, &mut self.reports, &mut self.pages];
        let flips = [&self.hand, &self.stage, &self.microphone, &self.seat];
        buckets.into_iter().all(|bucket| bucket.is_full(now_ms)) && flips.into_iter().all(|flips| flips.is_calm(now_ms))
    }

    const fn flips(&mut self, toggle: Toggle) -> &mut Flips {
        match toggle {
            Toggle::Hand => &mut self.hand,
            Toggle::Stage => &mut self.stage,
            Toggle::Microphone => &mut self.microphone,
            Toggle::Seat => &mut self.seat,
        }
    }
}

/// Everybody's allowances: whoever hangs up and comes back finds his as he left it.
#[derive(Debug, Default)]
pub(crate) struct Allowances {
    of_users: Mutex<BTreeMap<UserId, Arc<Mutex<Allowance>>>>,
}

/// So many are kept at least before those that are as good as new are thrown away.
const KEPT_AT_LEAST: usize = 1024;

impl Allowances {
    fn of(&self, user: UserId, now_ms: u64) -> Arc<Mutex<Allowance>> {
        let mut of_users = locked(&self.of_users);
        // At powers of two, so that looking through all of them is seldom.
        if of_users.len() >= KEPT_AT_LEAST && of_users.len().is_power_of_two() && !of_users.contains_key(&user) {
            of_users.retain(|_, allowance| Arc::strong_count(allowance) > 1 || !locked(allowance).is_full(now_ms));
        }
        Arc::clone(of_users.entry(user).or_insert_with(|| Arc::new(Mutex::new(Allowance::new(now_ms)))))
    }
}

/// Buckets are never half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection's buckets.
#[derive(Debug)]
pub(super) struct Intake {
    allowance: Arc<Mutex<Allowance>>,
    commands: TokenBucket,
    passcodes: TokenBucket,
    signals: TokenBucket,
    voice_frames: TokenBucket,
    voice_bytes: TokenBucket,
    refusals: TokenBucket,
}

impl Intake {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            allowance: Arc::new(Mutex::new(Allowance::new(now_ms))),
            commands: TokenBucket::new(COMMAND_BURST, COMMANDS_PER_SECOND, now_ms),
            passcodes: TokenBucket::new(PASSCODE_BURST * PASSCODE_SECONDS, 1, now_ms),
            signals: TokenBucket::new(SIGNALS_BURST, SIGNALS_PER_SECOND, now_ms),
            voice_frames: TokenBucket::new(VOICE_FRAME_BURST, VOICE_FRAMES_PER_SECOND, now_ms),
            voice_bytes: TokenBucket::new(VOICE_BYTES_BURST, VOICE_BYTES_PER_SECOND, now_ms),
            refusals: TokenBucket::new(REFUSALS_BURST, REFUSALS_PER_SECOND, now_ms),
        }
    }

    /// From now on this connection is this person's.
    pub(super) fn belong_to(&mut self, user: UserId, allowances: &Allowances, now_ms: u64) {
        self.allowance = allowances.of(user, now_ms);
    }

    pub(super) fn judge(&mut self, charge: Charge, now_ms: u64) -> Verdict {
        let is_within = match charge {
            Charge::Command => self.commands.take(1, now_ms),
            Charge::Message => locked(&self.allowance).messages.take(1, now_ms),
            Charge::Reaction => locked(&self.allowance).reactions.take(1, now_ms),
            Charge::Report => locked(&self.allowance).reports.take(1, now_ms),
            Charge::Do(toggle) => locked(&self.allowance).flips(toggle).may_do(now_ms),
            Charge::Undo(toggle) => {
                locked(&self.allowance).flips(toggle).undone(now_ms);
                true
            }
            Charge::Page => locked(&self.allowance).pages.take(1, now_ms),
            Charge::Passcode => self.passcodes.take(PASSCODE_SECONDS, now_ms),
            Charge::Signal => self.signals.take(1, now_ms),
            Charge::Voice { bytes } => {
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                self.voice_frames.take(1, now_ms) && self.voice_bytes.take(bytes, now_ms)
            }
        };
        if is_within {
            Verdict::Accept
        } else if self.refusals.take(1, now_ms) {
            Verdict::Refuse
        } else {
            Verdict::Close
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(charge: Charge, count: u32) -> Vec<Verdict> {
        let mut intake = Intake::new(0);
        (0..count).map(|_| intake.judge(charge, 0)).collect()
    }

    #[test]
    fn a_burst_is_taken_then_refused_then_it_is_a_flood() {
        for (charge, burst) in [
            (Charge::Command, COMMAND_BURST),
            (Charge::Message, MESSAGE_BURST),
            (Charge::Reaction, REACTION_BURST),
            (Charge::Report, REPORT_BURST),
            (Charge::Page, PAGE_BURST),
            (Charge::Passcode, PASSCODE_BURST),
            (Charge::Signal, SIGNALS_BURST),
            (Charge::Voice { bytes: 10 }, VOICE_FRAME_BURST),
            (Charge::Voice { bytes: 1024 }, VOICE_BYTES_BURST / 1024),
        ] {
            let verdicts = verdicts(charge, burst + REFUSALS_BURST + 1);
            let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
            assert_eq!(count(Verdict::Accept), burst as usize, "{charge:?}");
            assert_eq!(count(Verdict::Refuse), REFUSALS_BURST as usize, "{charge:?}");
            assert_eq!(verdicts.last(), Some(&Verdict::Close), "{charge:?}");
        }
    }

    #[test]
    fn who_hangs_up_and_comes_back_may_show_no_more_for_it() {
        let allowances = Allowances::default();
        let connect = |user| {
            let mut intake = Intake::new(0);
            intake.belong_to(UserId(user), &allowances, 0);
            intake
        };
        for charge in [Charge::Message, Charge::Reaction, Charge::Page] {
            while connect(1).judge(charge, 0) == Verdict::Accept {}
            assert_eq!(connect(1).judge(charge, 0), Verdict::Refuse, "{charge:?}");
            assert_eq!(connect(2).judge(charge, 0), Verdict::Accept, "{charge:?} of somebody else");
        }
    }

    #[test]
    fn allowances_that_are_as_good_as_new_are_not_kept() {
        let allowances = Allowances::default();
        let mut spent = Intake::new(0);
        spent.belong_to(UserId(0), &allowances, 0);
        let _ = spent.judge(Charge::Message, 0);
        drop(spent);
        let mut held = Intake::new(0);
        held.belong_to(UserId(1), &allowances, 0);
        for user in 2..=2 * KEPT_AT_LEAST as u64 {
            drop(allowances.of(UserId(user), 0));
        }
        let kept = locked(&allowances.of_users);
        assert!(kept.len() <= KEPT_AT_LEAST + 2, "{}", kept.len());
        assert!(kept.contains_key(&UserId(0)) && kept.contains_key(&UserId(1)));
    }

    #[test]
    fn honest_voice_is_never_refused() {
        let mut intake = Intake::new(0);
        for frame in 0..1000 {
            assert_eq!(intake.judge(Charge::Voice { bytes: 120 }, frame * 10), Verdict::Accept, "frame {frame}");
        }
    }
}
