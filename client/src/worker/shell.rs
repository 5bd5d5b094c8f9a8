//! The loop around the engine: everything that happens goes in with the time, and what comes out is done.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use dais_client::bridge::{FromWorker, SPEAKING_DBOV, ToWorker};
use dais_client::edge;
use dais_engine::audio::packet;
use dais_engine::shared::ids::MemberId;
use dais_engine::shared::room;
use dais_engine::{Command, Config, Engine, Event, MicrophoneFailure, Output};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, MessagePort};

use crate::clock::now;
use crate::encoder;
use crate::playout::Loudspeaker;
use crate::ports::{Captured, Port, samples};
use crate::socket::{Socket, SocketEvent};

/// How often the engine is asked whether something is due where nothing happens that it is asked at anyway: what is due a
/// moment after one tick waits for the next. Timers of a worker run on in a hidden tab.
const TICK_MS: i32 = 100;
/// Volumes remembered for a playout worklet that is still to come: a full stage, twice over.
const GAINS_MAX: usize = 32;
/// Changes of levels in a row, ten of which come in a second, that the page need not be told.
const LEVELS_UNTOLD_MAX: u32 = 9;

/// The worker's state. `None` of the engine before [`ToWorker::Start`].
struct Shell {
    scope: DedicatedWorkerGlobalScope,
    engine: Option<Engine>,
    url: String,
    socket: Option<Socket>,
    playout: Option<Loudspeaker>,
    capture: Option<Port>,
    gains: BTreeMap<u32, f32>,
    samples: Vec<f32>,
    /// Counts what the microphone is told: an opening that waits for the encoder may be overtaken.
    openings: u32,
    /// Who spoke when the page was last told of levels, and how often it was not since.
    speaking: Vec<MemberId>,
    levels_untold: u32,
}

type Shared = Rc<RefCell<Shell>>;

/// Starts listening and says so.
pub(crate) fn start() {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else {
        return; // Loaded as something other than a worker: there is nobody to serve.
    };
    let shell = Rc::new(RefCell::new(Shell {
        scope: scope.clone(),
        engine: None,
        url: String::new(),
        socket: None,
        playout: None,
        capture: None,
        gains: BTreeMap::new(),
        samples: Vec::new(),
        openings: 0,
        speaking: Vec::new(),
        levels_untold: 0,
    }));
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
        let shell = shell.clone();
        move |event: MessageEvent| {
            if let Some((message, port)) = edge::unwrap::<ToWorker>(&event) {
                handle_page(&shell, message, port);
            }
        }
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget(); // It lives as long as the worker.
    let on_tick = Closure::<dyn FnMut()>::new({
        let shell = shell.clone();
        move || {
            let now = now();
            drive(&shell, now, |_| {});
        }
    });
    let _ = scope.set_interval_with_callback_and_timeout_and_arguments_0(on_tick.as_ref().unchecked_ref(), TICK_MS);
    on_tick.forget();
    shell.borrow().tell(&FromWorker::Ready);
}

/// Lets something happen to the engine and what is due by `now`, then does what it wants done.
fn drive(shell: &Shared, now: Duration, happen: impl FnOnce(&mut Engine)) {
    let mut borrowed = shell.borrow_mut();
    if let Some(engine) = &mut borrowed.engine {
        happen(engine);
        if engine.poll_timeout().is_some_and(|due| due <= now) {
            engine.handle_timeout(now);
        }
    }
    while let Some(output) = borrowed.engine.as_mut().and_then(Engine::poll_output) {
        borrowed.perform(shell, output);
    }
}

fn handle_page(shell: &Shared, message: ToWorker, port: Option<MessagePort>) {
    let now = now();
    match message {
        ToWorker::Start { url, token, is_for_this_page, seed } => {
            let mut starting = shell.borrow_mut();
            starting.url = url;
            let config = Config { client: "dais web".into(), token, is_for_this_page, seed, make_encoder: encoder::make };
            starting.engine = Some(Engine::new(config, now));
            drop(starting);
            drive(shell, now, |_| {});
        }
        ToWorker::Command { ticket, command } => {
            if leads_on_stage(&command) {
                // A failure is told when the microphone is to be opened, after another try.
                spawn_local(async { drop(encoder::load().await) });
            }
            drive(shell, now, |engine| engine.handle_command(ticket, command, now));
        }
        ToWorker::PlayoutPort => {
            if let Some(port) = port {
                take_playout(shell, port);
            }
        }
        ToWorker::MicrophoneOpen { device_rate_hz } => {
            if let Some(port) = port {
                take_capture(shell, port);
                drive(shell, now, |engine| engine.handle_microphone_open(device_rate_hz, now));
            }
        }
        ToWorker::MicrophoneLatency { ms } => {
            let latency = Duration::try_from_secs_f32(ms / 1000.0).unwrap_or_default();
            drive(shell, now, |engine| engine.handle_microphone_latency(latency));
        }
        ToWorker::MicrophoneFailed(failure) => microphone_failed(shell, failure, now),
    }
}

/// Whoever asks for this is soon to speak.
fn leads_on_stage(command: &Command) -> bool {
    use room::Command::{RaiseHand, RespondInvite, TakeSeat};
    matches!(command, Command::CreateRoom { .. } | Command::Room(RaiseHand | TakeSeat | RespondInvite { accept: true, .. }))
}

/// The page is asked for the microphone when there is something that codes what it gives.
fn open_microphone(shell: &Shared, opening: u32) {
    let shell = shell.clone();
    spawn_local(async move {
        let loaded = encoder::load().await;
        if shell.borrow().openings != opening {
            return; // Closed, or asked for again, in the meantime.
        }
        if loaded.is_ok() {
            shell.borrow().tell(&FromWorker::OpenMicrophone);
        } else {
            let now = now();
            microphone_failed(&shell, MicrophoneFailure::Lost, now);
            shell.borrow().tell(&FromWorker::MicrophoneUseless);
        }
    });
}

fn take_playout(shell: &Shared, port: MessagePort) {
    let weak = Rc::downgrade(shell);
    let loudspeaker = Loudspeaker::new(port, move |playout| {
        if let Some(shell) = weak.upgrade() {
            shell.borrow().tell(&FromWorker::Playout(playout));
        }
    });
    let mut shell = shell.borrow_mut();
    for (stream, gain) in &shell.gains {
        loudspeaker.command("gain", &[("stream", f64::from(*stream)), ("gain", f64::from(*gain))]);
    }
    shell.playout = Some(loudspeaker);
}

fn take_capture(shell: &Shared, port: MessagePort) {
    let weak = Rc::downgrade(shell);
    let port = Port::new(port, move |event| {
        if let Some(shell) = weak.upgrade() {
            handle_captured(&shell, &Captured::read(&event));
        }
    });
    shell.borrow_mut().capture = Some(port);
}

fn handle_captured(shell: &Shared, captured: &Captured) {
    let now = now();
    match captured {
        Captured::Frame(buffer) => {
            let mut frame = std::mem::take(&mut shell.borrow_mut().samples);
            samples(buffer, &mut frame);
            if let Some(port) = &shell.borrow().capture {
                port.give(buffer);
            }
            drive(shell, now, |engine| engine.handle_samples(&frame, now));
            shell.borrow_mut().samples = frame;
        }
        Captured::Dropped => drive(shell, now, Engine::handle_samples_dropped),
        Captured::Unknown => {}
    }
}

fn microphone_failed(shell: &Shared, failure: MicrophoneFailure, now: Duration) {
    shell.borrow_mut().release_capture();
    drive(shell, now, |engine| engine.handle_microphone_failed(failure, now));
}

fn handle_socket(shell: &Shared, event: SocketEvent) {
    let now = now();
    match event {
        SocketEvent::Open => drive(shell, now, |engine| engine.handle_socket_open(now)),
        SocketEvent::Message(message) => drive(shell, now, |engine| engine.handle_message(&message, now)),
        SocketEvent::Closed(code) => {
            shell.borrow_mut().socket = None;
            drive(shell, now, |engine| engine.handle_socket_closed(Some(code), now));
        }
    }
}

impl Shell {
    fn perform(&mut self, shared: &Shared, output: Output) {
        match output {
            Output::Connect => self.connect(shared),
            Output::Send(message) => {
                if let Some(socket) = &self.socket {
                    socket.send(&message);
                }
            }
            Output::Disconnect => self.socket = None,
            Output::OpenMicrophone => {
                self.openings = self.openings.wrapping_add(1);
                if encoder::is_ready() {
                    self.tell(&FromWorker::OpenMicrophone);
                } else {
                    open_microphone(shared, self.openings);
                }
            }
            Output::CloseMicrophone => {
                self.release_capture();
                self.tell(&FromWorker::CloseMicrophone);
            }
            Output::MicrophoneUseless => {
                self.release_capture();
                self.tell(&FromWorker::MicrophoneUseless);
            }
            Output::FlushMicrophone => self.tell(&FromWorker::FlushMicrophone),
            Output::Play { header, payload } => {
                if let Some(playout) = &self.playout {
                    playout.play(&packet::encode_packet(&header, &payload));
                }
            }
            Output::PlayClock { server_ms } => {
                if let Some(playout) = &self.playout {
                    playout.command("clock", &[("server_ms", server_ms as f64)]);
                }
            }
            Output::CloseStream(stream) => {
                self.gains.remove(&stream.0);
                if let Some(playout) = &self.playout {
                    playout.command("close", &[("stream", f64::from(stream.0))]);
                }
            }
            Output::SetGain { stream, gain } => {
                if self.gains.len() >= GAINS_MAX {
                    self.gains.pop_first();
                }
                self.gains.insert(stream.0, gain);
                if let Some(playout) = &self.playout {
                    playout.command("gain", &[("stream", f64::from(stream.0)), ("gain", f64::from(gain))]);
                }
            }
            Output::KeepToken { token, is_for_this_page } => self.tell(&FromWorker::KeepToken { token, is_for_this_page }),
            Output::Event(Event::Levels(levels)) => self.tell_levels(levels),
            Output::Event(event) => self.tell(&FromWorker::Event(event)),
        }
    }

    /// The page shows of others only whether they speak. What changes nothing of that is told now and then, for what is shown
    /// from a moment in between on: each message wakes the page.
    fn tell_levels(&mut self, levels: Vec<(MemberId, u8)>) {
        let speaking = levels.iter().filter(|(_, level_dbov)| *level_dbov <= SPEAKING_DBOV).map(|(member, _)| *member);
        let is_meter_shown = self.capture.is_some();
        if is_meter_shown || self.levels_untold >= LEVELS_UNTOLD_MAX || !speaking.clone().eq(self.speaking.iter().copied()) {
            self.speaking = speaking.collect();
            self.levels_untold = 0;
            self.tell(&FromWorker::Event(Event::Levels(levels)));
        } else {
            self.levels_untold += 1;
        }
    }

    /// No frame of it comes any more, and an opening under way is overtaken.
    fn release_capture(&mut self) {
        self.capture = None;
        self.openings = self.openings.wrapping_add(1);
    }

    fn connect(&mut self, shared: &Shared) {
        let weak = Rc::downgrade(shared);
        let opened = Socket::open(&self.url, move |event| {
            if let Some(shell) = weak.upgrade() {
                handle_socket(&shell, event);
            }
        });
        self.socket = opened.ok();
        if self.socket.is_none() {
            let now = now();
            if let Some(engine) = &mut self.engine {
                engine.handle_socket_closed(None, now);
            }
        }
    }

    fn tell(&self, message: &FromWorker) {
        let (wrapped, _) = edge::wrap(message, None);
        // Fails only for what cannot be cloned; bytes can.
        let _ = self.scope.post_message(&wrapped);
    }
}
