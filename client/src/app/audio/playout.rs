//! The loudspeaker: an AudioContext at the device's own rate with the playout worklet as its only source. Apart from
//! the microphone's context, so that going on or off stage never stops the sound.

use std::cell::{Cell, RefCell};
use std::rc::Weak;

use dais_client::edge::object;
use js_sys::{Array, Promise, Reflect, WebAssembly};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AudioContext, AudioContextLatencyCategory, AudioContextOptions, AudioContextState, AudioWorkletNode, AudioWorkletNodeOptions,
    MessageChannel, Response, window,
};

use super::AudioState;
use crate::link::{Inner, LinkEvent};

const WORKLET_URL: &str = "/playout.js";
const PIPELINE_URL: &str = "/worklet.wasm";
const PROCESSOR: &str = "dais-playout";

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
}

impl Playout {
    pub(crate) fn new(link: Weak<Inner>) -> Self {
        Self {
            link,
            pipeline: RefCell::default(),
            sends_bytes: Cell::new(false),
            context: RefCell::default(),
            node: RefCell::default(),
            is_starting: Cell::new(false),
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
        let options = AudioContextOptions::new();
        options.set_latency_hint(&JsValue::from(AudioContextLatencyCategory::Interactive));
        let context = AudioContext::new_with_context_options(&options)?;
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
        on_change.forget(); // It lives as long as the context, which lives as long as the page.
        *self.context.borrow_mut() = Some(context.clone());
        Ok(context)
    }

    fn tell(&self, state: AudioState) {
        if let Some(link) = self.link.upgrade() {
            link.tell(LinkEvent::Audio(state));
        }
    }
}

fn state(context: &AudioContext) -> AudioState {
    match context.state() {
        AudioContextState::Running => AudioState::Running,
        AudioContextState::Closed => AudioState::Failed,
        _ => AudioState::Locked,
    }
}

async fn compile() -> Result<JsValue, JsValue> {
    let window = window().ok_or(JsValue::UNDEFINED)?;
    let response: Response = JsFuture::from(window.fetch_with_str(PIPELINE_URL)).await?.dyn_into()?;
    let bytes = JsFuture::from(response.array_buffer()?).await?;
    let module = JsFuture::from(WebAssembly::compile(&bytes)).await?;
    Ok(object(&[("module", module), ("bytes", bytes)]).into())
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
