//! Files that come, change and break.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use tempfile::TempDir;
use time::macros::datetime;

use super::testing::pem_pair;
use super::*;

struct Files(TempDir);

impl Files {
    fn with(pair: &(String, String)) -> Self {
        let files = Self(TempDir::new().unwrap());
        files.put(pair);
        files
    }

    fn put(&self, (chain, key): &(String, String)) {
        std::fs::write(self.0.path().join("chain.pem"), chain).unwrap();
        std::fs::write(self.0.path().join("key.pem"), key).unwrap();
    }

    fn keeper(&self) -> Result<Keeper, TlsError> {
        let [certificate, key] = ["chain.pem", "key.pem"].map(|name| self.0.path().join(name));
        Keeper::open(&config::Tls::Files { certificate, key }, self.0.path()).map(Option::unwrap)
    }
}

#[test]
fn a_pair_that_cannot_be_used_is_refused_with_a_sentence_that_names_its_file() {
    let (pair, other) = (pem_pair(), pem_pair());
    let refusal = |chain: &str, key: &str| {
        let error = Files::with(&(chain.into(), key.into())).keeper().unwrap_err().to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    };
    for chain in ["", "rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &pair.1] {
        let error = refusal(chain, &pair.1);
        assert!(error.contains("chain.pem holds no certificate"), "{error}");
    }
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for key in ["", &pair.0, encrypted, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        let error = refusal(&pair.0, key);
        assert!(error.contains("key.pem holds no private key"), "{error}");
    }
    let error = refusal(&pair.0, &other.1);
    assert!(error.contains("key.pem is not that of the certificate in"), "{error}");
    let error = refusal(&format!("{}{}", other.0, pair.0), &pair.1);
    assert!(error.contains("the first certificate in") && error.contains("put that first"), "{error}");
    let error = refusal(&"x".repeat(300_000), &pair.1);
    assert!(error.contains("chain.pem") && error.contains("larger"), "{error}");
    let files = Files::with(&pair);
    std::fs::remove_file(files.0.path().join("key.pem")).unwrap();
    let error = files.keeper().unwrap_err().to_string();
    assert!(error.starts_with("there is no") && error.contains("key.pem") && error.contains("--tls-key"), "{error}");
}

#[test]
fn a_new_pair_is_taken_up_and_a_broken_one_changes_nothing() {
    let (first, second) = (pem_pair(), pem_pair());
    let files = Files::with(&first);
    let mut keeper = files.keeper().unwrap();
    let mut current = keeper.current();
    let before = keeper.fingerprint.clone();
    keeper.look();
    assert!(!current.has_changed().unwrap(), "nothing is new");
    for broken in [(second.0.clone(), first.1), (String::new(), String::new())] {
        files.put(&broken);
        keeper.look();
        assert!(!current.has_changed().unwrap());
    }
    std::fs::remove_file(files.0.path().join("chain.pem")).unwrap();
    keeper.look();
    assert!(!current.has_changed().unwrap());
    files.put(&second);
    keeper.look();
    assert!(current.has_changed().unwrap());
    assert_ne!(keeper.fingerprint, before);
    current.mark_unchanged();
    keeper.look();
    assert!(!current.has_changed().unwrap(), "once");
}

#[test]
fn dates_are_those_of_the_certificate() {
    let key = rcgen::KeyPair::generate().unwrap();
    for (not_before, not_after) in [
        (datetime!(2026-01-02 03:04:05 UTC), datetime!(2027-11-12 13:14:15 UTC)),
        // From 2050 on written in another way (RFC 5280, section 4.1.2.5).
        (datetime!(2049-12-31 23:59:59 UTC), datetime!(2050-01-01 00:00:00 UTC)),
    ] {
        let mut wanted = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        (wanted.not_before, wanted.not_after) = (not_before, not_after);
        let certificate = wanted.self_signed(&key).unwrap();
        let dates = Dates::of(certificate.der()).unwrap();
        assert_eq!(dates, Dates { not_before, not_after });
        assert_eq!(dates.days_left(not_after), 0);
        assert_eq!(dates.days_left(not_after + Duration::from_secs(1)), -1);
        assert_eq!(dates.days_left(not_after - Duration::from_secs(2 * 86_400)), 2);
        for cut in 0..certificate.der().len() {
            assert_eq!(Dates::of(&certificate.der()[..cut]), None);
        }
    }
}

#[test]
fn a_fingerprint_reads_as_browsers_show_it() {
    // printf abc | openssl dgst -sha256
    assert!(fingerprint(b"abc").starts_with("BA:78:16:BF:8F:01:CF:EA:41:41:40:DE"));
    assert_eq!(fingerprint(b"abc").len(), 32 * 3 - 1);
    assert_eq!(Keeper::open(&config::Tls::Off, Path::new("nowhere")).unwrap().map(|keeper| keeper.fingerprint), None);
}
