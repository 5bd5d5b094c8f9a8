//! What leaves for one connection, and what is dropped when the connection is slow.
//!
//! Whoever has something for the connection (its room, its own task) puts it here and writes at once what the socket
//! takes; only when the socket is full is the connection's task woken to wait for it. Knows finished frames, never
//! what they say. The rules are in [`Queue`], which is told the time; this shell adds the lock and the socket.

mod flight;
mod queue;
mod register;

use std::io::{ErrorKind, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use dais_shared::ids::StreamId;
use dais_shared::limits::FRAMES_PER_WRITE_MAX;
use dais_shared::wire::{Goodbye, ServerFrame, encode_server};
use tokio::net::TcpStream;
use tokio::sync::Notify;

pub(crate) use queue::{Control, Depth, Voice};
pub(crate) use register::Register;

use crate::metrics::Metrics;
use crate::websocket;
use queue::Queue;

/// A control message as a finished frame.
pub(crate) fn control_frame(frame: &ServerFrame) -> Bytes {
    websocket::binary(&encode_server(frame))
}

/// One connection's outgoing side.
#[derive(Debug)]
pub(crate) struct Outbox {
    socket: TcpStream,
    state: Mutex<State>,
    wake: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    /// The socket takes no more; its writability is awaited by the connection's task.
    is_blocked: bool,
    /// The socket failed: nothing will ever leave.
    is_broken: bool,
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

impl Outbox {
    pub(crate) fn new(socket: TcpStream, metrics: Arc<Metrics>) -> Self {
        Self { socket, state: Mutex::default(), wake: Notify::new(), metrics }
    }

    /// The socket, to read from.
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Resolves when [`Outbox::poll_needs`] has something new to say.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
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

    /// The last two frames of the connection. Returns whether the socket took everything.
    pub(crate) fn send_goodbye(&self, goodbye: Goodbye, now_ms: u64) -> bool {
        let farewell = [control_frame(&ServerFrame::Goodbye(goodbye)), websocket::close(goodbye.close_code())];
        self.send_last(farewell, now_ms)
    }

    /// Answers the peer's closing handshake. Returns whether the socket took everything.
    pub(crate) fn send_close(&self, now_ms: u64) -> bool {
        const NORMAL_CLOSURE: u16 = 1000;
        self.send_last([websocket::close(NORMAL_CLOSURE)], now_ms)
    }

    /// Writes on after the socket became writable. Returns whether everything has left.
    pub(crate) fn handle_writable(&self, now_ms: u64) -> bool {
        let mut state = self.lock();
        state.is_blocked = false;
        self.flush(&mut state, now_ms);
        state.queue.is_empty() || state.is_broken
    }

    /// The listener says which voice has reached it, see [`dais_shared::wire::ClientFrame::VoiceReport`].
    pub(crate) fn handle_report(&self, newest_ms: u64, now_ms: u64) {
        let mut state = self.lock();
        state.queue.flight_mut().handle_report(newest_ms);
        self.flush(&mut state, now_ms);
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
        self.flush(&mut state, now_ms);
        state.queue.is_empty() || state.is_broken
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
            let mut slices = [IoSlice::new(&[]); FRAMES_PER_WRITE_MAX];
            let count = state.queue.gather(&mut slices);
            if count == 0 {
                break;
            }
            match self.socket.try_write_vectored(&slices[..count]) {
                Ok(written) => state.queue.advance(written),
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

#[cfg(test)]
mod tests {
    use dais_shared::limits::{OUTBOX_VOICE_AGE_MS_MAX, SOCKET_NOTSENT_BYTES_MAX, SOCKET_SEND_BUFFER_BYTES};
    use socket2::SockRef;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::task::JoinHandle;

    use super::*;

    const FRAME_BYTES: usize = 100;

    /// A frame that says when it reached the server.
    fn voice(arrived_ms: u64) -> Voice {
        let mut bytes = vec![0; FRAME_BYTES];
        bytes[..8].copy_from_slice(&arrived_ms.to_be_bytes());
        Voice { stream: StreamId(1), arrived_ms, bytes: bytes.into() }
    }

    /// An outbox over a socket as small as the server's own, and the listener's end of it.
    async fn connection() -> (Outbox, TcpStream) {
        let house = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let listener = TcpSocket::new_v4().expect("a socket");
        listener.set_recv_buffer_size(4096).expect("a small buffer");
        let listener = listener.connect(house.local_addr().expect("it is bound")).await.expect("a connection");
        let (socket, _) = house.accept().await.expect("a connection");
        let options = SockRef::from(&socket);
        options.set_send_buffer_size(SOCKET_SEND_BUFFER_BYTES).expect("a small buffer");
        options.set_tcp_notsent_lowat(SOCKET_NOTSENT_BYTES_MAX).expect("a low mark");
        socket.writable().await.expect("an open socket");
        (Outbox::new(socket, Arc::default()), listener)
    }

    /// Reads all that comes: when each frame had reached the server.
    fn read(mut listener: TcpStream) -> JoinHandle<Vec<u64>> {
        tokio::spawn(async move {
            let mut bytes = Vec::new();
            listener.read_to_end(&mut bytes).await.expect("what was sent");
            let frames = bytes.chunks_exact(FRAME_BYTES);
            assert!(frames.remainder().is_empty(), "frames are whole");
            frames.map(|frame| u64::from_be_bytes(frame[..8].try_into().expect("eight bytes"))).collect()
        })
    }

    fn say(outbox: &Outbox, arrived_ms: u64) {
        outbox.send_voice([voice(arrived_ms)].iter(), arrived_ms);
    }

    #[tokio::test]
    async fn what_a_full_socket_held_up_is_judged_by_its_age_when_it_is_written() {
        let (outbox, listener) = connection().await;
        while !outbox.lock().is_blocked {
            say(&outbox, 1_000);
        }
        (1_020..=2_500).step_by(20).for_each(|now_ms| say(&outbox, now_ms));
        // Nobody speaks for a moment; then the listener reads again.
        const NOW_MS: u64 = 2_650;
        let read = read(listener);
        while !outbox.handle_writable(NOW_MS) {
            outbox.socket().writable().await.expect("an open socket");
        }
        let late = outbox.metrics.voice_frames_late_total.get();
        drop(outbox);
        let heard = read.await.expect("it reads to the end");
        let first = heard.iter().position(|arrived_ms| *arrived_ms != 1_000).expect("fresh voice");
        let fresh: Vec<u64> = (NOW_MS - OUTBOX_VOICE_AGE_MS_MAX..=2_500).filter(|ms| ms % 20 == 0).collect();
        assert_eq!(heard[first..], fresh);
        assert!(late >= (1_020..2_450).step_by(20).count() as u64, "{late}");
    }

    #[tokio::test]
    async fn what_a_missing_report_held_up_is_judged_by_its_age_when_it_is_written() {
        let (outbox, listener) = connection().await;
        say(&outbox, 1_000);
        outbox.handle_report(1_000, 1_010);
        // He takes what he is sent, and reports none of it.
        (1_020..=2_500).step_by(20).for_each(|now_ms| say(&outbox, now_ms));
        let nonce = outbox.lock().queue.flight_mut().start_ping(2_500);
        const NOW_MS: u64 = 2_650;
        outbox.handle_pong(nonce, NOW_MS);
        drop(outbox);
        let heard = read(listener).await.expect("it reads to the end");
        let gap = heard.windows(2).position(|pair| pair[1] - pair[0] != 20).expect("what stood too long is left out");
        assert!(heard[gap] <= 1_000 + 20 + 400, "held at {}", heard[gap]);
        assert_eq!(heard[gap + 1], 2_460, "the oldest that is no older than its age at {NOW_MS}");
        assert_eq!(heard.last(), Some(&2_500));
    }
}
