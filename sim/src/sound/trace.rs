//! What a network does to a row of frames: when each was sent, and when it arrived, if ever.

use std::fmt;
use std::path::Path;

use super::random::Random;

/// A speaker who sends nothing for so many frames has paused.
const PAUSE_FRAMES: f64 = 4.0;

/// One frame on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Passage {
    /// Counts frames as the speaker does; a gap in a trace is a frame that was never sent.
    pub(crate) sequence: u32,
    /// When it left its speaker, in ms: as soon as it was full.
    pub(crate) sent_ms: f64,
    /// When it reached its listener, in ms; `None` for one that was lost.
    pub(crate) arrived_ms: Option<f64>,
}

impl Passage {
    fn transit_ms(&self) -> Option<f64> {
        Some(self.arrived_ms? - self.sent_ms)
    }
}

/// A row of frames through a network.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    /// What is special about it.
    pub(crate) name: String,
    /// In the order of their sequence.
    pub(crate) passages: Vec<Passage>,
    /// What one frame holds, in ms.
    pub(crate) frame_ms: f64,
    /// How much faster the listener's sound card runs than the speaker's, in parts per million.
    pub(crate) drift_ppm: f64,
    /// Which part of the way it is: the speaker's, to the server, or the listener's, from there.
    pub(crate) way: Way,
}

/// One of the two parts of the way; the other takes no time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    Up,
    Down,
}

/// A row of frames that a network is still to do something to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending<'a> {
    name: &'a str,
    seconds: f64,
    frame_ms: f64,
}

/// Why a trace from a file cannot be used.
#[derive(Debug)]
pub(crate) enum TraceError {
    /// The file cannot be read.
    Unreadable(std::io::Error),
    /// A line is not `seq,sent_ms,arrived_ms`.
    Line {
        /// Counted from one.
        number: usize,
        /// What stands there.
        text: String,
    },
    /// Nothing ever arrived.
    Empty,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceError::Unreadable(error) => write!(f, "the trace cannot be read: {error}"),
            TraceError::Line { number, text } => {
                write!(f, "line {number} is not “seq,sent_ms,arrived_ms” (arrived_ms may be empty): {text}")
            }
            TraceError::Empty => write!(f, "no frame of the trace ever arrived"),
        }
    }
}

/// Milliseconds of one frame in the traces made here.
pub(crate) const FRAME_MS: f64 = 20.0;

/// The shortest way from speaker to listener in the traces made here, in ms: half of a round
/// trip of 60 ms.
const PATH_MS: f64 = 30.0;

impl Trace {
    fn new(name: &str, passages: Vec<Passage>) -> Self {
        Self { name: name.to_owned(), passages, frame_ms: FRAME_MS, drift_ppm: 0.0, way: Way::Down }
    }

    /// The same on the speaker's part of the way.
    pub(crate) fn on_the_way_up(self) -> Self {
        Self { way: Way::Up, ..self }
    }

    /// Whether the speaker had paused before the passage with this index; there was no pause before the first.
    pub(crate) fn follows_pause(&self, index: usize) -> bool {
        let (Some(before), Some(passage)) = (index.checked_sub(1).map(|before| &self.passages[before]), self.passages.get(index))
        else {
            return false;
        };
        let steps = f64::from(passage.sequence - before.sequence);
        passage.sent_ms - before.sent_ms > (steps + PAUSE_FRAMES) * self.frame_ms
    }

    /// The transit of the quickest frame, in ms.
    pub(crate) fn path_ms(&self) -> f64 {
        self.passages.iter().filter_map(Passage::transit_ms).fold(f64::INFINITY, f64::min)
    }

    /// By how much each frame was later than the quickest, in ms, `None` for lost ones.
    pub(crate) fn delays_ms(&self) -> impl Iterator<Item = Option<f64>> {
        let path_ms = self.path_ms();
        self.passages.iter().map(move |passage| Some(passage.transit_ms()? - path_ms))
    }

    /// Reads `seq,sent_ms,arrived_ms`, a line each; the first line may name the columns, and an empty
    /// arrival means that the frame was lost. Sequence may begin anywhere.
    ///
    /// # Errors
    /// [`TraceError`] says what is wrong with the file, and in which line.
    pub(crate) fn read(path: &Path) -> Result<Self, TraceError> {
        let text = std::fs::read_to_string(path).map_err(TraceError::Unreadable)?;
        let mut passages = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || (index == 0 && line.starts_with("seq")) {
                continue;
            }
            let passage = parse(line).ok_or_else(|| TraceError::Line { number: index + 1, text: line.to_owned() })?;
            passages.push(passage);
        }
        passages.sort_by_key(|passage| passage.sequence);
        passages.dedup_by_key(|passage| passage.sequence);
        if passages.iter().all(|passage| passage.arrived_ms.is_none()) {
            return Err(TraceError::Empty);
        }
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let frame_ms = if median_step_ms(&passages) < 15.0 { FRAME_MS / 2.0 } else { FRAME_MS };
        Ok(Self { frame_ms, ..Self::new(&name, passages) })
    }
}

fn parse(line: &str) -> Option<Passage> {
    let mut fields = line.split(',').map(str::trim);
    let sequence = fields.next()?.parse().ok()?;
    let sent_ms = fields.next()?.parse().ok().filter(|ms: &f64| ms.is_finite())?;
    let arrived = fields.next().unwrap_or("");
    let arrived_ms = if arrived.is_empty() { None } else { Some(arrived.parse().ok().filter(|ms: &f64| ms.is_finite())?) };
    Some(Passage { sequence, sent_ms, arrived_ms })
}

/// The usual time from one frame to the next.
fn median_step_ms(passages: &[Passage]) -> f64 {
    let mut steps: Vec<f64> = passages.windows(2).map(|pair| pair[1].sent_ms - pair[0].sent_ms).collect();
    steps.sort_by(f64::total_cmp);
    steps.get(steps.len() / 2).copied().unwrap_or(FRAME_MS)
}

impl<'a> Sending<'a> {
    /// Frames of 20 ms for so many seconds.
    pub(crate) const fn new(name: &'a str, seconds: f64) -> Self {
        Self { name, seconds, frame_ms: FRAME_MS }
    }

    pub(crate) const fn in_frames_of(self, frame_ms: f64) -> Self {
        Self { frame_ms, ..self }
    }

    fn through(self, mut arrival_ms: impl FnMut(f64) -> Option<f64>) -> Trace {
        let count = (self.seconds * 1000.0 / self.frame_ms) as u32;
        let passage = |sequence| {
            let sent_ms = f64::from(sequence + 1) * self.frame_ms;
            Passage { sequence, sent_ms, arrived_ms: arrival_ms(sent_ms) }
        };
        Trace { frame_ms: self.frame_ms, ..Trace::new(self.name, (0..count).map(passage).collect()) }
    }

    /// Every frame on its own: `delay_ms` gives what it takes beyond the path, `None` for a lost one.
    pub(crate) fn datagrams(self, mut delay_ms: impl FnMut(f64) -> Option<f64>) -> Trace {
        self.through(|sent_ms| delay_ms(sent_ms).map(|delay_ms| sent_ms + PATH_MS + delay_ms))
    }

    /// One ordered connection over a way that loses segments: TCP with selective acknowledgements and
    /// RACK (RFC 8985). A lost segment is noticed a quarter of a round trip after the acknowledgement of
    /// one sent later, and its repetition may be lost too; what came meanwhile waits for it.
    pub(crate) fn ordered(self, random: &mut Random, mut loss: impl FnMut(f64) -> f64) -> Trace {
        const ROUND_TRIP_MS: f64 = 2.0 * PATH_MS;
        const REORDERING_MS: f64 = ROUND_TRIP_MS / 4.0;
        // The kernel's timers tick every 4 ms.
        const TICK_MS: f64 = 4.0;
        let mut delivered_ms = 0.0f64;
        self.through(|sent_ms| {
            let mut tried_ms = sent_ms;
            let mut attempts = 0;
            while random.unit() < loss(sent_ms) && attempts < 8 {
                attempts += 1;
                tried_ms += self.frame_ms + ROUND_TRIP_MS + REORDERING_MS + TICK_MS * random.unit();
            }
            delivered_ms = delivered_ms.max(tried_ms + PATH_MS + random.unit());
            Some(delivered_ms)
        })
    }

    /// What `stalls` hold up on the way arrives at the end of each, as far as those who send and pass it on let it wait.
    pub(crate) fn stalled(self, stalls: &[Stall]) -> Trace {
        self.through(|sent_ms| {
            let arrived_ms = sent_ms + PATH_MS;
            let holds_up = |stall: &&Stall| (stall.from_ms..stall.to_ms + stall.follows_ms).contains(&arrived_ms);
            stalls.iter().find(holds_up).map_or(Some(arrived_ms), |stall| stall.arrival_ms(arrived_ms))
        })
    }
}

/// A time without any passage, in ms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stall {
    pub(crate) from_ms: f64,
    pub(crate) to_ms: f64,
    /// What of it was on its way already, and arrives when it ends.
    pub(crate) first_ms: f64,
    /// What is still worth sending when it can be sent again.
    pub(crate) last_ms: f64,
    /// How much later that arrives: a sender learns a round trip later that the way is open.
    pub(crate) follows_ms: f64,
}

impl Stall {
    /// When something comes that would have come at `arrived_ms`.
    fn arrival_ms(&self, arrived_ms: f64) -> Option<f64> {
        if arrived_ms < self.from_ms + self.first_ms {
            return Some(self.to_ms);
        }
        let follows_ms = self.to_ms + self.follows_ms;
        (arrived_ms >= follows_ms - self.last_ms).then_some(follows_ms)
    }
}

/// The same, of a speaker who pauses: of each `every_ms` the last `silent_ms` are not sent.
pub(crate) fn with_pauses(mut trace: Trace, every_ms: f64, silent_ms: f64) -> Trace {
    trace.passages.retain(|passage| passage.sent_ms % every_ms < every_ms - silent_ms);
    for (sequence, passage) in (0..).zip(&mut trace.passages) {
        passage.sequence = sequence;
    }
    trace
}

/// The same, with a pause of `silent_ms` before each of the frames that `begin` says, by their sequence.
pub(crate) fn with_pauses_before(mut trace: Trace, silent_ms: f64, begins: impl Fn(u32) -> bool) -> Trace {
    let mut later_ms = 0.0;
    for passage in &mut trace.passages {
        later_ms += if begins(passage.sequence) { silent_ms } else { 0.0 };
        passage.sent_ms += later_ms;
        passage.arrived_ms = passage.arrived_ms.map(|arrived_ms| arrived_ms + later_ms);
    }
    trace
}
