//! One room's task: commands in the order in which they came, and voice frames before them.
//!
//! It carries the rules out and makes none: `decide` judges, `apply` changes at once, the store keeps, and replies
//! and changes leave in the order of their revisions when they are kept ([`outgoing`]). Voice waits for none of that.
//! It never waits for a connection: an outbox takes everything at once.

mod chat;
mod chorus;
mod command;
mod lateness;
mod mailbox;
mod mappings;
mod outgoing;
mod voice;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use dais_shared::ids::{ConnectionId, MemberId, MessageId, PageId, RequestId, StreamId};
use dais_shared::limits::CLOCK_IN_SILENCE_MS;
use dais_shared::room::{Ban, Command, Context, Denied, ErasedBan, Event, Input, LeaveReason, Order, Room, Seat};
use dais_shared::view::Publication;
use dais_shared::voice::Origin;
use dais_shared::wire::{ServerFrame, encode_server_voice};
use tokio::sync::oneshot;

use crate::fan_out::{FanOut, Occupant, Spoken};
use crate::outbox::{Outbox, Voice, control_frame};
use crate::rooms::Ending;
use crate::server::House;
use crate::store::{Permit, Store, Write};
use chat::Chat;
use chorus::Chorus;
use mailbox::Batch;
pub(crate) use mailbox::{Inbox, Sound, open as open_mailbox};
use mappings::Mappings;
use outgoing::{Effect, Outgoing};
use voice::Speech;

/// What a connection tells a room.
#[derive(Debug)]
pub(crate) enum Message {
    /// Take a seat, or come back to it. The answer goes to the client; its seat, if any, also to the connection.
    Join(Box<Join>),
    /// Something that the rules decide.
    Command { from: Occupant, request: RequestId, command: Command },
    /// Leave for good. `left` resolves when that is kept.
    Leave { from: Occupant, request: Option<RequestId>, left: oneshot::Sender<()> },
    /// The connection is gone; the seat is held.
    Lost(Occupant),
    /// A page of the member list.
    ListMembers { from: Occupant, request: RequestId, after: Option<MemberId> },
    /// A page of the chat.
    ListMessages { from: Occupant, request: RequestId, before: Option<MessageId> },
    /// Who may not come in.
    ListBanned { from: Occupant, request: RequestId },
    /// Whether a voice is to be sent to this connection.
    Silence { from: Occupant, request: RequestId, stream: StreamId, silent: bool },
    /// A fresh snapshot: asked for by the client, or, without a request, due after changes were discarded.
    Resync { from: Occupant, request: Option<RequestId> },
    /// Something that the operator asks. The answer comes when it is kept.
    Order { order: Order, answer: oneshot::Sender<Result<(), Denied>> },
    /// Who is banned, for the operator.
    TellBans { answer: oneshot::Sender<(Vec<Ban>, Vec<ErasedBan>)> },
    /// A page of who sits here, for the operator: those after a seat.
    TellSeats { after: Option<MemberId>, answer: oneshot::Sender<Vec<(MemberId, Seat)>> },
    /// A fault, to prove that it stays in this room.
    #[cfg(test)]
    Fault,
}

/// See [`Message::Join`].
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) connection: ConnectionId,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) request: RequestId,
    pub(crate) page: PageId,
    pub(crate) take_over: bool,
    pub(crate) person: dais_shared::room::Join,
    pub(crate) tenure: Tenure,
    pub(crate) seated: oneshot::Sender<Result<MemberId, Denied>>,
}

/// What a connection may know of its seat without asking: set by the room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenure(Arc<Standing>);

#[derive(Debug, Default)]
struct Standing {
    has_ended: AtomicBool,
    is_on_stage: AtomicBool,
}

impl Tenure {
    /// The seat is taken away.
    pub(crate) fn end(&self) {
        self.0.has_ended.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.has_ended.load(Ordering::Acquire)
    }

    fn set_on_stage(&self, is_on_stage: bool) {
        self.0.is_on_stage.store(is_on_stage, Ordering::Release);
    }

    /// Whether voice from there is worth passing on: the audience's is heard by nobody, and is not to fill the way of those who
    /// speak. Set before anybody is told, so that whoever speaks because he was told is passed on; the room judges all the same.
    pub(crate) fn is_on_stage(&self) -> bool {
        self.0.is_on_stage.load(Ordering::Acquire)
    }
}

/// The connection behind a seat.
#[derive(Debug)]
struct Link {
    connection: ConnectionId,
    outbox: Arc<Outbox>,
    page: PageId,
    tenure: Tenure,
    speech: Speech,
}

/// A room at work.
#[derive(Debug)]
pub(crate) struct RoomActor {
    house: Arc<House>,
    room: Room,
    ending: Ending,
    publication: Publication,
    links: BTreeMap<MemberId, Link>,
    /// Connections that are open and sat here: what they asked before they knew is answered, too.
    seatless: BTreeMap<ConnectionId, (MemberId, Weak<Outbox>)>,
    fan_out: FanOut,
    chat: Chat,
    /// Voice that is to leave: every listener's share in one write.
    chorus: Chorus,
    /// Of [`RoomActor::send_spoken`], kept for its memory.
    spoken: Vec<Spoken>,
    /// How speakers' clocks lie to the server's, as far as listeners are still to be told.
    mappings: Mappings,
    outgoing: Outgoing,
    /// Changes were made that the store had no place for: the next write carries the whole room.
    is_unsaved: bool,
    /// The room's end is among them.
    owes_end: bool,
    now_ms: u64,
    /// When voice, or the time in its place, was sent last.
    timed_ms: u64,
}

/// A room that goes wakes the connections of all who sit in it: by then its mailbox is closed, and they see that.
impl Drop for RoomActor {
    fn drop(&mut self) {
        for link in self.links.values() {
            link.outbox.wake();
        }
    }
}

impl RoomActor {
    pub(crate) fn new(house: Arc<House>, room: Room, ending: Ending) -> Self {
        let now_ms = house.clock.now_ms();
        house.journal.began(&room);
        Self {
            publication: Publication::new(&room),
            house,
            room,
            ending,
            links: BTreeMap::new(),
            seatless: BTreeMap::new(),
            fan_out: FanOut::default(),
            chat: Chat::new(now_ms),
            chorus: Chorus::default(),
            spoken: Vec::new(),
            mappings: Mappings::default(),
            outgoing: Outgoing::default(),
            is_unsaved: false,
            owes_end: false,
            now_ms,
            timed_ms: now_ms,
        }
    }

    /// Works until the room has ended and everything about that has left.
    pub(crate) async fn run(mut self, mut inbox: Inbox) {
        let mut batch = Batch::default();
        loop {
            let due_ms = self.due_ms();
            let due = due_ms.map(|due_ms| self.house.clock.instant_at(due_ms));
            tokio::select! {
                biased;
                kept = self.outgoing.next_committed() => {
                    self.now_ms = self.house.clock.now_ms();
                    self.release_front(kept);
                }
                permit = place_if(self.is_unsaved && self.room.ended().is_none(), &self.house.store) => self.save(permit),
                goes_on = inbox.take(&mut batch) => {
                    self.now_ms = self.house.clock.now_ms();
                    batch.sounds.drain(..).for_each(|sound| self.handle_sound(sound));
                    self.send_due_voice();
                    batch.messages.drain(..).for_each(|message| self.handle(message));
                    if !goes_on {
                        break;
                    }
                }
                () = sleep_until(due) => self.now_ms = self.house.clock.now_ms(),
            }
            // Whatever came: where something always comes, nothing is ever waited for.
            if due_ms.is_some_and(|due_ms| due_ms <= self.now_ms) {
                self.handle_deadlines();
                self.send_clock();
                self.send_mappings();
            }
            if self.room.ended().is_some() && !inbox.is_closed() {
                // Before anybody hears of it, so that whoever does can go on at once.
                self.ending.note_regular();
                inbox.close();
            }
            self.publish();
            self.send_due_voice();
        }
        while !self.outgoing.is_empty() {
            let kept = self.outgoing.next_committed().await;
            self.now_ms = self.house.clock.now_ms();
            self.release_front(kept);
        }
        if self.owes_end {
            self.keep_end().await;
        }
    }

    /// Waits until the store takes what it has missed of a room that is over. Its id is free from then on: what comes under
    /// it is written behind.
    async fn keep_end(&mut self) {
        if let Ok(permit) = self.house.store.wait_for_place().await {
            // Taken, it is written when the disk lets it be.
            drop(permit.write(Write::Room(Box::new(self.room.clone()))));
            self.house.rooms.free(self.room.id());
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Join(join) => self.handle_join(*join),
            Message::Command { from, request, command } => self.handle_command(from, request, command),
            Message::Leave { from, request, left } => self.handle_leave(from, request, left),
            Message::Lost(from) => self.handle_lost(from),
            Message::ListMembers { from, request, after } => self.handle_list_members(from, request, after),
            Message::ListMessages { from, request, before } => self.handle_list_messages(from, request, before),
            Message::ListBanned { from, request } => self.handle_list_banned(from, request),
            Message::Silence { from, request, stream, silent } => self.handle_silence(from, request, stream, silent),
            Message::Resync { from, request } => self.handle_resync(from, request),
            Message::Order { order, answer } => self.handle_order(order, answer),
            Message::TellBans { answer } => {
                // Whoever asked may have gone.
                let _ = answer.send((self.room.bans().to_vec(), self.room.erased_bans().to_vec()));
            }
            Message::TellSeats { after, answer } => self.tell_seats(after, answer),
            #[cfg(test)]
            Message::Fault => panic!("a fault on purpose"),
        }
    }

    fn handle_sound(&mut self, sound: Sound) {
        match sound {
            Sound::Frame { from, arrived_ms, header, bytes } => self.handle_voice(from, arrived_ms, &header, bytes),
            Sound::ClockMapping { from, timestamp, server_ms } => self.handle_clock_mapping(from, timestamp, server_ms),
        }
    }

    /// When something is to be done without a message.
    fn due_ms(&self) -> Option<u64> {
        let publication = self.publication.due_ms(&self.room);
        let clock = &self.house.clock;
        let deadline = self.room.next_deadline_ms().map(|ms| clock.put_off(ms.saturating_sub(clock.rooms_ahead_ms())));
        deadline
            .into_iter()
            .chain(publication)
            .chain(self.clock_due_ms())
            .chain(self.chorus.due_ms())
            .chain(self.mappings.due_ms())
            .min()
    }

    /// When listeners are to be told the time, since nobody speaks who could.
    fn clock_due_ms(&self) -> Option<u64> {
        (!self.links.is_empty() && self.room.has_open_microphone()).then_some(self.timed_ms + CLOCK_IN_SILENCE_MS)
    }

    fn send_clock(&mut self) {
        if self.clock_due_ms().is_some_and(|due_ms| due_ms <= self.now_ms) {
            self.timed_ms = self.now_ms;
            self.fan_out.send_hint(&control_frame(&ServerFrame::Clock { server_ms: self.now_ms }), &[], self.now_ms);
        }
    }

    /// The time by which the rules judge.
    fn rules_ms(&self) -> u64 {
        self.now_ms + self.house.clock.rooms_ahead_ms()
    }

    /// What the rules are told beside the room.
    fn context(&self) -> Context {
        Context {
            now_ms: self.rules_ms(),
            date_ahead_ms: self.house.clock.date_ahead_ms(),
            patience_ms: self.house.clock.patience_ms(self.now_ms),
            blocks_addresses: self.house.blocks_addresses,
            room_seats_max: self.house.room_seats,
            stage_seats_max: self.house.stage_seats,
            veil: self.house.store.veil(),
        }
    }

    fn handle_deadlines(&mut self) {
        while self.room.next_deadline_ms().is_some_and(|deadline_ms| self.context().is_due(deadline_ms)) {
            match self.carry_out(&Input::DeadlinePassed) {
                Ok(true) => {}
                Ok(false) => break,
                Err(reason) => {
                    tracing::warn!(room = %self.room.id(), %reason, "deadline");
                    break;
                }
            }
        }
    }

    /// Judges an input and makes its changes. Returns whether there were any; they leave when they are kept.
    fn carry_out(&mut self, input: &Input) -> Result<bool, Denied> {
        let permit = match self.house.store.reserve() {
            Ok(permit) => Some(permit),
            Err(_) if input.only_restricts() || self.room.only_returns(input) => None,
            Err(_) => return Err(Denied::Unavailable),
        };
        let events = self.room.decide(input, &self.context())?;
        if events.is_empty() {
            return Ok(false);
        }
        let put_out: Vec<Effect> = events.iter().filter_map(|event| self.put_out(event, &events)).collect();
        for event in &events {
            self.apply(event);
        }
        let has_erased = events.iter().any(|event| matches!(event, Event::Erased { .. }));
        self.keep(permit, events);
        for effect in put_out {
            self.leave_in_order(effect);
        }
        self.owes_end |= self.room.ended().is_some() && self.is_unsaved;
        self.house.rooms.update(&self.room, self.owes_end);
        if has_erased {
            self.show_anew();
        }
        Ok(true)
    }

    fn apply(&mut self, event: &Event) {
        let heard = may_silence(event).and_then(|member| self.room.may_speak(member).ok().map(|stream| (member, stream)));
        self.room.apply(event);
        self.publication.record(&self.room, event);
        if let Some((member, stream)) = heard
            && self.room.may_speak(member) != Ok(stream)
        {
            self.send_spoken(); // lawful until now
            self.fan_out.silence(stream);
        }
        if self.room.ended().is_some() {
            self.send_spoken(); // as above
            self.fan_out.discard_voice();
        }
        if let Event::StageJoined { member, .. } | Event::StageLeft { member, .. } = event
            && let Some(link) = self.links.get(member)
        {
            link.tenure.set_on_stage(matches!(event, Event::StageJoined { .. }));
        }
        if let Event::MemberLeft { member, .. } = event {
            self.fan_out.remove(*member);
            if let Some(Link { connection, outbox, .. }) = self.links.remove(member) {
                self.seatless.retain(|_, (_, outbox)| outbox.strong_count() > 0);
                self.seatless.insert(connection, (*member, Arc::downgrade(&outbox)));
            }
        }
        self.house.journal.applied(&self.room, event);
    }

    /// What somebody whose seat is taken away is told.
    fn put_out(&self, event: &Event, events: &[Event]) -> Option<Effect> {
        let Event::MemberLeft { member, reason: reason @ (LeaveReason::Kicked | LeaveReason::Banned), .. } = event else {
            return None;
        };
        let link = self.links.get(member)?;
        let until_ms = events.iter().find_map(|event| match event {
            Event::Blocked(block) => Some(block.until_ms),
            _ => None,
        });
        let frame = ServerFrame::PutOut { room: self.room.id().clone(), reason: *reason, until_ms };
        Some(Effect::PutOut(Arc::clone(&link.outbox), link.tenure.clone(), control_frame(&frame)))
    }

    fn send_due_voice(&mut self) {
        if self.chorus.due_ms().is_some_and(|due_ms| due_ms <= self.now_ms) {
            self.send_spoken();
        }
    }

    /// Sends all voice that waits: it leaves before whatever comes after it in the room's order. What leaves together
    /// carries one time, that of the last, so that waiting for it does not count as the network's jitter.
    fn send_spoken(&mut self) {
        let newest_ms = self.chorus.newest_ms();
        let metrics = &self.house.metrics;
        let spoken = self.chorus.take().map(|frame| {
            let message = encode_server_voice(&Origin { stream: frame.stream, arrived_ms: newest_ms }, &frame.message);
            let voice = Voice { stream: frame.stream, arrived_ms: newest_ms, bytes: message.into() };
            Spoken { speaker: frame.speaker, arrived_ms: frame.arrived_ms, voice }
        });
        self.spoken.extend(spoken);
        if !self.spoken.is_empty() {
            self.timed_ms = self.now_ms;
            metrics.voice_frames_fanned_out_total.add(self.fan_out.send_voice(&self.spoken, self.now_ms));
            let sent_ms = self.house.clock.now_ms();
            for spoken in &self.spoken {
                metrics.delivery_delay.note(Duration::from_millis(sent_ms.saturating_sub(spoken.arrived_ms)));
            }
            self.spoken.clear();
        }
    }

    /// The connection behind a seat, if it is still this one.
    fn link(&mut self, from: Occupant) -> Option<&mut Link> {
        self.links.get_mut(&from.member).filter(|link| link.connection == from.connection)
    }
}

/// Whom an event may make inaudible.
const fn may_silence(event: &Event) -> Option<MemberId> {
    match event {
        Event::MicrophoneSet { member, .. } | Event::StageLeft { member, .. } | Event::MemberLeft { member, .. } => Some(*member),
        // A room that has ended lets nobody speak, whatever his seat says: that is looked after where it ends.
        _ => None,
    }
}

/// A place in the store, where one is wanted.
async fn place_if(is_wanted: bool, store: &Store) -> Permit {
    if is_wanted && let Ok(permit) = store.wait_for_place().await {
        return permit;
    }
    std::future::pending().await
}

async fn sleep_until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
