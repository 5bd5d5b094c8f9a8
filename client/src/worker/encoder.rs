//! Opus' encoder: a module of its own (`client/encoder`), loaded by those who are about to speak. An instance that traps
//! costs its frames, and not the worker.

use std::cell::RefCell;

use dais_client::edge::get;
use dais_client::effort::Effort;
use dais_engine::audio::codec::PAYLOAD_BYTES_MAX;
use dais_engine::audio::{CodecError, Encode};
use dais_engine::shared::limits::{VOICE_FRAME_SAMPLES_LONG, VOICE_FRAME_SAMPLES_SHORT};
use js_sys::WebAssembly::{self, Instance, Memory, Module};
use js_sys::{Float32Array, Function, Object, Promise, Uint8Array};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::Response;

use crate::clock::now_ms;

const MODULE_URL: &str = "/encoder.wasm";
/// See [`warm_up`].
const WARM_UP_FRAMES: u32 = 40;
const WARM_UP_BITRATE_BPS: i32 = 48_000;
const WARM_UP_COMPLEXITY: u8 = 10;
/// Half the work, and heard: PESQ 3.3 in place of 3.8 at 24 kb/s.
const COMPLEXITY_ON_SLOW_MACHINES: u8 = 5;

thread_local! {
    /// The module, while it is being loaded and compiled.
    static LOADING: RefCell<Option<Promise>> = const { RefCell::new(None) };
    static MODULE: RefCell<Option<Module>> = const { RefCell::new(None) };
}

/// Whether [`make`] can make one.
pub(crate) fn is_ready() -> bool {
    MODULE.with_borrow(Option::is_some)
}

/// Loads the module, if nobody has, and waits until it is there. What failed is tried anew the next time.
///
/// # Errors
/// It cannot be had.
pub(crate) async fn load() -> Result<(), JsValue> {
    let begin = || {
        future_to_promise(async {
            let compiled = compile().await;
            LOADING.take();
            compiled
        })
    };
    if is_ready() {
        return Ok(());
    }
    let loading = LOADING.with_borrow_mut(|loading| loading.get_or_insert_with(begin).clone());
    JsFuture::from(loading).await.map(|_| ())
}

async fn compile() -> Result<JsValue, JsValue> {
    let scope = js_sys::global();
    let fetch: Function = get(&scope, "fetch").dyn_into()?;
    let asked: Promise = fetch.call1(&scope, &JsValue::from_str(MODULE_URL))?.dyn_into()?;
    let response: Response = JsFuture::from(asked).await?.dyn_into()?;
    if !response.ok() {
        return Err(response.into());
    }
    let bytes = JsFuture::from(response.array_buffer()?).await?;
    let module: Module = JsFuture::from(WebAssembly::compile(&bytes)).await?.dyn_into()?;
    MODULE.set(Some(module.clone()));
    // Whoever waits for the module waits for this, too; without it the first word is late and not lost.
    let _ = warm_up(&module).await;
    Ok(JsValue::UNDEFINED)
}

/// Browsers make a function fit to run when it is first called, and fast when it has been called for a while: the first
/// frames would be late by 30 ms. So some are coded ahead, one at a time, so that nothing else waits for long.
async fn warm_up(module: &Module) -> Result<(), JsValue> {
    let exports = Exports::new(module, WARM_UP_BITRATE_BPS, WARM_UP_COMPLEXITY)?;
    let mut payload = [0; PAYLOAD_BYTES_MAX];
    for frame in 0..WARM_UP_FRAMES {
        // Something like a voice: a buzz of 125 Hz that swells, since silence takes none of the ways that a voice does.
        let length = if frame % 4 == 0 { VOICE_FRAME_SAMPLES_LONG } else { VOICE_FRAME_SAMPLES_SHORT };
        let buzz = |index: u32| (index % 384) as f32 / 384.0 * 0.02 * frame as f32 - 0.01 * frame as f32;
        let samples: Vec<f32> = (0..length).map(buzz).collect();
        exports.encode(&samples, &mut payload)?;
        next_task().await?;
    }
    Ok(())
}

/// Lets whatever else waits go first.
async fn next_task() -> Result<JsValue, JsValue> {
    let scope = js_sys::global();
    let set_timeout: Function = get(&scope, "setTimeout").dyn_into()?;
    let next = Promise::new(&mut |resolve, _| {
        // Fails for nothing that is a function.
        let _ = set_timeout.call1(&scope, &resolve);
    });
    JsFuture::from(next).await
}

/// A `MakeEncoder`: an instance of the module.
///
/// # Errors
/// [`CodecError::NoEncoder`] before the module is there, and where it cannot be instantiated.
pub(crate) fn make(bitrate_bps: i32, complexity: u8) -> Result<Box<dyn Encode>, CodecError> {
    let module = MODULE.with_borrow(Clone::clone).ok_or(CodecError::NoEncoder)?;
    let exports = Exports::new(&module, bitrate_bps, complexity).map_err(|_| CodecError::NoEncoder)?;
    let look_ahead_samples = exports.look_ahead_samples;
    let (exports, module) = (SendWrapper::new(Some(exports)), SendWrapper::new(module));
    let effort = Effort::default();
    Ok(Box::new(ModuleEncoder { exports, module, bitrate_bps, complexity, effort, look_ahead_samples }))
}

/// One instance, and what of it is called.
struct Exports {
    memory: Memory,
    frame: u32,
    payload: u32,
    look_ahead_samples: u32,
    encode: Function,
    set_bitrate: Function,
    set_complexity: Function,
    reset: Function,
}

impl Exports {
    fn new(module: &Module, bitrate_bps: i32, complexity: u8) -> Result<Self, JsValue> {
        let exports = Instance::new(module, &Object::new())?.exports();
        let function = |name: &str| get(&exports, name).dyn_into::<Function>();
        let number = |name: &str| -> Result<u32, JsValue> {
            Ok(function(name)?.call0(&JsValue::UNDEFINED)?.as_f64().unwrap_or(0.0) as u32)
        };
        let is_made = function("dais_init")?.call2(&JsValue::UNDEFINED, &bitrate_bps.into(), &complexity.into())?;
        if is_made.as_f64() != Some(1.0) {
            return Err(is_made);
        }
        Ok(Self {
            memory: get(&exports, "memory").dyn_into()?,
            frame: number("dais_frame")?,
            payload: number("dais_payload")?,
            look_ahead_samples: number("dais_look_ahead")?,
            encode: function("dais_encode")?,
            set_bitrate: function("dais_set_bitrate")?,
            set_complexity: function("dais_set_complexity")?,
            reset: function("dais_reset")?,
        })
    }

    /// How many bytes there are of a packet.
    fn encode(&self, frame: &[f32], payload: &mut [u8; PAYLOAD_BYTES_MAX]) -> Result<usize, JsValue> {
        // The memory's buffer is another one after each growth.
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        Float32Array::new_with_byte_offset_and_length(&self.memory.buffer(), self.frame, length).copy_from(frame);
        let coded = self.encode.call1(&JsValue::UNDEFINED, &length.into())?;
        let bytes = (coded.as_f64().unwrap_or(0.0) as usize).min(payload.len());
        let from = Uint8Array::new_with_byte_offset_and_length(&self.memory.buffer(), self.payload, bytes as u32);
        from.copy_to(&mut payload[..bytes]);
        Ok(bytes)
    }
}

/// See the module. After a trap another instance takes over.
struct ModuleEncoder {
    /// `None` after a trap, until another one is made.
    exports: SendWrapper<Option<Exports>>,
    module: SendWrapper<Module>,
    bitrate_bps: i32,
    complexity: u8,
    effort: Effort,
    look_ahead_samples: u32,
}

impl ModuleEncoder {
    /// Calls an instance; one that traps is never called again. Where there is none, another one is tried for.
    fn call<T>(&mut self, call: impl FnOnce(&Exports) -> Result<T, JsValue>) -> Option<T> {
        if self.exports.is_none() {
            *self.exports = Exports::new(&self.module, self.bitrate_bps, self.complexity).ok();
        }
        let result = call(self.exports.as_ref()?);
        if result.is_err() {
            *self.exports = None;
        }
        result.ok()
    }
}

impl Encode for ModuleEncoder {
    fn look_ahead_samples(&self) -> u32 {
        self.look_ahead_samples
    }

    fn set_bitrate(&mut self, bitrate_bps: i32) {
        self.bitrate_bps = bitrate_bps;
        self.call(|exports| exports.set_bitrate.call1(&JsValue::UNDEFINED, &bitrate_bps.into()));
    }

    fn encode(&mut self, frame: &[f32], payload: &mut [u8; PAYLOAD_BYTES_MAX]) -> Option<usize> {
        let began_ms = now_ms();
        let coded = self.call(|exports| exports.encode(frame, payload)).filter(|&bytes| bytes > 0);
        if self.effort.is_too_much(now_ms() - began_ms, frame.len()) && self.complexity > COMPLEXITY_ON_SLOW_MACHINES {
            self.complexity = COMPLEXITY_ON_SLOW_MACHINES;
            self.call(|exports| exports.set_complexity.call1(&JsValue::UNDEFINED, &COMPLEXITY_ON_SLOW_MACHINES.into()));
        }
        coded
    }

    fn reset(&mut self) {
        self.call(|exports| exports.reset.call0(&JsValue::UNDEFINED));
    }
}
