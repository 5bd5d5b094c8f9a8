//! Ways into a room: as oneself, from another page, as somebody else, and as the host of a new one.

use dais_engine::shared::ids::RoomId;
use dais_engine::shared::room::{Denied, Mode};
use dais_engine::shared::wire::Reply;
use dais_engine::{Command, Failure};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Actions;
use crate::state::entry::Attempt;

/// A room to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewRoom {
    /// Its id; the server makes one if absent.
    pub(crate) room: Option<RoomId>,
    /// Its title.
    pub(crate) title: String,
    /// How people come on stage.
    pub(crate) mode: Mode,
    /// Whether it is found by its id alone.
    pub(crate) unlisted: bool,
    /// What those who come in are asked for.
    pub(crate) passcode: Option<String>,
}

impl Actions {
    /// Becomes somebody and joins a room. What stands in the way is told by the way in ([`crate::state::entry`]).
    pub(crate) async fn join(self, attempt: Attempt) {
        self.entry.begin(attempt.clone());
        let room = attempt.room.clone();
        if let Err(failure) = self.try_to_join(attempt).await {
            self.entry.fail(room, failure);
        }
    }

    /// *Use this tab*: takes the seat that another page of this person holds.
    pub(crate) fn use_this_tab(self, room: RoomId) {
        self.unlock_audio();
        spawn_local(async move {
            let command = Command::JoinRoom { room: room.clone(), passcode: None, take_over: true };
            if let Err(failure) = self.ask(command).await {
                self.entry.fail(room, failure);
            }
        });
    }

    /// *Use this tab*, where the server has closed this page's connection for another page's: connects again, and takes
    /// the seat back once it is told that it is in use.
    pub(crate) fn take_back(self) {
        self.unlock_audio();
        self.entry.take_back();
        self.send(Command::Retry);
    }

    /// *Join as another person*: an identity for this page alone.
    pub(crate) fn join_as_another(self, attempt: Attempt) {
        self.unlock_audio();
        self.entry.begin(attempt.clone());
        spawn_local(async move {
            let Attempt { room, name, passcode, .. } = attempt;
            let joined = async {
                self.ask(Command::BecomeAnother).await?;
                self.ask(Command::Login { name }).await?;
                self.ask(Command::JoinRoom { room: room.clone(), passcode, take_over: false }).await
            };
            if let Err(failure) = joined.await {
                self.entry.fail(room, failure);
            }
        });
    }

    /// Becomes `name`, creates a room and joins it as its host.
    ///
    /// # Errors
    /// [`Failure`] says why not.
    pub(crate) async fn create(self, name: String, new: NewRoom) -> Result<RoomId, Failure> {
        self.become_somebody(name).await?;
        if untrack(|| self.room.id()).is_some() {
            self.ask(Command::LeaveRoom).await?;
        }
        let NewRoom { room, title, mode, unlisted, passcode } = new;
        match self.ask(Command::CreateRoom { room, title, mode, unlisted, passcode }).await? {
            Reply::Joined { room, .. } => Ok(room),
            _ => Err(Failure::Offline),
        }
    }

    /// What a room is, for somebody who is not in it.
    ///
    /// # Errors
    /// [`Failure`] says why that cannot be had: above all, that there is no such room.
    pub(crate) async fn describe(self, room: RoomId) -> Result<Reply, Failure> {
        self.ask(Command::DescribeRoom { room }).await
    }

    async fn try_to_join(self, attempt: Attempt) -> Result<(), Failure> {
        let Attempt { room, name, passcode, opens } = attempt;
        self.become_somebody(name).await?;
        if untrack(|| self.room.id()).is_some_and(|inside| inside != room) {
            self.ask(Command::LeaveRoom).await?;
        }
        if opens {
            let (title, mode) = (room.to_string(), Mode::Moderated);
            let created = Command::CreateRoom { room: Some(room.clone()), title, mode, unlisted: false, passcode: None };
            match self.ask(created).await {
                Err(Failure::Denied(Denied::RoomIdTaken)) => {} // Another host has just opened it.
                opened => return opened.map(drop),
            }
        }
        self.ask(Command::JoinRoom { room, passcode, take_over: false }).await.map(drop)
    }

    async fn become_somebody(self, name: String) -> Result<(), Failure> {
        if untrack(|| self.house.name()).as_deref() != Some(name.as_str()) {
            self.ask(Command::Login { name: name.clone() }).await?;
        }
        self.preferences.remember_name(&name);
        Ok(())
    }
}
