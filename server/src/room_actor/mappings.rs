//! How speakers' clocks lie to the server's, on the way to everybody. Each costs every listener a write, and only the newest of
//! a speaker says anything: so they are few, however many a speaker sends, and those of several leave together. Told the time.

use bytes::Bytes;
use dais_shared::ids::{MemberId, StreamId};
use dais_shared::limits::{MAPPING_MS_MIN, MAPPINGS_MS_MIN};

/// Mappings that wait, and when others left. As many as there are microphones.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    of_speakers: Vec<Mapping>,
    /// When the last of anybody's left.
    sent_ms: Option<u64>,
}

#[derive(Debug)]
struct Mapping {
    speaker: MemberId,
    stream: StreamId,
    /// As a finished frame, while it waits.
    frame: Option<Bytes>,
    sent_ms: Option<u64>,
}

impl Mapping {
    fn due_ms(&self) -> Option<u64> {
        self.frame.as_ref().map(|_| self.sent_ms.map_or(0, |sent_ms| sent_ms + MAPPING_MS_MIN))
    }
}

impl Mappings {
    /// Takes a speaker's newest in.
    pub(super) fn push(&mut self, speaker: MemberId, stream: StreamId, frame: Bytes) {
        match self.of_speakers.iter_mut().find(|mapping| mapping.speaker == speaker) {
            Some(mapping) => (mapping.stream, mapping.frame) = (stream, Some(frame)),
            None => self.of_speakers.push(Mapping { speaker, stream, frame: Some(frame), sent_ms: None }),
        }
    }

    /// When some of them are to leave; in the past where they need not wait.
    pub(super) fn due_ms(&self) -> Option<u64> {
        let first = self.of_speakers.iter().filter_map(Mapping::due_ms).min()?;
        Some(self.sent_ms.map_or(first, |sent_ms| first.max(sent_ms + MAPPINGS_MS_MIN)))
    }

    /// What leaves now: all that waits, of those who may still be heard.
    pub(super) fn take(&mut self, now_ms: u64, may_speak: impl Fn(MemberId, StreamId) -> bool) -> Vec<(MemberId, Bytes)> {
        self.of_speakers.retain(|mapping| may_speak(mapping.speaker, mapping.stream));
        if self.due_ms().is_none_or(|due_ms| due_ms > now_ms) {
            return Vec::new();
        }
        self.sent_ms = Some(now_ms);
        let waiting = self.of_speakers.iter_mut().filter(|mapping| mapping.due_ms().is_some_and(|due_ms| due_ms <= now_ms));
        waiting
            .filter_map(|mapping| {
                mapping.sent_ms = Some(now_ms);
                mapping.frame.take().map(|frame| (mapping.speaker, frame))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When mappings leave of so many speakers who send one each so often, for so long.
    fn left(speakers: u32, every_ms: usize, for_ms: u64) -> Vec<(u64, Vec<u32>)> {
        let mut mappings = Mappings::default();
        let mut groups = Vec::new();
        for now_ms in 0..for_ms {
            if now_ms % every_ms as u64 == 0 && now_ms < for_ms / 2 {
                for speaker in 0..speakers {
                    mappings.push(MemberId(speaker), StreamId(speaker), Bytes::from(now_ms.to_string()));
                }
            }
            let group = mappings.take(now_ms, |_, _| true);
            if !group.is_empty() {
                groups.push((now_ms, group.iter().map(|(speaker, _)| speaker.0).collect()));
            }
        }
        assert_eq!(mappings.due_ms(), None, "nothing waits for ever");
        groups
    }

    #[test]
    fn the_first_leaves_at_once_and_no_more_than_four_a_second_follow() {
        assert_eq!(left(1, 5_000, 1_000), [(0, vec![0])]);
        let groups = left(1, 50, 4_000);
        assert_eq!(groups[..3], [(0, vec![0]), (250, vec![0]), (500, vec![0])]);
        assert!(groups.len() <= 4 * 2 + 1, "{groups:?}");
    }

    #[test]
    fn however_many_speakers_there_are_a_listener_gets_few() {
        let groups = left(16, 50, 4_000);
        assert!(groups.len() <= 10 * 2 + 1, "{groups:?}");
        assert_eq!(groups.iter().map(|(_, speakers)| speakers.len()).sum::<usize>(), 16 * (4 * 2 + 1));
    }

    #[test]
    fn the_newest_leaves_and_nothing_of_whom_nobody_may_hear() {
        let mut mappings = Mappings::default();
        let push = |mappings: &mut Mappings, text: &'static str| {
            mappings.push(MemberId(1), StreamId(1), Bytes::from_static(text.as_bytes()));
        };
        push(&mut mappings, "a");
        assert_eq!(mappings.take(0, |_, _| true), [(MemberId(1), Bytes::from_static(b"a"))]);
        push(&mut mappings, "b");
        push(&mut mappings, "c");
        assert_eq!(mappings.take(MAPPING_MS_MIN - 1, |_, _| true), []);
        assert_eq!(mappings.take(MAPPING_MS_MIN, |_, _| true), [(MemberId(1), Bytes::from_static(b"c"))]);
        push(&mut mappings, "d");
        assert_eq!(mappings.take(2 * MAPPING_MS_MIN, |_, _| false), []);
        assert_eq!(mappings.due_ms(), None);
    }
}
