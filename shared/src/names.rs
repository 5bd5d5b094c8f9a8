//! What a person or a room may be called. A name is shown and never an identity.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::limits::{NAME_CHARS_MAX, TITLE_CHARS_MAX};

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
    checked(text, NAME_CHARS_MAX)
}

/// A room's title: trimmed, 1 to [`TITLE_CHARS_MAX`] characters.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn title(text: &str) -> Result<String, InvalidName> {
    checked(text, TITLE_CHARS_MAX)
}

fn checked(text: &str, chars_max: usize) -> Result<String, InvalidName> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.chars().count() > chars_max {
        return Err(InvalidName::TooLong);
    }
    if text.chars().any(|c| c.is_control() || turns_direction(c)) {
        return Err(InvalidName::Unprintable);
    }
    Ok(text.to_owned())
}

/// Characters without width that would make two different names look alike at their ends, or a name look empty.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}' | '\u{3164}' | '\u{2800}')
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
    fn names_that_show_nothing_or_something_else_are_refused() {
        assert_eq!(person(" \u{200B} "), Err(InvalidName::Empty));
        for tricky in ["a\u{202E}b", "a\nb", "a\u{0}b", "a\u{2067}b"] {
            assert_eq!(person(tricky), Err(InvalidName::Unprintable), "{tricky:?}");
        }
    }
}
