//! Fuzz targets: functions that take any bytes whatever, and panic where something that must always hold does not.
//!
//! Each file says what its bytes mean and what must hold (its oracle). The corpora beside `src` are inputs that reach
//! different code, and every input that once found something; tests/replay.rs runs them all, `cargo xtask fuzz` looks for more.
//! Nothing here knows how inputs are found.

mod allocator;
mod jitter_buffer;
mod room_inputs;
mod websocket_frames;
mod wire_decode;

pub use allocator::{Usage, measured};

/// Something to throw bytes at.
#[derive(Debug)]
pub struct Target {
    /// Its name: of its file, and of its folder in `corpus`.
    pub name: &'static str,
    /// Returns if all is well, and panics if not.
    pub run: fn(&[u8]),
}

/// Every target. `cargo xtask fuzz` has the names, too.
pub const TARGETS: [Target; 4] = [
    Target { name: "wire_decode", run: wire_decode::run },
    Target { name: "websocket_frames", run: websocket_frames::run },
    Target { name: "room_inputs", run: room_inputs::run },
    Target { name: "jitter_buffer", run: jitter_buffer::run },
];

impl Target {
    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }
}
