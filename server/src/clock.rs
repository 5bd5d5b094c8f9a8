//! The server's clock: Unix milliseconds that never go backwards, whatever happens to the machine's date.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::{Duration, Instant};

/// Reads the date once and counts on from there. Every rule and every frame is stamped by one such clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_unix_ms: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_unix_ms: millis(since_epoch) }
    }

    /// Unix milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.started_unix_ms + millis(self.started.elapsed())
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
