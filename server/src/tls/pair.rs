//! A certificate and its private key, as PEM files hold them (RFC 7468).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dais_shared::limits::TLS_FILE_BYTES_MAX;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;
use yasna::tags::TAG_UTCTIME;
use yasna::{ASN1Result, BERReader, Tag, parse_der};

use crate::config;
use crate::refused::{Refused, Tried};

/// Why there is no HTTPS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{0}, or name another with --tls-certificate and --tls-key")]
    Unreadable(Refused),
    /// A file is something else.
    #[error("{path} is larger than {TLS_FILE_BYTES_MAX} bytes, and so no certificate and no key; name another file")]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// A file holds no certificate.
    #[error("{path} holds no certificate ({reason}); it is to be a chain in PEM, the server's own certificate first")]
    NoCertificate {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file holds no private key that can be used.
    #[error("{path} holds no private key that can be used ({reason}); it is to be one in PEM, not encrypted")]
    NoKey {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is of another certificate.
    #[error("the private key in {key} is not that of the certificate in {certificate}; put files there that belong together")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// The server's own certificate cannot be kept.
    #[error("cannot keep the self-signed certificate: {0}, or choose another folder with --data-dir")]
    NotKept(Refused),
    /// The chain is in another order.
    #[error("the first certificate in {path} is not the server's own, to which the private key belongs; put that first")]
    Order {
        /// Which file.
        path: PathBuf,
    },
    /// The machine lacks what it takes.
    #[error("the system refuses what encryption needs: {reason}")]
    System {
        /// What came back.
        reason: String,
    },
}

/// From when until when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dates {
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
}

impl Dates {
    /// Of a certificate in DER (RFC 5280, section 4.1). `None` where it is none.
    pub(crate) fn of(certificate: &[u8]) -> Option<Self> {
        parse_der(certificate, |reader| {
            reader.read_sequence(|certificate| {
                let dates = certificate.next().read_sequence(|signed| {
                    if signed.next().lookahead_tag()? == Tag::context(0) {
                        signed.next().read_der()?; // the version
                    }
                    for _serial_algorithm_issuer in 0..3 {
                        signed.next().read_der()?;
                    }
                    let dates = signed.next().read_sequence(|validity| {
                        Ok(Self { not_before: read_time(validity.next())?, not_after: read_time(validity.next())? })
                    })?;
                    while signed.read_optional(|rest| rest.read_der())?.is_some() {}
                    Ok(dates)
                })?;
                for _algorithm_signature in 0..2 {
                    certificate.next().read_der()?;
                }
                Ok(dates)
            })
        })
        .ok()
    }

    /// Whole days until it ends; negative when it has.
    pub(crate) fn days_left(&self, now: OffsetDateTime) -> i64 {
        (self.not_after - now).whole_seconds().div_euclid(24 * 3600)
    }
}

fn read_time(reader: BERReader<'_, '_>) -> ASN1Result<OffsetDateTime> {
    if reader.lookahead_tag()? == TAG_UTCTIME {
        Ok(*reader.read_utctime()?.datetime())
    } else {
        Ok(*reader.read_generalized_time()?.datetime())
    }
}

/// A certificate whose key is there.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) key: Arc<CertifiedKey>,
    pub(crate) dates: Dates,
}

impl Pair {
    /// From the contents of two files, which are named in what is said about them.
    pub(super) fn parse(chain: &[u8], key: &[u8], chain_path: &Path, key_path: &Path) -> Result<Self, TlsError> {
        let no_certificate = |reason: String| TlsError::NoCertificate { path: chain_path.to_owned(), reason };
        let no_key = |reason: String| TlsError::NoKey { path: key_path.to_owned(), reason };
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|error| no_certificate(error.to_string()))?;
        let own = chain.first().ok_or_else(|| no_certificate("it has no BEGIN CERTIFICATE".to_owned()))?;
        let dates = Dates::of(own).ok_or_else(|| no_certificate("the first one is damaged".to_owned()))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| no_key(error.to_string()))?;
        match CertifiedKey::from_der(chain.clone(), key.clone_key(), &ring::default_provider()) {
            Ok(key) => Ok(Self { key: Arc::new(key), dates }),
            Err(rustls::Error::InconsistentKeys(_)) if is_of_another(&chain[1..], &key) => {
                Err(TlsError::Order { path: chain_path.to_owned() })
            }
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err(TlsError::Mismatch { certificate: chain_path.to_owned(), key: key_path.to_owned() })
            }
            Err(rustls::Error::InvalidCertificate(reason)) => Err(no_certificate(reason.to_string())),
            Err(error) => Err(no_key(error.to_string())),
        }
    }

    /// The pair that a server with these options has now, if it has one.
    pub(crate) fn look(wanted: &config::Tls, data_dir: &Path) -> Option<Result<Self, TlsError>> {
        let (certificate, key) = match wanted {
            config::Tls::Off => return None,
            config::Tls::SelfSigned => super::self_signed::files(data_dir),
            config::Tls::Files { certificate, key } => (certificate.clone(), key.clone()),
        };
        if *wanted == config::Tls::SelfSigned && !(certificate.exists() && key.exists()) {
            return None;
        }
        Some(read(&certificate, &key).and_then(|contents| Self::parse(&contents.0, &contents.1, &certificate, &key)))
    }

    /// Of the server's own certificate.
    pub(crate) fn fingerprint(&self) -> String {
        super::fingerprint(self.key.cert.first().map_or(&[], |certificate| certificate))
    }
}

/// Whether the key is that of one of these.
fn is_of_another(chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>) -> bool {
    chain.iter().any(|own| CertifiedKey::from_der(vec![own.clone()], key.clone_key(), &ring::default_provider()).is_ok())
}

/// What is in both files.
pub(super) fn read(certificate: &Path, key: &Path) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
    Ok((read_one(certificate)?, read_one(key)?))
}

/// What is in a file, if it is as small as it should be.
pub(super) fn read_one(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(TLS_FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    let count = read.map_err(|error| TlsError::Unreadable(Refused::new(path, Tried::Read, &error)))?;
    if count as u64 > TLS_FILE_BYTES_MAX {
        return Err(TlsError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}
