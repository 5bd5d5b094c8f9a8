//! Every connection's outbox, so that what waits in all of them can be told. Decides nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use dais_shared::ids::ConnectionId;

use super::{Depth, Outbox};

/// The outboxes of all open connections.
#[derive(Debug, Default)]
pub(crate) struct Register(Mutex<BTreeMap<ConnectionId, Weak<Outbox>>>);

/// What waits in all outboxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Depths {
    /// How many there are.
    pub(crate) outboxes: usize,
    pub(crate) total: Depth,
    /// The most that waits in any one of them: of voice, and of control, maybe in another one.
    pub(crate) largest: Depth,
}

impl Register {
    pub(crate) fn insert(&self, connection: ConnectionId, outbox: &Arc<Outbox>) {
        self.entries().insert(connection, Arc::downgrade(outbox));
    }

    pub(crate) fn remove(&self, connection: ConnectionId) {
        self.entries().remove(&connection);
    }

    /// Looks at each of them for a moment. Those of connections that died are forgotten.
    pub(crate) fn depths(&self) -> Depths {
        let outboxes: Vec<Arc<Outbox>> = {
            let mut entries = self.entries();
            entries.retain(|_, outbox| outbox.strong_count() > 0);
            entries.values().filter_map(Weak::upgrade).collect()
        };
        let mut depths = Depths { outboxes: outboxes.len(), ..Depths::default() };
        for outbox in outboxes {
            let Depth { voice_bytes, control_bytes } = outbox.depth();
            depths.total.voice_bytes += voice_bytes;
            depths.total.control_bytes += control_bytes;
            depths.largest.voice_bytes = depths.largest.voice_bytes.max(voice_bytes);
            depths.largest.control_bytes = depths.largest.control_bytes.max(control_bytes);
        }
        depths
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Weak<Outbox>>> {
        // Every change of the map is one insertion or removal: it is whole even after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
