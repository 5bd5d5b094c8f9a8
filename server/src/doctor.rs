//! `dais doctor`: what an operator stumbles over, each in a sentence with what to do about it. Looks, and changes nothing.

mod health;
mod outside;
mod place;
#[cfg(test)]
mod tests;

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use rustls::RootCertStore;
use time::{Duration, OffsetDateTime};
use tokio::net::TcpListener;

use crate::config::{Config, Tls};
use crate::door::Bounds;
use crate::listening::ListenError;
use crate::logging;
use crate::server::reachable;
use crate::sign_in::Secrets;
use crate::store::{self, DATE_TOLERANCE_MS, Examined, Jump, OpenError, is_jump, said};
use crate::tls::{Dates, Pair, TlsError};
pub(crate) use health::health;
use place::{Place, Said};

/// Days before its end at which a certificate should have been renewed: half of what `certbot` takes.
const RENEWAL_DAYS: i64 = 14;
/// A jump of the date is told until the server has run for so long since: 30 days.
const JUMP_TOLD_MS: u64 = 30 * 24 * 3_600_000;

/// What was found, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Finding {
    Fine(String),
    /// Good to know.
    Note(String),
    /// With what to do about it.
    Wrong(String),
}

use Finding::{Fine, Note, Wrong};

/// What is looked at, and with whose eyes.
struct Doctor {
    config: Config,
    /// Whose certificates are believed.
    roots: RootCertStore,
    now: OffsetDateTime,
}

/// Prints all findings. Fails if something is wrong.
pub(crate) fn run(config: Config, url: Option<&str>) -> ExitCode {
    let mut roots = RootCertStore::empty();
    // Where the system names nobody, no certificate is believed, and that is said.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let doctor = Doctor { config, roots, now: OffsetDateTime::now_utc() };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            logging::complain(format_args!("the system refuses what looking takes: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let findings = runtime.block_on(doctor.examine(url));
    match std::io::stdout().write_all(report(&findings).as_bytes()) {
        // Whoever has heard enough, such as `head`, may go.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            logging::complain(format_args!("cannot print what was found: {error}"));
            return ExitCode::FAILURE;
        }
        Ok(()) | Err(_) => {}
    }
    let is_wrong = findings.iter().any(|finding| matches!(finding, Wrong(_)));
    if is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn report(findings: &[Finding]) -> String {
    let line = |finding: &Finding| match finding {
        Fine(sentence) => format!("fine   {sentence}\n"),
        Note(sentence) => format!("note   {sentence}\n"),
        Wrong(sentence) => format!("WRONG  {sentence}\n"),
    };
    findings.iter().map(line).collect()
}

impl Doctor {
    async fn examine(&self, url: Option<&str>) -> Vec<Finding> {
        let (port, running) = self.port().await;
        let mut findings = vec![port];
        findings.push(self.certificate());
        findings.extend(self.sign_in());
        let (data, seen) = self.data(running.is_some());
        findings.extend(data);
        findings.extend(clock(self.now, written(std::env::current_exe().ok().as_deref()), seen, running.is_some()));
        let limits = std::fs::read_to_string("/proc/self/limits"); // Linux alone has it
        findings.extend(limits.ok().and_then(|limits| files(&limits, self.config.room_seats as u64)));
        if let Some(url) = url {
            findings.extend(self.outside(url, running.as_ref()).await);
        }
        findings
    }

    /// And who runs there, if it is a Dais.
    async fn port(&self) -> (Finding, Option<Said>) {
        let address = self.config.listen;
        match TcpListener::bind(address).await {
            Ok(_) => (Fine(format!("{address} is free.")), None),
            Err(error) => {
                let refused = ListenError::of(address, error);
                let finding = || Wrong(format!("{refused}."));
                if !matches!(refused, ListenError::InUse { .. }) {
                    return (finding(), None);
                }
                let place = Place::local(reachable(address));
                let Some(said) = place.status_whoever_it_is().await else { return (finding(), None) };
                let runs = format!("Dais {} runs on {address}", said.version);
                match place.complaint().await {
                    None => (Fine(format!("{runs}.")), Some(said)),
                    Some(complaint) => (Wrong(format!("{runs}, and is not well: {complaint}.")), Some(said)),
                }
            }
        }
    }

    /// Whether people can sign in where they have to.
    fn sign_in(&self) -> Option<Finding> {
        let (password, key) = (&self.config.sign_in_password_file, &self.config.sign_in_jwt_key);
        let what = match (password, key) {
            (None, None) => return None,
            (Some(_), None) => "with a password",
            (None, Some(_)) => "with tokens of another site",
            (Some(_), Some(_)) => "with a password, or with tokens of another site",
        };
        Some(match Secrets::read(password.as_deref(), key.as_deref()) {
            Ok(_) => Fine(format!("People sign in {what}.")),
            Err(error) => Wrong(format!("Nobody can sign in: {error}.")),
        })
    }

    fn certificate(&self) -> Finding {
        match (self.own_pair(), &self.config.tls) {
            (None, Tls::Off) if self.config.listen.ip().is_loopback() => {
                Note("Connections are not encrypted: others need a proxy with a certificate in front, or --tls.".into())
            }
            (None, Tls::Off) => Note(
                "Connections are not encrypted, and browsers give neither sound nor microphone to pages from elsewhere: set --tls-certificate \
                 and --tls-key, or --tls self-signed, unless a proxy in front has a certificate."
                    .into(),
            ),
            (None, _) => Fine("The server makes its certificate when it starts.".into()),
            (Some(Err(error)), _) => Wrong(format!("{error}.")),
            (Some(Ok(pair)), Tls::SelfSigned) => {
                let days = pair.dates.days_left(self.now);
                Fine(format!("The server's own certificate is valid for {days} days, and it makes another before."))
            }
            (Some(Ok(pair)), _) => dates(pair.dates, self.now),
        }
    }

    /// The certificate that a server with these options has, if it has one.
    fn own_pair(&self) -> Option<Result<Pair, TlsError>> {
        Pair::look(&self.config.tls, &self.config.data_dir)
    }

    /// The server that runs works in another folder, or in this one as it was.
    fn elsewhere(&self) -> Finding {
        let (name, listen) = (self.config.data_dir.display(), self.config.listen);
        Wrong(format!(
            "{name} is not where the server that runs on {listen} keeps its rooms; name its folder with --data-dir, or restart the \
             server if its folder was moved or replaced while it runs."
        ))
    }

    /// And what the database says of the date.
    fn data(&self, is_running: bool) -> (Vec<Finding>, Seen) {
        let folder = &self.config.data_dir;
        let name = folder.display();
        let mut findings = match store::probe(folder) {
            Ok(false) if is_running => return (vec![self.elsewhere()], Seen::default()),
            Ok(false) => return (vec![Fine(format!("{name} is not there yet, and can be made."))], Seen::default()),
            Ok(true) => Vec::new(),
            Err(error) => vec![Wrong(format!("{error}."))],
        };
        if !folder.is_dir() {
            return (findings, Seen::default());
        }
        let is_refused = !findings.is_empty();
        let used = match (store::is_in_use(folder), is_running) {
            (true, true) => Fine(format!("{name} is in use by the server that runs.")),
            (false, false) => Fine(format!("{name} is in use by no server.")),
            (true, false) => Wrong(format!(
                "{name} is in use by a server that does not listen on {}; stop that, or name its address with --listen.",
                self.config.listen
            )),
            (false, true) => self.elsewhere(),
        };
        findings.push(used);
        let (database, seen) = match store::examine(folder) {
            Ok(Examined::Nothing) => (Some(Fine(format!("There is no database in {name} yet."))), Seen::default()),
            Ok(Examined::Healthy { newest_ms, jump, lacks_its_log: false }) => {
                (Some(Fine(format!("The database in {name} is healthy."))), Seen { newest_ms, jump })
            }
            Ok(Examined::Healthy { newest_ms, jump, .. }) => {
                let without = store::without_its_log(&folder.join(store::FILE));
                (Some(Wrong(format!("{without}."))), Seen { newest_ms, jump })
            }
            // What keeps the folder from being written keeps its files from it too, and has been said.
            Err(OpenError::Refused(_)) if is_refused => (None, Seen::default()),
            Err(error) => (Some(Wrong(format!("{error}."))), Seen::default()),
        };
        findings.extend(database);
        (findings, seen)
    }
}

/// Whether a certificate is valid, and goes on being.
fn dates(dates: Dates, now: OffsetDateTime) -> Finding {
    let days = dates.days_left(now);
    if days < 0 {
        Wrong(format!("The certificate has expired on {}; renew it.", dates.not_after.date()))
    } else if dates.not_before > now {
        Wrong(format!("The certificate is not valid before {}; look whether the clock is right.", dates.not_before.date()))
    } else if days < RENEWAL_DAYS {
        Wrong(format!("The certificate ends in {days} days; renew it, and look why that has not happened by itself."))
    } else {
        Fine(format!("The certificate is valid for {days} days."))
    }
}

/// When the program was written to the disk: no clock that is right shows less.
fn written(program: Option<&Path>) -> Option<OffsetDateTime> {
    program.and_then(|path| path.metadata().ok()?.modified().ok()).map(OffsetDateTime::from)
}

/// What the database says of the date.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// When something was last kept; 0 if nothing was.
    newest_ms: u64,
    jump: Option<Jump>,
}

fn clock(now: OffsetDateTime, written: Option<OffsetDateTime>, seen: Seen, is_running: bool) -> Vec<Finding> {
    let now_ms = u64::try_from(now.unix_timestamp()).unwrap_or_default() * 1000;
    let (shown, newest) = (said(now_ms), said(seen.newest_ms));
    let mut findings = vec![match written {
        Some(written) if now + Duration::DAY < written => {
            Wrong(format!("The clock shows {shown}, before this program was written; set it, or let it be set (NTP)."))
        }
        _ if now_ms + DATE_TOLERANCE_MS < seen.newest_ms => {
            Wrong(format!("The clock shows {shown}, and the database remembers {newest}; set it, or let it be set (NTP)."))
        }
        _ if seen.newest_ms > 0 && !is_running && is_jump(seen.newest_ms, now_ms) => Note(format!(
            "The clock shows {shown}, and the server kept something last at {newest}; if it was not off since then, set the clock, \
             or let it be set (NTP)."
        )),
        _ => Fine(format!("The clock shows {shown}.")),
    }];
    if let Some(jump) = seen.jump.filter(|jump| jump.ago_ms < JUMP_TOLD_MS) {
        // A smaller one may be time that the machine slept.
        let is_believed = !is_jump(jump.from_ms, jump.to_ms);
        findings.push(Note(format!(
            "The date has jumped from {} to {}: if the server was not off meanwhile, one of them was wrong. {}Links, tokens and sessions \
             hold by the date as it is.",
            said(jump.from_ms),
            said(jump.to_ms),
            if is_believed { "" } else { "Nobody is forgotten for it. " }
        )));
    }
    findings
}

/// `limits` is what Linux says of a process' limits.
fn files(limits: &str, seats: u64) -> Option<Finding> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    // Behind the limit as it is stands that to which the server raises it.
    let allowed = line.split_ascii_whitespace().nth(1)?;
    let needed = Bounds::files_for(seats);
    if allowed.parse::<u64>().is_ok_and(|allowed| allowed < needed) {
        return Some(Wrong(format!(
            "{allowed} files may be open at once as things are here, and a full room needs {needed}; set LimitNOFILE={needed} or more \
             in the service, `ulimit -n {needed}` before, or fewer --room-seats."
        )));
    }
    Some(Fine(format!("{allowed} files may be open at once; a full room needs {needed}.")))
}
