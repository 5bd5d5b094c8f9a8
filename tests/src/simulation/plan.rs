//! What a seed means: who there is, how long they are watched, and what goes wrong.

use crate::random::Random;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) people: usize,
    /// How long people do something, in milliseconds.
    pub(super) lively_ms: u64,
    /// How long they then do nothing, so that what runs out runs out.
    pub(super) quiet_ms: u64,
    /// At most so long between two deeds of one person.
    pub(super) pace_ms: u64,
    /// At most so long between two faults of the network or the disk.
    pub(super) faults_ms: u64,
    /// How often a fault is the server's death.
    pub(super) crash_percent: u64,
    /// How often a page is gone when it becomes quiet.
    pub(super) vanish_percent: u64,
    /// People, all told, for whom a stage has room.
    pub(super) stage_seats: usize,
    pub(super) room_seats: usize,
    pub(super) blocks_addresses: bool,
}

impl Plan {
    pub(super) fn draw(random: &mut Random) -> Self {
        Self {
            people: usize::try_from(random.between(2, 8)).expect("a few people"),
            lively_ms: random.between(5_000, 25_000),
            quiet_ms: *random.pick(&[0, 0, 0, 0, 0, 35_000, 65_000, 160_000]).expect("there are some"),
            pace_ms: random.between(200, 2_000),
            faults_ms: *random.pick(&[1_500, 4_000, 10_000, 60_000]).expect("there are some"),
            crash_percent: *random.pick(&[0, 0, 10, 30]).expect("there are some"),
            vanish_percent: *random.pick(&[0, 0, 50, 100]).expect("there are some"),
            stage_seats: usize::try_from(random.between(2, 16)).expect("a few seats"),
            room_seats: if random.percent(20) { 5 } else { 100 },
            blocks_addresses: random.percent(20),
        }
    }
}
