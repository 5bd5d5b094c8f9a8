//! docs/protocol.md promises bytes. Here they are made by the code and compared, row by row.

use dais_shared::ids::{InvitationId, MemberId, MessageId, PageId, RequestId, Revision, RoomId, Seq, StreamId, Token, UserId};
use dais_shared::permissions::Role;
use dais_shared::room::{
    Command, Denied, LeaveReason, Message, MicrophoneSetBy, MicrophoneState, Mode, Reaction, Setting, Settings, StageEntry,
};
use dais_shared::view::{Change, Delta, Hand, Invited, Listener, Member, Moderation, MyInvitation, Person, Private, View};
use dais_shared::voice::{self, TALKSPURT_START};
use dais_shared::wire::{
    self, ClientFrame, FromClient, FromServer, Goodbye, Identity, PROTOCOL_VERSION, Reply, Request, RoomSummary, RoomsPage,
    ServerFrame,
};

const DOCUMENT: &str = include_str!("../../docs/protocol.md");

fn room() -> RoomId {
    RoomId::parse("hall").expect("a lawful id")
}

fn request(id: u32, request: Request) -> Vec<u8> {
    wire::encode_client(&ClientFrame::Request { id: RequestId(id), request })
}

fn voice_header() -> voice::Header {
    voice::Header { sequence: Seq(300), timestamp: 288_000, duration_samples: 960, level_dbov: 23, flags: TALKSPURT_START }
}

fn person() -> Person {
    Person {
        member: MemberId(1),
        user: UserId(500),
        name: "Ada".into(),
        role: Role::Host,
        stream: StreamId(1),
        since_ms: 1000,
        self_muted: false,
        host_muted: false,
        microphone: MicrophoneState::Open,
        held_until_ms: None,
    }
}

fn create(room: Option<RoomId>, unlisted: bool, passcode: Option<String>) -> Request {
    Request::CreateRoom { room, title: "Hall".into(), mode: Mode::Moderated, unlisted, passcode, page: PageId(9) }
}

fn join(passcode: Option<String>, take_over: bool) -> Request {
    Request::JoinRoom { room: room(), passcode, page: PageId(9), take_over, microphone_open: false }
}

fn message() -> Message {
    let text = Some("Hi".into());
    Message { id: MessageId(1), member: MemberId(2), user: UserId(501), name: "Bob".into(), at_ms: 3000, text }
}

fn view() -> View {
    View {
        room: room(),
        settings: Settings::new("Hall".into(), Mode::Moderated),
        revision: Revision(4),
        ends_at_ms: None,
        me: MemberId(2),
        my_name: "Bob".into(),
        stage: vec![person()],
        hands: vec![Hand { member: MemberId(2), name: "Bob".into(), raised_ms: 2000 }],
        audience_count: 1,
        audience: vec![Listener { member: MemberId(2), user: UserId(501), name: "Bob".into(), reconnecting: false }],
        messages: vec![message()],
        private: Private::default(),
    }
}

/// What a moderator and what an invited listener learn in private.
fn private() -> Vec<Change> {
    let expires_ms = 63_000;
    let invited = vec![Invited { member: MemberId(2), name: "Bob".into(), expires_ms }];
    let moderation = Some(Moderation { invited, successor: None, bans: 0 });
    let invitation = Some(MyInvitation { id: InvitationId(3), by: "Ada".into(), expires_ms });
    vec![Change::Private(Private { invitation: None, moderation }), Change::Private(Private { invitation, moderation: None })]
}

fn from_clients() -> Vec<(&'static str, Vec<u8>)> {
    let hello = |token| ClientFrame::Hello { version: PROTOCOL_VERSION, client: "dais web".into(), token };
    vec![
        ("hello", wire::encode_client(&hello(None))),
        ("hello with a token", wire::encode_client(&hello(Some(Token([0xA5; 16]))))),
        ("log in", request(1, Request::Login { name: "Ada".into() })),
        ("log out", request(1, Request::Logout)),
        ("list rooms", request(2, Request::ListRooms { after: None })),
        ("create a room", request(3, create(Some(room()), false, None))),
        ("create an unlisted room with a passcode", request(3, create(None, true, Some("sesame".into())))),
        ("join a room", request(4, join(None, false))),
        ("take the seat over", request(4, join(None, true))),
        ("join with a passcode", request(4, join(Some("sesame".into()), false))),
        ("leave", request(4, Request::LeaveRoom)),
        ("list members", request(4, Request::ListMembers { after: Some(MemberId(100)) })),
        ("resync", request(4, Request::Resync)),
        ("lower the hand", request(5, Request::Room(Command::LowerHand))),
        ("take a seat", request(5, Request::Room(Command::TakeSeat))),
        ("leave the stage", request(5, Request::Room(Command::LeaveStage))),
        ("mute oneself", request(5, Request::Room(Command::SetMicrophone { muted: true }))),
        ("decline a hand", request(5, Request::Room(Command::DeclineHand(MemberId(7))))),
        ("lift a mute", request(5, Request::Room(Command::LiftMute(MemberId(7))))),
        ("set a passcode", request(5, Request::Room(Command::SetPasscode(Some("sesame".into()))))),
        ("raise a hand", request(5, Request::Room(Command::RaiseHand))),
        ("admit a hand", request(6, Request::Room(Command::AdmitHand(MemberId(7))))),
        ("unmute", request(7, Request::Room(Command::SetMicrophone { muted: false }))),
        ("mute a speaker", request(8, Request::Room(Command::MuteSpeaker(MemberId(7))))),
        ("remove from stage", request(9, Request::Room(Command::RemoveFromStage(MemberId(7))))),
        ("invite", request(10, Request::Room(Command::Invite(MemberId(7))))),
        (
            "accept an invitation",
            request(11, Request::Room(Command::RespondInvite { invitation: InvitationId(3), accept: true })),
        ),
        ("kick", request(12, Request::Room(Command::Kick(MemberId(7))))),
        ("make a co-host", request(13, Request::Room(Command::MakeCoHost(MemberId(7))))),
        ("hand over", request(14, Request::Room(Command::HandOver(MemberId(7))))),
        ("lock", request(15, Request::Room(Command::Set(Setting::Lock(true))))),
        ("send a message", request(16, Request::Room(Command::SendMessage("Hi".into())))),
        ("react", request(17, Request::Room(Command::React(Reaction::Heart)))),
        ("silence a voice", request(18, Request::Silence { stream: StreamId(5), silent: true })),
        ("ping", wire::encode_client(&ClientFrame::Ping { nonce: 9 })),
        ("voice report", wire::encode_client(&ClientFrame::VoiceReport { newest_ms: 1_700_000_000_123 })),
        ("clock mapping", wire::encode_client(&ClientFrame::ClockMapping { timestamp: 48_000, server_ms: 1_700_000_000_000 })),
        ("voice", wire::encode_client_voice(&voice_header(), &[0x78, 0x01, 0x02])),
    ]
}

fn from_servers() -> Vec<(&'static str, Vec<u8>)> {
    let reply = |id, revision, result| ServerFrame::Reply { id: RequestId(id), revision: Revision(revision), result };
    let identity = Identity { user: UserId(500), name: "Ada".into() };
    let delta = Delta {
        from: Revision(4),
        to: Revision(6),
        changes: vec![
            Change::StageJoined {
                person: Person { member: MemberId(2), name: "Bob".into(), ..person() },
                entry: StageEntry::Admitted,
            },
            Change::MicrophoneSet { member: MemberId(2), self_muted: true, host_muted: true, by: MicrophoneSetBy::Moderator },
        ],
    };
    let summary = RoomSummary {
        id: room(),
        title: "Hall".into(),
        mode: Mode::Open,
        host: Some("Ada".into()),
        on_stage: 1,
        listening: 2,
        is_locked: false,
        has_passcode: true,
    };
    let member = Member { member: MemberId(1), user: UserId(500), name: "Ada".into(), role: Role::Host };
    let mapping = ServerFrame::ClockMapping { stream: StreamId(5), timestamp: 48_000, server_ms: 1_700_000_000_000 };
    let put_out = ServerFrame::PutOut { room: room(), reason: LeaveReason::Kicked, until_ms: Some(63_000) };
    let voice_bytes = wire::encode_client_voice(&voice_header(), &[0x78, 0x01, 0x02]);
    let origin = voice::Origin { stream: StreamId(5), arrived_ms: 1_700_000_000_123 };
    vec![
        (
            "welcome",
            wire::encode_server(&ServerFrame::Welcome {
                version: PROTOCOL_VERSION,
                server_ms: 1_700_000_000_000,
                identity: Some(identity.clone()),
                heartbeat_ms: 5000,
            }),
        ),
        ("members", wire::encode_server(&reply(4, 3, Ok(Reply::Members { members: vec![member], total: 1 })))),
        ("ping of the server", wire::encode_server(&ServerFrame::Ping { nonce: 9 })),
        ("a speaker's clock mapping", wire::encode_server(&mapping)),
        ("the time in a silence", wire::encode_server(&ServerFrame::Clock { server_ms: 1_700_000_000_000 })),
        ("goodbye", wire::encode_server(&ServerFrame::Goodbye(Goodbye::WrongVersion))),
        ("logged in", wire::encode_server(&reply(1, 0, Ok(Reply::LoggedIn { identity, token: Some(Token([0xA5; 16])) })))),
        ("joined", wire::encode_server(&reply(4, 3, Ok(Reply::Joined { room: room(), member: MemberId(2) })))),
        ("denied", wire::encode_server(&reply(6, 4, Err(Denied::StageFull)))),
        ("a room to be opened", wire::encode_server(&reply(7, 0, Ok(Reply::RoomToOpen)))),
        ("denied, by the network's share", wire::encode_server(&reply(8, 0, Err(Denied::TooManyRoomsOfNetwork)))),
        ("denied, as the room gave way", wire::encode_server(&reply(9, 0, Err(Denied::RoomGaveWay)))),
        ("snapshot", wire::encode_server(&ServerFrame::Snapshot(view()))),
        ("delta", wire::encode_server(&ServerFrame::Delta(delta))),
        (
            "an empty delta",
            wire::encode_server(&ServerFrame::Delta(Delta { from: Revision(6), to: Revision(7), changes: vec![] })),
        ),
        (
            "private changes",
            wire::encode_server(&ServerFrame::Delta(Delta { from: Revision(7), to: Revision(8), changes: private() })),
        ),
        ("put out", wire::encode_server(&put_out)),
        ("rooms", wire::encode_server(&ServerFrame::Rooms(RoomsPage { rooms: vec![summary], total: 1 }))),
        ("pong", wire::encode_server(&ServerFrame::Pong { nonce: 9, server_ms: 1_700_000_000_456 })),
        ("voice acknowledged", wire::encode_server(&ServerFrame::VoiceAck { sequence: Seq(300) })),
        ("voice with its origin", wire::encode_server_voice(&origin, &voice_bytes[1..])),
        ("two voices at once", two_at_once(&wire::encode_server_voice(&origin, &voice_bytes[1..]))),
    ]
}

fn two_at_once(message: &[u8]) -> Vec<u8> {
    let mut bundle = Vec::new();
    wire::encode_bundle_head([message.len(); 2].into_iter(), &mut bundle);
    [&bundle, message, message].concat()
}

fn documented() -> Vec<(String, String)> {
    DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix("` |")?.split_once(" | `"))
        .map(|(name, hex)| (name.trim().to_owned(), hex.split_whitespace().collect()))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_documented_byte_is_what_the_code_writes() {
    let made: Vec<(String, String)> =
        from_clients().into_iter().chain(from_servers()).map(|(name, bytes)| (name.to_owned(), hex(&bytes))).collect();
    let rows: String = made.iter().map(|(name, hex)| format!("| {name} | `{hex}` |\n")).collect();
    assert_eq!(documented(), made, "the code makes these rows:\n{rows}");
}

#[test]
fn every_documented_byte_is_read_back() {
    for (name, bytes) in from_clients() {
        match wire::decode_client(&bytes) {
            Ok(FromClient::Control(frame)) => assert_eq!(wire::encode_client(&frame), bytes, "{name}"),
            Ok(FromClient::Voice { bytes: rest, header }) => {
                assert_eq!((rest, header), (&bytes[1..], voice_header()), "{name}");
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    let from_servers = from_servers();
    let messages = from_servers
        .iter()
        .flat_map(|(name, bytes)| wire::messages(bytes).expect("what the code writes").map(move |message| (name, message)));
    for (name, bytes) in messages {
        match wire::decode_server(bytes) {
            Ok(FromServer::Control(frame)) => assert_eq!(wire::encode_server(&frame), bytes, "{name}"),
            Ok(FromServer::Voice { origin, header, payload }) => {
                assert_eq!((origin.stream, header, payload), (StreamId(5), voice_header(), &[0x78, 0x01, 0x02][..]), "{name}");
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

#[test]
fn no_prefix_of_a_control_message_passes_for_a_whole_one() {
    for (name, bytes) in from_clients().into_iter().filter(|(name, _)| *name != "voice") {
        for end in 0..bytes.len() {
            assert!(wire::decode_client(&bytes[..end]).is_err(), "{name}, {end} bytes");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(wire::decode_client(&longer).is_err(), "{name} and a byte more");
    }
}

#[test]
fn a_hello_of_another_version_is_told_apart_from_nonsense() {
    let mut hello =
        wire::encode_client(&ClientFrame::Hello { version: PROTOCOL_VERSION + 1, client: String::new(), token: None });
    hello.extend_from_slice(b"whatever that version says");
    assert_eq!(wire::decode_client(&hello), Err(wire::DecodeError::WrongVersion(PROTOCOL_VERSION + 1)));
    // Its variant in two bytes, as no encoder writes it.
    assert_eq!(wire::decode_client(&[0, 0x80, 0, 1, 0, 0]), Err(wire::DecodeError::WrongVersion(1)));
}
