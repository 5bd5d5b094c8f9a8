//! The end of a connection: the seat, the goodbye, and the time to read it.

use std::time::Duration;

use dais_shared::limits::CLOSE_LINGER_MS;
use dais_shared::wire::Goodbye;
use tokio::time::timeout;

use super::{Connection, End};
use crate::outbox::Outbox;
use crate::refusal::Refusal;
use crate::room_actor::Message;
use crate::server::House;
use crate::websocket::FrameError;

impl Connection {
    /// Gives the seat up or has it held, says goodbye, and lets the peer read it before the socket goes.
    pub(super) async fn finish(mut self, end: End) {
        if let Some(identity) = &self.identity {
            self.house.auth.end_session(identity.user, self.id);
        }
        self.house.outboxes.remove(self.id);
        if let End::Refused(_) | End::Goodbye(Goodbye::Malformed | Goodbye::TooLarge | Goodbye::WrongVersion | Goodbye::TooFast) =
            end
        {
            self.house.metrics.misbehaved_total.add(1);
        }
        let refused = match end {
            End::Refused(error) => Some(goodbye(error).0),
            End::Goodbye(goodbye) => Some(goodbye),
            End::Closed(_) | End::Broken => None,
        };
        if let Some(refusal) = refused.and_then(Refusal::of_goodbye) {
            self.refuse(refusal);
        }
        if end == End::Goodbye(Goodbye::LoggedOut) {
            self.leave_room(None).await;
        } else if let Some((room, from)) = self.occupant() {
            // A room that has closed needs no telling.
            let _ = room.mailbox.send(Message::Lost(from)).await;
        }
        let now_ms = self.house.clock.now_ms();
        let has_left = match end {
            End::Goodbye(goodbye) => self.outbox.send_goodbye(goodbye, goodbye.close_code(), now_ms),
            End::Refused(error) => {
                let (goodbye, code) = goodbye(error);
                self.outbox.send_goodbye(goodbye, code, now_ms)
            }
            End::Closed(code) => self.outbox.send_close(code, now_ms),
            End::Broken => return,
        };
        let linger = linger(&self.house, &self.outbox, has_left);
        let _ = timeout(Duration::from_millis(CLOSE_LINGER_MS), linger).await;
        // Whoever still holds the outbox must not keep the socket open.
        let _ = self.outbox.socket().shutdown(std::net::Shutdown::Both);
    }
}

/// What the peer of such a frame is told, and with which close code (RFC 6455, section 7.4.1).
const fn goodbye(error: FrameError) -> (Goodbye, u16) {
    const PROTOCOL_ERROR: u16 = 1002;
    const UNACCEPTABLE_DATA: u16 = 1003;
    match error {
        FrameError::TooLarge => (Goodbye::TooLarge, Goodbye::TooLarge.close_code()),
        FrameError::Protocol => (Goodbye::Malformed, PROTOCOL_ERROR),
        FrameError::Text => (Goodbye::Malformed, UNACCEPTABLE_DATA),
        FrameError::NotUtf8 => (Goodbye::Malformed, Goodbye::Malformed.close_code()),
    }
}

/// Lets the rest leave, then waits for the peer's end of the stream: closing on unread bytes would reset the connection
/// and take the goodbye with it.
async fn linger(house: &House, outbox: &Outbox, mut has_left: bool) {
    while !has_left {
        if outbox.socket().writable().await.is_err() {
            return;
        }
        has_left = outbox.handle_writable(house.clock.now_ms());
    }
    let _ = outbox.socket().shutdown(std::net::Shutdown::Write);
    while outbox.socket().readable().await.is_ok() && outbox.ignore_some() {}
}
