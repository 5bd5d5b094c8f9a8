//! The page's side of the bridge: starts the worker, carries commands and events, and does what the worker cannot:
//! open the microphone and the loudspeaker.

mod identity;
pub(crate) mod why_not;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use dais_client::bridge::{self, FromWorker, ToWorker};
use dais_client::edge;
use dais_engine::shared::wire::Reply;
use dais_engine::{Command, Event, Failure, MicrophoneFailure, Ticket};
use futures_channel::oneshot;
use send_wrapper::SendWrapper;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::spawn_local;
use web_sys::{ErrorEvent, MessageEvent, MessagePort, Worker, WorkerOptions, WorkerType, window};

use crate::audio::device_list;
use crate::audio::microphone::Microphone;
use crate::audio::playout::Playout;
use crate::audio::trial::Trial;
use crate::audio::user_media::Wish;

pub(crate) use crate::audio::device_list::can_choose_output;
pub(crate) use crate::audio::{AudioState, Device, DeviceList, DeviceState, Processing, TrialEvent};

const PROCESSING_KEY: &str = "dais.processing";
const MICROPHONE_KEY: &str = "dais.microphone";
const OUTPUT_KEY: &str = "dais.output";
/// The loader of the worker's module. Not hashed, so that its name is known here.
const WORKER_URL: &str = "/worker_loader.js";
/// Messages kept for a worker that is still starting: a person clicks no more than that in the time.
const BEFORE_READY_MAX: usize = 64;

/// What reaches the page.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// From the engine.
    Event(Event),
    /// From the playout worklet, twice a second.
    Playout {
        /// What it measures.
        measured: bridge::Playout,
        /// How long sound takes from the worklet to the loudspeaker, in milliseconds, as the browser says.
        output_ms: f32,
    },
    /// The loudspeaker.
    Audio(AudioState),
    /// The microphone.
    Microphone(DeviceState),
    /// The chosen microphone is not there, and the system's default was opened.
    MicrophoneMissing(Device),
    /// Strong noise suppression could not be loaded, and the browser's is used.
    SuppressorMissing,
    /// It was loaded and does not work.
    SuppressorFailed,
    /// The chosen output is not there, and the system's default plays; or `None`: it does no longer.
    OutputMissing(Option<Device>),
    /// Which devices there are.
    Devices(DeviceList),
    /// The microphone test.
    Trial(TrialEvent),
    /// The worker could not be started, or died; with the browser's words for the console.
    WorkerFailed(String),
}

/// The page's connection to its worker and to the sound devices.
#[derive(Clone)]
pub(crate) struct Link(SendWrapper<Rc<Inner>>);

/// A message to the worker, and a port that goes with it.
type Letter = (ToWorker, Option<MessagePort>);

pub(crate) struct Inner {
    worker: Option<Worker>,
    on_event: Box<dyn Fn(LinkEvent)>,
    next_ticket: Cell<u32>,
    waiting: RefCell<BTreeMap<Ticket, oneshot::Sender<Result<Reply, Failure>>>>,
    /// What is to be said once the worker listens. `None` from then on.
    before_ready: RefCell<Option<Vec<Letter>>>,
    playout: Playout,
    microphone: Microphone,
    trial: Trial,
}

impl Link {
    /// Starts the worker, which connects with the identity of an earlier visit, if there was one.
    pub(crate) fn start(on_event: impl Fn(LinkEvent) + 'static) -> Self {
        let (token, is_for_this_page) = identity::kept();
        let start = ToWorker::Start { url: socket_url(), token, is_for_this_page, seed: seed() };
        let inner = Rc::new_cyclic(|weak: &Weak<Inner>| {
            let worker = spawn_worker(weak.clone());
            Inner {
                worker: worker.as_ref().ok().cloned(),
                on_event: Box::new(on_event),
                next_ticket: Cell::new(0),
                waiting: RefCell::default(),
                before_ready: RefCell::new(Some(vec![(start, None)])),
                playout: Playout::new(weak.clone(), read(OUTPUT_KEY, Device::from_text)),
                microphone: Microphone::new(weak.clone(), read_wish()),
                trial: Trial::new(weak.clone()),
            }
        });
        if inner.worker.is_none() {
            inner.tell(LinkEvent::WorkerFailed("the browser starts no module worker".into()));
        }
        inner.playout.prepare();
        let started = Self(SendWrapper::new(inner));
        let weak = Rc::downgrade(&started.0);
        device_list::watch(move || {
            if let Some(inner) = weak.upgrade() {
                inner.list_devices();
            }
        });
        started
    }

    /// Asks for something; what comes of it is told as an event.
    pub(crate) fn send(&self, command: Command) {
        let ticket = self.0.ticket();
        self.0.post(ToWorker::Command { ticket, command }, None);
    }

    /// Asks for something and waits for the answer, which is told to nobody else.
    pub(crate) async fn ask(&self, command: Command) -> Result<Reply, Failure> {
        let ticket = self.0.ticket();
        let (answer, answered) = oneshot::channel();
        self.0.waiting.borrow_mut().insert(ticket, answer);
        self.0.post(ToWorker::Command { ticket, command }, None);
        answered.await.unwrap_or(Err(Failure::Offline))
    }

    /// Starts the loudspeaker. Browsers want this inside a click.
    pub(crate) fn unlock_audio(&self) {
        self.0.playout.unlock();
    }

    /// Lets the browser ask for the microphone, and releases it at once. Inside a click.
    pub(crate) fn ask_for_microphone(&self) {
        self.0.microphone.ask();
    }

    /// Sets what the browser does to the microphone's sound. Opens an open microphone anew.
    pub(crate) fn set_processing(&self, processing: Processing) {
        store(PROCESSING_KEY, Some(&processing.to_text()));
        self.0.microphone.set_processing(processing);
    }

    /// What the browser is asked to do to the microphone's sound.
    pub(crate) fn processing(&self) -> Processing {
        self.0.microphone.wish().processing
    }

    /// Asks which devices there are.
    pub(crate) fn list_devices(&self) {
        self.0.list_devices();
    }

    /// Which microphone is to be used. An open one is opened anew.
    pub(crate) fn choose_microphone(&self, device: Option<Device>) {
        store(MICROPHONE_KEY, device.as_ref().map(Device::to_text).as_deref());
        self.0.microphone.set_device(device);
    }

    /// Which microphone was chosen.
    pub(crate) fn chosen_microphone(&self) -> Option<Device> {
        self.0.microphone.wish().device
    }

    /// Where the sound is to go, at once.
    pub(crate) fn choose_output(&self, device: Option<Device>) {
        store(OUTPUT_KEY, device.as_ref().map(Device::to_text).as_deref());
        self.0.playout.set_device(device);
    }

    /// Which output was chosen.
    pub(crate) fn chosen_output(&self) -> Option<Device> {
        self.0.playout.device()
    }

    /// Asks the loudspeaker for larger buffers, once. Returns whether that is being done.
    pub(crate) fn steady_sound(&self) -> bool {
        self.0.playout.steady()
    }

    /// Records the microphone, as chosen, for a test. Inside a click.
    pub(crate) fn start_trial(&self) {
        self.0.trial.start(self.0.microphone.wish(), self.0.playout.device());
    }

    /// Plays what the test has recorded.
    pub(crate) fn play_trial(&self) {
        self.0.trial.play();
    }

    /// Ends the test.
    pub(crate) fn end_trial(&self) {
        self.0.trial.end();
    }
}

impl Inner {
    pub(crate) fn tell(&self, event: LinkEvent) {
        (self.on_event)(event);
    }

    pub(crate) fn playout(&self) -> &Playout {
        &self.playout
    }

    pub(crate) fn microphone(&self) -> &Microphone {
        &self.microphone
    }

    pub(crate) fn trial(&self) -> &Trial {
        &self.trial
    }

    fn list_devices(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        spawn_local(async move {
            let list = device_list::list().await;
            if let Some(inner) = weak.upgrade() {
                inner.playout.handle_devices(&list);
                inner.tell(LinkEvent::Devices(list));
            }
        });
    }

    pub(crate) fn playout_ready(&self, port: MessagePort) {
        self.post(ToWorker::PlayoutPort, Some(port));
    }

    pub(crate) fn microphone_open(&self, device_rate_hz: u32, port: MessagePort) {
        self.post(ToWorker::MicrophoneOpen { device_rate_hz }, Some(port));
        self.tell(LinkEvent::Microphone(DeviceState::Open));
    }

    pub(crate) fn microphone_latency(&self, ms: f32) {
        self.post(ToWorker::MicrophoneLatency { ms }, None);
    }

    pub(crate) fn microphone_failed(&self, failure: MicrophoneFailure) {
        self.post(ToWorker::MicrophoneFailed(failure), None);
        self.tell(LinkEvent::Microphone(DeviceState::Failed(failure)));
    }

    fn ticket(&self) -> Ticket {
        let next = self.next_ticket.get().wrapping_add(1);
        self.next_ticket.set(next);
        Ticket(next)
    }

    fn post(&self, message: ToWorker, port: Option<MessagePort>) {
        match self.before_ready.borrow_mut().as_mut() {
            Some(before_ready) if before_ready.len() < BEFORE_READY_MAX => before_ready.push((message, port)),
            Some(_) => {}
            None => self.post_now(&message, port.as_ref()),
        }
    }

    fn post_now(&self, message: &ToWorker, port: Option<&MessagePort>) {
        let Some(worker) = &self.worker else { return };
        let (wrapped, transfer) = edge::wrap(message, port);
        // Fails only for what cannot be cloned or was given away before; bytes and a fresh port are neither.
        let _ = worker.post_message_with_transfer(&wrapped, &transfer);
    }

    fn handle_worker(&self, message: FromWorker) {
        match message {
            FromWorker::Ready => {
                for (message, port) in self.before_ready.borrow_mut().take().unwrap_or_default() {
                    self.post_now(&message, port.as_ref());
                }
            }
            FromWorker::Event(Event::Answered { ticket, result }) => {
                let waiting = self.waiting.borrow_mut().remove(&ticket);
                match waiting {
                    // A page that has stopped waiting needs no answer.
                    Some(answer) => drop(answer.send(result)),
                    None => self.tell(LinkEvent::Event(Event::Answered { ticket, result })),
                }
            }
            FromWorker::Event(event) => self.tell(LinkEvent::Event(event)),
            FromWorker::OpenMicrophone => self.microphone.open(),
            FromWorker::CloseMicrophone => {
                self.microphone.close();
                self.tell(LinkEvent::Microphone(DeviceState::Closed));
            }
            FromWorker::MicrophoneUseless => {
                self.microphone.close();
                self.tell(LinkEvent::Microphone(DeviceState::Failed(MicrophoneFailure::Lost)));
            }
            FromWorker::FlushMicrophone => self.microphone.flush(),
            FromWorker::KeepToken { token, is_for_this_page } => identity::keep(token, is_for_this_page),
            FromWorker::Playout(measured) => {
                self.tell(LinkEvent::Playout { measured, output_ms: self.playout.latency_ms() });
            }
        }
    }
}

fn spawn_worker(link: Weak<Inner>) -> Result<Worker, wasm_bindgen::JsValue> {
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options(WORKER_URL, &options)?;
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
        let link = link.clone();
        move |event: MessageEvent| {
            if let (Some(link), Some((message, _))) = (link.upgrade(), edge::unwrap::<FromWorker>(&event)) {
                link.handle_worker(message);
            }
        }
    });
    let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
        if let Some(link) = link.upgrade() {
            link.tell(LinkEvent::WorkerFailed(event.message()));
        }
    });
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    // Both live as long as the page.
    on_message.forget();
    on_error.forget();
    Ok(worker)
}

/// `/ws` on the host that the page came from.
fn socket_url() -> String {
    let location = window().map(|window| window.location());
    let part = |read: fn(&web_sys::Location) -> Result<String, wasm_bindgen::JsValue>| {
        location.as_ref().and_then(|location| read(location).ok()).unwrap_or_default()
    };
    let scheme = if part(web_sys::Location::protocol) == "https:" { "wss" } else { "ws" };
    format!("{scheme}://{}/ws", part(web_sys::Location::host))
}

fn seed() -> u64 {
    (js_sys::Math::random() * 2f64.powi(53)) as u64
}

fn storage() -> Option<web_sys::Storage> {
    // Absent where the person forbids storage: then nothing is remembered.
    window().and_then(|window| window.local_storage().ok().flatten())
}

fn store(key: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    // A full or forbidden storage forgets, which is what it was asked for.
    let _ = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
}

fn read<T>(key: &str, parse: fn(&str) -> Option<T>) -> Option<T> {
    let text = storage().and_then(|storage| storage.get_item(key).ok().flatten())?;
    parse(&text)
}

fn read_wish() -> Wish {
    let processing = read(PROCESSING_KEY, Processing::from_text).unwrap_or_default();
    Wish { processing, device: read(MICROPHONE_KEY, Device::from_text) }
}
