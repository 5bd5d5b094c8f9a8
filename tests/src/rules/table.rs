//! Every verdict: each command, by each role, at each role, in each state of the room.
//!
//! The expectations ([`alone`], [`upon`]) are written by hand from what the product promises. Nothing here asks the
//! code's own permissions, so that a slip there is a failure here.

mod alone;
mod covered;
mod upon;

use std::collections::BTreeSet;

use dais_shared::ids::MemberId;
use dais_shared::names::InvalidName;
use dais_shared::room::{Command, Denied, Event, Input, RoomEndReason};

use crate::scene::Condition::{
    self, BansFull, ChatClosed, DepartedBanned, HandsUp, InvitationsFull, Invited, MessagesRemoved, MicrophonesOpen, MinuteLater,
    MutedByHost, Open, QueueClosed, QueueFull, SettingsMade, StageFull, SuccessorNamed, TargetsAway,
};
use crate::scene::{NOBODY, Scene};

/// Every state that commands are tried in.
const STATES: &[(&str, &[Condition])] = &[
    ("at rest", &[]),
    ("hands up", &[HandsUp]),
    ("invited", &[Invited]),
    ("invited, hands up", &[Invited, HandsUp]),
    ("invited a minute ago", &[Invited, MinuteLater]),
    ("microphones open", &[MicrophonesOpen]),
    ("muted by the host", &[MicrophonesOpen, MutedByHost]),
    ("open", &[Open]),
    ("stage full", &[StageFull]),
    ("stage full, hands up", &[StageFull, HandsUp]),
    ("stage full, invited", &[StageFull, Invited]),
    ("stage full, invited, hands up", &[StageFull, Invited, HandsUp]),
    ("stage full, open", &[StageFull, Open]),
    ("queue closed", &[QueueClosed]),
    ("queue closed, hands up", &[HandsUp, QueueClosed]),
    ("chat closed", &[ChatClosed]),
    ("targets away", &[TargetsAway]),
    ("settings made", &[SettingsMade]),
    ("successor named", &[SuccessorNamed]),
    ("messages removed", &[MessagesRemoved]),
    ("departed banned", &[DepartedBanned]),
    ("queue full", &[QueueFull]),
    ("queue full, stage full, invited", &[Invited, QueueFull, StageFull]),
    ("invitations full", &[InvitationsFull]),
    ("bans full", &[BansFull]),
];

/// Stands for every state that no other row of the command names.
const OTHERWISE: &[&str] = &[];

/// A command that names nobody. Columns: listener, speaker, co-host, host.
struct Alone {
    name: &'static str,
    ask: fn(&Scene, MemberId) -> Ask,
    rows: &'static [(&'static [&'static str], &'static str)],
}

/// A command that names somebody. Rows: the same four as actors. Columns: a listener, a speaker, a co-host, the host,
/// the actor himself, and nobody who is here.
struct Upon {
    name: &'static str,
    ask: fn(&Scene, Target) -> Ask,
    rows: &'static [(&'static [&'static str], [&'static str; 4])],
}

/// What is tried.
enum Ask {
    Command(Command),
    SeeBans,
}

/// At whom.
#[derive(Clone, Copy)]
struct Target {
    member: MemberId,
    /// Where in the columns: for commands that name somebody who has left.
    column: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Yes, and something happens.
    Changes,
    /// Yes, and it is so already.
    Nothing,
    No(Denied),
}

impl Verdict {
    fn read(word: &str) -> Self {
        Self::No(match word {
            "+" => return Self::Changes,
            "=" => return Self::Nothing,
            "-" => Denied::NotPermitted,
            "no-member" => Denied::NoSuchMember,
            "no-person" => Denied::NoSuchPerson,
            "no-message" => Denied::NoSuchMessage,
            "hand-down" => Denied::HandNotRaised,
            "hands-closed" => Denied::HandQueueClosed,
            "hands-full" => Denied::HandQueueFull,
            "off-stage" => Denied::NotOnStage,
            "on-stage" => Denied::AlreadyOnStage,
            "stage-full" => Denied::StageFull,
            "moderated" => Denied::RoomIsModerated,
            "muted" => Denied::MutedByHost,
            "expired" => Denied::InviteExpired,
            "invited" => Denied::AlreadyInvited,
            "uninvited" => Denied::NotInvited,
            "invites-full" => Denied::TooManyInvitations,
            "other-role" => Denied::OtherRole,
            "chat-closed" => Denied::ChatClosed,
            "bans-full" => Denied::TooManyBans,
            "message-empty" => Denied::InvalidMessage(InvalidName::Empty),
            "message-long" => Denied::InvalidMessage(InvalidName::TooLong),
            "title-empty" => Denied::InvalidTitle(InvalidName::Empty),
            "title-tricky" => Denied::InvalidTitle(InvalidName::Unprintable),
            "topic-long" => Denied::InvalidTopic(InvalidName::TooLong),
            "passcode-empty" => Denied::InvalidPasscode(InvalidName::Empty),
            other => panic!("{other:?} is no verdict"),
        })
    }

    fn of(scene: &Scene, actor: MemberId, ask: &Ask) -> Self {
        let decision = match ask {
            Ask::Command(command) => scene.house.room.decide(&Input::Command(actor, command.clone()), &scene.house.context),
            Ask::SeeBans => match scene.house.room.absent_for(actor) {
                Ok(_) => return Self::Changes,
                Err(denied) => Err(denied),
            },
        };
        match decision {
            Ok(events) if events.is_empty() => Self::Nothing,
            Ok(_) => Self::Changes,
            Err(denied) => Self::No(denied),
        }
    }
}

fn words<const N: usize>(cells: &str) -> [&str; N] {
    let words: Vec<_> = cells.split_whitespace().collect();
    words.try_into().unwrap_or_else(|words| panic!("{N} columns, and not {words:?}"))
}

/// The row for a state: the one that names it, else the one for all others.
fn row<'a, R>(name: &str, rows: &'a [(&[&str], R)], state: &str) -> &'a R {
    let named = rows.iter().find(|(states, _)| states.contains(&state));
    let otherwise = || rows.iter().find(|(states, _)| states.is_empty());
    &named.or_else(otherwise).unwrap_or_else(|| panic!("{name}: no row for {state:?}")).1
}

const ROLES: [&str; 4] = ["listener", "speaker", "co-host", "host"];
const TARGETS: [&str; 6] = ["a listener", "a speaker", "a co-host", "the host", "himself", "nobody here"];

#[test]
fn every_command_by_every_role_in_every_state() {
    let mut wrong = Vec::new();
    for (state, conditions) in STATES {
        let scene = Scene::under(conditions);
        for Alone { name, ask, rows } in alone::TABLE {
            let cells = words::<4>(row::<&str>(name, rows, state));
            for (rank, cell) in cells.into_iter().enumerate() {
                let actor = scene.cast[rank].first;
                let (expected, found) = (Verdict::read(cell), Verdict::of(&scene, actor, &ask(&scene, actor)));
                if expected != found {
                    wrong.push(format!("{name} by a {}, {state}: {expected:?} expected, {found:?} found", ROLES[rank]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_by_every_role_at_every_role_in_every_state() {
    let mut wrong = Vec::new();
    for (state, conditions) in STATES {
        let scene = Scene::under(conditions);
        for Upon { name, ask, rows } in upon::TABLE {
            for (rank, cells) in row(name, rows, state).iter().enumerate() {
                let actor = scene.cast[rank].first;
                let targets = scene.cast.map(|pair| pair.second).into_iter().chain([actor, NOBODY]).enumerate();
                for ((column, member), cell) in targets.zip(words::<6>(cells)) {
                    let ask = ask(&scene, Target { member, column });
                    let (expected, found) = (Verdict::read(cell), Verdict::of(&scene, actor, &ask));
                    if expected != found {
                        let (role, target) = (ROLES[rank], TARGETS[column]);
                        wrong.push(format!("{name} by a {role} at {target}, {state}: {expected:?} expected, {found:?} found"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every ask of both tables, made once in a room at rest.
fn asks() -> Vec<(&'static str, Ask)> {
    let scene = Scene::at_rest();
    let actor = scene.host();
    let alone = alone::TABLE.iter().map(|entry| (entry.name, (entry.ask)(&scene, actor)));
    let target = Target { member: scene.cast[0].second, column: 0 };
    let upon = upon::TABLE.iter().map(|entry| (entry.name, (entry.ask)(&scene, target)));
    alone.chain(upon).collect()
}

#[test]
fn who_is_not_in_the_room_may_ask_nothing() {
    let scene = Scene::at_rest();
    for (name, ask) in asks() {
        assert_eq!(Verdict::of(&scene, NOBODY, &ask), Verdict::No(Denied::NotInRoom), "{name}");
    }
}

#[test]
fn nothing_is_asked_of_a_room_that_is_over() {
    let mut scene = Scene::at_rest();
    scene.house.room.apply(&Event::RoomEnded(RoomEndReason::ByHost));
    for (name, ask) in asks() {
        let Ask::Command(_) = ask else { continue };
        for pair in scene.cast {
            assert_eq!(Verdict::of(&scene, pair.first, &ask), Verdict::No(Denied::RoomEnded), "{name}");
        }
    }
}

#[test]
fn rows_name_states_that_exist_and_each_once() {
    let exists = |state: &str| STATES.iter().any(|(name, _)| *name == state);
    let check = |name: &str, states: Vec<&[&str]>| {
        assert_eq!(states.iter().filter(|states| states.is_empty()).count(), 1, "{name}: one row for all other states");
        let named: Vec<_> = states.into_iter().flatten().collect();
        assert!(named.iter().all(|state| exists(state)), "{name}: {named:?}");
        assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), named.len(), "{name}: a state has one row");
    };
    for entry in alone::TABLE {
        check(entry.name, entry.rows.iter().map(|(states, _)| *states).collect());
    }
    for entry in upon::TABLE {
        check(entry.name, entry.rows.iter().map(|(states, _)| *states).collect());
    }
}
