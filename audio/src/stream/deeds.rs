//! What a stream does when it is decided: decoding, stretching, concealing, pausing.

use std::time::Duration;

use super::{DECODE_AHEAD_SAMPLES, KNOWN_SAMPLES_MIN, Scratch, Stream};
use crate::codec::{CONCEAL_SAMPLES_STEP, PACKET_SAMPLES_MAX};
use crate::conceal::{FADE_SAMPLES, blend};
use crate::decide::{ACCELERATE_SAMPLES_MIN, Decision};
use crate::jitter::Waiting;
use crate::packet::{FLAG_PRE_ROLL, FLAG_TALKSPURT_END, FLAG_TALKSPURT_START};
use crate::stretch::{self, PERIOD_SAMPLES_MAX, PERIOD_SAMPLES_MIN, Wanted};

/// Loudness below which the beginning of a talkspurt is not missed, in −dBov.
const QUIET_DBOV: u8 = 50;

/// What the decoder is given of a voice behind a gap before it is heard, in samples: 20 ms. Opus predicts each frame's energy from
/// the one before (RFC 6716, section 4.3.2.1), and is louder than the voice until that is right again.
const SETTLED_SAMPLES_MIN: u64 = 960;

/// Packets that one skip decodes and leaves out, at most: no client's take more, and the device waits for no other's.
const SETTLING_PACKETS_MAX: u32 = 6;

impl Stream {
    pub(super) fn execute(&mut self, decision: Decision, now: Duration, scratch: &mut Scratch) {
        match decision {
            Decision::Wait => {}
            Decision::Start { discard } => {
                self.start(discard);
                self.trim(now, scratch);
            }
            Decision::Decode => self.play_next(scratch),
            Decision::Accelerate { most } => self.accelerate(most, scratch),
            Decision::SlowDown { most, has_to_be } => self.slow_down(most, has_to_be, scratch),
            Decision::Skip { samples } => self.skip(samples, scratch),
            Decision::Conceal { samples } => {
                self.dry_since = self.dry_since.or_else(|| (self.buffer.len() == 0).then_some(now));
                self.stalled_samples += self.conceal(samples as usize, scratch);
            }
            Decision::Pause { samples } => self.pause(samples, scratch),
            Decision::Stop => self.stop(scratch),
        }
    }

    /// Begins `discard` samples of the speaker's time later than with the first that waits. What never came of them need
    /// not be thrown away.
    fn start(&mut self, discard: u64) {
        self.count_silence();
        let oldest = self.buffer.first().map_or(0, |first| first.timestamp);
        while let Some(first) = self.buffer.first()
            && self.buffer.len() > 1
            && first.timestamp.wrapping_sub(oldest).saturating_add(u64::from(first.samples)) <= discard
        {
            self.discard_first();
        }
        if let Some(first) = self.buffer.first() {
            self.cursor = first.timestamp;
            self.next_sequence = Some(first.sequence);
        }
        self.playing = true;
        self.ended = false;
        self.dry_since = None;
        self.stalled_samples = 0;
    }

    /// A talkspurt that begins late, since it was noticed late, begins without the quiet before its first
    /// sound, as far as that makes up for the delay. Decoded it is all the same: the decoder needs it.
    fn trim(&mut self, now: Duration, scratch: &mut Scratch) {
        while let Some(first) = self.buffer.first()
            && self.buffer.len() > 1
            && first.flags & FLAG_PRE_ROLL != 0
            && first.level_dbov >= QUIET_DBOV
            && self.delay_samples(now) >= i64::from(self.target.samples() + first.samples)
        {
            self.decode_first(&mut scratch.first);
            self.counters.samples_accelerated_total += u64::from(first.samples);
        }
    }

    /// Playout broke off and goes on. What was silent meanwhile is speech that was not heard,
    /// where packets were late; and packets that never came are.
    fn count_silence(&mut self) {
        let Some(silent) = self.broken_off.take() else { return };
        let (Some(first), Some(next)) = (self.buffer.first(), self.next_sequence) else { return };
        let lost = u64::from(first.sequence.wrapping_sub(next)) * u64::from(self.frame_samples);
        let gap = first.timestamp.wrapping_sub(self.cursor);
        self.counters.samples_concealed_total += match gap {
            0 => u64::from(silent),
            _ => lost.min(gap),
        };
    }

    fn play_next(&mut self, scratch: &mut Scratch) {
        let Some((packet, length)) = self.decode_first(&mut scratch.first) else { return };
        match length {
            Some(length) => self.emit_true(&mut scratch.first[..length]),
            None => {
                self.conceal(packet.samples as usize, scratch);
            }
        }
    }

    /// Takes the first packet out and decodes it; time moves to its end. The inner `None` says
    /// that libopus refused it.
    fn decode_first(&mut self, output: &mut [f32; PACKET_SAMPLES_MAX]) -> Option<(Waiting, Option<usize>)> {
        let first = self.buffer.first()?;
        if first.flags & FLAG_TALKSPURT_START != 0 {
            self.decoder.reset();
            self.known_samples = 0;
        }
        let length = self.decoder.decode(self.buffer.first_payload(), output);
        match length {
            Some(length) => {
                self.counters.samples_decoded_total += length as u64;
                self.known_samples = self.known_samples.saturating_add(length as u32);
            }
            None => self.counters.packets_undecodable_total += 1,
        }
        self.buffer.remove_first();
        self.cursor = first.timestamp.wrapping_add(u64::from(first.samples));
        self.next_sequence = Some(first.sequence.wrapping_add(1));
        self.frame_samples = first.samples;
        self.level_dbov = first.level_dbov;
        self.ended = first.flags & FLAG_TALKSPURT_END != 0;
        self.stalled_samples = 0;
        self.was_made_last = false;
        Some((first, length))
    }

    /// What was decoded goes to the ear as it is.
    fn emit_true(&mut self, samples: &mut [f32]) {
        self.comfort.listen(samples);
        self.follow_on(samples);
        self.unstretched_samples = self.unstretched_samples.saturating_add(samples.len() as u32);
        self.emit(samples);
    }

    /// Makes decoded samples follow what was played last. Behind made-up sound the decoder's own output steps where its
    /// prediction was wrong; what was played last goes on, backwards, while the truth fades in.
    fn follow_on(&mut self, samples: &mut [f32]) {
        if self.fader.concealed_samples() == 0 || self.fader.is_silent() {
            self.fader.pass(samples);
            return;
        }
        blend(self.tail.iter().rev(), samples);
        self.fader.handle_blended();
        self.comfort.silence();
    }

    fn emit(&mut self, samples: &[f32]) {
        self.decoded.push(samples);
        let kept = &samples[samples.len().saturating_sub(PERIOD_SAMPLES_MAX)..];
        self.tail.copy_within(kept.len().., 0);
        self.tail[PERIOD_SAMPLES_MAX - kept.len()..].copy_from_slice(kept);
    }

    /// Appends what follows without a gap to the piece until it holds `wanted` samples or nothing
    /// follows; the length it has then. A packet that cannot be decoded ends it, and is concealed
    /// behind it by [`Self::emit_piece`].
    fn gather(&mut self, mut length: usize, wanted: usize, scratch: &mut Scratch) -> (usize, Option<Waiting>) {
        loop {
            let Some((packet, decoded)) = self.decode_first(&mut scratch.first) else { return (length, None) };
            let Some(decoded) = decoded else { return (length, Some(packet)) };
            let samples = &mut scratch.first[..decoded];
            self.comfort.listen(samples);
            self.follow_on(samples);
            scratch.piece[length..length + decoded].copy_from_slice(samples);
            length += decoded;
            let follows = self
                .buffer
                .first()
                .is_some_and(|first| first.timestamp == self.cursor && Some(first.sequence) == self.next_sequence && !self.ended);
            if length >= wanted || !follows {
                return (length, None);
            }
        }
    }

    fn emit_piece(&mut self, from: usize, to: usize, undecodable: Option<Waiting>, scratch: &mut Scratch) {
        self.unstretched_samples = self.unstretched_samples.saturating_add((to - from) as u32);
        self.emit(&scratch.piece[from..to]);
        if let Some(packet) = undecodable {
            self.conceal(packet.samples as usize, scratch);
        }
    }

    /// Plays what comes next with one period left out, if it has one.
    fn accelerate(&mut self, most: u64, scratch: &mut Scratch) {
        // What was decoded ahead is still ours to change.
        let ahead = self.decoded.pop(&mut scratch.piece[..DECODE_AHEAD_SAMPLES]);
        let (length, undecodable) = self.gather(ahead, ACCELERATE_SAMPLES_MIN as usize, scratch);
        let wanted = self.wanted_period(most);
        let split = PERIOD_SAMPLES_MAX.min(length / 2);
        let mut end = length;
        if let Some(period) = stretch::period(&scratch.piece[..length], split, wanted) {
            end = stretch::shorten(&mut scratch.piece[..length], split, period);
            self.note_stretch(period, &scratch.piece[..end], wanted.quiet);
            self.counters.samples_accelerated_total += period as u64;
        }
        self.emit_piece(0, end, undecodable, scratch);
    }

    /// Plays what comes next with one period said twice: the last of what is already on its way
    /// to the ear.
    fn slow_down(&mut self, most: u64, has_to_be: bool, scratch: &mut Scratch) {
        let split = PERIOD_SAMPLES_MAX;
        scratch.piece[..split].copy_from_slice(self.tail.as_slice());
        let (length, undecodable) = self.gather(split, split + 1, scratch);
        let wanted = if has_to_be { self.lasting_period(length - split) } else { self.wanted_period(most) };
        let mut end = length;
        if let Some(period) = stretch::period(&scratch.piece[..length], split, wanted) {
            end = stretch::lengthen(scratch.piece.as_mut_slice(), length, split, period);
            self.note_stretch(period, &scratch.piece[split..end], wanted.quiet);
            self.counters.samples_slowed_total += period as u64;
        }
        self.emit_piece(split, end, undecodable, scratch);
    }

    /// Nothing more has come: what is already on its way to the ear is made a period longer, once.
    /// Whether it was.
    pub(super) fn make_last(&mut self, scratch: &mut Scratch) -> bool {
        let length = self.decoded.len();
        if self.was_made_last || !(2 * PERIOD_SAMPLES_MIN..=DECODE_AHEAD_SAMPLES).contains(&length) {
            return false;
        }
        self.was_made_last = true;
        self.decoded.pop(&mut scratch.piece[..length]);
        let split = length / 2;
        let wanted = self.lasting_period(split);
        let mut end = length;
        if let Some(period) = stretch::period(&scratch.piece[..length], split, wanted) {
            end = stretch::lengthen(scratch.piece.as_mut_slice(), length, split, period);
            self.note_stretch(period, &scratch.piece[..end], wanted.quiet);
            self.counters.samples_slowed_total += period as u64;
        }
        self.emit(&scratch.piece[..end]);
        true
    }

    /// A period by which speech changes unnoticed.
    fn wanted_period(&self, most: u64) -> Wanted {
        let longest = usize::try_from(most).unwrap_or(usize::MAX);
        Wanted { shortest: 0, longest, likeness: stretch::LIKENESS, quiet: self.comfort.pause_mean_square() }
    }

    /// A period by which what is there lasts as long as possible, of the `length` samples that could
    /// be said twice: several short ones do as well as a long one.
    fn lasting_period(&self, length: usize) -> Wanted {
        let shortest = PERIOD_SAMPLES_MAX.min(length) / 2;
        Wanted { shortest, likeness: stretch::LIKENESS_AT_LEAST, ..self.wanted_period(u64::MAX) }
    }

    /// In a pause any amount may be stretched away; in speech not more than its share.
    fn note_stretch(&mut self, period: usize, piece: &[f32], quiet: f32) {
        let is_pause = stretch::mean_square(piece) < quiet;
        self.stretched_samples = if is_pause { 0 } else { period as u32 };
        self.unstretched_samples = 0;
    }

    /// Throws away the first packet unheard.
    fn discard_first(&mut self) {
        if let Some(first) = self.buffer.remove_first() {
            self.counters.samples_discarded_total += u64::from(first.samples);
        }
    }

    /// Leaves out about `samples` samples of the speaker's time: the packet that would have come next is faded into the one
    /// that comes after the cut. What never came of that time need not be thrown away.
    fn skip(&mut self, samples: u64, scratch: &mut Scratch) {
        let Some((packet, old_length)) = self.decode_first(&mut scratch.first) else { return };
        let mut left_out = u64::from(packet.samples);
        let at = |waiting: Waiting| waiting.timestamp.wrapping_sub(packet.timestamp);
        // What is left out last brings the decoder's state to where the cut ends.
        let (mut newest, mut settled, mut decoded) = (packet.sequence, SETTLED_SAMPLES_MIN, 0);
        while let Some(first) = self.buffer.first()
            && self.buffer.len() > 1
        {
            let follows = first.sequence == newest.wrapping_add(1);
            if at(first) >= samples && follows && settled >= SETTLED_SAMPLES_MIN {
                break;
            }
            settled = if follows { settled } else { 0 } + u64::from(first.samples);
            left_out += u64::from(first.samples);
            newest = first.sequence;
            let is_near_cut = at(first).saturating_add(u64::from(first.samples) + SETTLED_SAMPLES_MIN) >= samples;
            if (is_near_cut || self.buffer.len() <= 3) && decoded < SETTLING_PACKETS_MAX {
                decoded += 1;
                self.decode_first(&mut scratch.second);
            } else {
                self.buffer.remove_first();
            }
        }
        let new_length = self.decode_first(&mut scratch.second).and_then(|(_, length)| length);
        let (Some(old_length), Some(new_length)) = (old_length, new_length) else {
            self.conceal(packet.samples as usize, scratch);
            return;
        };
        self.counters.samples_discarded_total += left_out;
        blend(scratch.first[..old_length].iter(), &mut scratch.second[..new_length]);
        self.emit_true(&mut scratch.second[..new_length]);
    }

    /// Makes up sound, in steps of 2.5 ms; how many samples it became.
    fn conceal(&mut self, samples: usize, scratch: &mut Scratch) -> u32 {
        let length = samples.min(PACKET_SAMPLES_MAX) / CONCEAL_SAMPLES_STEP * CONCEAL_SAMPLES_STEP;
        let made_up = &mut scratch.first[..length];
        self.go_on(made_up);
        self.fader.conceal(made_up);
        self.comfort.add_to(made_up, 1.0 - self.fader.gain());
        self.emit(made_up);
        self.counters.samples_concealed_total += length as u64;
        u32::try_from(length).expect("a packet is at most 5,760 samples")
    }

    /// What might come next. A voice of which hardly anything was heard goes on as what was played last, backwards and
    /// forwards: neither has a step.
    fn go_on(&mut self, made_up: &mut [f32]) {
        if self.known_samples >= KNOWN_SAMPLES_MIN {
            self.decoder.conceal(made_up);
            return;
        }
        let there_and_back = self.tail.iter().rev().chain(self.tail.iter()).cycle();
        for (sample, played) in made_up.iter_mut().zip(there_and_back) {
            *sample = *played;
        }
    }

    /// Silence between two packets, the first part of it a fade.
    fn pause(&mut self, samples: u64, scratch: &mut Scratch) {
        let faded = self.fade_out(samples, scratch);
        let mut silence = samples - faded;
        while silence > 0 {
            let length = silence.min(PACKET_SAMPLES_MAX as u64) as usize;
            scratch.first[..length].fill(0.0);
            // Noise that concealment brought in leaves with it.
            if self.comfort.is_on() {
                self.comfort.add_to(&mut scratch.first[..length], 0.0);
            }
            self.emit(&scratch.first[..length]);
            silence -= length as u64;
        }
        if let Some(first) = self.buffer.first() {
            if !self.ended && self.next_sequence != Some(first.sequence) {
                self.counters.samples_concealed_total += samples;
            }
            self.cursor = first.timestamp;
            self.next_sequence = Some(first.sequence);
        }
        self.fader.silence();
        self.stalled_samples = 0;
    }

    fn stop(&mut self, scratch: &mut Scratch) {
        if !self.ended {
            self.broken_off = Some(0);
        }
        self.fade_out(u64::from(FADE_SAMPLES), scratch);
        self.fader.silence();
        self.playing = false;
        self.stalled_samples = 0;
    }

    /// Ends what sounds within 10 ms, or `samples` if that is less; how long it took.
    fn fade_out(&mut self, samples: u64, scratch: &mut Scratch) -> u64 {
        if self.fader.is_silent() {
            return 0;
        }
        let samples = samples.min(u64::from(FADE_SAMPLES)) as usize;
        let length = samples / CONCEAL_SAMPLES_STEP * CONCEAL_SAMPLES_STEP;
        let tail = &mut scratch.first[..length];
        self.go_on(tail);
        self.fader.end(tail);
        if self.comfort.is_on() {
            self.comfort.add_to(tail, 0.0);
        }
        self.emit(tail);
        length as u64
    }
}
