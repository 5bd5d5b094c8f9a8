//! How voice that waits is put into frames of the socket: what has left the room together is one, and the rest is one each.

use std::collections::VecDeque;

use dais_shared::limits::{BUNDLE_MESSAGES_MAX, FRAMES_PER_WRITE_MAX};
use dais_shared::wire::encode_bundle_head;

use super::queue::Voice;
use crate::websocket;

/// The frames that the first messages of a queue make, as of the last [`Frames::gather`].
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// What stands in front of the messages, frame by frame. Kept for its memory, which is small.
    heads: Vec<u8>,
    /// Of these, taken out.
    popped_bytes: usize,
    frames: VecDeque<Frame>,
    /// A bundle's own head, while its frame's is being made.
    bundle: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    head_bytes: usize,
    messages: usize,
}

impl Frames {
    /// Looks at no more messages than one write can take.
    pub(super) fn gather<'a>(&mut self, voice: impl Iterator<Item = &'a Voice>) {
        self.heads.clear();
        self.popped_bytes = 0;
        self.frames.clear();
        let mut voice = voice.take(FRAMES_PER_WRITE_MAX).peekable();
        while let Some(first) = voice.next() {
            let mut lengths = [first.bytes.len(); BUNDLE_MESSAGES_MAX];
            let mut messages = 1;
            while messages < lengths.len()
                && let Some(next) = voice.next_if(|next| next.arrived_ms == first.arrived_ms)
            {
                lengths[messages] = next.bytes.len();
                messages += 1;
            }
            self.put_head(&lengths[..messages]);
        }
    }

    /// Gives the frames part by part, as long as they are taken; `voice` is what they were gathered from.
    pub(super) fn give<'a>(&'a self, voice: &'a VecDeque<Voice>, mut take: impl FnMut(&'a [u8]) -> bool) {
        let (mut heads, mut voice) = (&self.heads[..], voice.iter());
        for frame in &self.frames {
            let (head, rest) = heads.split_at(frame.head_bytes);
            heads = rest;
            let mut messages = voice.by_ref().take(frame.messages);
            if !take(head) || !messages.all(|voice| take(&voice.bytes)) {
                return;
            }
        }
    }

    /// Takes the first frame out: what stands in front of its messages, and how many they are.
    pub(super) fn pop(&mut self) -> Option<(&[u8], usize)> {
        let frame = self.frames.pop_front()?;
        let head = &self.heads[self.popped_bytes..][..frame.head_bytes];
        self.popped_bytes += frame.head_bytes;
        Some((head, frame.messages))
    }

    fn put_head(&mut self, lengths: &[usize]) {
        let before = self.heads.len();
        self.bundle.clear();
        if lengths.len() > 1 {
            encode_bundle_head(lengths.iter().copied(), &mut self.bundle);
        }
        websocket::put_binary_header(self.bundle.len() + lengths.iter().sum::<usize>(), &mut self.heads);
        self.heads.extend_from_slice(&self.bundle);
        self.frames.push_back(Frame { head_bytes: self.heads.len() - before, messages: lengths.len() });
    }
}

/// The payloads of finished frames, which are whole.
#[cfg(test)]
pub(crate) fn payloads(mut frames: &[u8]) -> Vec<&[u8]> {
    let mut payloads = Vec::new();
    while let [_, length, rest @ ..] = frames {
        let (length, rest) = match (*length, rest) {
            (126, [a, b, rest @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), rest),
            (short, rest) => (usize::from(short), rest),
        };
        let (payload, behind) = rest.split_at(length);
        payloads.push(payload);
        frames = behind;
    }
    assert!(frames.is_empty(), "frames are whole");
    payloads
}
