//! The ports to the audio thread: frames from the microphone, packets to the loudspeaker, statistics back.

use dais_client::bridge::{Playout, PlayoutStream};
use dais_client::edge::{get, get_count, get_number, object};
use dais_engine::audio::SAMPLE_RATE_HZ;
use js_sys::{Array, ArrayBuffer, Float32Array, Uint8Array};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
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

    /// Gives a packet to the playout worklet.
    pub(crate) fn play(&self, packet: &[u8]) {
        self.give(&Uint8Array::from(packet).buffer());
    }

    /// Gives a buffer away.
    pub(crate) fn give(&self, buffer: &ArrayBuffer) {
        // The only failure is a buffer that was given away before, and this one is ours.
        let _ = self.port.post_message_with_transferable(buffer, &Array::of1(buffer));
    }

    /// Sends a command such as `{type: 'gain', stream, gain}`.
    pub(crate) fn command(&self, name: &str, values: &[(&str, f64)]) {
        let message = object(&[("type", JsValue::from_str(name))]);
        for (key, value) in values {
            let _ = js_sys::Reflect::set(&message, &JsValue::from_str(key), &JsValue::from_f64(*value));
        }
        let _ = self.port.post_message(&message);
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

/// Reads the playout worklet's statistics. `None` for any other message.
pub(crate) fn read_statistics(event: &MessageEvent) -> Option<Playout> {
    let data = event.data();
    if get(&data, "type") != "statistics" {
        return None;
    }
    let to_ms = 1000.0 / f64::from(SAMPLE_RATE_HZ);
    let streams: Array = get(&data, "streams").dyn_into().unwrap_or_default();
    Some(Playout {
        quanta_late_total: get_count(&data, "late_quanta_total"),
        call_gap_ms_max: get_number(&data, "call_gap_ms_max") as f32,
        traps_total: get_count(&data, "traps_total"),
        samples_decoded_total: get_count(&data, "samples_decoded_total"),
        samples_concealed_total: get_count(&data, "samples_concealed_total"),
        samples_discarded_total: get_count(&data, "samples_discarded_total"),
        samples_stretched_total: get_count(&data, "samples_accelerated_total") + get_count(&data, "samples_slowed_total"),
        underruns_total: get_count(&data, "underruns_total"),
        streams: streams
            .iter()
            .map(|stream| PlayoutStream {
                stream: get_number(&stream, "stream") as u32,
                is_playing: get(&stream, "playing").is_truthy(),
                lag_ms: (get_number(&stream, "delay_samples") * to_ms) as f32,
                buffered_ms: (get_number(&stream, "buffered_samples") * to_ms) as f32,
                target_ms: (get_number(&stream, "target_samples") * to_ms) as f32,
            })
            .collect(),
    })
}
