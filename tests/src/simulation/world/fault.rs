//! What goes wrong: connections that stall, break or swallow everything, a disk that is slow, fails or hangs, people
//! who vanish, a server that is killed, clocks that are wrong at a start and dates that jump.

use std::time::Duration;

use dais_shared::limits::STORE_HANG_MS;

use super::World;
use crate::truth::{COMMIT_MS_MAX, Checked};

const DAY_MS: i64 = 86_400_000;

impl World {
    /// Does what is due of it.
    pub(super) fn go_wrong(&mut self) -> Checked {
        if self.running.is_none() && self.now_ms >= self.starts_ms {
            self.start_server()?;
        }
        if self.now_ms >= self.hang_shows_ms {
            self.hang_shows_ms = u64::MAX;
            self.truth.note_disk(true);
        }
        if self.now_ms >= self.disk_heals_ms {
            self.heal_disk();
        }
        while let Some(place) = self.returns.iter().position(|(at_ms, _)| *at_ms <= self.now_ms) {
            let (_, person) = self.returns.swap_remove(place);
            if self.is_lively {
                self.open_page(person);
            }
        }
        if self.now_ms >= self.fault_ms {
            self.fault_ms = self.now_ms + self.random.between(1, self.plan.faults_ms);
            if self.is_lively {
                self.fault()?;
            }
        }
        Ok(())
    }

    /// How far the date is ahead when a server starts: mostly not at all, and sometimes by years.
    pub(super) fn draw_clock(&mut self) -> i64 {
        let days = *self.dates.pick(&[0, 0, 0, 0, -3 * 365, -1, 1, 7, 100, 3 * 365, 10 * 365]).expect("there are some");
        days * DAY_MS + if days == 0 { 0 } else { i64::try_from(self.dates.below(3_600_000)).expect("an hour") }
    }

    pub(super) fn note_server_started(&mut self) {
        let off_ms = self.clock_off_ms;
        self.note(|| format!("server starts, by a clock that is {off_ms} ms ahead"));
    }

    /// Somebody, or something, sets the date while the server runs.
    fn set_date(&mut self) {
        let off_ms = self.draw_clock();
        if let Some(running) = &self.running {
            running.server.set_date_off(off_ms);
            self.note(|| format!("the date is set, {off_ms} ms ahead of the clock that the server started with"));
        }
    }

    fn fault(&mut self) -> Checked {
        if self.dates.percent(5) {
            self.set_date();
        }
        if self.random.percent(self.plan.crash_percent) {
            return self.crash();
        }
        if self.random.percent(15) {
            self.hurt_disk();
            return Ok(());
        }
        let lines: Vec<u64> = self.lines.keys().copied().collect();
        let Some(line) = self.random.pick(&lines).copied() else { return Ok(()) };
        let (kind, long_ms) = (self.random.below(10), self.random.between(50, 4_000));
        let now_ms = self.now_ms;
        let Some(connection) = self.lines.get_mut(&line) else { return Ok(()) };
        let what = match kind {
            0..=2 => {
                connection.up.stall(now_ms + long_ms);
                "stalls upwards"
            }
            3..=5 => {
                connection.down.stall(now_ms + long_ms);
                "stalls downwards"
            }
            6 => {
                connection.up.stall(now_ms + long_ms);
                connection.down.stall(now_ms + long_ms);
                "stalls"
            }
            7 | 8 => {
                connection.tear(now_ms + long_ms / 10);
                "breaks"
            }
            _ => {
                connection.up.become_hole();
                connection.down.become_hole();
                "swallows everything"
            }
        };
        self.note(|| format!("connection {line} {what} ({long_ms} ms)"));
        Ok(())
    }

    /// A page is closed, or its machine dies: nobody says goodbye.
    pub(super) fn vanish(&mut self, index: usize) {
        let page = &mut self.pages[index];
        page.is_gone = true;
        page.is_online = false;
        page.view = None;
        let (person, line) = (page.person, page.line);
        if page.random.percent(50) {
            // The system closes its socket.
            page.line = None;
        } else if let Some(connection) = line.and_then(|line| self.lines.get_mut(&line)) {
            connection.up.become_hole();
            connection.down.become_hole();
        }
        if self.random.percent(60) {
            self.returns.push((self.now_ms + self.random.between(100, 20_000), person));
        }
        self.note(|| format!("page {index} vanishes"));
    }

    fn hurt_disk(&mut self) {
        self.disk_heals_ms = self.now_ms + self.random.between(500, 4_000);
        if self.hangs.percent(30) {
            let long_ms = self.hangs.between(500, 3 * STORE_HANG_MS);
            self.note(|| format!("the disk hangs for {long_ms} ms"));
            self.disk_heals_ms = self.now_ms + long_ms;
            self.disk.set_hanging(true);
            // No earlier may anything be told that is not kept: the work that hangs may have begun as much before.
            self.hang_shows_ms = self.now_ms + STORE_HANG_MS - COMMIT_MS_MAX;
            return;
        }
        if self.random.percent(50) {
            let takes_ms = self.random.between(20, COMMIT_MS_MAX);
            self.note(|| format!("the disk takes {takes_ms} ms"));
            self.disk.set_commit_takes(Duration::from_millis(takes_ms));
        } else {
            self.note(|| "the disk fails".to_owned());
            self.disk.set_failing(true);
            self.truth.note_disk(true);
        }
    }

    fn heal_disk(&mut self) {
        self.note(|| "the disk is well".to_owned());
        (self.disk_heals_ms, self.hang_shows_ms) = (u64::MAX, u64::MAX);
        if self.disk.is_failing() || self.disk.is_hanging() {
            self.disk.set_failing(false);
            self.disk.set_hanging(false);
            self.truth.note_disk(false);
        }
        let takes_ms = self.random.below(8);
        self.disk.set_commit_takes(Duration::from_millis(takes_ms));
    }

    /// The server is killed, with everything it holds in memory.
    pub(super) fn crash(&mut self) -> Checked {
        if self.running.is_none() {
            return Ok(());
        }
        self.note(|| "server killed".to_owned());
        self.read_journal()?;
        self.running = None;
        // What its sockets say on being dropped is nobody's.
        while self.journal.take().is_some() {}
        self.truth.note_crash();
        self.starts_ms = self.now_ms + self.random.between(10, 3_000);
        let now_ms = self.now_ms;
        for connection in self.lines.values_mut() {
            let learns_ms = now_ms + self.random.between(1, 200);
            connection.tear(learns_ms);
            connection.is_closed_by_server = true;
        }
        Ok(())
    }

    /// Nothing goes wrong any more.
    pub(super) fn heal(&mut self) {
        self.heal_disk();
        let now_ms = self.now_ms;
        for connection in self.lines.values_mut().filter(|connection| connection.is_hole()) {
            connection.tear(now_ms + 1);
        }
    }
}
