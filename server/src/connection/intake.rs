//! How much one connection may send. Told the time.

use dais_shared::limits::{
    COMMAND_BURST, COMMANDS_PER_SECOND, MESSAGE_BURST, MESSAGES_PER_SECOND, PASSCODE_BURST, PASSCODE_SECONDS, REACTION_BURST,
    REACTIONS_PER_SECOND, REFUSALS_BURST, REFUSALS_PER_SECOND, SIGNALS_BURST, SIGNALS_PER_SECOND, VOICE_BYTES_BURST,
    VOICE_BYTES_PER_SECOND, VOICE_FRAME_BURST, VOICE_FRAMES_PER_SECOND,
};
use dais_shared::rate::TokenBucket;
use dais_shared::room::Command;
use dais_shared::wire::Request;

/// What a message is charged as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charge {
    /// A request.
    Command,
    /// A chat message.
    Message,
    /// A reaction.
    Reaction,
    /// A try at a passcode.
    Passcode,
    /// A heartbeat, report or mapping.
    Signal,
    /// A voice frame of so many bytes.
    Voice { bytes: usize },
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    /// Drop it; a request is told so.
    Refuse,
    /// The connection floods: end it.
    Close,
}

/// What a request is charged as: each of these.
pub(super) fn charges(request: &Request) -> impl Iterator<Item = Charge> + use<> {
    let special = match request {
        Request::Room(Command::SendMessage(_)) => Some(Charge::Message),
        Request::Room(Command::React(_)) => Some(Charge::Reaction),
        Request::JoinRoom { passcode: Some(_), .. } => Some(Charge::Passcode),
        _ => None,
    };
    std::iter::once(Charge::Command).chain(special)
}

/// Whether a request counts as an arrival: it costs the store a write, and everybody in a room a change.
pub(super) const fn is_arrival(request: &Request) -> bool {
    matches!(request, Request::Login { .. } | Request::CreateRoom { .. } | Request::JoinRoom { .. })
}

/// One connection's buckets.
#[derive(Debug)]
pub(super) struct Intake {
    commands: TokenBucket,
    messages: TokenBucket,
    reactions: TokenBucket,
    passcodes: TokenBucket,
    signals: TokenBucket,
    voice_frames: TokenBucket,
    voice_bytes: TokenBucket,
    refusals: TokenBucket,
}

impl Intake {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            commands: TokenBucket::new(COMMAND_BURST, COMMANDS_PER_SECOND, now_ms),
            messages: TokenBucket::new(MESSAGE_BURST, MESSAGES_PER_SECOND, now_ms),
            reactions: TokenBucket::new(REACTION_BURST, REACTIONS_PER_SECOND, now_ms),
            passcodes: TokenBucket::new(PASSCODE_BURST * PASSCODE_SECONDS, 1, now_ms),
            signals: TokenBucket::new(SIGNALS_BURST, SIGNALS_PER_SECOND, now_ms),
            voice_frames: TokenBucket::new(VOICE_FRAME_BURST, VOICE_FRAMES_PER_SECOND, now_ms),
            voice_bytes: TokenBucket::new(VOICE_BYTES_BURST, VOICE_BYTES_PER_SECOND, now_ms),
            refusals: TokenBucket::new(REFUSALS_BURST, REFUSALS_PER_SECOND, now_ms),
        }
    }

    pub(super) fn judge(&mut self, charge: Charge, now_ms: u64) -> Verdict {
        let is_within = match charge {
            Charge::Command => self.commands.take(1, now_ms),
            Charge::Message => self.messages.take(1, now_ms),
            Charge::Reaction => self.reactions.take(1, now_ms),
            Charge::Passcode => self.passcodes.take(PASSCODE_SECONDS, now_ms),
            Charge::Signal => self.signals.take(1, now_ms),
            Charge::Voice { bytes } => {
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                self.voice_frames.take(1, now_ms) && self.voice_bytes.take(bytes, now_ms)
            }
        };
        if is_within {
            Verdict::Accept
        } else if self.refusals.take(1, now_ms) {
            Verdict::Refuse
        } else {
            Verdict::Close
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(charge: Charge, count: u32) -> Vec<Verdict> {
        let mut intake = Intake::new(0);
        (0..count).map(|_| intake.judge(charge, 0)).collect()
    }

    #[test]
    fn a_burst_is_taken_then_refused_then_it_is_a_flood() {
        for (charge, burst) in [
            (Charge::Command, COMMAND_BURST),
            (Charge::Message, MESSAGE_BURST),
            (Charge::Reaction, REACTION_BURST),
            (Charge::Passcode, PASSCODE_BURST),
            (Charge::Signal, SIGNALS_BURST),
            (Charge::Voice { bytes: 10 }, VOICE_FRAME_BURST),
            (Charge::Voice { bytes: 1024 }, VOICE_BYTES_BURST / 1024),
        ] {
            let verdicts = verdicts(charge, burst + REFUSALS_BURST + 1);
            let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
            assert_eq!(count(Verdict::Accept), burst as usize, "{charge:?}");
            assert_eq!(count(Verdict::Refuse), REFUSALS_BURST as usize, "{charge:?}");
            assert_eq!(verdicts.last(), Some(&Verdict::Close), "{charge:?}");
        }
    }

    #[test]
    fn honest_voice_is_never_refused() {
        let mut intake = Intake::new(0);
        for frame in 0..1000 {
            assert_eq!(intake.judge(Charge::Voice { bytes: 120 }, frame * 10), Verdict::Accept, "frame {frame}");
        }
    }
}
