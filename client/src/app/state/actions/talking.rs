//! The chat's past, the member list and the bans: what is asked for only when somebody wants to see it.

use dais_engine::shared::ids::MemberId;
use dais_engine::shared::room::Command as RoomCommand;
use dais_engine::shared::view::{Absent, Member};
use dais_engine::shared::wire::Reply;
use dais_engine::{Command, Failure};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Actions;

impl Actions {
    /// Asks for the messages before those that the page has.
    pub(crate) fn show_earlier_messages(self) {
        let Some(before) = untrack(|| self.chat.earliest()) else { return };
        spawn_local(async move {
            match self.ask(Command::ListMessages { before: Some(before) }).await {
                Ok(Reply::Messages(page)) => self.chat.add_earlier(page),
                Ok(_) => {}
                Err(failure) => self.notices.error((self.t.errors.failure)(failure)),
            }
        });
    }

    /// A page of the member list, in the order of the seats.
    ///
    /// # Errors
    /// [`Failure`] says why not.
    pub(crate) async fn members(self, after: Option<MemberId>) -> Result<Vec<Member>, Failure> {
        match self.ask(Command::ListMembers { after }).await? {
            Reply::Members { members, .. } => Ok(members),
            _ => Err(Failure::Offline),
        }
    }

    /// Who is banned, and who has left.
    ///
    /// # Errors
    /// [`Failure`] says why not.
    pub(crate) async fn banned(self) -> Result<(Vec<Absent>, Vec<Absent>), Failure> {
        match self.ask(Command::ListBanned).await? {
            Reply::Banned { banned, departed } => Ok((banned, departed)),
            _ => Err(Failure::Offline),
        }
    }

    /// Makes somebody on stage the host, and leaves the room to him.
    pub(crate) fn hand_over_and_leave(self, to: MemberId) {
        spawn_local(async move {
            match self.ask_room(RoomCommand::HandOver(to)).await {
                Ok(()) => self.leave_room(),
                Err(failure) => self.notices.error((self.t.errors.failure)(failure)),
            }
        });
    }

    /// Shows why something did not work.
    pub(crate) fn tell(self, failure: Failure) {
        self.notices.error((self.t.errors.failure)(failure));
    }
}
