//! Strong noise suppression: RNNoise on the audio thread (`client/suppressor`), loaded when a microphone is opened by
//! somebody who wants it, and the nodes that may be given it.

use std::cell::RefCell;
use std::rc::Weak;

use dais_client::edge::object;
use js_sys::ArrayBuffer;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AudioContext, AudioWorkletNode, AudioWorkletNodeOptions, Response, window};

use super::user_media::Wish;
use crate::link::{Inner, LinkEvent};

const SCRIPT_URL: &str = "/suppressor.js";
const MODULE_URL: &str = "/suppressor.wasm";

/// How much later a voice comes out, in milliseconds, at RNNoise's own rate and at others: `Suppressor` in
/// client/suppressor says why.
const LATENCY_MS: f32 = 10.0;
const LATENCY_MS_CONVERTED: f32 = 22.0; // At 44.1 kHz; 24 at 16.
const OWN_RATE_HZ: f32 = 48_000.0;

thread_local! {
    /// The module, once it has been loaded.
    static LOADED: RefCell<Option<ArrayBuffer>> = const { RefCell::new(None) };
}

/// The module, loaded. A copy goes to each node.
pub(super) struct Suppressor {
    bytes: ArrayBuffer,
}

impl Suppressor {
    /// Where it is wanted and cannot be had, the person is told, and the browser's own takes its place in the wish.
    pub(super) async fn wanted(link: &Weak<Inner>, wish: &Wish) -> (Wish, Option<Self>) {
        let mut wish = wish.clone();
        if !wish.processing.strong_suppression {
            return (wish, None);
        }
        let loaded = Self::load().await.ok();
        if loaded.is_none() {
            wish.processing.strong_suppression = false;
            wish.processing.noise_suppression = true;
            if let Some(link) = link.upgrade() {
                link.tell(LinkEvent::SuppressorMissing);
            }
        }
        (wish, loaded)
    }

    async fn load() -> Result<Self, JsValue> {
        let bytes = match LOADED.with_borrow(Clone::clone) {
            Some(bytes) => bytes,
            None => fetch_bytes(MODULE_URL).await?,
        };
        LOADED.set(Some(bytes.clone()));
        Ok(Self { bytes })
    }

    /// See [`LATENCY_MS`].
    pub(super) fn latency_ms(context: &AudioContext) -> f32 {
        if context.sample_rate() == OWN_RATE_HZ { LATENCY_MS } else { LATENCY_MS_CONVERTED }
    }
}

/// A file of this server's.
///
/// # Errors
/// It cannot be had.
pub(super) async fn fetch_bytes(url: &str) -> Result<ArrayBuffer, JsValue> {
    let window = window().ok_or(JsValue::UNDEFINED)?;
    let response: Response = JsFuture::from(window.fetch_with_str(url)).await?.dyn_into()?;
    if !response.ok() {
        return Err(response.into());
    }
    JsFuture::from(response.array_buffer()?).await?.dyn_into()
}

/// A node for a microphone's sound, which cleans it where a suppressor is given.
///
/// # Errors
/// The browser cannot load or make it.
pub(super) async fn make_node(
    context: &AudioContext,
    worklet_url: &str,
    processor: &str,
    outputs: u32,
    suppressor: Option<&Suppressor>,
) -> Result<AudioWorkletNode, JsValue> {
    let worklet = context.audio_worklet()?;
    let options = AudioWorkletNodeOptions::new();
    options.set_number_of_inputs(1);
    options.set_number_of_outputs(outputs);
    if let Some(suppressor) = suppressor {
        JsFuture::from(worklet.add_module(SCRIPT_URL)?).await?;
        options.set_processor_options(Some(&object(&[("suppressor", suppressor.bytes.clone().into())])));
    }
    JsFuture::from(worklet.add_module(worklet_url)?).await?;
    AudioWorkletNode::new_with_options(context, processor, &options)
}
