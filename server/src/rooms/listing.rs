//! What lists and counts need of all rooms, kept as they come, change and go: no question about a page of rooms looks at all
//! of them.

use std::collections::BTreeSet;
use std::ops::Bound;

use dais_shared::ids::RoomId;
use dais_shared::wire::RoomSummary;

use super::Totals;

/// One room, as far as it counts here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    pub(super) summary: &'a RoomSummary,
    pub(super) is_unlisted: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Listing {
    listed: BTreeSet<RoomId>,
    of_listed: Totals,
    of_all: Totals,
}

impl Default for Listing {
    fn default() -> Self {
        let none = Totals { rooms: 0, members: 0 };
        Self { listed: BTreeSet::new(), of_listed: none, of_all: none }
    }
}

impl Listing {
    /// A room is there.
    pub(super) fn add(&mut self, shown: Shown<'_>) {
        self.of_all.add(shown.summary);
        if !shown.is_unlisted {
            self.of_listed.add(shown.summary);
            self.listed.insert(shown.summary.id.clone());
        }
    }

    /// A room that was there as it is shown here is not, or becomes another.
    pub(super) fn remove(&mut self, shown: Shown<'_>) {
        self.of_all.remove(shown.summary);
        if !shown.is_unlisted {
            self.of_listed.remove(shown.summary);
            self.listed.remove(&shown.summary.id);
        }
    }

    /// The listed rooms after one, in the order of their ids.
    pub(super) fn after(&self, after: Option<&RoomId>) -> impl Iterator<Item = &RoomId> {
        self.listed.range::<RoomId, _>((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
    }

    /// Of the rooms that everybody may know of.
    pub(super) const fn of_listed(&self) -> Totals {
        self.of_listed
    }

    /// Of all rooms.
    pub(super) const fn of_all(&self) -> Totals {
        self.of_all
    }
}

impl Totals {
    fn add(&mut self, summary: &RoomSummary) {
        self.rooms += 1;
        self.members += seats(summary);
    }

    fn remove(&mut self, summary: &RoomSummary) {
        self.rooms -= 1;
        self.members -= seats(summary);
    }
}

fn seats(summary: &RoomSummary) -> u64 {
    u64::from(summary.on_stage) + u64::from(summary.listening)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use dais_shared::room::Mode;

    use super::*;

    fn summary(number: u32) -> RoomSummary {
        RoomSummary {
            id: RoomId::parse(&format!("room-{number:02}")).unwrap(),
            title: "Hall".into(),
            mode: Mode::Open,
            host: None,
            on_stage: number,
            listening: 1,
            is_locked: false,
            has_passcode: false,
        }
    }

    #[test]
    fn what_is_counted_is_what_a_look_at_all_rooms_would_count() {
        let mut listing = Listing::default();
        let mut there: Vec<(RoomSummary, bool)> = Vec::new();
        for step in 0..400_u32 {
            let (number, is_unlisted) = (step * 7 % 23, step % 3 == 0);
            match there.iter().position(|(summary, _)| summary.on_stage == number) {
                Some(place) => {
                    let (summary, is_unlisted) = there.swap_remove(place);
                    listing.remove(Shown { summary: &summary, is_unlisted });
                }
                None => {
                    listing.add(Shown { summary: &summary(number), is_unlisted });
                    there.push((summary(number), is_unlisted));
                }
            }
            let totals = |counts: &dyn Fn(bool) -> bool| {
                let counted = || there.iter().filter(|(_, is_unlisted)| counts(*is_unlisted));
                Totals { rooms: counted().count(), members: counted().map(|(summary, _)| seats(summary)).sum() }
            };
            assert_eq!(listing.of_all(), totals(&|_| true), "step {step}");
            assert_eq!(listing.of_listed(), totals(&|is_unlisted| !is_unlisted), "step {step}");
            let after = summary(9).id;
            let mut wanted: Vec<RoomId> =
                there.iter().filter(|(_, is_unlisted)| !is_unlisted).map(|(summary, _)| summary.id.clone()).collect();
            wanted.sort();
            assert!(listing.after(None).eq(wanted.iter()), "step {step}");
            assert!(listing.after(Some(&after)).eq(wanted.iter().filter(|id| **id > after)), "step {step}");
        }
    }
}
