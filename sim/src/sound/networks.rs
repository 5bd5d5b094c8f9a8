//! The networks that the gates are about.

use super::random::Random;
use super::trace::{FRAME_MS, Sending, Stall, Trace, with_pauses, with_pauses_before};

const MINUTE_S: f64 = 60.0;
const HOUR_S: f64 = 60.0 * MINUTE_S;

/// How many of the listener's clocks to a million of the speaker's are too many or too few, in the traces that drift.
const DRIFTS_PPM: [(&str, f64); 2] = [("drift+200", 200.0), ("drift-200", -200.0)];

/// How long a speaker who pauses is silent, in ms.
const PAUSE_MS: f64 = 2_000.0;

/// Two seconds before the server: what was under way comes late, and the speaker's page has stopped sending.
const STALL_UP: Stall = Stall { from_ms: 0.0, to_ms: 2_000.0, first_ms: 100.0, last_ms: 0.0, follows_ms: 0.0 };
/// Behind it: what the kernel had taken, and what the outbox still holds as young enough.
const STALL_DOWN: Stall = Stall { first_ms: 200.0, last_ms: 200.0, ..STALL_UP };
/// The same where the server learns a round trip later that the way is open: first comes what is stale, then what is not.
const STALL_DOWN_FAR: Stall = Stall { follows_ms: 60.0, ..STALL_DOWN };
/// Behind a reverse proxy, which takes more until the listener's reports are missed.
const STALL_DOWN_PROXY: Stall = Stall { first_ms: 260.0, ..STALL_DOWN };
/// Five seconds of which nothing is left.
const CUT: Stall = Stall { from_ms: 0.0, to_ms: 5_000.0, first_ms: 0.0, last_ms: 0.0, follows_ms: 0.0 };

/// Interruptions, and what becomes of what is said meanwhile.
const STALLS: [(&str, Stall); 5] = [
    ("stall-up", STALL_UP),
    ("stall-down", STALL_DOWN),
    ("stall-down-far", STALL_DOWN_FAR),
    ("stall-down-proxy", STALL_DOWN_PROXY),
    ("cut", CUT),
];

/// Every so often, in the recordings, the way is interrupted.
const STALLED_EVERY_MS: f64 = 30_000.0;

impl Stall {
    fn at(self, from_ms: f64) -> Self {
        Self { from_ms: self.from_ms + from_ms, to_ms: self.to_ms + from_ms, ..self }
    }
}

/// A clean minute and twenty seconds of loss, in turn: how much is lost of what is sent at this moment.
fn alternating(sent_ms: f64) -> f64 {
    if sent_ms % 80_000.0 < 60_000.0 { 0.0 } else { 0.05 }
}

fn jittery(sending: Sending<'_>, random: &mut Random) -> Trace {
    sending.datagrams(|_| Some(random.between(0.0, 50.0)))
}

fn lossy(sending: Sending<'_>, loss: f64, random: &mut Random) -> Trace {
    sending.datagrams(|_| if random.unit() < loss { None } else { Some(random.between(0.0, 2.0)) })
}

fn an_hour(name: &str, drift_ppm: f64) -> Trace {
    Trace { drift_ppm, ..Sending::new(name, HOUR_S).datagrams(|_| Some(0.0)) }
}

/// The rows of the table. Seeds are fixed: it can be had again.
pub(crate) fn of_the_table() -> Vec<Trace> {
    let mut random = Random::new(1);
    let random = &mut random;
    let five_minutes = |name| Sending::new(name, 5.0 * MINUTE_S);
    let short = |name| five_minutes(name).in_frames_of(10.0);
    let mut traces = vec![
        Sending::new("clean", 2.0 * MINUTE_S).datagrams(|_| Some(0.0)),
        jittery(five_minutes("jitter-50"), random),
        five_minutes("tcp-1").ordered(random, |_| 0.01),
        five_minutes("tcp-5").ordered(random, |_| 0.05),
        Sending::new("tcp-alternating", 8.0 * MINUTE_S).ordered(random, alternating),
    ];
    for (name, stall) in STALLS {
        let stalled = |sending: Sending<'_>| sending.stalled(&[stall.at(20_000.0)]);
        let trace = stalled(Sending::new(name, 40.0));
        traces.push(if name == "stall-up" { trace.on_the_way_up() } else { trace });
        if name == "stall-down-far" {
            traces.push(stalled(Sending::new("stall-down-far-short", 40.0).in_frames_of(10.0)));
        }
    }
    traces.extend([
        lossy(five_minutes("datagrams-1"), 0.01, random),
        lossy(five_minutes("datagrams-5"), 0.05, random),
        lossy(five_minutes("datagrams-10"), 0.10, random),
        jittery(short("jitter-50-short"), random),
        short("tcp-1-short").ordered(random, |_| 0.01),
        short("tcp-5-short").ordered(random, |_| 0.05),
        short("tcp-5-short-up").ordered(random, |_| 0.05).on_the_way_up(),
        five_minutes("tcp-5-up").ordered(random, |_| 0.05).on_the_way_up(),
    ]);
    for (name, drift_ppm) in DRIFTS_PPM {
        traces.push(an_hour(name, drift_ppm));
        traces.push(with_pauses(an_hour(&format!("{name}-pauses"), drift_ppm), 8_000.0, PAUSE_MS));
    }
    traces
}

/// The networks that do the same with every seed, as they are to be recorded: the last `frames` frames count. Speakers
/// who pause do before the frames that `begins` says.
pub(crate) fn to_record_once(frames: u32, begins: impl Fn(u32) -> bool) -> Vec<Trace> {
    let seconds = f64::from(frames) * FRAME_MS / 1000.0;
    let mut traces = vec![Sending::new("clean", seconds).datagrams(|_| Some(0.0))];
    for (name, drift_ppm) in DRIFTS_PPM {
        traces.push(an_hour(name, drift_ppm));
        traces.push(with_pauses_before(an_hour(&format!("{name}-pauses"), drift_ppm), PAUSE_MS, &begins));
    }
    traces
}

/// The networks that depend on a seed, each for as long as `frames` frames.
pub(crate) fn to_record(seed: u64, frames: u32) -> Vec<Trace> {
    let mut random = Random::new(seed);
    let random = &mut random;
    let seconds = f64::from(frames) * FRAME_MS / 1000.0;
    // The lossy time is another part of what is said with every seed.
    let shift_ms = random.between(0.0, 80_000.0);
    let mut traces = vec![
        jittery(Sending::new("jitter-50", seconds), random),
        Sending::new("tcp-1", seconds).ordered(random, |_| 0.01),
        Sending::new("tcp-5", seconds).ordered(random, |_| 0.05),
        Sending::new("tcp-alternating", seconds).ordered(random, |sent_ms| alternating(sent_ms + shift_ms)),
        lossy(Sending::new("datagrams-1", seconds), 0.01, random),
        lossy(Sending::new("datagrams-5", seconds), 0.05, random),
        lossy(Sending::new("datagrams-10", seconds), 0.10, random),
    ];
    for (name, stall) in STALLS {
        let first_ms = random.between(8_000.0, STALLED_EVERY_MS);
        let times = (seconds * 1000.0 / STALLED_EVERY_MS) as u32;
        let stalls: Vec<Stall> = (0..times).map(|time| stall.at(first_ms + f64::from(time) * STALLED_EVERY_MS)).collect();
        let trace = Sending::new(name, seconds).stalled(&stalls);
        traces.push(if name == "stall-up" { trace.on_the_way_up() } else { trace });
    }
    traces
}
