//! The microphone: opened when the worker says that the server said so, released as soon as it is not wanted. Its
//! samples go from the capture worklet straight to the worker.
//!
//! Between a device and an AudioContext browsers keep a queue that grows whenever the context falls behind the device, and
//! never shrinks: in Chromium to 100 ms and more, for good. A context that is clocked by a loudspeaker falls behind with each
//! of its hiccups. So the capturing context plays to nothing where the browser has that, by the system's clock; and while
//! nobody speaks, the queue is thrown away with the source it belongs to.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use dais_client::edge::{get, get_number, object};
use dais_engine::MicrophoneFailure;
use js_sys::{Array, Function};
use leptos::prelude::set_timeout;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    AudioContext, AudioContextOptions, AudioWorkletNode, MediaStream, MediaStreamAudioSourceNode, MediaStreamTrack,
    MessageChannel,
};

use super::suppressor::{Suppressor, make_node};
use super::user_media::{self, Wish, stop_tracks};
use super::{Device, DeviceState, Processing};
use crate::link::{Inner, LinkEvent};

const WORKLET_URL: &str = "/capture.js";
const PROCESSOR: &str = "dais-capture";

/// A microphone's latency is what the browser has averaged over this long.
const MEASURED_EVERY: Duration = Duration::from_secs(1);

/// The microphone.
pub(crate) struct Microphone {
    link: Weak<Inner>,
    wish: RefCell<Wish>,
    /// Counts openings and closings: one that is overtaken by a later one releases what it got.
    generation: Cell<u32>,
    is_wanted: Cell<bool>,
    open: RefCell<Option<Open>>,
}

/// An open microphone. Released when dropped.
struct Open {
    stream: MediaStream,
    context: AudioContext,
    /// `None` while it is being replaced.
    source: RefCell<Option<Source>>,
    node: AudioWorkletNode,
    is_suppressed: bool,
    on_ended: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut()>,
}

/// What gives the device's sound to the context, and the queue in between.
struct Source(MediaStreamAudioSourceNode);

impl Source {
    fn new(context: &AudioContext, stream: &MediaStream, target: &AudioWorkletNode) -> Result<Self, JsValue> {
        let node = context.create_media_stream_source(stream)?;
        node.connect_with_audio_node(target)?;
        Ok(Self(node))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // One that is not connected needs no disconnecting.
        let _ = self.0.disconnect();
    }
}

impl Microphone {
    pub(crate) fn new(link: Weak<Inner>, wish: Wish) -> Self {
        Self { link, wish: RefCell::new(wish), generation: Cell::new(0), is_wanted: Cell::new(false), open: RefCell::default() }
    }

    /// What the person wants of it.
    pub(crate) fn wish(&self) -> Wish {
        self.wish.borrow().clone()
    }

    /// Takes effect at the next opening; an open microphone is opened anew.
    pub(crate) fn set_processing(&self, processing: Processing) {
        self.set_wish(Wish { processing, ..self.wish() });
    }

    /// The same for which one it is.
    pub(crate) fn set_device(&self, device: Option<Device>) {
        self.set_wish(Wish { device, ..self.wish() });
    }

    fn set_wish(&self, wish: Wish) {
        if self.wish.replace(wish.clone()) != wish && self.is_wanted.get() {
            self.open();
        }
    }

    /// Lets the browser ask the person, and releases at once what it gives. Reads nothing.
    pub(crate) fn ask(&self) {
        let link = self.link.clone();
        let wish = self.wish();
        spawn_local(async move {
            let state = match user_media::open(&wish).await {
                Ok(given) => {
                    stop_tracks(&given.stream);
                    DeviceState::Closed
                }
                Err(state) => state,
            };
            let Some(link) = link.upgrade() else { return };
            if !link.microphone().is_wanted.get() {
                link.tell(LinkEvent::Microphone(state));
            }
        });
    }

    /// Opens it; what comes of it goes to the worker.
    pub(crate) fn open(&self) {
        let generation = self.begin(true);
        let link = self.link.clone();
        let wish = self.wish();
        if let Some(link) = link.upgrade() {
            link.tell(LinkEvent::Microphone(DeviceState::Opening));
        }
        spawn_local(async move {
            let opened = open(&link, &wish).await;
            let Some(link) = link.upgrade() else { return };
            if link.microphone().generation.get() != generation {
                return; // Closed again in the meantime: dropping what was opened releases it.
            }
            if opened.is_err() {
                // A change of the switches is not to try again behind the person's back.
                link.microphone().is_wanted.set(false);
            }
            match opened {
                Ok((open, port, missing)) => {
                    if let Some(device) = missing {
                        link.tell(LinkEvent::MicrophoneMissing(device));
                    }
                    let rate = open.context.sample_rate().round() as u32;
                    *link.microphone().open.borrow_mut() = Some(open);
                    link.microphone_open(rate, port);
                    measure_latency(Rc::downgrade(&link), generation, Measured::WhileStarting);
                }
                Err(DeviceState::Failed(failure)) => link.microphone_failed(failure),
                Err(other) => {
                    link.microphone_failed(MicrophoneFailure::Refused);
                    link.tell(LinkEvent::Microphone(other));
                }
            }
        });
    }

    /// Throws away what waits between the device and the capture worklet.
    pub(crate) fn flush(&self) {
        if let Some(open) = &*self.open.borrow() {
            open.flush();
        }
    }

    /// Releases it.
    pub(crate) fn close(&self) {
        self.begin(false);
    }

    fn begin(&self, is_wanted: bool) -> u32 {
        self.is_wanted.set(is_wanted);
        self.open.borrow_mut().take();
        self.generation.set(self.generation.get().wrapping_add(1));
        self.generation.get()
    }
}

/// What the browser has averaged over.
#[derive(Clone, Copy, PartialEq)]
enum Measured {
    /// The device's start, too, in which sound queues up: up to 0.3 s of it.
    WhileStarting,
    /// Sound that flows.
    Since,
}

/// Tells the worker how late the microphone is, time and again while this one is open.
fn measure_latency(link: Weak<Inner>, generation: u32, measured: Measured) {
    let measure = move || {
        let Some(link) = link.upgrade() else { return };
        if link.microphone().generation.get() != generation {
            return;
        }
        if let Some(open) = &*link.microphone().open.borrow() {
            if measured == Measured::Since {
                link.microphone_latency(open.latency_ms());
            }
            open.restart_average();
        }
        measure_latency(Rc::downgrade(&link), generation, Measured::Since);
    };
    set_timeout(measure, MEASURED_EVERY);
}

impl Open {
    /// From the microphone to the capture worklet's port, in milliseconds: what the browser measures up to the track, where
    /// it does, one step of the context, for which the track's sound waits, and half a step by which the two miss each other.
    fn latency_ms(&self) -> f32 {
        let track = self.stream.get_audio_tracks().get(0);
        let track_ms = get_number(&get(&track, "stats"), "averageLatency");
        let suppressor_ms = if self.is_suppressed { Suppressor::latency_ms(&self.context) } else { 0.0 };
        (track_ms + get_number(&self.context, "baseLatency") * 1500.0) as f32 + suppressor_ms
    }

    /// The browser averages from now on.
    fn restart_average(&self) {
        let track = self.stream.get_audio_tracks().get(0);
        let stats = get(&track, "stats");
        // One that does not measure has no such function.
        if let Ok(reset) = get(&stats, "resetLatency").dyn_into::<Function>() {
            let _ = reset.call0(&stats);
        }
    }

    /// Browsers that clock the context by a device of its own look after the queue themselves.
    fn flush(&self) {
        if is_clocked_by_system(&self.context) {
            // The old one goes first, or both would be heard.
            self.source.replace(None);
            // The stream worked a moment ago; if it has ended since, its track says so by itself.
            self.source.replace(Source::new(&self.context, &self.stream, &self.node).ok());
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        for track in self.stream.get_tracks().iter().filter_map(|track| track.dyn_into::<MediaStreamTrack>().ok()) {
            let _ = track.remove_event_listener_with_callback("ended", self.on_ended.as_ref().unchecked_ref());
        }
        stop_tracks(&self.stream);
        if let Ok(port) = self.node.port() {
            port.set_onmessage(None);
            let _ = port.post_message(&object(&[("type", "stop".into())]));
        }
        // A context that is closed already has nothing left to release.
        let _ = self.context.close();
    }
}

/// The device and the capture worklet, the worklet's port for the worker, and which device was not there.
async fn open(link: &Weak<Inner>, wish: &Wish) -> Result<(Open, web_sys::MessagePort, Option<Device>), DeviceState> {
    let (wish, suppressor) = Suppressor::wanted(link, wish).await;
    let given = user_media::open(&wish).await?;
    match capture(link, &given.stream, suppressor.as_ref()).await {
        Ok((open, port)) => Ok((open, port, given.missing)),
        Err(_) => {
            stop_tracks(&given.stream);
            Err(DeviceState::Failed(MicrophoneFailure::Lost))
        }
    }
}

/// A context that plays to nothing, in browsers that have that; in others to the default device, silence.
fn make_context() -> Result<AudioContext, JsValue> {
    let nothing = object(&[("type", "none".into())]);
    let options: AudioContextOptions = object(&[("sinkId", nothing.into())]).unchecked_into();
    AudioContext::new_with_context_options(&options)
}

/// Whether the context plays to nothing: its `sinkId` is an object then, and otherwise a name or not there.
fn is_clocked_by_system(context: &AudioContext) -> bool {
    get(context, "sinkId").is_object()
}

async fn capture(
    link: &Weak<Inner>,
    stream: &MediaStream,
    suppressor: Option<&Suppressor>,
) -> Result<(Open, web_sys::MessagePort), JsValue> {
    let context = make_context()?;
    let _ = context.resume();
    let node = match make_node(&context, WORKLET_URL, PROCESSOR, 0, suppressor).await {
        Ok(node) => node,
        Err(error) => {
            let _ = context.close();
            return Err(error);
        }
    };
    let source = RefCell::new(Some(Source::new(&context, stream, &node)?));
    // All it has to say is that the suppressor does not work.
    let on_message = Closure::<dyn FnMut()>::new({
        let link = link.clone();
        move || link.upgrade().iter().for_each(|link| link.tell(LinkEvent::SuppressorFailed))
    });
    node.port()?.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    let channel = MessageChannel::new()?;
    let message = object(&[("type", "port".into()), ("port", channel.port1().into())]);
    node.port()?.post_message_with_transferable(&message, &Array::of1(&channel.port1()))?;
    let on_ended = Closure::<dyn FnMut()>::new({
        let link = link.clone();
        move || {
            if let Some(link) = link.upgrade() {
                link.microphone().close();
                link.microphone_failed(MicrophoneFailure::Lost);
            }
        }
    });
    for track in stream.get_tracks().iter().filter_map(|track| track.dyn_into::<MediaStreamTrack>().ok()) {
        track.add_event_listener_with_callback("ended", on_ended.as_ref().unchecked_ref())?;
    }
    // Not `stream.clone()`: web-sys binds the browser's own `clone` to that, which makes new tracks.
    let stream = Clone::clone(stream);
    Ok((
        Open { stream, context, source, node, is_suppressed: suppressor.is_some(), on_ended, _on_message: on_message },
        channel.port2(),
    ))
}
