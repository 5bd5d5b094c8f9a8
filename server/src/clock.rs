//! The server's clock: Unix milliseconds that never go backwards while it runs, whatever happens to the machine's date. Only
//! what was promised by date, links and other sites' tokens, goes by the date itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::{Duration, Instant};

/// Reads the date once and counts on from there. Every rule and every frame is stamped by one such clock.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_unix_ms: u64,
    /// Whether this is a real machine's time, whose date may be set right while the server runs.
    has_date: bool,
    /// How far rooms are ahead of it, in milliseconds: the time that a test has let pass. Connections, whose time is
    /// that of real sockets, are not.
    rooms_ahead_ms: AtomicU64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { has_date: true, ..Self::start_at(date_ms()) }
    }

    /// One that shows `unix_ms` now.
    pub(crate) fn start_at(unix_ms: u64) -> Self {
        Self { started: Instant::now(), started_unix_ms: unix_ms, has_date: false, rooms_ahead_ms: AtomicU64::new(0) }
    }

    /// Unix milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.started_unix_ms + millis(self.started.elapsed())
    }

    /// How far the time by which rooms judge their deadlines is ahead.
    pub(crate) fn rooms_ahead_ms(&self) -> u64 {
        self.rooms_ahead_ms.load(Ordering::Relaxed)
    }

    /// The date by which somebody is let in, in Unix milliseconds. A machine that slept, or that was told the date after the
    /// server had started, is right about it.
    pub(crate) fn admission_ms(&self) -> u64 {
        let date_ms = if self.has_date { date_ms() } else { self.now_ms() };
        date_ms + self.rooms_ahead_ms()
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

fn date_ms() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
