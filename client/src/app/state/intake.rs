//! The one writer: takes what the worker and the devices tell, and puts it where it belongs.

use std::cell::RefCell;
use std::sync::Arc;

use dais_engine::shared::ids::RoomId;
use dais_engine::shared::room::{Denied, MicrophoneSetBy};
use dais_engine::shared::view::{Change, View};
use dais_engine::shared::wire::Reply;
use dais_engine::{Command, ConnectionState, Event, Failure, LeftRoom};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::chat::{Chat, use_chat};
use super::clock::{Clock, use_clock};
use super::devices::{Devices, use_devices};
use super::entry::{Entry, obstacle_after, use_entry};
use super::house::{House, use_house};
use super::lateness::Lateness;
use super::levels::{Levels, use_levels};
use super::narration::{Told, narrate};
use super::notices::{Notices, use_notices};
use super::quality::{Quality, use_quality};
use super::reactions::{Reactions, use_reactions};
use super::room::{Room, use_room};
use super::speaking::{Speech, use_speech};
use super::trial::{Trial, use_trial};
use crate::link::why_not;
use crate::link::{DeviceState, Link, LinkEvent, TrialEvent};
use crate::locales::{Sentences, t};

struct Intake {
    house: House,
    room: Room,
    entry: Entry,
    clock: Clock,
    chat: Chat,
    reactions: Reactions,
    devices: Devices,
    quality: Quality,
    levels: Levels,
    speech: Speech,
    trial: Trial,
    lateness: RefCell<Lateness>,
    notices: Notices,
    t: &'static Sentences,
}

/// Starts the worker; everything it tells goes into the state provided before.
pub(super) fn start() -> Link {
    let intake = Intake {
        house: use_house(),
        entry: use_entry(),
        clock: use_clock(),
        chat: use_chat(),
        reactions: use_reactions(),
        room: use_room(),
        devices: use_devices(),
        quality: use_quality(),
        levels: use_levels(),
        speech: use_speech(),
        trial: use_trial(),
        lateness: RefCell::default(),
        notices: use_notices(),
        t: t(),
    };
    let link = StoredValue::new(None::<Link>);
    let started = Link::start(move |event| {
        // Events come from outside the reactive system, where nothing is tracked.
        untrack(|| intake.take(event, link));
    });
    link.set_value(Some(started.clone()));
    started
}

impl Intake {
    fn take(&self, event: LinkEvent, link: StoredValue<Option<Link>>) {
        match event {
            LinkEvent::Event(event) => self.take_event(event, link),
            LinkEvent::Playout { measured, output_ms } => {
                let is_late = self.lateness.borrow_mut().take(measured.quanta_late_total, measured.call_gap_ms_max);
                if is_late && link.with_value(|link| link.as_ref().is_some_and(Link::steady_sound)) {
                    self.notices.news(self.t.devices.sound_steadied);
                }
                self.quality.set_playout(measured, output_ms);
            }
            LinkEvent::Audio(audio) => self.devices.set_audio(audio),
            LinkEvent::Microphone(microphone) => {
                self.devices.set_microphone(microphone);
                if microphone == DeviceState::Open {
                    // From now on the browser tells the devices' names.
                    link.with_value(|link| link.iter().for_each(Link::list_devices));
                }
            }
            LinkEvent::MicrophoneMissing(device) => self.notices.news(&(self.t.devices.microphone_missing)(&device.label)),
            LinkEvent::SuppressorMissing => self.notices.news(self.t.devices.suppressor_missing),
            LinkEvent::SuppressorFailed => self.notices.news(self.t.devices.suppressor_failed),
            LinkEvent::OutputMissing(missing) => {
                self.devices.set_output_missing(missing.is_some());
                if let Some(device) = missing {
                    self.notices.news(&(self.t.devices.output_missing)(&device.label));
                }
            }
            LinkEvent::Devices(list) => self.devices.set_list(list),
            LinkEvent::Trial(event) => {
                if event == TrialEvent::Recording {
                    link.with_value(|link| link.iter().for_each(Link::list_devices));
                }
                self.trial.take(event);
            }
            LinkEvent::WorkerFailed(why) => {
                leptos::logging::error!("the worker failed: {why}");
                self.house.set_worker_failed();
            }
        }
    }

    fn take_event(&self, event: Event, link: StoredValue<Option<Link>>) {
        match event {
            Event::Connection(connection) => {
                self.house.set_connection(connection);
                self.look_for_obstacle(connection);
                if connection != ConnectionState::Online {
                    self.levels.tell(&[]); // Whoever spoke last is not heard any more.
                }
                if connection == ConnectionState::Online && self.house.is_watching_rooms() {
                    // What happened to the list in the meantime was told to nobody.
                    link.with_value(|link| link.iter().for_each(|link| link.send(Command::ListRooms { after: None })));
                }
            }
            Event::Identity(identity) => self.house.set_identity(identity),
            Event::Answered { result: Ok(Reply::Rooms(page)), .. } | Event::Rooms(page) => self.house.set_rooms(page),
            Event::Answered { .. } => {} // Whoever wants to know asked with `Link::ask`.
            Event::Room { view, changes } => self.take_room(*view, &changes),
            Event::LeftRoom(how) => self.take_left(how, link),
            Event::Levels(levels) => {
                let own = self.room.me().and_then(|me| levels.iter().find(|(member, _)| *member == me));
                if let Some((_, level_dbov)) = own {
                    self.quality.set_own_level(*level_dbov);
                }
                self.levels.tell(&levels);
            }
            Event::Talking(is_talking) => self.speech.set_talking(is_talking),
            Event::VoiceHeldBack(is_held_back) => self.quality.set_held_back(is_held_back),
            Event::Statistics(statistics) => {
                if let Some(server_ms) = statistics.server_ms {
                    self.clock.set(server_ms);
                }
                let is_audible = self.room.my_stage().is_some_and(|me| me.is_audible());
                let is_let_out = !self.speech.is_by_key() || self.speech.is_talking();
                let is_open = self.devices.microphone() == DeviceState::Open && is_let_out;
                self.quality.set_statistics(statistics, is_audible && is_open);
            }
        }
    }

    /// Asks what stood in the way of a try that failed.
    fn look_for_obstacle(&self, connection: ConnectionState) {
        if let ConnectionState::Reconnecting { retry_in_ms: 1.., .. } = connection {
            let house = self.house;
            let was_online = house.was_online();
            spawn_local(async move { house.hear_why_not(why_not::ask(connection, was_online).await) });
        }
    }

    fn take_room(&self, view: View, changes: &[Change]) {
        match self.room.view() {
            Some(before) if before.room == view.room => self.tell(&before, &view, changes),
            _ => self.notices.say(&(self.t.happened.joined_room)(&view.settings.title)),
        }
        if changes.is_empty() {
            self.chat.restart(&view);
        }
        self.chat.take(changes);
        for change in changes {
            if let Change::Reactions(reactions) = change {
                self.reactions.show(reactions);
            }
        }
        self.entry.clear();
        self.entry.stop_taking_back();
        let is_lifted = changes.iter().any(|change| is_lifted_mute(change, &view));
        self.room.enter(view, is_lifted);
    }

    /// Out of a room. Where somebody's own seat is in use on another page and this one was told to take it, it does.
    fn take_left(&self, how: LeftRoom, link: StoredValue<Option<Link>>) {
        let is_in_use = how == LeftRoom::NotReadmitted(Denied::SeatInUse);
        let takes_back = self.entry.stop_taking_back() && is_in_use;
        match (self.room.id(), link.get_value()) {
            // What was shown stays until the seat is here again.
            (Some(room), Some(link)) if takes_back => self.take_over(room, link),
            (room, _) => self.leave(room, how),
        }
    }

    fn leave(&self, room: Option<RoomId>, how: LeftRoom) {
        if let (Some(room), Some(failure)) = (room, obstacle_after(how)) {
            self.entry.fail(room, failure);
        }
        self.room.leave(how);
    }

    /// Takes the seat that another page holds.
    fn take_over(&self, room: RoomId, link: Link) {
        let (entry, shown) = (self.entry, self.room);
        spawn_local(async move {
            let command = Command::JoinRoom { room: room.clone(), passcode: None, take_over: true };
            match link.ask(command).await {
                Ok(_) => {}
                Err(failure @ Failure::Denied(denied)) => {
                    entry.fail(room, failure);
                    shown.leave(LeftRoom::NotReadmitted(denied));
                }
                // The next connection tells how things stand.
                Err(Failure::Offline) => {}
            }
        });
    }

    fn tell(&self, before: &Arc<View>, after: &View, changes: &[Change]) {
        for told in narrate(self.t, before, after, changes) {
            match told {
                Told::Say(text) => self.notices.say(&text),
                Told::Show(text) => self.notices.news(&text),
                Told::ShowHand(text) => self.notices.hand(&text),
            }
        }
    }
}

/// A moderator lets the viewer speak again, and the viewer is muted by himself still.
fn is_lifted_mute(change: &Change, view: &View) -> bool {
    match change {
        Change::MicrophoneSet { member, self_muted, host_muted, by } => {
            *member == view.me && *self_muted && !*host_muted && *by == MicrophoneSetBy::Moderator
        }
        _ => false,
    }
}
