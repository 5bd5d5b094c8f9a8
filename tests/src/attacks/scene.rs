//! A server under attack, and who sits in it meanwhile.

use std::net::SocketAddr;

use dais_bots::engine::Command;
use dais_bots::member::{Member, Way};
use dais_shared::ids::RoomId;
use tempfile::TempDir;

use crate::harness::{Healthy, ServerProcess, Witness};

/// The longest silence that a listener may have heard, and as long as the machine was not there. Without an attack it is
/// some 10 ms; the machine may be busy with other tests.
const GAP_MS_MAX: u64 = 2_000;
/// How much may have been silent: this, a quarter of the time, and as long as the machine was not there. Without an attack it
/// is next to nothing.
const SILENT_MS_MAX: u64 = 500;
/// What a server may hold more after an attack than before, unless the attack is about that.
const GROWTH_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// See the module.
pub(super) struct Scene {
    pub(super) server: ServerProcess,
    /// Where it keeps what is to survive it.
    pub(super) folder: TempDir,
    healthy: Healthy,
    witness: Witness,
    /// What its members sign in with, where they have to.
    token: Option<String>,
    resident_bytes: u64,
    growth_bytes_max: u64,
}

impl Scene {
    pub(super) async fn begin() -> Self {
        Self::begin_with(&[], None).await
    }

    /// With these options of the server's, and maybe a limit of open files.
    pub(super) async fn begin_with(options: &[&str], files: Option<u32>) -> Self {
        Self::begin_as(options, files, None).await
    }

    /// Where everybody has to sign in, and these members do with a token.
    pub(super) async fn begin_signed_in(options: &[&str], token: &str) -> Self {
        Self::begin_as(options, None, Some(token.into())).await
    }

    async fn begin_as(options: &[&str], files: Option<u32>, token: Option<String>) -> Self {
        let folder = TempDir::with_prefix("dais-attack-").unwrap();
        let server = ServerProcess::start_with(folder.path(), 0, options, files);
        let healthy = Healthy::talk(server.address, token.as_deref()).await;
        let witness = Witness::new();
        let resident_bytes = server.resident_bytes();
        Self { server, folder, healthy, witness, token, resident_bytes, growth_bytes_max: GROWTH_BYTES_MAX }
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.server.address
    }

    pub(super) const fn may_grow_by(&mut self, bytes: u64) {
        self.growth_bytes_max = bytes;
    }

    /// What it holds more than before.
    pub(super) fn growth_bytes(&self) -> u64 {
        self.server.resident_bytes().saturating_sub(self.resident_bytes)
    }

    /// Somebody new, of no special address, who comes in.
    pub(super) async fn newcomer(&self) -> Member {
        let url = format!("ws://{}/ws", self.address());
        let way = Way { url: &url, trusted: None, token: self.token.as_deref(), cookie: None };
        let mut member = Member::log_in_by(way, "Newcomer", None).await.unwrap();
        let room = RoomId::parse("hall").unwrap();
        member.ask(Command::JoinRoom { room, passcode: None, take_over: false }).await.unwrap().unwrap();
        member
    }

    /// After the attack: everything is as it should be.
    pub(super) async fn goes_on(self) {
        let _newcomer = self.newcomer().await;
        let growth_bytes = self.growth_bytes();
        assert_eq!(self.server.get("/healthz").await.status, 200);
        let restarts = self.server.figure("dais_room_restarts_total").await;
        let heard = self.healthy.ends().await;
        let absent_ms = self.witness.absent_ms();
        println!(
            "healthy: {heard:?}; the machine was not there for {absent_ms} ms; the server holds {} kB more",
            growth_bytes / 1024
        );
        for heard in heard {
            let all_ms = heard.sounding_ms + heard.silent_ms;
            assert!(heard.longest_gap_ms <= GAP_MS_MAX + absent_ms, "{heard:?}, {absent_ms} ms");
            assert!(heard.silent_ms <= SILENT_MS_MAX + all_ms / 4 + absent_ms, "{heard:?}, {absent_ms} ms");
        }
        assert!(growth_bytes <= self.growth_bytes_max, "{growth_bytes} bytes more");
        let complaints = self.server.complaints();
        assert!(!complaints.contains("panicked") && !complaints.contains("ERROR") && restarts < 1.0, "{complaints}");
    }
}
