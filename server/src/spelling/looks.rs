//! What a name looks like: its skeletons (Unicode Technical Standard 39, section 4). Names that share one are taken for each
//! other, and are told apart by a number.
//!
//! A skeleton alone keeps capital letters and small ones apart, and people do not. No one form joins both: to fold "I" first
//! makes it another letter than the "l" that it looks like, and not to fold it another one than "i". So a name has both forms.

use dais_shared::limits::ROOM_SEATS_MAX;
use dais_shared::names::{Likeness, Looks, shows_nothing, with_single_blanks};
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

/// Digits of a number that may stand behind a name: as many as [`ROOM_SEATS_MAX`] has.
const NUMBER_DIGITS_MAX: usize = 4;

/// What a name looks like that somebody wants to have.
pub(crate) fn looks(name: &str) -> Looks {
    let whole = forms(name);
    let forms = whole.iter().map(|form| without_number_in_front(form)).collect();
    Looks { as_it_is: as_it_is(whole), forms }
}

/// What a name looks like that somebody has.
pub(crate) fn likeness(name: &str) -> Likeness {
    as_it_is(forms(name))
}

/// With a number at its end taken for one, so that who was given it and who brings it along are told apart.
fn as_it_is(whole: Vec<String>) -> Likeness {
    let numbered: Option<Vec<(&str, u32)>> = whole.iter().map(|form| split_number(form)).collect();
    let number = numbered.iter().flatten().map(|(_, number)| *number).next().unwrap_or(1);
    let names = numbered.map_or_else(
        || whole.iter().map(|form| without_number_in_front(form)).collect(),
        |numbered| numbered.iter().map(|(name, _)| without_number_in_front(name)).collect(),
    );
    Likeness { forms: names, number }
}

fn forms(name: &str) -> Vec<String> {
    let folded_first = folded(&bare(&folded(name)));
    let folded_last = folded(&bare(&folded(&bare(name))));
    let mut forms = vec![tidied(&folded_first), tidied(&folded_last)];
    forms.dedup();
    forms
}

/// What looks like one letter is one, in what is compatible with it too: wide letters, letters in circles, mathematical ones.
fn bare(text: &str) -> String {
    let compatible: String = skeleton(text).nfkc().collect();
    skeleton(&compatible).collect()
}

/// Small letters of all, by way of capital ones: "ß" and "SS" are one, and so are the two small sigmas.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Without what nobody sees: joiners, a second blank, the dot on a small "i" or "j", which has one already. With brackets of one
/// kind.
fn tidied(form: &str) -> String {
    let one_bracket = |c| match c {
        '[' | '{' | '<' => '(',
        ']' | '}' | '>' => ')',
        other => other,
    };
    let seen: String = form.chars().filter(|c| !shows_nothing(*c)).map(one_bracket).collect();
    with_single_blanks(&seen).replace("i\u{307}", "i").replace("j\u{307}", "j").trim().to_owned()
}

/// What stands behind a number in brackets, if anything does.
fn without_number_in_front(form: &str) -> String {
    let split = form.strip_prefix('(').and_then(|form| form.split_once(')'));
    let name = split.filter(|(number, _)| parse_number(number).is_some()).map(|(_, name)| name.trim_start());
    name.filter(|name| !name.is_empty()).unwrap_or(form).to_owned()
}

/// What stands before a number in brackets, and the number. None and one are like no number at all.
fn split_number(form: &str) -> Option<(&str, u32)> {
    let (name, number) = form.strip_suffix(')')?.rsplit_once('(')?;
    let name = name.trim_end();
    if name.is_empty() { None } else { Some((name, parse_number(number)?.max(1))) }
}

/// A number in a form, where "0" has become "o" and "1" has become "l".
fn parse_number(form: &str) -> Option<u32> {
    let digits: String = form
        .trim()
        .chars()
        .map(|c| match c {
            'o' => '0',
            'l' => '1',
            other => other,
        })
        .collect();
    let is_number = (1..=NUMBER_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| is_number)?;
    (number as usize <= ROOM_SEATS_MAX).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "José Ruiz";

    fn alike(one: &str, other: &str) -> bool {
        likeness(one).is_like(&likeness(other))
    }

    #[test]
    fn whoever_looks_like_the_host_is_found() {
        for (what, name) in [
            ("itself", "José Ruiz"),
            ("decomposed", "Jose\u{301} Ruiz"),
            ("another acute", "Jose\u{341} Ruiz"),
            ("two blanks", "José  Ruiz"),
            ("a blank that does not break", "José\u{A0}Ruiz"),
            ("a wide blank", "José\u{3000}Ruiz"),
            ("blanks around", " José Ruiz\u{2003}"),
            ("a joiner", "Jo\u{200D}sé Ruiz"),
            ("a joiner between two blanks", "José \u{200C} Ruiz"),
            ("a variation selector", "José Ruiz\u{FE0F}"),
            ("a tag", "José Ruiz\u{E0041}"),
            ("a soft hyphen", "Jo\u{AD}sé Ruiz"),
            ("a Hangul filler", "José\u{3164} Ruiz"),
            ("Cyrillic letters", "Jоsé Ruiz"),
            ("more of them", "Ј\u{43E}ѕ\u{435}\u{301} Ruіz"),
            ("a Greek letter", "Jοsé Ruiz"),
            ("wide letters", "Ｊｏｓé Ｒｕｉｚ"),
            ("mathematical letters", "𝐉𝐨𝐬é 𝑅𝓊𝒾𝔷"),
            ("letters in circles", "Ⓙⓞⓢé ⓇⓤⒾⓏ"),
            ("capital letters", "JOSÉ RUIZ"),
            ("small letters", "josé ruiz"),
            ("a zero", "J0sé Ruiz"),
            ("a dot on the i that has one", "José Rui\u{307}z"),
            ("a number that says that it is the first", "José Ruiz (1)"),
            ("a number that says nothing", "José Ruiz (0)"),
            ("a number in front", "(2) José Ruiz"),
        ] {
            assert!(alike(name, HOST), "{what}: {:?} and {:?}", looks(name), looks(HOST));
        }
    }

    #[test]
    fn pairs_are_found_whatever_is_written_first() {
        for (one, other) in [
            ("Ivan", "lvan"),
            ("Ivan", "1van"),
            ("Ivan", "ivan"),
            ("IVAN", "lvan"),
            ("Rnia", "mia"),
            ("Mia", "mia"),
            ("НАТЕ", "HATE"),
            ("ΝΙΚΗ", "NIKH"),
            ("ΒΑΣΊΛΗΣ", "βασίλης"),
            ("Niϲo", "Nico"),
            ("Иван", "иван"),
            ("Weiß", "WEISS"),
            ("한글", "\u{1112}\u{1161}\u{11AB}\u{1100}\u{1173}\u{11AF}"),
            ("カナ", "ｶﾅ"),
            ("ガ", "カ\u{3099}"),
            ("Ệ", "E\u{302}\u{323}"),
            ("❤\u{FE0F}", "❤"),
            ("Ada (2)", "Ada(2)"),
            ("Ada (2)", "Ada （２）"),
            ("Ada (2)", "Ada ⑵"),
            ("Ada (2)", "Ada [2]"),
            ("Ada (2)", "ada ( 02 )"),
            ("Ada (10)", "Ada (lO)"),
        ] {
            assert!(alike(one, other) && alike(other, one), "{:?} and {:?}", looks(one), looks(other));
        }
    }

    #[test]
    fn people_are_not_taken_for_others() {
        for (one, other) in [
            ("José", "Jose"),
            ("Ada", "Ida"),
            ("Ada", "Adam"),
            ("Ada", "Ada (2)"),
            ("Ada (2)", "Ada (3)"),
            ("Bob (1984)", "Bob (1985)"),
            ("Bob (2024)", "Bob"),
            ("(2)", "(3)"),
            ("Иван", "Иваи"),
            ("明", "朋"),
            ("👩\u{200D}💻", "👨\u{200D}💻"),
            ("Ann Lee", "Annlee"),
        ] {
            assert!(!alike(one, other), "{:?} and {:?}", looks(one), looks(other));
        }
    }

    #[test]
    fn a_number_put_behind_a_name_is_read_back() {
        for name in ["Ada", "Ada (2)", "Ada (1)", "(2) Ada", "(2)", "Bob (2024)", "m (l)", "))((", "אדה", "Iℓ (٢)", "😀"]
        {
            let taken: Vec<Likeness> = (1..=20).map(|_| looks(name).as_it_is).collect();
            let mut seated: Vec<Likeness> = Vec::new();
            for _ in &taken {
                let (shown, likeness_of_it) = dais_shared::names::distinct(name, &looks(name), seated.iter());
                assert_eq!(likeness(&shown), likeness_of_it, "{shown}");
                assert!(seated.iter().all(|other| !other.is_like(&likeness_of_it)), "{shown}");
                seated.push(likeness_of_it);
            }
        }
    }
}
