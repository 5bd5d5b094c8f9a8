//! One connection from upgrade to end: reads, checks and passes on; keeps its deadlines; says goodbye.
//!
//! It owns the socket. What leaves is its [`Outbox`]'s business; what a request means is [`request`]'s.

mod farewell;
mod flips;
mod incoming;
mod intake;
mod request;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use dais_shared::ids::{AddressPrefix, ConnectionId, MemberId, Seq};
use dais_shared::limits::{
    CLIENT_NAME_CHARS_MAX, HEARTBEAT_MS, HELLO_DEADLINE_MS, ROOMS_PUSH_MS, SILENCE_MS_MAX, UNHEARD_FRAMES_MAX, VOICE_ACK_MS,
};
use dais_shared::room::Unheard;
use dais_shared::voice::Header;
use dais_shared::wire::{ClientFrame, Goodbye, Identity, PROTOCOL_VERSION, ServerFrame};
use futures_util::FutureExt;
use tokio::sync::watch;

use crate::fan_out::Occupant;
use crate::outbox::{Control, Outbox, Transport, control_frame};
use crate::refusal::Refusal;
use crate::room_actor::{Message, Sound, Tenure};
use crate::rooms::Handle;
use crate::server::{House, told_to_stop};
use crate::sign_in::Session;
use crate::socket::Socket;
use crate::store::LinkId;
use crate::websocket::{self, FrameError, Kind};
use incoming::{Incoming, incoming};
pub(crate) use intake::Allowances;
use intake::{Charge, Intake, Verdict};

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// We end it.
    Goodbye(Goodbye),
    /// We end it for a frame that is none.
    Refused(FrameError),
    /// The peer ended it by a closing handshake, with this code.
    Closed(Option<u16>),
    /// The socket is gone.
    Broken,
}

type Step = Result<(), End>;

/// A pong that is a fault, to prove that it stays in its connection.
#[cfg(test)]
pub(crate) const FAULT: u32 = u32::MAX;

/// The seat that this connection has in a room.
#[derive(Debug)]
struct Seat {
    room: Handle,
    member: MemberId,
    tenure: Tenure,
}

/// The acknowledging of voice: the newest frame, at most once in [`VOICE_ACK_MS`].
#[derive(Debug, Default)]
struct Acknowledging {
    newest: Option<Seq>,
    sent_ms: u64,
}

/// The lobby, as far as this connection watches it.
#[derive(Debug)]
struct Lobby {
    rooms: watch::Receiver<u64>,
}

struct Connection {
    house: Arc<House>,
    id: ConnectionId,
    peer: SocketAddr,
    address: AddressPrefix,
    outbox: Arc<Outbox>,
    /// Bytes read and not yet understood: less than one frame, whenever the connection waits.
    inbox: Vec<u8>,
    intake: Intake,
    has_said_hello: bool,
    /// As whom this person is let in.
    session: Session,
    /// The link by which this person comes or has come.
    link: Option<LinkId>,
    identity: Option<Identity>,
    seat: Option<Seat>,
    lobby: Option<Lobby>,
    /// When the room list was sent last, by whichever watching.
    rooms_sent_ms: u64,
    acknowledging: Acknowledging,
    /// Voice frames sent without a seat on stage; the room counts those of whoever is muted there.
    unheard_in_a_row: u32,
    began_ms: u64,
    /// When the last whole frame came.
    heard_ms: u64,
    pinged_ms: u64,
    is_blocked: bool,
}

/// A connection whose upgrade has just been answered.
pub(crate) struct Upgraded {
    pub(crate) socket: Socket,
    pub(crate) transport: Transport,
    /// Bytes that came with the request.
    pub(crate) first: Vec<u8>,
}

/// Serves a connection to its end. One without a session is told to sign in, and nothing else.
pub(crate) async fn serve(house: Arc<House>, upgraded: Upgraded, peer: SocketAddr, session: Option<Session>) {
    let Upgraded { socket, transport, first } = upgraded;
    let id = house.next_connection();
    let now_ms = house.clock.now_ms();
    house.metrics.connections_total.add(1);
    let outbox = Arc::new(Outbox::new(socket, transport, Arc::clone(&house.metrics)).from(peer));
    house.outboxes.insert(id, &outbox);
    let mut connection = Connection {
        id,
        peer,
        address: peer.ip().into(),
        outbox,
        inbox: first,
        intake: Intake::new(now_ms),
        has_said_hello: false,
        session: session.clone().unwrap_or(Session::PLAIN),
        link: None,
        identity: None,
        seat: None,
        lobby: None,
        rooms_sent_ms: 0,
        acknowledging: Acknowledging::default(),
        unheard_in_a_row: 0,
        began_ms: now_ms,
        heard_ms: now_ms,
        pinged_ms: now_ms,
        is_blocked: false,
        house,
    };
    let peer = connection.house.log_addresses.show(peer);
    tracing::debug!(connection = %id, %peer, "open");
    let end = match session {
        None => End::Goodbye(Goodbye::NotSignedIn),
        // A fault of ours ends this connection as any other end does: its seat is held, and its page comes back.
        Some(_) => match AssertUnwindSafe(connection.run()).catch_unwind().await {
            Ok(Ok(never)) => match never {},
            Ok(Err(end)) => end,
            Err(_) => {
                tracing::error!(connection = %id, "connection died");
                connection.house.metrics.connection_faults_total.add(1);
                End::Goodbye(Goodbye::Overloaded)
            }
        },
    };
    tracing::debug!(connection = %id, %peer, ?end, "close");
    connection.finish(end).await;
}

impl Connection {
    async fn run(&mut self) -> Result<std::convert::Infallible, End> {
        let house = Arc::clone(&self.house);
        let outbox = Arc::clone(&self.outbox);
        let mut shutdown = house.shutdown.clone();
        let mut armed_ms = self.due_ms();
        let mut alarm = pin!(tokio::time::sleep_until(house.clock.instant_at(armed_ms)));
        // Waited for all the time, and not anew after each message.
        let mut stop = pin!(told_to_stop(&mut shutdown));
        let mut woken = pin!(outbox.woken());
        self.understand().await?;
        loop {
            self.obey_outbox()?;
            self.leave_closed_room()?;
            let due_ms = self.due_ms();
            if due_ms < armed_ms {
                armed_ms = due_ms;
                alarm.as_mut().reset(house.clock.instant_at(armed_ms));
            }
            // In this order: what comes after reading is looked after by the loop too, or by the limits of who floods.
            tokio::select! {
                biased;
                () = alarm.as_mut() => {
                    self.hear_the_overdue().await?;
                    self.handle_due(house.clock.now_ms())?;
                    armed_ms = self.due_ms();
                    alarm.as_mut().reset(house.clock.instant_at(armed_ms));
                }
                writable = outbox.socket().writable(), if self.is_blocked => {
                    writable.map_err(|_| End::Broken)?;
                    outbox.handle_writable(house.clock.now_ms());
                }
                readable = outbox.socket().readable() => {
                    readable.map_err(|_| End::Broken)?;
                    self.read()?;
                    self.understand().await?;
                }
                () = woken.as_mut() => woken.set(outbox.woken()),
                () = lobby_changed(self.lobby.as_mut()) => self.handle_lobby_changed(house.clock.now_ms()),
                () = stop.as_mut() => return Err(End::Goodbye(Goodbye::ShuttingDown)),
            }
        }
    }

    /// Does what the outbox cannot do itself.
    fn obey_outbox(&mut self) -> Step {
        let now_ms = self.house.clock.now_ms();
        let needs = self.outbox.poll_needs(now_ms);
        if let Some(goodbye) = needs.closing {
            return Err(End::Goodbye(goodbye));
        }
        if needs.is_broken {
            return Err(End::Broken);
        }
        self.is_blocked = needs.writable;
        if needs.ping {
            self.outbox.ping(now_ms);
        }
        if needs.snapshot
            && let Some((room, from)) = self.occupant()
            && room.mailbox.try_send(Message::Resync { from, request: None }).is_err()
        {
            return Err(End::Goodbye(Goodbye::Overloaded)); // its picture would stay torn
        }
        Ok(())
    }

    fn read(&mut self) -> Step {
        match self.outbox.read(&mut self.inbox, self.house.clock.now_ms()) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(End::Broken),
        }
    }

    /// Before somebody is taken for silent, what waits in his socket is read: the system may have more to say than it has told
    /// the runtime. What never becomes a whole frame saves nobody.
    async fn hear_the_overdue(&mut self) -> Step {
        const READS_MAX: usize = 4; // more than the longest lawful frame takes
        for _ in 0..READS_MAX {
            let now_ms = self.house.clock.now_ms();
            if now_ms < self.silent_at_ms() {
                return Ok(());
            }
            match self.outbox.read_waiting(&mut self.inbox, now_ms) {
                Ok(Some(true)) => self.understand().await?,
                Ok(None) => return Ok(()),
                Ok(Some(false)) | Err(_) => return Err(End::Broken),
            }
        }
        Ok(())
    }

    /// Takes every whole frame out of the inbox, in order.
    async fn understand(&mut self) -> Step {
        let mut inbox = std::mem::take(&mut self.inbox);
        let mut taken = 0;
        while let Some(frame) = websocket::parse(&mut inbox[taken..]).map_err(End::Refused)? {
            self.heard_ms = self.house.clock.now_ms();
            let payload = &inbox[taken..][frame.payload];
            taken += frame.bytes;
            match frame.kind {
                Kind::Close => return Err(End::Closed(payload.first_chunk().copied().map(u16::from_be_bytes))),
                Kind::Ping => {
                    if self.charge(Charge::Signal)? == Verdict::Accept {
                        self.outbox.send_control(Control::Hint(websocket::pong(payload)), self.heard_ms);
                    }
                }
                Kind::Pong => drop(self.charge(Charge::Signal)?),
                Kind::Binary => match incoming(payload)? {
                    Incoming::Control(frame) => self.handle_control(frame).await?,
                    Incoming::Voice { header, bytes } => self.handle_voice(header, bytes)?,
                },
            }
        }
        inbox.drain(..taken);
        if !inbox.is_empty() {
            self.inbox = inbox;
        }
        Ok(())
    }

    async fn handle_control(&mut self, frame: ClientFrame) -> Step {
        let now_ms = self.heard_ms;
        if !self.has_said_hello {
            return match frame {
                ClientFrame::Hello { client, token, .. } => self.handle_hello(&client, token).await,
                _ => Err(End::Goodbye(Goodbye::Malformed)),
            };
        }
        if let ClientFrame::Request { id, request } = frame {
            for charge in intake::charges(&request) {
                if self.charge(charge)? != Verdict::Accept {
                    self.deny_too_fast(id);
                    return Ok(());
                }
            }
            if intake::is_arrival(&request) && !self.house.door.may_arrive(self.address, now_ms) {
                self.refuse(Refusal::Arrivals);
                self.deny_too_fast(id);
                return Ok(());
            }
            if intake::is_page(&request) && !self.house.door.may_ask_for_page(self.address, now_ms) {
                self.refuse(Refusal::TooFast);
                self.deny_too_fast(id);
                return Ok(());
            }
            return self.handle_request(id, request).await;
        }
        if self.charge(Charge::Signal)? != Verdict::Accept {
            return Ok(());
        }
        match frame {
            ClientFrame::Hello { .. } | ClientFrame::Request { .. } => return Err(End::Goodbye(Goodbye::Malformed)),
            ClientFrame::Ping { nonce } => {
                let pong = control_frame(&ServerFrame::Pong { nonce, server_ms: now_ms });
                self.outbox.send_control(Control::Hint(pong), now_ms);
            }
            ClientFrame::Pong { nonce } => {
                #[cfg(test)]
                assert_ne!(nonce, FAULT, "a fault on purpose");
                self.outbox.handle_pong(nonce, now_ms);
            }
            ClientFrame::VoiceReport { newest_ms } => self.outbox.handle_report(newest_ms, now_ms),
            ClientFrame::ClockMapping { timestamp, server_ms } => {
                let is_on_stage = self.seat.as_ref().is_some_and(|seat| seat.tenure.is_on_stage());
                if let Some((room, from)) = self.occupant().filter(|_| is_on_stage) {
                    // A full mailbox drops it: the next one comes in a few seconds.
                    let _ = room.voice.try_send(Sound::ClockMapping { from, timestamp, server_ms });
                }
            }
        }
        Ok(())
    }

    async fn handle_hello(&mut self, client: &str, token: Option<dais_shared::ids::Token>) -> Step {
        if client.chars().count() > CLIENT_NAME_CHARS_MAX {
            return Err(End::Goodbye(Goodbye::Malformed));
        }
        self.has_said_hello = true;
        if let Some(token) = token {
            self.be_known(token).await?;
        }
        tracing::debug!(connection = %self.id, client, is_known = self.identity.is_some(), "hello");
        let now_ms = self.house.clock.now_ms();
        let welcome = ServerFrame::Welcome {
            version: PROTOCOL_VERSION,
            server_ms: now_ms,
            identity: self.identity.clone(),
            heartbeat_ms: HEARTBEAT_MS as u32,
        };
        self.outbox.answer(&welcome, now_ms);
        self.outbox.ping(now_ms); // the first round trip, before any voice
        Ok(())
    }

    fn handle_voice(&mut self, header: Header, bytes: Bytes) -> Step {
        if !self.has_said_hello {
            return Err(End::Goodbye(Goodbye::Malformed));
        }
        let arrived_ms = self.heard_ms;
        self.acknowledging.newest = Some(header.sequence);
        self.acknowledge(arrived_ms);
        if self.charge(Charge::Voice { bytes: bytes.len() })? != Verdict::Accept {
            self.house.metrics.voice_frames_too_fast_total.add(1);
            return Ok(());
        }
        let (room, from) = match self.occupant() {
            None => return self.go_unheard(Unheard::NotAMember),
            Some(_) if !self.seat.as_ref().is_some_and(|seat| seat.tenure.is_on_stage()) => {
                return self.go_unheard(Unheard::NotOnStage);
            }
            Some(occupant) => occupant,
        };
        let sent = room.voice.try_send(Sound::Frame { from, arrived_ms, header, bytes });
        self.unheard_in_a_row = 0;
        if sent.is_err() {
            self.house.metrics.voice_frames_mailbox_full_total.add(1);
        }
        Ok(())
    }

    /// A voice frame that no room needs to see: nobody may hear it.
    fn go_unheard(&mut self, reason: Unheard) -> Step {
        self.house.metrics.count_unheard(reason);
        self.unheard_in_a_row += 1;
        if self.unheard_in_a_row >= UNHEARD_FRAMES_MAX { Err(End::Goodbye(Goodbye::Abuse)) } else { Ok(()) }
    }

    fn charge(&mut self, charge: Charge) -> Result<Verdict, End> {
        match self.intake.judge(charge, self.heard_ms) {
            // What has gathered while the process stood still is no flood.
            Verdict::Close if self.house.clock.patience_ms(self.heard_ms) > 0 => Ok(Verdict::Refuse),
            Verdict::Close => Err(End::Goodbye(Goodbye::TooFast)),
            Verdict::Refuse => {
                // Of voice there is a figure of its own.
                if !matches!(charge, Charge::Voice { .. }) {
                    self.refuse(Refusal::TooFast);
                }
                Ok(Verdict::Refuse)
            }
            Verdict::Accept => Ok(Verdict::Accept),
        }
    }

    fn refuse(&self, refusal: Refusal) {
        self.house.refusals.refuse(refusal, Some(self.peer));
    }

    /// When the connection has something to do by itself.
    fn due_ms(&self) -> u64 {
        let acknowledge_ms = self.acknowledging.newest.map_or(u64::MAX, |_| self.acknowledging.sent_ms + VOICE_ACK_MS);
        let lobby_ms = match &self.lobby {
            Some(lobby) if lobby.rooms.has_changed().unwrap_or(false) => self.rooms_sent_ms + ROOMS_PUSH_MS,
            _ => u64::MAX,
        };
        self.silent_at_ms().min(self.pinged_ms + HEARTBEAT_MS).min(acknowledge_ms).min(lobby_ms)
    }

    /// When the connection ends if nothing more is heard.
    fn silent_at_ms(&self) -> u64 {
        let hello_ms = if self.has_said_hello { u64::MAX } else { self.began_ms + HELLO_DEADLINE_MS };
        self.house.clock.put_off(hello_ms.min(self.heard_ms + SILENCE_MS_MAX))
    }

    fn handle_due(&mut self, now_ms: u64) -> Step {
        if now_ms >= self.silent_at_ms() {
            let is_greeted = self.has_said_hello || now_ms < self.began_ms + HELLO_DEADLINE_MS;
            return Err(End::Goodbye(if is_greeted { Goodbye::Silent } else { Goodbye::NoHello }));
        }
        if now_ms >= self.pinged_ms + HEARTBEAT_MS {
            self.pinged_ms = now_ms;
            if self.has_said_hello {
                self.outbox.ping(now_ms);
            }
        }
        self.acknowledge(now_ms);
        self.handle_lobby_changed(now_ms);
        Ok(())
    }

    fn acknowledge(&mut self, now_ms: u64) {
        if now_ms < self.acknowledging.sent_ms + VOICE_ACK_MS {
            return;
        }
        if let Some(sequence) = self.acknowledging.newest.take() {
            self.acknowledging.sent_ms = now_ms;
            let frame = control_frame(&ServerFrame::VoiceAck { sequence });
            self.outbox.send_control(Control::Hint(frame), now_ms);
        }
    }

    /// Sends the room list if it is due. While the socket is behind, the newest list waits its turn here.
    fn handle_lobby_changed(&mut self, now_ms: u64) {
        let Some(lobby) = &mut self.lobby else { return };
        if now_ms < self.rooms_sent_ms + ROOMS_PUSH_MS || !lobby.rooms.has_changed().unwrap_or(false) {
            return;
        }
        self.rooms_sent_ms = now_ms;
        if self.outbox.is_idle() {
            lobby.rooms.mark_unchanged();
            self.outbox.send_control(Control::Hint(self.house.rooms.first_page_frame()), now_ms);
        }
    }

    /// A room that is gone has no seats. Looked at whenever there is something to do: a room that dies wakes everybody who
    /// sits in it.
    fn leave_closed_room(&mut self) -> Step {
        match self.seat.take_if(|seat| seat.room.mailbox.is_closed()) {
            Some(seat) if !seat.room.ending.is_regular() => Err(End::Goodbye(Goodbye::Overloaded)),
            _ => Ok(()),
        }
    }

    /// The room that this connection sits in, and as whom.
    fn occupant(&self) -> Option<(&Handle, Occupant)> {
        let seat = self.seat.as_ref().filter(|seat| !seat.tenure.has_ended())?;
        Some((&seat.room, Occupant { member: seat.member, connection: self.id }))
    }
}

/// Resolves when the room list has changed and is not waiting for its time already.
async fn lobby_changed(lobby: Option<&mut Lobby>) {
    match lobby {
        // `changed` marks the change as seen; it is marked anew, since sending it is what settles it.
        Some(lobby) if !lobby.rooms.has_changed().unwrap_or(true) => {
            if lobby.rooms.changed().await.is_ok() {
                lobby.rooms.mark_changed();
            }
        }
        _ => std::future::pending().await,
    }
}
