//! Replies and changes, held back until they are kept, in the order of their revisions.
//!
//! A voice frame is never here.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use dais_shared::ids::{MemberId, RequestId};
use dais_shared::limits::{OUTGOING_BYTES_MAX, OUTGOING_EFFECTS_MAX};
use dais_shared::room::{Denied, Event};
use dais_shared::view::{Published, View};
use dais_shared::wire::{Goodbye, Reply, ServerFrame};
use tokio::sync::oneshot;

use super::{RoomActor, Tenure};
use crate::fan_out::Occupant;
use crate::outbox::{Control, Outbox, control_frame};
use crate::refusal::Refusal;
use crate::store::{Committed, Permit, Unavailable, Write};

/// Something to be done when all that came before it is kept.
#[derive(Debug)]
pub(super) enum Effect {
    /// Everybody learns of changes: the common frame but for those who get one of their own.
    Change(Bytes, Vec<(MemberId, Bytes)>),
    /// A seat was taken away: its connection is told, and sits here no more.
    PutOut(Arc<Outbox>, Tenure, Bytes),
    /// One connection gets an answer.
    Answer(Arc<Outbox>, Bytes),
    /// One connection gets the whole room.
    Snapshot(Arc<Outbox>, Bytes),
    /// Changes and voice go to this connection too from now on.
    Enter(Occupant, Arc<Outbox>),
    /// Another connection has taken its seat.
    Close(Arc<Outbox>, Goodbye),
    /// Whoever waits for this learns that it is kept.
    Tell(oneshot::Sender<()>),
    /// So does the operator, or that it is not yet.
    Obeyed(oneshot::Sender<Result<(), Denied>>),
}

impl Effect {
    /// How long the frames are that it keeps.
    fn bytes(&self) -> usize {
        match self {
            Self::Change(common, personal) => personal.iter().map(|(_, frame)| frame.len()).sum::<usize>() + common.len(),
            Self::PutOut(_, _, frame) | Self::Answer(_, frame) | Self::Snapshot(_, frame) => frame.len(),
            Self::Enter(..) | Self::Close(..) | Self::Tell(_) | Self::Obeyed(_) => 0,
        }
    }
}

/// Effects behind the commits they wait for. One entry per write under way, as many as the store's queue takes; and
/// [`OUTGOING_EFFECTS_MAX`] effects of [`OUTGOING_BYTES_MAX`] bytes.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    waiting: VecDeque<(Committed, Vec<Effect>)>,
    count: usize,
    bytes: usize,
}

impl Outgoing {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes an effect in behind the newest write; gives it back where nothing is waited for, and an answer also where too
    /// much waits already. Changes are bounded by what the rooms' rules let happen, and nobody is to miss one.
    fn put(&mut self, effect: Effect) -> Option<Effect> {
        let is_full = self.count >= OUTGOING_EFFECTS_MAX || self.bytes >= OUTGOING_BYTES_MAX;
        let is_answer = matches!(effect, Effect::Answer(..) | Effect::Snapshot(..));
        let Some((_, effects)) = self.waiting.back_mut().filter(|_| !(is_full && is_answer)) else { return Some(effect) };
        self.count += 1;
        self.bytes += effect.bytes();
        effects.push(effect);
        None
    }

    /// What waits for the oldest write, which waits no longer.
    fn take_front(&mut self) -> Vec<Effect> {
        let (_, effects) = self.waiting.pop_front().unzip();
        let effects: Vec<Effect> = effects.unwrap_or_default();
        self.count -= effects.len();
        self.bytes -= effects.iter().map(Effect::bytes).sum::<usize>();
        effects
    }

    /// Resolves when the oldest write is kept, or is not while the disk fails or hangs. May be dropped and called again.
    pub(super) async fn next_committed(&mut self) -> Result<(), Unavailable> {
        match self.waiting.front_mut() {
            Some((committed, _)) => committed.kept().await,
            None => std::future::pending().await,
        }
    }
}

impl RoomActor {
    /// Hands changes that were just applied to the store. Without a place there they are only applied, and the next
    /// write carries the whole room: as soon as there is a place again.
    pub(super) fn keep(&mut self, permit: Option<Permit>, events: Vec<Event>) {
        let Some(permit) = permit else {
            self.is_unsaved = true;
            return;
        };
        if self.is_unsaved {
            return self.save(permit);
        }
        let write = Write::Events { room: self.room.id().clone(), events };
        self.outgoing.waiting.push_back((permit.write(write), Vec::new()));
    }

    /// Hands the whole room to the store, with whatever that has missed.
    pub(super) fn save(&mut self, permit: Permit) {
        self.is_unsaved = false;
        let write = Write::Room(Box::new(self.room.clone()));
        self.outgoing.waiting.push_back((permit.write(write), Vec::new()));
    }

    /// Puts an effect behind everything that has been applied so far.
    pub(super) fn leave_in_order(&mut self, effect: Effect) {
        match self.outgoing.put(effect) {
            None => {}
            // Whoever makes others wait so much: his page comes back when there is room.
            Some(Effect::Answer(outbox, _) | Effect::Snapshot(outbox, _)) if !self.outgoing.is_empty() => {
                outbox.close(Goodbye::Overloaded);
            }
            Some(effect) => self.perform(effect),
        }
    }

    /// The oldest write is kept, or not yet: what waited for it leaves. It has happened, and is in the store's hands.
    pub(super) fn release_front(&mut self, kept: Result<(), Unavailable>) {
        for effect in self.outgoing.take_front() {
            match effect {
                // What only restricts holds all the same; whoever asked may have gone.
                Effect::Obeyed(answer) => drop(answer.send(kept.map_err(|Unavailable| Denied::Unavailable))),
                effect => self.perform(effect),
            }
        }
    }

    /// Answers an order in the room's order, when it is kept.
    pub(super) fn obeyed(&mut self, answer: oneshot::Sender<Result<(), Denied>>) {
        if self.is_unsaved {
            // No write carries it yet.
            let _ = answer.send(Err(Denied::Unavailable)); // as above
        } else {
            self.leave_in_order(Effect::Obeyed(answer));
        }
    }

    /// Gives everybody the changes that are due.
    pub(super) fn publish(&mut self) {
        if let Some(Published { common, personal }) = self.publication.take(&self.room, self.now_ms) {
            let common = control_frame(&ServerFrame::Delta(common));
            self.publication.note_bytes(common.len());
            let personal = personal.into_iter();
            let personal = personal.map(|(member, delta)| (member, control_frame(&ServerFrame::Delta(delta)))).collect();
            self.leave_in_order(Effect::Change(common, personal));
        }
    }

    /// Answers a request in the room's order.
    pub(super) fn answer(&mut self, outbox: Arc<Outbox>, id: RequestId, result: Result<Reply, Denied>) {
        if let Some(refusal) = result.as_ref().err().and_then(|denied| Refusal::of_denied(*denied)) {
            self.house.refusals.refuse(refusal, outbox.peer());
        }
        let frame = control_frame(&ServerFrame::Reply { id, revision: self.room.revision(), result });
        self.leave_in_order(Effect::Answer(outbox, frame));
    }

    /// Sends the whole room in the room's order.
    pub(super) fn send_view(&mut self, outbox: Arc<Outbox>, view: View) {
        self.publication.note_snapshot(&self.room);
        let frame = control_frame(&ServerFrame::Snapshot(view));
        self.leave_in_order(Effect::Snapshot(outbox, frame));
    }

    fn perform(&mut self, effect: Effect) {
        // What all see, and who hears, keeps its order with voice. One person's answer does not touch what others hear.
        if matches!(effect, Effect::Change(..) | Effect::PutOut(..) | Effect::Enter(..) | Effect::Close(..)) {
            self.send_spoken();
        }
        let now_ms = self.now_ms;
        match effect {
            Effect::Change(common, personal) => self.fan_out.send_change(&common, &personal, now_ms),
            Effect::PutOut(outbox, tenure, frame) => {
                tenure.end();
                outbox.send_control(Control::Answer(frame), now_ms);
            }
            Effect::Answer(outbox, frame) => outbox.send_control(Control::Answer(frame), now_ms),
            Effect::Snapshot(outbox, frame) => outbox.send_control(Control::Snapshot(frame), now_ms),
            Effect::Enter(occupant, outbox) => self.enter(occupant, outbox),
            Effect::Close(outbox, goodbye) => outbox.close(goodbye),
            Effect::Tell(told) => {
                let _ = told.send(()); // whoever waited may have gone
            }
            Effect::Obeyed(answer) => {
                let _ = answer.send(Ok(())); // as above
            }
        }
    }

    fn enter(&mut self, occupant: Occupant, outbox: Arc<Outbox>) {
        if self.link(occupant).is_none() {
            return; // gone again before its seat was kept
        }
        for frame in self.links.values().filter_map(|link| link.speech.mapping_frame()) {
            outbox.send_control(Control::Hint(frame), self.now_ms);
        }
        self.fan_out.insert(occupant, outbox);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use dais_shared::ids::UserId;
    use tempfile::TempDir;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::clock::Clock;
    use crate::outbox::Transport;
    use crate::socket::Socket;
    use crate::store::Store;

    #[tokio::test]
    async fn what_waits_for_the_store_is_bounded_by_its_bytes_and_a_change_is_never_missed() {
        let house = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let _listener = TcpStream::connect(house.local_addr().unwrap()).await.unwrap();
        let (socket, _) = house.accept().await.unwrap();
        let outbox = Arc::new(Outbox::new(Socket::Tcp(socket), Transport::Plain, Arc::default()));
        let folder = TempDir::with_prefix("dais-").unwrap();
        let (store, _) = Store::open(folder.path(), Arc::new(Clock::start_at(1_000)), Arc::default()).unwrap();
        let under_way = || (store.reserve().unwrap().write(Write::IdentityRevoked { user: UserId(1) }), Vec::new());
        let frame = Bytes::from(vec![0; OUTGOING_BYTES_MAX / 4]);
        let snapshot = || Effect::Snapshot(Arc::clone(&outbox), frame.clone());

        let mut outgoing = Outgoing::default();
        assert!(outgoing.put(snapshot()).is_some(), "nothing is waited for");
        outgoing.waiting.push_back(under_way());
        assert!((0..3).all(|_| outgoing.put(snapshot()).is_none()));
        outgoing.waiting.push_back(under_way());
        assert!(outgoing.put(snapshot()).is_none());
        assert!(outgoing.put(snapshot()).is_some(), "there is no more room for answers");
        assert!(outgoing.put(Effect::Change(frame.clone(), Vec::new())).is_none());
        assert_eq!(outgoing.take_front().len(), 3);
        assert!((0..2).all(|_| outgoing.put(snapshot()).is_none()), "there is again");
        assert!(outgoing.put(snapshot()).is_some());
        assert_eq!(outgoing.take_front().len(), 4);
        assert_eq!((outgoing.take_front().len(), outgoing.count, outgoing.bytes), (0, 0, 0));
    }
}
