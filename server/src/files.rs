//! How many files the system lets this process have open; each socket is one.

/// The limit as it is now. Where nobody knows one there is none.
#[cfg(unix)]
pub(crate) fn limit() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// Raises it as far as the system allows: the low one that most systems start programs with is for those that cannot count
/// further (`select`).
#[cfg(unix)]
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, "limit of open files");
    }
}

#[cfg(not(unix))]
pub(crate) fn limit() -> usize {
    usize::MAX
}

#[cfg(not(unix))]
pub(crate) fn raise_limit() {}
