//! Cuts a stream of samples into frames of one length and keeps their place in time.
//!
//! Knows positions in samples and refuses to know what is in them.

use crate::SAMPLE_RATE_HZ;
use crate::fifo::Fifo;

/// Samples that may wait to be framed: one second. A caller that does not poll for longer is
/// stuck, and old voice is worth less than new.
const WAITING_SAMPLES_MAX: usize = SAMPLE_RATE_HZ as usize;

/// Samples on their way into frames.
pub(crate) struct Framer {
    waiting: Fifo,
    frame_samples: usize,
    /// Where the oldest waiting sample stands in the stream.
    position: u64,
}

impl Framer {
    pub(crate) fn new(frame_samples: usize) -> Self {
        Self { waiting: Fifo::new(WAITING_SAMPLES_MAX), frame_samples, position: 0 }
    }

    /// Frames are this long from now on.
    pub(crate) fn set_frame_samples(&mut self, frame_samples: usize) {
        self.frame_samples = frame_samples;
    }

    pub(crate) fn frame_samples(&self) -> usize {
        self.frame_samples
    }

    /// Takes samples in; beyond a second of them the oldest are forgotten, and time goes on.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        self.position += self.waiting.push(samples) as u64;
    }

    /// The oldest whole frame into `frame` (at least as long as a frame is), and its position.
    pub(crate) fn take_frame(&mut self, frame: &mut [f32]) -> Option<u64> {
        if self.waiting.len() < self.frame_samples {
            return None;
        }
        let position = self.position;
        self.position += self.waiting.pop(&mut frame[..self.frame_samples]) as u64;
        Some(position)
    }

    /// Where the stream ends so far: the position of the next sample to be pushed.
    pub(crate) fn end_position(&self) -> u64 {
        self.position + self.waiting.len() as u64
    }

    /// Forgets what waits; time goes on over it.
    pub(crate) fn discard_waiting(&mut self) {
        self.position = self.end_position();
        self.waiting.clear();
    }

    /// Time passed in which nothing was heard.
    pub(crate) fn advance(&mut self, samples: u64) {
        self.discard_waiting();
        self.position += samples;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_whole_and_know_their_place() {
        let mut framer = Framer::new(480);
        let mut frame = [0.0; 480];
        let ramp: Vec<f32> = (0..1_000).map(|n| n as f32).collect();
        framer.push(&ramp[..479]);
        assert_eq!(framer.take_frame(&mut frame), None);
        framer.push(&ramp[479..]);
        assert_eq!(framer.take_frame(&mut frame), Some(0));
        assert_eq!((frame[0], frame[479]), (0.0, 479.0));
        assert_eq!(framer.take_frame(&mut frame), Some(480));
        assert_eq!((frame[0], frame[479]), (480.0, 959.0));
        assert_eq!(framer.take_frame(&mut frame), None);
    }

    #[test]
    fn what_waits_is_bounded_and_time_goes_on() {
        let mut framer = Framer::new(960);
        let mut frame = [0.0; 960];
        framer.push(&vec![0.5; 48_000 * 3]);
        assert_eq!(framer.take_frame(&mut frame), Some(96_000));
        framer.advance(1_000);
        framer.push(&[0.5; 960]);
        assert_eq!(framer.take_frame(&mut frame), Some(48_000 * 3 + 1_000));
    }
}
