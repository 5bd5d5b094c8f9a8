//! What the server counts. Counters only go up; nothing here decides anything.

use std::sync::atomic::{AtomicU64, Ordering};

use dais_shared::room::Unheard;

/// A number that only goes up. Read without any order towards other counters.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many there have been.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Every counter of the server.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections that completed the upgrade.
    pub connections_total: Counter,
    /// Messages that could not be understood, were too large or came too fast, each of which closed its connection.
    pub misbehaved_total: Counter,
    /// Voice frames that rooms took in to be heard.
    pub voice_frames_heard_total: Counter,
    /// Voice frames put into listeners' outboxes.
    pub voice_frames_fanned_out_total: Counter,
    unheard_total: [Counter; Unheard::ALL.len()],
    /// Voice frames beyond a speaker's rate.
    pub voice_frames_too_fast_total: Counter,
    /// Voice frames whose stream and sequence had come before.
    pub voice_frames_duplicate_total: Counter,
    /// Voice frames held up on their way to the server, more than 400 ms longer than the quickest of their stream.
    pub voice_frames_stale_total: Counter,
    /// Voice frames that found their room's mailbox full.
    pub voice_frames_mailbox_full_total: Counter,
    /// Voice frames that had waited too long for a listener's socket.
    pub voice_frames_late_total: Counter,
    /// Voice frames that found a listener's outbox full.
    pub voice_frames_overflow_total: Counter,
    /// Voice frames taken back from outboxes because their speaker had been silenced.
    pub voice_frames_silenced_total: Counter,
    /// Changes discarded from slow listeners' outboxes, each time replaced by a snapshot.
    pub control_frames_discarded_total: Counter,
    /// Rooms taken up again from the store after a fault of ours.
    pub room_restarts_total: Counter,
}

impl Metrics {
    pub(crate) fn count_unheard(&self, reason: Unheard) {
        self.unheard_total[reason as usize].add(1);
    }

    /// Voice frames that nobody was allowed to hear, by reason.
    #[must_use]
    pub fn voice_frames_unheard(&self, reason: Unheard) -> u64 {
        self.unheard_total[reason as usize].get()
    }
}
