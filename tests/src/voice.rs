//! A voice frame from one person to the others: whose it is, when it came, and in what order.

use std::time::Duration;

use dais_shared::ids::Seq;
use dais_shared::limits::VOICE_LATE_MS_MAX;
use dais_shared::room::{Command, Mode};
use dais_shared::wire::{ClientFrame, Request, ServerFrame};

use crate::harness::{TestMember, TestServer};

#[tokio::test]
async fn the_server_writes_whose_voice_it_is_and_leaves_the_rest_as_it_was() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    for (sequence, text) in [(7, "a"), (8, "b"), (10, "d"), (9, "c")] {
        guest.says_as(sequence, text).await;
    }
    host.says("welcome").await;
    witness.hears(&guest, "c").await;
    witness.hears(&host, "welcome").await;
    let of_guest: Vec<_> = witness.heard.iter().filter(|heard| heard.stream == guest.stream()).collect();
    let said: Vec<_> = of_guest.iter().map(|heard| (heard.header.sequence.0, heard.header.timestamp)).collect();
    assert_eq!(said, [(7, 6720), (8, 7680), (10, 9600), (9, 8640)], "in the order of arrival, untouched");
    assert!(of_guest.iter().all(|heard| heard.header.duration_samples == 960 && heard.header.level_dbov == 30));
    let Some(ServerFrame::Welcome { server_ms, .. }) = witness.welcome else { panic!("it was welcomed") };
    assert!(of_guest.iter().all(|heard| heard.arrived_ms >= server_ms && heard.arrived_ms < server_ms + 60_000));
    assert!(host.stream() != guest.stream());
}

#[tokio::test]
async fn a_frame_that_comes_twice_is_heard_once() {
    let server = TestServer::start().await;
    let (_host, mut guest, mut witness) = server.talk().await;
    for (sequence, text) in [(1, "a"), (1, "a"), (2, "b"), (1, "a"), (2, "b"), (3, "c")] {
        guest.says_as(sequence, text).await;
    }
    witness.hears(&guest, "c").await;
    assert_eq!(witness.texts(), ["a", "b", "c"]);
    assert_eq!(server.metrics().voice_frames_duplicate_total.get(), 3);
}

#[tokio::test]
async fn a_new_stay_on_stage_is_a_new_stream() {
    let server = TestServer::start().await;
    let mut host = server.host(Mode::Open).await;
    let mut guest = server.listener("Ben").await;
    let mut streams = Vec::new();
    for text in ["first", "second"] {
        guest.commands(Command::TakeSeat).await.unwrap();
        guest.is_on_stage().await;
        guest.unmutes().await.unwrap();
        guest.says_as(0, text).await;
        host.hears(&guest, text).await;
        streams.push(guest.stream());
        guest.commands(Command::LeaveStage).await.unwrap();
    }
    assert!(streams[0] != streams[1], "or the second stay's first frame would count as a duplicate");
}

#[tokio::test]
async fn the_newest_frame_is_acknowledged() {
    let server = TestServer::start().await;
    let (_host, mut guest, _witness) = server.talk().await;
    for sequence in 0..30 {
        guest.says_as(sequence, "la").await;
    }
    let is_last = |frame: &ServerFrame| matches!(frame, ServerFrame::VoiceAck { sequence: Seq(29) });
    guest.until("the last acknowledgement", |guest| guest.told.iter().any(is_last)).await;
    let acknowledgements = guest.told.iter().filter(|frame| matches!(frame, ServerFrame::VoiceAck { .. })).count();
    assert!(acknowledgements < 30, "not each by itself: {acknowledgements}");
}

#[tokio::test]
async fn a_speakers_clock_mapping_reaches_those_who_listen_now_and_later() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    witness.sends(&ClientFrame::ClockMapping { timestamp: 1, server_ms: 1 }).await;
    witness.has_been_processed().await;
    guest.sends(&ClientFrame::ClockMapping { timestamp: 48_000, server_ms: 5 }).await;
    let wanted = ServerFrame::ClockMapping { stream: guest.stream(), timestamp: 48_000, server_ms: 5 };
    host.until("the mapping", |host| host.told.contains(&wanted)).await;
    let mut late = server.listener("Dan").await;
    late.until("the mapping", |late| late.told.contains(&wanted)).await;
    let mappings =
        |frames: &[ServerFrame]| frames.iter().filter(|frame| matches!(frame, ServerFrame::ClockMapping { .. })).count();
    assert_eq!(mappings(&host.told), 1, "who may not speak maps nothing");
    guest.has_been_processed().await;
    assert_eq!(mappings(&guest.told), 0);
}

#[tokio::test]
async fn a_frame_that_was_held_up_long_is_not_passed_on() {
    const NOW: u64 = 480_000;
    let server = TestServer::start().await;
    let (_host, mut guest, mut witness) = server.talk().await;
    guest.sends(&ClientFrame::ClockMapping { timestamp: NOW, server_ms: 1_000 }).await;
    guest.says_from(1, NOW, "now").await;
    let too_old = 48 * (VOICE_LATE_MS_MAX + 1);
    guest.says_from(2, NOW - too_old, "of before the stall").await;
    guest.says_from(3, NOW - 4 * too_old, "of long before").await;
    // However long this test takes, it was captured no earlier than it arrives.
    guest.says_from(4, NOW + 48 * 60_000, "now again").await;
    witness.hears(&guest, "now again").await;
    assert_eq!(witness.texts(), ["now", "now again"]);
    assert_eq!(server.metrics().voice_frames_stale_total.get(), 2);
    let newest = |frame: &ServerFrame| matches!(frame, ServerFrame::VoiceAck { sequence: Seq(4) });
    guest.until("the acknowledgement", |guest| guest.told.iter().any(newest)).await;
}

#[tokio::test]
async fn in_a_silence_listeners_are_told_the_time_while_somebody_could_speak() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    let times = |member: &TestMember| member.told.iter().filter(|frame| matches!(frame, ServerFrame::Clock { .. })).count();
    witness.until("the time, again and again", |witness| times(witness) >= 3).await;
    guest.mutes().await.unwrap();
    host.mutes().await.unwrap();
    witness.sees(|view| view.stage.iter().all(|person| !person.is_audible())).await;
    let told = times(&witness);
    tokio::time::sleep(Duration::from_millis(600)).await;
    witness.has_been_processed().await;
    assert!(times(&witness) <= told + 1, "nobody could speak");
}

#[tokio::test]
async fn voices_of_three_who_talk_come_together_each_as_it_was() {
    let server = TestServer::start().await;
    let (mut host, mut guest, mut witness) = server.talk().await;
    let mut third = server.listener("Cay").await;
    third.raises_hand().await.unwrap();
    host.admits(&third).await.unwrap();
    third.unmutes().await.unwrap();
    let mut deaf_to_guest = server.listener("Dee").await;
    deaf_to_guest.asks(Request::Silence { stream: guest.stream(), silent: true }).await.unwrap();
    let mut sequence = 0;
    while witness.bundles < 3 || guest.bundles < 3 {
        sequence += 1;
        assert!(sequence < 1_000, "{sequence} times nobody's voice came with another's");
        for (speaker, text) in [(&mut host, "host"), (&mut guest, "guest"), (&mut third, "third")] {
            speaker.says_as(sequence, text).await;
        }
        witness.until("all of it", |witness| witness.heard.len() == 3 * sequence as usize).await;
        guest.until("the others", |guest| guest.heard.len() == 2 * sequence as usize).await;
    }
    for speaker in [&host, &guest, &third] {
        let of_speaker = witness.heard.iter().filter(|heard| heard.stream == speaker.stream());
        assert!(of_speaker.map(|heard| heard.header.sequence.0).eq(1..=sequence), "once each, and in order");
    }
    assert!(guest.texts().iter().all(|text| text != "guest"), "nobody hears himself");
    deaf_to_guest.hears(&third, "third").await;
    assert!(deaf_to_guest.texts().iter().all(|text| text != "guest"), "whom one does not want to hear is left out");
}

#[tokio::test]
async fn rooms_do_not_hear_each_other() {
    let server = TestServer::start().await;
    let (mut host, mut guest, _witness) = server.talk().await;
    let mut other_host = server.person("Zoe").await;
    other_host.creates("attic", Mode::Moderated).await.unwrap();
    other_host.unmutes().await.unwrap();
    let mut other_guest = server.person("Yan").await;
    other_guest.joins("attic").await.unwrap();
    guest.says("in the hall").await;
    host.hears(&guest, "in the hall").await;
    other_host.says("in the attic").await;
    other_guest.hears(&other_host, "in the attic").await;
    assert_eq!(other_guest.texts(), ["in the attic"]);
    assert_eq!(host.texts(), ["in the hall"]);
}
