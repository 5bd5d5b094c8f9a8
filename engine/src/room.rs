//! The room one is in: the view, kept up to date by deltas, and the microphone that follows the *server's* word.

use std::time::Duration;

use dais_shared::ids::{MemberId, Revision, RoomId, StreamId, UserId};
use dais_shared::room::Command;
use dais_shared::view::{Change, Delta, Person, View};
use dais_shared::wire::Request;

use crate::engine::Engine;
use crate::event::{Event, LeftRoom, Output};
use crate::publishing::Wanted;
use crate::requests::Purpose;

/// Where one is, and where one wants to be.
#[derive(Debug, Default)]
pub(crate) struct RoomState {
    pub(crate) view: Option<View>,
    /// The room to come back to after a lost connection, and what it asks for.
    pub(crate) wanted: Option<RoomId>,
    pub(crate) passcode: Option<String>,
    /// The server has muted the person on his own click, at this revision: the view may be older.
    pub(crate) silent_from: Option<Revision>,
    is_resyncing: bool,
}

impl RoomState {
    /// Oneself on stage.
    pub(crate) fn my_stage(&self) -> Option<&Person> {
        self.view.as_ref().and_then(View::my_stage)
    }

    /// The stream one may send as.
    pub(crate) fn audible_stream(&self) -> Option<StreamId> {
        self.my_stage().filter(|me| me.is_audible()).map(|me| me.stream)
    }

    /// Everybody else on stage.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Person> {
        let me = self.view.as_ref().map(|view| view.me);
        self.view.iter().flat_map(|view| &view.stage).filter(move |person| Some(person.member) != me)
    }

    /// Whose a stream is, if the view knows already.
    pub(crate) fn speaker(&self, stream: StreamId) -> Option<(MemberId, UserId)> {
        self.others().find(|person| person.stream == stream).map(|person| (person.member, person.user))
    }
}

impl Engine {
    pub(crate) fn handle_snapshot(&mut self, view: View, now: Duration) {
        self.room.is_resyncing = false;
        self.room.wanted = Some(view.room.clone());
        self.listening.handle_snapshot();
        self.room.view = Some(view);
        self.room_changed(Vec::new(), now);
    }

    pub(crate) fn handle_delta(&mut self, delta: &Delta, now: Duration) {
        let Some(view) = &mut self.room.view else { return };
        if view.apply(delta).is_err() {
            self.resync();
            return;
        }
        let ended = delta.changes.iter().find_map(|change| match change {
            Change::RoomEnded(reason) => Some(*reason),
            _ => None,
        });
        if let Some(reason) = ended {
            self.leave_room(LeftRoom::Ended(reason), now);
        } else if !delta.changes.is_empty() {
            self.room_changed(delta.changes.clone(), now);
        }
    }

    fn resync(&mut self) {
        if !core::mem::replace(&mut self.room.is_resyncing, true) {
            self.request(Purpose::Resync, Request::Resync);
        }
    }

    /// The server has no snapshot for us now: the next change asks again.
    pub(crate) fn handle_resync_denied(&mut self) {
        self.room.is_resyncing = false;
    }

    /// A moderator put one out of this room; old news if one sits in another.
    pub(crate) fn handle_put_out(&mut self, room: &RoomId, how: LeftRoom, now: Duration) {
        if self.room.wanted.as_ref() == Some(room) {
            self.leave_room(how, now);
        }
    }

    /// Out of the room, whatever it was; nothing if there was none.
    pub(crate) fn leave_room(&mut self, how: LeftRoom, now: Duration) {
        self.room.is_resyncing = false;
        self.room.passcode = None;
        self.room.silent_from = None;
        let was_wanted = self.room.wanted.take().is_some();
        let was_inside = self.room.view.take().is_some();
        self.close_streams();
        self.settle_microphone(now);
        if was_wanted || was_inside {
            self.tell(Event::LeftRoom(how));
        }
    }

    fn room_changed(&mut self, changes: Vec<Change>, now: Duration) {
        self.close_streams();
        let gains = self.listening.take_gains(&self.room);
        self.outputs.extend(gains.into_iter().map(|(stream, gain)| Output::SetGain { stream, gain }));
        self.silence_streams();
        if let Some(view) = &self.room.view {
            let view = Box::new(view.clone());
            self.tell(Event::Room { view, changes });
        }
        self.settle_microphone(now);
    }

    /// Asks the server not to send what would not be played, and to send it again.
    pub(crate) fn silence_streams(&mut self) {
        if !self.session.is_online() {
            return;
        }
        for (stream, silent) in self.listening.take_silencings(&self.room) {
            self.request(Purpose::Quiet, Request::Silence { stream, silent });
        }
    }

    fn close_streams(&mut self) {
        for stream in self.listening.forget_gone(&self.room) {
            self.outputs.push_back(Output::CloseStream(stream));
        }
    }

    /// Whoever has fallen silent on his own click stays so until the view shows what the server made of his last one: an
    /// earlier click may open the microphone meanwhile.
    fn settle_silence(&mut self, is_silent: bool) {
        if self.requests.ask_for_silence() {
            return;
        }
        let revision = self.room.view.as_ref().map(|view| view.revision);
        match self.room.silent_from {
            Some(silent_from) if Some(silent_from) > revision => {}
            Some(_) => {
                self.room.silent_from = None;
                self.publishing.allow_voice();
            }
            None if is_silent => self.publishing.allow_voice(),
            None => {}
        }
    }

    /// Opens and closes the microphone by the server's word, and reports what the device does.
    pub(crate) fn settle_microphone(&mut self, now: Duration) {
        let wanted = match self.room.my_stage() {
            None => Wanted::OffStage,
            Some(me) if me.host_muted => Wanted::Closed,
            Some(me) if me.self_muted => Wanted::Muted,
            Some(_) if !self.session.is_online() => Wanted::Offline,
            Some(_) => Wanted::Open,
        };
        self.settle_silence(matches!(wanted, Wanted::Muted | Wanted::Closed | Wanted::OffStage));
        if let Some(output) = self.publishing.settle(wanted, now) {
            self.outputs.push_back(output);
        }
        self.tell_talking(now);
        let Some(reported) = self.room.my_stage().map(|me| me.microphone) else { return };
        if !self.session.is_online() {
            return;
        }
        if let Some(state) = self.publishing.take_report(reported) {
            self.request(Purpose::Quiet, Request::Room(Command::ReportMicrophone(state)));
        }
    }
}
