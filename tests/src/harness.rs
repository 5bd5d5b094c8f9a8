//! The real server on a free port, and people who speak the protocol by hand.

mod healthy;
pub(crate) mod http;
mod member;
mod process;
mod raw;
pub(crate) mod token;
mod way;
mod witness;

use dais_server::{Config, Metrics, Running, Server, Status, Tls};
use dais_shared::room::Mode;
use tempfile::TempDir;

pub(crate) use healthy::Healthy;
pub(crate) use member::{End, TestMember};
pub(crate) use process::ServerProcess;
pub(crate) use raw::{Ending, RawPeer, UPGRADE, frame};
pub(crate) use way::Way;
pub(crate) use witness::Witness;

/// Long enough for a busy machine; a test that waits this long has failed.
pub(crate) const PATIENCE: tokio::time::Duration = tokio::time::Duration::from_secs(20);

/// A server of its own for each test.
pub(crate) struct TestServer {
    running: Running,
    way: Way,
    /// Where it keeps what is to survive it.
    folder: TempDir,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    /// With these options, but on a free port.
    pub(crate) async fn start_with(config: Config) -> Self {
        let folder = TempDir::with_prefix("dais-").unwrap();
        let config = Config { listen: ([127, 0, 0, 1], 0).into(), data_dir: folder.path().to_owned(), ..config };
        let running = Server::start(config).await.unwrap();
        Self { way: running.addr.into(), running, folder }
    }

    /// One that speaks HTTPS, and people who trust its certificate.
    pub(crate) async fn start_https() -> Self {
        let mut server = Self::start_with(Config { tls: Tls::SelfSigned, ..Config::default() }).await;
        let certificate = std::fs::read_to_string(server.folder.path().join("tls-certificate.pem")).unwrap();
        server.way = Way::trusting(server.address(), &certificate, &["http/1.1"]);
        server
    }

    /// Where it keeps what is to survive it.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) const fn way(&self) -> &Way {
        &self.way
    }

    pub(crate) const fn address(&self) -> std::net::SocketAddr {
        self.running.addr
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        self.running.metrics()
    }

    pub(crate) fn status(&self) -> Status {
        self.running.status()
    }

    /// Lets time pass for the rules of every room; `poke` is a member of the one that is to notice.
    pub(crate) async fn lets_pass(&self, seconds: u64, poke: &mut TestMember) {
        self.running.let_time_pass(std::time::Duration::from_secs(seconds));
        poke.has_been_processed().await;
    }

    /// The same where nobody is left in the room to notice: whoever knocks next makes it look at the clock.
    pub(crate) fn lets_pass_unnoticed(&self, seconds: u64) {
        self.running.let_time_pass(std::time::Duration::from_secs(seconds));
    }

    /// Lets so much time pass as if the server's process had been stopped meanwhile.
    pub(crate) fn stands_still(&self, seconds: u64) {
        self.running.stand_still(std::time::Duration::from_secs(seconds));
    }

    pub(crate) async fn stop(self) {
        self.running.shutdown().await;
    }

    /// Somebody connected who has not logged in.
    pub(crate) async fn stranger(&self) -> TestMember {
        TestMember::connect(self.way.clone(), None).await
    }

    /// Somebody logged in who sits nowhere.
    pub(crate) async fn person(&self, name: &str) -> TestMember {
        let mut member = self.stranger().await;
        member.logs_in(name).await.unwrap();
        member
    }

    /// A room `hall` and its host Ada, unmuted.
    pub(crate) async fn host(&self, mode: Mode) -> TestMember {
        let mut host = self.person("Ada").await;
        host.creates("hall", mode).await.unwrap();
        host.unmutes().await.unwrap();
        host
    }

    /// A listener in `hall`.
    pub(crate) async fn listener(&self, name: &str) -> TestMember {
        let mut listener = self.person(name).await;
        listener.joins("hall").await.unwrap();
        listener
    }

    /// A moderated `hall` with its host, a guest whom the host has called on stage, unmuted, and a witness who only
    /// listens.
    pub(crate) async fn talk(&self) -> (TestMember, TestMember, TestMember) {
        let mut host = self.host(Mode::Moderated).await;
        let mut guest = self.listener("Ben").await;
        let witness = self.listener("Cleo").await;
        guest.raises_hand().await.unwrap();
        host.admits(&guest).await.unwrap();
        guest.is_on_stage().await;
        guest.unmutes().await.unwrap();
        (host, guest, witness)
    }
}
