//! How one speaks: everything, what is voice, or what is said while a key is held.

use dais_engine::shared::room::Command as RoomCommand;
use dais_engine::shared::voice;
use dais_engine::{Command, Event, Output, Speaking, TalkKey, Ticket};

use crate::world::*;

/// Unmuted on stage, with push-to-talk and nothing pressed.
fn with_a_key() -> World {
    let mut world = World::speaking();
    world.command(Command::SetSpeaking(Speaking::PushToTalk));
    world
}

/// Frames that go out while this is said, in frames of 20 ms.
fn sent_while_saying(world: &mut World, frames: usize) -> usize {
    let before = world.voice.len();
    world.speak(frames);
    world.voice.len() - before
}

fn talks(world: &World) -> Vec<bool> {
    let talking = |event: &Event| if let Event::Talking(is_talking) = event { Some(*is_talking) } else { None };
    world.events.iter().filter_map(talking).collect()
}

#[test]
fn an_open_microphone_sends_silence_too() {
    let mut world = World::speaking();
    world.command(Command::SetSpeaking(Speaking::OpenMicrophone));
    world.is_silent(20);
    assert_eq!(world.voice.len(), 40);
    world.command(Command::SetSpeaking(Speaking::VoiceActivation));
    let before = world.voice.len();
    world.is_silent(20);
    assert_eq!(world.voice.len(), before);
}

#[test]
fn when_a_voice_was_captured_is_told_by_the_samples_that_came_quickest() {
    let mut world = World::speaking();
    world.advance(3_000 * MS); // until a ping has told the server's time
    world.speak(240);
    world.now += 60 * MS; // A busy machine: from here on everything is that late.
    world.speak(60);
    assert!(world.mappings.len() >= 2, "at the start and five seconds later: {:?}", world.mappings);
    let origins_ms: Vec<u64> = world.mappings.iter().map(|(timestamp, server_ms)| server_ms - timestamp / 48).collect();
    assert!(origins_ms.iter().all(|origin_ms| origin_ms.abs_diff(origins_ms[0]) <= 1), "{origins_ms:?}");
    world.speak(800);
    let (timestamp, server_ms) = world.mappings[world.mappings.len() - 1];
    assert_eq!((server_ms - timestamp / 48).abs_diff(origins_ms[0] + 60), 0, "what stays late is a longer way");
}

#[test]
fn the_microphones_queue_is_thrown_away_while_nobody_speaks_and_not_too_often() {
    for speaking in [Speaking::VoiceActivation, Speaking::OpenMicrophone] {
        let mut world = World::speaking();
        world.command(Command::SetSpeaking(speaking));
        world.speak(500);
        assert_eq!(world.flushes, 0, "{speaking:?}: ten seconds of voice");
        for _ in 0..20 {
            world.is_silent(5);
            world.speak(5);
        }
        assert_eq!(world.flushes, 0, "{speaking:?}: the closures of plosives");
        world.is_silent(100);
        assert_eq!(world.flushes, 1, "{speaking:?}");
        world.is_silent(1_000);
        assert_eq!(world.flushes, 5, "{speaking:?}: every five seconds");
    }
}

#[test]
fn what_was_chosen_before_the_microphone_opened_holds() {
    let mut world = World::on_stage();
    world.command(Command::SetSpeaking(Speaking::PushToTalk));
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    let now = world.now;
    world.engine.handle_microphone_open(44_100, now);
    world.settle();
    assert_eq!(sent_while_saying(&mut world, 20), 0);
    world.command(Command::Talk(TalkKey::Pressed));
    world.is_silent(20);
    assert!(world.voice.len() > 30, "a held key sends silence too");
}

#[test]
fn a_key_lets_out_what_is_said_while_it_is_held_and_one_frame_more() {
    let mut world = with_a_key();
    assert_eq!(sent_while_saying(&mut world, 50), 0);
    world.command(Command::Talk(TalkKey::Pressed));
    assert_eq!(sent_while_saying(&mut world, 10), 20);
    assert_eq!(world.voice[0].0.flags, voice::TALKSPURT_START, "nothing of what was said before");
    world.command(Command::Talk(TalkKey::Released));
    assert_eq!(talks(&world), [true, false]);
    assert_eq!(sent_while_saying(&mut world, 50), 1);
    assert_eq!(world.voice.last().expect("spoke").0.flags, voice::TALKSPURT_END);
    assert!(world.take_outputs().is_empty(), "the device stays open");
    world.command(Command::Talk(TalkKey::Pressed));
    world.speak(1);
    let (before, after) = (&world.voice[20].0, &world.voice[21].0);
    assert_eq!(after.flags, voice::TALKSPURT_START);
    assert_eq!(after.sequence.0, before.sequence.0 + 1);
    let gap_ms = (after.timestamp - before.timestamp) / 48;
    assert!((980..1060).contains(&gap_ms), "{gap_ms} ms");
}

#[test]
fn no_frame_is_captured_later_than_50_ms_after_the_key_is_let_go() {
    let mut world = with_a_key();
    world.command(Command::Talk(TalkKey::Pressed));
    world.speak(10);
    world.command(Command::Talk(TalkKey::Released));
    world.advance(60 * MS); // The device gives nothing for a moment.
    assert_eq!(sent_while_saying(&mut world, 50), 0);

    world.command(Command::Talk(TalkKey::Pressed));
    world.acknowledges = false;
    let held_back = |event: &Event| *event == Event::VoiceHeldBack(true);
    while !world.events.iter().any(held_back) {
        world.command(Command::Talk(TalkKey::StillHeld));
        world.speak(1);
    }
    world.command(Command::Talk(TalkKey::Released));
    assert!(sent_while_saying(&mut world, 50) <= 1, "what a full network holds back is not sent later");
}

#[test]
fn a_mute_on_a_full_network_sends_nothing_later_either() {
    let mut world = World::speaking();
    world.acknowledges = false;
    world.speak(100);
    world.is_connected = false; // The mute itself does not get through.
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.is_connected = true;
    world.speak(1);
    assert_eq!(sent_while_saying(&mut world, 50), 0);
}

#[test]
fn after_a_lost_connection_the_key_is_to_be_pressed_anew() {
    let mut world = with_a_key();
    world.command(Command::Talk(TalkKey::Pressed));
    world.speak(10);
    world.cut(None);
    assert_eq!(talks(&world), [true, false]);
    assert_eq!(sent_while_saying(&mut world, 10), 0);
    world.command(Command::Talk(TalkKey::Pressed)); // There is nobody to talk to.
    world.advance(1100 * MS);
    assert!(world.requests.contains(&rejoin(true)), "unmuted as before");
    world.command(Command::Talk(TalkKey::StillHeld));
    assert_eq!(sent_while_saying(&mut world, 50), 0);
    world.command(Command::Talk(TalkKey::Pressed));
    assert!(sent_while_saying(&mut world, 10) > 0);
}

#[test]
fn after_a_mute_the_key_is_to_be_pressed_anew() {
    let mut world = with_a_key();
    world.command(Command::Talk(TalkKey::Pressed));
    world.speak(10);
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    world.command(Command::Talk(TalkKey::Pressed)); // Muted, one is not heard, and this opens nothing later.
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    world.command(Command::Talk(TalkKey::StillHeld));
    assert_eq!(sent_while_saying(&mut world, 50), 0);
    assert_eq!(talks(&world), [true, false]);
}

#[test]
fn a_page_that_hangs_holds_no_key() {
    let mut world = with_a_key();
    world.command(Command::Talk(TalkKey::Pressed));
    for _ in 0..8 {
        world.speak(25);
        world.command(Command::Talk(TalkKey::StillHeld));
    }
    assert_eq!(talks(&world), [true], "held for four seconds");
    let sent = sent_while_saying(&mut world, 200);
    assert_eq!(sent, 99, "a second less one frame, of which the last ends the talkspurt");
    assert_eq!(world.voice.last().expect("spoke").0.flags, voice::TALKSPURT_END);
    world.advance(100 * MS);
    assert_eq!(talks(&world), [true, false]);
    world.command(Command::Talk(TalkKey::StillHeld));
    assert_eq!(sent_while_saying(&mut world, 10), 0);
}

#[test]
fn without_push_to_talk_a_key_means_nothing() {
    let mut world = World::speaking();
    world.command(Command::Talk(TalkKey::Pressed));
    world.command(Command::Talk(TalkKey::Released));
    assert_eq!(talks(&world), []);
    assert!(sent_while_saying(&mut world, 10) > 0);
}

/// The engine's messages, held up on their way.
fn held_up(world: &mut World) -> Vec<Vec<u8>> {
    let outputs = std::iter::from_fn(|| world.engine.poll_output());
    outputs.filter_map(|output| if let Output::Send(message) = output { Some(message) } else { None }).collect()
}

#[test]
fn who_clicks_twice_on_a_slow_network_stays_as_silent_as_the_last_click_says() {
    let mut world = World::speaking();
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: true }));
    let click = |world: &mut World, muted: bool| {
        let now = world.now;
        world.engine.handle_command(Ticket(2), Command::Room(RoomCommand::SetMicrophone { muted }), now);
        held_up(world)
    };
    let opening = click(&mut world, false);
    let closing = click(&mut world, true);
    world.now += 200 * MS;
    let now = world.now;
    world.engine.handle_timeout(now); // while the view still shows the microphone closed
    opening.iter().for_each(|message| world.serve(message));
    world.settle();
    assert!(world.last_view().my_stage().expect("on stage").is_audible(), "the server has opened it");
    assert_eq!(sent_while_saying(&mut world, 5), 0, "and the person has closed it since");
    closing.iter().for_each(|message| world.serve(message));
    world.settle();
    assert_eq!(sent_while_saying(&mut world, 5), 0);
    world.command(Command::Room(RoomCommand::SetMicrophone { muted: false }));
    assert!(sent_while_saying(&mut world, 5) > 0, "a fresh click opens it");
}

#[test]
fn who_clicks_again_while_the_server_is_silent_sends_one_last_frame_and_not_two() {
    let mut world = World::speaking();
    world.speak(5);
    for frames in [1, 0] {
        let now = world.now;
        let click = Command::Room(RoomCommand::SetMicrophone { muted: true });
        world.engine.handle_command(Ticket(2), click, now);
        held_up(&mut world);
        assert_eq!(sent_while_saying(&mut world, 5), frames);
    }
}

#[test]
fn a_click_that_is_lost_with_the_connection_is_not_undone_by_the_answer_to_an_earlier_one() {
    let mut world = World::speaking();
    let click = |world: &mut World, muted: bool| {
        let now = world.now;
        world.engine.handle_command(Ticket(2), Command::Room(RoomCommand::SetMicrophone { muted }), now);
        held_up(world)
    };
    let reach_the_server = [click(&mut world, true), click(&mut world, false)].concat();
    drop(click(&mut world, true));
    reach_the_server.iter().for_each(|message| world.serve(message));
    world.settle();
    assert!(world.last_view().my_stage().expect("on stage").is_audible(), "as the server has it");
    world.cut(None);
    world.requests.clear();
    world.advance(1_000 * MS);
    assert!(world.requests.contains(&rejoin(false)), "{:?}", world.requests);
    assert_eq!(sent_while_saying(&mut world, 5), 0);
}
