//! `dais-bots say`: speaks a file, or a tone, into a room.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use dais_engine::shared::ids::RoomId;
use dais_engine::shared::room::{self, Denied, Mode};
use dais_engine::{Command, Failure};
use tokio::time::Instant;

use crate::member::Member;
use crate::note;
use crate::server::Server;
use crate::trouble;
use crate::wav;

/// How long somebody who was not in the room first waits to be called on stage.
const STAGE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the first word waits for a first listener: one who started at the same time is about to come in.
const AUDIENCE_TIMEOUT: Duration = Duration::from_secs(3);
const MICROPHONE_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence after the last sample, so that what the encoder still holds goes out too.
const TAIL: Duration = Duration::from_millis(200);
/// From the last sample to leaving.
const LINGER: Duration = Duration::from_secs(1);
/// As a microphone gives it.
const QUANTUM: Duration = Duration::from_millis(10);

/// What `say` is told.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The WAV file to speak: any rate, mixed down to mono.
    #[arg(required_unless_present = "tone", conflicts_with = "tone")]
    pub file: Option<PathBuf>,
    /// Without a file: a soft tone, for so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub tone: Option<f64>,
    /// Where.
    #[command(flatten)]
    pub server: Server,
    /// The room. Created, with this member as its host, if there is none; otherwise this member takes a seat, or
    /// raises a hand and waits to be called up.
    #[arg(long)]
    pub room: String,
    /// The name shown.
    #[arg(long, default_value = "Speaking bot")]
    pub name: String,
}

/// Speaks the file once, or a tone, and leaves a second later.
///
/// # Errors
/// A sentence on what went wrong.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let room = RoomId::parse(&arguments.room)?;
    let sound = match (&arguments.file, arguments.tone) {
        (Some(file), _) => wav::read(file)?,
        (None, Some(seconds)) => wav::tone(seconds)?,
        (None, None) => bail!("name a WAV file to speak, or say --tone and for how many seconds"),
    };
    let entrance = arguments.server.enter().await?;
    let mut member = Member::log_in_by(entrance.way(), &arguments.name, Some(sound.rate_hz)).await?;
    enter(&mut member, &room).await?;
    go_on_stage(&mut member).await?;
    if is_alone(&member) && member.wait_for("somebody to listen", AUDIENCE_TIMEOUT, |member| !is_alone(member)).await.is_err() {
        note(format_args!("nobody listens in {room}; speaking all the same"));
    }
    answered(member.ask(Command::Room(room::Command::SetMicrophone { muted: false })).await?, "unmute")?;
    member.wait_for("the microphone", MICROPHONE_TIMEOUT, Member::is_microphone_open).await?;
    speak(&mut member, &sound).await?;
    answered(member.ask(Command::LeaveRoom).await?, "leave")
}

async fn enter(member: &mut Member, room: &RoomId) -> Result<()> {
    let created = Command::CreateRoom {
        room: Some(room.clone()),
        title: room.to_string(),
        mode: Mode::Moderated,
        unlisted: false,
        passcode: None,
    };
    let joined = Command::JoinRoom { room: room.clone(), passcode: None, take_over: false };
    let mut entered = member.ask(joined.clone()).await?;
    if matches!(entered, Err(Failure::Denied(why)) if why.is_no_such_room()) {
        entered = member.ask(created).await?;
    }
    if entered == Err(Failure::Denied(Denied::RoomIdTaken)) {
        entered = member.ask(joined).await?; // Somebody else created it in between.
    }
    answered(entered, "enter the room")?;
    member.wait_for("the room", MICROPHONE_TIMEOUT, |member| member.view().is_some()).await
}

async fn go_on_stage(member: &mut Member) -> Result<()> {
    let is_on_stage = |member: &Member| member.view().is_some_and(|view| view.my_stage().is_some());
    if is_on_stage(member) {
        return Ok(());
    }
    let mode = member.view().map_or(Mode::Moderated, |view| view.settings.mode);
    let command = match mode {
        Mode::Open => room::Command::TakeSeat,
        Mode::Moderated => room::Command::RaiseHand,
    };
    answered(member.ask(Command::Room(command)).await?, "come on stage")?;
    member.wait_for("a place on stage", STAGE_TIMEOUT, is_on_stage).await
}

fn is_alone(member: &Member) -> bool {
    member.view().is_none_or(|view| view.audience_count == 0 && view.stage.len() <= 1)
}

async fn speak(member: &mut Member, sound: &wav::Sound) -> Result<()> {
    let quantum_samples = (f64::from(sound.rate_hz) * QUANTUM.as_secs_f64()).round().max(1.0) as usize;
    let silence = vec![0.0; (f64::from(sound.rate_hz) * TAIL.as_secs_f64()) as usize];
    let start = Instant::now();
    let mut spoken = 0;
    for quantum in sound.samples.chunks(quantum_samples).chain(silence.chunks(quantum_samples)) {
        spoken += quantum.len();
        member.run_until(start + Duration::from_secs_f64(spoken as f64 / f64::from(sound.rate_hz))).await?;
        if member.view().and_then(|view| view.my_stage()).is_none() {
            let why = member.left().map_or_else(|| "no longer on stage".to_owned(), trouble::with_leaving);
            bail!("{why}; it was not spoken to its end");
        }
        member.speak(quantum);
    }
    member.run_until(Instant::now() + LINGER).await
}

fn answered<T>(result: Result<T, Failure>, what: &str) -> Result<()> {
    match result {
        Ok(_) => Ok(()),
        Err(failure) => bail!("cannot {what}: {failure}"),
    }
}
