//! The server as a whole: the connection to it, who one is there, and its live rooms.

use dais_engine::shared::ids::UserId;
use dais_engine::shared::wire::{Identity, RoomsPage};
use dais_engine::{Command, ConnectionState};
use leptos::prelude::*;

use super::actions::use_actions;
use crate::link::why_not::{Obstacle, Said, Suspicion};

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct House {
    connection: RwSignal<ConnectionState>,
    obstacle: RwSignal<Option<Obstacle>>,
    suspicion: StoredValue<Suspicion>,
    identity: RwSignal<Option<Identity>>,
    rooms: RwSignal<Option<RoomsPage>>,
    has_worker_failed: RwSignal<bool>,
    was_online: StoredValue<bool>,
    watchers: StoredValue<u32>,
}

pub(super) fn provide() {
    provide_context(House {
        connection: RwSignal::new(ConnectionState::Connecting),
        obstacle: RwSignal::new(None),
        suspicion: StoredValue::new(Suspicion::default()),
        identity: RwSignal::new(None),
        rooms: RwSignal::new(None),
        has_worker_failed: RwSignal::new(false),
        was_online: StoredValue::new(false),
        watchers: StoredValue::new(0),
    });
}

/// What is known of the server.
pub(crate) fn use_house() -> House {
    expect_context()
}

impl House {
    /// How things stand with the server.
    pub(crate) fn connection(self) -> ConnectionState {
        self.connection.get()
    }

    /// What stands in the way of a connection, as far as the server says.
    pub(crate) fn obstacle(self) -> Option<Obstacle> {
        self.obstacle.get()
    }

    /// Whether commands reach the server now.
    pub(crate) fn is_online(self) -> bool {
        matches!(self.connection.get(), ConnectionState::Online | ConnectionState::Stalled)
    }

    /// Whether this page has been connected since it was loaded.
    pub(super) fn was_online(self) -> bool {
        self.was_online.get_value()
    }

    /// The name one has on this server; absent before login and until the server has said.
    pub(crate) fn name(self) -> Option<String> {
        self.identity.with(|identity| identity.as_ref().map(|identity| identity.name.clone()))
    }

    /// One's public id on this server; absent as the name is.
    pub(crate) fn user(self) -> Option<UserId> {
        self.identity.with(|identity| identity.as_ref().map(|identity| identity.user))
    }

    /// The first page of live rooms; absent until it came.
    pub(crate) fn rooms(self) -> Option<RoomsPage> {
        self.rooms.get()
    }

    /// Whether the page is without its worker, and so without a voice.
    pub(crate) fn has_worker_failed(self) -> bool {
        self.has_worker_failed.get()
    }

    /// Keeps the list of rooms up to date while the calling component lives.
    pub(crate) fn watch_rooms(self) {
        let actions = use_actions();
        self.watchers.update_value(|watchers| *watchers += 1);
        if self.watchers.get_value() == 1 {
            actions.send(Command::WatchRooms { watch: true });
        }
        actions.list_rooms();
        on_cleanup(move || {
            self.watchers.update_value(|watchers| *watchers -= 1);
            if self.watchers.get_value() == 0 {
                actions.send(Command::WatchRooms { watch: false });
            }
        });
    }

    /// Whether anybody looks at the list of rooms.
    pub(super) fn is_watching_rooms(self) -> bool {
        self.watchers.get_value() > 0
    }

    pub(super) fn set_connection(self, connection: ConnectionState) {
        if !matches!(connection, ConnectionState::Reconnecting { .. }) {
            self.obstacle.set(None);
            self.suspicion.set_value(Suspicion::default());
        }
        if connection == ConnectionState::Online {
            self.was_online.set_value(true);
        }
        self.connection.set(connection);
    }

    /// What the server says about a try that failed; of no interest once there is a connection.
    pub(super) fn hear_why_not(self, said: Option<Said>) {
        if matches!(self.connection.get_untracked(), ConnectionState::Reconnecting { .. }) {
            let obstacle = self.suspicion.try_update_value(|suspicion| suspicion.hear(said)).flatten();
            self.obstacle.set(obstacle);
        }
    }

    pub(super) fn set_identity(self, identity: Option<Identity>) {
        self.identity.set(identity);
    }

    pub(super) fn set_rooms(self, rooms: RoomsPage) {
        self.rooms.set(Some(rooms));
    }

    pub(super) fn set_worker_failed(self) {
        self.has_worker_failed.set(true);
    }
}
