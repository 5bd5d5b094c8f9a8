//! RNNoise on the browser's audio thread: plain exports around [`Suppressor`], called by `suppressor.js`. Loaded by those
//! who switch it on, and by nobody else: most of it is RNNoise's network.
//!
//! No wasm-bindgen, no imports, for the reasons that the playback pipeline's module gives.

#![expect(unsafe_code, reason = "exports by name, and one module-wide state on a single thread")]

mod suppressor;

use std::cell::UnsafeCell;

pub use suppressor::Suppressor;

/// Samples that one call can clean: 10 ms of the fastest device.
const SAMPLES_MAX: usize = 3_840;

/// All that lives in this module.
struct Module {
    suppressor: Suppressor,
    samples: [f32; SAMPLES_MAX],
}

/// The one place where the module is kept between calls.
struct Global(UnsafeCell<Option<Box<Module>>>);

// SAFETY: an audio worklet is one thread, and wasm without shared memory has no other.
unsafe impl Sync for Global {}

static MODULE: Global = Global(UnsafeCell::new(None));

/// What `dais_init` made; `None` before it.
fn module() -> Option<&'static mut Module> {
    // SAFETY: one thread, and no export calls another while it holds this reference. After a trap none is called.
    unsafe { (*MODULE.0.get()).as_deref_mut() }
}

/// Gets ready for a device's rate in Hz: 1, or 0 where that rate cannot be served.
#[unsafe(no_mangle)]
extern "C" fn dais_init(device_rate_hz: u32) -> u32 {
    let Ok(suppressor) = Suppressor::new(device_rate_hz) else { return 0 };
    let module = Box::new(Module { suppressor, samples: [0.0; SAMPLES_MAX] });
    // SAFETY: one thread, and nothing else holds a reference now; see `module`.
    unsafe { *MODULE.0.get() = Some(module) };
    1
}

/// Where samples are to be put and found again, 32-bit floats; 0 before `dais_init`.
#[unsafe(no_mangle)]
extern "C" fn dais_samples() -> *mut f32 {
    module().map_or(std::ptr::null_mut(), |module| module.samples.as_mut_ptr())
}

/// How many fit there.
#[unsafe(no_mangle)]
extern "C" fn dais_samples_max() -> usize {
    SAMPLES_MAX
}

/// Cleans the first `count` samples in place: 1, or 0 where they are too many or nothing is ready.
#[unsafe(no_mangle)]
extern "C" fn dais_suppress(count: usize) -> u32 {
    let Some(Module { suppressor, samples }) = module() else { return 0 };
    let Some(samples) = samples.get_mut(..count) else { return 0 };
    suppressor.process(samples);
    1
}
