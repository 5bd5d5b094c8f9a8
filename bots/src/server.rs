//! Which server, as all commands are told it.

use std::path::PathBuf;

use clap::Args;

use crate::member::Way;

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
}

impl Server {
    /// The way there.
    #[must_use]
    pub fn way(&self) -> Way<'_> {
        Way { url: &self.url, trusted: self.trust.as_deref(), token: self.token.as_deref() }
    }
}
