//! A small stage before an audience larger than a view names, with much coming, going and coming back: who is heard,
//! how many are on stage, and what stands in everybody's bytes.

use std::collections::{BTreeMap, BTreeSet};

use dais_shared::ids::{AddressPrefix, MemberId, Revision, UserId};
use dais_shared::limits::AUDIENCE_IN_VIEW;
use dais_shared::names::Looks;
use dais_shared::room::{Command, Input, Join, Mode, Pass, Setting};
use dais_shared::view::{Publication, View};
use dais_shared::wire::{ServerFrame, encode_server};
use proptest::prelude::*;

use crate::scene::House;

const STAGE_SEATS: usize = 3;
const PASSCODE: &str = "sesame-7777";
/// Where every address begins: stands in nobody's bytes.
const ADDRESS: [u8; 4] = [0xAD, 0xDE, 0x5E, 0xED];

/// What happens next. Numbers count through who is there, the last ones in preference.
#[derive(Clone, Debug)]
enum Step {
    Come,
    Return {
        person: usize,
        microphone_open: bool,
    },
    Leave(usize),
    /// And whether others learn of it before anything else happens.
    Lose(usize, bool),
    Resync(usize),
    Wait(u64),
    /// Somebody is called on stage, and unmutes.
    CallUp(usize),
    Do(usize, usize, Doing),
}

#[derive(Clone, Copy, Debug)]
enum Doing {
    RaiseHand,
    Accept,
    TakeSeat,
    LeaveStage,
    Unmute,
    Invite,
    Admit,
    Mute,
    Lift,
    Remove,
    Kick,
    Ban,
    MakeCoHost,
    HandOver,
    Open,
    SetPasscode,
}

impl Doing {
    const ALL: [Self; 16] = [
        Self::RaiseHand,
        Self::Accept,
        Self::TakeSeat,
        Self::LeaveStage,
        Self::Unmute,
        Self::Invite,
        Self::Admit,
        Self::Mute,
        Self::Lift,
        Self::Remove,
        Self::Kick,
        Self::Ban,
        Self::MakeCoHost,
        Self::HandOver,
        Self::Open,
        Self::SetPasscode,
    ];
}

fn step() -> impl Strategy<Value = Step> {
    let who = || prop_oneof![2 => 0..6_usize, 1 => 0..100_usize];
    // The host acts often, so that much of it is lawful.
    let actor = prop_oneof![2 => Just(0_usize), 1 => who()];
    prop_oneof![
        3 => Just(Step::Come),
        2 => (who(), any::<bool>()).prop_map(|(person, microphone_open)| Step::Return { person, microphone_open }),
        2 => who().prop_map(Step::Leave),
        2 => (who(), any::<bool>()).prop_map(|(who, is_told)| Step::Lose(who, is_told)),
        1 => who().prop_map(Step::Resync),
        2 => prop_oneof![Just(1_u64), Just(100), Just(250), Just(30_000), Just(60_000)].prop_map(Step::Wait),
        4 => who().prop_map(Step::CallUp),
        12 => (actor, who(), proptest::sample::select(Doing::ALL.to_vec())).prop_map(|(who, whom, what)| Step::Do(who, whom, what)),
    ]
}

struct Crowd {
    house: House,
    publication: Publication,
    views: BTreeMap<MemberId, View>,
    people: u64,
    /// Whose name nobody is told any more, and since when.
    gone: BTreeMap<UserId, Revision>,
}

fn name(user: UserId) -> String {
    format!("Nom-{:04}-eon", user.0)
}

fn join(user: UserId, microphone_open: bool) -> Join {
    let [a, b, c, d] = ADDRESS;
    let [.., e, f, g, h] = user.0.to_be_bytes();
    let address = AddressPrefix::V6([a, b, c, d, e, f, g, h]);
    let name = name(user);
    let looks = Looks::plain(&name);
    Join { user, name, looks, address, passcode: Some(PASSCODE.into()), microphone_open, pass: Pass::NONE }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

impl Crowd {
    fn gathers(listeners: u64) -> Self {
        let mut house = House::new(UserId(1));
        house.context.stage_seats_max = STAGE_SEATS;
        let publication = Publication::new(&house.room);
        let mut crowd = Self { house, publication, views: BTreeMap::new(), people: 0, gone: BTreeMap::new() };
        for _ in 0..=listeners {
            crowd.takes(&Step::Come);
        }
        crowd
    }

    fn member(&self, number: usize) -> MemberId {
        let members: Vec<_> = self.house.room.seats().map(|(member, _)| member).collect();
        // The host sits first, those who came last are at the end.
        let place = if number.is_multiple_of(2) { number / 2 } else { members.len().wrapping_sub(number) };
        members.get(place).copied().unwrap_or(MemberId(0))
    }

    fn takes(&mut self, step: &Step) {
        self.house.waits(1);
        let mut is_told = true;
        match step {
            Step::Come => {
                self.people += 1;
                self.judges(&Input::Join(join(UserId(self.people), false)));
            }
            Step::Return { person, microphone_open } => {
                let away = self.house.room.seats().filter(|(_, seat)| !seat.is_connected()).map(|(_, seat)| seat.user);
                let away: Vec<_> = away.chain(self.gone.keys().copied()).collect();
                if let Some(user) = away.get(person % away.len().max(1)) {
                    self.judges(&Input::Join(join(*user, *microphone_open)));
                }
            }
            Step::Leave(who) => self.judges(&Input::Leave(self.member(*who))),
            Step::Lose(who, told) => {
                let member = self.member(*who);
                self.judges(&Input::ConnectionLost(member));
                self.views.remove(&member);
                is_told = *told;
            }
            Step::Resync(who) => drop(self.views.remove(&self.member(*who))),
            Step::Wait(ms) => {
                self.house.waits(*ms);
                for _ in 0..1000 {
                    if self.house.room.next_deadline_ms().is_none_or(|deadline_ms| deadline_ms > self.house.context.now_ms) {
                        break;
                    }
                    self.judges(&Input::DeadlinePassed);
                }
            }
            Step::CallUp(whom) => {
                let (host, member) = (self.member(0), self.member(*whom));
                for (actor, command) in [
                    (member, Command::RaiseHand),
                    (host, Command::AdmitHand(member)),
                    (member, Command::SetMicrophone { muted: false }),
                ] {
                    self.judges(&Input::Command(actor, command));
                }
            }
            Step::Do(who, whom, what) => {
                let (member, target) = (self.member(*who), self.member(*whom));
                // Answers and lifts are rarely the right one's by chance.
                let invited = self.house.room.invitations().next().map(|invitation| invitation.member);
                let muted = self.house.room.on_stage().find(|(_, _, stage)| stage.host_muted).map(|(member, ..)| member);
                let (member, target) = match what {
                    Doing::Accept => (invited.unwrap_or(member), target),
                    Doing::Lift => (member, muted.unwrap_or(target)),
                    _ => (member, target),
                };
                self.judges(&Input::Command(member, self.command(member, target, *what)));
            }
        }
        if is_told {
            self.publishes();
        }
        self.shows_newcomers();
    }

    fn command(&self, member: MemberId, target: MemberId, what: Doing) -> Command {
        let invitation = self.house.room.invitation_of(member).map(|invitation| invitation.id);
        match (what, invitation) {
            (Doing::Accept, Some(invitation)) => Command::RespondInvite { invitation, accept: true },
            (Doing::RaiseHand | Doing::Accept, _) => Command::RaiseHand,
            (Doing::TakeSeat, _) => Command::TakeSeat,
            (Doing::LeaveStage, _) => Command::LeaveStage,
            (Doing::Unmute, _) => Command::SetMicrophone { muted: false },
            (Doing::Invite, _) => Command::Invite(target),
            (Doing::Admit, _) => Command::AdmitHand(self.house.room.hands().first().map_or(target, |hand| hand.member)),
            (Doing::Mute, _) => Command::MuteSpeaker(target),
            (Doing::Lift, _) => Command::LiftMute(target),
            (Doing::Remove, _) => Command::RemoveFromStage(target),
            (Doing::Kick, _) => Command::Kick(target),
            (Doing::Ban, _) => Command::Ban(target),
            (Doing::MakeCoHost, _) => Command::MakeCoHost(target),
            (Doing::HandOver, _) => Command::HandOver(target),
            (Doing::Open, _) => Command::Set(Setting::Mode(Mode::Open)),
            (Doing::SetPasscode, _) => Command::SetPasscode(Some(PASSCODE.into())),
        }
    }

    fn audible(&self) -> BTreeSet<MemberId> {
        let room = &self.house.room;
        room.seats().map(|(member, _)| member).filter(|member| room.may_speak(*member).is_ok()).collect()
    }

    /// Nobody becomes audible but by unmuting himself, and nobody squeezes onto a full stage but a host who comes back.
    fn judges(&mut self, input: &Input) {
        let (audible, on_stage) = (self.audible(), self.house.room.stage_count());
        let Ok(events) = self.house.room.decide(input, &self.house.context) else { return };
        for event in &events {
            self.house.room.apply(event);
            self.publication.record(&self.house.room, event);
            if let dais_shared::room::Event::MemberJoined { user, .. } = event {
                self.gone.remove(user);
            }
        }
        let room = &self.house.room;
        for member in self.audible().difference(&audible) {
            assert_eq!(input, &Input::Command(*member, Command::SetMicrophone { muted: false }), "{member} is heard");
        }
        if let Input::Join(Join { user, microphone_open: false, .. }) = input {
            let member = room.seat_of(*user).expect("who came in sits there");
            assert!(room.may_speak(member).is_err(), "{member} comes back with a closed microphone");
        }
        // Whoever comes back to the chair comes on stage, full or not; several may do so one after the other.
        let is_host_back = matches!(input, Input::Join(Join { user, .. }) if room.host() == room.seat_of(*user));
        let most = STAGE_SEATS.max(on_stage + usize::from(is_host_back));
        assert!(room.stage_count() <= most, "{} on stage", room.stage_count());
        for user in (1..=self.people).map(UserId).filter(|user| room.seat_of(*user).is_none()) {
            self.gone.entry(user).or_insert(room.revision());
        }
    }

    fn publishes(&mut self) {
        let (room, now_ms) = (&self.house.room, self.house.context.now_ms);
        if let Some(published) = self.publication.take(room, now_ms) {
            for (member, view) in &mut self.views {
                let delta = published.for_member(*member);
                let gone = self.gone.iter().filter(|(_, since)| **since <= delta.from).map(|(user, _)| *user);
                keeps_secrets(&encode_server(&ServerFrame::Delta(delta.clone())), gone);
                view.apply(delta).expect("no revision is missing");
            }
        }
        self.views.retain(|member, _| room.seat(*member).is_some());
        if self.publication.due_ms(room).is_none() {
            self.compares();
        }
    }

    fn shows_newcomers(&mut self) {
        let room = &self.house.room;
        for (member, _) in room.seats().filter(|(_, seat)| seat.is_connected()) {
            self.views.entry(member).or_insert_with(|| {
                self.publication.note_snapshot(room);
                let view = room.view_for(member).unwrap();
                keeps_secrets(&encode_server(&ServerFrame::Snapshot(view.clone())), self.gone.keys().copied());
                view
            });
        }
    }

    fn compares(&self) {
        for (member, view) in &self.views {
            assert_eq!(Some(view), self.house.room.view_for(*member).as_ref(), "what {member} sees");
        }
    }
}

fn keeps_secrets(bytes: &[u8], gone: impl Iterator<Item = UserId>) {
    assert!(!holds(bytes, PASSCODE.as_bytes()), "the passcode is the server's");
    assert!(!holds(bytes, &ADDRESS), "an address is the server's");
    for user in gone {
        assert!(!holds(bytes, name(user).as_bytes()), "{user} is gone, and his name is told on request only");
    }
}

fn run(listeners: u64, steps: &[Step]) {
    let mut crowd = Crowd::gathers(listeners);
    for step in steps {
        crowd.takes(step);
    }
    while let Some(due_ms) = crowd.publication.due_ms(&crowd.house.room) {
        crowd.house.waits(due_ms.saturating_sub(crowd.house.context.now_ms));
        crowd.publishes();
    }
    crowd.compares();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("DAIS_LONG").is_some() { 10_000 } else { 256 },
        failure_persistence: None, // what fails is committed as a test of its own
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_crowd_sees_what_it_may_and_hears_whom_it_may(
        listeners in prop_oneof![0..6_u64, 44..54_u64],
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        run(listeners, &steps);
    }
}

/// The audience that a view names is full, somebody from the front goes on stage and comes back: the one who had moved up
/// is out of the view again.
#[test]
fn a_full_front_row_moves_up_and_back() {
    let listeners = u64::try_from(AUDIENCE_IN_VIEW).unwrap() + 2;
    let steps = [
        Step::Do(0, 0, Doing::Open),
        Step::Do(2, 0, Doing::TakeSeat),
        Step::Come,
        Step::Do(2, 0, Doing::LeaveStage),
        Step::Leave(4),
    ];
    run(listeners, &steps);
}

/// Two hosts vanish, one after the other, and come back to a stage that is full without them.
#[test]
fn two_hosts_come_back_to_a_full_stage() {
    let back = |person| Step::Return { person, microphone_open: false };
    let steps = [
        Step::CallUp(2),
        Step::Come,
        Step::CallUp(1),
        Step::Lose(0, false),
        Step::Come,
        Step::Come,
        Step::Wait(30_000),
        Step::Lose(0, false),
        Step::Leave(2),
        Step::Leave(2),
        Step::CallUp(4),
        back(2),
        Step::Wait(30_000),
        Step::Leave(4),
        Step::CallUp(4),
        back(1),
        back(0),
        Step::Come,
    ];
    run(3, &steps);
}
