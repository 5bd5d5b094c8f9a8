//! The only messages between the page and its worker. Each travels as postcard bytes in `{bytes, port?}`; ports are
//! handed over once and then carry sound directly between a worklet and the worker.

use dais_engine::shared::ids::Token;
use dais_engine::{Command, Event, MicrophoneFailure, Ticket};
use serde::{Deserialize, Serialize};

/// A level that counts as speaking, in -dBov: quiet speech, well above a quiet room.
pub const SPEAKING_DBOV: u8 = 50;

/// From the page to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// The first message: connect.
    Start {
        /// The WebSocket's address.
        url: String,
        /// The secret of an identity from an earlier visit.
        token: Option<Token>,
        /// Whether that secret is for this page alone.
        is_for_this_page: bool,
        /// Spreads reconnections and tells this page from others; guards nothing.
        seed: u64,
    },
    /// A person asks for something.
    Command {
        /// The page's number for it.
        ticket: Ticket,
        /// What.
        command: Command,
    },
    /// The playout worklet runs; the message carries its port.
    PlayoutPort,
    /// The microphone is open; the message carries the capture worklet's port.
    MicrophoneOpen {
        /// The rate of its samples.
        device_rate_hz: u32,
    },
    /// How long sound takes from the microphone to the capture worklet's port.
    MicrophoneLatency {
        /// In milliseconds.
        ms: f32,
    },
    /// The microphone could not be opened, or went away.
    MicrophoneFailed(MicrophoneFailure),
}

/// From the worker to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromWorker {
    /// The worker listens; one made of WebAssembly loses what is said to it before.
    Ready,
    /// Tell the person.
    Event(Event),
    /// Open the microphone.
    OpenMicrophone,
    /// Release it at once.
    CloseMicrophone,
    /// The same, since what it gives cannot be coded.
    MicrophoneUseless,
    /// Throw away what waits between the device and the capture worklet: nobody is speaking.
    FlushMicrophone,
    /// Keep this secret for the next visit, or forget the one kept.
    KeepToken {
        /// The secret.
        token: Option<Token>,
        /// Whether it is for this page alone, and what other pages use is to be left in peace.
        is_for_this_page: bool,
    },
    /// What the playout worklet measures, twice a second.
    Playout(Playout),
}

/// What the playout worklet measures. Samples are at 48 kHz; totals are since it started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Playout {
    /// Quanta that the browser asked for later than it should have.
    pub quanta_late_total: u64,
    /// The longest time between two calls of the audio thread since the last report, in milliseconds.
    pub call_gap_ms_max: f32,
    /// Times that the audio thread's WebAssembly failed and was started anew.
    pub traps_total: u64,
    /// Samples that came out of packets.
    pub samples_decoded_total: u64,
    /// Samples made up for lost or late packets.
    pub samples_concealed_total: u64,
    /// Samples thrown away to catch up.
    pub samples_discarded_total: u64,
    /// Samples left out or said twice, a period of the voice at a time, to be neither late nor early.
    pub samples_stretched_total: u64,
    /// Times that a voice ran dry.
    pub underruns_total: u64,
    /// Every voice that is playing.
    pub streams: Vec<PlayoutStream>,
}

/// What the playout worklet measures of one voice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlayoutStream {
    /// Whose, as the room numbers it.
    pub stream: u32,
    /// Whether it sounds just now.
    pub is_playing: bool,
    /// What waits to be played, in milliseconds.
    pub buffered_ms: f32,
    /// When the sample of timestamp zero would have been given to the loudspeaker, had all been played as late as what sounds
    /// now, in milliseconds of the worker's clock.
    pub played_origin_ms: f64,
    /// What the jitter buffer aims at, in milliseconds.
    pub target_ms: f32,
}
