//! What TLS costs the server: its CPU per delivered voice frame and its memory per listener, without and with, in one run.
//!
//! `cargo run --release --package dais-tests --example what_tls_costs [listeners] [seconds]`. Linux only: it reads /proc.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other end")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dais_shared::ids::{PageId, RequestId, RoomId, Seq};
use dais_shared::room::{Command as RoomCommand, Mode};
use dais_shared::voice::Header;
use dais_shared::wire::{
    ClientFrame, FromServer, PROTOCOL_VERSION, Request, ServerFrame, decode_server, encode_client, encode_client_voice, messages,
};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async};

const PAYLOAD_BYTES: usize = 90;
const FRAME: Duration = Duration::from_millis(20);
/// What the kernel counts a process' time in.
const TICK_US: f64 = 10_000.0;

struct Server {
    child: Child,
    address: SocketAddr,
    trusting: Option<Arc<ClientConfig>>,
    _folder: TempDir,
}

impl Server {
    fn start(is_https: bool) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path());
        if is_https {
            command.args(["--tls", "self-signed"]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("://").unwrap().1.parse().unwrap();
        let trusting = is_https.then(|| {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(folder.path().join("tls-certificate.pem")).unwrap()).unwrap();
            Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
        });
        Self { child, address, trusting, _folder: folder }
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

    async fn connect(&self, name: String) -> Client {
        let socket = TcpStream::connect(self.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let socket = match &self.trusting {
            None => MaybeTlsStream::Plain(socket),
            Some(config) => {
                let connector = TlsConnector::from(Arc::clone(config));
                MaybeTlsStream::Rustls(connector.connect(ServerName::from(self.address.ip()), socket).await.unwrap())
            }
        };
        let (socket, _) = client_async(format!("ws://{}/ws", self.address), socket).await.unwrap();
        let mut client = Client(socket);
        client.send(&ClientFrame::Hello { version: PROTOCOL_VERSION, client: "bench".into(), token: None }).await;
        client.ask(Request::Login { name }).await;
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn send(&mut self, frame: &ClientFrame) {
        self.0.send(Message::Binary(encode_client(frame).into())).await.unwrap();
    }

    async fn ask(&mut self, request: Request) {
        self.send(&ClientFrame::Request { id: RequestId(1), request }).await;
        loop {
            match self.next().await {
                Ok(ServerFrame::Reply { result, .. }) => return drop(result.unwrap()),
                Ok(ServerFrame::Ping { nonce }) => self.send(&ClientFrame::Pong { nonce }).await,
                _ => {}
            }
        }
    }

    /// How many frames, for voice.
    async fn next(&mut self) -> Result<ServerFrame, u64> {
        let received = self.0.next().await.unwrap().unwrap().into_data();
        let mut found = messages(&received).unwrap();
        match decode_server(found.next().unwrap()).unwrap() {
            FromServer::Control(frame) => Ok(frame),
            FromServer::Voice { .. } => Err(1 + found.count() as u64),
        }
    }

    async fn listen(mut self, heard: Arc<AtomicU64>) {
        loop {
            match self.next().await {
                Err(frames) => drop(heard.fetch_add(frames, Ordering::Relaxed)),
                Ok(ServerFrame::Ping { nonce }) => self.send(&ClientFrame::Pong { nonce }).await,
                Ok(_) => {}
            }
        }
    }

    async fn speak(&mut self, frames: u32) {
        let mut pace = tokio::time::interval(FRAME);
        for index in 0..frames {
            pace.tick().await;
            let timestamp = u64::from(index) * 960;
            let header = Header { sequence: Seq(index), timestamp, duration_samples: 960, level_dbov: 30, flags: 0 };
            let message = Message::Binary(encode_client_voice(&header, &[7; PAYLOAD_BYTES]).into());
            self.0.send(message).await.unwrap();
        }
    }
}

async fn measure(is_https: bool, listeners: usize, seconds: u32) {
    let server = Server::start(is_https);
    let room = RoomId::parse("hall").unwrap();
    let mut host = server.connect("Ada".into()).await;
    host.ask(Request::CreateRoom {
        room: Some(room.clone()),
        title: "Hall".into(),
        mode: Mode::Open,
        unlisted: false,
        passcode: None,
        page: PageId(0),
    })
    .await;
    let (empty_kb, heard) = (server.memory_kb(), Arc::new(AtomicU64::new(0)));
    let mut listening = tokio::task::JoinSet::new();
    for number in 1..=listeners {
        let mut listener = server.connect(format!("Member {number}")).await;
        let page = PageId(number as u64);
        let joining = Request::JoinRoom { room: room.clone(), passcode: None, page, take_over: false, microphone_open: false };
        listener.ask(joining).await;
        listening.spawn(listener.listen(Arc::clone(&heard)));
    }
    host.ask(Request::Room(RoomCommand::SetMicrophone { muted: false })).await;
    let listener_kb = (server.memory_kb() - empty_kb) / listeners as f64;
    let before_us = server.cpu_us();
    host.speak(seconds * 50).await;
    let cpu_us = server.cpu_us() - before_us;
    let heard = heard.load(Ordering::Relaxed);
    println!(
        "{}  {listeners} listeners, {heard} frames delivered: {:.2} µs of the server's CPU each; {listener_kb:.1} kB per listener",
        if is_https { "wss" } else { "ws " },
        cpu_us / heard as f64
    );
}

fn main() {
    let mut arguments = std::env::args_os();
    if std::env::args().nth(1).as_deref() == Some("serve") {
        let program = arguments.next();
        std::process::exit(i32::from(
            dais_server::run(program.into_iter().chain(arguments.skip(1))) != std::process::ExitCode::SUCCESS,
        ));
    }
    let number = |place, otherwise| std::env::args().nth(place).map_or(otherwise, |text| text.parse().unwrap());
    let (listeners, seconds) = (number(1, 200), number(2, 10));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for _ in 0..3 {
        for is_https in [false, true] {
            runtime.block_on(measure(is_https, listeners, seconds.try_into().unwrap()));
        }
    }
}
