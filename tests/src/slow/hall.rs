//! A hall with a speaker and listeners, who note how late each frame comes to them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dais_bots::engine::audio::{Encode, OpusEncoder, SAMPLE_RATE_HZ};
use dais_shared::ids::{MemberId, PageId, RequestId, Seq};
use dais_shared::limits::VOICE_REPORT_MS;
use dais_shared::room::{Command, Mode};
use dais_shared::voice::Header;
use dais_shared::wire::{ClientFrame, FromServer, Request, ServerFrame, decode_server, encode_client_voice};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::harness::{RawPeer, ServerProcess, frame};

const FRAME_SAMPLES: usize = 960;

/// When a sample of the speaker's was captured, and how old it is.
#[derive(Clone, Copy)]
pub(super) struct Epoch(pub(super) Instant);

impl Epoch {
    pub(super) fn age(self, timestamp: u64) -> Duration {
        let captured = self.0 + Duration::from_micros(timestamp * 1_000_000 / u64::from(SAMPLE_RATE_HZ));
        Instant::now().saturating_duration_since(captured)
    }
}

/// Speaks a frame every 20 ms until it is over, and makes a co-host of whomever it is told to.
async fn speaks(
    mut peer: RawPeer,
    epoch: Epoch,
    bitrate_bps: i32,
    is_over: watch::Receiver<bool>,
    mut co_host: watch::Receiver<Option<MemberId>>,
) {
    let mut encoder = OpusEncoder::new(bitrate_bps, 5).unwrap();
    for sequence in 0.. {
        if *is_over.borrow() {
            return;
        }
        let timestamp = u64::from(sequence) * FRAME_SAMPLES as u64;
        let sample = |index: usize| {
            let at = (timestamp + index as u64) % u64::from(SAMPLE_RATE_HZ);
            // Two tones that make a beat, so that the packets are not all alike.
            let tone = |hz: f32| (std::f32::consts::TAU * hz * at as f32 / SAMPLE_RATE_HZ as f32).sin();
            0.2 * (tone(220.0) + tone(1111.0) + tone(3333.0))
        };
        let samples: Vec<f32> = (0..FRAME_SAMPLES).map(sample).collect();
        let mut payload = [0; 1275];
        let bytes = encoder.encode(&samples, &mut payload).unwrap();
        // When its last sample has been captured, however late the machine is with the one before.
        let due = epoch.0 + Duration::from_millis(20 * (u64::from(sequence) + 1));
        sleep_until(due).await;
        let flags = u8::from(sequence == 0);
        let header = Header { sequence: Seq(sequence), timestamp, duration_samples: 960, level_dbov: 20, flags };
        peer.sends(&frame(0x82, &encode_client_voice(&header, &payload[..bytes]))).await;
        let is_told = co_host.has_changed().is_ok_and(|has_changed| has_changed);
        let member = is_told.then(|| *co_host.borrow_and_update()).flatten();
        if let Some(member) = member {
            let request = Request::Room(Command::MakeCoHost(member));
            peer.says(&ClientFrame::Request { id: RequestId(u32::MAX), request }).await;
        }
        // What it is told is not looked at, but taken, or it would be slow itself.
        let mut ignored = [0; 4096];
        while peer.socket.try_read(&mut ignored).is_ok_and(|count| count > 0) {}
        if sequence % 200 == 199 {
            peer.says(&ClientFrame::Ping { nonce: sequence }).await;
        }
    }
}

/// What a healthy listener notes.
#[derive(Debug, Default)]
struct Notes {
    /// How late each voice frame came, in microseconds.
    delays_us: Vec<u32>,
    /// When the last came, and the longest time between two.
    voice: Option<Instant>,
    longest_gap: Duration,
    /// When something of the room was told, and how long it was.
    news: Vec<(Instant, usize)>,
}

impl Notes {
    fn note_voice(&mut self, delay: Duration) {
        let now = Instant::now();
        let gap = self.voice.replace(now).map(|before| now - before);
        self.longest_gap = self.longest_gap.max(gap.unwrap_or_default());
        self.delays_us.push(u32::try_from(delay.as_micros()).unwrap());
    }

    /// The most frames, and the most bytes, within a second.
    fn busiest_second(&self) -> (usize, usize) {
        let second = |from: usize| {
            let until = self.news[from].0 + Duration::from_secs(1);
            self.news[from..].iter().take_while(move |(at, _)| *at < until)
        };
        let starts = || 0..self.news.len();
        let frames = starts().map(|from| second(from).count()).max();
        let bytes = starts().map(|from| second(from).map(|(_, bytes)| bytes).sum()).max();
        (frames.unwrap_or(0), bytes.unwrap_or(0))
    }
}

/// The most that any listener was told of the room within a second, and the longest that any heard nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    pub(super) frames: usize,
    pub(super) bytes: usize,
    pub(super) longest_gap: Duration,
}

/// Takes everything in, answers heartbeats and reports, as a page does.
async fn listens(mut peer: RawPeer, epoch: Epoch, notes: Arc<Mutex<Notes>>, is_over: watch::Receiver<bool>) {
    let mut reported = Instant::now();
    while !*is_over.borrow() {
        let (_, payload) = peer.next_frame().await.expect("a healthy listener is never cut off");
        match decode_server(&payload).unwrap() {
            FromServer::Voice { header, origin, .. } => {
                let sent = header.timestamp + FRAME_SAMPLES as u64;
                notes.lock().unwrap().note_voice(epoch.age(sent));
                if reported.elapsed() >= Duration::from_millis(VOICE_REPORT_MS) {
                    reported = Instant::now();
                    peer.says(&ClientFrame::VoiceReport { newest_ms: origin.arrived_ms }).await;
                }
            }
            FromServer::Control(ServerFrame::Ping { nonce }) => peer.says(&ClientFrame::Pong { nonce }).await,
            FromServer::Control(ServerFrame::Goodbye(goodbye)) => panic!("a healthy listener is told {goodbye:?}"),
            FromServer::Control(ServerFrame::Delta(_) | ServerFrame::Snapshot(_)) => {
                notes.lock().unwrap().news.push((Instant::now(), payload.len()));
            }
            FromServer::Control(_) => {}
        }
    }
}

/// Somebody in the hall, from an address of its own.
pub(super) async fn listener(server: &ServerProcess, number: usize, receive_buffer_bytes: Option<u32>) -> RawPeer {
    let [.., high, low] = (number + 1).to_be_bytes();
    let from = [127, 1, high, low];
    let mut peer = match receive_buffer_bytes {
        Some(bytes) => RawPeer::connect_with_receive_buffer(from, server.address, bytes).await,
        None => RawPeer::connect(from, server.address).await,
    };
    assert_eq!(peer.upgrades(&[]).await.status, 101);
    let (mut peer, _) = peer.says_hello(None).await;
    peer.logs_in(&format!("Listener {number}")).await.unwrap();
    peer.joins("hall", None, 1).await.unwrap();
    peer
}

/// A hall with a speaker and healthy listeners.
pub(super) struct Hall {
    pub(super) server: ServerProcess,
    pub(super) epoch: Epoch,
    notes: Vec<Arc<Mutex<Notes>>>,
    over: watch::Sender<bool>,
    co_host: watch::Sender<Option<MemberId>>,
    tasks: JoinSet<()>,
    _folder: TempDir,
}

impl Hall {
    pub(super) async fn begin(healthy: usize, bitrate_bps: i32) -> Self {
        Self::begin_in(Mode::Moderated, healthy, bitrate_bps).await
    }

    pub(super) async fn begin_in(mode: Mode, healthy: usize, bitrate_bps: i32) -> Self {
        let folder = TempDir::with_prefix("dais-slow-").unwrap();
        let server = ServerProcess::start(folder.path(), 0);
        let mut host = RawPeer::person([127, 0, 0, 1], server.address, "Ada").await;
        let room = Some(dais_shared::ids::RoomId::parse("hall").unwrap());
        let (title, page) = ("Hall".into(), PageId(1));
        host.asks(Request::CreateRoom { room, title, mode, unlisted: false, passcode: None, page }).await.unwrap();
        host.asks(Request::Room(Command::SetMicrophone { muted: false })).await.unwrap();
        let mut listeners = Vec::new();
        for number in 0..healthy {
            listeners.push(listener(&server, number, None).await);
        }
        let (over, is_over) = watch::channel(false);
        let (epoch, mut notes, mut tasks) = (Epoch(Instant::now()), Vec::new(), JoinSet::new());
        for peer in listeners {
            let own = Arc::<Mutex<Notes>>::default();
            notes.push(Arc::clone(&own));
            tasks.spawn(listens(peer, epoch, own, is_over.clone()));
        }
        let (co_host, is_co_host) = watch::channel(None);
        tasks.spawn(speaks(host, epoch, bitrate_bps, is_over, is_co_host));
        Self { server, epoch, notes, over, co_host, tasks, _folder: folder }
    }

    /// The host gives somebody on stage a moderator's powers.
    pub(super) fn makes_co_host(&self, member: MemberId) {
        self.co_host.send_replace(Some(member));
    }

    /// What listeners have noted so far is forgotten.
    pub(super) fn forget_delays(&self) {
        for notes in &self.notes {
            *notes.lock().unwrap() = Notes::default();
        }
    }

    /// What the busiest listener was told since the last time that was forgotten.
    pub(super) fn news(&self) -> News {
        let mut news = News { frames: 0, bytes: 0, longest_gap: Duration::ZERO };
        for notes in &self.notes {
            let notes = notes.lock().unwrap();
            let (frames, bytes) = notes.busiest_second();
            news.frames = news.frames.max(frames);
            news.bytes = news.bytes.max(bytes);
            news.longest_gap = news.longest_gap.max(notes.longest_gap);
        }
        news
    }

    /// How late 99 of 100 frames came to healthy listeners, since the last time they were forgotten, in milliseconds.
    pub(super) fn p99_ms(&self) -> f64 {
        let mut delays: Vec<u32> = Vec::new();
        for notes in &self.notes {
            delays.append(&mut notes.lock().unwrap().delays_us);
        }
        delays.sort_unstable();
        assert!(delays.len() > 100, "they hear");
        f64::from(delays[delays.len() * 99 / 100]) / 1000.0
    }

    pub(super) async fn dropped(&self) -> f64 {
        let late = self.server.figure("dais_voice_frames_dropped_total{reason=\"late\"}").await;
        late + self.server.figure("dais_voice_frames_dropped_total{reason=\"overflow\"}").await
    }

    pub(super) async fn ends(mut self) {
        self.over.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        let complaints = self.server.complaints();
        assert!(!complaints.contains("panicked"), "{complaints}");
    }
}

/// How late 99 of 100 frames came to healthy listeners, in pairs of phases without and with what may harm them.
#[derive(Default)]
pub(super) struct Comparison {
    ratios: Vec<f64>,
    differences_ms: Vec<f64>,
}

impl Comparison {
    pub(super) fn note(&mut self, without_ms: f64, with_ms: f64) {
        self.ratios.push(with_ms / without_ms);
        self.differences_ms.push(with_ms - without_ms);
        println!("pair {}: healthy p99 {without_ms:.2} ms without, {with_ms:.2} ms with", self.ratios.len());
    }

    /// That the medians are close together, as docs/reliability.md has it. Where nothing is optimised, they are only printed.
    pub(super) fn shows_no_harm(self) {
        self.shows_at_most(1.10, 1.0);
    }

    /// That the medians are no further apart than either bound.
    pub(super) fn shows_at_most(mut self, ratio_max: f64, difference_max_ms: f64) {
        let median = |numbers: &mut Vec<f64>| {
            numbers.sort_unstable_by(f64::total_cmp);
            numbers[numbers.len() / 2]
        };
        let (ratio, difference_ms) = (median(&mut self.ratios), median(&mut self.differences_ms));
        println!("median ratio {ratio:.3}, median difference {difference_ms:.2} ms");
        assert!(cfg!(debug_assertions) || ratio <= ratio_max || difference_ms <= difference_max_ms);
    }
}
