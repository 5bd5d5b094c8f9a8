//! Who one is, which rooms there are, and who sits in them.

use dais_server::Config;
use dais_shared::limits::{MEMBERS_PAGE_MAX, ROOMS_ADDRESS_SHARE, ROOMS_PER_USER};
use dais_shared::names::InvalidName;
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, Mode, RoomEndReason};
use dais_shared::view::Change;
use dais_shared::wire::{Goodbye, Reply, Request, RoomsPage, ServerFrame};

use crate::harness::{RawPeer, TestMember, TestServer};

#[tokio::test]
async fn login_gives_a_unique_identity_that_its_token_opens_again() {
    let server = TestServer::start().await;
    let mut ada = server.stranger().await;
    assert!(ada.identity.is_none());
    let identity = ada.logs_in("  Ada ").await.unwrap();
    assert_eq!(identity.name, "Ada");
    let other = server.person("Ada").await;
    assert!(other.identity.as_ref().unwrap().user != identity.user, "names may repeat, identities do not");

    let mut ada = ada.reconnects().await;
    assert_eq!(ada.identity, Some(identity.clone()));
    let renamed = ada.logs_in("Ada L.").await.unwrap();
    assert_eq!((renamed.user, renamed.name.as_str()), (identity.user, "Ada L."));

    let mut nobody = server.stranger().await;
    assert_eq!(nobody.logs_in("a\u{202E}b").await, Err(Denied::InvalidName(InvalidName::Unprintable)));
    assert_eq!(nobody.logs_in("  ").await, Err(Denied::InvalidName(InvalidName::Empty)));
}

#[tokio::test]
async fn logout_leaves_the_room_and_its_token_opens_nothing_any_more() {
    let server = TestServer::start().await;
    let (mut host, mut guest, _witness) = server.talk().await;
    let second_page = guest.second_page().await;
    assert_eq!(guest.asks(Request::Logout).await, Ok(Reply::Done));
    let id = guest.id();
    host.sees(|view| view.person(id).is_none()).await;
    let ended = guest.until_end().await;
    assert_eq!((ended.goodbye, ended.close_code), (Some(Goodbye::LoggedOut), Some(4009)));
    assert_eq!(second_page.end().await.goodbye, Some(Goodbye::LoggedOut), "on every page");
    let again = guest.reconnects().await;
    assert_eq!(again.identity, None);
}

#[tokio::test]
async fn without_login_the_lobby_can_be_seen_and_nothing_else() {
    let server = TestServer::start().await;
    let mut stranger = server.stranger().await;
    assert_eq!(stranger.lists_rooms(None).await, RoomsPage { rooms: vec![], total: 0 });
    assert_eq!(stranger.creates("hall", Mode::Open).await, Err(Denied::NotLoggedIn));
    assert_eq!(stranger.joins("hall").await, Err(Denied::NotLoggedIn));
    assert_eq!(stranger.asks(Request::Logout).await, Err(Denied::NotLoggedIn));
    for request in [Request::LeaveRoom, Request::Resync, Request::Room(Command::RaiseHand)] {
        assert_eq!(stranger.asks(request.clone()).await, Err(Denied::NotInRoom), "{request:?}");
    }
}

#[tokio::test]
async fn the_room_list_shows_rooms_as_they_are() {
    let server = TestServer::start().await;
    let _host = server.host(Mode::Moderated).await;
    let mut other = server.person("Zoe").await;
    let id = other.creates_unnamed().await.unwrap();
    assert_eq!(id.as_str().len(), 10);
    let _listener = server.listener("Ben").await;
    let mut visitor = server.stranger().await;
    let page = visitor.lists_rooms(None).await;
    assert_eq!(page.total, 2);
    let hall = page.rooms.iter().find(|room| room.id.as_str() == "hall").unwrap();
    assert_eq!((hall.title.as_str(), hall.mode, hall.host.as_deref()), ("A hall", Mode::Moderated, Some("Ada")));
    assert_eq!((hall.on_stage, hall.listening), (1, 1));
    let ids: Vec<_> = page.rooms.iter().map(|room| room.id.as_str()).collect();
    assert!(ids.is_sorted());
    let rest = visitor.lists_rooms(Some(ids[0])).await;
    assert_eq!(rest.rooms, page.rooms[1..]);
}

#[tokio::test]
async fn who_watches_the_room_list_is_told_of_changes() {
    let server = TestServer::start().await;
    let mut watcher = server.stranger().await;
    watcher.asks(Request::WatchRooms { watch: true }).await.unwrap();
    let shows = |count: u32| {
        move |watcher: &crate::harness::TestMember| {
            let last = watcher.told.iter().rev().find_map(|frame| match frame {
                ServerFrame::Rooms(page) => Some(page.total),
                _ => None,
            });
            last == Some(count)
        }
    };
    watcher.until("the list as it is", shows(0)).await;
    let mut host = server.host(Mode::Moderated).await;
    watcher.until("a new room", shows(1)).await;
    host.commands(Command::EndRoom).await.unwrap();
    watcher.until("an ended room", shows(0)).await;
}

#[tokio::test]
async fn a_room_id_is_taken_while_its_room_lives() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut other = server.person("Zoe").await;
    assert_eq!(other.creates("hall", Mode::Open).await, Err(Denied::RoomIdTaken));
    host.leaves().await.unwrap();
    assert_eq!(other.joins("hall").await, Err(Denied::UnknownRoom), "a room without anybody has ended");
    other.creates("hall", Mode::Open).await.unwrap();
    assert_eq!(other.role(), Role::Host);
    assert_eq!(other.creates("attic", Mode::Open).await, Err(Denied::AlreadyInRoom));
}

#[tokio::test]
async fn an_ended_room_lets_everybody_go_and_their_connections_stay() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    host.commands(Command::EndRoom).await.unwrap();
    for member in [&mut host, &mut guest, &mut witness] {
        let is_end = |change: &Change| matches!(change, Change::RoomEnded(RoomEndReason::ByHost));
        member.until("the end", |member| member.changes.iter().any(is_end)).await;
        assert_eq!(member.joins("hall").await, Err(Denied::UnknownRoom));
    }
    witness.creates("hall", Mode::Open).await.unwrap();
    assert_eq!(server.status().rooms, 1);
}

#[tokio::test]
async fn the_member_list_names_everybody_in_pages() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut people = Vec::new();
    for number in 0..MEMBERS_PAGE_MAX + 5 {
        people.push(server.listener(&format!("Person {number}")).await);
    }
    let mut names = Vec::new();
    let mut after = None;
    loop {
        match host.asks(Request::ListMembers { after }).await {
            Ok(Reply::Members { members, total }) => {
                assert_eq!(total as usize, people.len() + 1);
                assert!(members.len() <= MEMBERS_PAGE_MAX);
                let Some(last) = members.last() else { break };
                after = Some(last.member);
                names.extend(members.into_iter().map(|member| (member.name, member.role)));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(names.len(), people.len() + 1);
    assert_eq!(names[0], ("Ada".into(), Role::Host));
    assert!(names[1..].iter().all(|(name, role)| name.starts_with("Person") && *role == Role::Listener));
    let count = u32::try_from(people.len()).unwrap();
    // The first of them are named, little by little.
    let named = dais_shared::limits::AUDIENCE_IN_VIEW;
    host.sees(|view| view.audience_count == count && view.audience.len() == named).await;
    assert_eq!(server.status().members, u64::from(count) + 1);
}

#[tokio::test]
async fn one_person_holds_so_many_rooms_and_no_more() {
    let server = TestServer::start().await;
    let mut pages = vec![server.person("Ada").await];
    for number in 0..ROOMS_PER_USER {
        let page = pages.last_mut().unwrap();
        page.creates(&format!("room-{number}"), Mode::Open).await.unwrap();
        let next = page.second_page().await;
        pages.push(next);
    }
    let denied = pages.last_mut().unwrap().creates("one-more", Mode::Open).await;
    assert_eq!(denied, Err(Denied::TooManyRoomsOfYours));
}

#[tokio::test]
async fn one_address_holds_so_many_rooms_and_others_find_place() {
    const ROOMS: usize = 50; // so few that nobody falls silent meanwhile
    let server = TestServer::start_with(Config { rooms: ROOMS, ..Config::default() }).await;
    let mut founders = Vec::new();
    for number in 0..ROOMS / ROOMS_ADDRESS_SHARE {
        let mut founder = server.person(&format!("Person {number}")).await;
        founder.creates(&format!("room-{number}"), Mode::Open).await.unwrap();
        founders.push(founder);
    }
    let denied = server.person("Ada").await.creates("one-more", Mode::Open).await;
    assert_eq!(denied, Err(Denied::TooManyRoomsOfNetwork));
    let mut elsewhere = TestMember::connect_from([127, 0, 0, 2], server.way().clone()).await;
    elsewhere.logs_in("Ben").await.unwrap();
    elsewhere.creates("elsewhere", Mode::Open).await.unwrap();
}

#[tokio::test]
async fn an_operator_says_how_many_rooms_and_connections_there_may_be() {
    let config = Config { connections: 5, rooms: 2, rooms_per_person: 1, ..Config::default() };
    let server = TestServer::start_with(config).await;
    let mut ada = server.person("Ada").await;
    ada.creates("first", Mode::Open).await.unwrap();
    let mut again = ada.second_page().await;
    assert_eq!(again.creates("second", Mode::Open).await, Err(Denied::TooManyRoomsOfYours));
    let mut ben = server.person("Ben").await;
    assert_eq!(
        ben.creates("second", Mode::Open).await,
        Err(Denied::TooManyRoomsOfNetwork),
        "a person's share is an address's, too"
    );
    let way = server.way().clone();
    let mut elsewhere = TestMember::connect_from([127, 0, 0, 2], way.clone()).await;
    elsewhere.logs_in("Cleo").await.unwrap();
    elsewhere.creates("second", Mode::Open).await.unwrap();
    let mut last = TestMember::connect_from([127, 0, 0, 3], way).await;
    last.logs_in("Dan").await.unwrap();
    assert_eq!(last.creates("third", Mode::Open).await, Err(Denied::TooManyRooms));
    let status = RawPeer::connect([127, 0, 0, 4], server.address()).await.upgrades(&[]).await.status;
    assert_eq!(status, 503, "five are connected");
}

#[tokio::test]
async fn commands_faster_than_anybody_clicks_are_refused_and_a_flood_is_ended() {
    use dais_shared::limits::{COMMAND_BURST, REFUSALS_BURST};

    let server = TestServer::start().await;
    let (mut host, _guest, mut witness) = server.talk().await;
    let mut last = witness.requests(Request::ListRooms { after: None }).await;
    for _ in 0..COMMAND_BURST {
        last = witness.requests(Request::ListRooms { after: None }).await;
    }
    assert_eq!(witness.answer_to(last).await, Err(Denied::TooFast));
    for _ in 0..2 * (COMMAND_BURST + REFUSALS_BURST) {
        let flood = Request::ListRooms { after: None };
        let frame = dais_shared::wire::ClientFrame::Request { id: dais_shared::ids::RequestId(0), request: flood };
        if !witness.tries_to_send(dais_shared::wire::encode_client(&frame)).await {
            break;
        }
    }
    assert_eq!(witness.end().await.goodbye, Some(Goodbye::TooFast));
    host.has_been_processed().await;
}

#[tokio::test]
async fn an_unknown_room_is_a_lawful_no() {
    let server = TestServer::start().await;
    let mut person = server.person("Ada").await;
    assert_eq!(person.joins("nowhere").await, Err(Denied::UnknownRoom));
    person.creates("somewhere", Mode::Open).await.unwrap();
}
