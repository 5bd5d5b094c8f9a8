//! The host, who mutes, removes and kicks hostile members while they rage, and checks each acknowledgement against what
//! he sees at that moment.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use dais_shared::ids::MemberId;
use dais_shared::room::{Command, Denied};
use dais_shared::view::Person;
use dais_shared::wire::{Reply, Request};
use tokio::sync::watch;
use tokio::time::{Duration, MissedTickBehavior, interval};

use super::line::Line;
use super::random::Random;
use super::{Lift, Shared};

/// As fast as one connection may command.
const TICK: Duration = Duration::from_millis(100);

pub(super) struct Moderator {
    pub(super) line: Line,
    shared: Arc<Shared>,
    honest: [MemberId; 3],
    random: Random,
    acknowledged: BTreeMap<&'static str, u32>,
}

impl fmt::Display for Moderator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.acknowledged)
    }
}

impl Moderator {
    pub(super) fn new(line: Line, honest: [MemberId; 3], shared: &Arc<Shared>, random: Random) -> Self {
        Self { line, shared: Arc::clone(shared), honest, random, acknowledged: BTreeMap::new() }
    }

    pub(super) async fn moderates_until(&mut self, mut is_over: watch::Receiver<bool>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !*is_over.borrow() {
            tokio::select! {
                _ = ticks.tick() => self.acts().await,
                () = self.line.takes_one() => {}
                changed = is_over.changed() => changed.expect("the test goes on"),
            }
        }
    }

    /// Whether it has happened often enough to prove something.
    pub(super) fn has_acted(&self) -> bool {
        let often = [("mute", 10), ("lift", 5), ("remove", 5), ("kick", 5)];
        often.into_iter().all(|(what, times)| self.acknowledged.get(what).is_some_and(|count| *count >= times))
    }

    async fn acts(&mut self) {
        let view = self.line.view();
        let is_hostile = |member: MemberId| !self.honest.contains(&member);
        let hostile: Vec<Person> = view.stage.iter().filter(|person| is_hostile(person.member)).cloned().collect();
        let (muted, unmuted): (Vec<_>, Vec<_>) = hostile.iter().cloned().partition(|person| person.host_muted);
        let listeners: Vec<_> = view.audience.iter().map(|listener| listener.member).filter(|who| is_hostile(*who)).collect();
        let hands: Vec<_> = view.hands.iter().map(|hand| hand.member).collect();
        let random = &mut self.random;
        match random.below(100) {
            0..40 => match random.pick(&unmuted) {
                Some(person) => self.mutes(person.member).await,
                None => self.line.says("order").await,
            },
            40..60 => {
                if let Some(person) = random.pick(&muted) {
                    self.lifts(person.member).await;
                }
            }
            60..78 => {
                if let Some(person) = random.pick(&hostile) {
                    self.removes(person.member).await;
                }
            }
            78..88 => {
                if let Some(person) = random.pick(&hostile) {
                    self.kicks(person.member).await;
                }
            }
            88..94 => {
                if let Some(member) = random.pick(&hands) {
                    self.does("admit", Command::AdmitHand(*member)).await;
                }
            }
            _ => {
                if let Some(member) = random.pick(&listeners) {
                    self.does("invite", Command::Invite(*member)).await;
                }
            }
        }
    }

    async fn mutes(&mut self, member: MemberId) {
        if self.does("mute", Command::MuteSpeaker(member)).await {
            // Unless he has left meanwhile.
            assert!(self.line.view().person(member).is_none_or(|person| person.host_muted && person.self_muted));
        }
    }

    async fn lifts(&mut self, member: MemberId) {
        // Before it is asked, so that no lawful frame comes before the exception from the rule.
        self.shared.lifted.lock().unwrap().insert(member, Lift::Asked);
        self.does("lift", Command::LiftMute(member)).await;
        self.shared.lifted.lock().unwrap().insert(member, Lift::Done(self.line.answered_at()));
    }

    async fn removes(&mut self, member: MemberId) {
        let stream = |moderator: &Self| moderator.line.view().person(member).map(|person| person.stream);
        let before = stream(self);
        if self.does("remove", Command::RemoveFromStage(member)).await {
            // Unless there again meanwhile, which is another stream.
            assert!(stream(self).is_none_or(|after| Some(after) != before));
        }
    }

    async fn kicks(&mut self, member: MemberId) {
        if self.does("kick", Command::Kick(member)).await {
            let view = self.line.view();
            assert_eq!(view.person(member), None);
            assert!(view.hands.iter().all(|hand| hand.member != member));
        }
    }

    /// Whether it was acknowledged. Who is meant may have gone meanwhile.
    async fn does(&mut self, what: &'static str, command: Command) -> bool {
        match self.line.asks(Request::Room(command.clone())).await {
            Ok(Reply::Done) => {
                self.line.catches_up().await;
                *self.acknowledged.entry(what).or_default() += 1;
                true
            }
            Err(
                Denied::NoSuchMember
                | Denied::NotOnStage
                | Denied::AlreadyOnStage
                | Denied::HandNotRaised
                | Denied::AlreadyInvited
                | Denied::StageFull
                | Denied::TooManyInvitations,
            ) => false,
            other => panic!("{command:?}: {other:?}"),
        }
    }
}
