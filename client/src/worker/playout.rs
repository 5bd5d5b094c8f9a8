//! The playout worklet, as the worker sees it: packets and commands in, statistics out.

use std::cell::RefCell;
use std::rc::Rc;

use dais_client::bridge::{Playout, PlayoutStream};
use dais_client::edge::{get, get_count, get_number, object};
use dais_engine::audio::SAMPLE_RATE_HZ;
use js_sys::{Array, Date, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, MessagePort};

use crate::clock::now_ms;
use crate::ports::Port;
use crate::ring::Ring;

/// The way to the loudspeaker.
pub(crate) struct Loudspeaker {
    port: Port,
    /// From when the worklet has said that it reads it.
    ring: Rc<RefCell<Option<Ring>>>,
}

impl Loudspeaker {
    /// Calls `tell` with what the worklet measures.
    pub(crate) fn new(port: MessagePort, tell: impl Fn(Playout) + 'static) -> Self {
        let ring = Rc::new(RefCell::new(None));
        let mut offered = Ring::new();
        let offer = offered.as_ref().map(|ring| object(&[("type", "ring".into()), ("buffer", ring.buffer().into())]));
        let port = Port::new(port, {
            let ring = ring.clone();
            move |event| match get(&event.data(), "type").as_string().as_deref() {
                Some("statistics") => tell(read_statistics(&event)),
                Some("ring") => *ring.borrow_mut() = offered.take(),
                _ => {}
            }
        });
        if let Some(offer) = offer {
            port.send(&offer);
        }
        Self { port, ring }
    }

    /// Gives it a packet that has just arrived.
    pub(crate) fn play(&self, packet: &[u8]) {
        match &mut *self.ring.borrow_mut() {
            Some(ring) => ring.push(packet, Date::now()),
            None => self.port.give(&Uint8Array::from(packet).buffer()),
        }
    }

    /// Sends a command such as `{type: 'gain', stream, gain}`.
    pub(crate) fn command(&self, name: &str, values: &[(&str, f64)]) {
        let message = object(&[("type", JsValue::from_str(name))]);
        for (key, value) in values {
            let _ = js_sys::Reflect::set(&message, &JsValue::from_str(key), &JsValue::from_f64(*value));
        }
        self.port.send(&message);
    }
}

fn read_statistics(event: &MessageEvent) -> Playout {
    let data = event.data();
    let to_ms = 1000.0 / f64::from(SAMPLE_RATE_HZ);
    // The audio thread knows the wall clock only, which may be set.
    let next_ms = get_number(&data, "next_wall_ms") - Date::now() + now_ms();
    let streams: Array = get(&data, "streams").dyn_into().unwrap_or_default();
    Playout {
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
                played_origin_ms: next_ms - get_number(&stream, "timestamp_next") * to_ms,
                buffered_ms: (get_number(&stream, "buffered_samples") * to_ms) as f32,
                target_ms: (get_number(&stream, "target_samples") * to_ms) as f32,
            })
            .collect(),
    }
}
