//! Starting and stopping, every step in order. Knows all the parts and none of their insides.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use dais_shared::ids::ConnectionId;
use dais_shared::limits::{CLOSE_LINGER_MS, HTTP_HEAD_BYTES_MAX, HTTP_HEAD_MS_MAX, HTTP_UNREAD_MS_MAX, TLS_HANDSHAKE_MS_MAX};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use rustls::ServerConfig;
use serde::Serialize;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};

use crate::auth::Auth;
use crate::chance::Chance;
use crate::clock::Clock;
use crate::config::{AdminToken, Config, LogAddresses};
use crate::connection::Allowances;
use crate::door::{Bounds, Door, Entrance};
use crate::files;
use crate::http::assets::{Assets, AssetsError};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::outbox::Register;
use crate::rooms::{self, Rooms};
use crate::routes;
use crate::sign_in::{SignIn, SignInError};
use crate::store::{OpenError, Store};
use crate::tls::{self, Greeting, TlsError};

/// What every part of the server shares.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store: Store,
    pub(crate) chance: Chance,
    pub(crate) journal: Journal,
    pub(crate) auth: Auth,
    pub(crate) allowances: Allowances,
    pub(crate) rooms: Rooms,
    pub(crate) outboxes: Register,
    pub(crate) door: Arc<Door>,
    pub(crate) assets: Assets,
    /// Whether a kick and a ban hold for everybody from the same address.
    pub(crate) blocks_addresses: bool,
    /// How many people one room holds, and its stage.
    pub(crate) room_seats: usize,
    pub(crate) stage_seats: usize,
    /// Origins besides its own whose pages may connect.
    pub(crate) allow_origins: Vec<String>,
    /// Whether connections are encrypted, by the server itself.
    pub(crate) is_https: bool,
    /// Whose word on whom they speak for is taken.
    pub(crate) trust_proxies: Vec<IpNet>,
    /// Opens what is for the operator alone.
    pub(crate) admin_token: Option<AdminToken>,
    /// Who may come in at all; `None` where everybody may.
    pub(crate) sign_in: Option<SignIn>,
    /// What of people's addresses may be logged.
    pub(crate) log_addresses: LogAddresses,
    /// Turns true once.
    pub(crate) shutdown: watch::Receiver<bool>,
    /// Held by every connection; when the last is dropped, all have said goodbye.
    pub(crate) alive: mpsc::WeakSender<std::convert::Infallible>,
    connections: AtomicU64,
}

/// What a house stands on, and what a simulation exchanges.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store: Store,
    pub(crate) chance: Chance,
    pub(crate) journal: Journal,
    pub(crate) is_https: bool,
}

impl House {
    /// A house without rooms and connections.
    ///
    /// # Errors
    /// [`Error::WebDir`], [`Error::SignIn`].
    pub(crate) fn open(
        config: Config,
        start: Start,
        shutdown: watch::Receiver<bool>,
        alive: &mpsc::Sender<std::convert::Infallible>,
    ) -> Result<Arc<Self>, Error> {
        let assets = Assets::open(config.web_dir.as_deref())
            .map_err(|source| Error::WebDir { folder: config.web_dir.unwrap_or_default(), source })?;
        let (password, key) = (config.sign_in_password_file.as_deref(), config.sign_in_jwt_key.as_deref());
        let sign_in = SignIn::open(password, key, &config.data_dir)?;
        let Start { clock, metrics, store, chance, journal, is_https } = start;
        let bounds = Bounds::within(files::limit(), config.connections, config.connections_per_address);
        let room_bounds = rooms::Bounds { rooms: config.rooms, per_person: config.rooms_per_person };
        Ok(Arc::new(Self {
            clock,
            door: Arc::new(Door::new(bounds, Arc::clone(&metrics))),
            metrics,
            auth: Auth::new(store.clone(), chance.clone()),
            allowances: Allowances::default(),
            store,
            chance,
            journal,
            rooms: Rooms::new(room_bounds),
            outboxes: Register::default(),
            assets,
            blocks_addresses: config.block_addresses,
            room_seats: config.room_seats,
            stage_seats: config.stage_seats,
            allow_origins: config.allow_origins,
            is_https,
            trust_proxies: config.trust_proxies,
            admin_token: config.admin_token,
            sign_in,
            log_addresses: config.log_addresses,
            shutdown,
            alive: alive.downgrade(),
            connections: AtomicU64::new(0),
        }))
    }

    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) fn status(&self) -> Status {
        let totals = self.rooms.totals();
        Status {
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: self.clock.uptime().as_secs(),
            rooms: totals.rooms,
            members: totals.members,
        }
    }
}

/// What `/api/status` tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The server's version.
    pub version: &'static str,
    /// How long it has been up, in whole seconds.
    pub uptime_seconds: u64,
    /// How many rooms there are.
    pub rooms: usize,
    /// How many seats are taken in all of them together.
    pub members: u64,
}

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else has the port.
    #[error("{address} is in use by another program; stop that, or choose another port with --listen")]
    PortInUse {
        /// Where it wanted to listen.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// Where it wanted to listen.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The page's files cannot be used.
    #[error("cannot serve the page from {folder}: {source}; build it first, or leave --web-dir out")]
    WebDir {
        /// Where they should be.
        folder: PathBuf,
        /// Why not.
        source: AssetsError,
    },
    /// What the last run left behind cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// Nobody could be let in, or not as the operator wants it.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// There is no certificate to speak HTTPS with.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The machine gives no thread, no random numbers or no signals.
    #[error("the system refuses what the server needs ({what}): {reason}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What came back.
        reason: String,
    },
}

/// The server, not yet started.
#[derive(Debug)]
pub struct Server;

/// A server that accepts connections.
#[derive(Debug)]
pub struct Running {
    /// Where.
    pub addr: SocketAddr,
    /// SHA-256 of the certificate that the server made itself, if it speaks HTTPS with that: for people to compare.
    pub fingerprint: Option<String>,
    house: Arc<House>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    all_gone: mpsc::Receiver<std::convert::Infallible>,
}

impl Server {
    /// Starts a server on the current runtime. It accepts connections when this returns.
    ///
    /// # Errors
    /// [`Error`] says what the operator can do.
    pub async fn start(config: Config) -> Result<Running, Error> {
        let system = |what| move |error: std::io::Error| Error::System { what, reason: error.to_string() };
        getrandom::fill(&mut [0; 16]).map_err(|error| Error::System { what: "random numbers", reason: error.to_string() })?;
        let clock = Clock::start();
        let metrics = Arc::<Metrics>::default();
        let (store, rooms) = Store::open(&config.data_dir, clock.now_ms(), Arc::clone(&metrics))?;
        let keeper = tls::Keeper::open(&config.tls, &config.data_dir)?;
        let listener = listen(config.listen).await?;
        let addr = listener.local_addr().map_err(system("the address of its socket"))?;
        let (stop, shutdown) = watch::channel(false);
        let (alive, all_gone) = mpsc::channel(1);
        let start =
            Start { clock, metrics, store, chance: Chance::System, journal: Journal::default(), is_https: keeper.is_some() };
        let house = House::open(config, start, shutdown, &alive)?;
        house.rooms.adopt(&house, rooms);
        let tls = keeper.as_ref().map(tls::Keeper::current);
        let fingerprint = keeper.as_ref().and_then(tls::Keeper::fingerprint_to_compare).map(Into::into);
        if let Some(keeper) = keeper {
            tokio::spawn(keeper.run(house.shutdown.clone()));
        }
        let accepting = tokio::spawn(accept(listener, tls, Arc::clone(&house), alive));
        Ok(Running { addr, fingerprint, house, stop, accepting, all_gone })
    }
}

impl Running {
    /// What the server has counted so far.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.house.metrics
    }

    #[cfg(test)]
    pub(crate) const fn house(&self) -> &Arc<House> {
        &self.house
    }

    /// What `/api/status` tells now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.house.status()
    }

    /// Where it is, and what to compare, in lines.
    fn announcement(&self) -> String {
        let scheme = if self.house.is_https { "https" } else { "http" };
        let mut lines = format!("Dais {} is on {scheme}://{}\n", env!("CARGO_PKG_VERSION"), reachable(self.addr));
        if let Some(fingerprint) = &self.fingerprint {
            lines += &format!("Browsers do not know its certificate. What they show of it has to be SHA-256 {fingerprint}\n");
        }
        lines
    }

    /// Lets time pass for the rules of every room, so that tests need not wait for an invitation to expire. A room looks
    /// at its deadlines when the next message reaches it.
    #[doc(hidden)]
    pub fn let_time_pass(&self, by: Duration) {
        self.house.clock.put_rooms_ahead(u64::try_from(by.as_millis()).unwrap_or(u64::MAX));
    }

    /// Stops accepting, tells every client goodbye, and returns when they have gone or had their time.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // The task ends by the signal just given; it cannot be cancelled by anybody else.
        let _ = self.accepting.await;
        let goodbyes = Duration::from_millis(2 * CLOSE_LINGER_MS);
        if timeout(goodbyes, self.all_gone.recv()).await.is_err() {
            tracing::warn!("connections left behind");
        }
    }
}

/// Serves until SIGTERM or Ctrl-C.
pub(crate) fn serve_until_told(config: Config) -> Result<(), Error> {
    let system = |what| move |error: std::io::Error| Error::System { what, reason: error.to_string() };
    files::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(system("threads for its tasks"))?;
    runtime.block_on(async {
        let mut stop = stop_signals().map_err(system("signals"))?;
        let running = Server::start(config).await?;
        // Where nobody reads it, it is served all the same.
        let _ = std::io::stdout().write_all(running.announcement().as_bytes());
        stop.recv().await;
        running.shutdown().await;
        Ok(())
    })
}

/// An address to open on this machine: one that stands for all of them cannot be opened everywhere.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address }
}

/// Gets a message when the process is asked to end. The handlers stand when this returns: who reads the address that is
/// printed next may signal at once.
#[cfg(unix)]
fn stop_signals() -> std::io::Result<mpsc::Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (stop, stopped) = mpsc::channel(1);
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let (mut asked, stop) = (signal(kind)?, stop.clone());
        tokio::spawn(async move {
            asked.recv().await;
            let _ = stop.send(()).await; // once is enough
        });
    }
    Ok(stopped)
}

#[cfg(not(unix))]
fn stop_signals() -> std::io::Result<mpsc::Receiver<()>> {
    let (stop, stopped) = mpsc::channel(1);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = stop.send(()).await;
        }
    });
    Ok(stopped)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => Error::PortInUse { address },
        _ => Error::Listen { address, source },
    })
}

/// Accepts until the server stops. `alive` is dropped at its end, so that only connections keep the house open.
async fn accept(
    listener: TcpListener,
    tls: Option<tls::Current>,
    house: Arc<House>,
    alive: mpsc::Sender<std::convert::Infallible>,
) {
    let (router, to_https) = (routes::router(&house), routes::to_https());
    let mut shutdown = house.shutdown.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    set_up(&socket);
                    let entrance = house.door.enter(peer.ip().into(), house.clock.now_ms());
                    let visit = Visit { peer, entrance, shutdown: house.shutdown.clone(), _alive: alive.clone() };
                    match &tls {
                        None => tokio::spawn(visit.serve_http(socket, router.clone())),
                        Some(tls) => {
                            let config = Arc::clone(&tls.borrow());
                            tokio::spawn(visit.serve_https(socket, config, router.clone(), to_https.clone()))
                        }
                    };
                }
                Err(error) => {
                    // Out of files although the door counts them: the system as a whole has no more.
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = told_to_stop(&mut shutdown) => return,
        }
    }
}

/// A socket that is gone already, and refuses, says so when it is read.
fn set_up(socket: &TcpStream) {
    let _ = socket.set_nodelay(true);
    // RFC 5482, and on Linux also while the peer's window is closed: who asks and never reads is given up.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = SockRef::from(socket).set_tcp_user_timeout(Some(Duration::from_millis(HTTP_UNREAD_MS_MAX)));
}

/// Resolves when the server stops.
pub(crate) async fn told_to_stop(shutdown: &mut watch::Receiver<bool>) {
    // An error says that the server is gone altogether: the same.
    let _ = shutdown.wait_for(|is_down| *is_down).await;
}

/// Whom a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A socket from its acceptance until it is closed or upgraded.
struct Visit {
    peer: SocketAddr,
    entrance: Entrance,
    shutdown: watch::Receiver<bool>,
    _alive: mpsc::Sender<std::convert::Infallible>,
}

impl Visit {
    async fn serve_https(mut self, socket: TcpStream, config: Arc<ServerConfig>, router: Router, to_https: Router) {
        let deadline = Duration::from_millis(TLS_HANDSHAKE_MS_MAX);
        let greeting = tokio::select! {
            greeting = timeout(deadline, tls::greet(socket, config)) => greeting,
            () = self.entrance.put_out() => return,
            () = told_to_stop(&mut self.shutdown) => return,
        };
        match greeting {
            Ok(Ok(Greeting::Tls(stream))) => self.serve_http(stream, router).await,
            Ok(Ok(Greeting::Http(socket))) => self.serve_http(socket, to_https).await,
            Ok(Err(error)) => tracing::debug!(%error, "handshake"),
            Err(_) => tracing::debug!("no handshake in time"),
        }
    }

    async fn serve_http(mut self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, router: Router) {
        let (peer, router) = (Peer(self.peer), TowerToHyperService::new(router));
        let service = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(HTTP_HEAD_MS_MAX))
            .max_buf_size(HTTP_HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.entrance.put_out() => return,
            () = told_to_stop(&mut self.shutdown) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "http");
        }
    }
}
