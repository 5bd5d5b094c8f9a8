//! Keeps the screen on while it is wanted, where the browser can. A phone that falls asleep takes its owner off the air.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use dais_client::edge::get;
use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::window;

/// See the module. Let go of when dropped.
#[derive(Clone, Default)]
pub(crate) struct WakeLock(Rc<State>);

#[derive(Default)]
struct State {
    is_wanted: Cell<bool>,
    lock: RefCell<Option<JsValue>>,
}

impl WakeLock {
    /// Whether the screen is to stay on. To be said again when the page is seen again: hidden, it has lost the lock.
    pub(crate) fn want(&self, is_wanted: bool) {
        self.0.is_wanted.set(is_wanted);
        if !is_wanted {
            return self.0.release();
        }
        let state = self.0.clone();
        spawn_local(async move {
            let Ok(lock) = request().await else { return };
            // The one before is of no use any more, or not needed twice.
            state.release();
            *state.lock.borrow_mut() = Some(lock);
            if !state.is_wanted.get() {
                state.release();
            }
        });
    }
}

impl State {
    fn release(&self) {
        if let Some(lock) = self.lock.borrow_mut().take() {
            // A lock that the browser took back is not there to be released.
            let _ = call(&lock, "release", None);
        }
    }
}

/// Fails where the browser has no such thing, or does not want to.
async fn request() -> Result<JsValue, JsValue> {
    let navigator = window().ok_or(JsValue::UNDEFINED)?.navigator();
    let asked: Promise = call(&get(&navigator, "wakeLock"), "request", Some("screen"))?.dyn_into()?;
    JsFuture::from(asked).await
}

fn call(object: &JsValue, name: &str, argument: Option<&str>) -> Result<JsValue, JsValue> {
    if !object.is_object() {
        return Err(JsValue::UNDEFINED);
    }
    let function: Function = get(object, name).dyn_into()?;
    match argument {
        Some(argument) => function.call1(object, &JsValue::from_str(argument)),
        None => function.call0(object),
    }
}
