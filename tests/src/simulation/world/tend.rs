//! The pages' shell: does what their engines say, and what their people do.

use dais_engine::{Command, ConnectionState, Event, Failure, LeftRoom, MicrophoneFailure, Output, Ticket};
use dais_shared::ids::{RoomId, StreamId};
use dais_shared::view::View;
use dais_shared::wire::{KIND_VOICE, Reply};

use super::World;
use crate::frames;
use crate::page::{Asked, since};
use crate::script::{self, Act};
use crate::truth::Checked;

const DEVICE_RATE_HZ: u32 = 48_000;
/// Pages that one simulation opens at most: each person's, and some twice.
const PAGES_MAX: usize = 12;

impl World {
    /// Does what is due on every page.
    pub(super) fn tend_pages(&mut self) -> Checked {
        for page in 0..self.pages.len() {
            if self.pages[page].due_ms() <= self.now_ms {
                self.tend(page)?;
            }
        }
        Ok(())
    }

    fn tend(&mut self, index: usize) -> Checked {
        let now_ms = self.now_ms;
        let is_due = |at_ms: &mut Option<u64>| at_ms.take_if(|at_ms| *at_ms <= now_ms).is_some();
        if is_due(&mut self.pages[index].connects_ms) {
            let line = self.connect(index);
            self.note(|| format!("page {index} connects: {line:?}"));
            let page = &mut self.pages[index];
            page.line = line;
            match line {
                Some(_) => page.engine.handle_socket_open(since(now_ms)),
                None => page.engine.handle_socket_closed(None, since(now_ms)),
            }
            self.perform(index)?;
        }
        let page = &mut self.pages[index];
        if is_due(&mut page.opens_ms) {
            if page.random.percent(4) {
                page.engine.handle_microphone_failed(MicrophoneFailure::Lost, since(now_ms));
            } else {
                page.is_microphone_open = true;
                page.engine.handle_microphone_open(DEVICE_RATE_HZ, since(now_ms));
            }
        }
        page.speak(now_ms);
        if page.engine.poll_timeout().is_some_and(|due| due <= since(now_ms)) {
            page.engine.handle_timeout(since(now_ms));
        }
        self.perform(index)?;
        if self.pages[index].acts_ms <= now_ms {
            let pace_ms = self.plan.pace_ms;
            let page = &mut self.pages[index];
            page.acts_ms = if self.is_lively { now_ms + page.random.between(1, pace_ms) } else { u64::MAX };
            if self.is_lively {
                self.act(index)?;
            }
        }
        Ok(())
    }

    fn act(&mut self, index: usize) -> Checked {
        let now_ms = self.now_ms;
        let person = self.pages[index].person;
        if self.pages[index].is_online && self.pages.len() < PAGES_MAX && self.random.percent(1) {
            self.open_page(person);
        }
        if self.random.percent(1) {
            self.vanish(index);
            return Ok(());
        }
        let halls = &mut self.halls;
        let page = &mut self.pages[index];
        let next_hall = || {
            *halls += 1;
            RoomId::parse(&format!("hall-{halls}")).expect("a lawful id")
        };
        let act = if page.is_closed {
            if page.random.percent(20) { Act::Ask(Command::Retry, Asked::Other) } else { Act::Nothing }
        } else if !page.is_online {
            Act::Nothing
        } else if page.user.is_none() {
            Act::Ask(Command::Login { name: format!("Name {}", person / 2) }, Asked::Login)
        } else if page.view.is_none() {
            script::outside(&mut page.random, self.hall.as_ref(), next_hall, person == 0)
        } else {
            script::inside(page, now_ms)
        };
        self.do_it(index, act)
    }

    fn do_it(&mut self, index: usize, act: Act) -> Checked {
        let now_ms = self.now_ms;
        if !matches!(act, Act::Nothing) {
            self.note(|| format!("page {index}: {act:?}"));
        }
        let page = &mut self.pages[index];
        match act {
            Act::Nothing => return Ok(()),
            Act::Speak(for_ms) => page.begin_to_speak(for_ms, now_ms),
            Act::SetSpeaking(speaking) => {
                page.speaking = speaking;
                page.ask(Command::SetSpeaking(speaking), Asked::Other, now_ms);
            }
            Act::Ask(command, asked) => {
                match &asked {
                    Asked::Silence => {
                        page.frames_since_click.get_or_insert(0);
                        page.wants_open = false;
                    }
                    Asked::Unmute => {
                        page.frames_since_click = None;
                        page.wants_open = true;
                        if let Some(user) = page.user {
                            self.truth.note_unmute(user);
                        }
                    }
                    _ => {}
                }
                if let Command::SetVolume { user, volume } = &command {
                    page.silenced.retain(|silenced| silenced != user);
                    if *volume == 0.0 {
                        page.silenced.push(*user);
                    }
                }
                page.ask(command, asked, now_ms);
            }
        }
        self.perform(index)
    }

    /// Does what the engine says.
    pub(super) fn perform(&mut self, index: usize) -> Checked {
        while let Some(output) = self.pages[index].engine.poll_output() {
            self.obey(index, output).map_err(|what| format!("page {index}: {what}"))?;
        }
        Ok(())
    }

    fn obey(&mut self, index: usize, output: Output) -> Checked {
        let now_ms = self.now_ms;
        let page = &mut self.pages[index];
        match output {
            Output::Connect => {
                page.line = None;
                page.connects_ms = Some(now_ms + page.random.between(1, 300));
            }
            Output::Disconnect => {
                page.line = None;
                page.connects_ms = None;
            }
            Output::Send(message) => self.send(index, &message)?,
            Output::OpenMicrophone => page.opens_ms = Some(now_ms + page.random.between(1, 300)),
            Output::CloseMicrophone | Output::MicrophoneUseless => {
                page.is_microphone_open = false;
                page.opens_ms = None;
            }
            Output::Play { header, .. } => {
                page.voice_heard += 1;
                self.check_heard(index, StreamId(header.stream), header.arrival_ms)?;
            }
            Output::KeepToken { token: None, .. } => return Err("the server does not know its person any more".to_owned()),
            Output::KeepToken { token, .. } => self.people[page.person].token = token,
            Output::Event(event) => self.told(index, event)?,
            Output::FlushMicrophone | Output::PlayClock { .. } | Output::CloseStream(_) | Output::SetGain { .. } => {}
        }
        Ok(())
    }

    fn send(&mut self, index: usize, message: &[u8]) -> Checked {
        let page = &mut self.pages[index];
        if message.first() == Some(&KIND_VOICE) {
            if !page.view.as_ref().and_then(View::my_stage).is_some_and(dais_shared::view::Person::is_audible) {
                return Err("voice is sent although its page knows that it may not be heard".to_owned());
            }
            if let Some(frames) = &mut page.frames_since_click {
                *frames += 1;
                if *frames > 1 {
                    return Err(format!("{frames} frames were sent after the click that asked for silence"));
                }
            }
        }
        let Some(connection) = page.line.and_then(|line| self.lines.get_mut(&line)) else { return Ok(()) };
        connection.up.push(frames::masked(message), self.now_ms);
        Ok(())
    }

    /// A frame is given to the loudspeaker.
    fn check_heard(&self, index: usize, stream: StreamId, arrived_ms: u64) -> Checked {
        let page = &self.pages[index];
        let view = page.view.as_ref().ok_or("a voice is heard outside of any room")?;
        if !self.truth.was_audible(&view.room, stream, arrived_ms) {
            return Err(format!("{} hears what {stream} said while it might not be heard", view.me));
        }
        if let Some(person) = view.stage.iter().find(|person| person.stream == stream)
            && page.silenced.contains(&person.user)
        {
            return Err(format!("{} hears {stream}, whom he turned down to nothing", view.me));
        }
        for (_, asked_ms) in page.confirmed.iter().filter(|(confirmed, _)| *confirmed == stream) {
            let silent_ms = self.truth.silent_from(&view.room, stream, self.by_server(*asked_ms));
            if silent_ms.is_some_and(|silent_ms| arrived_ms < silent_ms) {
                return Err(format!("{} hears {stream} after the answer that it is muted", view.me));
            }
        }
        Ok(())
    }

    /// The engine tells the person something.
    fn told(&mut self, index: usize, event: Event) -> Checked {
        let page = &mut self.pages[index];
        match event {
            Event::Room { view, .. } => return self.shown(index, *view),
            Event::LeftRoom(how) => {
                page.view = None;
                page.confirmed.clear();
                page.frames_since_click = None;
                self.note(|| format!("page {index} is out of the room: {how:?}"));
                if matches!(how, LeftRoom::NotReadmitted(_)) {
                    self.pages[index].is_coming_back = false;
                }
            }
            Event::Answered { ticket, result } => self.answered(index, ticket, &result),
            Event::Identity(identity) => page.user = identity.map(|identity| identity.user),
            Event::Connection(state) => {
                page.is_online = matches!(state, ConnectionState::Online | ConnectionState::Stalled);
                page.is_closed = matches!(state, ConnectionState::Closed(_));
                page.is_coming_back |= !page.is_online;
                self.note(|| format!("page {index}: {state:?}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// The replica: what the server's room showed this member at that revision.
    fn shown(&mut self, index: usize, view: View) -> Checked {
        let page = &mut self.pages[index];
        let room = self.truth.at(&view.room, view.revision).ok_or_else(|| format!("revision {} never was", view.revision))?;
        let own = room.view_for(view.me);
        if own.as_ref() != Some(&view) {
            return Err(format!("{} sees {view:?} and not {own:?}", view.me));
        }
        let is_open = view.my_stage().is_some_and(dais_shared::view::Person::is_audible);
        // A click after the request to come back is on its way behind it.
        let is_clicked = page.asked.values().any(|asked| *asked == Asked::Silence);
        if std::mem::take(&mut page.is_coming_back) && is_open && !page.wants_open && !is_clicked {
            return Err(format!("{} came back with an open microphone, and had closed it", view.me));
        }
        if !is_open && page.frames_since_click.is_some() && !page.asked.values().any(|asked| *asked == Asked::Silence) {
            page.frames_since_click = None;
        }
        page.view = Some(view);
        Ok(())
    }

    fn answered(&mut self, index: usize, ticket: Ticket, result: &Result<Reply, Failure>) {
        let page = &mut self.pages[index];
        let Some(asked) = page.asked.remove(&ticket) else { return };
        if let Err(failure) = result {
            self.note(|| format!("page {index}: {asked:?} failed: {failure:?}"));
        }
        let page = &mut self.pages[index];
        match (asked, result) {
            (Asked::Create(room), Ok(_)) => self.hall = Some(room),
            (Asked::Silence, Err(Failure::Denied(_))) => {
                // Nothing has changed: who was heard is heard.
                page.frames_since_click = None;
                page.wants_open = true;
            }
            (Asked::Unmute, Err(Failure::Denied(_))) => {
                if let Some(user) = page.user {
                    self.truth.note_unmute_denied(user);
                }
            }
            (Asked::SilenceOther(stream, asked_ms), Ok(_)) => page.confirmed.push((stream, asked_ms)),
            _ => {}
        }
    }
}
