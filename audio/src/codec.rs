//! Opus, with the settings of this product and nothing hostile getting out of it.
//!
//! Knows libopus and the numbers that configure it. It refuses to know packets' order, time
//! and loss: what to decode and when to conceal is decided elsewhere.
//!
//! The decoding half runs on the audio thread: it must not allocate, free, lock or log.

use crate::SAMPLE_RATE_HZ;

/// The longest Opus frame, and with it the largest packet this crate sends or accepts, in
/// bytes (RFC 6716, section 3.4, requirement 2).
pub const PAYLOAD_BYTES_MAX: usize = 1_275;

/// The longest frame that is sent, in samples: 20 ms at 48 kHz.
pub const FRAME_SAMPLES_MAX: usize = 960;

/// The longest packet in samples: 120 ms (RFC 6716, section 3.4, requirement 5).
pub const PACKET_SAMPLES_MAX: usize = 5_760;

/// Lengths that the decoder conceals are multiples of this: 2.5 ms, the shortest Opus frame.
pub(crate) const CONCEAL_SAMPLES_STEP: usize = 120;

/// Why a pipeline cannot be made. Each variant tells the caller what to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The device runs at a rate outside [`crate::DEVICE_RATE_HZ_RANGE`]: open it at another.
    #[error("a device rate of {rate_hz} Hz cannot be converted")]
    DeviceRate {
        /// What was asked for.
        rate_hz: u32,
    },
    /// Frames are 480 or 960 samples long: choose one of them.
    #[error("a frame of {samples} samples is neither 10 nor 20 ms at 48 kHz")]
    FrameSamples {
        /// What was asked for.
        samples: u32,
    },
    /// More streams than the pipeline can hold: ask for fewer.
    #[error("{streams} streams at once are more than a mix can hold")]
    Streams {
        /// What was asked for.
        streams: usize,
    },
    /// There is no encoder just now: what would make one is not loaded, or failed.
    #[error("there is no encoder")]
    NoEncoder,
    /// libopus refused; a setting is out of its range, or memory is exhausted.
    #[error("libopus failed in {operation}: {code:?}")]
    Opus {
        /// libopus' own name of the failed call.
        operation: &'static str,
        /// libopus' error code.
        code: opus::ErrorCode,
    },
}

impl From<opus::Error> for CodecError {
    fn from(error: opus::Error) -> Self {
        CodecError::Opus { operation: error.function(), code: error.code() }
    }
}

/// A finite sample within ±1; anything else becomes the nearest such, and NaN silence.
///
/// Hostile packets decode to floats in the millions, and one NaN would poison every filter
/// behind it.
pub(crate) fn sanitize(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) }
}

/// What codes one speaker's voice, 48 kHz mono.
pub trait Encode: Send {
    /// How far the coded signal lags behind what is put in, in samples at 48 kHz.
    fn look_ahead_samples(&self) -> u32;

    /// What to aim at from now on, in bits per second. A refusal leaves it as it was.
    fn set_bitrate(&mut self, bitrate_bps: i32);

    /// Codes one frame of 480 or 960 samples within ±1; how many bytes it takes, or `None` where it cannot be coded.
    fn encode(&mut self, frame: &[f32], payload: &mut [u8; PAYLOAD_BYTES_MAX]) -> Option<usize>;

    /// Forgets all that was heard, as if new.
    fn reset(&mut self);
}

/// Makes an encoder that aims at so many bits per second, with a complexity of 0 (cheap) to 10 (good): [`OpusEncoder::boxed`],
/// or whatever stands for it where libopus' encoder is not linked in.
pub type MakeEncoder = fn(bitrate_bps: i32, complexity: u8) -> Result<Box<dyn Encode>, CodecError>;

/// libopus' encoder: variable bit rate.
pub struct OpusEncoder {
    opus: opus::Encoder,
    look_ahead_samples: u32,
}

impl std::fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpusEncoder").finish_non_exhaustive()
    }
}

impl OpusEncoder {
    /// `bitrate_bps` in bits per second, `complexity` 0 (cheap) to 10 (good).
    ///
    /// # Errors
    /// [`CodecError::Opus`] where libopus refuses.
    pub fn new(bitrate_bps: i32, complexity: u8) -> Result<Self, CodecError> {
        let mut opus = opus::Encoder::new(SAMPLE_RATE_HZ, opus::Channels::Mono, opus::Application::Voip)?;
        opus.set_bitrate(opus::Bitrate::Bits(bitrate_bps))?;
        opus.set_complexity(i32::from(complexity))?;
        opus.set_signal(opus::Signal::Voice)?;
        opus.set_vbr(true)?;
        opus.set_max_bandwidth(opus::Bandwidth::Fullband)?;
        // An ordered transport loses nothing, it delays; redundancy would only cost quality.
        opus.set_inband_fec(false)?;
        opus.set_packet_loss_perc(0)?;
        opus.set_dtx(false)?;
        let look_ahead_samples = opus.get_lookahead()?.unsigned_abs();
        Ok(Self { opus, look_ahead_samples })
    }

    /// How much work coding is from now on: 0 (cheap) to 10 (good). A refusal leaves it as it was.
    pub fn set_complexity(&mut self, complexity: u8) {
        let _ = self.opus.set_complexity(i32::from(complexity));
    }

    /// A [`MakeEncoder`].
    ///
    /// # Errors
    /// As [`OpusEncoder::new`].
    pub fn boxed(bitrate_bps: i32, complexity: u8) -> Result<Box<dyn Encode>, CodecError> {
        Ok(Box::new(Self::new(bitrate_bps, complexity)?))
    }
}

impl Encode for OpusEncoder {
    fn look_ahead_samples(&self) -> u32 {
        self.look_ahead_samples
    }

    fn set_bitrate(&mut self, bitrate_bps: i32) {
        let _ = self.opus.set_bitrate(opus::Bitrate::Bits(bitrate_bps));
    }

    fn encode(&mut self, frame: &[f32], payload: &mut [u8; PAYLOAD_BYTES_MAX]) -> Option<usize> {
        self.opus.encode_float(frame, payload.as_mut_slice()).ok()
    }

    fn reset(&mut self) {
        // libopus documents no failure here; an encoder that kept its state still codes.
        let _ = self.opus.reset_state();
    }
}

/// One speaker's decoder. Made once, used on the audio thread.
pub(crate) struct Decoder {
    opus: opus::Decoder,
}

impl Decoder {
    pub(crate) fn new() -> Result<Self, CodecError> {
        Ok(Self { opus: opus::Decoder::new(SAMPLE_RATE_HZ, opus::Channels::Mono)? })
    }

    /// Decodes one packet to the front of `output`, within ±1; the number of samples at
    /// 48 kHz, or `None` where libopus calls the packet invalid.
    pub(crate) fn decode(&mut self, payload: &[u8], output: &mut [f32; PACKET_SAMPLES_MAX]) -> Option<usize> {
        // An empty payload would mean "lost" to libopus, and with it a full output of noise.
        if payload.is_empty() {
            return None;
        }
        let length = self.opus.decode_float(payload, output.as_mut_slice(), false).ok()?;
        output[..length].iter_mut().for_each(|sample| *sample = sanitize(*sample));
        Some(length)
    }

    /// Fills `output` with what might have come next. Its length has to be a multiple of
    /// [`CONCEAL_SAMPLES_STEP`]; a refusal gives silence.
    pub(crate) fn conceal(&mut self, output: &mut [f32]) {
        let length = self.opus.decode_float(&[], output, false).unwrap_or(0);
        output[..length].iter_mut().for_each(|sample| *sample = sanitize(*sample));
        output[length..].fill(0.0);
    }

    /// Forgets all that was heard, as if new.
    pub(crate) fn reset(&mut self) {
        // libopus documents no failure here, and a decoder that kept its state still decodes.
        let _ = self.opus.reset_state();
    }
}

/// How long a packet is, from its table-of-contents byte (RFC 6716, section 3.1), in samples
/// at 48 kHz; `None` where the packet is invalid.
pub fn packet_samples(payload: &[u8]) -> Option<u32> {
    if payload.is_empty() {
        return None;
    }
    let samples = opus::packet::get_nb_samples(payload, SAMPLE_RATE_HZ).ok()?;
    u32::try_from(samples).ok().filter(|&samples| samples > 0)
}
