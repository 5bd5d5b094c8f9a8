//! What a simulation is told of the rooms as it happens. Nothing at all without the feature.

use dais_shared::room::{Event, Room};

/// Shared by all rooms of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    #[cfg(feature = "simulation")]
    pub(crate) simulated: Option<crate::simulation::Journal>,
}

impl Journal {
    /// A room is at work from now on.
    pub(crate) fn began(&self, room: &Room) {
        let _ = room;
        #[cfg(feature = "simulation")]
        if let Some(journal) = &self.simulated {
            journal.began(room);
        }
    }

    /// A change was made, and whatever of voice it takes back is taken back.
    pub(crate) fn applied(&self, room: &Room, event: &Event) {
        let _ = (room, event);
        #[cfg(feature = "simulation")]
        if let Some(journal) = &self.simulated {
            journal.applied(room, event);
        }
    }
}
