//! The server's clock: Unix milliseconds that never go backwards, whatever happens to the machine's date.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::{Duration, Instant};

/// Reads the date once and counts on from there. Every rule and every frame is stamped by one such clock.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_unix_ms: u64,
    /// How far rooms are ahead of it, in milliseconds: the time that a test has let pass. Connections, whose time is
    /// that of real sockets, are not.
    rooms_ahead_ms: AtomicU64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self::start_at(millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()))
    }

    /// One that shows `unix_ms` now.
    pub(crate) fn start_at(unix_ms: u64) -> Self {
        Self { started: Instant::now(), started_unix_ms: unix_ms, rooms_ahead_ms: AtomicU64::new(0) }
    }

    /// Unix milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.started_unix_ms + millis(self.started.elapsed())
    }

    /// How far the time by which rooms judge their deadlines is ahead.
    pub(crate) fn rooms_ahead_ms(&self) -> u64 {
        self.rooms_ahead_ms.load(Ordering::Relaxed)
    }

    /// The time by which rooms judge, and whether somebody is still let in.
    pub(crate) fn rules_ms(&self) -> u64 {
        self.now_ms() + self.rooms_ahead_ms()
    }

    pub(crate) fn put_rooms_ahead(&self, by_ms: u64) {
        self.rooms_ahead_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// How long the server has been up.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// When the clock shows `unix_ms`, for the runtime's timers. What is over maps to the start.
    pub(crate) fn instant_at(&self, unix_ms: u64) -> Instant {
        self.started + Duration::from_millis(unix_ms.saturating_sub(self.started_unix_ms))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
