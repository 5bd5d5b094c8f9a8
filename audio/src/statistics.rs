//! What the playback side counts, as plain numbers.
//!
//! Refuses to know what the numbers mean to a person: ratios, colours and sentences are made
//! elsewhere. Every `*_total` only ever grows; samples are at 48 kHz.

/// What happened to packets and samples, of one stream or of all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Packets taken into a jitter buffer.
    pub packets_queued_total: u64,
    /// Packets that had come before.
    pub packets_duplicate_total: u64,
    /// Packets whose turn was over when they came.
    pub packets_late_total: u64,
    /// Packets thrown out of a full jitter buffer, each for a newer one.
    pub packets_overflow_total: u64,
    /// Packets that were no valid Opus, or too large.
    pub packets_invalid_total: u64,
    /// Packets that libopus refused when their turn came; concealed.
    pub packets_undecodable_total: u64,
    /// Samples that came out of packets.
    pub samples_decoded_total: u64,
    /// Samples made up, or left silent in the middle of speech, because a packet was lost,
    /// invalid or late.
    pub samples_concealed_total: u64,
    /// Samples received in time and thrown away to catch up.
    pub samples_discarded_total: u64,
    /// Times that a talkspurt ran dry before its end.
    pub underruns_total: u64,
    /// Samples left out unheard, a period of the voice at a time, to catch up.
    pub samples_accelerated_total: u64,
    /// Samples said twice unheard, a period of the voice at a time, to fall back.
    pub samples_slowed_total: u64,
}

impl Counters {
    /// Adds another's counts to these.
    pub(crate) fn add(&mut self, other: &Counters) {
        let Counters {
            packets_queued_total,
            packets_duplicate_total,
            packets_late_total,
            packets_overflow_total,
            packets_invalid_total,
            packets_undecodable_total,
            samples_decoded_total,
            samples_concealed_total,
            samples_discarded_total,
            underruns_total,
            samples_accelerated_total,
            samples_slowed_total,
        } = other;
        self.packets_queued_total += packets_queued_total;
        self.packets_duplicate_total += packets_duplicate_total;
        self.packets_late_total += packets_late_total;
        self.packets_overflow_total += packets_overflow_total;
        self.packets_invalid_total += packets_invalid_total;
        self.packets_undecodable_total += packets_undecodable_total;
        self.samples_decoded_total += samples_decoded_total;
        self.samples_concealed_total += samples_concealed_total;
        self.samples_discarded_total += samples_discarded_total;
        self.underruns_total += underruns_total;
        self.samples_accelerated_total += samples_accelerated_total;
        self.samples_slowed_total += samples_slowed_total;
    }
}

/// One stream, now.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StreamStatistics {
    /// Whose.
    pub stream: u32,
    /// Whether it is in a talkspurt that has begun to sound.
    pub playing: bool,
    /// Received and not yet played, in samples.
    pub buffered_samples: u64,
    /// By how much what plays next lags behind the quickest packets of late, in samples.
    pub delay_samples: i64,
    /// What that lag should be, in samples.
    pub target_samples: u64,
    /// Interarrival jitter (RFC 3550, section 6.4.1), in samples.
    pub jitter_samples: f32,
    /// Loudness of the newest packet decoded: 0 (overload) to 127 (silence).
    pub level_dbov: u8,
    /// The timestamp that plays next: capture time of what is about to be heard.
    pub timestamp_next: u64,
    /// Since the stream was opened.
    pub counters: Counters,
}

/// All streams together, since the pipeline was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlaybackStatistics {
    /// Streams open now.
    pub streams_open: usize,
    /// Packets refused because every stream was taken.
    pub packets_unplaced_total: u64,
    /// Samples given to the device, at the device's own rate.
    pub samples_rendered_total: u64,
    /// Mixed samples at 48 kHz that the soft clip had to bend.
    pub samples_clipped_total: u64,
    /// The sum over all streams, closed ones included.
    pub counters: Counters,
}
