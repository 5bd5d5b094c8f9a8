//! `dais-bots listen`: records what a listener hears.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::Args;
use dais_engine::audio::SAMPLE_RATE_HZ;
use dais_engine::shared::ids::RoomId;
use dais_engine::{Command, Failure};
use tokio::time::Instant;

use crate::member::Member;
use crate::note;
use crate::server::Server;
use crate::wav::{self, Sound};

/// How long the room may take to appear.
const ROOM_TIMEOUT: Duration = Duration::from_secs(15);
/// How often it is looked for.
const ROOM_RETRY: Duration = Duration::from_millis(150);
/// What a loudspeaker asks for at once: 10 ms.
const QUANTUM_SAMPLES: usize = 480;
/// The longest recording: it is held in memory until it is written.
const SECONDS_MAX: f64 = 3600.0;

/// What `listen` is told.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Where.
    #[command(flatten)]
    pub server: Server,
    /// The room. Waited for, up to 15 s.
    #[arg(long)]
    pub room: String,
    /// The WAV file to write: 48 kHz, mono, 16 bits.
    #[arg(long)]
    pub out: PathBuf,
    /// How long to record, from joining on. A room that ends earlier is recorded as silence from then on.
    #[arg(long)]
    pub seconds: f64,
    /// The name shown.
    #[arg(long, default_value = "Listening bot")]
    pub name: String,
}

/// Joins the room and records it.
///
/// # Errors
/// A sentence on what went wrong.
pub async fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.seconds > 0.0 && arguments.seconds <= SECONDS_MAX, "--seconds is between 0 and {SECONDS_MAX}");
    let room = RoomId::parse(&arguments.room)?;
    let entrance = arguments.server.enter().await?;
    let mut member = Member::log_in_by(entrance.way(), &arguments.name, None).await?;
    enter(&mut member, &room).await?;
    let samples = record(&mut member, arguments.seconds).await?;
    wav::write(&arguments.out, &Sound { rate_hz: SAMPLE_RATE_HZ, samples })?;
    let counted = member.playback().statistics().counters;
    let ms = |samples: u64| samples * 1000 / u64::from(SAMPLE_RATE_HZ);
    note(format_args!(
        "packets {} · decoded {} ms · concealed {} ms · discarded {} ms · left out {} ms · said twice {} ms · \
         underruns {}",
        counted.packets_queued_total,
        ms(counted.samples_decoded_total),
        ms(counted.samples_concealed_total),
        ms(counted.samples_discarded_total),
        ms(counted.samples_accelerated_total),
        ms(counted.samples_slowed_total),
        counted.underruns_total
    ));
    if member.left().is_none() {
        // The recording is written; a room that has just ended needs no leaving.
        let _ = member.ask(Command::LeaveRoom).await?;
    }
    Ok(())
}

/// Joins a room that may be about to be made.
pub(crate) async fn enter(member: &mut Member, room: &RoomId) -> Result<()> {
    let deadline = Instant::now() + ROOM_TIMEOUT;
    loop {
        match member.ask(Command::JoinRoom { room: room.clone(), passcode: None, take_over: false }).await? {
            Ok(_) => return Ok(()),
            Err(Failure::Denied(why)) if why.is_no_such_room() && Instant::now() < deadline => {
                member.run_until(Instant::now() + ROOM_RETRY).await?;
            }
            Err(failure) => bail!("cannot join {room}: {failure}"),
        }
    }
}

async fn record(member: &mut Member, seconds: f64) -> Result<Vec<f32>> {
    let total = (seconds * f64::from(SAMPLE_RATE_HZ)).round() as usize;
    let mut samples = vec![0.0; total];
    let start = Instant::now();
    let mut played = 0;
    for quantum in samples.chunks_mut(QUANTUM_SAMPLES) {
        let due = start + Duration::from_secs_f64(played as f64 / f64::from(SAMPLE_RATE_HZ));
        member.run_until(due).await?;
        played += quantum.len();
        member.play(quantum, due);
    }
    Ok(samples)
}
