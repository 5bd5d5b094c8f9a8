//! `dais-bots attend`: fills seats. Nobody of the crowd says anything or records what it hears.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use dais_engine::Command;
use dais_engine::shared::ids::RoomId;
use futures_util::{StreamExt as _, stream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::listen::enter;
use crate::member::{Member, Way};
use crate::server::Server;
use crate::trouble;

/// So many come in at once: all of them would keep the one thread from everybody for longer than a connection may take.
const COMING_MAX: usize = 16;
/// Each lets things happen for so long before it looks whether it still has its seat.
const LOOK: Duration = Duration::from_secs(1);

/// What `attend` is told.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Where.
    #[command(flatten)]
    pub server: Server,
    /// The room. Waited for, up to 15 s.
    #[arg(long)]
    pub room: String,
    /// How many.
    #[arg(long, default_value_t = 1)]
    pub members: u32,
    /// How long each stays. Without it, until this program is stopped.
    #[arg(long)]
    pub seconds: Option<f64>,
    /// The name shown, before a number.
    #[arg(long, default_value = "Attending bot")]
    pub name: String,
}

/// Joins the room with all of them, a few at a time, and comes back with each whose connection is lost.
///
/// # Errors
/// A sentence on the first of them who did not get in or was put out.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let room = RoomId::parse(&arguments.room)?;
    let stays = arguments.seconds.map(Duration::try_from_secs_f64).transpose().context("--seconds")?;
    let mut crowd = JoinSet::new();
    let entrance = arguments.server.enter().await?;
    let coming = stream::iter(1..=arguments.members).map(|number| come_in(arguments, entrance.way(), &room, number));
    let mut coming = pin!(coming.buffer_unordered(COMING_MAX));
    while let Some(member) = coming.next().await {
        crowd.spawn(stay(member?, stays));
    }
    while let Some(ended) = crowd.join_next().await {
        ended??;
    }
    Ok(())
}

async fn come_in(arguments: &Arguments, way: Way<'_>, room: &RoomId, number: u32) -> Result<Member> {
    let name = format!("{} {number}", arguments.name);
    let mut member = Member::log_in_by(way, &name, None).await?;
    enter(&mut member, room).await?;
    Ok(member)
}

async fn stay(mut member: Member, stays: Option<Duration>) -> Result<()> {
    let leaves = stays.map(|stays| Instant::now() + stays);
    while leaves.is_none_or(|leaves| Instant::now() < leaves) {
        let look = Instant::now() + LOOK;
        member.run_until(leaves.map_or(look, |leaves| leaves.min(look))).await?;
        if let Some(how) = member.left() {
            bail!("{}", trouble::with_leaving(how));
        }
    }
    // Whoever is away just now needs no leaving.
    let _ = member.ask(Command::LeaveRoom).await?;
    Ok(())
}
