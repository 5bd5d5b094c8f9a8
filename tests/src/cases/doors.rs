//! Who gets in: kicks and bans, locks, passcodes, unlisted rooms, names, and two limits.

use std::net::IpAddr;

use dais_server::Config;
use dais_shared::ids::AddressPrefix;
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, LeaveReason, Mode, Setting, Unheard};
use dais_shared::wire::{Reply, Request};

use crate::harness::{TestMember, TestServer};

#[tokio::test]
async fn a_kick_keeps_out_for_a_minute_by_identity_and_by_address() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    host.commands(Command::Kick(guest.id())).await.unwrap();
    let heard = (host.heard.len(), witness.heard.len());
    guest.says("still here?").await;
    guest.until("the news", |guest| guest.put_out.is_some()).await;
    assert!(matches!(guest.put_out, Some((LeaveReason::Kicked, Some(_)))));
    assert!(matches!(guest.joins("hall").await, Err(Denied::Kicked { .. })));
    let mut fresh = server.person("Somebody").await;
    assert!(matches!(fresh.joins("hall").await, Err(Denied::Kicked { .. })), "a fresh login changes nothing");
    host.says("marker").await;
    witness.hears(&host, "marker").await;
    assert_eq!((host.heard.len(), witness.heard.len()), (heard.0, heard.1 + 1), "not one more frame");
    assert!(server.metrics().voice_frames_unheard(Unheard::NotAMember) >= 1);

    guest.creates("elsewhere", Mode::Open).await.unwrap();
    guest.leaves().await.unwrap();
    server.lets_pass(61, &mut host).await;
    fresh.joins("hall").await.unwrap();
    guest.joins("hall").await.unwrap();
}

#[tokio::test]
async fn who_comes_from_another_address_is_not_meant() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let guest = server.listener("Ben").await;
    host.commands(Command::Kick(guest.id())).await.unwrap();
    let mut elsewhere = TestMember::connect_from([127, 0, 0, 2], server.address()).await;
    elsewhere.logs_in("Cleo").await.unwrap();
    elsewhere.joins("hall").await.unwrap();
}

#[tokio::test]
async fn where_a_school_shares_an_address_only_the_person_is_kept_out() {
    let server = TestServer::start_with(Config { block_addresses: false, ..Config::default() }).await;
    let mut host = server.host(Mode::Moderated).await;
    let mut kicked = server.listener("Ben").await;
    let mut banned = server.listener("Cleo").await;
    host.commands(Command::Kick(kicked.id())).await.unwrap();
    host.commands(Command::Ban(banned.id())).await.unwrap();
    kicked.until("the news", |member| member.put_out.is_some()).await;
    banned.until("the news", |member| member.put_out.is_some()).await;
    assert!(matches!(kicked.joins("hall").await, Err(Denied::Kicked { .. })));
    assert_eq!(banned.joins("hall").await, Err(Denied::Banned));
    let _other = server.listener("Dan").await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_has_his_own_address() {
    let proxy = std::net::IpAddr::from([127, 0, 0, 1]).into();
    let server = TestServer::start_with(Config { trust_proxies: vec![proxy], ..Config::default() }).await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = TestMember::connect_for("198.51.100.7", server.address()).await;
    guest.logs_in("Ben").await.unwrap();
    guest.joins("hall").await.unwrap();
    host.commands(Command::Kick(guest.id())).await.unwrap();
    let mut neighbour = TestMember::connect_for("198.51.100.7", server.address()).await;
    neighbour.logs_in("Cleo").await.unwrap();
    assert!(matches!(neighbour.joins("hall").await, Err(Denied::Kicked { .. })), "the same address");
    let mut other = TestMember::connect_for("198.51.100.8", server.address()).await;
    other.logs_in("Dan").await.unwrap();
    other.joins("hall").await.unwrap();
}

#[tokio::test]
async fn nobody_makes_up_his_own_address() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let guest = server.listener("Ben").await;
    host.commands(Command::Kick(guest.id())).await.unwrap();
    let mut disguised = TestMember::connect_for("198.51.100.8", server.address()).await;
    disguised.logs_in("Cleo").await.unwrap();
    assert!(matches!(disguised.joins("hall").await, Err(Denied::Kicked { .. })));
}

#[tokio::test]
async fn a_page_from_elsewhere_does_not_connect() {
    let allow_origins = vec!["https://talk.example".to_owned()];
    let server = TestServer::start_with(Config { allow_origins, ..Config::default() }).await;
    let upgrade =
        ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
    let own = format!("Origin: http://{}", server.address());
    for (origin, status) in
        [("Origin: https://evil.example", 403), ("Origin: null", 403), ("Origin: https://talk.example", 101), (own.as_str(), 101)]
    {
        assert_eq!(server.handshake_status(&[&upgrade[..], &[origin]].concat()).await, status, "{origin}");
    }
    assert_eq!(server.handshake_status(&upgrade).await, 101, "no browser");
}

#[tokio::test]
async fn a_ban_holds_until_it_is_lifted() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    host.commands(Command::Ban(guest.id())).await.unwrap();
    guest.until("the news", |guest| guest.put_out == Some((LeaveReason::Banned, None))).await;
    server.lets_pass(3600, &mut host).await;
    assert_eq!(guest.joins("hall").await, Err(Denied::Banned));
    let Ok(Reply::Banned { banned, departed }) = host.asks(Request::ListBanned).await else { panic!("a list") };
    assert_eq!((banned.len(), departed.len(), banned[0].name.as_str()), (1, 0, "Ben"));
    host.commands(Command::Unban(banned[0].user)).await.unwrap();
    guest.joins("hall").await.unwrap();
    assert_eq!(host.commands(Command::Unban(banned[0].user)).await, Err(Denied::NoSuchPerson));
    assert_eq!(guest.asks(Request::ListBanned).await, Err(Denied::NotPermitted), "only moderators see who");
}

#[tokio::test]
async fn who_has_left_can_still_be_banned() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    guest.leaves().await.unwrap();
    let Ok(Reply::Banned { departed, .. }) = host.asks(Request::ListBanned).await else { panic!("a list") };
    assert_eq!(departed[0].name, "Ben");
    host.commands(Command::BanDeparted(departed[0].user)).await.unwrap();
    assert_eq!(guest.joins("hall").await, Err(Denied::Banned));
}

#[tokio::test]
async fn a_locked_room_lets_nobody_new_in_and_whoever_sits_there_back() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let guest = server.listener("Ben").await;
    host.commands(Command::Set(Setting::Lock(true))).await.unwrap();
    let mut late = server.person("Cleo").await;
    assert_eq!(late.joins("hall").await, Err(Denied::RoomLocked));
    let page = late.lists_rooms(None).await;
    assert!(page.rooms[0].is_locked, "the lobby shows it");
    let mut guest = guest.reconnects().await;
    guest.joins("hall").await.unwrap();
    assert!(guest.view().settings.is_locked, "and so does the room");
    host.commands(Command::Set(Setting::Lock(false))).await.unwrap();
    late.joins("hall").await.unwrap();
}

#[tokio::test]
async fn a_passcode_is_asked_for_and_never_sent_to_anybody() {
    let server = TestServer::start().await;
    let mut host = server.person("Ada").await;
    host.creates_hidden(false, Some("open sesame")).await.unwrap();
    let mut guest = server.person("Ben").await;
    assert_eq!(guest.joins("hall").await, Err(Denied::PasscodeNeeded));
    for wrong in ["open", "open sesame!", "", "OPEN SESAME"] {
        assert_eq!(guest.joins_with("hall", wrong).await, Err(Denied::PasscodeWrong), "{wrong:?}");
    }
    guest.joins_with("hall", " open sesame ").await.unwrap();
    assert!(guest.view().settings.has_passcode);
    let mut guest = guest.reconnects().await;
    guest.joins("hall").await.unwrap();
    host.commands(Command::SetPasscode(Some("another one".into()))).await.unwrap();
    let mut late = server.person("Cleo").await;
    assert_eq!(late.joins_with("hall", "open sesame").await, Err(Denied::PasscodeWrong));
    host.commands(Command::SetPasscode(None)).await.unwrap();
    late.joins("hall").await.unwrap();
    guest.sees(|view| !view.settings.has_passcode).await;
    for member in [&host, &guest, &late] {
        assert!(!member.was_sent("sesame") && !member.was_sent("another one"));
    }
}

#[tokio::test]
async fn who_tries_many_passcodes_has_to_wait() {
    let server = TestServer::start().await;
    let mut host = server.person("Ada").await;
    host.creates_hidden(false, Some("1234")).await.unwrap();
    let mut thief = server.person("Ben").await;
    let mut answers = Vec::new();
    for number in 0..10 {
        answers.push(thief.joins_with("hall", &format!("{number:04}")).await);
    }
    assert_eq!(answers[..5], vec![Err(Denied::PasscodeWrong); 5]);
    assert_eq!(answers[9], Err(Denied::TooFast));
}

#[tokio::test]
async fn an_unlisted_room_is_found_by_its_id_alone_which_nobody_guesses() {
    let server = TestServer::start().await;
    let mut host = server.person("Ada").await;
    let id = host.creates_hidden(true, None).await.unwrap();
    assert!(id.as_str().len() >= 26, "130 bits of letters: {id}");
    let mut visitor = server.person("Ben").await;
    assert_eq!(visitor.lists_rooms(None).await.total, 0);
    let status = server.status();
    assert_eq!((status.rooms, status.members), (0, 0));
    match visitor.asks(Request::DescribeRoom { room: id.clone() }).await {
        Ok(Reply::Room(room)) => assert_eq!(room.title, "Behind a door"),
        other => panic!("{other:?}"),
    }
    visitor.joins(id.as_str()).await.unwrap();
    assert!(visitor.view().settings.is_unlisted);
    host.commands(Command::Set(Setting::Unlisted(false))).await.unwrap();
    let mut other = server.person("Cleo").await;
    assert_eq!(other.lists_rooms(None).await.total, 1);

    let chosen = Request::CreateRoom {
        room: Some(dais_shared::ids::RoomId::parse("mine").unwrap()),
        title: "Mine".into(),
        mode: Mode::Open,
        unlisted: true,
        passcode: None,
        page: dais_shared::ids::PageId(1),
    };
    assert_eq!(other.creates_as(chosen).await, Err(Denied::UnlistedIdChosen));

    host.commands(Command::Set(Setting::Unlisted(true))).await.unwrap();
    let mut listed = server.host(Mode::Open).await;
    assert_eq!(listed.commands(Command::Set(Setting::Unlisted(true))).await, Err(Denied::UnlistedIdChosen), "“hall” is guessed");
}

#[tokio::test]
async fn names_may_repeat_and_are_told_apart() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let twin = server.listener("Ada").await;
    let _third = server.listener("Ada").await;
    host.sees(|view| view.audience.len() == 2).await;
    let names: Vec<_> = host.view().audience.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!((names, twin.view().my_name.as_str()), (vec!["Ada (2)", "Ada (3)"], "Ada (2)"));
    let mut stranger = server.stranger().await;
    for wrong in ["", "  ", &"x".repeat(41), "a\u{202E}b", "a\u{7}b"] {
        assert!(matches!(stranger.logs_in(wrong).await, Err(Denied::InvalidName(_))), "{wrong:?}");
    }
}

#[test]
fn an_address_is_blocked_as_far_as_one_household_has_it() {
    let prefix = |text: &str| AddressPrefix::from(text.parse::<IpAddr>().unwrap());
    assert_eq!(prefix("2001:db8:1:2:3:4:5:6"), prefix("2001:db8:1:2:ffff::1"), "a /64 is one connection");
    assert_ne!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:3::1"));
    assert_ne!(prefix("192.0.2.1"), prefix("192.0.2.2"));
    assert_eq!(prefix("::ffff:192.0.2.1"), prefix("192.0.2.1"), "however it is written");
}

#[tokio::test]
async fn a_ban_holds_for_a_fresh_login_from_the_same_address_until_it_is_lifted() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let guest = server.listener("Ben").await;
    let user = guest.identity.as_ref().unwrap().user;
    host.commands(Command::Ban(guest.id())).await.unwrap();
    let mut stranger = server.person("Somebody new").await;
    assert_eq!(stranger.joins("hall").await, Err(Denied::Banned));
    host.commands(Command::Unban(user)).await.unwrap();
    stranger.joins("hall").await.unwrap();
}

#[tokio::test]
async fn somebody_who_left_is_banned_with_his_address() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Ben").await;
    let user = guest.identity.as_ref().unwrap().user;
    guest.leaves().await.unwrap();
    host.sees(|view| view.audience_count == 0).await;
    host.commands(Command::BanDeparted(user)).await.unwrap();
    let mut stranger = server.person("Somebody new").await;
    assert_eq!(stranger.joins("hall").await, Err(Denied::Banned));
}

#[tokio::test]
async fn a_stranger_who_is_turned_away_does_not_end_a_room_kept_for_its_host() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Moderated).await;
    host.commands(Command::Set(Setting::Lock(true))).await.unwrap();
    let mut host = host.reconnects().await;
    let mut stranger = server.person("Somebody new").await;
    server.lets_pass_unnoticed(31);
    assert_eq!(stranger.joins("hall").await, Err(Denied::RoomLocked), "the room looks at the clock");
    assert_eq!(stranger.joins("hall").await, Err(Denied::RoomLocked), "her seat is gone");
    assert_eq!(stranger.joins("hall").await, Err(Denied::RoomLocked), "and the room is still there");
    host.joins("hall").await.unwrap();
    assert_eq!(host.role(), Role::Host);
}

#[tokio::test]
async fn a_full_stage_and_a_full_room_are_two_answers() {
    let server = TestServer::start_with(Config { room_seats: 5, stage_seats: 3, ..Config::default() }).await;
    let mut host = server.host(Mode::Open).await;
    let mut people = Vec::new();
    for number in 1..3 {
        let mut person = server.listener(&format!("Person {number}")).await;
        person.commands(Command::TakeSeat).await.unwrap();
        people.push(person);
    }
    let mut late = server.listener("Late").await;
    assert_eq!(late.commands(Command::TakeSeat).await, Err(Denied::StageFull));
    late.raises_hand().await.unwrap();
    host.sees(|view| view.hands.len() == 1).await;
    assert_eq!(host.admits(&late).await, Err(Denied::StageFull));
    assert!(late.view().is_my_hand_raised(), "the hand stays up");
    let _fifth = server.listener("Fifth").await;
    let mut sixth = server.person("Sixth").await;
    assert_eq!(sixth.joins("hall").await, Err(Denied::RoomFull));
    people.remove(0).leaves().await.unwrap();
    sixth.joins("hall").await.unwrap();
}
