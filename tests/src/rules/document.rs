//! docs/permissions.md says what the code says.

use std::collections::BTreeMap;

use dais_shared::permissions::{Action, Role, may, may_act_on};

const DOCUMENT: &str = include_str!("../../../docs/permissions.md");

fn documented() -> BTreeMap<String, [bool; 4]> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = DOCUMENT.lines().filter(|line| line.starts_with('|')).map(cells);
    rows.filter_map(|row| {
        let verdicts: Option<Vec<bool>> = row[1..]
            .iter()
            .map(|cell| match cell.as_str() {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            })
            .collect();
        Some((row[0].clone(), <[bool; 4]>::try_from(verdicts?).ok()?))
    })
    .collect()
}

#[test]
fn the_document_has_every_action_as_the_code_has_it() {
    let code: BTreeMap<String, [bool; 4]> =
        Action::ALL.into_iter().map(|action| (format!("{action:?}"), Role::ALL.map(|role| may(role, action)))).collect();
    assert_eq!(documented(), code);
}

#[test]
fn nobody_acts_on_an_equal_or_a_superior() {
    for action in Action::ALL {
        for actor in Role::ALL {
            for target in Role::ALL {
                assert_eq!(may_act_on(actor, action, target), may(actor, action) && actor > target);
            }
        }
    }
}
