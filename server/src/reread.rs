//! Reading again what may change while the server runs: certificates and secrets. What cannot be used leaves everything as it
//! was. Whatever else is in the options wants a restart.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::task::JoinError;

use crate::config::{Config, ConfigError};
use crate::logging::LIFE;
use crate::server::{House, told_to_stop};
use crate::tls::{self, Keeper};

/// The options as they would be read now.
pub(crate) type Options = Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// See the module.
pub(crate) struct Reread {
    house: Arc<House>,
    keeper: Option<Arc<Mutex<Keeper>>>,
    /// As the server was started with them, but for what was taken up since.
    config: Config,
    options: Options,
}

/// What became of something that was read again.
fn said<E: Display>(what: &'static str, read: Result<bool, E>) -> &'static str {
    match read {
        Ok(true) => "new",
        Ok(false) => "as before",
        Err(error) => {
            tracing::warn!(target: LIFE, "{error}; the old {what} stays");
            "stays, see above"
        }
    }
}

/// Reads everything again whenever that is wanted, until the server stops.
///
/// # Panics
/// If reading does: that is for whoever supervises this to know.
pub(crate) async fn keep_reading(wanted: Arc<Notify>, reread: Arc<Mutex<Reread>>, mut shutdown: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = wanted.notified() => {}
            () = told_to_stop(&mut shutdown) => return,
        }
        let reread = Arc::clone(&reread);
        let reading = tokio::task::spawn_blocking(move || reread.lock().unwrap_or_else(PoisonError::into_inner).read());
        if let Err(Ok(panic)) = reading.await.map_err(JoinError::try_into_panic) {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Reread {
    pub(crate) fn new(house: Arc<House>, keeper: Option<Arc<Mutex<Keeper>>>, config: Config, options: Options) -> Self {
        Self { house, keeper, config, options }
    }

    /// Reads everything again. Waits for the disk: for a thread that may.
    pub(crate) fn read(&mut self) {
        let admin_token = said("admin token", self.options());
        let certificate = match &self.keeper {
            Some(keeper) => said("certificate", tls::locked(keeper).look_anew()),
            None => "none",
        };
        let sign_in = match &self.house.sign_in {
            Some(sign_in) => said("password or key", sign_in.read_again()),
            None => "none",
        };
        let admin_token = if self.config.admin_token.is_none() { "none" } else { admin_token };
        tracing::info!(target: LIFE, certificate, sign_in, admin_token, "read again");
    }

    /// The admin token, where the file of options holds it. Whether it is another one.
    fn options(&mut self) -> Result<bool, ConfigError> {
        let config = (self.options)()?;
        let admin_token = config.admin_token.clone();
        if config != (Config { admin_token: admin_token.clone(), ..self.config.clone() }) {
            tracing::warn!(target: LIFE, "other options have changed, too: they want a restart");
        }
        let is_new = admin_token != self.config.admin_token;
        if is_new {
            self.house.set_admin_token(admin_token.clone());
            self.config.admin_token = admin_token;
        }
        Ok(is_new)
    }
}
