//! What a person or a room may be called, and what may be written. A name is shown and never an identity.
//!
//! What letters are made of (NFC) and what they look like is in tables that are too heavy for the page: whoever has these, the
//! server, composes what comes in and tells the room what a name looks like.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

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

/// A person's name: trimmed, with single blanks, 1 to [`NAME_CHARS_MAX`] characters.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn person(text: &str) -> Result<String, InvalidName> {
    without_invisible(checked_line(text, NAME_CHARS_MAX)?)
}

/// A room's title: trimmed, with single blanks, 1 to [`TITLE_CHARS_MAX`] characters.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn title(text: &str) -> Result<String, InvalidName> {
    without_invisible(checked_line(text, TITLE_CHARS_MAX)?)
}

/// What a room says it is about: trimmed, with single blanks, at most [`TOPIC_CHARS_MAX`] characters, and possibly nothing.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn topic(text: &str) -> Result<String, InvalidName> {
    match checked_line(text, TOPIC_CHARS_MAX) {
        Err(InvalidName::Empty) => Ok(String::new()),
        result => result,
    }
}

/// A chat message: trimmed, 1 to [`MESSAGE_CHARS_MAX`] characters, of which line feeds are lawful.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn message(text: &str) -> Result<String, InvalidName> {
    checked(text, MESSAGE_CHARS_MAX, |c| c == '\n')
}

/// A passcode: trimmed, with single blanks, 1 to [`PASSCODE_CHARS_MAX`] characters.
///
/// # Errors
/// [`InvalidName`] says what is wrong with it.
pub fn passcode(text: &str) -> Result<String, InvalidName> {
    checked_line(text, PASSCODE_CHARS_MAX)
}

/// What a name looks like, as far as that tells people apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Likeness {
    /// The name without its number, in every form under which it may be taken for another.
    pub forms: Vec<String>,
    /// The number in brackets behind it; 1 of a name without one.
    pub number: u32,
}

impl Likeness {
    /// Whether the names are taken for each other.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.number == other.number && self.shares_form(&other.forms)
    }

    fn shares_form(&self, forms: &[String]) -> bool {
        self.forms.iter().any(|form| forms.contains(form))
    }
}

/// What a name looks like that somebody wants to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looks {
    /// As it is; a number that stands behind it already counts as one.
    pub as_it_is: Likeness,
    /// The whole of it, before a number is put behind it.
    pub forms: Vec<String>,
}

impl Looks {
    /// Of a name that looks like nothing but itself, in one form.
    #[must_use]
    pub fn plain(form: &str) -> Self {
        let forms = vec![form.to_owned()];
        Self { as_it_is: Likeness { forms: forms.clone(), number: 1 }, forms }
    }
}

/// `name`, or the first of "name (2)", "name (3)" … that looks like none that is taken; and what that looks like.
#[must_use]
pub fn distinct<'a>(name: &str, looks: &Looks, taken: impl Iterator<Item = &'a Likeness> + Clone) -> (String, Likeness) {
    if !taken.clone().any(|other| other.is_like(&looks.as_it_is)) {
        return (name.to_owned(), looks.as_it_is.clone());
    }
    let numbers: BTreeSet<u32> = taken.filter(|other| other.shares_form(&looks.forms)).map(|other| other.number).collect();
    let number = (2..).find(|number| !numbers.contains(number)).expect("a room has fewer people than numbers");
    (format!("{name} ({number})"), Likeness { forms: looks.forms.clone(), number })
}

/// Text of one line: whatever is blank in it is one blank, and looks the same wherever it is read.
fn checked_line(text: &str, chars_max: usize) -> Result<String, InvalidName> {
    checked(&with_single_blanks(text), chars_max, |_| false)
}

fn checked(text: &str, chars_max: usize, is_lawful: impl Fn(char) -> bool) -> Result<String, InvalidName> {
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

/// The same with one kind of blank, and never two of them in a row. What is a blank and a control character stays.
#[must_use]
pub fn with_single_blanks(text: &str) -> String {
    let mut single = String::with_capacity(text.len());
    for c in text.chars().map(|c| if is_blank(c) { ' ' } else { c }) {
        if c != ' ' || !single.ends_with(' ') {
            single.push(c);
        }
    }
    single
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() && !c.is_control() && !turns_direction(c)
}

/// Refuses what would make a name look like another one, all but joiners: some scripts are not written without these, and a
/// [`Likeness`] looks past them.
fn without_invisible(name: String) -> Result<String, InvalidName> {
    if name.chars().any(is_invisible) { Err(InvalidName::Unprintable) } else { Ok(name) }
}

/// Characters that nobody sees where they stand: invisible ones, and joiners.
#[must_use]
pub const fn shows_nothing(c: char) -> bool {
    is_invisible(c) || is_joiner(c)
}

/// Characters that show nothing: of no width (Default_Ignorable_Code_Point in the Unicode Character Database, without joiners
/// and those that turn text around, and what only annotates), or as wide as a letter and empty.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180E}'
            | '\u{200B}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206A}'..='\u{206F}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFC}'
            | '\u{13441}'
            | '\u{13442}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D159}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E001F}'
            | '\u{E0080}'..='\u{E00FF}'
            | '\u{E01F0}'..='\u{E0FFF}'
    )
}

/// Characters that only change how those beside them are drawn: joiners, variation selectors, and the tags of flags.
const fn is_joiner(c: char) -> bool {
    matches!(
        c,
        '\u{180B}'..='\u{180D}'
            | '\u{180F}'
            | '\u{200C}'
            | '\u{200D}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{E0020}'..='\u{E007F}'
            | '\u{E0100}'..='\u{E01EF}'
    )
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
    fn names_that_look_alike_are_told_apart() {
        let looks = |forms: &[&str], number| {
            let forms: Vec<String> = forms.iter().map(|form| (*form).to_owned()).collect();
            Looks { as_it_is: Likeness { forms: forms.clone(), number }, forms }
        };
        let [ada, second, other] =
            [looks(&["ada", "a"], 1), looks(&["ada"], 2), looks(&["b", "a"], 1)].map(|looks| looks.as_it_is);
        let taken = [ada.clone(), second];
        let told = |name, looks: &Looks| distinct(name, looks, taken.iter());
        assert_eq!(
            told("Ada", &looks(&["ada"], 1)),
            ("Ada (3)".to_owned(), Likeness { forms: vec!["ada".to_owned()], number: 3 })
        );
        assert_eq!(told("Ben", &Looks::plain("ben")), ("Ben".to_owned(), Looks::plain("ben").as_it_is));
        assert_eq!(told("B", &looks(&["b", "a"], 1)).0, "B (2)", "nobody with a form of this name has that number");
        assert_eq!(told("Ada (4)", &Looks { forms: vec!["ada (4)".to_owned()], ..looks(&["ada"], 4) }).0, "Ada (4)");
        assert_eq!(told("Ada (2)", &Looks { forms: vec!["ada (2)".to_owned()], ..looks(&["ada"], 2) }).0, "Ada (2) (2)");
        assert!(ada.is_like(&other) && !ada.is_like(&taken[1]));
    }

    #[test]
    fn whatever_is_blank_is_one_blank() {
        for name in ["Ada  King", "Ada\u{A0}King", "Ada \u{2003}\u{3000}King", "\u{202F}Ada King\u{205F}", "Ada\u{1680}King"] {
            assert_eq!(person(name), Ok("Ada King".to_owned()), "{name:?}");
            assert_eq!((title(name), topic(name), passcode(name)), (person(name), person(name), person(name)), "{name:?}");
        }
        let padded = format!("{}{}b", "a".repeat(38), " ".repeat(30));
        assert_eq!(person(&padded).map(|name| name.chars().count()), Ok(40), "what is counted is what is shown");
        assert_eq!(message("a  b\u{3000}c"), Ok("a  b\u{3000}c".to_owned()), "prose is left as it is");
    }

    #[test]
    fn joiners_are_written() {
        for name in ["می\u{200C}خواهم", "👩\u{200D}💻", "❤\u{FE0F}", "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}"]
        {
            assert_eq!(person(name), Ok(name.to_owned()));
        }
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
        for nothing in [" \u{200B} ", "\u{FE0F}", "\u{200D}\u{FE0F}\u{200D}", "\u{2800}\u{3164}", "\u{E0041}", "\u{206A}\u{A0}"] {
            assert_eq!(person(nothing), Err(InvalidName::Empty), "{nothing:?}");
        }
        for tricky in [
            "a\u{202E}b",
            "a\nb",
            "a\u{0}b",
            "a\u{2067}b",
            "A\u{200B}da",
            "A\u{AD}da",
            "A\u{2060}da",
            "A\u{206D}da",
            "A\u{FFFC}da",
        ] {
            assert_eq!(person(tricky), Err(InvalidName::Unprintable), "{tricky:?}");
        }
    }
}
