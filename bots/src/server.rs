//! Which server, as all commands are told it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::member::Way;
use crate::sign_in;

/// A server, whose certificate to believe, and what to sign in with.
#[derive(Args, Debug)]
pub struct Server {
    /// The server's WebSocket, such as ws://127.0.0.1:8080/ws or wss://talk.example/ws.
    #[arg(long = "server", value_name = "SERVER")]
    pub url: String,
    /// Believe the certificates in this PEM file, and no others: for a server that signed its own.
    #[arg(long)]
    pub trust: Option<PathBuf>,
    /// A token (JWT) for a server where people have to sign in; in a crowd, one that names nobody. Other users of this machine
    /// see a command line: better say it in the environment.
    #[arg(long, env = "DAIS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The file with the password of a server that asks for one: a line, as --sign-in-password-file of the server has it.
    #[arg(long, env = "DAIS_PASSWORD_FILE", value_name = "FILE", conflicts_with = "token")]
    pub password_file: Option<PathBuf>,
}

/// A way to a server, once for all who take it.
#[derive(Clone, Debug)]
pub struct Entrance<'a> {
    server: &'a Server,
    cookie: Option<String>,
}

impl Server {
    /// Signs in, where there is a password to do that with.
    ///
    /// # Errors
    /// A sentence, where that fails.
    pub async fn enter(&self) -> Result<Entrance<'_>> {
        let cookie = match &self.password_file {
            Some(file) => {
                let password = sign_in::read_password(file)?;
                sign_in::with_password(&self.url, self.trust.as_deref(), &password).await?
            }
            None => None,
        };
        Ok(Entrance { server: self, cookie })
    }
}

impl Entrance<'_> {
    /// The way in.
    #[must_use]
    pub fn way(&self) -> Way<'_> {
        let Server { url, trust, token, .. } = self.server;
        Way { url, trusted: trust.as_deref(), token: token.as_deref(), cookie: self.cookie.as_deref() }
    }
}
