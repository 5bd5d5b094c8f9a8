//! Starting and stopping, every step in order. Knows all the parts and none of their insides.

mod accept;
mod serving;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use dais_shared::ids::ConnectionId;
use dais_shared::limits::{CLOSE_LINGER_MS, PAUSE_GRACE_MS, PULSE_MS, STORE_TOLD_MS};
use dais_shared::room::Room;
use ipnet::IpNet;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};

use crate::announcement::Announcement;
use crate::auth::Auth;
use crate::chance::Chance;
use crate::clock::Clock;
use crate::config::{AdminToken, Config, LogAddresses, Tls};
use crate::connection::Allowances;
use crate::door::{Bounds, Door};
use crate::erasure::{self, Erasing};
use crate::files;
use crate::http::assets::{Assets, AssetsError};
use crate::journal::Journal;
use crate::listening::ListenError;
use crate::logging::LIFE;
use crate::machine;
use crate::metrics::Metrics;
use crate::outbox::Register;
use crate::refusal::Refusals;
use crate::reread::{self, Reread};
use crate::rooms::Rooms;
use crate::sign_in::{SignIn, SignInError};
use crate::store::{OpenError, Store};
use crate::supervise::{Part, Supervisor};
use crate::tls::{self, TlsError};

#[cfg(test)]
pub(crate) use serving::serve;
pub(crate) use serving::serve_until_told;

/// What every part of the server shares.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) clock: Arc<Clock>,
    pub(crate) metrics: Arc<Metrics>,
    /// Notices what ends by a fault.
    pub(crate) supervisor: Supervisor,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) store: Store,
    pub(crate) chance: Chance,
    pub(crate) journal: Journal,
    pub(crate) auth: Auth,
    pub(crate) erasing: Erasing,
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
    admin_token: RwLock<Option<AdminToken>>,
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
    pub(crate) clock: Arc<Clock>,
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
        let refusals = Refusals::new(Arc::clone(&metrics), config.log_addresses);
        let bounds = Bounds::within(files::limit(), config.connections, config.connections_per_address);
        Ok(Arc::new(Self {
            clock,
            door: Arc::new(Door::new(bounds, Arc::clone(&metrics), Arc::clone(&refusals))),
            supervisor: Supervisor::new(Arc::clone(&metrics)),
            metrics,
            refusals,
            auth: Auth::new(store.clone(), chance.clone()),
            erasing: Erasing::default(),
            allowances: Allowances::default(),
            store,
            chance,
            journal,
            rooms: Rooms::new(config.rooms, config.rooms_per_person),
            outboxes: Register::default(),
            assets,
            blocks_addresses: config.block_addresses,
            room_seats: config.room_seats,
            stage_seats: config.stage_seats,
            allow_origins: config.allow_origins,
            is_https,
            trust_proxies: config.trust_proxies,
            admin_token: RwLock::new(config.admin_token),
            sign_in,
            log_addresses: config.log_addresses,
            shutdown,
            alive: alive.downgrade(),
            connections: AtomicU64::new(0),
        }))
    }

    /// What opens what is for the operator alone, if anything does.
    pub(crate) fn admin_token(&self) -> Option<AdminToken> {
        self.admin_token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another one from now on.
    pub(crate) fn set_admin_token(&self, token: Option<AdminToken>) {
        *self.admin_token.write().unwrap_or_else(PoisonError::into_inner) = token;
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
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The page's files cannot be used.
    #[error("cannot serve the page from {folder}: {source}, or leave --web-dir out")]
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
    /// Something that it cannot do without ended by a fault of ours.
    #[error(
        "{what} has ended by a fault of the server's own, and so does the server; the log says more, and it can be started again"
    )]
    Fault {
        /// What.
        what: String,
    },
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
    /// Keeps the certificate fresh.
    keeper: Option<Arc<Mutex<tls::Keeper>>>,
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
        Self::start_by(config, 0).await
    }

    /// The same by a clock that is so far ahead of the machine's, so that tests need not set that.
    ///
    /// # Errors
    /// As [`Server::start`].
    #[doc(hidden)]
    pub async fn start_by(config: Config, clock_off_ms: i64) -> Result<Running, Error> {
        getrandom::fill(&mut [0; 16]).map_err(|error| Error::System { what: "random numbers", reason: error.to_string() })?;
        let clock = Arc::new(Clock::start(clock_off_ms));
        let metrics = Arc::<Metrics>::default();
        let (store, rooms) = Store::open(&config.data_dir, Arc::clone(&clock), Arc::clone(&metrics))?;
        let begun = Self::begin(config, clock, metrics, store.clone(), rooms).await;
        if begun.is_err() {
            store.close().await; // the folder is left as it is after any other end
        }
        begun
    }

    async fn begin(
        config: Config,
        clock: Arc<Clock>,
        metrics: Arc<Metrics>,
        store: Store,
        rooms: Vec<Room>,
    ) -> Result<Running, Error> {
        let system = |what| move |error: std::io::Error| Error::System { what, reason: error.to_string() };
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
        let supervisor = &house.supervisor;
        let keeper = keeper.map(Mutex::new).map(Arc::new);
        if let Some(keeper) = &keeper {
            let (keeper, shutdown) = (Arc::clone(keeper), house.shutdown.clone());
            supervisor.keep(Part::Certificate, move || tls::keep_fresh(Arc::clone(&keeper), shutdown.clone()));
        }
        let (store, shutdown) = (house.store.clone(), house.shutdown.clone());
        supervisor.need(Part::Store, async move { store.ended().await }, shutdown);
        let beating = Arc::clone(&house);
        supervisor.keep(Part::Pulse, move || pulse(Arc::clone(&beating)));
        let (wiping, telling) = (Arc::clone(&house), Arc::clone(&house));
        supervisor.keep(Part::Wiping, move || erasure::keep_wiped(Arc::clone(&wiping)));
        supervisor.keep(Part::Time, move || tell_time(Arc::clone(&telling)));
        let (listener, accepted) = (Arc::new(listener), Arc::clone(&house));
        let accept = move || accept::accept(Arc::clone(&listener), tls.clone(), Arc::clone(&accepted), alive.clone());
        let accepting = supervisor.keep(Part::Accepting, accept);
        Ok(Running { addr, keeper, fingerprint, house, stop, accepting, all_gone })
    }
}

impl Running {
    /// What the server has counted so far.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.house.metrics
    }

    /// Reads files again whenever that is wanted. Told often, it does so once more.
    fn keep_reading(&self, reread: Reread) -> Arc<Notify> {
        let (wanted, reread) = (Arc::<Notify>::default(), Arc::new(Mutex::new(reread)));
        let (told, house) = (Arc::clone(&wanted), Arc::clone(&self.house));
        self.house
            .supervisor
            .keep(Part::Reread, move || reread::keep_reading(Arc::clone(&told), Arc::clone(&reread), house.shutdown.clone()));
        wanted
    }

    /// What an operator reads first in the log.
    fn log_start(&self, config: &Config) {
        let tls = match &config.tls {
            Tls::Off => "none",
            Tls::SelfSigned => "self-signed",
            Tls::Files { .. } => "a certificate of its operator's",
        };
        let sign_in = match (&config.sign_in_password_file, &config.sign_in_jwt_key) {
            (None, None) => "nobody is asked",
            (Some(_), None) => "password",
            (None, Some(_)) => "tokens",
            (Some(_), Some(_)) => "password or tokens",
        };
        let (version, data_dir) = (env!("CARGO_PKG_VERSION"), config.data_dir.display());
        let admin_token = config.admin_token.is_some();
        tracing::info!(target: LIFE, version, address = %self.addr, %data_dir, tls, sign_in, admin_token, "Dais starts");
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
        let (addr, is_https, fingerprint) = (self.addr, self.house.is_https, self.fingerprint.as_deref());
        Announcement { addr, is_https, fingerprint }.lines(&machine::addresses())
    }

    /// Lets time pass for the rules of every room, so that tests need not wait for an invitation to expire. A room looks
    /// at its deadlines when the next message reaches it.
    #[doc(hidden)]
    pub fn let_time_pass(&self, by: Duration) {
        self.house.clock.put_rooms_ahead(u64::try_from(by.as_millis()).unwrap_or(u64::MAX));
    }

    /// Lets so much time pass for everything as if the process had stood still meanwhile, so that tests need not stop one.
    #[doc(hidden)]
    pub fn stand_still(&self, time: Duration) {
        self.house.clock.skip(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
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
        self.house.store.close().await;
    }
}

/// Looks at the clock, so that a pause of the process is noticed by its being late, and says that it was.
async fn pulse(house: Arc<House>) {
    let mut shutdown = house.shutdown.clone();
    house.clock.now_ms();
    let _ = house.clock.take_pause(); // the start took its time
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(PULSE_MS)) => {}
            () = told_to_stop(&mut shutdown) => return,
        }
        house.clock.now_ms();
        if let Some(pause) = house.clock.take_pause() {
            house.metrics.pauses_total.add(1);
            let (ms, grace_ms) = (u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), PAUSE_GRACE_MS);
            tracing::warn!(target: LIFE, ms, grace_ms, "the process stood still; nobody's time is up before the grace is");
        }
    }
}

/// An address to open on this machine: one that stands for all of them cannot be opened everywhere.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|error| ListenError::of(address, error))
}

/// Tells the store how late it is, until the server stops.
pub(crate) async fn tell_time(house: Arc<House>) {
    // The server's own tests do not wait for a minute.
    let told = Duration::from_millis(if cfg!(test) { STORE_TOLD_MS / 60 } else { STORE_TOLD_MS });
    let mut shutdown = house.shutdown.clone();
    while timeout(told, told_to_stop(&mut shutdown)).await.is_err() {
        house.supervisor.look(Part::Time);
        house.store.tell_time();
    }
}

/// Resolves when the server stops.
pub(crate) async fn told_to_stop(shutdown: &mut watch::Receiver<bool>) {
    // An error says that the server is gone altogether: the same.
    let _ = shutdown.wait_for(|is_down| *is_down).await;
}

/// Whom a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);
