//! How much of a chat a room is shown. Everybody gets every message, so that what one writes costs all: beyond what people can
//! read, a message is refused rather than lost. Told the time.

use std::collections::BTreeMap;

use dais_shared::ids::UserId;
use dais_shared::limits::{
    CHAT_BYTES_BURST, CHAT_BYTES_PER_SECOND, CHAT_BYTES_RESERVED, CHAT_FRESH_MS, CHAT_MESSAGE_BYTES_MIN,
    CHAT_MODERATORS_BYTES_BURST, CHAT_MODERATORS_BYTES_PER_SECOND, CHAT_NETWORK_FRESH_MS,
};
use dais_shared::rate::TokenBucket;
use dais_shared::room::Seat;

use crate::shares::Network;

/// Somebody who writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    user: UserId,
    network: Network,
    is_moderator: bool,
}

impl From<&Seat> for Writer {
    fn from(seat: &Seat) -> Self {
        Self { user: seat.user, network: Network::widest(seat.address), is_moderator: seat.role.is_moderator() }
    }
}

/// One room's buckets of bytes. The moderators have one of their own, and the common one where that is empty. Whoever has written
/// nothing for a while finds some of it kept: those who write all the time cannot keep a newcomer from a first word. A
/// network that sends one newcomer after the other has that only now and then.
#[derive(Debug)]
pub(super) struct Chat {
    bytes: TokenBucket,
    moderators: TokenBucket,
    /// Who has written of late, and when last.
    wrote_ms: BTreeMap<UserId, u64>,
    /// From where newcomers have written of late, and when last.
    newcomer_ms: BTreeMap<Network, u64>,
}

impl Chat {
    pub(super) fn new(now_ms: u64) -> Self {
        let bytes = TokenBucket::new(CHAT_BYTES_BURST, CHAT_BYTES_PER_SECOND, now_ms);
        let moderators = TokenBucket::new(CHAT_MODERATORS_BYTES_BURST, CHAT_MODERATORS_BYTES_PER_SECOND, now_ms);
        Self { bytes, moderators, wrote_ms: BTreeMap::new(), newcomer_ms: BTreeMap::new() }
    }

    /// Whether a message of so many bytes may be shown now. It counts when it is ([`Chat::handle_shown`]).
    pub(super) fn has_room(&mut self, writer: Writer, bytes: usize, now_ms: u64) -> bool {
        let kept = if self.is_newcomer(writer, now_ms) { 0 } else { CHAT_BYTES_RESERVED };
        let is_kept_for = writer.is_moderator && self.moderators.holds(cost(bytes), now_ms);
        is_kept_for || self.bytes.holds(cost(bytes).saturating_add(kept), now_ms)
    }

    /// A message is shown.
    pub(super) fn handle_shown(&mut self, writer: Writer, bytes: usize, now_ms: u64) {
        self.wrote_ms.retain(|_, wrote_ms| now_ms < wrote_ms.saturating_add(CHAT_FRESH_MS));
        if writer.is_moderator && self.moderators.holds(cost(bytes), now_ms) {
            self.moderators.take_what_is_there(cost(bytes), now_ms);
            self.wrote_ms.insert(writer.user, now_ms);
            return;
        }
        let needs_what_is_kept = !self.bytes.holds(cost(bytes).saturating_add(CHAT_BYTES_RESERVED), now_ms);
        if needs_what_is_kept && self.is_newcomer(writer, now_ms) {
            self.newcomer_ms.retain(|_, wrote_ms| now_ms < wrote_ms.saturating_add(CHAT_NETWORK_FRESH_MS));
            self.newcomer_ms.insert(writer.network, now_ms);
        }
        self.wrote_ms.insert(writer.user, now_ms);
        self.bytes.take_what_is_there(cost(bytes), now_ms);
    }

    fn is_newcomer(&self, writer: Writer, now_ms: u64) -> bool {
        let is_over =
            |wrote_ms: Option<&u64>, after_ms| wrote_ms.is_none_or(|wrote_ms| now_ms >= wrote_ms.saturating_add(after_ms));
        is_over(self.wrote_ms.get(&writer.user), CHAT_FRESH_MS)
            && is_over(self.newcomer_ms.get(&writer.network), CHAT_NETWORK_FRESH_MS)
    }
}

fn cost(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).max(CHAT_MESSAGE_BYTES_MIN)
}

#[cfg(test)]
mod tests {
    use dais_shared::ids::AddressPrefix;
    use dais_shared::limits::{DELTA_BYTES_PER_SECOND, MESSAGE_CHARS_MAX, NAME_CHARS_MAX};

    use super::*;

    /// Somebody from one of many networks.
    fn writer(user: u64, network: u8) -> Writer {
        let address = AddressPrefix::V4([10, 0, network, 1]);
        Writer { user: UserId(user), network: Network::widest(address), is_moderator: false }
    }

    fn takes(chat: &mut Chat, writer: Writer, bytes: usize, now_ms: u64) -> bool {
        let has_room = chat.has_room(writer, bytes, now_ms);
        if has_room {
            chat.handle_shown(writer, bytes, now_ms);
        }
        has_room
    }

    #[test]
    fn the_longest_message_is_taken_of_whoever_wrote_just_before() {
        let mut chat = Chat::new(0);
        let longest = 4 * (MESSAGE_CHARS_MAX + NAME_CHARS_MAX);
        assert!(takes(&mut chat, writer(1, 1), longest, 0));
        assert!(takes(&mut chat, writer(1, 1), longest, 2_000));
    }

    #[test]
    fn a_crowd_that_writes_all_the_time_leaves_a_newcomer_and_a_moderator_their_word() {
        for users in [100, 5_000] {
            let mut chat = Chat::new(0);
            let (mut taken, mut bytes) = (0, 0);
            for now_ms in (0..20_000).step_by(10) {
                for user in (0..users).step_by(20) {
                    if takes(&mut chat, writer(user + now_ms % 20, 1), 500, now_ms) {
                        taken += 1;
                        bytes += 500;
                    }
                }
            }
            assert!(taken > 50 && bytes <= u64::from(CHAT_BYTES_BURST + 20 * CHAT_BYTES_PER_SECOND), "{taken} messages");
            let moderator = Writer { is_moderator: true, ..writer(0, 1) };
            assert!((0..10).all(|_| takes(&mut chat, moderator, 200, 20_000)), "beside {users}");
            assert!(takes(&mut chat, writer(10_000, 2), 500, 20_000), "beside {users}");
        }
    }

    #[test]
    fn moderators_who_write_all_the_time_are_shown_no_more_than_goes_out() {
        let mut chat = Chat::new(0);
        let mut bytes = 0;
        for now_ms in (0..60_000_u64).step_by(10) {
            for user in 0..16 {
                let moderator = Writer { is_moderator: true, ..writer(user, user as u8) };
                bytes += if takes(&mut chat, moderator, 2_000, now_ms) { 2_000 } else { 0 };
            }
        }
        let bursts = u64::from(CHAT_BYTES_BURST + CHAT_MODERATORS_BYTES_BURST);
        let rate = CHAT_BYTES_PER_SECOND + CHAT_MODERATORS_BYTES_PER_SECOND;
        assert!(rate < DELTA_BYTES_PER_SECOND && bytes <= bursts + 60 * u64::from(rate), "{bytes} bytes");
        assert!(takes(&mut chat, writer(100, 100), 500, 60_000), "a newcomer finds what is kept");
    }

    #[test]
    fn a_calm_chat_uses_up_nothing_of_what_is_kept_for_a_network() {
        let mut chat = Chat::new(0);
        let teacher = Writer { is_moderator: true, ..writer(1, 1) };
        assert!(takes(&mut chat, teacher, 300, 0) && takes(&mut chat, writer(2, 1), 300, 0));
        // A crowd from elsewhere takes all but what is kept.
        for user in 10..100 {
            takes(&mut chat, writer(user, 2), 300, 0);
            takes(&mut chat, writer(user, 2), 300, 0);
        }
        assert!(takes(&mut chat, writer(3, 1), 300, 0), "the next pupil finds it");
        assert!(!takes(&mut chat, writer(4, 1), 300, 0), "and that network not once more");
    }

    #[test]
    fn what_is_not_shown_costs_nothing() {
        let mut chat = Chat::new(0);
        assert!((0..1_000).all(|_| chat.has_room(writer(1, 1), 500, 0)));
    }

    #[test]
    fn what_is_remembered_of_writers_is_forgotten() {
        let mut chat = Chat::new(0);
        for number in 0..10_000 {
            let _ = takes(&mut chat, writer(number, number as u8), 1, number * 100);
        }
        assert!(chat.wrote_ms.len() as u64 <= CHAT_FRESH_MS / 100);
        assert!(chat.newcomer_ms.len() as u64 <= CHAT_NETWORK_FRESH_MS / 100);
    }
}
