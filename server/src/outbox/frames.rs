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
        put_head(lengths, &mut self.bundle, &mut self.heads);
        self.frames.push_back(Frame { head_bytes: self.heads.len() - before, messages: lengths.len() });
    }
}

/// Voice that leaves a room together, as the one frame that it is to everybody who hears all of it: the same bytes.
#[derive(Debug, Default)]
pub(crate) struct Together {
    frame: Vec<u8>,
    /// When it reached the server.
    arrived_ms: u64,
    messages: usize,
}

impl Together {
    /// Makes the frame, in the memory of the one before. There is none where the messages have not left together, or are more
    /// than one frame takes.
    pub(crate) fn make<'a>(&mut self, voice: impl Iterator<Item = &'a Voice> + Clone) {
        self.frame.clear();
        self.messages = voice.clone().count();
        let Some(first) = voice.clone().next().filter(|_| self.messages <= BUNDLE_MESSAGES_MAX) else { return };
        self.arrived_ms = first.arrived_ms;
        if voice.clone().all(|voice| voice.arrived_ms == first.arrived_ms) {
            let mut lengths = [0; BUNDLE_MESSAGES_MAX];
            lengths.iter_mut().zip(voice.clone()).for_each(|(length, voice)| *length = voice.bytes.len());
            put_head(&lengths[..self.messages], &mut Vec::new(), &mut self.frame);
            voice.for_each(|voice| self.frame.extend_from_slice(&voice.bytes));
        }
    }

    /// The frame, and when it reached the server.
    pub(super) fn frame(&self) -> Option<(&[u8], u64)> {
        Some((&self.frame[..], self.arrived_ms)).filter(|(frame, _)| !frame.is_empty())
    }

    /// How many messages are in it.
    pub(super) const fn messages(&self) -> usize {
        self.messages
    }
}

/// Appends what stands in front of messages of these lengths in one frame. A bundle's own head is made in `bundle`.
fn put_head(lengths: &[usize], bundle: &mut Vec<u8>, frame: &mut Vec<u8>) {
    bundle.clear();
    if lengths.len() > 1 {
        encode_bundle_head(lengths.iter().copied(), bundle);
    }
    websocket::put_binary_header(bundle.len() + lengths.iter().sum::<usize>(), frame);
    frame.extend_from_slice(bundle);
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
