//! What people are called on the page. Names may repeat in a room: from the second bearer on, in the order of the
//! seats, a number tells them apart.

use std::collections::BTreeMap;

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::view::View;

/// The name of everybody whom a view names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names(BTreeMap<MemberId, String>);

impl Names {
    /// Reads them out of a view.
    pub(crate) fn of(view: &View) -> Self {
        let stage = view.stage.iter().map(|person| (person.member, person.name.as_str()));
        let audience = view.audience.iter().map(|listener| (listener.member, listener.name.as_str()));
        let hands = view.hands.iter().map(|hand| (hand.member, hand.name.as_str()));
        let me = (view.me, view.my_name.as_str());
        let given: BTreeMap<_, _> = stage.chain(audience).chain(hands).chain([me]).collect();
        let mut bearers = BTreeMap::<&str, u32>::new();
        let shown = given.into_iter().map(|(member, name)| {
            let bearer = bearers.entry(name).or_default();
            *bearer += 1;
            (member, if *bearer == 1 { name.to_owned() } else { format!("{name} ({bearer})") })
        });
        Self(shown.collect())
    }

    /// One name; empty for somebody whom the view does not name.
    pub(crate) fn get(&self, member: MemberId) -> &str {
        self.0.get(&member).map_or("", String::as_str)
    }
}

/// The place of somebody's raised hand in the queue, from 1.
pub(crate) fn hand_position(view: &View, member: MemberId) -> Option<u32> {
    let place = view.hands.iter().position(|hand| hand.member == member)?;
    u32::try_from(place + 1).ok()
}

/// Up to two letters that stand for a name in its picture.
pub(crate) fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{hand, listener, view};
    use super::*;

    #[test]
    fn the_second_bearer_of_a_name_gets_a_number() {
        let mut view = view(MemberId(9), vec![]);
        view.audience = [(1, "Ada"), (2, "Ben"), (3, "Ada"), (4, "Ada")].map(|(id, name)| listener(MemberId(id), name)).into();
        view.hands = vec![hand(MemberId(5))];
        view.hands[0].name = "Ben".into();
        let names = Names::of(&view);
        let shown: Vec<_> = (1..=6).map(|member| names.get(MemberId(member))).collect();
        assert_eq!(shown, ["Ada", "Ben", "Ada (2)", "Ada (3)", "Ben (2)", ""]);
        assert_eq!(hand_position(&view, MemberId(5)), Some(1));
        assert_eq!(hand_position(&view, MemberId(2)), None);
    }

    #[test]
    fn initials_are_those_of_the_first_and_the_last_word() {
        let pairs = [("Ada", "A"), ("ada lovelace", "AL"), ("Ada King, Countess of Lovelace", "AL"), ("(?) ß", "SS"), ("…", "")];
        for (name, expected) in pairs {
            assert_eq!(initials(name), expected, "{name}");
        }
    }
}
