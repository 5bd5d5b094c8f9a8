//! A room full of people to try things on: two of every role but the host, some who have left, and the states that
//! such a room can be in. Built through inputs alone, as a server would.

use dais_shared::ids::{AddressPrefix, MemberId, MessageId, RoomId, UserId};
use dais_shared::limits::{BANS_MAX, HANDS_MAX, INVITATION_MS, INVITATIONS_MAX};
use dais_shared::names::Looks;
use dais_shared::room::{Command, Context, Denied, Event, Input, Join, MicrophoneState, Mode, Pass, Room, Setting, Settings};

/// When every scene begins, in Unix milliseconds.
pub(crate) const START_MS: u64 = 1_000_000;

/// A room and what its shell would know.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) room: Room,
    pub(crate) context: Context,
}

impl House {
    /// A moderated room that waits for its founder.
    pub(crate) fn new(founder: UserId) -> Self {
        let settings = Settings::new("Hall".into(), Mode::Moderated);
        let room = Room::new(RoomId::parse("a-hall-that-nobody-ever-guesses").unwrap(), settings, None, founder);
        Self { room, context: Context::at(START_MS) }
    }

    /// Judges an input and makes its changes.
    pub(crate) fn takes(&mut self, input: &Input) -> Result<Vec<Event>, Denied> {
        let events = self.room.decide(input, &self.context)?;
        for event in &events {
            self.room.apply(event);
        }
        Ok(events)
    }

    /// A command that must be lawful.
    pub(crate) fn obeys(&mut self, member: MemberId, command: Command) -> Vec<Event> {
        let input = Input::Command(member, command);
        self.takes(&input).unwrap_or_else(|denied| panic!("{input:?}: {denied}"))
    }

    /// Somebody comes in from an address of his own.
    pub(crate) fn seats(&mut self, user: UserId) -> MemberId {
        self.takes(&Input::Join(newcomer(user))).unwrap_or_else(|denied| panic!("{user} comes in: {denied}"));
        self.room.seat_of(user).unwrap()
    }

    /// Somebody raises a hand and is called on stage.
    pub(crate) fn calls_up(&mut self, host: MemberId, listener: MemberId) {
        self.obeys(listener, Command::RaiseHand);
        self.obeys(host, Command::AdmitHand(listener));
    }

    pub(crate) fn waits(&mut self, ms: u64) {
        self.context.now_ms += ms;
    }

    /// The deadlines that have come are judged, as a shell does.
    pub(crate) fn runs_dry(&mut self) {
        while self.room.next_deadline_ms().is_some_and(|deadline_ms| deadline_ms <= self.context.now_ms) {
            assert_ne!(self.takes(&Input::DeadlinePassed), Ok(vec![]), "a deadline that is due decides something");
        }
    }
}

/// Somebody whose name and address nobody else has.
pub(crate) fn newcomer(user: UserId) -> Join {
    let name = format!("Person {user}");
    let looks = Looks::plain(&name);
    Join { user, name, looks, address: address_of(user), passcode: None, microphone_open: false, pass: Pass::NONE }
}

pub(crate) fn address_of(user: UserId) -> AddressPrefix {
    // The other way round, so that people are no neighbours either.
    AddressPrefix::V6(user.0.to_le_bytes())
}

/// What is different from a room at rest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    /// Both listeners raise their hands.
    HandsUp,
    /// The host asks both listeners on stage.
    Invited,
    /// A minute passes, and no deadline has been judged yet.
    MinuteLater,
    /// Everybody on stage unmutes, and says that the device is open.
    MicrophonesOpen,
    /// The host mutes everybody.
    MutedByHost,
    /// Whoever wants to takes a seat.
    Open,
    /// As many as are on stage fit there.
    StageFull,
    /// No hands are taken.
    QueueClosed,
    /// No messages are taken.
    ChatClosed,
    /// Whoever is acted on has lost the connection.
    TargetsAway,
    /// Every setting that the table tries is made already.
    SettingsMade,
    /// The second speaker is to be the host after this one.
    SuccessorNamed,
    /// Every message is taken out.
    MessagesRemoved,
    /// Who could be banned of those who have left is.
    DepartedBanned,
    /// As many hands are up as may be, none of them of the people below.
    QueueFull,
    /// As many invitations are under way as may be, none of them to the people below.
    InvitationsFull,
    /// As many are banned as may be, and those who have left have been here once more.
    BansFull,
}

/// Somebody with a role, to act or to be acted on.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    /// Acts.
    pub(crate) first: MemberId,
    /// Is acted on.
    pub(crate) second: MemberId,
}

/// The room and its people.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) house: House,
    /// In the order of rank. The host is both of his pair.
    pub(crate) cast: [Pair; 4],
    /// Who held each role when leaving, in the order of rank.
    pub(crate) departed: [UserId; 4],
    pub(crate) banned: UserId,
    /// What somebody wrote who has left.
    pub(crate) message_of_departed: MessageId,
}

pub(crate) const NOBODY: MemberId = MemberId(999_999);
pub(crate) const NO_USER: UserId = UserId(999_999);
const STRANGERS: u64 = 10_000;

impl Scene {
    /// At rest: everybody has come and written something, nobody's hand is up, and every microphone is closed.
    pub(crate) fn at_rest() -> Self {
        let former_host = UserId(1);
        let mut house = House::new(former_host);
        let first = house.seats(former_host);
        let host = house.seats(UserId(2));
        house.calls_up(first, host);
        let departed = [UserId(3), UserId(4), UserId(5), former_host];
        let [listener, speaker, co_host, _] = departed;
        let listener = house.seats(listener);
        let [speaker, co_host] = [speaker, co_host].map(|user| {
            let member = house.seats(user);
            house.calls_up(first, member);
            member
        });
        house.obeys(first, Command::MakeCoHost(co_host));
        house.obeys(first, Command::NameSuccessor(Some(host)));
        let message_of_departed = house.writes(listener);
        for member in [listener, speaker, co_host, first] {
            house.takes(&Input::Leave(member)).unwrap();
        }
        assert_eq!(house.room.host(), Some(host), "the host who goes is followed by whom he named");
        let banned = UserId(6);
        let member = house.seats(banned);
        house.obeys(host, Command::Ban(member));

        let mut pair = |users: [u64; 2]| {
            let [first, second] = users.map(|user| house.seats(UserId(user)));
            Pair { first, second }
        };
        let [listeners, speakers, co_hosts] = [pair([10, 11]), pair([12, 13]), pair([14, 15])];
        for member in [speakers.first, speakers.second, co_hosts.first, co_hosts.second] {
            house.calls_up(host, member);
        }
        for member in [co_hosts.first, co_hosts.second] {
            house.obeys(host, Command::MakeCoHost(member));
        }
        let cast = [listeners, speakers, co_hosts, Pair { first: host, second: host }];
        for member in cast.map(|pair| pair.first).into_iter().chain(cast[..3].iter().map(|pair| pair.second)) {
            house.writes(member);
        }
        Self { house, cast, departed, banned, message_of_departed }
    }

    /// Under these conditions, which come one after the other.
    pub(crate) fn under(conditions: &[Condition]) -> Self {
        let mut scene = Self::at_rest();
        for condition in conditions {
            scene.meets(*condition);
        }
        scene
    }

    pub(crate) fn host(&self) -> MemberId {
        self.cast[3].first
    }

    /// What this member wrote first.
    pub(crate) fn message_of(&self, member: MemberId) -> MessageId {
        self.house.room.messages().find(|message| message.member == member).map_or(MessageId(999_999), |message| message.id)
    }

    fn on_stage(&self) -> Vec<MemberId> {
        self.house.room.on_stage().map(|(member, ..)| member).collect()
    }

    fn meets(&mut self, condition: Condition) {
        let host = self.host();
        let listeners = [self.cast[0].first, self.cast[0].second];
        match condition {
            Condition::HandsUp => {
                for listener in listeners {
                    self.house.obeys(listener, Command::RaiseHand);
                }
            }
            Condition::Invited => {
                for listener in listeners {
                    self.house.obeys(host, Command::Invite(listener));
                }
            }
            Condition::MinuteLater => self.house.waits(INVITATION_MS),
            Condition::MicrophonesOpen => {
                for member in self.on_stage() {
                    self.house.obeys(member, Command::SetMicrophone { muted: false });
                    self.house.obeys(member, Command::ReportMicrophone(MicrophoneState::Open));
                }
            }
            Condition::MutedByHost => drop(self.house.obeys(host, Command::MuteAll)),
            Condition::Open => drop(self.house.obeys(host, Command::Set(Setting::Mode(Mode::Open)))),
            Condition::StageFull => self.house.context.stage_seats_max = self.house.room.stage_count(),
            Condition::QueueClosed => drop(self.house.obeys(host, Command::Set(Setting::HandQueue(false)))),
            Condition::ChatClosed => drop(self.house.obeys(host, Command::Set(Setting::Chat(false)))),
            Condition::TargetsAway => {
                for pair in self.cast {
                    self.house.takes(&Input::ConnectionLost(pair.second)).unwrap();
                }
            }
            Condition::SettingsMade => {
                for setting in [
                    Setting::Mode(Mode::Open),
                    Setting::Title("Tower".into()),
                    Setting::Topic("Bells".into()),
                    Setting::HandQueue(false),
                    Setting::Chat(false),
                    Setting::Lock(true),
                    Setting::Unlisted(true),
                ] {
                    self.house.obeys(host, Command::Set(setting));
                }
                self.house.obeys(host, Command::SetPasscode(Some("sesame".into())));
            }
            Condition::SuccessorNamed => drop(self.house.obeys(host, Command::NameSuccessor(Some(self.cast[1].second)))),
            Condition::MessagesRemoved => {
                let messages: Vec<_> = self.house.room.messages().map(|message| message.id).collect();
                for message in messages {
                    self.house.obeys(host, Command::RemoveMessage(message));
                }
            }
            Condition::DepartedBanned => {
                for user in &self.departed[..3] {
                    self.house.obeys(host, Command::BanDeparted(*user));
                }
            }
            Condition::QueueFull | Condition::InvitationsFull | Condition::BansFull => self.fills(condition),
        }
    }

    fn fills(&mut self, condition: Condition) {
        let host = self.host();
        let strangers = |count: usize| (STRANGERS..).take(count).map(UserId);
        match condition {
            Condition::QueueFull => {
                for user in strangers(HANDS_MAX) {
                    let member = self.house.seats(user);
                    self.house.obeys(member, Command::RaiseHand);
                }
            }
            Condition::InvitationsFull => {
                for user in strangers(INVITATIONS_MAX) {
                    let member = self.house.seats(user);
                    self.house.obeys(host, Command::Invite(member));
                }
            }
            _ => {
                for user in strangers(BANS_MAX - 1) {
                    let member = self.house.seats(user);
                    self.house.obeys(host, Command::Ban(member));
                }
                let members = [0, 1, 2].map(|rank: usize| self.house.seats(self.departed[rank]));
                for member in [members[1], members[2]] {
                    self.house.calls_up(host, member);
                }
                self.house.obeys(host, Command::MakeCoHost(members[2]));
                for member in members {
                    self.house.takes(&Input::Leave(member)).unwrap();
                }
            }
        }
    }
}

impl House {
    pub(crate) fn writes(&mut self, member: MemberId) -> MessageId {
        let events = self.obeys(member, Command::SendMessage(format!("I am {member}")));
        let [Event::MessagePosted(message)] = &events[..] else { panic!("{events:?}") };
        message.id
    }
}
