//! What leaves for one connection, and what is dropped when the connection is slow.
//!
//! Whoever has something for the connection (its room, its own task) puts it here and writes at once what the socket
//! takes; only when the socket is full is the connection's task woken to wait for it. Knows finished frames, never
//! what they say. The rules are in [`Queue`], which is told the time; this shell adds the lock and the socket.

mod flight;
mod frames;
mod queue;
mod register;
#[cfg(test)]
mod tests;
mod transport;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use dais_shared::ids::StreamId;
use dais_shared::wire::{Goodbye, ServerFrame, encode_server};
use tokio::sync::Notify;

pub(crate) use frames::Together;
#[cfg(test)]
pub(crate) use frames::payloads;
pub(crate) use queue::{Control, Depth, Voice};
pub(crate) use register::Register;
pub(crate) use transport::Transport;

use crate::metrics::Metrics;
use crate::socket::Socket;
use crate::websocket;
use queue::Queue;

/// A control message as a finished frame.
pub(crate) fn control_frame(frame: &ServerFrame) -> Bytes {
    websocket::binary(&encode_server(frame))
}

/// Bytes taken from the socket at a time, on the stack: an idle connection holds no buffer.
const READ_BYTES: usize = 4096;

/// One connection's outgoing side, and, since TLS is one state for both ways, its incoming bytes.
#[derive(Debug)]
pub(crate) struct Outbox {
    socket: Socket,
    /// So that whoever reads what is not encrypted need not wait for those who write.
    is_plain: bool,
    state: Mutex<State>,
    wake: Notify,
    metrics: Arc<Metrics>,
    /// Whose connection it is, for the log of who is refused.
    peer: Option<SocketAddr>,
}

#[derive(Debug)]
struct State {
    transport: Transport,
    queue: Queue,
    /// The socket takes no more; its writability is awaited by the connection's task.
    is_blocked: bool,
    /// The socket failed: nothing will ever leave.
    is_broken: bool,
    /// What waits is the last there is.
    is_last: bool,
    closing: Option<Goodbye>,
}

/// What the connection's task is woken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Wait until the socket is writable, then call [`Outbox::handle_writable`].
    pub(crate) writable: bool,
    /// Say goodbye and end.
    pub(crate) closing: Option<Goodbye>,
    /// The socket is gone.
    pub(crate) is_broken: bool,
    /// Ask the room for a fresh snapshot: changes were discarded, and there is room again.
    pub(crate) snapshot: bool,
    /// Send a ping: voice is held back until its answer shows what has arrived.
    pub(crate) ping: bool,
}

impl State {
    /// Whether nothing is left to write.
    fn has_left(&self) -> bool {
        (!self.is_blocked && self.queue.is_empty()) || self.is_broken
    }
}

impl Outbox {
    pub(crate) fn new(socket: Socket, transport: Transport, metrics: Arc<Metrics>) -> Self {
        let is_plain = matches!(transport, Transport::Plain);
        let queue = Queue::default();
        let state = State { transport, queue, is_blocked: false, is_broken: false, is_last: false, closing: None };
        Self { socket, is_plain, state: Mutex::new(state), wake: Notify::new(), metrics, peer: None }
    }

    /// The same, of a connection from there.
    pub(crate) fn from(self, peer: SocketAddr) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// From where its connection comes, where that was said.
    pub(crate) const fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The socket, to wait for.
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Takes some of what has come, if anything, into `inbox`. Returns whether more may come.
    ///
    /// # Errors
    /// The socket failed, or what came is no lawful TLS.
    pub(crate) fn read(&self, inbox: &mut Vec<u8>, now_ms: u64) -> io::Result<bool> {
        let mut buffer = [0; READ_BYTES];
        match self.socket.try_read(&mut buffer) {
            Ok(count) => self.take_in(&buffer[..count], inbox, now_ms),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The same, whatever the runtime has heard of the socket. Nothing where nothing waits.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn read_waiting(&self, inbox: &mut Vec<u8>, now_ms: u64) -> io::Result<Option<bool>> {
        let mut buffer = [0; READ_BYTES];
        match self.socket.read_waiting(&mut buffer) {
            Ok(count) => self.take_in(&buffer[..count], inbox, now_ms).map(Some),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes in what was read; nothing is the end.
    fn take_in(&self, bytes: &[u8], inbox: &mut Vec<u8>, now_ms: u64) -> io::Result<bool> {
        if bytes.is_empty() {
            return Ok(false);
        }
        if self.is_plain {
            inbox.extend_from_slice(bytes);
            return Ok(true);
        }
        let mut state = self.lock();
        let opened = state.transport.open(bytes, inbox);
        if opened.is_err() {
            state.queue = Queue::default(); // the reason is all that leaves
        }
        // TLS may have to answer by itself.
        self.flush(&mut state, now_ms);
        state.is_broken |= opened.is_err();
        opened
    }

    /// Reads and forgets. False when there is nothing to come. Apart from whoever waits, whose future must not carry a
    /// buffer: every connection would carry it for life.
    pub(crate) fn ignore_some(&self) -> bool {
        match self.socket.try_read(&mut [0; READ_BYTES]) {
            Ok(count) => count > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    /// Resolves when [`Outbox::poll_needs`] has something new to say.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Lets the connection's task look at what has become of it.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// What the connection's task has to do now. A snapshot is asked for once per discarding.
    pub(crate) fn poll_needs(&self, now_ms: u64) -> Needs {
        let mut state = self.lock();
        Needs {
            writable: state.is_blocked,
            closing: state.closing,
            is_broken: state.is_broken,
            snapshot: !state.is_blocked && state.queue.poll_snapshot_request(),
            ping: state.queue.poll_ping_request(now_ms),
        }
    }

    /// Sends a control frame, before any voice that still waits.
    pub(crate) fn send_control(&self, control: Control, now_ms: u64) {
        let mut state = self.lock();
        if state.closing.is_some() {
            return;
        }
        state.queue.push_control(control);
        if state.queue.is_overloaded() {
            self.close_locked(&mut state, Goodbye::Overloaded);
        }
        self.flush(&mut state, now_ms);
    }

    /// Sends an answer, see [`Control::Answer`].
    pub(crate) fn answer(&self, frame: &ServerFrame, now_ms: u64) {
        self.send_control(Control::Answer(control_frame(frame)), now_ms);
    }

    /// Sends voice. Returns how many frames went in.
    pub(crate) fn send_voice<'a>(&self, frames: impl Iterator<Item = &'a Voice>, now_ms: u64) -> u64 {
        let mut state = self.lock();
        if state.closing.is_some() || state.is_broken {
            return 0;
        }
        let mut count = 0;
        for voice in frames {
            state.queue.push_voice(voice.clone());
            count += 1;
        }
        self.flush(&mut state, now_ms);
        count
    }

    /// Sends voice that is one frame to everybody who hears all of it. Where nothing waits, as nearly always, it goes to the
    /// socket as it is, and the queue never sees it.
    pub(crate) fn send_together<'a>(&self, together: &Together, voice: impl Iterator<Item = &'a Voice>, now_ms: u64) -> u64 {
        let Some((frame, arrived_ms)) = together.frame().filter(|_| self.is_plain) else { return self.send_voice(voice, now_ms) };
        let mut state = self.lock();
        if state.closing.is_some() || state.is_broken || state.is_blocked || !state.queue.may_pass(arrived_ms, now_ms) {
            drop(state);
            return self.send_voice(voice, now_ms);
        }
        match self.socket.write_waiting(frame) {
            Ok(written) => {
                state.queue.handle_passed(arrived_ms, &frame[written..]);
                if written < frame.len() {
                    self.flush(&mut state, now_ms);
                }
                together.messages() as u64
            }
            // The same fate as that of voice that waits.
            Err(_) => {
                drop(state);
                self.send_voice(voice, now_ms)
            }
        }
    }

    /// Takes back what still waits of a stream that may not be heard any more.
    pub(crate) fn silence(&self, stream: StreamId) {
        self.lock().queue.silence(stream);
    }

    /// Takes back all voice that still waits: the connection hears that room no more.
    pub(crate) fn discard_voice(&self) {
        self.lock().queue.discard_voice();
    }

    /// Ends the connection: nothing but the goodbye leaves after this.
    pub(crate) fn close(&self, goodbye: Goodbye) {
        let mut state = self.lock();
        if state.closing.is_none() {
            self.close_locked(&mut state, goodbye);
        }
    }

    /// The last two frames of the connection, the second with this close code. Returns whether the socket took everything.
    pub(crate) fn send_goodbye(&self, goodbye: Goodbye, code: u16, now_ms: u64) -> bool {
        let farewell = [control_frame(&ServerFrame::Goodbye(goodbye)), websocket::close(code)];
        self.send_last(farewell, now_ms)
    }

    /// Answers the peer's closing handshake with its own code, if it gave one (RFC 6455, section 5.5.1). Returns whether the
    /// socket took everything.
    pub(crate) fn send_close(&self, code: Option<u16>, now_ms: u64) -> bool {
        const NORMAL_CLOSURE: u16 = 1000;
        self.send_last([websocket::close(code.unwrap_or(NORMAL_CLOSURE))], now_ms)
    }

    /// Writes on after the socket became writable. Returns whether everything has left.
    pub(crate) fn handle_writable(&self, now_ms: u64) -> bool {
        let mut state = self.lock();
        state.is_blocked = false;
        self.flush(&mut state, now_ms);
        state.has_left()
    }

    /// The listener says which voice has reached it, see [`dais_shared::wire::ClientFrame::VoiceReport`].
    pub(crate) fn handle_report(&self, newest_ms: u64, now_ms: u64) {
        let mut state = self.lock();
        state.queue.flight_mut().handle_report(newest_ms, now_ms);
        if !state.queue.is_empty() {
            self.flush(&mut state, now_ms);
        }
    }

    /// Sends a ping.
    pub(crate) fn ping(&self, now_ms: u64) {
        let mut state = self.lock();
        if state.closing.is_some() {
            return;
        }
        let nonce = state.queue.flight_mut().start_ping(now_ms);
        state.queue.push_control(Control::Hint(control_frame(&ServerFrame::Ping { nonce })));
        self.flush(&mut state, now_ms);
    }

    /// A ping came back.
    pub(crate) fn handle_pong(&self, nonce: u32, now_ms: u64) {
        let mut state = self.lock();
        state.queue.flight_mut().handle_pong(nonce, now_ms);
        self.flush(&mut state, now_ms);
    }

    /// What waits.
    pub(crate) fn depth(&self) -> Depth {
        self.lock().queue.depth()
    }

    /// Whether nothing waits, so that news which can be told any time may be told now.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.lock();
        !state.is_blocked && state.queue.is_empty()
    }

    #[cfg(feature = "simulation")]
    pub(crate) fn waiting(&self) -> crate::simulation::Waiting {
        let (control_bytes, voice_bytes) = self.lock().queue.bytes();
        crate::simulation::Waiting { control_bytes, voice_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held leaves at worst a frame half accounted for; the others must live on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send_last<const N: usize>(&self, frames: [Bytes; N], now_ms: u64) -> bool {
        let mut state = self.lock();
        state.queue.discard_voice();
        for frame in frames {
            state.queue.push_control(Control::Answer(frame));
        }
        state.is_last = true;
        self.flush(&mut state, now_ms);
        state.has_left()
    }

    fn close_locked(&self, state: &mut State, goodbye: Goodbye) {
        state.closing = Some(goodbye);
        state.queue.discard_voice();
        self.wake.notify_one();
    }

    /// Writes until the socket is full or nothing is left that may leave.
    fn flush(&self, state: &mut State, now_ms: u64) {
        state.queue.drop_late(now_ms);
        while !state.is_blocked && !state.is_broken {
            match state.transport.write(&self.socket, &mut state.queue) {
                Ok(true) => {}
                Ok(false) if state.is_last && state.transport.close() => {}
                Ok(false) => break,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    state.is_blocked = true;
                    self.wake.notify_one();
                }
                Err(_) => {
                    state.is_broken = true;
                    state.queue = Queue::default();
                    self.wake.notify_one();
                }
            }
        }
        if !state.is_blocked && state.queue.wants_attention() {
            self.wake.notify_one();
        }
        self.count_drops(&mut state.queue);
    }

    fn count_drops(&self, queue: &mut Queue) {
        if let Some(drops) = queue.take_drops() {
            self.metrics.voice_frames_late_total.add(drops.voice_late);
            self.metrics.voice_frames_overflow_total.add(drops.voice_overflow);
            self.metrics.voice_frames_silenced_total.add(drops.voice_silenced);
            self.metrics.control_frames_discarded_total.add(drops.control_discarded);
        }
    }
}
