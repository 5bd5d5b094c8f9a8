//! A queue of samples with a fixed capacity.
//!
//! Knows nothing of time or rate. Runs on the audio thread: after `new` it neither allocates
//! nor frees.

/// A first-in, first-out ring of samples.
pub(crate) struct Fifo {
    samples: Box<[f32]>,
    read: usize,
    length: usize,
}

impl Fifo {
    pub(crate) fn new(capacity_samples: usize) -> Self {
        Self { samples: vec![0.0; capacity_samples].into_boxed_slice(), read: 0, length: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn clear(&mut self) {
        self.read = 0;
        self.length = 0;
    }

    /// Appends; where there is no room the oldest samples give way. The number that did.
    pub(crate) fn push(&mut self, input: &[f32]) -> usize {
        let capacity = self.samples.len();
        let kept = &input[input.len().saturating_sub(capacity)..];
        let room = capacity - self.length;
        let forgotten = kept.len().saturating_sub(room);
        self.drop_front(forgotten);
        let write = (self.read + self.length) % capacity;
        let (first, second) = kept.split_at(kept.len().min(capacity - write));
        self.samples[write..write + first.len()].copy_from_slice(first);
        self.samples[..second.len()].copy_from_slice(second);
        self.length += kept.len();
        forgotten + (input.len() - kept.len())
    }

    /// Moves the oldest samples to the front of `output`; how many there were.
    pub(crate) fn pop(&mut self, output: &mut [f32]) -> usize {
        let count = output.len().min(self.length);
        let first = count.min(self.samples.len() - self.read);
        output[..first].copy_from_slice(&self.samples[self.read..self.read + first]);
        output[first..count].copy_from_slice(&self.samples[..count - first]);
        self.drop_front(count);
        count
    }

    /// Forgets up to `count` of the oldest samples.
    pub(crate) fn drop_front(&mut self, count: usize) {
        let count = count.min(self.length);
        self.read = (self.read + count) % self.samples.len();
        self.length -= count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        let mut fifo = Fifo::new(5);
        let mut output = [0.0; 3];
        for round in 0..20 {
            let base = round as f32 * 3.0;
            assert_eq!(fifo.push(&[base, base + 1.0, base + 2.0]), 0);
            assert_eq!(fifo.pop(&mut output), 3);
            assert_eq!(output, [base, base + 1.0, base + 2.0]);
        }
        assert_eq!(fifo.pop(&mut output), 0);
    }

    #[test]
    fn the_oldest_give_way_and_are_counted() {
        let mut fifo = Fifo::new(4);
        assert_eq!(fifo.push(&[1.0, 2.0, 3.0]), 0);
        assert_eq!(fifo.push(&[4.0, 5.0]), 1);
        let mut output = [0.0; 8];
        assert_eq!(fifo.pop(&mut output), 4);
        assert_eq!(output[..4], [2.0, 3.0, 4.0, 5.0]);
        assert_eq!(fifo.push(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), 3);
        assert_eq!(fifo.pop(&mut output), 4);
        assert_eq!(output[..4], [4.0, 5.0, 6.0, 7.0]);
    }
}
