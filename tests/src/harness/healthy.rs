//! Members as the product has them, who talk and hear while something else goes on, and notice every gap.

use std::f32::consts::TAU;
use std::net::SocketAddr;
use std::time::Duration;

use dais_bots::engine::Command;
use dais_bots::engine::audio::SAMPLE_RATE_HZ;
use dais_bots::member::{Member, Way};
use dais_shared::ids::RoomId;
use dais_shared::room::{Command as RoomCommand, Mode};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::PATIENCE;

/// What a device gives and takes at once: 10 ms.
const QUANTUM_SAMPLES: usize = 480;
const QUANTUM: Duration = Duration::from_millis(10);
const LISTENERS: usize = 2;
/// What each hears at least after all that was done meanwhile.
const MORE_MS: u64 = 300;
/// The tone comes out of the loudspeaker louder than this, as mean square.
const SOUNDS_FROM: f32 = 1e-4;

/// What one listener's loudspeaker played, from the first sound on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) sounding_ms: u64,
    pub(crate) silent_ms: u64,
    pub(crate) longest_gap_ms: u64,
}

/// A room `hall` in which one member hums without a pause and others listen.
pub(crate) struct Healthy {
    over: watch::Sender<bool>,
    speaker: JoinHandle<()>,
    listeners: Vec<JoinHandle<Heard>>,
    /// How long each has sounded so far.
    sounding_ms: watch::Receiver<[u64; LISTENERS]>,
}

impl Healthy {
    /// Begins when the hum is heard by all. Where they have to sign in they do so with this token.
    pub(crate) async fn talk(address: SocketAddr, token: Option<&str>) -> Self {
        let url = format!("ws://{address}/ws");
        let way = Way { url: &url, trusted: None, token, cookie: None };
        let (over, is_over) = watch::channel(false);
        let (sounding, mut sounding_ms) = watch::channel([0; LISTENERS]);
        let speaker = host(way).await;
        let speaker = tokio::spawn(hums(speaker, is_over.clone()));
        let mut listeners = Vec::new();
        for number in 0..LISTENERS {
            let mut member = Member::log_in_by(way, &format!("Listener {number}"), None).await.unwrap();
            member.ask(Command::JoinRoom { room: room(), passcode: None, take_over: false }).await.unwrap().unwrap();
            listeners.push(tokio::spawn(listens(member, is_over.clone(), number, sounding.clone())));
        }
        let all = sounding_ms.wait_for(|sounding| sounding.iter().all(|ms| *ms > 0));
        tokio::time::timeout(PATIENCE, all).await.expect("the hum is heard").unwrap();
        Self { over, speaker, listeners, sounding_ms }
    }

    /// Ends it when all have heard a little more; what each listener heard.
    pub(crate) async fn ends(mut self) -> Vec<Heard> {
        let before = *self.sounding_ms.borrow_and_update();
        let hears = |sounding: &[u64; LISTENERS]| sounding.iter().zip(before).all(|(ms, before)| *ms >= before + MORE_MS);
        tokio::time::timeout(PATIENCE, self.sounding_ms.wait_for(hears)).await.expect("the hum is still heard").unwrap();
        self.over.send_replace(true);
        self.speaker.await.unwrap();
        let mut heard = Vec::new();
        for listener in self.listeners {
            heard.push(listener.await.unwrap());
        }
        heard
    }
}

pub(super) fn room() -> RoomId {
    RoomId::parse("hall").unwrap()
}

/// On stage with an open microphone.
async fn host(way: Way<'_>) -> Member {
    let mut host = Member::log_in_by(way, "Ada", Some(SAMPLE_RATE_HZ)).await.unwrap();
    let create =
        Command::CreateRoom { room: Some(room()), title: "Hall".into(), mode: Mode::Moderated, unlisted: false, passcode: None };
    host.ask(create).await.unwrap().unwrap();
    host.ask(Command::Room(RoomCommand::SetMicrophone { muted: false })).await.unwrap().unwrap();
    host.wait_for("the microphone", PATIENCE, Member::is_microphone_open).await.unwrap();
    host
}

async fn hums(mut member: Member, is_over: watch::Receiver<bool>) {
    let (mut phase, mut due) = (0.0_f32, Instant::now());
    while !*is_over.borrow() {
        due += QUANTUM;
        member.run_until(due).await.unwrap();
        let quantum: Vec<f32> = std::iter::repeat_with(|| {
            phase = (phase + 220.0 / SAMPLE_RATE_HZ as f32).fract();
            0.3 * (TAU * phase).sin()
        })
        .take(QUANTUM_SAMPLES)
        .collect();
        member.speak(&quantum);
    }
}

async fn listens(
    mut member: Member,
    is_over: watch::Receiver<bool>,
    number: usize,
    sounding: watch::Sender<[u64; LISTENERS]>,
) -> Heard {
    let (mut heard, mut gap_ms, mut due) = (Heard::default(), 0, Instant::now());
    while !*is_over.borrow() {
        due += QUANTUM;
        member.run_until(due).await.unwrap();
        let mut quantum = [0.0; QUANTUM_SAMPLES];
        member.play(&mut quantum, due);
        let mean_square = quantum.iter().map(|sample| sample * sample).sum::<f32>() / QUANTUM_SAMPLES as f32;
        if mean_square >= SOUNDS_FROM {
            gap_ms = 0;
            heard.sounding_ms += 10;
            sounding.send_modify(|sounding| sounding[number] = heard.sounding_ms);
        } else if heard.sounding_ms > 0 {
            gap_ms += 10;
            heard.silent_ms += 10;
            heard.longest_gap_ms = heard.longest_gap_ms.max(gap_ms);
        }
    }
    heard
}
