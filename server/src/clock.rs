//! The server's clock: Unix milliseconds that never go backwards while it runs, whatever happens to the machine's date. Only
//! what was promised by date, links and other sites' tokens, and what people are shown, goes by the date itself.

mod pauses;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::{Duration, Instant};

use pauses::Pauses;

/// No clock that is right shows less: 2020. One that was never set begins here, so that what was before has a place, too.
const EARLIEST_MS: u64 = 1_577_836_800_000;

/// Reads the date once and counts on from there. Every rule and every frame is stamped by one such clock.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_unix_ms: u64,
    /// Whether this is a real machine's time, whose date may be set right while the server runs.
    has_date: bool,
    /// How far the date is ahead of the machine's, or of what is counted where there is none: a test's.
    date_off_ms: AtomicI64,
    /// How far rooms are ahead of it, in milliseconds: the time that a test has let pass. Connections, whose time is
    /// that of real sockets, are not.
    rooms_ahead_ms: AtomicU64,
    /// How much time a test has let pass as if the process had stood still.
    skipped_ms: AtomicU64,
    /// Of a real machine's time: a simulation's goes in leaps.
    pauses: Pauses,
}

/// One moment, as each of the clocks shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The machine's date, in Unix milliseconds. It may be wrong, and jump.
    pub(crate) date_ms: u64,
    /// What rooms count their deadlines in, in Unix milliseconds: goes on from the date at the start.
    pub(crate) rooms_ms: u64,
    /// How long the server has run.
    pub(crate) up_ms: u64,
}

impl Clock {
    /// One that is `off_ms` ahead of the machine's.
    pub(crate) fn start(off_ms: i64) -> Self {
        let date_ms = machine_ms().saturating_add_signed(off_ms).max(EARLIEST_MS);
        Self { has_date: true, date_off_ms: AtomicI64::new(off_ms), ..Self::start_at(date_ms) }
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
            date_off_ms: AtomicI64::default(),
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
        let counted_ms = if self.has_date { machine_ms() } else { self.now_ms() };
        let date_ms = counted_ms.saturating_add_signed(self.date_off_ms.load(Ordering::Relaxed));
        date_ms.max(EARLIEST_MS.min(self.started_unix_ms)) + self.rooms_ahead_ms()
    }

    /// How far the date is ahead of what rooms count.
    pub(crate) fn date_ahead_ms(&self) -> i64 {
        self.admission_ms().cast_signed().saturating_sub(self.rooms_ms().cast_signed())
    }

    /// What rooms count.
    fn rooms_ms(&self) -> u64 {
        self.now_ms() + self.rooms_ahead_ms()
    }

    pub(crate) fn moment(&self) -> Moment {
        let up_ms = millis(self.uptime()) + self.rooms_ahead_ms();
        Moment { date_ms: self.admission_ms(), rooms_ms: self.rooms_ms(), up_ms }
    }

    pub(crate) fn put_rooms_ahead(&self, by_ms: u64) {
        self.rooms_ahead_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// The machine's date is set, to so much more than it is.
    #[cfg(feature = "simulation")]
    pub(crate) fn set_date_off(&self, off_ms: i64) {
        self.date_off_ms.store(off_ms, Ordering::Relaxed);
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

fn machine_ms() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
