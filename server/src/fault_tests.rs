//! A fault of ours in one room stays in that room, and a store that fails silences nobody. Here and not among the
//! stories, since only the crate itself can make its parts fail on purpose.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod hang;
mod supervised;

use std::path::Path;
use std::time::Duration;

use dais_shared::ids::{PageId, RequestId, RoomId, Seq, Token, UserId};
use dais_shared::limits::{HEARTBEAT_MS, ROOM_RESTARTS_MAX};
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Event, Mode, Order, Room, Setting};
use dais_shared::view::View;
use dais_shared::voice::Header;
use dais_shared::wire::{
    ClientFrame, FromServer, Goodbye, Identity, PROTOCOL_VERSION, Reply, Request, ServerFrame, decode_server, encode_client,
    encode_client_voice,
};
use futures_util::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as WebSocketMessage;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::connection::FAULT;
use crate::room_actor::Message;
use crate::store::{Write, back_up};
use crate::{Config, Running, Server};

/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(server: &Running, token: Option<Token>) -> Self {
        let (socket, _) = connect_async(format!("ws://{}/ws", server.addr)).await.unwrap();
        let mut client = Self(socket);
        client.send(&ClientFrame::Hello { version: PROTOCOL_VERSION, client: "test".into(), token }).await;
        client
    }

    async fn send(&mut self, frame: &ClientFrame) {
        self.0.send(WebSocketMessage::Binary(encode_client(frame).into())).await.unwrap();
    }

    async fn ask(&mut self, request: Request) -> (Result<Reply, Denied>, Option<View>) {
        self.send(&ClientFrame::Request { id: RequestId(7), request }).await;
        let mut view = None;
        loop {
            match self.next().await {
                ServerFrame::Reply { result, .. } => return (result, view),
                ServerFrame::Snapshot(snapshot) => view = Some(snapshot),
                _ => {}
            }
        }
    }

    async fn next(&mut self) -> ServerFrame {
        let message = self.0.next().await.unwrap().unwrap().into_data();
        match decode_server(&message).unwrap() {
            FromServer::Control(frame) => frame,
            FromServer::Voice { .. } => panic!("nobody speaks now"),
        }
    }

    async fn say(&mut self, sequence: u32) {
        let header = Header { sequence: Seq(sequence), timestamp: 0, duration_samples: 960, level_dbov: 0, flags: 0 };
        self.0.send(WebSocketMessage::Binary(encode_client_voice(&header, b"la").into())).await.unwrap();
    }

    async fn hear(&mut self) {
        loop {
            let message = self.0.next().await.unwrap().unwrap().into_data();
            if let FromServer::Voice { payload, .. } = decode_server(&message).unwrap() {
                assert_eq!(payload, b"la");
                return;
            }
        }
    }

    async fn goodbye(&mut self) -> Goodbye {
        loop {
            if let ServerFrame::Goodbye(goodbye) = self.next().await {
                return goodbye;
            }
        }
    }
}

async fn start() -> (Running, TempDir) {
    start_with(Config::default()).await
}

async fn start_with(config: Config) -> (Running, TempDir) {
    let folder = TempDir::with_prefix("dais-").unwrap();
    let config = Config { listen: ([127, 0, 0, 1], 0).into(), data_dir: folder.path().to_owned(), ..config };
    (Server::start(config).await.unwrap(), folder)
}

async fn logged_in(server: &Running) -> (Client, Token) {
    let mut client = Client::connect(server, None).await;
    match client.ask(Request::Login { name: "Ada".into() }).await {
        (Ok(Reply::LoggedIn { token: Some(token), .. }), _) => (client, token),
        (other, _) => panic!("{other:?}"),
    }
}

fn room(name: &str) -> RoomId {
    RoomId::parse(name).unwrap()
}

fn creating(name: &str) -> Request {
    Request::CreateRoom {
        room: Some(room(name)),
        title: name.into(),
        mode: Mode::Moderated,
        unlisted: false,
        passcode: None,
        page: PageId(1),
    }
}

fn joining_room(name: &str) -> Request {
    Request::JoinRoom { room: room(name), passcode: None, page: PageId(1), take_over: false, microphone_open: false }
}

/// What the operator is answered.
async fn ordered(server: &Running, order: Order) -> Result<(), Denied> {
    let mailbox = server.house().rooms.find(&room("hall")).unwrap().mailbox;
    let (answer, answered) = tokio::sync::oneshot::channel();
    mailbox.send(Message::Order { order, answer }).await.unwrap();
    answered.await.unwrap()
}

async fn fail(server: &Running, name: &str) {
    let mailbox = server.house().rooms.find(&room(name)).unwrap().mailbox;
    mailbox.send(Message::Fault).await.unwrap();
    mailbox.closed().await;
}

#[tokio::test]
async fn a_room_that_dies_is_taken_up_again_and_the_others_do_not_notice() {
    let (server, _folder) = start().await;
    let (mut host, token) = logged_in(&server).await;
    host.ask(creating("unlucky")).await.0.unwrap();
    let (mut neighbour, _) = logged_in(&server).await;
    neighbour.ask(creating("lucky")).await.0.unwrap();

    let joining = joining_room("unlucky");
    let (mut listener, _) = logged_in(&server).await;
    listener.ask(joining.clone()).await.0.unwrap();
    fail(&server, "unlucky").await;
    for one in [&mut host, &mut listener] {
        // Not with its next heartbeat.
        let told = timeout(Duration::from_millis(HEARTBEAT_MS / 2), one.goodbye()).await;
        assert_eq!(told, Ok(Goodbye::Overloaded));
    }

    let mut host = Client::connect(&server, Some(token)).await;
    while server.metrics().room_restarts_total.get() == 0 {
        tokio::task::yield_now().await;
    }
    let view = host.ask(joining).await.1.unwrap();
    assert_eq!(view.my_role(), Role::Host, "the seat was kept");
    assert_eq!(server.metrics().room_restarts_total.get(), 1);
    let (members, _) = neighbour.ask(Request::ListMembers { after: None }).await;
    assert!(matches!(members, Ok(Reply::Members { total: 1, .. })), "{members:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_connection_that_dies_leaves_a_seat_that_is_held_and_the_others_do_not_notice() {
    let (server, _folder) = start().await;
    let (mut host, token) = logged_in(&server).await;
    host.ask(creating("hall")).await.0.unwrap();
    let (mut guest, _) = logged_in(&server).await;
    guest.ask(joining_room("hall")).await.0.unwrap();
    host.send(&ClientFrame::Pong { nonce: FAULT }).await;
    assert_eq!(host.goodbye().await, Goodbye::Overloaded, "his page comes back at once");
    let (_, view) = guest.ask(Request::Resync).await;
    let held = |view: &View| view.stage.iter().any(|person| person.held_until_ms.is_some());
    assert!(held(&view.unwrap()), "the room knows that he is away");
    let mut host = Client::connect(&server, Some(token)).await;
    let view = host.ask(joining_room("hall")).await.1.unwrap();
    assert_eq!((view.my_role(), held(&view)), (Role::Host, false));
    server.shutdown().await;
}

/// Lets a room die until it is not taken up again.
async fn dies_too_often(server: &Running, id: &str) {
    let mut changes = server.house().rooms.watch();
    for restarts in 0..=u64::from(ROOM_RESTARTS_MAX) {
        while server.metrics().room_restarts_total.get() < restarts {
            tokio::task::yield_now().await;
        }
        fail(server, id).await;
    }
    while server.house().rooms.find(&room(id)).is_some() {
        changes.changed().await.unwrap();
    }
}

/// Waits until the end of a room is on its way to the disk: its id is free then.
async fn until_free(server: &Running, id: &str) {
    let free = async {
        while server.house().rooms.is_owed(&room(id)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), free).await.expect("its end is handed over");
}

#[tokio::test]
async fn a_room_that_keeps_dying_is_ended() {
    let (server, _folder) = start().await;
    let (mut host, _) = logged_in(&server).await;
    host.ask(creating("cursed")).await.0.unwrap();
    dies_too_often(&server, "cursed").await;
    until_free(&server, "cursed").await;
    let (mut other, _) = logged_in(&server).await;
    other.ask(creating("cursed")).await.0.unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn a_room_that_kept_dying_while_the_disk_failed_is_over_when_that_is_well() {
    let (server, folder) = start().await;
    let (mut host, token) = logged_in(&server).await;
    host.ask(creating("cursed")).await.0.unwrap();
    let (mut other, _) = logged_in(&server).await;
    other.ask(creating("hall")).await.0.unwrap();
    let store = &server.house().store;
    store.fill(true).await;
    // What there is no room for fails time and again.
    let topic = Event::SettingChanged { setting: Setting::Topic("x".repeat(100_000)), by: UserId(1) };
    assert!(store.write(Write::Events { room: room("hall"), events: vec![topic] }).await.is_err());
    dies_too_often(&server, "cursed").await;
    assert!(store.is_failing() && server.house().rooms.is_owed(&room("cursed")));
    store.fill(false).await;
    until_free(&server, "cursed").await;
    // Committed behind it.
    store.write(Write::IdentityRevoked { user: UserId(1) }).await.unwrap();
    let (server, _left) = after_a_crash(folder.path()).await;
    let mut host = Client::connect(&server, Some(token)).await;
    assert_eq!(host.ask(joining_room("cursed")).await.0, Err(Denied::UnknownRoom));
    server.shutdown().await;
}

#[tokio::test]
async fn without_a_store_sound_goes_on_and_only_what_restricts_is_obeyed() {
    let (server, _folder) = start().await;
    let (mut host, _) = logged_in(&server).await;
    host.ask(creating("hall")).await.0.unwrap();
    let (mut guest, _) = logged_in(&server).await;
    let joining = joining_room("hall");
    let me = guest.ask(joining).await.1.unwrap().me;
    guest.ask(Request::Room(Command::RaiseHand)).await.0.unwrap();
    host.ask(Request::Room(Command::AdmitHand(me))).await.0.unwrap();
    guest.ask(Request::Room(Command::SetMicrophone { muted: false })).await.0.unwrap();
    assert_eq!(server.house().store.check(), Ok(()));

    server.house().store.die().await;
    assert!(server.house().store.check().is_err(), "and /healthz says so");
    assert_eq!(ordered(&server, Order::Unban(UserId(1))).await, Err(Denied::Unavailable));
    for refused in [Command::Set(Setting::Title("Other".into())), Command::LiftMute(me)] {
        assert_eq!(host.ask(Request::Room(refused)).await.0, Err(Denied::Unavailable));
    }
    guest.say(1).await;
    host.hear().await;
    host.ask(Request::Room(Command::MuteSpeaker(me))).await.0.unwrap();
    guest.say(2).await;
    let (_, view) = guest.ask(Request::Resync).await;
    assert!(view.unwrap().my_stage().unwrap().host_muted);
    assert_eq!(server.metrics().voice_frames_heard_total.get(), 1);
    guest.ask(Request::LeaveRoom).await.0.unwrap();
    assert_eq!(ordered(&server, Order::End).await, Err(Denied::Unavailable), "it is over, and that may be forgotten");
    assert!(server.house().rooms.find(&room("hall")).is_none());
    server.shutdown().await;
}

/// Waits until the disk is found failing, or well again.
async fn until_the_disk_is(server: &Running, is_failing: bool) {
    let store = &server.house().store;
    store.fill(is_failing).await;
    while store.is_failing() != is_failing {
        // Too long for what there is room for yet; whoever is told of it is none.
        let identity = Identity { user: UserId(1), name: "x".repeat(100_000) };
        let _ = store.write(Write::IdentityCreated { identity, token: [0; 32], link: None }).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn without_a_store_people_come_back_to_their_seats_and_nobody_new_comes_in() {
    let (server, _folder) = start().await;
    let (mut host, token) = logged_in(&server).await;
    host.ask(creating("hall")).await.0.unwrap();
    let mut again = Client::connect(&server, Some(token)).await;
    assert!(matches!(again.next().await, ServerFrame::Welcome { identity: Some(_), .. }));
    let (mut stranger, _) = logged_in(&server).await;
    server.house().store.die().await;
    drop(host);
    let view = again.ask(joining_room("hall")).await.1.unwrap();
    assert_eq!(view.my_role(), Role::Host, "the seat was held");
    assert_eq!(stranger.ask(joining_room("hall")).await.0, Err(Denied::Unavailable));
    server.shutdown().await;
}

#[tokio::test]
async fn a_store_that_cannot_say_who_somebody_is_does_not_say_nobody() {
    let (server, _folder) = start().await;
    let (host, token) = logged_in(&server).await;
    drop(host);
    server.house().store.die().await;
    let mut host = Client::connect(&server, Some(token)).await;
    assert_eq!(host.goodbye().await, Goodbye::Overloaded, "his page would forget its token");
    server.shutdown().await;
}

/// A server on what a crash would leave now.
async fn after_a_crash(folder: &Path) -> (Running, TempDir) {
    let left = TempDir::with_prefix("dais-").unwrap();
    back_up(folder, &left.path().join("dais.db")).unwrap();
    let config = Config { listen: ([127, 0, 0, 1], 0).into(), data_dir: left.path().to_owned(), ..Config::default() };
    (Server::start(config).await.unwrap(), left)
}

#[tokio::test]
async fn what_was_decided_without_the_disk_is_on_it_as_soon_as_it_is_well() {
    let (server, folder) = start().await;
    let (mut host, _) = logged_in(&server).await;
    host.ask(creating("hall")).await.0.unwrap();
    let (mut guest, token) = logged_in(&server).await;
    guest.ask(joining_room("hall")).await.0.unwrap();
    let (mut other, _) = logged_in(&server).await;
    other.ask(creating("brief")).await.0.unwrap();

    until_the_disk_is(&server, true).await;
    host.ask(Request::Room(Command::Set(Setting::Lock(true)))).await.0.unwrap();
    other.ask(Request::Room(Command::EndRoom)).await.0.unwrap();
    assert_eq!(other.ask(creating("brief")).await.0, Err(Denied::Unavailable));
    until_the_disk_is(&server, false).await;
    // Its id is free as soon as its end is handed over.
    let handed_over = async {
        while server.house().rooms.is_owed(&room("brief")) || !is_kept_locked(&server).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), handed_over).await.expect("what was decided is handed over");
    // Committed behind what the rooms had handed over.
    server.house().store.write(Write::IdentityRevoked { user: UserId(1) }).await.unwrap();

    let (server, _left) = after_a_crash(folder.path()).await;
    let mut guest = Client::connect(&server, Some(token)).await;
    assert_eq!(guest.ask(joining_room("brief")).await.0, Err(Denied::UnknownRoom), "it is over");
    assert!(guest.ask(joining_room("hall")).await.1.unwrap().settings.is_locked, "and nobody has opened this one");
    server.shutdown().await;
}

async fn is_kept_locked(server: &Running) -> bool {
    kept(server).await.is_some_and(|room| room.settings().is_locked)
}

async fn kept(server: &Running) -> Option<Room> {
    server.house().store.load_room(room("hall")).await.unwrap()
}
