//! What a person can do: the buttons' other half. Each asks the server and shows why it did not work; what changed
//! comes back as an event, and only then shows.

mod entering;
mod talking;

use dais_engine::shared::ids::{InvitationId, RoomId};
use dais_engine::shared::room;
use dais_engine::shared::wire::Reply;
use dais_engine::{Command, Failure};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

use super::chat::{Chat, use_chat};
use super::dialogs::{Dialogs, Question, use_dialogs};
use super::entry::{Entry, use_entry};
use super::house::{House, use_house};
use super::notices::{Notices, use_notices};
use super::offers::leaves_others_behind;
use super::preferences::{Preferences, use_preferences};
use super::room::{Room, use_room};
use crate::link::{Device, Link, Processing};
use crate::locales::{Sentences, t};

pub(crate) use entering::NewRoom;

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Actions {
    link: StoredValue<Link>,
    house: House,
    room: Room,
    entry: Entry,
    chat: Chat,
    dialogs: Dialogs,
    notices: Notices,
    preferences: Preferences,
    t: &'static Sentences,
}

pub(super) fn provide(link: Link) {
    provide_context(Actions {
        link: StoredValue::new(link),
        house: use_house(),
        room: use_room(),
        entry: use_entry(),
        chat: use_chat(),
        dialogs: use_dialogs(),
        notices: use_notices(),
        preferences: use_preferences(),
        t: t(),
    });
}

/// The actions.
pub(crate) fn use_actions() -> Actions {
    expect_context()
}

impl Actions {
    /// Asks for something whose answer nobody waits for.
    pub(crate) fn send(self, command: Command) {
        self.link.with_value(|link| link.send(command));
    }

    /// Asks for the list of rooms; it shows when it comes.
    pub(crate) fn list_rooms(self) {
        self.send(Command::ListRooms { after: None });
    }

    /// Asks the room for something, and shows its no.
    pub(crate) fn room(self, command: room::Command) {
        spawn_local(async move {
            if let Err(failure) = self.ask_room(command).await {
                self.notices.error((self.t.errors.failure)(failure));
            }
        });
    }

    /// Raises the hand. The browser asks for the microphone now, so that it is settled before one is called up.
    pub(crate) fn raise_hand(self) {
        self.link.with_value(Link::ask_for_microphone);
        self.room(room::Command::RaiseHand);
    }

    /// Goes on stage in an open room, muted.
    pub(crate) fn take_seat(self) {
        self.link.with_value(Link::ask_for_microphone);
        self.room(room::Command::TakeSeat);
    }

    /// Answers an invitation to the stage. A yes lets the browser ask for the microphone now.
    pub(crate) fn respond_invite(self, invitation: InvitationId, accept: bool) {
        if accept {
            self.link.with_value(Link::ask_for_microphone);
        }
        self.room(room::Command::RespondInvite { invitation, accept });
    }

    /// Another try for a microphone that could not be opened.
    pub(crate) fn retry_microphone(self) {
        let is_wanted = untrack(|| self.room.my_stage()).is_some_and(|me| me.is_audible());
        if is_wanted {
            self.room(room::Command::SetMicrophone { muted: false });
        } else {
            self.link.with_value(Link::ask_for_microphone);
        }
    }

    /// Starts the loudspeaker. Inside a click.
    pub(crate) fn unlock_audio(self) {
        self.link.with_value(Link::unlock_audio);
    }

    /// *Leave*: a host who leaves others behind is asked first what is to become of the room.
    pub(crate) fn leave(self) {
        if !self.asks_before_leaving(None) {
            self.leave_room();
        }
    }

    /// Asks a host who would leave others behind, by whatever way, what is to become of the room; whether there was a
    /// reason to. `wanted` is where he goes, if that is a room.
    pub(crate) fn asks_before_leaving(self, wanted: Option<&RoomId>) -> bool {
        let asks = untrack(|| self.room.with(|view| wanted != Some(&view.room) && leaves_others_behind(view))).unwrap_or(false);
        if asks {
            self.dialogs.ask(Question::Leave);
        }
        asks
    }

    /// Leaves the room. Without a connection the page is loaded anew, and the server gives the seat up by itself.
    pub(crate) fn leave_room(self) {
        spawn_local(async move {
            match self.ask(Command::LeaveRoom).await {
                Ok(_) => {}
                Err(Failure::Offline) => drop(window().location().set_href("/")),
                Err(failure) => self.notices.error((self.t.errors.failure)(failure)),
            }
        });
    }

    /// Forgets who one is.
    pub(crate) fn log_out(self) {
        if self.asks_before_leaving(None) {
            return;
        }
        spawn_local(async move {
            match self.ask(Command::Logout).await {
                Ok(_) => self.preferences.remember_name(""),
                Err(failure) => self.notices.error((self.t.errors.failure)(failure)),
            }
        });
    }

    /// Puts the room's link on the clipboard.
    pub(crate) fn copy_link(self) {
        let Some(room) = untrack(|| self.room.id()) else { return };
        let origin = window().location().origin().unwrap_or_default();
        let link = format!("{origin}/r/{room}");
        spawn_local(async move {
            // A page that was not loaded securely has no clipboard at all.
            let is_copied =
                window().is_secure_context() && JsFuture::from(window().navigator().clipboard().write_text(&link)).await.is_ok();
            if is_copied {
                self.notices.news(self.t.room.link_copied);
            } else {
                self.notices.error(&(self.t.room.link_not_copied)(&link));
            }
        });
    }

    /// Asks which devices there are; they show when the browser has told.
    pub(crate) fn list_devices(self) {
        self.link.with_value(Link::list_devices);
    }

    /// Records the microphone for a test. Inside a click.
    pub(crate) fn start_trial(self) {
        self.link.with_value(Link::start_trial);
    }

    /// Plays what the test has recorded.
    pub(crate) fn play_trial(self) {
        self.link.with_value(Link::play_trial);
    }

    /// Ends the test.
    pub(crate) fn end_trial(self) {
        self.link.with_value(Link::end_trial);
    }

    /// The microphone and the output that were chosen.
    pub(super) fn chosen_devices(self) -> (Option<Device>, Option<Device>) {
        self.link.with_value(|link| (link.chosen_microphone(), link.chosen_output()))
    }

    pub(super) fn choose_microphone(self, device: Option<Device>) {
        self.link.with_value(|link| link.choose_microphone(device));
    }

    pub(super) fn choose_output(self, device: Option<Device>) {
        self.link.with_value(|link| link.choose_output(device));
    }

    pub(super) fn processing(self) -> Processing {
        self.link.with_value(Link::processing)
    }

    pub(super) fn set_processing(self, processing: Processing) {
        self.link.with_value(|link| link.set_processing(processing));
    }

    /// Asks the room for something.
    ///
    /// # Errors
    /// [`Failure`] says why not.
    pub(crate) async fn ask_room(self, command: room::Command) -> Result<(), Failure> {
        self.ask(Command::Room(command)).await.map(drop)
    }

    async fn ask(self, command: Command) -> Result<Reply, Failure> {
        let link = self.link.get_value();
        link.ask(command).await
    }
}
