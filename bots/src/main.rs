//! `dais-bots`: speak a file into a room, record what a room hears, or fill its seats.

use anyhow::Result;
use clap::{Parser, Subcommand};
use dais_bots::{attend, listen, say};

/// Headless members of a Dais room.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Speak a WAV file once, or a tone, in real time, and leave a second later.
    Say(say::Arguments),
    /// Record what a listener hears.
    Listen(listen::Arguments),
    /// Fill seats with members who only listen.
    Attend(attend::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Say(arguments) => say::run(&arguments).await,
        Command::Listen(arguments) => listen::run(&arguments).await,
        Command::Attend(arguments) => attend::run(&arguments).await,
    }
}
