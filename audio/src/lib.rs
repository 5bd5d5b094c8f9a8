//! The sound of a voice stage: samples in, Opus packets out, and back again.
//!
//! [`capture`] turns a microphone's samples into packets, [`playback`] turns everybody's
//! packets into one loudspeaker signal, [`packet`] is the layout in which packets reach the
//! audio thread. The same code runs natively and in WebAssembly.
//!
//! It refuses to know clocks (time is an argument), threads, networks, files, browsers and
//! logs. Nothing here fails because of what another member sent: bad input is concealed and
//! counted.

pub mod capture;
pub mod codec;
mod conceal;
mod decide;
mod delay;
mod fifo;
mod framer;
mod jitter;
pub mod level;
mod limiter;
mod mixer;
pub mod packet;
pub mod playback;
pub mod resample;
pub mod statistics;
mod stream;
mod stretch;
mod vad;
#[cfg(target_arch = "wasm32")]
mod wasm_libc;

pub use capture::{CaptureConfig, CapturePipeline, EncodedFrame, Skipped};
pub use codec::{CodecError, Encode, MakeEncoder, OpusEncoder};
pub use packet::PacketHeader;
pub use playback::{Inserted, PlaybackConfig, PlaybackPipeline};
pub use statistics::{Counters, PlaybackStatistics, StreamStatistics};

/// The rate at which everything inside this crate counts samples. Opus codes at no higher
/// rate (RFC 6716, section 2), so a device's own rate is converted at the edges only.
pub const SAMPLE_RATE_HZ: u32 = 48_000;

/// Samples in one millisecond at [`SAMPLE_RATE_HZ`].
pub(crate) const SAMPLES_PER_MS: u32 = SAMPLE_RATE_HZ / 1_000;

/// Device rates this crate converts from and to. 8 kHz is a Bluetooth headset in its call
/// profile; 384 kHz the fastest converter on sale.
pub const DEVICE_RATE_HZ_RANGE: std::ops::RangeInclusive<u32> = 8_000..=384_000;
