//! How much of a chat a room is shown. Everybody gets every message, so that what one writes costs all: beyond what people can
//! read, a message is refused rather than lost. Told the time.

use std::collections::BTreeMap;

use dais_shared::ids::UserId;
use dais_shared::limits::{CHAT_BYTES_BURST, CHAT_BYTES_PER_SECOND, CHAT_BYTES_RESERVED, CHAT_FRESH_MS, CHAT_MESSAGE_BYTES_MIN};
use dais_shared::rate::TokenBucket;

/// One room's bucket of bytes. Whoever has written nothing for a while finds some of it kept for him: those who write all the
/// time cannot keep a newcomer from his first word.
#[derive(Debug)]
pub(super) struct Chat {
    bytes: TokenBucket,
    /// Who has written of late, and when last.
    wrote_ms: BTreeMap<UserId, u64>,
}

impl Chat {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { bytes: TokenBucket::new(CHAT_BYTES_BURST, CHAT_BYTES_PER_SECOND, now_ms), wrote_ms: BTreeMap::new() }
    }

    /// Whether a message of so many bytes may be shown now; then it counts.
    pub(super) fn takes(&mut self, user: UserId, bytes: usize, now_ms: u64) -> bool {
        self.wrote_ms.retain(|_, wrote_ms| now_ms < wrote_ms.saturating_add(CHAT_FRESH_MS));
        let cost = u32::try_from(bytes).unwrap_or(u32::MAX).max(CHAT_MESSAGE_BYTES_MIN);
        let kept = if self.wrote_ms.contains_key(&user) { CHAT_BYTES_RESERVED } else { 0 };
        if !self.bytes.take(cost.saturating_add(kept), now_ms) {
            return false;
        }
        self.bytes.give_back(kept);
        self.wrote_ms.insert(user, now_ms);
        true
    }
}

#[cfg(test)]
mod tests {
    use dais_shared::limits::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX};

    use super::*;

    #[test]
    fn the_longest_message_is_taken_of_whoever_wrote_just_before() {
        let mut chat = Chat::new(0);
        let longest = 4 * (MESSAGE_CHARS_MAX + NAME_CHARS_MAX);
        assert!(chat.takes(UserId(1), longest, 0));
        assert!(chat.takes(UserId(1), longest, 2_000));
    }

    #[test]
    fn a_crowd_that_writes_all_the_time_leaves_a_newcomer_his_word() {
        let mut chat = Chat::new(0);
        let (mut taken, mut bytes) = (0, 0);
        for now_ms in (0..20_000).step_by(10) {
            for user in (0..100).map(UserId) {
                if chat.takes(user, 500, now_ms) {
                    taken += 1;
                    bytes += 500;
                }
            }
        }
        assert!(taken > 50 && bytes <= u64::from(CHAT_BYTES_BURST + 20 * CHAT_BYTES_PER_SECOND), "{taken} messages");
        assert!(chat.takes(UserId(1_000), 500, 20_000));
    }

    #[test]
    fn what_is_remembered_of_writers_is_forgotten() {
        let mut chat = Chat::new(0);
        for number in 0..10_000 {
            let _ = chat.takes(UserId(number), 1, number * 100);
        }
        assert!(chat.wrote_ms.len() as u64 <= CHAT_FRESH_MS / 100);
    }
}
