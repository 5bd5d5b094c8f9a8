//! What signals to the process mean. Each that ends a process by itself (signal(7)) has a meaning here, but for those that say
//! that the program itself is broken (SIGSEGV and its like, SIGABRT, SIGTRAP, SIGSYS), for SIGKILL, and for SIGPIPE, which Rust
//! ignores at the start.

/// What whoever sent a signal wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The end, in order.
    End,
    /// That files are read again: the terminal is closed, or `systemctl reload` was said.
    Reread,
    /// Nothing that this program knows: what rotates the logs of other programs sends such, for instance.
    Nothing,
    /// Nothing to say a word of: it says that a file grows no further (`ulimit -f`), as the write itself does, and the log may
    /// be that file.
    Silence,
}

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) name: &'static str,
    /// Its number.
    pub(crate) number: i32,
    pub(crate) meaning: Meaning,
}

/// All signals that mean something here. From when this is made on, none of them ends the process.
#[derive(Debug)]
pub(crate) struct Signals(Vec<Heard>);

#[cfg(unix)]
use unix::Heard;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::task::Poll;

    use rustix::process::Signal as Number;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::{Came, Meaning, Signals};

    const KNOWN: &[(&str, Number, Meaning)] = &[
        ("SIGTERM", Number::TERM, Meaning::End),
        ("SIGINT", Number::INT, Meaning::End),
        ("SIGQUIT", Number::QUIT, Meaning::End),
        // As much of the processor as it may have: without an end it is killed soon.
        ("SIGXCPU", Number::XCPU, Meaning::End),
        ("SIGHUP", Number::HUP, Meaning::Reread),
        ("SIGXFSZ", Number::XFSZ, Meaning::Silence),
        ("SIGUSR1", Number::USR1, Meaning::Nothing),
        ("SIGUSR2", Number::USR2, Meaning::Nothing),
        ("SIGALRM", Number::ALARM, Meaning::Nothing),
        ("SIGVTALRM", Number::VTALARM, Meaning::Nothing),
        ("SIGPROF", Number::PROF, Meaning::Nothing),
        ("SIGIO", Number::IO, Meaning::Nothing),
        #[cfg(target_os = "linux")]
        ("SIGSTKFLT", Number::STKFLT, Meaning::Nothing),
        #[cfg(target_os = "linux")]
        ("SIGPWR", Number::POWER, Meaning::End),
    ];

    /// Those of Linux that have numbers for names (signal(7)): it keeps the first two or three for itself.
    #[cfg(target_os = "linux")]
    const REAL_TIME: std::ops::RangeInclusive<i32> = 35..=64;
    #[cfg(not(target_os = "linux"))]
    const REAL_TIME: std::ops::Range<i32> = 0..0;

    #[derive(Debug)]
    pub(super) struct Heard {
        came: Came,
        signal: Signal,
    }

    impl Signals {
        /// Hears them from now on.
        ///
        /// # Errors
        /// The system refuses.
        pub(crate) fn listen() -> io::Result<Self> {
            let known = KNOWN.iter().map(|(name, number, meaning)| Came { name, number: number.as_raw(), meaning: *meaning });
            let others = REAL_TIME.map(|number| Came { name: "a real-time signal", number, meaning: Meaning::Nothing });
            let hear = |came: Came| Ok(Heard { came, signal: signal(SignalKind::from_raw(came.number))? });
            let mut heard = known.map(hear).collect::<io::Result<Vec<_>>>()?;
            // Nobody sends these; a system that has not all of them lacks nothing.
            heard.extend(others.filter_map(|came| hear(came).ok()));
            Ok(Self(heard))
        }

        /// The next one that somebody has to know of. May be dropped and called again.
        pub(crate) async fn next(&mut self) -> Came {
            self.next_of(|meaning| meaning != Meaning::Silence).await
        }

        /// The next one that wants the end. Others wait until somebody asks for them. May be dropped and called again.
        pub(crate) async fn end(&mut self) -> Came {
            self.next_of(|meaning| meaning == Meaning::End).await
        }

        async fn next_of(&mut self, is_wanted: fn(Meaning) -> bool) -> Came {
            std::future::poll_fn(|context| {
                for heard in self.0.iter_mut().filter(|heard| is_wanted(heard.came.meaning)) {
                    if let Poll::Ready(Some(())) = heard.signal.poll_recv(context) {
                        return Poll::Ready(heard.came);
                    }
                }
                Poll::Pending
            })
            .await
        }
    }
}

#[cfg(not(unix))]
type Heard = std::convert::Infallible;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self(Vec::new()))
    }

    pub(crate) async fn next(&mut self) -> Came {
        // Where Ctrl-C cannot be heard, it ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Came { name: "Ctrl-C", number: 2, meaning: Meaning::End }
    }

    pub(crate) async fn end(&mut self) -> Came {
        self.next().await
    }
}

#[cfg(test)]
impl Signals {
    /// None at all.
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }
}
