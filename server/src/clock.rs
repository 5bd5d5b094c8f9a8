//! The server's clock: Unix milliseconds that never go backwards while it runs, whatever happens to the machine's date. Only
//! what was promised by date, links and other sites' tokens, goes by the date itself.

mod pauses;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::{Duration, Instant};

use pauses::Pauses;

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
    /// How much time a test has let pass as if the process had stood still.
    skipped_ms: AtomicU64,
    /// Of a real machine's time: a simulation's goes in leaps.
    pauses: Pauses,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { has_date: true, ..Self::start_at(date_ms()) }
    }

    /// One that shows `unix_ms` now.
    pub(crate) fn start_at(unix_ms: u64) -> Self {
        Self { started_unix_ms: unix_ms, ..Self::still() }
    }

    fn still() -> Self {
        Self {
            started: Instant::now(),
            started_unix_ms: 0,
            has_date: false,
            rooms_ahead_ms: AtomicU64::new(0),
            skipped_ms: AtomicU64::new(0),
            pauses: Pauses::default(),
        }
    }

    /// Unix milliseconds. Whoever looks after a pause of the process notices it, before he judges anything.
    pub(crate) fn now_ms(&self) -> u64 {
        let now_ms = self.started_unix_ms + millis(self.started.elapsed()) + self.skipped_ms.load(Ordering::Relaxed);
        if self.has_date {
            self.pauses.look(now_ms);
        }
        now_ms
    }

    /// How far behind `now_ms` it is judged whether somebody's time is up: nothing, but for a while after a pause.
    pub(crate) fn patience_ms(&self, now_ms: u64) -> u64 {
        self.pauses.behind_ms(now_ms)
    }

    /// When it is to be looked at whether somebody's time is up.
    pub(crate) fn put_off(&self, deadline_ms: u64) -> u64 {
        self.pauses.put_off(deadline_ms)
    }

    /// Resolves when somebody's time is up who has so much of it from now on.
    pub(crate) async fn up(&self, time: Duration) {
        let deadline_ms = self.now_ms() + millis(time);
        loop {
            tokio::time::sleep_until(self.instant_at(self.put_off(deadline_ms))).await;
            let now_ms = self.now_ms();
            if now_ms - self.patience_ms(now_ms) >= deadline_ms {
                return;
            }
        }
    }

    /// What a future comes to, unless its time is up before.
    pub(crate) async fn within<F: Future>(&self, time: Duration, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            came = future => Some(came),
            () = self.up(time) => None,
        }
    }

    /// How long the process stood still, if it has since this was asked last.
    pub(crate) fn take_pause(&self) -> Option<Duration> {
        self.pauses.take_news().map(Duration::from_millis)
    }

    /// Lets time pass as if the process had stood still.
    pub(crate) fn skip(&self, by_ms: u64) {
        self.now_ms();
        self.skipped_ms.fetch_add(by_ms, Ordering::Relaxed);
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
        let skipped_ms = self.skipped_ms.load(Ordering::Relaxed);
        self.started + Duration::from_millis(unix_ms.saturating_sub(self.started_unix_ms + skipped_ms))
    }
}

fn date_ms() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
