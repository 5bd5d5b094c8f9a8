//! The file of options, in TOML.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ConfigError, LogAddresses, LogFormat, TlsKind};
use crate::refused::{Refused, Tried};

/// The file: the long options' names.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    pub(super) listen: Option<String>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) web_dir: Option<PathBuf>,
    pub(super) block_addresses: Option<bool>,
    pub(super) room_seats: Option<usize>,
    pub(super) stage_seats: Option<usize>,
    pub(super) connections_per_address: Option<usize>,
    pub(super) connections: Option<usize>,
    pub(super) rooms: Option<usize>,
    pub(super) rooms_per_person: Option<usize>,
    #[serde(rename = "allow-origin")]
    pub(super) allow_origins: Option<Vec<String>>,
    #[serde(rename = "trust-proxy")]
    pub(super) trust_proxies: Option<Vec<String>>,
    pub(super) tls: Option<TlsKind>,
    pub(super) tls_certificate: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) admin_token: Option<String>,
    pub(super) sign_in_password_file: Option<PathBuf>,
    pub(super) sign_in_jwt_key: Option<PathBuf>,
    pub(super) log: Option<String>,
    pub(super) log_format: Option<LogFormat>,
    pub(super) log_addresses: Option<LogAddresses>,
}

/// # Errors
/// [`ConfigError`] says what to change.
pub(super) fn read_file(path: &Path) -> Result<File, ConfigError> {
    let wrong = |reason| ConfigError::Wrong { path: path.into(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => wrong("it is no text in UTF-8".to_owned()),
        _ => ConfigError::Unreadable(Refused::new(path, Tried::Read, &error)),
    })?;
    toml::from_str(&text).map_err(|error| wrong(error.to_string()))
}
