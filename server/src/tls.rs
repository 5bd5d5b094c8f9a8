//! HTTPS by the server itself: whose certificate new connections get, and what becomes of a socket until HTTP is spoken
//! on it. Knows nothing of what is said there.

mod greeting;
mod pair;
mod self_signed;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dais_shared::limits::{SELF_SIGNED_RENEWAL_DAYS, TLS_LOOK_MS};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::ResolvesServerCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::JoinError;

pub(crate) use greeting::{Greeting, greet, refusal_of, to_https};
pub use pair::TlsError;
pub(crate) use pair::{Dates, Pair};
use self_signed::SelfSigned;

use crate::config;
use crate::server::told_to_stop;

/// What new connections are encrypted with.
pub(crate) type Current = watch::Receiver<Arc<ServerConfig>>;

/// Where the certificate comes from.
#[derive(Debug)]
enum Source {
    SelfSigned(SelfSigned),
    /// With what was in the files when they were last looked at, or why they could not be read.
    Files {
        certificate: PathBuf,
        key: PathBuf,
        seen: Result<(Vec<u8>, Vec<u8>), TlsError>,
    },
}

/// Keeps the certificate fresh.
#[derive(Debug)]
pub(crate) struct Keeper {
    source: Source,
    /// That of the certificate, as browsers show it.
    fingerprint: String,
    dates: Dates,
    current: watch::Sender<Arc<ServerConfig>>,
}

impl Keeper {
    /// What the options say, if they say anything.
    ///
    /// # Errors
    /// [`TlsError`] says what the operator can do.
    pub(crate) fn open(wanted: &config::Tls, data_dir: &Path) -> Result<Option<Self>, TlsError> {
        let (source, pair) = match wanted {
            config::Tls::Off => return Ok(None),
            config::Tls::SelfSigned => {
                let own = SelfSigned::new(data_dir);
                let pair = own.load_or_make(OffsetDateTime::now_utc())?;
                (Source::SelfSigned(own), pair)
            }
            config::Tls::Files { certificate, key } => {
                let (certificate, key) = (certificate.clone(), key.clone());
                let contents = pair::read(&certificate, &key)?;
                let pair = Pair::parse(&contents.0, &contents.1, &certificate, &key)?;
                (Source::Files { certificate, key, seen: Ok(contents) }, pair)
            }
        };
        let now = OffsetDateTime::now_utc();
        if pair.dates.days_left(now) < 0 {
            tracing::warn!(ended = %pair.dates.not_after, "the certificate has expired, and browsers refuse it; renew it");
        } else if pair.dates.not_before > now {
            tracing::warn!(begins = %pair.dates.not_before, "the certificate is not valid yet, and browsers refuse it; set the clock");
        }
        let current = watch::Sender::new(Arc::new(encrypting_with(&pair.key)?));
        Ok(Some(Self { source, fingerprint: pair.fingerprint(), dates: pair.dates, current }))
    }

    /// What new connections are encrypted with, from now on.
    pub(crate) fn current(&self) -> Current {
        self.current.subscribe()
    }

    /// For people to compare, where the certificate is the server's own word for itself.
    pub(crate) fn fingerprint_to_compare(&self) -> Option<&str> {
        matches!(self.source, Source::SelfSigned(_)).then_some(&self.fingerprint)
    }

    /// Takes a certificate up that is new. One that cannot be used changes nothing.
    fn look(&mut self) {
        let is_time = match &self.source {
            Source::SelfSigned(_) => self.dates.days_left(OffsetDateTime::now_utc()) < i64::from(SELF_SIGNED_RENEWAL_DAYS),
            Source::Files { certificate, key, seen } => pair::read(certificate, key) != *seen,
        };
        if is_time && let Err(error) = self.look_anew() {
            tracing::warn!("{error}; the old certificate stays");
        }
    }

    /// The same, whether or not there is something new. Returns whether there is.
    ///
    /// # Errors
    /// [`TlsError`] says what the operator can do; the old certificate stays.
    pub(crate) fn look_anew(&mut self) -> Result<bool, TlsError> {
        let found = match &mut self.source {
            Source::SelfSigned(own) => own.load_or_make(OffsetDateTime::now_utc()),
            Source::Files { certificate, key, seen } => {
                *seen = pair::read(certificate, key);
                let contents = seen.as_ref().map_err(Clone::clone);
                contents.and_then(|(chain, secret)| Pair::parse(chain, secret, certificate, key))
            }
        };
        let pair = found?;
        if pair.fingerprint() == self.fingerprint {
            return Ok(false);
        }
        let config = Arc::new(encrypting_with(&pair.key)?);
        self.fingerprint = pair.fingerprint();
        self.dates = pair.dates;
        self.current.send_replace(config);
        tracing::info!(until = %self.dates.not_after, sha256 = self.fingerprint, "a new certificate");
        Ok(true)
    }
}

/// What it knows is whole whatever was going on when somebody panicked: a certificate is taken up last.
pub(crate) fn locked(keeper: &Mutex<Keeper>) -> MutexGuard<'_, Keeper> {
    keeper.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks for a new certificate every few seconds until the server stops.
pub(crate) async fn keep_fresh(keeper: Arc<Mutex<Keeper>>, mut shutdown: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(TLS_LOOK_MS)) => {}
            () = told_to_stop(&mut shutdown) => return,
        }
        look(&keeper).await;
    }
}

/// Looks now. A disk that hangs must not hold up anybody's voice.
///
/// # Panics
/// If looking does: that is for whoever supervises this to know.
async fn look(keeper: &Arc<Mutex<Keeper>>) {
    let keeper = Arc::clone(keeper);
    let looking = tokio::task::spawn_blocking(move || locked(&keeper).look());
    // Where there is none, it was looked, or the runtime ends.
    if let Err(Ok(panic)) = looking.await.map_err(JoinError::try_into_panic) {
        std::panic::resume_unwind(panic);
    }
}

/// HTTP/1.1 over TLS 1.3, which every browser has that can run the page.
fn encrypting_with(key: &Arc<CertifiedKey>) -> Result<ServerConfig, TlsError> {
    let unusable = |error: rustls::Error| TlsError::System { reason: error.to_string() };
    let certificate: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from(Arc::clone(key)));
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).map_err(unusable)?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Whoever comes back brings what is needed with him: nothing is kept here for those who do not.
    config.ticketer = ring::Ticketer::new().map_err(unusable)?;
    Ok(config)
}

/// SHA-256 as browsers show it.
pub(crate) fn fingerprint(certificate: &[u8]) -> String {
    let bytes: Vec<String> = Sha256::digest(certificate).iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}
