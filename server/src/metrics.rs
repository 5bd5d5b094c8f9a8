//! What the server counts. Counters only go up; nothing here decides anything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dais_shared::room::Unheard;

use crate::refusal::Refusal;

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

/// How long something took, sorted into a few lengths of time.
#[derive(Debug, Default)]
pub struct Histogram {
    /// How often it took at most so long, see [`Histogram::BOUNDS_US`]; the last is for what took longer.
    counts: [Counter; Self::BOUNDS_US.len() + 1],
    sum_us: Counter,
}

impl Histogram {
    /// From a tenth of a millisecond, which nobody notices, to a second, which everybody does. In microseconds.
    const BOUNDS_US: [u64; 9] = [100, 500, 1_000, 2_000, 5_000, 20_000, 100_000, 400_000, 1_000_000];

    pub(crate) fn note(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = Self::BOUNDS_US.iter().position(|bound| us <= *bound).unwrap_or(Self::BOUNDS_US.len());
        self.counts[place].add(1);
        self.sum_us.add(us);
    }

    /// How often it was noted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().map(Counter::get).sum()
    }

    /// Bounds in seconds, each with how often it took no longer; and all together, in seconds.
    pub(crate) fn read(&self) -> (Vec<(f64, u64)>, f64) {
        let bounds = Self::BOUNDS_US.iter().map(|us| *us as f64 / 1e6).chain([f64::INFINITY]);
        let mut below = 0;
        let cumulative = bounds.zip(&self.counts).map(|(bound, count)| {
            below += count.get();
            (bound, below)
        });
        (cumulative.collect(), self.sum_us.get() as f64 / 1e6)
    }
}

/// How often each reason was given.
#[derive(Debug)]
struct PerRefusal([Counter; Refusal::ALL.len()]);

impl Default for PerRefusal {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

/// Every counter of the server.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections that completed the upgrade.
    pub connections_total: Counter,
    refused_total: PerRefusal,
    /// Sockets put out before they were WebSockets, because others needed the place.
    pub sockets_put_out_total: Counter,
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
    /// Times that the process stood still.
    pub pauses_total: Counter,
    /// Tasks and threads of the server that ended by a fault of ours, whatever became of that.
    pub task_faults_total: Counter,
    /// Connections that ended by a fault of ours.
    pub connection_faults_total: Counter,
    /// From a voice frame's arrival until it is in every listener's outbox.
    pub delivery_delay: Histogram,
    /// What a commit of the store took.
    pub store_commit: Histogram,
}

impl Metrics {
    pub(crate) fn count_unheard(&self, reason: Unheard) {
        self.unheard_total[reason as usize].add(1);
    }

    pub(crate) fn count_refusal(&self, refusal: Refusal) {
        self.refused_total.0[refusal as usize].add(1);
    }

    /// Who was refused, by reason.
    pub(crate) fn refused(&self, refusal: Refusal) -> u64 {
        self.refused_total.0[refusal as usize].get()
    }

    /// Voice frames that nobody was allowed to hear, by reason.
    #[must_use]
    pub fn voice_frames_unheard(&self, reason: Unheard) -> u64 {
        self.unheard_total[reason as usize].get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_what_took_no_longer() {
        let histogram = Histogram::default();
        for us in [50, 100, 101, 3_000_000] {
            histogram.note(Duration::from_micros(us));
        }
        let (cumulative, sum) = histogram.read();
        assert_eq!(cumulative[0], (0.0001, 2));
        assert_eq!(cumulative[1], (0.0005, 3));
        assert_eq!(cumulative.last(), Some(&(f64::INFINITY, 4)));
        assert!((sum - 3.000_251).abs() < 1e-9 && histogram.count() == 4);
    }
}
