//! When a stream could be heard.

use dais_shared::ids::MemberId;

/// A time in which it could, from the change that allowed it to the one that forbade it.
#[derive(Clone, Copy, Debug)]
struct Span {
    from_epoch: u64,
    from_ms: u64,
    /// Epoch and time.
    to: Option<(u64, u64)>,
}

/// One stream's times.
#[derive(Debug)]
pub(super) struct Audible {
    pub(super) speaker: MemberId,
    spans: Vec<Span>,
}

impl Audible {
    pub(super) const fn new(speaker: MemberId) -> Self {
        Self { speaker, spans: Vec::new() }
    }

    pub(super) fn open(&mut self, epoch: u64, now_ms: u64) {
        if self.spans.last().is_none_or(|span| span.to.is_some()) {
            self.spans.push(Span { from_epoch: epoch, from_ms: now_ms, to: None });
        }
    }

    pub(super) fn close(&mut self, epoch: u64, now_ms: u64) {
        if let Some(span) = self.spans.last_mut() {
            span.to.get_or_insert((epoch, now_ms));
        }
    }

    /// Whether a frame may begin to leave in this epoch.
    pub(super) fn includes(&self, epoch: u64) -> bool {
        self.spans.iter().any(|span| span.from_epoch <= epoch && span.to.is_none_or(|(to, _)| epoch < to))
    }

    pub(super) fn includes_ms(&self, at_ms: u64) -> bool {
        self.spans.iter().any(|span| span.from_ms <= at_ms && span.to.is_none_or(|(_, to_ms)| at_ms <= to_ms))
    }

    /// When it was inaudible for the first time from then on.
    pub(super) fn silent_from(&self, from_ms: u64) -> Option<u64> {
        if !self.includes_ms(from_ms) {
            return Some(from_ms);
        }
        self.spans.iter().filter_map(|span| span.to).map(|(_, to_ms)| to_ms).find(|to_ms| *to_ms >= from_ms)
    }
}
