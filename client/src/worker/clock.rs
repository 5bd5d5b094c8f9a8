//! The worker's clock, which only counts.

use std::time::Duration;

use wasm_bindgen::JsCast;
use web_sys::DedicatedWorkerGlobalScope;

/// Milliseconds since the worker started.
pub(crate) fn now_ms() -> f64 {
    let scope: Option<DedicatedWorkerGlobalScope> = js_sys::global().dyn_into().ok();
    scope.and_then(|scope| scope.performance()).map_or(0.0, |performance| performance.now())
}

/// Likewise, as the engine wants it.
pub(crate) fn now() -> Duration {
    Duration::from_secs_f64(now_ms().max(0.0) / 1000.0)
}
