//! A room: the first two bytes say how large it is, every three that follow are a step (`room_inputs/step.rs`).
//!
//! What must hold after every step: [`model::Model`], which knows the rules from the documents and not from `Room`, allows what
//! the room allowed, and is in the same state; a no has one of the reasons that the model sees; the room wants to be woken
//! exactly when the model's next deadline comes; no source of sound is given out twice; and what every member has been told
//! (`room_inputs/replicas.rs`) is what the model says that he may know, and nothing else.

mod model;
mod replicas;
mod step;

use dais_shared::ids::{InvitationId, MemberId, MessageId, RoomId, StreamId};
use dais_shared::names::Looks;
use dais_shared::permissions::Role;
use dais_shared::room::{
    Command, Context, Event, Input, Join, MicrophoneState, Mode, Pass, Reaction, Room, Setting, Settings, Unheard,
};

use model::{Model, Rank};
use replicas::Replicas;
use step::{Act, Given, PASSCODE, Person, STEP_BYTES, Step, Upon};

/// More steps than this reach nothing new.
const STEPS_MAX: usize = 120;

/// When it all begins, in Unix milliseconds.
const START_MS: u64 = 1_000_000;
/// A seat that nobody has.
const NOBODY: MemberId = MemberId(9_999);
/// Deadlines that come at one moment: a seat and an invitation of everybody are fewer.
const DEADLINES_AT_ONCE_MAX: usize = 32;

pub(crate) fn run(data: &[u8]) {
    let Some((&size, steps)) = data.split_first_chunk() else { return };
    let mut house = House::new(size);
    for step in steps.chunks_exact(STEP_BYTES).take(STEPS_MAX) {
        house.takes(&Step::read(step));
    }
    house.replicas.are_whole(&house.room, &house.model);
}

/// A room, its shell, and what should be true of it.
struct House {
    room: Room,
    context: Context,
    model: Model,
    replicas: Replicas,
    /// Given out to somebody who came on stage, or came back to it.
    newest_stream: Option<StreamId>,
}

impl House {
    /// A small stage in a small room: what can be full is soon full.
    fn new([stage, seats]: [u8; 2]) -> Self {
        let settings = Settings::new("Hall".into(), Mode::Moderated);
        let id = RoomId::parse("a-hall-that-nobody-ever-guesses").expect("letters and hyphens");
        let room = Room::new(id, settings, None, Person::FOUNDER.user());
        let context = Context {
            stage_seats_max: 1 + usize::from(stage % 4),
            room_seats_max: 2 + usize::from(seats % 8),
            blocks_addresses: stage & 0x80 == 0,
            ..Context::at(START_MS)
        };
        let model = Model::new(context.stage_seats_max, context.room_seats_max, context.blocks_addresses);
        let replicas = Replicas::new(&room);
        let mut house = Self { room, context, model, replicas, newest_stream: None };
        // Nobody comes in before whoever created the room.
        house.takes(&Step::Join { who: Person::FOUNDER, passcode: Given::Nothing, microphone_open: false });
        house
    }

    fn takes(&mut self, step: &Step) {
        self.waits_until(self.context.now_ms + 1);
        match *step {
            Step::Pass { ms } => self.waits_until(self.context.now_ms + ms),
            Step::Resync(who) => self.replicas.forget(self.seat_of(Some(who))),
            Step::AcceptLate(who) => {
                if let Some(invitation) = self.model.invitation(who) {
                    self.waits_until(invitation.expires_ms - 1);
                    self.context.now_ms = invitation.expires_ms;
                    self.does(&Step::Ask(Some(who), Act::Answer { accept: true, is_right_number: true }));
                    self.waits_until(invitation.expires_ms);
                }
            }
            _ => self.does(step),
        }
        self.compares();
    }

    /// Puts a step before the room and before the model.
    fn does(&mut self, step: &Step) {
        let Some(input) = self.input(step) else { return };
        let reasons = self.model.forbids(step, self.context.now_ms);
        match self.room.decide(&input, &self.context) {
            Ok(events) => {
                assert!(reasons.is_empty(), "{step:?} was allowed, although: {reasons:?}");
                self.happens(&events);
                self.model.carry_out(step, self.context.now_ms);
            }
            Err(denied) => assert!(reasons.contains(&denied), "{step:?} was refused: {denied:?}; reasons: {reasons:?}"),
        }
    }

    fn happens(&mut self, events: &[Event]) {
        for event in events {
            self.room.apply(event);
            self.replicas.record(&self.room, event);
            if let Event::StageJoined { stream, .. } | Event::StreamRenewed { stream, .. } = event {
                assert!(self.newest_stream.is_none_or(|newest| newest < *stream), "{stream} is given out again");
                self.newest_stream = Some(*stream);
            }
        }
    }

    /// Time goes on, and every deadline is judged at its moment, as a prompt shell does.
    fn waits_until(&mut self, until_ms: u64) {
        while let Some(deadline_ms) = self.room.next_deadline_ms().filter(|deadline_ms| *deadline_ms <= until_ms) {
            self.context.now_ms = self.context.now_ms.max(deadline_ms);
            let is_due = |room: &Room, now_ms| room.next_deadline_ms().is_some_and(|deadline_ms| deadline_ms <= now_ms);
            for _ in 0..DEADLINES_AT_ONCE_MAX {
                if is_due(&self.room, self.context.now_ms) {
                    let events = self.room.decide(&Input::DeadlinePassed, &self.context).expect("a deadline is nobody's wish");
                    self.happens(&events);
                }
            }
            assert!(!is_due(&self.room, self.context.now_ms), "a deadline that has been judged is still due");
            self.model.judge_deadlines(self.context.now_ms);
            self.compares();
        }
        self.context.now_ms = self.context.now_ms.max(until_ms);
    }

    fn compares(&mut self) {
        same_state(&self.room, &self.model);
        self.replicas.follow(&self.room, &self.model, self.context.now_ms);
    }

    fn seat_of(&self, person: Option<Person>) -> MemberId {
        person.and_then(|person| self.room.seat_of(person.user())).unwrap_or(NOBODY)
    }

    fn input(&self, step: &Step) -> Option<Input> {
        Some(match *step {
            Step::Join { who, passcode, microphone_open } => {
                let passcode = match passcode {
                    Given::Nothing => None,
                    Given::Wrong => Some("another".to_owned()),
                    Given::Right => Some(PASSCODE.to_owned()),
                };
                let (user, name, address) = (who.user(), who.name(), who.address());
                let looks = Looks::plain(&name);
                Input::Join(Join { user, name, looks, address, passcode, microphone_open, pass: Pass::NONE })
            }
            Step::Lose(who) => Input::ConnectionLost(self.seat_of(Some(who))),
            Step::Leave(who) => Input::Leave(self.seat_of(Some(who))),
            Step::Ask(who, act) => Input::Command(self.seat_of(who), self.command(who, act)),
            Step::Pass { .. } | Step::AcceptLate(_) | Step::Resync(_) => return None,
        })
    }

    fn command(&self, who: Option<Person>, act: Act) -> Command {
        match act {
            Act::RaiseHand => Command::RaiseHand,
            Act::LowerHand => Command::LowerHand,
            Act::Answer { accept, is_right_number } => {
                let own = self.room.invitation_of(self.seat_of(who)).map_or(InvitationId(0), |invitation| invitation.id);
                Command::RespondInvite { invitation: if is_right_number { own } else { InvitationId(own.0 + 1) }, accept }
            }
            Act::TakeSeat => Command::TakeSeat,
            Act::LeaveStage => Command::LeaveStage,
            Act::SetMicrophone { muted } => Command::SetMicrophone { muted },
            Act::ReportMicrophone(state) => Command::ReportMicrophone(match state {
                0 => MicrophoneState::Closed,
                1 => MicrophoneState::Open,
                2 => MicrophoneState::Refused,
                3 => MicrophoneState::Missing,
                _ => MicrophoneState::Lost,
            }),
            Act::Write => Command::SendMessage(format!("It is {}", self.context.now_ms)),
            Act::RemoveMessage(number) => Command::RemoveMessage(MessageId(number)),
            Act::React(number) => Command::React(Reaction::ALL[usize::from(number) % Reaction::ALL.len()]),
            Act::LowerAllHands => Command::LowerAllHands,
            Act::MuteAll => Command::MuteAll,
            Act::Upon(what, whom) => command_upon(what, self.seat_of(whom)),
            Act::NameNobody => Command::NameSuccessor(None),
            Act::BanDeparted(whom) => Command::BanDeparted(whom.user()),
            Act::Unban(whom) => Command::Unban(whom.user()),
            Act::Mode { is_open } => Command::Set(Setting::Mode(if is_open { Mode::Open } else { Mode::Moderated })),
            Act::HandQueue { is_open } => Command::Set(Setting::HandQueue(is_open)),
            Act::Chat { is_open } => Command::Set(Setting::Chat(is_open)),
            Act::Lock { is_locked } => Command::Set(Setting::Lock(is_locked)),
            Act::Passcode { is_set } => Command::SetPasscode(is_set.then(|| PASSCODE.to_owned())),
            Act::EndRoom => Command::EndRoom,
        }
    }
}

fn command_upon(what: Upon, whom: MemberId) -> Command {
    match what {
        Upon::Invite => Command::Invite(whom),
        Upon::CancelInvite => Command::CancelInvite(whom),
        Upon::Admit => Command::AdmitHand(whom),
        Upon::Decline => Command::DeclineHand(whom),
        Upon::Mute => Command::MuteSpeaker(whom),
        Upon::LiftMute => Command::LiftMute(whom),
        Upon::Remove => Command::RemoveFromStage(whom),
        Upon::Kick => Command::Kick(whom),
        Upon::Ban => Command::Ban(whom),
        Upon::MakeCoHost => Command::MakeCoHost(whom),
        Upon::RemoveCoHost => Command::RemoveCoHost(whom),
        Upon::HandOver => Command::HandOver(whom),
        Upon::NameSuccessor => Command::NameSuccessor(Some(whom)),
    }
}

/// The model's word for a role.
fn rank(role: Role) -> Rank {
    match role {
        Role::Listener => Rank::Listener,
        Role::Speaker => Rank::Speaker,
        Role::CoHost => Rank::CoHost,
        Role::Host => Rank::Host,
    }
}

/// The room is what the model says.
fn same_state(room: &Room, model: &Model) {
    assert_eq!(room.ended().is_some(), model.has_ended, "whether it is over");
    if model.has_ended {
        assert_eq!(room.next_deadline_ms(), None, "what is over waits for nothing");
        return;
    }
    assert_eq!(room.next_deadline_ms(), model.next_deadline_ms(), "when it is to be looked after");
    assert_eq!(room.ends_at_ms(), model.ends_at_ms, "when it ends without a moderator");
    let is_anybody_here = !model.seats.is_empty();
    assert!(!is_anybody_here || room.host().is_some() != room.ends_at_ms().is_some(), "a host, or a countdown");
    same_people(room, model);
    let user_of = |member| room.seat(member).map(|seat| seat.user);
    let hands: Vec<_> = room.hands().iter().map(|hand| user_of(hand.member)).collect();
    assert_eq!(hands, model.hands.iter().map(|who| Some(who.user())).collect::<Vec<_>>(), "the queue of hands");
    for who in Person::all() {
        let invitation = room.seat_of(who.user()).and_then(|member| room.invitation_of(member));
        let expires_ms = invitation.map(|invitation| invitation.expires_ms);
        assert_eq!(expires_ms, model.invitation(who).map(|invitation| invitation.expires_ms), "the invitation of {who:?}");
    }
    assert_eq!(room.invitations().count(), model.invitations.len(), "invitations under way");
    assert_eq!(room.successor().and_then(user_of), model.successor.map(Person::user), "who is to be host next");
    let banned: Vec<_> = room.bans().iter().map(|ban| ban.user).collect();
    assert_eq!(banned, model.banned.iter().map(|who| who.user()).collect::<Vec<_>>(), "who is banned");
    let messages: Vec<_> = room.messages().map(|message| (message.user, message.text.is_some())).collect();
    assert_eq!(messages, model.messages.iter().map(|(who, is_there)| (who.user(), *is_there)).collect::<Vec<_>>(), "the chat");
    let settings = room.settings();
    assert_eq!(
        (settings.mode == Mode::Open, settings.takes_hands, settings.takes_messages, settings.is_locked, settings.has_passcode),
        (model.is_open, model.takes_hands, model.takes_messages, model.is_locked, model.has_passcode),
        "open, hands, chat, lock, passcode"
    );
}

/// Who sits where, who may be heard, and by whom.
fn same_people(room: &Room, model: &Model) {
    let seats: Vec<_> = room.seats().map(|(_, seat)| (seat.user, rank(seat.role), seat.held_until_ms)).collect();
    let expected: Vec<_> = model.seats.iter().map(|seat| (seat.who.user(), seat.rank, seat.held_until_ms)).collect();
    assert_eq!(seats, expected, "who sits in which role");
    let connected: Vec<_> = model.seats.iter().filter(|seat| seat.held_until_ms.is_none()).map(|seat| seat.who.user()).collect();
    for who in Person::all() {
        let member = room.seat_of(who.user()).unwrap_or(NOBODY);
        let expected = match model.seat(who) {
            None => Err(Unheard::NotAMember),
            Some(seat) if !seat.is_on_stage() => Err(Unheard::NotOnStage),
            Some(seat) if seat.host_muted => Err(Unheard::MutedByHost),
            Some(seat) if seat.self_muted => Err(Unheard::MutedBySelf),
            Some(_) => Ok(()),
        };
        assert_eq!(room.may_speak(member).map(drop), expected, "whether {who:?} may speak");
        if let Some(stage) = room.seat(member).and_then(|seat| seat.stage.as_ref()) {
            let muted = model.seat(who).map(|seat| (seat.self_muted, seat.host_muted));
            assert_eq!(Some((stage.self_muted, stage.host_muted)), muted, "how {who:?} is muted");
        }
        let audience = room.audience(member).filter_map(|listener| room.seat(listener)).map(|seat| seat.user);
        let others: Vec<_> = connected.iter().copied().filter(|user| *user != who.user()).collect();
        assert_eq!(audience.collect::<Vec<_>>(), others, "who hears {who:?}");
    }
    let is_anybody_audible = model.seats.iter().any(model::Seat::is_audible);
    assert_eq!(room.has_open_microphone(), is_anybody_audible, "whether anybody may be heard");
}
