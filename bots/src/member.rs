//! The engine's shell over tokio: a socket, a clock, and a playback pipeline in place of a loudspeaker.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use dais_engine::audio::{OpusEncoder, PlaybackConfig, PlaybackPipeline, SAMPLE_RATE_HZ};
use dais_engine::shared::view::View;
use dais_engine::shared::wire::Reply;
use dais_engine::{Command, Config, ConnectionState, Engine, Event, Failure, LeftRoom, Output, Ticket};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, COOKIE};
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use crate::{trouble, trust};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer that takes longer than this is not coming.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// When the engine wants nothing, it is asked again after so long.
const IDLE: Duration = Duration::from_millis(100);

/// How a server is reached, and how it lets one in.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// Its WebSocket.
    pub url: &'a str,
    /// The file with the certificates to believe, if not those whom the system trusts.
    pub trusted: Option<&'a Path>,
    /// A token (JWT) for a server where people have to sign in.
    pub token: Option<&'a str>,
    /// The cookie of a session there.
    pub cookie: Option<&'a str>,
}

/// A headless member.
pub struct Member {
    url: String,
    /// What a handshake says of who is signed in.
    session: Option<(HeaderName, HeaderValue)>,
    /// Whom to believe, if not those whom the system trusts.
    connector: Option<Connector>,
    engine: Engine,
    socket: Option<Socket>,
    /// Why the last try to connect came to nothing.
    trouble: Option<String>,
    started: Instant,
    next_ticket: u32,
    events: VecDeque<Event>,
    view: Option<View>,
    snapshots: u32,
    left: Option<LeftRoom>,
    microphone_rate_hz: Option<u32>,
    is_microphone_open: bool,
    playback: PlaybackPipeline,
}

impl Member {
    /// A member who connects to `url` and logs in. `microphone_rate_hz` is the rate of the samples it will speak, if
    /// it will.
    ///
    /// # Errors
    /// A sentence, where the server cannot be reached or refuses.
    pub async fn log_in(url: &str, name: &str, microphone_rate_hz: Option<u32>) -> Result<Self> {
        Self::log_in_by(Way { url, trusted: None, token: None, cookie: None }, name, microphone_rate_hz).await
    }

    /// The same, with whose certificate and which token the way says.
    ///
    /// # Errors
    /// A sentence, where the file holds no certificate, the token is none, or the server cannot be reached or refuses.
    pub async fn log_in_by(way: Way<'_>, name: &str, microphone_rate_hz: Option<u32>) -> Result<Self> {
        let Way { url, trusted, token, cookie } = way;
        let token = token.map(|token| (AUTHORIZATION, format!("Bearer {token}")));
        let session = token.or_else(|| cookie.map(|cookie| (COOKIE, cookie.to_owned())));
        let session = session.map(|(name, value)| HeaderValue::try_from(value).map(|value| (name, value)));
        if let Some(trouble) = trouble::with_address(url) {
            bail!("{trouble}");
        }
        let seed = getrandom::u64().map_err(|error| anyhow!("the system has no randomness: {error}"))?;
        let config =
            Config { client: "dais-bots".into(), token: None, is_for_this_page: true, seed, make_encoder: OpusEncoder::boxed };
        let mut member = Self {
            url: url.to_owned(),
            session: session.transpose().context("the token is none")?,
            connector: trusted.map(trust::only).transpose()?,
            engine: Engine::new(config, Duration::ZERO),
            socket: None,
            trouble: None,
            started: Instant::now(),
            next_ticket: 0,
            events: VecDeque::new(),
            view: None,
            snapshots: 0,
            left: None,
            microphone_rate_hz,
            is_microphone_open: false,
            playback: PlaybackPipeline::new(PlaybackConfig::new(SAMPLE_RATE_HZ))?,
        };
        match member.ask(Command::Login { name: name.to_owned() }).await? {
            Ok(_) => Ok(member),
            Err(Failure::Offline) => match member.trouble {
                Some(trouble) => bail!("{trouble}"),
                None => bail!("the connection to {url} broke before anything was answered"),
            },
            Err(failure) => bail!("{url} does not let {name:?} in: {failure}"),
        }
    }

    /// The room as it is now, while there is one.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        self.view.as_ref()
    }

    /// How often the room was shown as a whole: on coming in, and on coming back.
    #[must_use]
    pub fn snapshots(&self) -> u32 {
        self.snapshots
    }

    /// Whether the engine has opened the microphone: the server's word that this member may speak.
    #[must_use]
    pub fn is_microphone_open(&self) -> bool {
        self.is_microphone_open
    }

    /// Asks for something and waits for the answer.
    ///
    /// # Errors
    /// A sentence, where none comes.
    pub async fn ask(&mut self, command: Command) -> Result<Result<Reply, Failure>> {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let now = self.now();
        self.engine.handle_command(ticket, command, now);
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        while Instant::now() < deadline {
            self.run_until(deadline.min(Instant::now() + IDLE)).await?;
            let answer =
                self.events.iter().position(|event| matches!(event, Event::Answered { ticket: of, .. } if *of == ticket));
            if let Some(Event::Answered { result, .. }) = answer.and_then(|place| self.events.remove(place)) {
                return Ok(result);
            }
        }
        bail!("{} does not answer", self.url)
    }

    /// Goes on until `condition` holds.
    ///
    /// # Errors
    /// A sentence, where it does not within `within`, the room ends, or the server says goodbye.
    pub async fn wait_for(&mut self, what: &str, within: Duration, condition: impl Fn(&Self) -> bool) -> Result<()> {
        let deadline = Instant::now() + within;
        while !condition(self) {
            if let Some(how) = self.left {
                bail!("{}", trouble::with_leaving(how));
            }
            if Instant::now() >= deadline {
                bail!("gave up waiting {} s for {what}", within.as_secs());
            }
            self.run_until(deadline.min(Instant::now() + IDLE)).await?;
        }
        Ok(())
    }

    /// Speaks samples: mono, at the rate given at login.
    pub fn speak(&mut self, samples: &[f32]) {
        let now = self.now();
        self.engine.handle_samples(samples, now);
    }

    /// Gives the loudspeaker the samples that are due at `at`, however late it is now: a device has a buffer, and its
    /// clock does not wait for a busy machine.
    pub fn play(&mut self, output: &mut [f32], at: Instant) {
        self.playback.render(output, at.saturating_duration_since(self.started));
    }

    /// What the playback counts.
    #[must_use]
    pub fn playback(&self) -> &PlaybackPipeline {
        &self.playback
    }

    /// Lets things happen until `deadline`. What has arrived is taken in before time is looked at.
    ///
    /// # Errors
    /// A sentence, where the room ends or the server says goodbye for good.
    pub async fn run_until(&mut self, deadline: Instant) -> Result<()> {
        loop {
            self.perform().await?;
            let now = self.now();
            let engine_due = self.engine.poll_timeout().unwrap_or(now + IDLE);
            let wake = deadline.min(self.started + engine_due);
            tokio::select! {
                biased;
                message = next(&mut self.socket) => self.handle_socket(message),
                () = sleep_until(wake) => {
                    let now = self.now();
                    self.engine.handle_timeout(now);
                    if Instant::now() >= deadline {
                        return self.perform().await;
                    }
                }
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn handle_socket(&mut self, message: Option<Message>) {
        let now = self.now();
        match message {
            Some(Message::Binary(bytes)) => self.engine.handle_message(&bytes, now),
            Some(Message::Close(frame)) => {
                self.socket = None;
                self.engine.handle_socket_closed(frame.map(|frame| frame.code.into()), now);
            }
            Some(_) => {}
            None => {
                self.socket = None;
                self.engine.handle_socket_closed(None, now);
            }
        }
    }

    async fn perform(&mut self) -> Result<()> {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Connect => self.connect().await?,
                Output::Send(message) => {
                    if let Some(socket) = &mut self.socket
                        && socket.send(Message::binary(message)).await.is_err()
                    {
                        self.handle_socket(None);
                    }
                }
                Output::Disconnect => self.socket = None,
                Output::OpenMicrophone => {
                    if let Some(rate_hz) = self.microphone_rate_hz {
                        self.is_microphone_open = true;
                        let now = self.now();
                        self.engine.handle_microphone_open(rate_hz, now);
                    }
                }
                Output::CloseMicrophone | Output::MicrophoneUseless => self.is_microphone_open = false,
                Output::Play { header, payload } => {
                    let now = self.now();
                    // What is refused is counted in the pipeline's statistics.
                    let _ = self.playback.insert(&header, &payload, now);
                }
                Output::PlayClock { server_ms } => {
                    let now = self.now();
                    self.playback.handle_clock(server_ms, now);
                }
                Output::CloseStream(stream) => self.playback.close_stream(stream.0),
                Output::SetGain { stream, gain } => self.playback.set_gain(stream.0, gain),
                // A file is read as it is needed: nothing waits.
                Output::KeepToken { .. } | Output::FlushMicrophone => {}
                Output::Event(event) => self.handle_event(event)?,
            }
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<()> {
        let mut request = self.url.as_str().into_client_request()?;
        if let Some((name, value)) = &self.session {
            request.headers_mut().insert(name, value.clone());
        }
        let connecting = connect_async_tls_with_config(request, None, false, self.connector.clone());
        let connected = timeout(CONNECT_TIMEOUT, connecting).await;
        let now = self.now();
        match connected {
            Ok(Ok((socket, _))) => {
                self.socket = Some(socket);
                self.engine.handle_socket_open(now);
            }
            // It will not be believed the next time either.
            Ok(Err(Error::Http(answer))) if answer.status() == StatusCode::UNAUTHORIZED => {
                bail!("{}", trouble::with_connecting(&self.url, &Error::Http(answer)))
            }
            Ok(Err(error)) => {
                self.trouble = Some(trouble::with_connecting(&self.url, &error));
                self.engine.handle_socket_closed(None, now);
            }
            Err(_) => {
                self.trouble = Some(trouble::with_waiting(&self.url));
                self.engine.handle_socket_closed(None, now);
            }
        }
        Ok(())
    }

    fn handle_event(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Room { view, changes } => {
                self.view = Some(*view);
                self.left = None;
                self.snapshots += u32::from(changes.is_empty());
            }
            Event::LeftRoom(how) => {
                self.view = None;
                self.left = Some(how);
            }
            Event::Connection(ConnectionState::Closed(goodbye)) => bail!("{}", trouble::with_goodbye(&self.url, goodbye)),
            Event::Answered { .. } => self.events.push_back(event),
            _ => {}
        }
        Ok(())
    }

    /// How the room was left, once it was.
    #[must_use]
    pub fn left(&self) -> Option<LeftRoom> {
        self.left
    }
}

/// The next message; `None` when the socket is gone; never, while there is none.
async fn next(socket: &mut Option<Socket>) -> Option<Message> {
    match socket {
        Some(socket) => socket.next().await.and_then(Result::ok),
        None => std::future::pending().await,
    }
}
