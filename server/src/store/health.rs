//! How the disk does, as far as the store's thread can tell, and how long others wait for it.
//!
//! A disk that fails says so; one that hangs says nothing, and the thread that waits for it cannot say anything either.
//! Whoever asks looks at when that thread's work began.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dais_shared::limits::{STORE_HANG_MS, STORE_LOOK_MS};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::Unavailable;

const HANG: Duration = Duration::from_millis(STORE_HANG_MS);
const LOOK: Duration = Duration::from_millis(STORE_LOOK_MS);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Health {
    has_failed: AtomicBool,
    /// Because the files are not where they were.
    is_displaced: AtomicBool,
    work: Mutex<Work>,
    /// Wakes who waits for that to end, in the order in which they came.
    recovers: Notify,
}

/// What the disk is doing.
#[derive(Debug, Default)]
struct Work {
    began: Option<Instant>,
    /// The log says that it takes too long.
    is_told: bool,
}

impl Health {
    /// Whether the disk fails or hangs.
    pub(super) fn is_failing(&self) -> bool {
        self.has_failed.load(Ordering::Acquire) || self.is_hanging()
    }

    /// Whether it has not answered for too long.
    pub(super) fn is_hanging(&self) -> bool {
        let (hangs, is_news) = {
            let mut work = self.work();
            let hangs = work.began.is_some_and(|began| began.elapsed() >= HANG);
            (hangs, hangs && !std::mem::replace(&mut work.is_told, true))
        };
        // The log may lie on the same disk: nobody else is to wait for it.
        if is_news {
            tracing::error!("the disk has not answered for {STORE_HANG_MS} ms; sound goes on, changes are refused");
        }
        hangs
    }

    /// Whether it fails because the files are not where they were.
    pub(super) fn is_displaced(&self) -> bool {
        self.is_displaced.load(Ordering::Acquire) && self.is_failing()
    }

    pub(super) fn note_failed(&self, is_displaced: bool) {
        self.is_displaced.store(is_displaced, Ordering::Release);
        self.has_failed.store(true, Ordering::Release);
    }

    pub(super) fn note_well(&self) {
        self.has_failed.store(false, Ordering::Release);
        self.recovers.notify_waiters();
    }

    /// The disk is asked for something from now on, if it is not yet.
    pub(super) fn begin_work(&self) {
        self.work().began.get_or_insert_with(Instant::now);
    }

    /// It has answered.
    pub(super) fn end_work(&self) {
        let Work { began, is_told } = std::mem::take(&mut *self.work());
        let took = began.map(|began| began.elapsed()).unwrap_or_default();
        if is_told {
            tracing::warn!("the disk has answered after {} ms", took.as_millis());
        }
        if took >= HANG {
            self.recovers.notify_waiters();
        }
    }

    /// Resolves when the disk is neither failing nor hanging.
    pub(super) async fn recovered(&self) {
        loop {
            // Before the question, so that no answer is missed.
            let recovers = self.recovers.notified();
            if !self.is_failing() {
                return;
            }
            recovers.await;
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        // Both fields are right whatever was going on when somebody panicked.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody's waiting for the store, which ends when the disk hangs.
#[derive(Debug)]
pub(super) struct Patience {
    health: Arc<Health>,
    looks_at: Instant,
}

impl Patience {
    pub(super) fn new(health: &Arc<Health>) -> Self {
        Self { health: Arc::clone(health), looks_at: Instant::now() + LOOK }
    }

    /// What the store says. May be dropped and called again.
    ///
    /// # Errors
    /// [`Unavailable`] while the disk hangs.
    pub(super) async fn wait_for<F: Future>(&mut self, mut awaited: Pin<&mut F>) -> Result<F::Output, Unavailable> {
        loop {
            match timeout_at(self.looks_at, awaited.as_mut()).await {
                Ok(said) => return Ok(said),
                Err(_) if self.health.is_hanging() => return Err(Unavailable),
                Err(_) => self.looks_at = Instant::now() + LOOK,
            }
        }
    }
}
