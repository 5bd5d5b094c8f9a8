//! One connection between a page and the server: a way there and a way back.

use dais_server::simulation::Line;

use super::World;
use crate::frames::{self, Frame};
use crate::network::{Quality, Way};
use crate::page::since;
use crate::random::Random;
use crate::truth::Checked;

/// See the module.
pub(super) struct Connection {
    pub(super) page: usize,
    pub(super) line: Line,
    pub(super) up: Way,
    pub(super) down: Way,
    /// What has arrived at the page and is no whole frame yet.
    inbox: Vec<u8>,
    pub(super) is_closed_by_server: bool,
    /// When the page learns that it is torn.
    pub(super) torn_ms: Option<u64>,
    space: usize,
}

impl Connection {
    pub(super) fn new(page: usize, line: Line, random: &mut Random) -> Self {
        let quality = Quality::draw(random);
        let (up, down) = (Way::new(quality, random.fork()), Way::new(quality, random.fork()));
        Self { page, line, up, down, inbox: Vec::new(), is_closed_by_server: false, torn_ms: None, space: 0 }
    }

    pub(super) fn due_ms(&self, now_ms: u64) -> Option<u64> {
        [self.up.due_ms(now_ms), self.down.due_ms(now_ms), self.torn_ms].into_iter().flatten().min()
    }

    /// Tells the server's socket what it takes now.
    pub(super) fn make_space(&mut self, now_ms: u64) {
        let space = self.down.space(now_ms);
        if self.space != space {
            self.space = space;
            self.line.set_space(space);
        }
    }

    /// Whether it swallows everything, and nobody knows.
    pub(super) const fn is_hole(&self) -> bool {
        self.up.is_hole() && self.torn_ms.is_none()
    }

    /// The network tears it: what is under way is lost, and the page learns of it at `at_ms`.
    pub(super) fn tear(&mut self, at_ms: u64) {
        self.line.tear();
        self.up.become_hole();
        self.down.become_hole();
        self.torn_ms = Some(at_ms);
    }
}

impl World {
    /// The server's socket took bytes.
    pub(super) fn written(&mut self, line: u64, bytes: Vec<u8>) {
        let now_ms = self.now_ms;
        if let Some(connection) = self.lines.get_mut(&line) {
            connection.space -= bytes.len().min(connection.space);
            connection.down.push(bytes, now_ms);
        }
    }

    /// Carries what is due to arrive, both ways.
    pub(super) fn carry(&mut self) -> Checked {
        let lines: Vec<u64> = self.lines.keys().copied().collect();
        for id in lines {
            self.carry_one(id)?;
        }
        Ok(())
    }

    fn carry_one(&mut self, id: u64) -> Checked {
        let now_ms = self.now_ms;
        let Some(connection) = self.lines.get_mut(&id) else { return Ok(()) };
        while let Some(bytes) = connection.up.take_arrived(now_ms) {
            connection.line.give(&bytes);
        }
        connection.make_space(now_ms);
        let is_current = self.pages[connection.page].line == Some(id);
        if !is_current {
            // The page has closed it: what it had sent still arrives, and what comes back finds nobody.
            if connection.up.is_empty() {
                connection.line.end();
            }
            if connection.is_closed_by_server {
                self.lines.remove(&id);
            } else if connection.up.is_empty() && !connection.down.is_empty() {
                connection.line.tear();
            }
            return Ok(());
        }
        if connection.torn_ms.is_some_and(|torn_ms| torn_ms <= now_ms) {
            return self.lost(id, None);
        }
        while let Some(bytes) = connection.down.take_arrived(now_ms) {
            connection.inbox.extend_from_slice(&bytes);
        }
        while let Some(frame) = self.lines.get_mut(&id).and_then(|connection| frames::take(&mut connection.inbox)) {
            match frame {
                Frame::Binary(message) => self.message(id, &message)?,
                Frame::Close(code) => return self.lost(id, Some(code)),
            }
        }
        let ended = self.lines.get(&id).is_some_and(|connection| {
            connection.is_closed_by_server && connection.torn_ms.is_none() && connection.down.is_empty()
        });
        if ended { self.lost(id, None) } else { Ok(()) }
    }

    /// A message reaches the page, if that is still its connection.
    fn message(&mut self, id: u64, message: &[u8]) -> Checked {
        let Some(page) = self.lines.get(&id).map(|connection| connection.page).filter(|page| self.pages[*page].line == Some(id))
        else {
            return Ok(());
        };
        self.pages[page].engine.handle_message(message, since(self.now_ms));
        self.perform(page)
    }

    /// The page learns that its connection is gone.
    fn lost(&mut self, id: u64, code: Option<u16>) -> Checked {
        let Some(connection) = self.lines.get(&id) else { return Ok(()) };
        let page = connection.page;
        if code.is_some() {
            connection.line.end();
        }
        self.note(|| format!("page {page} loses {id} ({code:?})"));
        self.pages[page].line = None;
        if self.pages[page].is_gone {
            return Ok(());
        }
        self.pages[page].engine.handle_socket_closed(code, since(self.now_ms));
        self.perform(page)
    }
}
