//! Judges everything that one connection is sent, in the order in which it comes: a stream that was said to be over, or
//! muted by the host, is not heard again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dais_shared::ids::{MemberId, StreamId};
use dais_shared::view::View;
use dais_shared::wire::{FromServer, ServerFrame};

use super::{Lift, Shared};

pub(super) struct Ear {
    shared: Arc<Shared>,
    view: Option<View>,
    streams: BTreeSet<StreamId>,
    over: BTreeSet<StreamId>,
    muted: BTreeMap<StreamId, MemberId>,
    pub(super) frames_heard: u64,
}

impl Ear {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            view: None,
            streams: BTreeSet::new(),
            over: BTreeSet::new(),
            muted: BTreeMap::new(),
            frames_heard: 0,
        }
    }

    pub(super) const fn view(&self) -> Option<&View> {
        self.view.as_ref()
    }

    pub(super) fn takes(&mut self, message: &FromServer<'_>) {
        match message {
            FromServer::Voice { origin, .. } => self.hears(origin.stream),
            FromServer::Control(ServerFrame::Snapshot(view)) => {
                if self.view.as_ref().is_some_and(|old| old.room != view.room) {
                    *self = Self::new(&self.shared); // another room counts its streams anew
                }
                self.view = Some(view.clone());
                self.learns();
            }
            FromServer::Control(ServerFrame::Delta(delta)) => {
                self.view.as_mut().expect("a snapshot comes first").apply(delta).expect("no revision is missing");
                self.learns();
            }
            FromServer::Control(_) => {}
        }
    }

    fn hears(&mut self, stream: StreamId) {
        assert!(!self.over.contains(&stream), "stream {stream} was heard after its end");
        if let Some(member) = self.muted.get(&stream) {
            let seen = self.view.as_ref().map(|view| view.revision);
            let is_lifted = match self.shared.lifted.lock().unwrap().get(member) {
                None => false,
                Some(Lift::Asked) => true,
                Some(Lift::Done(revision)) => seen < Some(*revision),
            };
            assert!(is_lifted, "stream {stream} of {member} was heard after the host's mute");
        }
        self.frames_heard += 1;
    }

    /// What the view says now holds for every frame that comes later.
    fn learns(&mut self) {
        let Some(view) = &self.view else { return };
        let now: BTreeSet<StreamId> = view.stage.iter().map(|person| person.stream).collect();
        self.over.extend(self.streams.difference(&now));
        self.muted.retain(|stream, _| view.stage.iter().all(|person| person.stream != *stream || person.host_muted));
        self.muted.extend(view.stage.iter().filter(|person| person.host_muted).map(|person| (person.stream, person.member)));
        self.streams = now;
    }
}
