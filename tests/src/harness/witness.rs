//! The machine under the tests: a virtual one, or one with much else to do, stands still at times, and nobody can tell then
//! what the server did.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(10);
/// Whoever sleeps wakes up so much late on a machine that is there.
const LATE: Duration = Duration::from_millis(20);

/// A thread that does nothing but sleep, and notices when it is not woken.
pub(crate) struct Witness {
    is_over: Arc<AtomicBool>,
    absent_ms: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Witness {
    pub(crate) fn new() -> Self {
        let (is_over, absent_ms) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (over, absent) = (Arc::clone(&is_over), Arc::clone(&absent_ms));
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(NAP);
                let late = began.elapsed().saturating_sub(NAP);
                if late > LATE {
                    absent.fetch_add(u64::try_from(late.as_millis()).unwrap(), Ordering::Relaxed);
                }
            }
        });
        Self { is_over, absent_ms, thread: Some(thread) }
    }

    /// For how long, in all, the machine has not been there, in milliseconds.
    pub(crate) fn absent_ms(&self) -> u64 {
        self.absent_ms.load(Ordering::Relaxed)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Fails where the thread has panicked, of which its own message tells.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
