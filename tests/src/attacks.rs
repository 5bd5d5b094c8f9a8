//! The table of attacks, and that each gets the answer that it names.
//!
//! The server runs in a process of its own; attackers speak over bare sockets from addresses of 127.0.0.0/8. In each test
//! members of the product talk and hear meanwhile, and at its end they have heard everything, somebody new comes in,
//! nothing has panicked, and the server holds little more memory than before.

mod assets;
mod crowds;
mod deadlines;
mod floods;
mod framing;
mod handshake;
mod messages;
mod names;
mod scene;
mod sign_in;
mod tokens;

use std::time::Duration;

use dais_shared::wire::Goodbye;

use crate::harness::{Ending, RawPeer};
use scene::Scene;

/// From where attackers come, unless a test says otherwise: not the members' address.
const ATTACKER: [u8; 4] = [127, 0, 66, 6];

/// How far a connection has come when it is attacked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The handshake is answered.
    Upgraded,
    /// So is the hello.
    Greeted,
}

/// What the server does with what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It says this goodbye, closes with its code and hangs up.
    Goodbye(Goodbye),
    /// It says [`Goodbye::Malformed`], closes with this code and hangs up.
    Refused(u16),
    /// It answers the closing handshake with this code.
    Closed(u16),
    /// It goes on.
    Taken,
}

/// One line of the table.
struct Row {
    name: &'static str,
    at: Stage,
    sends: Vec<u8>,
    answer: Answer,
}

/// A line about a connection that has said hello.
fn row(name: &'static str, sends: Vec<u8>, answer: Answer) -> Row {
    Row { name, at: Stage::Greeted, sends, answer }
}

/// A frame against the standard.
const PROTOCOL: Answer = Answer::Refused(1002);
/// A lawful frame with what the protocol does not know.
const MALFORMED: Answer = Answer::Goodbye(Goodbye::Malformed);
const TOO_LARGE: Answer = Answer::Goodbye(Goodbye::TooLarge);

/// Each over a connection of its own.
async fn are_answered(scene: &Scene, rows: Vec<Row>) {
    for Row { name, at, sends, answer } in rows {
        let mut peer = match at {
            Stage::Upgraded => RawPeer::upgraded(ATTACKER, scene.address()).await,
            Stage::Greeted => RawPeer::greeted(ATTACKER, scene.address()).await,
        };
        // A server that refuses early hangs up on the rest.
        let _ = peer.tries_to_send(&sends).await;
        let ending = match answer {
            Answer::Taken => {
                assert!(peer.is_heard().await, "{name}: the connection is gone");
                continue;
            }
            Answer::Refused(code) => Ending { goodbye: Some(Goodbye::Malformed), close_code: Some(code) },
            Answer::Closed(code) => Ending { goodbye: None, close_code: Some(code) },
            Answer::Goodbye(goodbye) => Ending::with(goodbye),
        };
        assert_eq!(peer.ending(Duration::from_secs(10)).await, ending, "{name}");
    }
}
