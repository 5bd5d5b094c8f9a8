//! The loudspeaker: an AudioContext at the device's own rate with the playout worklet as its only source. Apart from
//! the microphone's context, so that going on or off stage never stops the sound.

use std::cell::{Cell, RefCell};
use std::rc::Weak;

use dais_client::edge::{get_number, object};
use js_sys::{Array, Promise, Reflect, WebAssembly};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AudioContext, AudioContextOptions, AudioContextState, AudioWorkletNode, AudioWorkletNodeOptions, MessageChannel};

use super::device_list::choose_output;
use super::suppressor::fetch_bytes;
use super::{AudioState, Device, DeviceList};
use crate::link::{Inner, LinkEvent};

const WORKLET_URL: &str = "/playout.js";
const PIPELINE_URL: &str = "/worklet.wasm";
const PROCESSOR: &str = "dais-playout";
/// No more than so much at a time, at the device's rate: a device that takes more is served in the browser's own steps.
const RENDERED_SAMPLES_MAX: f64 = 2048.0;

/// The loudspeaker.
pub(crate) struct Playout {
    link: Weak<Inner>,
    /// The pipeline, being loaded and compiled since the page was: `{module, bytes}`.
    pipeline: RefCell<Option<Promise>>,
    /// Modules do not reach this browser's audio thread: bytes do.
    sends_bytes: Cell<bool>,
    context: RefCell<Option<AudioContext>>,
    node: RefCell<Option<AudioWorkletNode>>,
    is_starting: Cell<bool>,
    /// Where the sound is to go. `None` is whatever the system prefers.
    device: RefCell<Option<Device>>,
    /// The chosen device is not there: the system's default plays in its place.
    is_replaced: Cell<bool>,
    /// Late and steady rather than quick, since that did not work.
    is_steady: Cell<bool>,
    /// Plays until the one in its place does.
    retired: RefCell<Option<AudioContext>>,
}

impl Playout {
    pub(crate) fn new(link: Weak<Inner>, device: Option<Device>) -> Self {
        Self {
            link,
            pipeline: RefCell::default(),
            sends_bytes: Cell::new(false),
            context: RefCell::default(),
            node: RefCell::default(),
            is_starting: Cell::new(false),
            device: RefCell::new(device),
            is_replaced: Cell::new(false),
            is_steady: Cell::new(false),
            retired: RefCell::default(),
        }
    }

    /// Loads and compiles the pipeline ahead of the click.
    pub(crate) fn prepare(&self) {
        *self.pipeline.borrow_mut() = Some(wasm_bindgen_futures::future_to_promise(compile()));
    }

    /// Starts or wakes the loudspeaker. Inside a click, since browsers refuse sound before one.
    pub(crate) fn unlock(&self) {
        let existing = self.context.borrow().clone();
        let context = match existing {
            Some(context) => context,
            None => match self.make_context() {
                Ok(context) => context,
                Err(_) => return self.tell(AudioState::Failed),
            },
        };
        // Its outcome shows as a change of state.
        let _ = context.resume();
        self.start(context);
    }

    /// From the worklet to the loudspeaker, in milliseconds, as the browser says. 0 where it is not known.
    ///
    /// Firefox, which gives its base latency as 0, is not asked for the rest: asked while its sound starts, a page stood
    /// still for half a minute.
    pub(crate) fn latency_ms(&self) -> f32 {
        let context = self.context.borrow();
        let Some(context) = context.as_ref() else { return 0.0 };
        match get_number(context, "baseLatency") {
            base if base > 0.0 => ((base + get_number(context, "outputLatency")) * 1000.0) as f32,
            _ => 0.0,
        }
    }

    /// Where the sound is to go.
    pub(crate) fn device(&self) -> Option<Device> {
        self.device.borrow().clone()
    }

    /// Takes effect at once.
    pub(crate) fn set_device(&self, device: Option<Device>) {
        if self.is_replaced.replace(false) {
            self.tell_output_missing(None);
        }
        *self.device.borrow_mut() = device;
        let context = self.context.borrow().clone();
        if let Some(context) = context {
            self.route(context);
        }
    }

    /// Devices came or went: the sound goes to the chosen one if it is there, and to the system's default if not.
    pub(crate) fn handle_devices(&self, devices: &DeviceList) {
        let is_there = self.device.borrow().as_ref().is_none_or(|chosen| devices.outputs.iter().any(|it| it.id == chosen.id));
        // Browsers that do not tell names list nothing, of which nothing is missing.
        let is_missing = !is_there && !devices.outputs.is_empty();
        let context = self.context.borrow().clone();
        if let Some(context) = context
            && is_missing != self.is_replaced.get()
        {
            self.route(context);
        }
    }

    fn route(&self, context: AudioContext) {
        let (link, device) = (self.link.clone(), self.device());
        spawn_local(async move {
            let is_chosen = choose_output(&context, device.as_ref()).await.is_ok();
            if !is_chosen {
                // A browser without a choice plays where it always does.
                let _ = choose_output(&context, None).await;
            }
            let Some(link) = link.upgrade() else { return };
            let is_replaced = !is_chosen && device.is_some();
            let was_replaced = link.playout().is_replaced.replace(is_replaced);
            if is_replaced != was_replaced {
                link.playout().tell_output_missing(device.filter(|_| is_replaced));
            }
        });
    }

    /// The device runs dry time and again: asks it for larger buffers, once. Returns whether that is being done.
    pub(crate) fn steady(&self) -> bool {
        if self.is_starting.get() || self.node.borrow().is_none() || self.is_steady.replace(true) {
            return false;
        }
        let old = self.context.borrow_mut().take();
        if let Some(old) = &old {
            old.set_onstatechange(None);
        }
        if let Some(node) = self.node.borrow_mut().take() {
            node.set_onprocessorerror(None);
        }
        self.retired.replace(old);
        self.unlock();
        true
    }

    fn start(&self, context: AudioContext) {
        if self.node.borrow().is_none() && !self.is_starting.replace(true) {
            let link = self.link.clone();
            spawn_local(async move {
                let started = start_node(&link, &context).await;
                let Some(link) = link.upgrade() else { return };
                link.playout().is_starting.set(false);
                if started.is_err() {
                    link.playout().tell(AudioState::Failed);
                }
            });
        }
    }

    /// The processor has thrown, which ends its node. One that was given a module is tried again with bytes.
    fn handle_processor_error(&self) {
        self.node.borrow_mut().take();
        let context = self.context.borrow().clone();
        match context {
            Some(context) if !self.sends_bytes.replace(true) => self.start(context),
            _ => self.tell(AudioState::Failed),
        }
    }

    fn make_context(&self) -> Result<AudioContext, JsValue> {
        let latency = if self.is_steady.get() { "playback" } else { "interactive" };
        let context = open_context(latency)?;
        let on_change = Closure::<dyn FnMut()>::new({
            let link = self.link.clone();
            let context = context.clone();
            move || {
                if let Some(link) = link.upgrade() {
                    link.playout().tell(state(&context));
                }
            }
        });
        context.set_onstatechange(Some(on_change.as_ref().unchecked_ref()));
        on_change.forget(); // It lives as long as the context, of which a page makes one or two.
        *self.context.borrow_mut() = Some(context.clone());
        if self.device.borrow().is_some() {
            self.route(context.clone());
        }
        Ok(context)
    }

    fn tell_output_missing(&self, missing: Option<Device>) {
        if let Some(link) = self.link.upgrade() {
            link.tell(LinkEvent::OutputMissing(missing));
        }
    }

    fn tell(&self, state: AudioState) {
        if let Some(link) = self.link.upgrade() {
            link.tell(LinkEvent::Audio(state));
        }
    }
}

/// A context that renders as much at a time as its device takes, where the browser can: a quarter of the calls into the
/// worklet, and a good part of what they cost. How much that is only a context can say, so a first one is asked for it.
fn open_context(latency: &str) -> Result<AudioContext, JsValue> {
    let open = |hints: &[(&str, JsValue)]| {
        let options: AudioContextOptions = object(&[&[("latencyHint", latency.into())], hints].concat()).unchecked_into();
        AudioContext::new_with_context_options(&options)
    };
    let context = open(&[])?;
    // Web Audio API 1.1: `BaseAudioContext.renderQuantumSize`, which is there where `renderSizeHint` is heeded.
    let quantum = get_number(&context, "renderQuantumSize");
    let buffer = (get_number(&context, "baseLatency") * f64::from(context.sample_rate())).round();
    if quantum == 0.0 || buffer <= quantum || buffer > RENDERED_SAMPLES_MAX {
        return Ok(context);
    }
    let Ok(fitted) = open(&[("renderSizeHint", buffer.into())]) else { return Ok(context) };
    // It has played nothing, and a context that is closed already has nothing to release.
    let _ = context.close();
    Ok(fitted)
}

fn state(context: &AudioContext) -> AudioState {
    match context.state() {
        AudioContextState::Running => AudioState::Running,
        AudioContextState::Closed => AudioState::Failed,
        _ => AudioState::Locked,
    }
}

async fn compile() -> Result<JsValue, JsValue> {
    let bytes = fetch_bytes(PIPELINE_URL).await?;
    let module = JsFuture::from(WebAssembly::compile(&bytes)).await?;
    Ok(object(&[("module", module), ("bytes", bytes.into())]).into())
}

async fn start_node(link: &Weak<Inner>, context: &AudioContext) -> Result<(), JsValue> {
    let pipeline = {
        let link = link.upgrade().ok_or(JsValue::UNDEFINED)?;
        link.playout().pipeline.borrow().clone().ok_or(JsValue::UNDEFINED)?
    };
    let added = context.audio_worklet()?.add_module(WORKLET_URL)?;
    let pipeline = match JsFuture::from(pipeline).await {
        Ok(pipeline) => pipeline,
        // What failed while the page was loading may succeed now.
        Err(_) => compile().await?,
    };
    JsFuture::from(added).await?;
    let sends_bytes = link.upgrade().is_some_and(|link| link.playout().sends_bytes.get());
    let node = make_node(context, &pipeline, sends_bytes)?;
    watch(&node, link);
    node.connect_with_audio_node(&context.destination())?;
    let channel = MessageChannel::new()?;
    let message = object(&[("type", "port".into()), ("port", channel.port1().into())]);
    node.port()?.post_message_with_transferable(&message, &Array::of1(&channel.port1()))?;
    let link = link.upgrade().ok_or(JsValue::UNDEFINED)?;
    link.playout_ready(channel.port2());
    *link.playout().node.borrow_mut() = Some(node);
    if let Some(retired) = link.playout().retired.take() {
        // A context that is closed already has nothing left to release.
        let _ = retired.close();
    }
    link.playout().tell(state(context));
    Ok(())
}

/// The node, its pipeline instantiated from the module or, where a module cannot be cloned, from bytes.
fn make_node(context: &AudioContext, pipeline: &JsValue, sends_bytes: bool) -> Result<AudioWorkletNode, JsValue> {
    let make = |name: &str| {
        let options = AudioWorkletNodeOptions::new();
        options.set_number_of_inputs(0);
        options.set_number_of_outputs(1);
        options.set_output_channel_count(&Array::of1(&JsValue::from_f64(1.0)));
        let form = Reflect::get(pipeline, &name.into())?;
        options.set_processor_options(Some(&object(&[(name, form)])));
        AudioWorkletNode::new_with_options(context, PROCESSOR, &options)
    };
    if sends_bytes { make("bytes") } else { make("module").or_else(|_| make("bytes")) }
}

fn watch(node: &AudioWorkletNode, link: &Weak<Inner>) {
    let link = link.clone();
    let on_error = Closure::<dyn FnMut()>::new(move || {
        if let Some(link) = link.upgrade() {
            link.playout().handle_processor_error();
        }
    });
    node.set_onprocessorerror(Some(on_error.as_ref().unchecked_ref()));
    on_error.forget(); // It lives as long as the node, of which a page makes one or two.
}
