//! The engine against the real rules: a room of `dais-shared` answers it, in virtual time, without a socket.

mod talking;
mod world;

use dais_engine::shared::ids::{Revision, RoomId, Seq, StreamId, UserId};
use dais_engine::shared::room::{Command as RoomCommand, Denied, LeaveReason, MicrophoneState};
use dais_engine::shared::view::Publication;
use dais_engine::shared::voice;
use dais_engine::shared::wire::{self, Goodbye, Request, ServerFrame};
use dais_engine::{Command, ConnectionState, Event, Failure, LeftRoom, MicrophoneFailure, Output, Ticket};

use world::*;

#[test]
fn the_view_is_what_the_server_says() {
    let world = World::on_stage();
    let seat = world.seat.expect("inside");
    assert_eq!(Some(world.last_view()), world.room.view_for(seat).as_ref());
}

#[test]
fn the_microphone_opens_on_the_servers_event_and_not_on_the_click() {
    let mut world = World::on_stage();
    assert_eq!(world.take_outputs(), [], "arriving on stage opens nothing");
    world.is_connected = false; // The click's request is lost on the way.
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    assert_eq!(world.take_outputs(), []);
    world.is_connected = true;
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    assert_eq!(world.take_outputs(), [Output::OpenMicrophone]);
}

#[test]
fn voice_carries_sequence_timestamp_and_the_talkspurts_ends() {
    let mut world = World::speaking();
    world.speak(50);
    let headers: Vec<_> = world.voice.iter().map(|(header, _)| *header).collect();
    assert!(headers.len() >= 96, "{} frames", headers.len());
    assert_eq!(headers[0].flags, voice::TALKSPURT_START);
    for pair in headers.windows(2) {
        assert_eq!(pair[1].sequence.0, pair[0].sequence.0 + 1);
        assert_eq!(pair[1].timestamp, pair[0].timestamp + 480);
        assert_eq!(pair[1].flags, 0);
    }
    world.is_connected = false; // The mute itself does not get through: silence does not depend on it.
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.is_connected = true;
    let before = world.voice.len();
    world.speak(10);
    assert_eq!(world.voice.len(), before + 1, "one last frame");
    assert_eq!(world.voice[before].0.flags, voice::TALKSPURT_END);
}

#[test]
fn silence_sends_nothing_and_a_word_keeps_its_beginning() {
    let mut world = World::speaking();
    world.is_silent(50);
    assert_eq!(world.voice.len(), 0);
    world.speak(10);
    world.is_silent(50);
    let headers: Vec<_> = world.voice.iter().map(|(header, _)| *header).collect();
    assert_eq!(headers[0].flags, voice::TALKSPURT_START | voice::PRE_ROLL);
    assert_eq!(headers.iter().filter(|header| header.flags & voice::PRE_ROLL != 0).count(), 4, "40 ms");
    assert_eq!(headers.last().expect("spoke").flags, voice::TALKSPURT_END);
    assert_eq!(headers.len(), 4 + 20 + 30, "what was said, and 300 ms");
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.speak(10);
    assert_eq!(world.voice.len(), headers.len(), "muted in silence, there is no talkspurt to end");
}

#[test]
fn frames_are_long_in_a_large_room() {
    let world = World::speaking();
    let mut view = world.last_view().clone();
    assert_eq!(view.voice_frame_samples(0), 480);
    assert_eq!(view.voice_frame_samples(1), 480, "a conversation");
    assert_eq!(view.voice_frame_samples(2), 960, "three at once");
    view.audience_count = 200;
    let listeners = view.audience_count as usize + view.stage.len() - 1;
    assert!(listeners > 200);
    assert_eq!(view.voice_frame_samples(0), 960);
}

#[test]
fn frames_are_long_while_two_others_talk() {
    let mut world = World::speaking();
    for number in [100, 101] {
        let header = voice::Header { sequence: Seq(0), timestamp: 312, duration_samples: 480, level_dbov: 30, flags: 1 };
        let bytes = wire::encode_client_voice(&header, &[1, 2, 3]);
        let message = wire::encode_server_voice(&voice::Origin { stream: StreamId(number), arrived_ms: 1 }, &bytes[1..]);
        let now = world.now;
        world.engine.handle_message(&message, now);
    }
    let durations = |world: &World| world.voice.iter().map(|(header, _)| header.duration_samples).collect::<Vec<_>>();
    world.speak(10);
    let at_once = durations(&world);
    assert!(at_once.len() > 5 && at_once.iter().all(|duration| *duration == 960), "{at_once:?}");
    world.is_silent(60);
    world.voice.clear();
    world.speak(10);
    let alone = durations(&world);
    assert!(alone.len() > 5 && alone.iter().all(|duration| *duration == 480), "{alone:?}");
}

#[test]
fn the_time_in_a_silence_goes_to_the_playback_pipeline() {
    let mut world = World::speaking();
    world.take_outputs();
    world.say(&ServerFrame::Clock { server_ms: 7 });
    world.settle();
    assert_eq!(world.take_outputs(), [Output::PlayClock { server_ms: 7 }]);
}

#[test]
fn a_pause_is_a_gap_in_timestamps_and_none_in_sequence() {
    let mut world = World::speaking();
    world.speak(10);
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.advance(2000 * MS);
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    let before = world.voice.last().expect("spoke").0;
    world.speak(10);
    let first = world.voice.iter().map(|(header, _)| header).find(|header| header.sequence > before.sequence).expect("spoke");
    assert_eq!(first.sequence, Seq(before.sequence.0 + 1));
    assert_eq!(first.flags, voice::TALKSPURT_START);
    let gap_ms = (first.timestamp - before.timestamp) / 48;
    assert!((1900..2200).contains(&gap_ms), "{gap_ms} ms");
}

#[test]
fn a_host_mute_releases_the_device_at_once_and_lifting_it_opens_nothing() {
    let mut world = World::speaking();
    let seat = world.seat.expect("inside");
    world.moderate(RoomCommand::MuteSpeaker(seat));
    assert_eq!(world.take_outputs(), [Output::CloseMicrophone]);
    let sent = world.voice.len();
    world.speak(10);
    assert_eq!(world.voice.len(), sent);
    world.moderate(RoomCommand::LiftMute(seat));
    world.advance(1000 * MS);
    assert_eq!(world.take_outputs(), []);
}

#[test]
fn leaving_the_stage_releases_the_device() {
    let mut world = World::speaking();
    world.command(Command::Room(RoomCommand::LeaveStage));
    assert_eq!(world.take_outputs(), [Output::CloseMicrophone]);
}

#[test]
fn a_self_mute_keeps_the_device_for_a_minute() {
    let mut world = World::speaking();
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.advance(59_000 * MS);
    assert_eq!(world.take_outputs(), []);
    world.advance(2_000 * MS);
    assert_eq!(world.take_outputs(), [Output::CloseMicrophone]);
}

#[test]
fn a_microphone_that_cannot_be_opened_is_reported_and_tried_again_on_unmuting() {
    let mut world = World::on_stage();
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    let now = world.now;
    world.engine.handle_microphone_failed(MicrophoneFailure::Refused, now);
    world.settle();
    let seat = world.seat.expect("inside");
    let reported = world.room.seat(seat).and_then(|seat| seat.stage.as_ref()).map(|stage| stage.microphone);
    assert_eq!(reported, Some(MicrophoneState::Refused));
    world.take_outputs();
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    assert_eq!(world.take_outputs(), [Output::OpenMicrophone]);
}

#[test]
fn voice_that_is_not_acknowledged_is_held_back_and_probed() {
    let mut world = World::speaking();
    world.speak(10);
    world.acknowledges = false;
    let before = world.voice.len();
    world.speak(100);
    let sent = world.voice.len() - before;
    assert!((30..80).contains(&sent), "300 ms of frames, then five probes a second: {sent}");
    assert!(world.events.contains(&Event::VoiceHeldBack(true)));
    world.acknowledges = true;
    world.speak(30);
    let before = world.voice.len();
    world.speak(20);
    assert_eq!(world.voice.len() - before, 40, "free again");
    assert!(world.events.contains(&Event::VoiceHeldBack(false)));
}

#[test]
fn a_lost_connection_comes_back_into_the_seat_with_an_open_microphone_only_if_it_was_open() {
    let mut world = World::speaking();
    let seat = world.seat;
    world.cut(None);
    assert!(matches!(world.events.last(), Some(Event::Connection(ConnectionState::Reconnecting { .. }))));
    world.advance(1100 * MS);
    assert_eq!(world.seat, seat);
    assert!(world.requests.contains(&rejoin(true)));
    let sent = world.voice.len();
    world.speak(10);
    assert!(world.voice.len() > sent, "speaks on");
}

#[test]
fn whether_a_websocket_came_through_is_told_of_each_try_that_failed() {
    let mut world = World::inside();
    let mut loses = |comes_through: bool| {
        world.comes_through = comes_through;
        world.cut(None);
        let lost = world.events.iter().rev().find_map(|event| match event {
            Event::Connection(ConnectionState::Reconnecting { was_open, .. }) => Some(*was_open),
            _ => None,
        });
        world.advance(1100 * MS); // the next try has begun
        lost.expect("it comes again")
    };
    assert!(loses(false), "it was open until now");
    assert!(!loses(false), "nothing came through since");
    assert!(!loses(true));
    assert!(loses(true));
}

#[test]
fn a_server_in_passing_trouble_is_asked_again_for_the_seat() {
    for trouble in [Denied::Unavailable, Denied::TooFast] {
        let mut world = World::speaking();
        let seat = world.seat;
        world.denies = Some(trouble);
        world.cut(None);
        world.advance(5000 * MS);
        assert!(!world.events.iter().any(|event| matches!(event, Event::LeftRoom(_))), "{trouble:?} put him out");
        assert!(matches!(world.events.last(), Some(Event::Connection(ConnectionState::Reconnecting { .. }))));
        world.denies = None;
        world.advance(1100 * MS);
        assert_eq!(world.seat, seat);
        assert!(world.requests.contains(&rejoin(true)));
    }
}

#[test]
fn a_mute_that_never_reached_the_server_still_holds_after_coming_back() {
    let mut world = World::speaking();
    world.is_connected = false;
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.cut(None);
    world.advance(1100 * MS);
    assert!(world.last_view().my_stage().expect("still on stage").self_muted);
    let sent = world.voice.len();
    world.speak(10);
    assert_eq!(world.voice.len(), sent);
}

#[test]
fn a_fresh_page_comes_back_muted() {
    let speaking = World::speaking();
    let room = speaking.room;
    let mut fresh = World::new(Some(TOKEN));
    fresh.publication = Publication::new(&room);
    fresh.room = room;
    fresh.command(join());
    let me = fresh.last_view().my_stage().expect("still on stage");
    assert!(me.self_muted);
    assert_eq!(fresh.take_outputs(), []);
}

#[test]
fn superseded_does_not_come_back() {
    let mut world = World::inside();
    world.cut(Some(Goodbye::Superseded));
    world.requests.clear();
    world.advance(30_000 * MS);
    assert!(!world.is_connected);
    assert_eq!(world.events.last(), Some(&Event::Connection(ConnectionState::Closed(Goodbye::Superseded))));
    world.command(Command::LeaveRoom);
    assert!(world.events.contains(&Event::Answered { ticket: Ticket(1), result: Err(Failure::Offline) }));
}

#[test]
fn a_gap_asks_once_for_a_snapshot() {
    let mut world = World::inside();
    let view = world.last_view().clone();
    let far = Revision(view.revision.0 + 5);
    let delta = |from| ServerFrame::Delta(dais_engine::shared::view::Delta { from, to: far, changes: vec![] });
    world.say(&delta(far));
    world.say(&delta(far));
    world.requests.clear();
    world.settle();
    assert_eq!(world.requests, [Request::Resync]);
}

#[test]
fn silence_from_the_server_ends_the_connection() {
    let mut world = World::inside();
    world.is_connected = false; // Pings go nowhere.
    world.advance(16_000 * MS);
    assert!(world.outputs.contains(&Output::Disconnect));
    assert!(world.events.iter().any(|event| matches!(event, Event::Connection(ConnectionState::Stalled))));
}

#[test]
fn the_rooms_end_is_told_and_nothing_is_asked_of_it_again() {
    let mut world = World::inside();
    world.moderate(RoomCommand::EndRoom);
    assert!(matches!(world.events.last(), Some(Event::LeftRoom(LeftRoom::Ended(_)))));
}

#[test]
fn voices_that_come_together_are_each_played_and_a_bundle_that_is_none_ends_the_connection() {
    let mut world = World::inside();
    let header = voice::Header { sequence: Seq(0), timestamp: 312, duration_samples: 960, level_dbov: 30, flags: 1 };
    let bytes = wire::encode_client_voice(&header, &[1, 2, 3]);
    let voices = [4, 5, 6]
        .map(|number| wire::encode_server_voice(&voice::Origin { stream: StreamId(number), arrived_ms: 1 }, &bytes[1..]));
    let mut bundle = Vec::new();
    wire::encode_bundle_head(voices.iter().map(Vec::len), &mut bundle);
    bundle.extend(voices.concat());
    let now = world.now;
    world.engine.handle_message(&bundle, now);
    world.settle();
    assert!(matches!(world.take_outputs()[..], [Output::Play { .. }, Output::Play { .. }, Output::Play { .. }]));
    bundle.push(0);
    world.engine.handle_message(&bundle, now);
    world.settle();
    assert!(world.take_outputs().contains(&Output::Disconnect), "{:?}", world.outputs);
}

#[test]
fn a_silenced_person_is_not_played() {
    let mut world = World::inside();
    let stream = StreamId(1);
    let header = voice::Header { sequence: Seq(0), timestamp: 312, duration_samples: 960, level_dbov: 30, flags: 1 };
    let bytes = wire::encode_client_voice(&header, &[1, 2, 3]);
    let message = wire::encode_server_voice(&voice::Origin { stream, arrived_ms: 1 }, &bytes[1..]);
    let now = world.now;
    world.engine.handle_message(&message, now);
    world.settle();
    assert!(matches!(world.take_outputs()[..], [Output::Play { .. }]));
    world.command(Command::SetVolume { user: UserId(1), volume: 0.0 });
    assert_eq!(world.take_outputs(), [Output::SetGain { stream, gain: 0.0 }]);
    world.engine.handle_message(&message, now);
    world.settle();
    assert_eq!(world.take_outputs(), []);
}

#[test]
fn the_server_is_asked_not_to_send_what_is_not_played_and_again_after_coming_back() {
    let mut world = World::inside();
    let silence = |silent| Request::Silence { stream: StreamId(1), silent };
    world.requests.clear();
    world.command(Command::SetVolume { user: UserId(1), volume: 0.0 });
    world.command(Command::SetVolume { user: UserId(1), volume: 0.0 });
    assert_eq!(world.requests, [silence(true)]);
    world.cut(None);
    world.requests.clear();
    world.advance(1100 * MS);
    assert_eq!(world.requests, [rejoin(false), silence(true)]);
    world.command(Command::SetVolume { user: UserId(1), volume: 0.5 });
    assert_eq!(world.requests.last(), Some(&silence(false)));
}

#[test]
fn whoever_is_put_out_is_told_and_asks_for_nothing_more() {
    let mut world = World::speaking();
    let seat = world.seat.take().expect("inside");
    world.say(&ServerFrame::PutOut {
        room: RoomId::parse("hall").expect("lawful"),
        reason: LeaveReason::Kicked,
        until_ms: Some(61_000),
    });
    world.moderate(RoomCommand::Kick(seat));
    let put_out = LeftRoom::PutOut { reason: LeaveReason::Kicked, until_ms: Some(61_000) };
    assert_eq!(world.events.last(), Some(&Event::LeftRoom(put_out)));
    assert!(world.outputs.contains(&Output::CloseMicrophone));
    world.requests.clear();
    world.cut(None);
    world.advance(1100 * MS);
    assert!(!world.requests.iter().any(|request| matches!(request, Request::JoinRoom { .. })));
}

#[test]
fn becoming_another_person_forgets_who_one_was_on_this_page_alone() {
    let mut world = World::inside();
    world.outputs.clear();
    world.command(Command::BecomeAnother);
    assert!(world.events.contains(&Event::Identity(None)));
    assert!(world.outputs.contains(&Output::Disconnect));
    assert!(!world.outputs.iter().any(|output| matches!(output, Output::KeepToken { .. })), "other pages keep theirs");
    world.command(Command::Login { name: "Another".into() });
    let kept = Output::KeepToken { token: Some(TOKEN), is_for_this_page: true };
    assert!(world.outputs.contains(&kept), "{:?}", world.outputs);
}

#[test]
fn nonsense_from_the_server_ends_the_connection_for_good() {
    let mut world = World::inside();
    world.to_client.push_back(vec![9, 9, 9]);
    world.settle();
    assert!(world.outputs.contains(&Output::Disconnect));
    assert_eq!(world.events.last(), Some(&Event::Connection(ConnectionState::Closed(Goodbye::Malformed))));
}

#[test]
fn the_sequence_goes_on_after_a_moderators_mute() {
    let mut world = World::speaking();
    let seat = world.seat.expect("inside");
    world.speak(20);
    let last = world.voice.last().expect("spoke").0.sequence;
    world.moderate(RoomCommand::MuteSpeaker(seat));
    world.moderate(RoomCommand::LiftMute(seat));
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    let now = world.now;
    world.engine.handle_microphone_open(48_000, now);
    world.settle();
    let before = world.voice.len();
    world.speak(20);
    let next = world.voice.get(before).expect("speaks again").0.sequence;
    assert_eq!(next, Seq(last.0 + 1), "a sequence used twice would be taken for a duplicate");
}

#[test]
fn whoever_comes_back_muted_speaks_as_a_new_stream() {
    let mut world = World::on_stage();
    let before = world.last_view().my_stage().expect("on stage").stream;
    world.cut(None);
    world.advance(1100 * MS);
    assert_ne!(world.last_view().my_stage().expect("still on stage").stream, before);
}

#[test]
fn a_microphone_that_is_not_wanted_any_more_is_closed_again() {
    let mut world = World::on_stage();
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    let now = world.now;
    world.engine.handle_microphone_failed(MicrophoneFailure::Refused, now);
    world.settle();
    world.take_outputs();
    world.command(Command::Room(RoomCommand::LeaveStage));
    assert_eq!(world.take_outputs(), [Output::CloseMicrophone], "the shell is not to open it by itself");
    world.engine.handle_microphone_open(48_000, now);
    world.settle();
    assert_eq!(world.take_outputs(), [Output::CloseMicrophone]);
}

#[test]
fn the_volume_of_somebody_who_never_spoke_goes_with_him() {
    let mut world = World::inside();
    world.command(Command::SetVolume { user: UserId(1), volume: 0.3 });
    assert_eq!(world.take_outputs(), [Output::SetGain { stream: StreamId(1), gain: 0.3 }]);
    world.command(Command::LeaveRoom);
    assert_eq!(world.take_outputs(), [Output::CloseStream(StreamId(1))]);
}

#[test]
fn after_logging_out_one_can_log_in_again() {
    let mut world = World::inside();
    world.command(Command::Logout);
    world.cut(Some(Goodbye::LoggedOut));
    assert!(world.is_connected, "again, as nobody");
    world.requests.clear();
    world.command(Command::Login { name: "Lea".into() });
    assert_eq!(world.requests, [Request::Login { name: "Lea".into() }]);
}

#[test]
fn a_seat_that_the_server_keeps_is_not_left() {
    let mut world = World::inside();
    world.denies = Some(Denied::TooFast);
    world.command(Command::LeaveRoom);
    assert!(!world.events.iter().any(|event| matches!(event, Event::LeftRoom(_))));
    world.denies = None;
    world.command(Command::LeaveRoom);
    assert_eq!(world.events.iter().filter(|event| matches!(event, Event::LeftRoom(LeftRoom::Left))).count(), 1);
}

#[test]
fn a_denied_resync_is_asked_for_again() {
    let mut world = World::inside();
    let far = Revision(world.last_view().revision.0 + 5);
    let delta = ServerFrame::Delta(dais_engine::shared::view::Delta { from: far, to: far, changes: vec![] });
    world.denies = Some(Denied::Unavailable);
    world.say(&delta);
    world.settle();
    world.denies = None;
    world.requests.clear();
    world.say(&delta);
    world.settle();
    assert_eq!(world.requests, [Request::Resync]);
}
