//! What it costs the server to give voice to everybody, beside a bare loop that sends as many bytes to as many sockets: CPU per
//! delivered frame and delay, interleaved in one run.
//!
//! `cargo xtask bench fan-out [--rounds N] [--seconds N] [--listeners N] [--speakers N]`. The loop is one thread that calls
//! `send()` with 120 bytes for each frame and listener, 50 times a second, in a process of its own; so is Dais, the release build
//! as it stands (`DAIS_BIN`). This process speaks, listens, and reports what it has heard, as pages do. Linux only: it reads
//! /proc.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other end")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dais_shared::ids::{PageId, RequestId, RoomId, Seq};
use dais_shared::limits::VOICE_REPORT_MS;
use dais_shared::room::{Command as RoomCommand, Mode};
use dais_shared::voice::Header;
use dais_shared::wire::{
    ClientFrame, FromServer, PROTOCOL_VERSION, Request, ServerFrame, decode_server, encode_client, encode_client_voice, messages,
};
use futures_util::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::interval;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// With all headers, as the gates have it.
const FRAME_BYTES: usize = 120;
/// What is left for the payload behind the socket's header and the frame's own.
const PAYLOAD_BYTES: usize = 90;
/// A round is no longer.
const SECONDS_MAX: u32 = 10;
/// What a listener reads at most at a time.
const READ_BYTES: usize = 4096;
const FRAME: Duration = Duration::from_millis(20);
/// What the kernel counts a process' time in.
const TICK_US: f64 = 10_000.0;

/// The most that a delivered frame may cost, in what it costs the loop: with one speaker, and with four.
const GATES: [(usize, usize, f64); 3] = [(200, 1, 1.5), (1_000, 1, 1.5), (1_000, 4, 0.6)];
const SIZES: [(usize, usize); 4] = [(200, 1), (200, 4), (1_000, 1), (1_000, 4)];

/// Microseconds since 1970, the same for every process.
fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

/// How late frames came, in microseconds.
type Delays = Arc<Mutex<Vec<u32>>>;

/// What one phase came to.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// One of the two that are compared, in a process of its own.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(command: &mut Command) -> (Self, BufReader<std::process::ChildStdout>) {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("://").unwrap().1.parse().unwrap();
        (Self { child, address }, said)
    }

    fn cpu_us(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // Behind the name, which may hold anything: fields 14 and 15, counted from 3 (proc(5)).
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * TICK_US
    }

    fn memory_kb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a phase delivered, and what that cost.
fn outcome(cpu_us: f64, delays: &Delays) -> Outcome {
    let mut delays = std::mem::take(&mut *delays.lock().unwrap());
    delays.sort_unstable();
    let at = |part: f64| f64::from(delays[((delays.len() - 1) as f64 * part) as usize]) / 1000.0;
    Outcome { cpu_us: cpu_us / delays.len() as f64, p50_ms: at(0.5), p99_ms: at(0.99) }
}

/// The bare loop, and whoever drains it.
struct Bare {
    process: Process,
    orders: ChildStdin,
    said: BufReader<std::process::ChildStdout>,
    delays: Delays,
}

impl Bare {
    async fn start(listeners: usize, speakers: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["loop", &listeners.to_string(), &speakers.to_string()]).stdin(Stdio::piped());
        let (mut process, mut said) = Process::start(&mut command);
        let orders = process.child.stdin.take().unwrap();
        let delays = Delays::default();
        for _ in 0..listeners {
            let socket = TcpStream::connect(process.address).await.unwrap();
            tokio::spawn(drains(socket, Arc::clone(&delays)));
        }
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "all are here");
        Self { process, orders, said, delays }
    }

    fn measure(&mut self, frames: u32) -> Outcome {
        self.delays.lock().unwrap().clear();
        let before_us = self.process.cpu_us();
        writeln!(self.orders, "{frames}").unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        std::thread::sleep(Duration::from_millis(200)); // the last are on their way
        outcome(self.process.cpu_us() - before_us, &self.delays)
    }
}

async fn drains(mut socket: TcpStream, delays: Delays) {
    let mut frame = [0; FRAME_BYTES];
    while socket.read_exact(&mut frame).await.is_ok() {
        let sent_us = u64::from_be_bytes(frame[..8].try_into().unwrap());
        delays.lock().unwrap().push(now_us().saturating_sub(sent_us) as u32);
    }
}

/// The process of the bare loop: accepts, then sends as often as it is told to.
fn bare_loop(listeners: usize, speakers: usize) {
    let house = StdListener::bind(("127.0.0.1", 0)).unwrap();
    println!("loop://{}", house.local_addr().unwrap());
    let mut sockets = Vec::new();
    for _ in 0..listeners {
        let (socket, _) = house.accept().unwrap();
        socket.set_nodelay(true).unwrap();
        sockets.push(socket);
    }
    println!("all are here");
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let (began, mut frame) = (Instant::now(), [0; FRAME_BYTES]);
        for tick in 0..line.trim().parse::<u32>().unwrap() {
            std::thread::sleep((FRAME * tick).saturating_sub(began.elapsed()));
            for _ in 0..speakers {
                frame[..8].copy_from_slice(&now_us().to_be_bytes());
                for socket in &mut sockets {
                    socket.write_all(&frame).unwrap();
                }
            }
        }
        println!("done");
    }
}

type Socket = WebSocketStream<TcpStream>;

async fn says(socket: &mut Socket, frame: &ClientFrame) {
    socket.send(Message::Binary(encode_client(frame).into())).await.unwrap();
}

async fn asks(socket: &mut Socket, request: Request) {
    says(socket, &ClientFrame::Request { id: RequestId(1), request }).await;
    loop {
        let received = socket.next().await.unwrap().unwrap().into_data();
        for message in messages(&received).unwrap() {
            match decode_server(message).unwrap() {
                FromServer::Control(ServerFrame::Reply { result, .. }) => return drop(result.unwrap()),
                FromServer::Control(ServerFrame::Ping { nonce }) => says(socket, &ClientFrame::Pong { nonce }).await,
                _ => {}
            }
        }
    }
}

/// Dais with a hall full of listeners, and some who speak.
struct Dais {
    process: Process,
    speakers: Vec<Socket>,
    delays: Delays,
    spoken: u32,
    listener_kb: f64,
    joined: Duration,
    _folder: TempDir,
}

impl Dais {
    async fn start(program: &str, listeners: usize, speakers: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(program);
        command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path());
        let (process, said) = Process::start(&mut command);
        // It has no more to say, and is to be able to.
        std::thread::spawn(move || said.lines().map_while(Result::ok).for_each(drop));
        let room = RoomId::parse("hall").unwrap();
        let joining = |number: usize| {
            let (room, page) = (room.clone(), PageId(number as u64));
            Request::JoinRoom { room, passcode: None, page, take_over: false, microphone_open: false }
        };
        let mut host = enters(process.address, "Ada".into()).await;
        let (title, page) = ("Hall".into(), PageId(0));
        let create =
            Request::CreateRoom { room: Some(room.clone()), title, mode: Mode::Open, unlisted: false, passcode: None, page };
        asks(&mut host, create).await;
        let mut speaking = vec![host];
        for number in 1..speakers {
            let mut speaker = enters(process.address, format!("Speaker {number}")).await;
            asks(&mut speaker, joining(number)).await;
            asks(&mut speaker, Request::Room(RoomCommand::TakeSeat)).await;
            speaking.push(speaker);
        }
        let mut audience = Vec::new();
        for number in 0..listeners {
            audience.push(enters(process.address, format!("Listener {number}")).await);
        }
        let (empty_kb, began) = (process.memory_kb(), Instant::now());
        let delays = Delays::default();
        for (number, mut listener) in audience.into_iter().enumerate() {
            asks(&mut listener, joining(speakers + number)).await;
            tokio::spawn(listens(listener, Arc::clone(&delays)));
        }
        let joined = began.elapsed();
        for speaker in &mut speaking {
            asks(speaker, Request::Room(RoomCommand::SetMicrophone { muted: false })).await;
        }
        let listener_kb = (process.memory_kb() - empty_kb).max(0.0) / listeners as f64;
        Self { process, speakers: speaking, delays, spoken: 0, listener_kb, joined, _folder: folder }
    }

    async fn measure(&mut self, frames: u32) -> Outcome {
        self.delays.lock().unwrap().clear();
        let before_us = self.process.cpu_us();
        let mut pace = interval(FRAME);
        for _ in 0..frames {
            pace.tick().await;
            for speaker in &mut self.speakers {
                let mut payload = [7; PAYLOAD_BYTES];
                payload[..8].copy_from_slice(&now_us().to_be_bytes());
                let timestamp = u64::from(self.spoken) * 960;
                let sequence = Seq(self.spoken);
                let header = Header { sequence, timestamp, duration_samples: 960, level_dbov: 30, flags: 0 };
                speaker.send(Message::Binary(encode_client_voice(&header, &payload).into())).await.unwrap();
                // What it is told is taken, and not looked at.
                while futures_util::FutureExt::now_or_never(speaker.next()).is_some() {}
            }
            self.spoken += 1;
        }
        tokio::time::sleep(Duration::from_millis(200)).await; // the last are on their way
        outcome(self.process.cpu_us() - before_us, &self.delays)
    }
}

async fn enters(address: SocketAddr, name: String) -> Socket {
    let socket = TcpStream::connect(address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    // Otherwise each read clears 128 KiB, which costs more than all that is measured here.
    let config = Some(WebSocketConfig::default().read_buffer_size(READ_BYTES));
    let (mut socket, _) = client_async_with_config(format!("ws://{address}/ws"), socket, config).await.unwrap();
    says(&mut socket, &ClientFrame::Hello { version: PROTOCOL_VERSION, client: "bench".into(), token: None }).await;
    asks(&mut socket, Request::Login { name }).await;
    socket
}

/// Takes everything in, answers heartbeats and reports, as a page does.
async fn listens(mut socket: Socket, delays: Delays) {
    let mut reported = Instant::now();
    while let Some(Ok(received)) = socket.next().await {
        let received = received.into_data();
        let mut newest_ms = None;
        for message in messages(&received).unwrap() {
            match decode_server(message).unwrap() {
                FromServer::Voice { origin, payload, .. } => {
                    let sent_us = u64::from_be_bytes(payload[..8].try_into().unwrap());
                    delays.lock().unwrap().push(now_us().saturating_sub(sent_us) as u32);
                    newest_ms = Some(origin.arrived_ms);
                }
                FromServer::Control(ServerFrame::Ping { nonce }) => says(&mut socket, &ClientFrame::Pong { nonce }).await,
                FromServer::Control(_) => {}
            }
        }
        if let Some(newest_ms) = newest_ms
            && reported.elapsed() >= Duration::from_millis(VOICE_REPORT_MS)
        {
            reported = Instant::now();
            says(&mut socket, &ClientFrame::VoiceReport { newest_ms }).await;
        }
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Both in turn; the median of how much more a frame costs Dais.
async fn compare(program: &str, (listeners, speakers): (usize, usize), rounds: usize, seconds: u32) -> f64 {
    let frames = seconds * 50;
    let mut bare = Bare::start(listeners, speakers).await;
    let mut dais = Dais::start(program, listeners, speakers).await;
    let (mut of_bare, mut of_dais) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        // On a thread of its own: it waits for another process.
        let measured = tokio::task::spawn_blocking(move || {
            let outcome = bare.measure(frames);
            (bare, outcome)
        });
        let (back, outcome) = measured.await.unwrap();
        bare = back;
        of_bare.push(outcome);
        of_dais.push(dais.measure(frames).await);
    }
    let of = |outcomes: &[Outcome], what: fn(&Outcome) -> f64| median(outcomes.iter().map(what).collect());
    let ratio = median(of_dais.iter().zip(&of_bare).map(|(dais, bare)| dais.cpu_us / bare.cpu_us).collect());
    println!(
        "| {listeners} | {speakers} | {:.2} | {:.2} | **{ratio:.2}** | {:.2} / {:.2} | {:.2} / {:.2} | {:.1} | {:.2} |",
        of(&of_bare, |outcome| outcome.cpu_us),
        of(&of_dais, |outcome| outcome.cpu_us),
        of(&of_bare, |outcome| outcome.p50_ms),
        of(&of_bare, |outcome| outcome.p99_ms),
        of(&of_dais, |outcome| outcome.p50_ms),
        of(&of_dais, |outcome| outcome.p99_ms),
        dais.listener_kb,
        dais.joined.as_secs_f64(),
    );
    ratio
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, listeners, speakers] = &arguments[..]
        && word == "loop"
    {
        bare_loop(listeners.parse().unwrap(), speakers.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let option = |name: &str, otherwise: u32| {
        let value = arguments.iter().position(|word| word == name).and_then(|place| arguments.get(place + 1));
        value.map_or(otherwise, |value| value.parse().unwrap())
    };
    // Of Dais nothing is read while the loop is measured: it would take a longer silence for the end of its speakers.
    let (rounds, seconds) = (option("--rounds", 5), option("--seconds", 5).min(SECONDS_MAX));
    let is_wanted = |name: &str, number: usize| option(name, number as u32) == number as u32;
    let program = std::env::var("DAIS_BIN").expect("cargo xtask bench fan-out says which server");
    println!("µs of CPU per delivered frame, medians of {rounds} interleaved rounds of {seconds} s; delays in ms, p50 / p99");
    println!("| listeners | speakers | loop | Dais | ratio | delay, loop | delay, Dais | kB a listener | s to join |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut has_missed = false;
    for size in SIZES.into_iter().filter(|size| is_wanted("--listeners", size.0) && is_wanted("--speakers", size.1)) {
        let ratio = runtime.block_on(compare(&program, size, rounds as usize, seconds));
        let gate = GATES.iter().find(|(listeners, speakers, _)| (*listeners, *speakers) == size);
        if let Some((_, _, most)) = gate.filter(|(_, _, most)| ratio > *most) {
            println!("missed: {ratio:.2} is more than {most}");
            has_missed = true;
        }
    }
    if has_missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
