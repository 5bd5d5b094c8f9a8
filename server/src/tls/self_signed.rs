//! The certificate that the server makes itself, kept in its data folder, so that what a browser was once told to accept
//! it accepts after a restart too. The key is made once; certificates are made for it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use dais_shared::limits::{SELF_SIGNED_ADDRESSES_MAX, SELF_SIGNED_DAYS, SELF_SIGNED_RENEWAL_DAYS};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SerialNumber};
use time::{Duration, OffsetDateTime};

use super::pair::{Pair, TlsError, read_one};
use crate::refused::{Refused, Tried};
use crate::{machine, whole_file};

const CERTIFICATE_FILE: &str = "tls-certificate.pem";
const KEY_FILE: &str = "tls-key.pem";

/// The certificate's file, and its key's.
pub(super) fn files(data_dir: &Path) -> (PathBuf, PathBuf) {
    (data_dir.join(CERTIFICATE_FILE), data_dir.join(KEY_FILE))
}

/// Where it is kept.
#[derive(Debug)]
pub(super) struct SelfSigned {
    certificate: PathBuf,
    key: PathBuf,
}

impl SelfSigned {
    pub(super) fn new(data_dir: &Path) -> Self {
        let (certificate, key) = files(data_dir);
        Self { certificate, key }
    }

    /// The certificate as it is, or another one for the same key where that ends soon or cannot be used.
    pub(super) fn load_or_make(&self, now: OffsetDateTime) -> Result<Pair, TlsError> {
        let secret = if self.key.exists() { read_one(&self.key)? } else { self.make_key()? };
        let kept = read_one(&self.certificate).and_then(|chain| self.parse(&chain, &secret));
        match kept {
            Ok(Pair { dates, .. }) if dates.not_before > now => self.make_anew(&secret, now), // by a clock that was ahead
            Ok(pair) if pair.dates.days_left(now) >= i64::from(SELF_SIGNED_RENEWAL_DAYS) => Ok(pair),
            _ => self.make_anew(&secret, now),
        }
    }

    fn make_anew(&self, secret: &[u8], now: OffsetDateTime) -> Result<Pair, TlsError> {
        let chain = self.make_certificate(secret, now)?;
        self.parse(&chain, secret)
    }

    fn parse(&self, chain: &[u8], secret: &[u8]) -> Result<Pair, TlsError> {
        Pair::parse(chain, secret, &self.certificate, &self.key)
    }

    fn make_key(&self) -> Result<Vec<u8>, TlsError> {
        let key = KeyPair::generate().map_err(|error| TlsError::System { reason: error.to_string() })?;
        let secret = key.serialize_pem().into_bytes();
        keep(&self.key, &secret, 0o600)?;
        Ok(secret)
    }

    fn make_certificate(&self, secret: &[u8], now: OffsetDateTime) -> Result<Vec<u8>, TlsError> {
        let key = KeyPair::from_pem(&String::from_utf8_lossy(secret))
            .map_err(|error| TlsError::NoKey { path: self.key.clone(), reason: error.to_string() })?;
        let chain =
            certificate_for(&key, names(), now).map_err(|error| TlsError::System { reason: error.to_string() })?.into_bytes();
        keep(&self.certificate, &chain, 0o644)?;
        Ok(chain)
    }
}

/// In PEM.
fn certificate_for(key: &KeyPair, names: BTreeSet<String>, now: OffsetDateTime) -> Result<String, rcgen::Error> {
    let mut wanted = CertificateParams::new(names.into_iter().collect::<Vec<_>>())?;
    wanted.distinguished_name.push(DnType::CommonName, "Dais, signed by itself");
    // Browsers refuse two certificates of one issuer with one number; the default is made from the key.
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|_| rcgen::Error::RingUnspecified)?;
    serial[0] &= 0x7F; // a positive number (RFC 5280, section 4.1.2.2)
    wanted.serial_number = Some(SerialNumber::from_slice(&serial));
    wanted.not_before = now - Duration::DAY; // for clocks that are behind
    wanted.not_after = wanted.not_before + Duration::days(i64::from(SELF_SIGNED_DAYS));
    wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(wanted.self_signed(key)?.pem())
}

/// What people on this network may write into the address bar.
fn names() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::from(["localhost".into()]);
    let host = gethostname::gethostname().to_string_lossy().to_ascii_lowercase();
    if is_name(&host) {
        if !host.contains('.') {
            names.insert(format!("{host}.local")); // by which others on the network find it (RFC 6762)
        }
        names.insert(host);
    }
    // A machine that does not say has the two that every machine has.
    names.extend(machine::addresses().iter().take(SELF_SIGNED_ADDRESSES_MAX).map(ToString::to_string));
    names.extend([IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()].map(|address| address.to_string()));
    names
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|char| char.is_ascii_alphanumeric() || char == '-');
    host.len() <= 253 && host.split('.').all(is_label)
}

fn keep(path: &Path, bytes: &[u8], mode: u32) -> Result<(), TlsError> {
    whole_file::write(path, bytes, mode).map_err(|error| TlsError::NotKept(Refused::new(path, Tried::Write, &error)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use tempfile::TempDir;

    use super::*;

    fn chain(folder: &TempDir) -> Vec<u8> {
        std::fs::read(folder.path().join(CERTIFICATE_FILE)).unwrap()
    }

    #[test]
    fn it_is_made_once_and_again_before_it_ends_for_the_same_key() {
        let folder = TempDir::new().unwrap();
        let (own, now) = (SelfSigned::new(folder.path()), OffsetDateTime::now_utc());
        let first = own.load_or_make(now).unwrap();
        let made = chain(&folder);
        assert_eq!(first.dates.days_left(now), i64::from(SELF_SIGNED_DAYS) - 2, "it began a day ago, a moment later");
        let renewal = Duration::days(i64::from(SELF_SIGNED_DAYS - SELF_SIGNED_RENEWAL_DAYS) - 2);
        let kept = own.load_or_make(now + renewal).unwrap();
        assert_eq!((kept.fingerprint(), chain(&folder)), (first.fingerprint(), made));
        let secret = std::fs::read(&own.key).unwrap();
        let renewed = own.load_or_make(now + renewal + Duration::days(2)).unwrap();
        assert_ne!(renewed.fingerprint(), first.fingerprint());
        assert_eq!(std::fs::read(&own.key).unwrap(), secret);
        let ahead = own.load_or_make(now + Duration::days(3_650)).unwrap();
        let right = own.load_or_make(now).unwrap();
        assert!(right.dates.not_before < now && now < ahead.dates.not_before, "a clock that was ahead leaves none behind");
    }

    #[test]
    fn a_certificate_that_cannot_be_used_is_made_anew_and_a_key_is_not() {
        let folder = TempDir::new().unwrap();
        let (own, now) = (SelfSigned::new(folder.path()), OffsetDateTime::now_utc());
        own.load_or_make(now).unwrap();
        let other = KeyPair::generate().unwrap();
        let of_another_key = certificate_for(&other, BTreeSet::from(["localhost".into()]), now).unwrap();
        for wrong in ["", "-----BEGIN CERTIFICATE-----\nrubbish", &of_another_key] {
            std::fs::write(&own.certificate, wrong).unwrap();
            own.load_or_make(now).unwrap();
            assert_ne!(chain(&folder), wrong.as_bytes());
        }
        std::fs::write(&own.key, "rubbish").unwrap();
        let error = own.load_or_make(now).unwrap_err().to_string();
        assert!(error.contains(KEY_FILE) && error.contains("PEM"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_the_server_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = TempDir::new().unwrap();
        let own = SelfSigned::new(folder.path());
        own.load_or_make(OffsetDateTime::now_utc()).unwrap();
        assert_eq!(std::fs::metadata(&own.key).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn it_names_the_machine_by_what_can_be_typed() {
        let names = names();
        for name in ["localhost", "127.0.0.1", "::1"] {
            assert!(names.contains(name), "{names:?}");
        }
        assert!(is_name("talk.lan") && is_name("box-1"));
        assert!(!is_name("") && !is_name("a..b") && !is_name("kühl") && !is_name("under_score"));
    }
}
