//! The two ways to a room: what people say, and what they ask. Voice goes first: it never waits for more than a few commands,
//! however many there are. Nor do commands wait for an end of voice: some are taken out each time, so that whoever is to be
//! muted can be muted even while more voice comes than the room passes on.
//!
//! That changes nothing of what may be heard: whether a frame may pass is judged when it is taken out, by what the room has
//! become by then, and a speaker sends only when the server has told him that he may.

use bytes::Bytes;
use dais_shared::limits::{ROOM_BATCH_MAX, ROOM_COMMANDS_BATCH_MAX, ROOM_MAILBOX_MAX, ROOM_VOICE_MAX};
use dais_shared::voice::Header;
use tokio::sync::mpsc;

use super::Message;
use crate::fan_out::Occupant;

/// What a speaker's connection passes on.
#[derive(Debug)]
pub(crate) enum Sound {
    /// A voice frame: the header, and the bytes in which it stands.
    Frame { from: Occupant, arrived_ms: u64, header: Header, bytes: Bytes },
    /// How a speaker's capture time maps to the server's clock.
    ClockMapping { from: Occupant, timestamp: u64, server_ms: u64 },
}

/// The room's end of both ways.
#[derive(Debug)]
pub(crate) struct Inbox {
    sounds: mpsc::Receiver<Sound>,
    messages: mpsc::Receiver<Message>,
    /// No more sounds can come.
    is_silent: bool,
}

/// What was taken out at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) sounds: Vec<Sound>,
    pub(super) messages: Vec<Message>,
}

/// The senders' ends, and the room's.
pub(crate) fn open() -> (mpsc::Sender<Message>, mpsc::Sender<Sound>, Inbox) {
    let (mailbox, messages) = mpsc::channel(ROOM_MAILBOX_MAX);
    let (voice, sounds) = mpsc::channel(ROOM_VOICE_MAX);
    (mailbox, voice, Inbox { sounds, messages, is_silent: false })
}

impl Inbox {
    /// Takes out what waits, as soon as anything does: voice, and a few messages. False when nothing will ever come. May
    /// be dropped and called again.
    pub(super) async fn take(&mut self, batch: &mut Batch) -> bool {
        loop {
            tokio::select! {
                biased;
                count = self.sounds.recv_many(&mut batch.sounds, ROOM_BATCH_MAX), if !self.is_silent => {
                    if count == 0 {
                        self.is_silent = true;
                        continue;
                    }
                    while batch.messages.len() < ROOM_COMMANDS_BATCH_MAX && let Ok(message) = self.messages.try_recv() {
                        batch.messages.push(message);
                    }
                    return true;
                }
                count = self.messages.recv_many(&mut batch.messages, ROOM_COMMANDS_BATCH_MAX) => return count > 0,
            }
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.messages.is_closed()
    }

    /// Takes nothing new in; what waits can still be taken out.
    pub(super) fn close(&mut self) {
        self.sounds.close();
        self.messages.close();
    }
}

#[cfg(test)]
mod tests {
    use dais_shared::ids::{ConnectionId, MemberId};

    use super::*;

    #[tokio::test]
    async fn voice_and_what_is_asked_come_out_together_however_much_there_is_of_the_other() {
        let (mailbox, voice, mut inbox) = open();
        let from = Occupant { member: MemberId(1), connection: ConnectionId(1) };
        for _ in 0..ROOM_MAILBOX_MAX {
            mailbox.try_send(Message::Lost(from)).expect("it is empty");
        }
        let mut taken = 0;
        for _ in 0..3 {
            // There is more voice each time.
            voice.try_send(Sound::ClockMapping { from, timestamp: 1, server_ms: 1 }).expect("it has room of its own");
            let mut batch = Batch::default();
            assert!(inbox.take(&mut batch).await);
            assert_eq!((batch.sounds.len(), batch.messages.len()), (1, ROOM_COMMANDS_BATCH_MAX));
            taken += batch.messages.len();
        }
        inbox.close();
        while inbox.take(&mut Batch::default()).await {
            taken += ROOM_COMMANDS_BATCH_MAX;
        }
        assert!(taken >= ROOM_MAILBOX_MAX, "what waits is not lost");
    }
}
