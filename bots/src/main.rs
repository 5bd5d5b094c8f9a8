//! `dais-bots`: speak a file into a room, or record what a room hears.

use anyhow::Result;
use clap::{Parser, Subcommand};
use dais_bots::{listen, say};

/// Headless members of a Dais room.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Speak a WAV file once, in real time, and leave a second later.
    Say(say::Arguments),
    /// Record what a listener hears.
    Listen(listen::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Say(arguments) => say::run(&arguments).await,
        Command::Listen(arguments) => listen::run(&arguments).await,
    }
}
