//! The microphone: opened when the worker says that the server said so, released as soon as it is not wanted. Its
//! samples go from the capture worklet straight to the worker.

use std::cell::{Cell, RefCell};
use std::rc::Weak;

use dais_client::edge::{exception_name, object};
use dais_engine::MicrophoneFailure;
use js_sys::Array;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AudioContext, AudioWorkletNode, AudioWorkletNodeOptions, MediaStream, MediaStreamConstraints, MediaStreamTrack,
    MessageChannel, window,
};

use super::{DeviceState, Processing};
use crate::link::{Inner, LinkEvent};

const WORKLET_URL: &str = "/capture.js";
const PROCESSOR: &str = "dais-capture";

/// The microphone.
pub(crate) struct Microphone {
    link: Weak<Inner>,
    processing: Cell<Processing>,
    /// Counts openings and closings: one that is overtaken by a later one releases what it got.
    generation: Cell<u32>,
    is_wanted: Cell<bool>,
    open: RefCell<Option<Open>>,
}

/// An open microphone. Released when dropped.
struct Open {
    stream: MediaStream,
    context: AudioContext,
    node: AudioWorkletNode,
    on_ended: Closure<dyn FnMut()>,
}

impl Microphone {
    pub(crate) fn new(link: Weak<Inner>, processing: Processing) -> Self {
        Self {
            link,
            processing: Cell::new(processing),
            generation: Cell::new(0),
            is_wanted: Cell::new(false),
            open: RefCell::default(),
        }
    }

    pub(crate) fn processing(&self) -> Processing {
        self.processing.get()
    }

    /// Takes effect at the next opening; an open microphone is opened anew.
    pub(crate) fn set_processing(&self, processing: Processing) {
        if self.processing.replace(processing) != processing && self.is_wanted.get() {
            self.open();
        }
    }

    /// Lets the browser ask the person, and releases at once what it gives. Reads nothing.
    pub(crate) fn ask(&self) {
        let link = self.link.clone();
        let processing = self.processing.get();
        spawn_local(async move {
            let state = match get_user_media(processing).await {
                Ok(stream) => {
                    stop_tracks(&stream);
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
        let processing = self.processing.get();
        if let Some(link) = link.upgrade() {
            link.tell(LinkEvent::Microphone(DeviceState::Opening));
        }
        spawn_local(async move {
            let opened = open(&link, processing).await;
            let Some(link) = link.upgrade() else { return };
            if link.microphone().generation.get() != generation {
                return; // Closed again in the meantime: dropping what was opened releases it.
            }
            if opened.is_err() {
                // A change of the switches is not to try again behind the person's back.
                link.microphone().is_wanted.set(false);
            }
            match opened {
                Ok((open, port)) => {
                    let rate = open.context.sample_rate().round() as u32;
                    *link.microphone().open.borrow_mut() = Some(open);
                    link.microphone_open(rate, port);
                }
                Err(DeviceState::Failed(failure)) => link.microphone_failed(failure),
                Err(other) => {
                    link.microphone_failed(MicrophoneFailure::Refused);
                    link.tell(LinkEvent::Microphone(other));
                }
            }
        });
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

impl Drop for Open {
    fn drop(&mut self) {
        for track in self.stream.get_tracks().iter().filter_map(|track| track.dyn_into::<MediaStreamTrack>().ok()) {
            let _ = track.remove_event_listener_with_callback("ended", self.on_ended.as_ref().unchecked_ref());
        }
        stop_tracks(&self.stream);
        if let Ok(port) = self.node.port() {
            let _ = port.post_message(&object(&[("type", "stop".into())]));
        }
        // A context that is closed already has nothing left to release.
        let _ = self.context.close();
    }
}

fn stop_tracks(stream: &MediaStream) {
    for track in stream.get_tracks().iter() {
        if let Ok(track) = track.dyn_into::<MediaStreamTrack>() {
            track.stop();
        }
    }
}

/// The exceptions of getUserMedia, as the Media Capture and Streams specification names them.
fn failure(exception: &JsValue) -> DeviceState {
    DeviceState::Failed(match exception_name(exception).as_str() {
        "NotAllowedError" | "SecurityError" => MicrophoneFailure::Refused,
        "NotFoundError" | "OverconstrainedError" => MicrophoneFailure::Missing,
        _ => MicrophoneFailure::Lost,
    })
}

async fn get_user_media(processing: Processing) -> Result<MediaStream, DeviceState> {
    let devices = window()
        .filter(|window| window.is_secure_context())
        .and_then(|window| window.navigator().media_devices().ok())
        .ok_or(DeviceState::Insecure)?;
    let audio = object(&[
        ("echoCancellation", processing.echo_cancellation.into()),
        ("noiseSuppression", processing.noise_suppression.into()),
        ("autoGainControl", processing.gain_control.into()),
        ("channelCount", object(&[("ideal", JsValue::from_f64(1.0))]).into()),
    ]);
    let constraints = MediaStreamConstraints::new();
    constraints.set_audio(&audio);
    let asked = devices.get_user_media_with_constraints(&constraints).map_err(|exception| failure(&exception))?;
    let stream = JsFuture::from(asked).await.map_err(|exception| failure(&exception))?;
    stream.dyn_into().map_err(|_| DeviceState::Failed(MicrophoneFailure::Lost))
}

/// The device and the capture worklet; and the worklet's port, for the worker.
async fn open(link: &Weak<Inner>, processing: Processing) -> Result<(Open, web_sys::MessagePort), DeviceState> {
    let stream = get_user_media(processing).await?;
    match capture(link, &stream).await {
        Ok(opened) => Ok(opened),
        Err(_) => {
            stop_tracks(&stream);
            Err(DeviceState::Failed(MicrophoneFailure::Lost))
        }
    }
}

async fn capture(link: &Weak<Inner>, stream: &MediaStream) -> Result<(Open, web_sys::MessagePort), JsValue> {
    let context = AudioContext::new()?;
    let _ = context.resume();
    if let Err(error) = JsFuture::from(context.audio_worklet()?.add_module(WORKLET_URL)?).await {
        let _ = context.close();
        return Err(error);
    }
    let options = AudioWorkletNodeOptions::new();
    options.set_number_of_inputs(1);
    options.set_number_of_outputs(0);
    let node = AudioWorkletNode::new_with_options(&context, PROCESSOR, &options)?;
    context.create_media_stream_source(stream)?.connect_with_audio_node(&node)?;
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
    Ok((Open { stream, context, node, on_ended }, channel.port2()))
}
