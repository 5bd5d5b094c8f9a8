//! A hall in which a crowd does all the time whatever others are shown: hands up and down, seats taken and left, microphones
//! opened and shut, devices reported, messages, reactions, comings and goings, whole snapshots asked for. Each of them keeps
//! every limit. What the listeners are sent, what they hear meanwhile, and whether the rest of the room can still be moderated.
//!
//! 30 of them and 40 listeners in a normal run; with `DAIS_LONG` 100 and 200, and then five pairs of phases with and without them,
//! whose delays are compared.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dais_shared::ids::{MemberId, PageId, RoomId};
use dais_shared::limits::HANDS_MAX;
use dais_shared::permissions::Role;
use dais_shared::room::{Command, Denied, MicrophoneState, Mode, Reaction};
use dais_shared::view::Change;
use dais_shared::wire::{Reply, Request};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, interval, sleep};

use super::hall::{Comparison, Hall};
use super::is_long;
use crate::harness::{ServerProcess, TestMember};

const BITRATE_BPS: i32 = 32_000;
/// Between two requests of one of the crowd: as many as a connection may send.
const PAUSE: Duration = Duration::from_millis(100);
/// What one listener is sent of the room in a second.
const FRAMES_MAX: usize = 10;
const BYTES_MAX: usize = 8_000;

struct Size {
    listeners: usize,
    crowd: usize,
    /// Behind one address, who only raise their hands.
    school: usize,
    pairs: usize,
    phase: Duration,
}

fn size() -> Size {
    let second = Duration::from_secs(1);
    if is_long() {
        Size { listeners: 200, crowd: 100, school: 500, pairs: 5, phase: 8 * second }
    } else {
        Size { listeners: 40, crowd: 30, school: 60, pairs: 1, phase: 4 * second }
    }
}

/// What one of the crowd does over and over.
fn script(number: usize) -> Vec<Request> {
    let room = RoomId::parse("hall").unwrap();
    let join = Request::JoinRoom { room, passcode: None, page: PageId(9), take_over: false, microphone_open: false };
    let says = |text: &str| Request::Room(Command::SendMessage(text.repeat(500 / text.len())));
    let stage = [
        Command::TakeSeat,
        Command::SetMicrophone { muted: false },
        Command::ReportMicrophone(MicrophoneState::Missing),
        Command::SetMicrophone { muted: true },
        Command::ReportMicrophone(MicrophoneState::Lost),
        Command::LeaveStage,
    ];
    match number % 6 {
        0 | 1 => [Command::RaiseHand, Command::LowerHand].map(Request::Room).into(),
        2 => vec![says("flood "), Request::Room(Command::React(Reaction::Applause))],
        3 => vec![Request::LeaveRoom, join],
        4 => stage.map(Request::Room).into(),
        _ => vec![Request::Resync, Request::ListMessages { before: None }, Request::Room(Command::RaiseHand), says("ы")],
    }
}

/// One of the crowd, from an address that all of them share. Counts the messages that were taken.
async fn floods(
    server: &ServerProcess,
    number: usize,
    is_over: watch::Receiver<bool>,
    taken: Arc<AtomicUsize>,
) -> JoinHandle<()> {
    let mut member = TestMember::connect_from([127, 0, 90, 1], server.address).await;
    // As long as a name may be, in letters that take four bytes each.
    member.logs_in(&format!("{number:03}{}", "𝔛".repeat(37))).await.unwrap();
    member.joins("hall").await.unwrap();
    tokio::spawn(async move {
        let mut pace = interval(PAUSE);
        for request in script(number).into_iter().cycle() {
            if *is_over.borrow() {
                return;
            }
            pace.tick().await;
            let is_message = matches!(request, Request::Room(Command::SendMessage(_)));
            let answer = member.asks(request).await;
            taken.fetch_add(usize::from(is_message && answer.is_ok()), Ordering::Relaxed);
            member.forgets_what_it_saw();
        }
    })
}

/// What somebody saw who watched the whole time.
#[derive(Debug, Default)]
struct Seen {
    messages: usize,
    crowd_hands: usize,
}

/// Watches until it is over and as many messages have come as were taken.
async fn watches(
    mut member: TestMember,
    is_over: watch::Receiver<bool>,
    taken: Arc<AtomicUsize>,
    muted: watch::Sender<Option<Instant>>,
) -> Seen {
    let mut seen = Seen::default();
    let is_of_crowd = |name: &str| name.contains('𝔛');
    while !*is_over.borrow() || seen.messages < taken.load(Ordering::Relaxed) {
        assert!(member.takes_something().await, "who only watches is not cut off");
        for change in std::mem::take(&mut member.changes) {
            match change {
                Change::MessagePosted(_) => seen.messages += 1,
                Change::MicrophoneSet { host_muted: true, .. } => drop(muted.send_replace(Some(Instant::now()))),
                _ => {}
            }
        }
        let hands = member.view().hands.iter().filter(|hand| is_of_crowd(&hand.name)).count();
        seen.crowd_hands = seen.crowd_hands.max(hands);
        member.forgets_what_it_saw();
    }
    seen
}

/// A moderator mutes somebody and lets him speak again, over and over: how long the answer takes, and how long until the
/// watcher sees it.
async fn moderates(
    mut moderator: TestMember,
    victim: MemberId,
    mut muted: watch::Receiver<Option<Instant>>,
) -> (Duration, Duration, TestMember) {
    let (mut answered, mut seen) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..20 {
        muted.borrow_and_update();
        let asked = Instant::now();
        moderator.asks(Request::Room(Command::MuteSpeaker(victim))).await.unwrap();
        answered = answered.max(asked.elapsed());
        muted.changed().await.unwrap();
        let saw = muted.borrow_and_update().unwrap();
        seen = seen.max(saw.saturating_duration_since(asked));
        moderator.asks(Request::Room(Command::LiftMute(victim))).await.unwrap();
        sleep(Duration::from_millis(150)).await;
        moderator.forgets_what_it_saw();
    }
    (answered, seen, moderator)
}

/// Many behind one address raise their hands within some seconds, while a moderator lowers them: each gets a place, or is told
/// that there is none, and gets one when he tries again.
async fn school(server: &ServerProcess, size: &Size, moderator: &mut TestMember) -> Duration {
    let mut pupils = JoinSet::new();
    for number in 0..size.school {
        let mut pupil = TestMember::connect_from([127, 0, 80, 1], server.address).await;
        pupil.logs_in(&format!("Pupil {number}")).await.unwrap();
        pupil.joins("hall").await.unwrap();
        pupils.spawn(async move {
            let mut slowest = Duration::ZERO;
            sleep(Duration::from_millis(number as u64 * 7)).await;
            loop {
                let asked = Instant::now();
                let answer = pupil.asks(Request::Room(Command::RaiseHand)).await;
                slowest = slowest.max(asked.elapsed());
                match answer {
                    Ok(Reply::Done) => return slowest,
                    Err(Denied::HandQueueFull) => sleep(Duration::from_millis(500)).await,
                    other => panic!("a pupil is told {other:?}"),
                }
            }
        });
    }
    let (mut slowest, mut lowers) = (Duration::ZERO, interval(Duration::from_millis(500)));
    while !pupils.is_empty() {
        tokio::select! {
            pupil = pupils.join_next() => slowest = slowest.max(pupil.unwrap().unwrap()),
            _ = lowers.tick() => {
                moderator.asks(Request::Room(Command::LowerAllHands)).await.unwrap();
                moderator.forgets_what_it_saw();
            }
        }
    }
    slowest
}

/// Takes in whatever comes, as an open page does.
fn stays(mut member: TestMember) -> JoinHandle<()> {
    tokio::spawn(async move {
        while member.takes_something().await {
            member.forgets_what_it_saw();
        }
    })
}

/// A moderator, and somebody whom he mutes.
async fn people(hall: &Hall) -> (TestMember, MemberId) {
    let mut moderator = TestMember::connect_from([127, 0, 71, 1], hall.server.address).await;
    moderator.logs_in("Moderator").await.unwrap();
    moderator.joins("hall").await.unwrap();
    moderator.commands(Command::TakeSeat).await.unwrap();
    let mut victim = TestMember::connect_from([127, 0, 72, 1], hall.server.address).await;
    victim.logs_in("Victim").await.unwrap();
    victim.joins("hall").await.unwrap();
    victim.commands(Command::TakeSeat).await.unwrap();
    let id = victim.id();
    stays(victim);
    (moderator, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_within_all_limits_silences_nobody() {
    let size = size();
    let hall = Hall::begin_in(Mode::Open, size.listeners, BITRATE_BPS).await;
    let (mut moderator, victim) = people(&hall).await;
    hall.makes_co_host(moderator.id());
    moderator.sees(|view| view.my_role() == Role::CoHost).await;
    let (mut comparison, is_strict) = (Comparison::default(), !cfg!(debug_assertions));
    for _ in 0..size.pairs {
        hall.forget_delays();
        sleep(size.phase).await;
        let without_ms = hall.p99_ms();
        let mut witness = TestMember::connect_from([127, 0, 73, 1], hall.server.address).await;
        witness.logs_in("Witness").await.unwrap();
        witness.joins("hall").await.unwrap();
        let (over, is_over) = watch::channel(false);
        let (taken, (muted, was_muted)) = (Arc::<AtomicUsize>::default(), watch::channel(None));
        let mut crowd = Vec::new();
        for number in 0..size.crowd {
            crowd.push(floods(&hall.server, number, is_over.clone(), Arc::clone(&taken)).await);
        }
        let watching = tokio::spawn(watches(witness, is_over.clone(), Arc::clone(&taken), muted));
        hall.forget_delays();
        let moderating = tokio::spawn(moderates(moderator, victim, was_muted));

        let mut honest = TestMember::connect_from([127, 0, 74, 1], hall.server.address).await;
        honest.logs_in("Honest").await.unwrap();
        honest.joins("hall").await.unwrap();
        let asked = Instant::now();
        assert_eq!(honest.asks(Request::Room(Command::RaiseHand)).await, Ok(Reply::Done));
        let raised = asked.elapsed();
        stays(honest);
        sleep(size.phase).await;
        let (with_ms, most) = (hall.p99_ms(), hall.news());
        let (answered, seen, back) = moderating.await.unwrap();
        moderator = back;
        let slowest_pupil = school(&hall.server, &size, &mut moderator).await;
        over.send_replace(true);
        for member in crowd {
            member.await.unwrap();
        }
        let saw = watching.await.unwrap();
        comparison.note(without_ms, with_ms);
        let full = hall.server.figure("dais_voice_frames_dropped_total{reason=\"mailbox_full\"}").await;
        let taken = taken.load(Ordering::Relaxed);
        println!(
            "{} flooded: the busiest second of a listener had {} frames and {} bytes of the room; longest gap {:?}; a hand \
             was up after {raised:?}, {} of the crowd's at most; mutes answered after {:?} and seen after {:?} at most, a \
             pupil after {slowest_pupil:?}; {taken} messages taken, {} seen; {full} frames found the room's way full",
            size.crowd, most.frames, most.bytes, most.longest_gap, saw.crowd_hands, answered, seen, saw.messages,
        );
        assert!(most.frames <= FRAMES_MAX && most.bytes <= BYTES_MAX, "{most:?}");
        assert_eq!(full, 0.0);
        assert_eq!(saw.messages, taken, "a message that was taken is seen");
        assert!(taken > 0 && saw.crowd_hands <= HANDS_MAX / 2);
        let patience = if is_strict { Duration::from_secs(1) } else { 3 * Duration::from_secs(1) };
        assert!(raised <= patience && slowest_pupil <= patience);
        if is_strict {
            assert!(most.longest_gap <= Duration::from_millis(500));
            assert!(answered <= Duration::from_millis(100) && seen <= Duration::from_millis(250));
        }
    }
    if is_long() {
        comparison.shows_at_most(1.25, 2.0);
    }
    hall.ends().await;
}
