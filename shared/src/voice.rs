//! The voice frame's header, as in docs/protocol.md: what the speaker writes, and what the server prepends.
//!
//! The payload is opaque here and in the server. A frame relies on nothing but itself, so that it can travel over
//! any transport.

use serde::{Deserialize, Serialize};

use crate::ids::{Seq, StreamId};
use crate::limits::{VOICE_FRAME_SAMPLES_MAX, VOICE_FRAME_SAMPLES_MIN, VOICE_PAYLOAD_BYTES_MAX};

/// The first frame after a silence: the receiver may start its buffer anew.
pub const TALKSPURT_START: u8 = 1;
/// The last frame before a silence.
pub const TALKSPURT_END: u8 = 2;

/// Recorded before the talkspurt was noticed: late by the speaker's doing, which says nothing about the network.
pub const PRE_ROLL: u8 = 4;

/// What the speaker writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Counts frames handed to the transport or dropped for backlog: a gap is loss.
    pub sequence: Seq,
    /// When the first sample was captured, in 48 kHz samples, less the encoder's look-ahead. Counts always: a gap
    /// without a gap in `sequence` is silence.
    pub timestamp: u64,
    /// Samples at 48 kHz in this frame: 120 to 2880.
    pub duration_samples: u32,
    /// Level as in RFC 6464: 0 is the loudest, 127 is silence, in -dBov.
    pub level_dbov: u8,
    /// [`TALKSPURT_START`], [`TALKSPURT_END`], [`PRE_ROLL`].
    pub flags: u8,
}

/// What the server prepends, so that nobody can speak under another's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Whose voice this is: the seat's stay on stage.
    pub stream: StreamId,
    /// When the frame reached the server, in milliseconds of the server's clock; of frames that leave together, when the
    /// last of them did.
    pub arrived_ms: u64,
}

/// Why a voice frame is refused unheard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVoice {
    /// The header cannot be read.
    #[error("the voice header cannot be read")]
    Header,
    /// The duration is none that Opus has.
    #[error("a voice frame lasts 120 to 2880 samples")]
    Duration,
    /// The payload is empty or larger than an Opus packet of one frame.
    #[error("a voice payload has 1 to {VOICE_PAYLOAD_BYTES_MAX} bytes")]
    Payload,
}

/// Reads a speaker's header and its payload, and checks what does not need a decoder.
///
/// # Errors
/// [`InvalidVoice`] says which part is wrong.
pub fn parse(bytes: &[u8]) -> Result<(Header, &[u8]), InvalidVoice> {
    let (header, payload) = postcard::take_from_bytes::<Header>(bytes).map_err(|_| InvalidVoice::Header)?;
    if !(VOICE_FRAME_SAMPLES_MIN..=VOICE_FRAME_SAMPLES_MAX).contains(&header.duration_samples) {
        return Err(InvalidVoice::Duration);
    }
    if payload.is_empty() || payload.len() > VOICE_PAYLOAD_BYTES_MAX {
        return Err(InvalidVoice::Payload);
    }
    Ok((header, payload))
}
