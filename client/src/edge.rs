//! The edge to JavaScript that page and worker share: messages as postcard bytes, and errors turned into words once.

use js_sys::{Array, Object, Reflect, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, MessagePort};

/// A message as an object `{bytes, port?}`, and the ports to be transferred with it.
#[must_use]
pub fn wrap<T: Serialize>(message: &T, port: Option<&MessagePort>) -> (Object, Array) {
    let bytes = postcard::to_allocvec(message).expect("bridge messages know their lengths");
    let wrapped = object(&[("bytes", Uint8Array::from(bytes.as_slice()).into())]);
    let transfer = Array::new();
    if let Some(port) = port {
        set(&wrapped, "port", port);
        transfer.push(port);
    }
    (wrapped, transfer)
}

/// The message in an event made with [`wrap`], and its port. `None` for anything else.
#[must_use]
pub fn unwrap<T: DeserializeOwned>(event: &MessageEvent) -> Option<(T, Option<MessagePort>)> {
    let data = event.data();
    let bytes: Uint8Array = get(&data, "bytes").dyn_into().ok()?;
    let message = postcard::from_bytes(&bytes.to_vec()).ok()?;
    Some((message, get(&data, "port").dyn_into().ok()))
}

/// A plain object.
#[must_use]
pub fn object(entries: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (key, value) in entries {
        set(&object, key, value);
    }
    object
}

/// A property, `undefined` where there is none.
#[must_use]
pub fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(key)).unwrap_or(JsValue::UNDEFINED)
}

/// A numeric property, 0 where there is none.
#[must_use]
pub fn get_number(object: &JsValue, key: &str) -> f64 {
    get(object, key).as_f64().unwrap_or(0.0)
}

/// A property that counts something.
#[must_use]
pub fn get_count(object: &JsValue, key: &str) -> u64 {
    // A float-to-integer cast saturates, which is what a count wants.
    get_number(object, key) as u64
}

fn set(object: &Object, key: &str, value: &JsValue) {
    // Setting a property of a plain object cannot fail.
    let _ = Reflect::set(object, &JsValue::from_str(key), value);
}

/// The name of an exception, such as `NotAllowedError`; for the table that turns it into an error of ours.
#[must_use]
pub fn exception_name(exception: &JsValue) -> String {
    get(exception, "name").as_string().unwrap_or_default()
}
