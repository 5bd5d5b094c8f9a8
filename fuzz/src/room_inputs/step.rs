//! What can happen to a room, read from three bytes: what, who (the high half) and to whom (the low half), and how.

use dais_shared::ids::{AddressPrefix, UserId};

pub(super) const STEP_BYTES: usize = 3;

/// People who come and go. The first of them founded the room; two and two share a name and an address.
const PEOPLE: u8 = 8;

/// What the room's passcode is, if there is one: stands in nobody's bytes.
pub(super) const PASSCODE: &str = "sesame-7777";
/// How every address begins: likewise.
pub(super) const ADDRESS: [u8; 4] = [0xAD, 0xDE, 0x5E, 0xED];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Person(pub(super) u8);

impl Person {
    pub(super) const FOUNDER: Self = Self(0);

    pub(super) fn user(self) -> UserId {
        UserId(100 + u64::from(self.0))
    }

    pub(super) fn name(self) -> String {
        format!("Name {}", self.0 / 2)
    }

    pub(super) fn address(self) -> AddressPrefix {
        let [a, b, c, d] = ADDRESS;
        AddressPrefix::V6([a, b, c, d, 0, 0, 0, self.0 / 2])
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..PEOPLE).map(Self)
    }

    /// Two of ten are nobody who was ever here.
    fn read(half: u8) -> Option<Self> {
        let number = half % (PEOPLE + 2);
        (number < PEOPLE).then_some(Self(number))
    }
}

/// The passcode that somebody gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Nothing,
    Wrong,
    Right,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Join {
        who: Person,
        passcode: Given,
        microphone_open: bool,
    },
    Lose(Person),
    Leave(Person),
    /// Time goes on, and every deadline is judged when it comes.
    Pass {
        ms: u64,
    },
    /// An invitation is accepted at the moment it runs out, before anybody has looked.
    AcceptLate(Person),
    /// A client asks for a fresh snapshot.
    Resync(Person),
    /// Somebody asks for something: a member, or one who has no seat.
    Ask(Option<Person>, Act),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    RaiseHand,
    LowerHand,
    Answer { accept: bool, is_right_number: bool },
    TakeSeat,
    LeaveStage,
    SetMicrophone { muted: bool },
    ReportMicrophone(u8),
    Write,
    RemoveMessage(u32),
    React(u8),
    LowerAllHands,
    MuteAll,
    Upon(Upon, Option<Person>),
    NameNobody,
    BanDeparted(Person),
    Unban(Person),
    Mode { is_open: bool },
    HandQueue { is_open: bool },
    Chat { is_open: bool },
    Lock { is_locked: bool },
    Passcode { is_set: bool },
    EndRoom,
}

/// What somebody does to somebody.
#[derive(Clone, Copy, Debug)]
pub(super) enum Upon {
    Invite,
    CancelInvite,
    Admit,
    Decline,
    Mute,
    LiftMute,
    Remove,
    Kick,
    Ban,
    MakeCoHost,
    RemoveCoHost,
    HandOver,
    NameSuccessor,
}

/// Around every deadline there is: 1, 30, 60, 120 and 600 s.
const PASSES_MS: [u64; 12] = [10, 250, 1_000, 20_000, 29_990, 31_000, 59_990, 61_000, 119_000, 121_000, 300_000, 601_000];

impl Step {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let [what, people, how] = *bytes else { unreachable!("steps are read in threes") };
        let (who, whom) = (Person::read(people >> 4), Person::read(people & 0xF));
        let (first, flag) = (who.unwrap_or(Person::FOUNDER), how & 1 == 1);
        match what % 46 {
            0..=3 => {
                let passcode = match how >> 1 & 3 {
                    0 | 1 => Given::Nothing,
                    2 => Given::Wrong,
                    _ => Given::Right,
                };
                Self::Join { who: first, passcode, microphone_open: flag }
            }
            4 => Self::Lose(first),
            5 => Self::Leave(first),
            6 | 7 => Self::Pass { ms: PASSES_MS[usize::from(how) % PASSES_MS.len()] },
            8 => Self::AcceptLate(first),
            9 => Self::Resync(first),
            act => Self::Ask(who, Act::read(act - 10, whom, how)),
        }
    }
}

impl Act {
    fn read(act: u8, whom: Option<Person>, how: u8) -> Self {
        let flag = how & 1 == 1;
        let person = whom.unwrap_or(Person::FOUNDER);
        let upon = |what| Self::Upon(what, whom);
        match act {
            0 | 1 => Self::RaiseHand,
            2 => Self::LowerHand,
            3 => Self::Answer { accept: flag, is_right_number: how & 6 != 0 },
            4 => Self::TakeSeat,
            5 => Self::LeaveStage,
            6 | 7 => Self::SetMicrophone { muted: flag },
            8 => Self::ReportMicrophone(how % 5),
            9 => Self::Write,
            10 => Self::RemoveMessage(u32::from(how % 16)),
            11 => Self::React(how % 6),
            12 => Self::LowerAllHands,
            13 => Self::MuteAll,
            14 => upon(Upon::Invite),
            15 => upon(Upon::CancelInvite),
            16 | 17 => upon(Upon::Admit),
            18 => upon(Upon::Decline),
            19 => upon(Upon::Mute),
            20 => upon(Upon::LiftMute),
            21 => upon(Upon::Remove),
            22 => upon(Upon::Kick),
            23 => upon(Upon::Ban),
            24 => upon(Upon::MakeCoHost),
            25 => upon(Upon::RemoveCoHost),
            26 => upon(Upon::HandOver),
            27 => upon(Upon::NameSuccessor),
            28 => Self::NameNobody,
            29 => Self::BanDeparted(person),
            30 => Self::Unban(person),
            31 => Self::Mode { is_open: flag },
            32 => Self::HandQueue { is_open: flag },
            33 => Self::Chat { is_open: flag },
            34 if how > 0xF0 => Self::EndRoom,
            34 => Self::Lock { is_locked: flag },
            _ => Self::Passcode { is_set: flag },
        }
    }
}
