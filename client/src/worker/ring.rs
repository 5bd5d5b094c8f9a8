//! Packets for the playout worklet through memory that both share: no message, and nobody is woken, since the audio
//! thread looks before each quantum anyway. One writes, one reads, and neither waits.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | bytes ever written, modulo 2³²; the worker's |
//! | 4 | 4 | bytes ever read, likewise; the worklet's |
//! | 8 | [`CAPACITY`] | records, one behind the other, round and round |
//!
//! A record begins at a multiple of eight: 4 bytes its packet's length, 4 unused, 8 its arrival in milliseconds of the
//! wall clock, then the packet, laid out by `dais_audio`. One that would go over the end stands at the beginning, and
//! [`SKIP`] in place of its length where it would have been. All little-endian, as WebAssembly is.

use dais_client::edge::get;
use js_sys::{Atomics, Int32Array, SharedArrayBuffer, Uint8Array};

/// Bytes of records, a power of two: a second and a half of a full stage in frames of 10 ms.
const CAPACITY: u32 = 1 << 18;
/// Bytes in front of them.
const POSITIONS: u32 = 8;
const WRITTEN: u32 = 0;
const READ: u32 = 1;
/// Bytes of a record in front of its packet.
const RECORD_HEADER: usize = 16;
/// Says that the next record is at the beginning.
const SKIP: u32 = u32::MAX;

/// The writer's end.
pub(crate) struct Ring {
    buffer: SharedArrayBuffer,
    positions: Int32Array,
    written: u32,
    record: Vec<u8>,
}

impl Ring {
    /// `None` where the browser lets this page share no memory: one that is no secure context, for instance.
    pub(crate) fn new() -> Option<Self> {
        if !get(&js_sys::global(), "crossOriginIsolated").is_truthy() {
            return None;
        }
        let buffer = SharedArrayBuffer::new(POSITIONS + CAPACITY);
        let positions = Int32Array::new_with_byte_offset_and_length(&buffer, 0, 2);
        Some(Self { buffer, positions, written: 0, record: Vec::new() })
    }

    /// What the worklet is to be given.
    pub(crate) fn buffer(&self) -> &SharedArrayBuffer {
        &self.buffer
    }

    /// Leaves a packet for the worklet. One for which there is no room is lost: nobody has listened for a second.
    pub(crate) fn push(&mut self, packet: &[u8], arrived_ms: f64) {
        let Ok(length) = u32::try_from(packet.len()) else { return };
        let bytes = (RECORD_HEADER as u32 + length).next_multiple_of(8);
        let read = Atomics::load(&self.positions, READ).unwrap_or_default() as u32;
        let free = CAPACITY - self.written.wrapping_sub(read);
        let to_end = CAPACITY - self.written % CAPACITY;
        let skipped = if to_end < bytes { to_end } else { 0 };
        if free < skipped + bytes {
            return;
        }
        if skipped > 0 {
            self.write(&SKIP.to_le_bytes());
            self.written = self.written.wrapping_add(skipped);
        }
        self.record.clear();
        self.record.extend_from_slice(&length.to_le_bytes());
        self.record.extend_from_slice(&[0; 4]);
        self.record.extend_from_slice(&arrived_ms.to_le_bytes());
        self.record.extend_from_slice(packet);
        self.write(&self.record);
        self.written = self.written.wrapping_add(bytes);
        // It has this index, and numbers are what it takes.
        let _ = Atomics::store(&self.positions, WRITTEN, self.written as i32);
    }

    fn write(&self, bytes: &[u8]) {
        let at = POSITIONS + self.written % CAPACITY;
        Uint8Array::new_with_byte_offset_and_length(&self.buffer, at, bytes.len() as u32).copy_from(bytes);
    }
}
