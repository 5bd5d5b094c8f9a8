//! One way to write what looks the same. Everything that people write comes through here before it is checked, kept or compared:
//! composed (NFC, Unicode Standard Annex 15), since keyboards and systems write one letter in several ways, and secrets as
//! RFC 8265 has it for passwords, section 4.2. What a name looks like is in [`looks`].
//!
//! It stands in the server alone: the tables are too heavy for the page, and what a client says of itself is not believed.

mod looks;

use std::borrow::Cow;

use dais_shared::names::{self, InvalidName, shows_nothing, with_single_blanks};
use dais_shared::room::{Command, Setting};
use dais_shared::wire::Request;
use unicode_normalization::{UnicodeNormalization, is_nfc};

pub(crate) use looks::{likeness, looks};

/// A person's name; see [`names::person`].
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub(crate) fn person(text: &str) -> Result<String, InvalidName> {
    names::person(&composed(text))
}

/// A room's title; see [`names::title`].
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub(crate) fn title(text: &str) -> Result<String, InvalidName> {
    names::title(&composed(text))
}

/// A room's passcode; see [`names::passcode`].
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub(crate) fn passcode(text: &str) -> Result<String, InvalidName> {
    names::passcode(&secret(text))
}

/// A secret that people type, in the one form in which it is set and compared: composed, trimmed, with one kind of blank, never
/// two of them in a row, and without what nobody sees. Capital letters and wide ones stay what they are.
pub(crate) fn secret(text: &str) -> String {
    let seen: String = composed(text).chars().filter(|c| !shows_nothing(*c)).collect();
    with_single_blanks(&composed(&seen)).trim().to_owned()
}

/// A request with everything in it written in one way. What of it is lawful is judged later.
pub(crate) fn request(request: Request) -> Request {
    match request {
        Request::Login { name } => Request::Login { name: text(name) },
        Request::CreateRoom { room, title, mode, unlisted, passcode, page } => {
            let passcode = passcode.map(|said| secret(&said));
            Request::CreateRoom { room, title: text(title), mode, unlisted, passcode, page }
        }
        Request::JoinRoom { room, passcode, page, take_over, microphone_open } => {
            let passcode = passcode.map(|said| secret(&said));
            Request::JoinRoom { room, passcode, page, take_over, microphone_open }
        }
        Request::Room(asked) => Request::Room(command(asked)),
        without_text @ (Request::Logout
        | Request::ListRooms { .. }
        | Request::WatchRooms { .. }
        | Request::LeaveRoom
        | Request::ListMembers { .. }
        | Request::Resync
        | Request::DescribeRoom { .. }
        | Request::ListMessages { .. }
        | Request::ListBanned
        | Request::Silence { .. }) => without_text,
    }
}

fn command(command: Command) -> Command {
    match command {
        Command::SendMessage(message) => Command::SendMessage(text(message)),
        Command::SetPasscode(passcode) => Command::SetPasscode(passcode.map(|said| secret(&said))),
        Command::Set(Setting::Title(title)) => Command::Set(Setting::Title(text(title))),
        Command::Set(Setting::Topic(topic)) => Command::Set(Setting::Topic(text(topic))),
        without_text @ (Command::Set(
            Setting::Mode(_) | Setting::HandQueue(_) | Setting::Chat(_) | Setting::Lock(_) | Setting::Unlisted(_),
        )
        | Command::RaiseHand
        | Command::LowerHand
        | Command::RespondInvite { .. }
        | Command::TakeSeat
        | Command::LeaveStage
        | Command::SetMicrophone { .. }
        | Command::ReportMicrophone(_)
        | Command::React(_)
        | Command::Invite(_)
        | Command::CancelInvite(_)
        | Command::AdmitHand(_)
        | Command::DeclineHand(_)
        | Command::LowerAllHands
        | Command::MuteSpeaker(_)
        | Command::MuteAll
        | Command::LiftMute(_)
        | Command::RemoveFromStage(_)
        | Command::Kick(_)
        | Command::Ban(_)
        | Command::BanDeparted(_)
        | Command::Unban(_)
        | Command::RemoveMessage(_)
        | Command::MakeCoHost(_)
        | Command::RemoveCoHost(_)
        | Command::HandOver(_)
        | Command::NameSuccessor(_)
        | Command::EndRoom) => without_text,
    }
}

fn text(text: String) -> String {
    match composed(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(composed) => composed,
    }
}

fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) { text.into() } else { text.nfc().collect() }
}

#[cfg(test)]
mod tests {
    use dais_shared::ids::{PageId, RoomId};
    use dais_shared::limits::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, PASSCODE_CHARS_MAX};
    use dais_shared::room::Mode;

    use super::*;

    const CAFE: &str = "caf\u{E9}";
    const APART: &str = "cafe\u{301}";

    #[test]
    fn names_are_composed_before_they_are_counted() {
        assert_eq!(person(" Jose\u{301}\u{A0}\u{A0}Ruiz "), Ok("José Ruiz".to_owned()));
        assert_eq!(person(&APART.repeat(10)), Ok(CAFE.repeat(10)), "50 characters that become 40");
        assert_eq!(person(&"\u{958}".repeat(NAME_CHARS_MAX / 2 + 1)), Err(InvalidName::TooLong), "21 that become 42");
        assert_eq!(person("\u{1112}\u{1161}\u{11AB}"), Ok("한".to_owned()));
        assert_eq!(title(&format!("\u{212B} {APART}")), Ok(format!("Å {CAFE}")));
        for nothing in ["\u{FE0F}\u{200B}", "\u{3164}\u{3000}", "\u{2800}"] {
            assert_eq!(person(nothing), Err(InvalidName::Empty), "{nothing:?}");
        }
        assert_eq!(person("a\u{202E}b"), Err(InvalidName::Unprintable));
    }

    #[test]
    fn a_secret_is_what_is_seen_of_it() {
        for (said, meant) in [
            (APART, CAFE),
            (" caf\u{E9}\u{3000}", CAFE),
            ("ca\u{AD}fe\u{200D}\u{301}\u{200B}", CAFE),
            ("\u{FEFF}open\u{A0}\u{2009}sesame", "open sesame"),
            ("open\u{200B} \u{200B} sesame", "open sesame"),
            ("\u{1112}\u{1161}\u{11AB}", "한"),
            ("Sesame", "Sesame"),
            ("ｃａｆ\u{E9}", "ｃａｆ\u{E9}"),
        ] {
            assert_eq!(secret(said), meant, "{said:?}");
            assert_eq!(secret(&secret(said)), meant, "once is enough: {said:?}");
        }
        assert_eq!(passcode(&"e\u{301}".repeat(PASSCODE_CHARS_MAX)), Ok("\u{E9}".repeat(PASSCODE_CHARS_MAX)));
        assert_eq!(passcode("\u{200B}"), Err(InvalidName::Empty));
        assert_eq!(passcode("a\u{7}b"), Err(InvalidName::Unprintable));
    }

    #[test]
    fn all_that_is_written_in_a_request_is_written_in_one_way() {
        let (room, page) = (RoomId::parse("hall").ok(), PageId(1));
        let asked = |text: &str| {
            let (text, passcode, room) = (text.to_owned(), Some(text.to_owned()), room.clone());
            let settings = [Setting::Title(text.clone()), Setting::Topic(text.clone())].map(Command::Set);
            let commands = [Command::SendMessage(text.clone()), Command::SetPasscode(passcode.clone())];
            let mode = Mode::Open;
            let mut requests: Vec<Request> = settings.into_iter().chain(commands).map(Request::Room).collect();
            requests.push(Request::Login { name: text.clone() });
            requests.push(Request::CreateRoom {
                room: room.clone(),
                title: text,
                mode,
                unlisted: false,
                passcode: passcode.clone(),
                page,
            });
            requests.extend(room.map(|room| Request::JoinRoom { room, passcode, page, take_over: true, microphone_open: true }));
            requests
        };
        for (said, meant) in asked(APART).into_iter().zip(asked(CAFE)) {
            assert_eq!(request(said), meant);
        }
        let prose = format!("two\n\nlines  {CAFE}\u{200D}");
        let message = |text: &str| Request::Room(Command::SendMessage(text.to_owned()));
        assert_eq!(request(message(&prose)), message(&prose), "prose is only composed");
        let long = message(&APART.repeat(MESSAGE_CHARS_MAX / 4));
        assert_eq!(request(long), message(&CAFE.repeat(MESSAGE_CHARS_MAX / 4)));
    }
}
