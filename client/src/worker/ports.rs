//! The ports to the audio thread, and the frames that come from the microphone.

use dais_client::edge::get;
use js_sys::{Array, ArrayBuffer, Float32Array, Object};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{MessageEvent, MessagePort};

/// A port and its handler.
pub(crate) struct Port {
    port: MessagePort,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Port {
    pub(crate) fn new(port: MessagePort, handle: impl FnMut(MessageEvent) + 'static) -> Self {
        let on_message = Closure::new(handle);
        port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Self { port, _on_message: on_message }
    }

    /// Gives a buffer away.
    pub(crate) fn give(&self, buffer: &ArrayBuffer) {
        // The only failure is a buffer that was given away before, and this one is ours.
        let _ = self.port.post_message_with_transferable(buffer, &Array::of1(buffer));
    }

    /// Sends a message.
    pub(crate) fn send(&self, message: &Object) {
        // Fails only for what cannot be cloned.
        let _ = self.port.post_message(message);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.port.set_onmessage(None);
        self.port.close();
    }
}

/// What comes from the capture worklet.
pub(crate) enum Captured {
    /// A frame, in a buffer that wants to go back.
    Frame(ArrayBuffer),
    /// Samples were dropped before the next frame.
    Dropped,
    /// Nothing known.
    Unknown,
}

impl Captured {
    pub(crate) fn read(event: &MessageEvent) -> Self {
        let data = event.data();
        match data.dyn_into::<ArrayBuffer>() {
            Ok(buffer) => Self::Frame(buffer),
            Err(data) if get(&data, "type") == "dropped" => Self::Dropped,
            Err(_) => Self::Unknown,
        }
    }
}

/// Copies a frame's samples out.
pub(crate) fn samples(buffer: &ArrayBuffer, into: &mut Vec<f32>) {
    let view = Float32Array::new(buffer);
    into.resize(view.length() as usize, 0.0);
    view.copy_to(into);
}
