//! Opus' encoder as a module of its own: plain exports around [`dais_audio::codec::OpusEncoder`], called by the page's worker.
//! Most who open a link never speak; those who do load it then. One instance is one encoder.
//!
//! No wasm-bindgen and no imports, so that an instance is made in an instant, and thrown away when it traps.

#![expect(unsafe_code, reason = "exports by name, and one module-wide state on a single thread")]

use std::cell::UnsafeCell;

use dais_audio::codec::{Encode, FRAME_SAMPLES_MAX, OpusEncoder, PAYLOAD_BYTES_MAX};

/// All that lives in this module.
struct Module {
    encoder: OpusEncoder,
    frame: [f32; FRAME_SAMPLES_MAX],
    payload: [u8; PAYLOAD_BYTES_MAX],
}

/// The one place where the module is kept between calls.
struct Global(UnsafeCell<Option<Box<Module>>>);

// SAFETY: a worker is one thread, and wasm without shared memory has no other.
unsafe impl Sync for Global {}

static MODULE: Global = Global(UnsafeCell::new(None));

/// What `dais_init` made; `None` before it.
fn module() -> Option<&'static mut Module> {
    // SAFETY: one thread, and no export calls another while it holds this reference. After a trap none is called.
    unsafe { (*MODULE.0.get()).as_deref_mut() }
}

/// Makes the encoder: bits per second and 0 (cheap) to 10 (good). 1, or 0 where libopus refuses.
#[unsafe(no_mangle)]
extern "C" fn dais_init(bitrate_bps: i32, complexity: u32) -> u32 {
    let complexity = u8::try_from(complexity).unwrap_or(u8::MAX);
    let Ok(encoder) = OpusEncoder::new(bitrate_bps, complexity) else { return 0 };
    let module = Box::new(Module { encoder, frame: [0.0; FRAME_SAMPLES_MAX], payload: [0; PAYLOAD_BYTES_MAX] });
    // SAFETY: one thread, and nothing else holds a reference now; see `module`.
    unsafe { *MODULE.0.get() = Some(module) };
    1
}

/// Where a frame of up to 960 samples is to be put, 32-bit floats; 0 before `dais_init`.
#[unsafe(no_mangle)]
extern "C" fn dais_frame() -> *mut f32 {
    module().map_or(std::ptr::null_mut(), |module| module.frame.as_mut_ptr())
}

/// How far the coded signal lags behind what is put in, in samples at 48 kHz.
#[unsafe(no_mangle)]
extern "C" fn dais_look_ahead() -> u32 {
    module().map_or(0, |module| module.encoder.look_ahead_samples())
}

/// Where a packet is found; 0 before `dais_init`.
#[unsafe(no_mangle)]
extern "C" fn dais_payload() -> *const u8 {
    module().map_or(std::ptr::null(), |module| module.payload.as_ptr())
}

/// Codes the first `samples` of the frame; how many bytes that makes, or 0 where libopus refuses.
#[unsafe(no_mangle)]
extern "C" fn dais_encode(samples: usize) -> usize {
    let Some(Module { encoder, frame, payload }) = module() else { return 0 };
    let Some(frame) = frame.get(..samples) else { return 0 };
    encoder.encode(frame, payload).unwrap_or(0)
}

/// What to aim at from now on, in bits per second.
#[unsafe(no_mangle)]
extern "C" fn dais_set_bitrate(bitrate_bps: i32) {
    if let Some(module) = module() {
        module.encoder.set_bitrate(bitrate_bps);
    }
}

/// How much work coding is from now on: 0 (cheap) to 10 (good).
#[unsafe(no_mangle)]
extern "C" fn dais_set_complexity(complexity: u32) {
    if let Some(module) = module() {
        module.encoder.set_complexity(u8::try_from(complexity).unwrap_or(u8::MAX));
    }
}

/// Forgets all that was heard.
#[unsafe(no_mangle)]
extern "C" fn dais_reset() {
    if let Some(module) = module() {
        module.encoder.reset();
    }
}
