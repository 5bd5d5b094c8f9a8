//! What becomes of a task or a thread that ends by a fault of ours. One rule, for all that the server starts:
//!
//! - what serves one person or one room ends for that one alone ([`Supervisor::guard`]);
//! - what everybody needs and what can begin anew does so ([`Supervisor::keep`]);
//! - what everybody needs and what cannot begin anew takes the process with it, in order and with a word
//!   ([`Supervisor::need`]), so that whatever started the server starts it again.
//!
//! Each such end is logged and counted.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::metrics::Metrics;
use crate::server::told_to_stop;

/// What begins anew waits so long before that: a fault that comes back at once is not to take all of a core.
const PAUSE: Duration = Duration::from_millis(100);

/// What the server starts besides tasks of single people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Accepts connections.
    Accepting,
    /// Serves one socket until it is closed.
    Socket,
    /// Answers one request.
    Request,
    /// Takes a room up again that has died.
    Room,
    /// Keeps the certificate fresh.
    Certificate,
    /// Keeps what is to survive.
    Store,
    /// Reads files again.
    Reread,
    /// Notices when the process stood still.
    Pulse,
    /// Overwrites what is gone from the store's files.
    Wiping,
    /// Tells the store the time.
    Time,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepting => "accepting connections",
            Self::Socket => "a socket",
            Self::Request => "a request",
            Self::Room => "the supervision of a room",
            Self::Certificate => "the certificate",
            Self::Store => "the store",
            Self::Reread => "reading files again",
            Self::Pulse => "the watch for pauses",
            Self::Wiping => "overwriting what is gone",
            Self::Time => "telling the store the time",
        })
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Supervisor {
    metrics: Arc<Metrics>,
    ended: watch::Sender<Option<Part>>,
    #[cfg(test)]
    faults: Arc<std::sync::Mutex<Vec<Part>>>,
}

impl Supervisor {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            ended: watch::Sender::new(None),
            #[cfg(test)]
            faults: Arc::default(),
        }
    }

    /// Starts a task that others do without: where it ends by a fault, `otherwise` is done.
    pub(crate) fn guard(
        &self,
        part: Part,
        task: impl Future<Output = ()> + Send + 'static,
        otherwise: impl FnOnce() + Send + 'static,
    ) {
        let supervisor = self.clone();
        tokio::spawn(async move {
            if supervisor.outcome(part, task).await.is_none() {
                otherwise();
            }
        });
    }

    /// Starts a task that everybody needs, again and again until it ends as it should.
    pub(crate) fn keep<F: Future<Output = ()> + Send>(
        &self,
        part: Part,
        mut task: impl FnMut() -> F + Send + 'static,
    ) -> JoinHandle<()> {
        let supervisor = self.clone();
        tokio::spawn(async move {
            while supervisor.outcome(part, task()).await.is_none() {
                tokio::time::sleep(PAUSE).await;
            }
        })
    }

    /// Ends the process in order when something ends that everybody needs, before the server stops.
    pub(crate) fn need(&self, part: Part, ended: impl Future<Output = ()> + Send + 'static, mut shutdown: watch::Receiver<bool>) {
        let supervisor = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = told_to_stop(&mut shutdown) => {}
                () = ended => {
                    supervisor.note(part);
                    supervisor.ended.send_replace(Some(part));
                }
            }
        });
    }

    /// What a future comes to, or nothing where that is a fault of ours.
    pub(crate) async fn outcome<T>(&self, part: Part, future: impl Future<Output = T>) -> Option<T> {
        // Nobody looks at what a future that panicked was doing: it is dropped.
        match AssertUnwindSafe(future).catch_unwind().await {
            Ok(came) => Some(came),
            Err(_panic) => {
                self.note(part);
                None
            }
        }
    }

    /// Resolves with what has ended when the process has to end with it.
    pub(crate) async fn end(&self) -> Part {
        let mut ended = self.ended.subscribe();
        match ended.wait_for(Option::is_some).await.map(|part| *part) {
            Ok(Some(part)) => part,
            Ok(None) | Err(_) => std::future::pending().await, // neither can be: this holds the sender
        }
    }

    /// The panic itself is in the log already: the hook of [`crate::logging`] has seen it.
    fn note(&self, part: Part) {
        self.metrics.task_faults_total.add(1);
        tracing::error!(%part, "ended by a fault");
    }

    /// The next look at this part is a fault.
    #[cfg(test)]
    pub(crate) fn fail(&self, part: Part) {
        self.faults.lock().expect("nobody panics over it").push(part);
    }

    /// Where a test may have a part fail; nothing otherwise.
    #[cfg(not(test))]
    pub(crate) const fn look(&self, part: Part) {
        let _ = part;
    }

    /// Panics if that was asked for.
    #[cfg(test)]
    pub(crate) fn look(&self, part: Part) {
        let mut faults = self.faults.lock().expect("nobody panics over it");
        if let Some(place) = faults.iter().position(|fault| *fault == part) {
            faults.swap_remove(place);
            drop(faults);
            panic!("a fault on purpose");
        }
    }
}
