//! Every input of the corpora once more: those that reach different code, and those that once found something.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use dais_fuzz::{Target, measured};

/// Fewer than these, and the folder is not where it should be.
const INPUTS_MIN: usize = 20;

fn replay(name: &str) {
    let target = Target::named(name).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut inputs: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    let fails = |input: &&PathBuf| {
        let bytes = std::fs::read(input).unwrap();
        catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes))).is_err()
    };
    let failed: Vec<_> = inputs.iter().filter(fails).collect();
    assert!(failed.is_empty(), "{} of {} inputs fail: {failed:#?}", failed.len(), inputs.len());
    assert!(inputs.len() >= INPUTS_MIN, "{} inputs in {}", inputs.len(), folder.display());
    // Nothing at all, and every single byte, are inputs, too.
    (target.run)(&[]);
    (0..=u8::MAX).for_each(|byte| (target.run)(&[byte; 40]));
}

#[test]
fn wire_decode() {
    replay("wire_decode");
}

#[test]
fn websocket_frames() {
    replay("websocket_frames");
}

#[test]
fn room_inputs() {
    replay("room_inputs");
}

#[test]
fn jitter_buffer() {
    replay("jitter_buffer");
}

#[test]
fn what_is_allocated_is_measured() {
    let (held, usage) = measured(|| {
        drop(std::hint::black_box(vec![1u8; 5_000]));
        std::hint::black_box(vec![1u8; 1_000])
    });
    assert_eq!((held.len(), usage.peak_bytes, usage.calls), (1_000, 5_000, 3));
}
