//! What has been forgotten is gone: from every answer, and from every byte of the data folder's files.

use std::path::Path;

use dais_shared::ids::UserId;
use dais_shared::limits::WIPED_AFTER_MS;
use dais_shared::room::{Command, Denied, MicrophoneState, Mode, Setting};
use dais_shared::wire::{Goodbye, Reply, Request};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Duration, Instant, sleep};

use super::described::Api;
use super::{SECRET, start};
use crate::harness::{PATIENCE, ServerProcess, TestMember};

/// What nobody else says, is called, or comes from: 203.0.113.77.
const NAME: &str = "Zenobia Quillfeather";
const TEXT: &str = "the wombat sings at midnight";
const TOPIC: &str = "wombats and their songs";
const TITLE: &str = "Zenobias wombat hall";
const ADDRESS: [u8; 4] = [203, 0, 113, 77];
const CLIENT: &str = "203.0.113.77";
const OTHER: &str = "198.51.100.4";

/// In which files of the folder something stands, and what.
fn found(folder: &Path, wanted: &[&[u8]]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for wanted in wanted {
            if bytes.windows(wanted.len()).any(|window| window == *wanted) {
                found.push(format!("{} in {}", String::from_utf8_lossy(wanted), path.display()));
            }
        }
    }
    found
}

fn of_person(user: u64) -> Vec<Vec<u8>> {
    // Integers of so many bits stand big-endian in six bytes ("The Database File Format", section 2.1).
    vec![NAME.into(), TEXT.into(), TOPIC.into(), TITLE.into(), ADDRESS.to_vec(), user.to_be_bytes()[2..].to_vec()]
}

fn assert_gone(folder: &Path, user: u64) {
    let wanted = of_person(user);
    let wanted: Vec<&[u8]> = wanted.iter().map(Vec::as_slice).collect();
    assert_eq!(found(folder, &wanted), Vec::<String>::new());
}

fn user_of(member: &TestMember) -> u64 {
    member.identity.as_ref().unwrap().user.0
}

fn process(folder: &Path, port: u16) -> ServerProcess {
    ServerProcess::start_with(folder, port, &["--admin-token", SECRET, "--trust-proxy", "127.0.0.1"], None)
}

async fn person(server: &ServerProcess, from: &str, name: &str) -> TestMember {
    let mut member = TestMember::connect_for(from, server.address).await;
    member.logs_in(name).await.unwrap();
    member
}

/// Somebody who has left a trace of every kind in `hall`, whose host is another, and is gone or sits there still.
async fn wombat(server: &ServerProcess, host: &mut TestMember, is_banned: bool) -> TestMember {
    let mut wombat = person(server, CLIENT, NAME).await;
    wombat.joins("hall").await.unwrap();
    wombat.commands(Command::SendMessage(TEXT.into())).await.unwrap();
    wombat.commands(Command::RaiseHand).await.unwrap();
    let member = wombat.id();
    host.commands(Command::AdmitHand(member)).await.unwrap();
    host.commands(Command::MuteSpeaker(member)).await.unwrap();
    host.commands(Command::HandOver(member)).await.unwrap();
    wombat.commands(Command::Set(Setting::Topic(TOPIC.into()))).await.unwrap();
    wombat.commands(Command::Set(Setting::Title(TITLE.into()))).await.unwrap();
    wombat.commands(Command::HandOver(host.id())).await.unwrap();
    if is_banned {
        host.commands(Command::Ban(member)).await.unwrap();
    }
    wombat
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_erased_person_no_byte_is_left_and_the_ban_holds() {
    let folder = TempDir::with_prefix("dais-erased-").unwrap();
    let server = process(folder.path(), 0);
    let api = Api::of(server.address);
    let mut host = person(&server, OTHER, "Ada").await;
    host.creates("hall", Mode::Moderated).await.unwrap();
    host.commands(Command::SendMessage("good evening".into())).await.unwrap();
    let wombat = wombat(&server, &mut host, true).await;
    let user = user_of(&wombat);
    let path = format!("/api/identities/{user}");
    let before = api.get(&path).await.body;
    assert_eq!((&before["identity"]["name"], &before["rooms"][0]["ban"]["address"]), (&json!(NAME), &json!(CLIENT)));
    assert!(!found(folder.path(), &[NAME.as_bytes(), TEXT.as_bytes()]).is_empty(), "it is looked for rightly");

    assert_eq!(api.delete(&path).await.status, 204);
    assert_gone(folder.path(), user);
    // What changes those pages next brings nothing back.
    host.commands(Command::SendMessage("who was that?".into())).await.unwrap();
    assert_gone(folder.path(), user);
    assert_eq!(api.get(&path).await.error(), (404, "unknown_person"));
    assert_eq!(api.delete(&path).await.error(), (404, "unknown_person"));
    // Pages that are open forget him, too.
    host.sees(|view| view.messages.len() == 2 && view.settings.title == "hall" && view.settings.topic.is_empty()).await;

    let port = server.address.port();
    server.kill();
    assert_gone(folder.path(), user);
    let server = process(folder.path(), port);
    let api = Api::of(server.address);
    let mut stranger = person(&server, CLIENT, "Wanda").await;
    assert_eq!(stranger.joins("hall").await, Err(Denied::Banned), "from there nobody comes in");
    let bans = api.get("/api/rooms/hall/bans").await.body;
    assert_eq!((&bans["bans"][0]["name"], &bans["bans"][0]["erased"]), (&json!(""), &json!(true)), "{bans}");
    assert_ne!(bans["bans"][0]["user"], user);
    // The number of before says to whom knows it who is meant.
    assert_eq!(api.delete(&format!("/api/rooms/hall/bans/{user}")).await.status, 204);
    assert_eq!(api.get("/api/rooms/hall/bans").await.body["bans"], json!([]));
    stranger.joins("hall").await.unwrap();
    server.stop();
    // The address is somebody else's now.
    let (number, words) = (user.to_be_bytes(), [NAME, TEXT, TOPIC, TITLE].map(str::as_bytes));
    assert_eq!(found(folder.path(), &[&words[..], &[&number[2..]]].concat()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sits_there_founds_rooms_or_has_no_identity_any_more_is_erased_likewise() {
    let folder = TempDir::with_prefix("dais-erased-").unwrap();
    let server = process(folder.path(), 0);
    let api = Api::of(server.address);
    let mut host = person(&server, OTHER, "Ada").await;
    host.creates("hall", Mode::Moderated).await.unwrap();
    let mut seated = wombat(&server, &mut host, false).await;
    let user = user_of(&seated);
    assert_eq!(api.delete(&format!("/api/identities/{user}")).await.status, 204);
    assert_eq!(seated.until_end().await.goodbye, Some(Goodbye::LoggedOut));
    host.sees(|view| view.stage.len() == 1 && view.audience_count == 0 && view.messages.is_empty()).await;
    assert_gone(folder.path(), user);

    // Whoever logged out has no identity, and the room still what was left there.
    let mut gone = wombat(&server, &mut host, false).await;
    let user = user_of(&gone);
    gone.asks(Request::Logout).await.unwrap();
    gone.until_end().await;
    let path = format!("/api/identities/{user}");
    let kept = api.get(&path).await.body;
    assert_eq!((&kept["identity"], &kept["rooms"][0]["messages"][0]["text"]), (&Value::Null, &json!(TEXT)));
    assert_eq!(api.delete(&path).await.status, 204);
    assert_gone(folder.path(), user);

    // A founder's room goes on with whoever holds it then.
    let mut founder = person(&server, CLIENT, NAME).await;
    founder.creates("den", Mode::Open).await.unwrap();
    founder.commands(Command::Set(Setting::Topic(TOPIC.into()))).await.unwrap();
    let mut next = person(&server, OTHER, "Ben").await;
    next.joins("den").await.unwrap();
    next.commands(Command::TakeSeat).await.unwrap();
    founder.commands(Command::HandOver(next.id())).await.unwrap();
    let user = user_of(&founder);
    assert_eq!(api.delete(&format!("/api/identities/{user}")).await.status, 204);
    assert_gone(folder.path(), user);
    assert_eq!(api.get("/api/rooms/den").await.body["host"], "Ben");
    // What stands for who founded it is no person to be told of, or forgotten.
    let nobody = format!("/api/identities/{}", UserId::NOBODY);
    assert_eq!(api.get(&nobody).await.error(), (404, "unknown_person"));
    assert_eq!(api.delete(&nobody).await.error(), (404, "unknown_person"));
    next.sees(|view| view.settings.topic.is_empty() && view.settings.title == "den").await;
    server.stop();
    assert_gone(folder.path(), user);
}

#[tokio::test]
async fn moderators_see_an_erased_person_without_a_name_and_may_let_him_in() {
    let (server, api) = start().await;
    let mut host = server.host(Mode::Moderated).await;
    let guest = server.listener("Ben").await;
    host.commands(Command::Ban(guest.id())).await.unwrap();
    assert_eq!(api.delete(&format!("/api/identities/{}", user_of(&guest))).await.status, 204);
    let Ok(Reply::Banned { banned, departed }) = host.asks(Request::ListBanned).await else { panic!("a list") };
    assert_eq!((banned.len(), banned[0].name.as_str(), departed.len()), (1, "", 0));
    assert_ne!(banned[0].user.0, user_of(&guest));
    assert_eq!(server.person("Cleo").await.joins("hall").await, Err(Denied::Banned), "from the same address");
    host.commands(Command::Unban(banned[0].user)).await.unwrap();
    server.listener("Dora").await;
}

#[tokio::test]
async fn what_was_removed_is_gone_from_the_files_in_a_minute() {
    let (server, api) = start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut guest = server.listener("Old Name").await;
    host.commands(Command::SendMessage(TEXT.into())).await.unwrap();
    host.sees(|view| view.messages.len() == 1).await;
    let message = host.view().messages[0].id;
    host.commands(Command::RemoveMessage(message)).await.unwrap();
    host.commands(Command::Set(Setting::Topic(TOPIC.into()))).await.unwrap();
    host.commands(Command::Set(Setting::Topic("bees".into()))).await.unwrap();
    host.commands(Command::SetPasscode(Some("open wombat".into()))).await.unwrap();
    host.commands(Command::SetPasscode(None)).await.unwrap();
    guest.logs_in("New Name").await.unwrap();
    guest.asks(Request::LeaveRoom).await.unwrap();
    guest.joins("hall").await.unwrap(); // his old name left with him
    let mut leaver = server.person("Somebody Brief").await;
    leaver.asks(Request::Logout).await.unwrap();
    let mut other = server.person("Founder Brief").await;
    other.creates("brief", Mode::Open).await.unwrap();
    other.commands(Command::SendMessage("a brief remark".into())).await.unwrap();
    other.commands(Command::EndRoom).await.unwrap();
    other.logs_in("Founder Renamed").await.unwrap();
    let forgotten: [&[u8]; 7] =
        [TEXT.as_bytes(), TOPIC.as_bytes(), b"open wombat", b"Old Name", b"Somebody Brief", b"a brief remark", b"Founder Brief"];
    assert!(!found(server.folder(), &forgotten).is_empty(), "it is there for a while");
    server.lets_pass(WIPED_AFTER_MS / 1_000, &mut host).await;
    let began = Instant::now();
    // The server notes that something is due with its next look, and that its time has come with another.
    while !found(server.folder(), &forgotten).is_empty() {
        assert!(began.elapsed() < PATIENCE, "{:?}", found(server.folder(), &forgotten));
        sleep(Duration::from_millis(50)).await;
        server.lets_pass(1 + WIPED_AFTER_MS / 1_000, &mut host).await;
    }
    assert_eq!(api.get("/api/rooms/hall").await.status, 200);
}

#[tokio::test]
async fn what_is_kept_of_a_seat_is_told_to_the_last_of_it() {
    let (server, api) = start().await;
    let mut host = server.host(Mode::Moderated).await;
    let mut speaker = server.listener("Cleo").await;
    let guest = server.listener("Ben").await;
    speaker.commands(Command::RaiseHand).await.unwrap();
    host.commands(Command::AdmitHand(speaker.id())).await.unwrap();
    speaker.commands(Command::ReportMicrophone(MicrophoneState::Refused)).await.unwrap();
    host.commands(Command::MuteSpeaker(speaker.id())).await.unwrap();
    host.commands(Command::NameSuccessor(Some(speaker.id()))).await.unwrap();
    host.commands(Command::Invite(guest.id())).await.unwrap();
    let seat_of = async |user| api.get(&format!("/api/identities/{user}")).await.body["rooms"][0]["seat"].clone();
    let (host_seat, speakers, guests) =
        (seat_of(user_of(&host)).await, seat_of(user_of(&speaker)).await, seat_of(user_of(&guest)).await);
    assert_eq!([&host_seat, &speakers, &guests].map(|seat| seat["successor"] == true), [false, true, false]);
    let stage = &speakers["stage"];
    assert_eq!((&stage["self_muted"], &stage["host_muted"]), (&json!(true), &json!(true)), "{stage}");
    assert_eq!((&stage["microphone"], &stage["role_since_ms"]), (&json!("refused"), &speakers["on_stage_since_ms"]), "{stage}");
    assert!(stage["stream"].is_u64() && stage["role_since_ms"].is_u64());
    let (invitation, invites) = (&guests["invitation"], &host_seat["invites"]);
    assert_eq!((&invitation["seat"], &invitation["by_seat"]), (&json!(guest.id().0), &json!(host.id().0)), "{guests}");
    assert!(invitation["expires_ms"].is_u64());
    assert_eq!((invites, &guests["invites"], &host_seat["invitation"]), (&json!([invitation]), &json!([]), &Value::Null));
}

#[tokio::test]
async fn all_that_is_kept_of_somebody_is_told_in_pages_and_to_nobody_without_the_token() {
    let (server, api) = start().await;
    let mut host = server.host(Mode::Moderated).await;
    let guest_user = {
        let mut guest = server.listener(NAME).await;
        guest.commands(Command::SendMessage(TEXT.into())).await.unwrap();
        guest.commands(Command::RaiseHand).await.unwrap();
        let user = user_of(&guest);
        let told = api.get(&format!("/api/identities/{user}")).await.body;
        assert_eq!(told["user"], user);
        assert_eq!((&told["identity"]["name"], &told["next"]), (&json!(NAME), &Value::Null));
        let room = &told["rooms"][0];
        assert_eq!((&room["id"], &room["founder"], &room["title"]), (&json!("hall"), &json!(false), &Value::Null));
        assert_eq!((&room["seat"]["role"], &room["seat"]["address"]), (&json!("listener"), &json!("127.0.0.1")));
        assert!(room["seat"]["hand_raised_ms"].is_u64());
        assert_eq!((&room["messages"][0]["text"], &room["messages"][0]["seat"]), (&json!(TEXT), &json!(guest.id().0)));
        assert_eq!(
            (&room["seat"]["stage"], &room["seat"]["invitation"], &room["seat"]["invites"]),
            (&Value::Null, &Value::Null, &json!([]))
        );
        user
    };
    host.sees(|view| view.audience.iter().any(|listener| listener.reconnecting)).await;
    host.commands(Command::Kick(host.view().audience[0].member)).await.unwrap();
    let told = api.get(&format!("/api/identities/{guest_user}")).await.body;
    let room = &told["rooms"][0];
    assert_eq!(
        (&room["seat"], &room["departed"]["name"], &room["kick"]["address"]),
        (&Value::Null, &json!(NAME), &json!("127.0.0.1"))
    );
    assert_eq!(api.get(&format!("/api/identities/{}", user_of(&host))).await.body["rooms"][0]["title"], "A hall");
    for path in ["/api/identities/1", "/api/identities/nobody"] {
        assert_eq!(api.get(path).await.error(), (404, "unknown_person"));
    }
    assert_eq!(api.get(&format!("/api/identities/{guest_user}?after=hall")).await.body["rooms"], json!([]));
    assert_eq!(api.get(&format!("/api/identities/{guest_user}?after=Not")).await.error(), (400, "invalid_query"));
}
