//! The store's thread: group after group while the disk takes them, and over and over what it did not take.

use std::time::Duration;

use dais_shared::limits::{LAST_WIPE_MS, STORE_GROUP_MAX, STORE_RETRY_MS, STORE_STANDING_MS};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::standing::Trouble;
use super::{Keeper, Request};

impl Keeper {
    /// One group after the other until nobody can ask any more.
    pub(super) fn run(mut self, clock: &tokio::runtime::Runtime) {
        let mut group = Vec::with_capacity(STORE_GROUP_MAX);
        while self.ending.is_none() {
            let gathered = self.requests.recv_many(&mut group, STORE_GROUP_MAX);
            let kept = match clock.block_on(async { timeout(Duration::from_millis(STORE_STANDING_MS), gathered).await }) {
                Ok(0) => break,
                #[cfg(test)]
                Ok(_) if group.iter().any(|request| matches!(request, Request::Die)) => return,
                Ok(_) => self.keep(group.drain(..)),
                Err(_) => self.stand(),
            };
            if let Err(trouble) = kept {
                self.complain(&trouble);
                if !self.wait_for_the_disk() {
                    tracing::error!("the store ends with changes that the disk never took");
                    break;
                }
                self.health.note_well();
                self.told = None;
                tracing::warn!("the store keeps changes again");
            }
            self.keep_up();
        }
        // What is left of a span goes on from here, where that can be kept.
        let _ = self.keep(std::iter::once(Request::Tell));
        self.wipe_the_rest(Duration::from_millis(LAST_WIPE_MS));
        let ending = self.ending.take();
        drop(self);
        // Whoever waits may have given up.
        let _ = ending.map(|done| done.send(()));
    }

    /// Looks whether the files are where they were, while nobody asks for anything.
    fn stand(&mut self) -> Result<(), Trouble> {
        self.health.begin_work();
        let stands = self.database.stand();
        if stands.is_err() {
            self.health.note_failed(true);
        }
        self.health.end_work();
        stands
    }

    /// Says why changes are not kept, once for each cause.
    fn complain(&mut self, trouble: &Trouble) {
        let reason = self.database.sentence(trouble);
        if self.told.as_ref() != Some(&reason) {
            tracing::error!(reason, "the store cannot keep changes; sound goes on");
            self.told = Some(reason);
        }
    }

    /// Tries until what rooms have become is written, or nobody can ask any more; whether it is written.
    fn wait_for_the_disk(&mut self) -> bool {
        loop {
            std::thread::sleep(Duration::from_millis(STORE_RETRY_MS));
            if let Some(is_written) = self.try_again() {
                return is_written;
            }
        }
    }

    /// One more try, with what was asked for meanwhile: whether it is written, and `None` while there is to be another.
    pub(super) fn try_again(&mut self) -> Option<bool> {
        // Those who only ask are answered from the same disk.
        self.health.begin_work();
        let outcome = self.take_in_and_commit();
        self.health.end_work();
        outcome
    }

    fn take_in_and_commit(&mut self) -> Option<bool> {
        loop {
            match self.requests.try_recv() {
                Ok(Request::Write { write, done }) => {
                    // Decided before anybody knew: the rows follow the room, once they can.
                    self.database.take_in(write);
                    drop(done);
                }
                Ok(Request::End(done)) => self.ending = Some(done),
                Ok(request) => self.answer(request),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => return Some(false),
            }
        }
        match self.commit_anew() {
            Ok(()) => {
                self.forgetting.look_at(&self.database);
                Some(true)
            }
            Err(trouble) => {
                self.database.roll_back();
                self.health.note_failed(matches!(trouble, Trouble::Fallen(_)));
                self.complain(&trouble);
                self.ending.is_some().then_some(false)
            }
        }
    }

    fn commit_anew(&mut self) -> Result<(), Trouble> {
        self.database.stand()?;
        self.database.begin()?;
        self.database.touch()?;
        self.database.commit()
    }
}
