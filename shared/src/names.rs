//! What a person or a room may be called, and what may be written. A name is shown and never an identity.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::limits::{MESSAGE_CHARS_MAX, NAME_CHARS_MAX, PASSCODE_CHARS_MAX, TITLE_CHARS_MAX, TOPIC_CHARS_MAX};

/// Why a name or a title is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum InvalidName {
    /// Nothing is left after trimming.
    #[error("it is empty")]
    Empty,
    /// It has more characters than there is room for.
    #[error("it is too long")]
    TooLong,
    /// It holds control characters, or ones that turn the direction of text around.
    #[error("it holds characters that cannot be shown")]
    Unprintable,
}

/// A person's name: trimmed, 1 to [`NAME_CHARS_MAX`] characters.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn person(text: &str) -> Result<String, InvalidName> {
    without_invisible(checked(text, NAME_CHARS_MAX)?)
}

/// A room's title: trimmed, 1 to [`TITLE_CHARS_MAX`] characters.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn title(text: &str) -> Result<String, InvalidName> {
    without_invisible(checked(text, TITLE_CHARS_MAX)?)
}

/// What a room says it is about: trimmed, at most [`TOPIC_CHARS_MAX`] characters, and possibly nothing.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn topic(text: &str) -> Result<String, InvalidName> {
    match checked(text, TOPIC_CHARS_MAX) {
        Err(InvalidName::Empty) => Ok(String::new()),
        result => result,
    }
}

/// A chat message: trimmed, 1 to [`MESSAGE_CHARS_MAX`] characters, of which line feeds are lawful.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn message(text: &str) -> Result<String, InvalidName> {
    checked_but(text, MESSAGE_CHARS_MAX, |c| c == '\n')
}

/// A passcode: trimmed, 1 to [`PASSCODE_CHARS_MAX`] characters.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn passcode(text: &str) -> Result<String, InvalidName> {
    checked(text, PASSCODE_CHARS_MAX)
}

/// `name`, or the first of "name (2)", "name (3)" … that nobody has yet.
#[must_use]
pub fn distinct(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2_u32..).map(|number| format!("{name} ({number})"));
    core::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).expect("a room has fewer people than numbers")
}

fn checked(text: &str, chars_max: usize) -> Result<String, InvalidName> {
    checked_but(text, chars_max, |_| false)
}

fn checked_but(text: &str, chars_max: usize, is_lawful: impl Fn(char) -> bool) -> Result<String, InvalidName> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c) || matches!(c, '\u{200C}' | '\u{200D}'));
    if text.chars().all(is_joiner) {
        return Err(InvalidName::Empty);
    }
    if text.chars().count() > chars_max {
        return Err(InvalidName::TooLong);
    }
    if text.chars().any(|c| (c.is_control() && !is_lawful(c)) || turns_direction(c)) {
        return Err(InvalidName::Unprintable);
    }
    Ok(text.to_owned())
}

/// Refuses what would make a name look like another one, all but joiners: some scripts are not written without these, and
/// [`distinct`] looks past them.
fn without_invisible(name: String) -> Result<String, InvalidName> {
    if name.chars().any(is_invisible) { Err(InvalidName::Unprintable) } else { Ok(name) }
}

/// Characters that show nothing: of no width, or as wide as a letter and empty.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{200B}' | '\u{2060}'
            ..='\u{2064}'
                | '\u{FEFF}'
                | '\u{00AD}'
                | '\u{034F}'
                | '\u{115F}'
                | '\u{1160}'
                | '\u{17B4}'
                | '\u{17B5}'
                | '\u{180E}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FFA0}'
    )
}

/// Characters that only change how those beside them are drawn: joiners and variation selectors.
const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Whether two names are the same letters.
#[must_use]
pub fn look_alike(one: &str, other: &str) -> bool {
    one.chars().filter(|c| !is_joiner(*c)).eq(other.chars().filter(|c| !is_joiner(*c)))
}

/// Explicit directional formatting characters (Unicode Standard Annex 9, section 2) and line separators.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_counted_in_characters() {
        assert_eq!(person("  Ada  "), Ok("Ada".to_owned()));
        assert_eq!(person(&"é".repeat(40)).map(|name| name.chars().count()), Ok(40));
        assert_eq!(person(&"é".repeat(41)), Err(InvalidName::TooLong));
    }

    #[test]
    fn equal_names_are_told_apart() {
        let taken = ["Ada", "Ada (2)"];
        assert_eq!(distinct("Ada", |name| taken.contains(&name)), "Ada (3)");
        assert_eq!(distinct("Ben", |name| taken.contains(&name)), "Ben");
    }

    #[test]
    fn joiners_are_written_and_change_nobody_into_another() {
        for name in ["می\u{200C}خواهم", "👩\u{200D}💻", "❤\u{FE0F}"] {
            assert_eq!(person(name), Ok(name.to_owned()));
        }
        assert!(look_alike("A\u{200D}da", "Ada") && look_alike("Ada", "Ad\u{200C}a\u{FE0F}") && !look_alike("Ada", "ada"));
    }

    #[test]
    fn a_message_may_have_lines_and_nothing_stranger() {
        assert_eq!(message(" one\ntwo "), Ok("one\ntwo".to_owned()));
        assert_eq!(message("one\u{7}two"), Err(InvalidName::Unprintable));
        assert_eq!(message(&"x".repeat(501)), Err(InvalidName::TooLong));
        assert_eq!(topic("  "), Ok(String::new()));
    }

    #[test]
    fn names_that_show_nothing_or_something_else_are_refused() {
        for nothing in [" \u{200B} ", "\u{FE0F}", "\u{200D}\u{FE0F}\u{200D}"] {
            assert_eq!(person(nothing), Err(InvalidName::Empty), "{nothing:?}");
        }
        for tricky in ["a\u{202E}b", "a\nb", "a\u{0}b", "a\u{2067}b", "A\u{200B}da", "A\u{AD}da", "A\u{2060}da"] {
            assert_eq!(person(tricky), Err(InvalidName::Unprintable), "{tricky:?}");
        }
    }
}
