//! The server's options: a flag wins over the environment, that over the file, that over the default. Knows nothing
//! of what the options do.

mod checked;
mod file;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use dais_shared::limits::{
    ADMIN_TOKEN_CHARS_MIN, CONNECTIONS, CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS, CONNECTIONS_PER_ADDRESS_MAX, ROOM_SEATS_MAX,
    ROOMS, ROOMS_MAX, ROOMS_PER_USER, STAGE_SEATS_MAX,
};
use ipnet::IpNet;
use serde::Deserialize;

use crate::logging::{self, LIFE};
use crate::refused::Refused;
use checked::{admin_token, count, listen, log, origins, proxies, tls};
use file::{File, read_file};

/// Everything the server can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to accept connections. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the server keeps what is to survive it.
    pub data_dir: PathBuf,
    /// Serve the page from this folder instead of the one inside the binary.
    pub web_dir: Option<PathBuf>,
    /// Whether a kick and a ban hold for everybody from the same address.
    pub block_addresses: bool,
    /// How many people one room holds: 1 to 2000.
    pub room_seats: usize,
    /// How many of them may be on stage at once: 1 to 16.
    pub stage_seats: usize,
    /// How many connections one address may have at once, an IPv6 one with its whole /64: 1 to 100000.
    pub connections_per_address: usize,
    /// How many there may be altogether, as far as the system allows: 1 to 1000000.
    pub connections: usize,
    /// How many rooms there may be at once: 1 to 10000.
    pub rooms: usize,
    /// How many of them one person may have founded: 1 to 10000. One address may have founded as many, or a fifth of all; the
    /// networks around it have shares, too.
    pub rooms_per_person: usize,
    /// Origins (`https://talk.example`) besides the server's own whose pages may connect.
    pub allow_origins: Vec<String>,
    /// Reverse proxies, whose word on whom they speak for is taken (`X-Forwarded-For`).
    pub trust_proxies: Vec<IpNet>,
    /// Whether connections are encrypted, and with whose certificate.
    pub tls: Tls,
    /// Opens what is for the operator alone from anywhere. Without it that is open to this machine, and to nobody else.
    pub admin_token: Option<AdminToken>,
    /// The file with the password that people are asked for before anything else.
    pub sign_in_password_file: Option<PathBuf>,
    /// The file with the key of another site that sends its people with signed tokens (JWT).
    pub sign_in_jwt_key: Option<PathBuf>,
    /// What to log.
    pub log: LogFilter,
    /// In which form.
    pub log_format: LogFormat,
    /// What of people's addresses.
    pub log_addresses: LogAddresses,
}

/// Where the certificate comes from under which the server speaks HTTPS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP.
    #[default]
    Off,
    /// The server makes one itself and keeps it in its data folder.
    SelfSigned,
    /// The operator has one. Looked at again while the server runs.
    Files {
        /// The chain in PEM, the server's own certificate first.
        certificate: PathBuf,
        /// Its private key in PEM.
        key: PathBuf,
    },
}

/// A secret of the operator's. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminToken(pub String);

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

/// A filter as `tracing-subscriber` has it: a level, or `target=level` pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(pub String);

/// In which form the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// A line for people to read.
    #[default]
    Text,
    /// A JSON object per line, for programs.
    Json,
}

/// What of people's addresses the log may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogAddresses {
    /// Address and port.
    Full,
    /// The network: the first 24 bits of an IPv4 address, the first 48 of an IPv6 one.
    Prefix,
    /// Nothing: what is not written down need not be looked after.
    #[default]
    None,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: PathBuf::from("dais-data"),
            web_dir: None,
            block_addresses: true,
            room_seats: ROOM_SEATS_MAX,
            stage_seats: STAGE_SEATS_MAX,
            connections_per_address: CONNECTIONS_PER_ADDRESS,
            connections: CONNECTIONS,
            rooms: ROOMS,
            rooms_per_person: ROOMS_PER_USER,
            allow_origins: Vec::new(),
            trust_proxies: Vec::new(),
            tls: Tls::Off,
            admin_token: None,
            sign_in_password_file: None,
            sign_in_jwt_key: None,
            log: LogFilter(format!("warn,{LIFE}=info")),
            log_format: LogFormat::default(),
            log_addresses: LogAddresses::default(),
        }
    }
}

/// Why the options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Something that nobody can listen on.
    #[error(
        "listen is {said:?}; it is an address and a port, such as 127.0.0.1:8080, or 0.0.0.0:8080 for everybody who reaches this machine"
    )]
    Listen {
        /// What it was set to.
        said: String,
    },
    /// A number that cannot be.
    #[error("{option} is {count}; it can be 1 to {most}")]
    Count {
        /// Which option.
        option: &'static str,
        /// What it was set to.
        count: usize,
        /// The most it can be.
        most: usize,
    },
    /// A secret that is guessed too easily.
    #[error("admin-token is shorter than {ADMIN_TOKEN_CHARS_MIN} characters; `openssl rand -hex 16` makes a good one")]
    AdminToken,
    /// Something that no browser calls an origin.
    #[error("allow-origin is {origin:?}; it is a scheme and a host, such as https://talk.example, without a path")]
    Origin {
        /// What it was set to.
        origin: String,
    },
    /// Something that is neither an address nor a network.
    #[error("trust-proxy is {said:?}; it is an address such as 127.0.0.1, or a network such as 172.16.0.0/12")]
    Proxy {
        /// What it was set to.
        said: String,
    },
    /// Something that would log nothing.
    #[error(
        "log is {said:?}, and {directive:?} in it is no level and no part of the program; it is error, warn, info, debug, trace or \
         off, or a filter such as info,dais_server=debug"
    )]
    Log {
        /// What is not understood.
        directive: String,
        /// What it was set to.
        said: String,
    },
    /// Half of a pair, or two pairs.
    #[error("{0}")]
    Tls(&'static str),
    /// The command line, or an environment variable, as clap explains it. Also how help and version come out.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read the configuration: {0}, or name another file with --config, or leave it out")]
    Unreadable(Refused),
    /// The file is not what it should be.
    #[error("the configuration file {path} is wrong: {reason}")]
    Wrong {
        /// Which.
        path: PathBuf,
        /// What and where.
        reason: String,
    },
}

impl ConfigError {
    /// Prints it, and says how the process ends: help and version are no failure.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Arguments(error) => {
                let _ = error.print(); // without a terminal there is nobody to tell
                if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
            }
            Self::Unreadable(_)
            | Self::Wrong { .. }
            | Self::Listen { .. }
            | Self::Count { .. }
            | Self::Origin { .. }
            | Self::Proxy { .. }
            | Self::AdminToken
            | Self::Log { .. }
            | Self::Tls(_) => {
                logging::complain(self);
                ExitCode::FAILURE
            }
        }
    }
}

/// Dais: a voice stage for the browser, in one binary and on one port.
///
/// People open a link, hear the room, raise a hand, are called on stage and speak. Start it, open the address it
/// prints, and share the link of your room.
#[derive(Debug, Parser)]
#[command(name = "dais", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "\
Examples:
  dais                              serve on http://127.0.0.1:8080
  dais --listen 0.0.0.0:8080        serve to everybody who reaches this machine
  dais --listen 0.0.0.0:8443 --tls self-signed
                                    the same over HTTPS, with a certificate that the server makes itself
  dais --config /etc/dais.toml      the same options in a file: listen = \"0.0.0.0:8080\"

A flag wins over its environment variable, that over the file, that over the default.
Browsers give a page sound and the microphone only on https:// or on localhost.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the stage; the same as no command
    Serve(Options),
    /// Look for what would keep a server with these options from working, and say what to do about it
    Doctor {
        /// Also try the server from outside: the address that people open, such as https://talk.example
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        options: Options,
    },
    /// Ask the server with these options whether it is well, and fail if it is not: for what looks after it
    Health(Options),
    /// Write a copy of rooms and identities to a new file, also while the server runs. To restore it, stop the server, put
    /// it in place of dais.db and remove dais.db-wal and dais.db-shm
    Backup {
        /// The file to write
        file: PathBuf,
        #[command(flatten)]
        options: Options,
    },
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Serve.
    Serve(Box<Config>),
    /// Copy what survives in `data_dir` to a new file.
    BackUp {
        /// Where it is.
        data_dir: PathBuf,
        /// The file.
        to: PathBuf,
    },
    /// Look for what is wrong.
    Doctor {
        /// What a server would be told.
        config: Box<Config>,
        /// Where people reach it.
        url: Option<String>,
    },
    /// Ask the server that listens there how it is.
    Health(SocketAddr),
}

#[derive(Debug, Default, Args)]
struct Options {
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "DAIS_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Folder for what survives a restart: rooms and who is who [default: dais-data]
    #[arg(long, env = "DAIS_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Serve the page from this folder instead of the one inside the binary
    #[arg(long, env = "DAIS_WEB_DIR", value_name = "DIR")]
    web_dir: Option<PathBuf>,
    /// Whether a kick and a ban also hold for everybody else from the same address: false where many people share
    /// one, as in a school [default: true]
    #[arg(long, env = "DAIS_BLOCK_ADDRESSES", value_name = "true|false")]
    block_addresses: Option<bool>,
    /// How many people one room holds, 1 to 2000 [default: 2000]
    #[arg(long, env = "DAIS_ROOM_SEATS", value_name = "COUNT")]
    room_seats: Option<usize>,
    /// How many of them may be on stage at once, 1 to 16 [default: 16]
    #[arg(long, env = "DAIS_STAGE_SEATS", value_name = "COUNT")]
    stage_seats: Option<usize>,
    /// How many connections one address may have at once, an IPv6 one with its whole /64; the network around it (a /24 of
    /// IPv4, a /48 of IPv6) twice as many, or a tenth of all. As many may come anew at once, and all of them once in 20 s
    /// afterwards [default: 2000]
    #[arg(long, env = "DAIS_CONNECTIONS_PER_ADDRESS", value_name = "COUNT")]
    connections_per_address: Option<usize>,
    /// How many connections there may be altogether, as far as the system's limit of open files allows [default: 20000]
    #[arg(long, env = "DAIS_CONNECTIONS", value_name = "COUNT")]
    connections: Option<usize>,
    /// How many rooms there may be at once. Where there is an admin token, a tenth of them only the operator makes [default: 1000]
    #[arg(long, env = "DAIS_ROOMS", value_name = "COUNT")]
    rooms: Option<usize>,
    /// How many rooms one person may have founded at once; one address may as many, or a fifth of all, and the network around
    /// it up to twice that [default: 5]
    #[arg(long, env = "DAIS_ROOMS_PER_PERSON", value_name = "COUNT")]
    rooms_per_person: Option<usize>,
    /// Another origin whose pages may connect, such as https://talk.example; may be given more than once. The server's
    /// own always may, and so may programs that are no browser
    #[arg(long = "allow-origin", env = "DAIS_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    allow_origins: Option<Vec<String>>,
    /// Address or network (172.16.0.0/12) of a reverse proxy whose X-Forwarded-For is believed; may be given more than once.
    /// Without it everybody behind the proxy has one address, and is kept out with anybody who is kicked or banned
    #[arg(long = "trust-proxy", env = "DAIS_TRUST_PROXY", value_name = "ADDRESS", value_delimiter = ',')]
    trust_proxies: Option<Vec<String>>,
    /// Speak HTTPS with a certificate that the server makes itself and keeps in its data folder: for a network where people
    /// can compare its fingerprint, which is printed at the start
    #[arg(long, env = "DAIS_TLS", value_name = "self-signed")]
    tls: Option<TlsKind>,
    /// Speak HTTPS with this certificate: its chain in PEM, the server's own first. Taken up anew when the file changes
    #[arg(long, env = "DAIS_TLS_CERTIFICATE", value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM and not encrypted
    #[arg(long, env = "DAIS_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Secret of 16 characters or more with which /metrics and /api are used from anywhere. Without one they are read from
    /// this machine alone, and /api changes nothing. Other users of this machine see a command line: better say it in the
    /// environment or in the file
    #[arg(long, env = "DAIS_ADMIN_TOKEN", value_name = "SECRET", hide_env_values = true)]
    admin_token: Option<String>,
    /// Let in only those who know the password in this file, of 8 to 128 characters in one line. Nobody is asked without this
    /// option and the next
    #[arg(long, env = "DAIS_SIGN_IN_PASSWORD_FILE", value_name = "FILE")]
    sign_in_password_file: Option<PathBuf>,
    /// Let in those whom another site sends with a token (JWT) signed with the key in this file: a secret of 32 bytes or more
    /// for HS256, or a public key in PEM for EdDSA (Ed25519)
    #[arg(long, env = "DAIS_SIGN_IN_JWT_KEY", value_name = "FILE")]
    sign_in_jwt_key: Option<PathBuf>,
    /// What to log: error, warn, info, debug, trace or off, or a filter like warn,dais_server=debug. Without it, warnings, and when
    /// the server starts, stops and reads files again [default: warn,dais::life=info]
    #[arg(long, env = "DAIS_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// In which form to log: a line of text, or a JSON object per line [default: text]
    #[arg(long, env = "DAIS_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// What of people's addresses to log: all of it, the network alone (203.0.113.0/24), or nothing [default: none]
    #[arg(long, env = "DAIS_LOG_ADDRESSES", value_name = "EXTENT")]
    log_addresses: Option<LogAddresses>,
    /// File with these options, in TOML
    #[arg(long, env = "DAIS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TlsKind {
    SelfSigned,
}

/// Reads the options from the command line (the program's name first), the environment and the file.
///
/// # Errors
/// [`ConfigError`] says what to change.
pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Task, ConfigError> {
    let line = CommandLine::try_parse_from(arguments)?;
    match line.command {
        Some(Command::Serve(options)) => configure(options).map(Box::new).map(Task::Serve),
        None => configure(line.options).map(Box::new).map(Task::Serve),
        Some(Command::Backup { file, options }) => {
            configure(options).map(|config| Task::BackUp { data_dir: config.data_dir, to: file })
        }
        Some(Command::Health(options)) => configure(options).map(|config| Task::Health(config.listen)),
        Some(Command::Doctor { url, options }) => configure(options).map(|config| Task::Doctor { config: Box::new(config), url }),
    }
}

/// The options for serving, read again as they were read at the start.
///
/// # Errors
/// [`ConfigError`] says what to change.
pub(crate) fn read_options(arguments: impl IntoIterator<Item = OsString>) -> Result<Config, ConfigError> {
    let line = CommandLine::try_parse_from(arguments)?;
    match line.command {
        Some(
            Command::Serve(options)
            | Command::Health(options)
            | Command::Backup { options, .. }
            | Command::Doctor { options, .. },
        ) => configure(options),
        None => configure(line.options),
    }
}

fn configure(options: Options) -> Result<Config, ConfigError> {
    let file = options.config.as_deref().map_or(Ok(File::default()), read_file)?;
    let default = Config::default();
    Ok(Config {
        listen: listen(options.listen.or(file.listen), default.listen)?,
        data_dir: options.data_dir.or(file.data_dir).unwrap_or(default.data_dir),
        web_dir: options.web_dir.or(file.web_dir).or(default.web_dir),
        block_addresses: options.block_addresses.or(file.block_addresses).unwrap_or(default.block_addresses),
        room_seats: count("room-seats", options.room_seats.or(file.room_seats), default.room_seats, ROOM_SEATS_MAX)?,
        stage_seats: count("stage-seats", options.stage_seats.or(file.stage_seats), default.stage_seats, STAGE_SEATS_MAX)?,
        connections_per_address: count(
            "connections-per-address",
            options.connections_per_address.or(file.connections_per_address),
            default.connections_per_address,
            CONNECTIONS_PER_ADDRESS_MAX,
        )?,
        connections: count("connections", options.connections.or(file.connections), default.connections, CONNECTIONS_MAX)?,
        rooms: count("rooms", options.rooms.or(file.rooms), default.rooms, ROOMS_MAX)?,
        rooms_per_person: count(
            "rooms-per-person",
            options.rooms_per_person.or(file.rooms_per_person),
            default.rooms_per_person,
            ROOMS_MAX,
        )?,
        allow_origins: origins(options.allow_origins.or(file.allow_origins).unwrap_or_default())?,
        trust_proxies: proxies(options.trust_proxies.or(file.trust_proxies).unwrap_or_default())?,
        tls: tls(options.tls.or(file.tls), options.tls_certificate.or(file.tls_certificate), options.tls_key.or(file.tls_key))?,
        admin_token: options.admin_token.or(file.admin_token).map(admin_token).transpose()?,
        sign_in_password_file: options.sign_in_password_file.or(file.sign_in_password_file),
        sign_in_jwt_key: options.sign_in_jwt_key.or(file.sign_in_jwt_key),
        log: options.log.or(file.log).map_or(Ok(default.log), log)?,
        log_format: options.log_format.or(file.log_format).unwrap_or(default.log_format),
        log_addresses: options.log_addresses.or(file.log_addresses).unwrap_or(default.log_addresses),
    })
}
