//! The few functions of a C library that libopus calls, for a target that has none.
//!
//! Linked into every wasm module that contains this crate. Memory comes from Rust's allocator;
//! nothing is ever printed; to abort is to trap, which the page survives by starting the module
//! anew. The mathematical functions and `memcpy` come with the compiler's own runtime.

#![expect(unsafe_code, reason = "C calls these by name and hands over raw pointers")]

use std::alloc::{Layout, alloc, dealloc};
use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr;
use std::sync::atomic::AtomicPtr;

/// What C promises of `malloc`: aligned for every type, SIMD vectors included.
const ALIGNMENT_BYTES: usize = 16;

/// In front of each block stands its size, which `free` is not told; as long as the alignment.
const HEADER_BYTES: usize = ALIGNMENT_BYTES;

fn layout(block_bytes: usize) -> Option<Layout> {
    Layout::from_size_align(block_bytes.checked_add(HEADER_BYTES)?, ALIGNMENT_BYTES).ok()
}

/// C's `malloc`: libopus asks for its states here, when a pipeline is made.
#[unsafe(no_mangle)]
extern "C" fn malloc(block_bytes: usize) -> *mut c_void {
    let Some(layout) = layout(block_bytes) else { return ptr::null_mut() };
    // SAFETY: the layout is at least the header's 16 bytes; the header, at the start of fresh
    // and aligned memory, fits a `usize`; the block behind it is within the allocation.
    unsafe {
        let start = alloc(layout);
        if start.is_null() {
            return ptr::null_mut();
        }
        start.cast::<usize>().write(block_bytes);
        start.add(HEADER_BYTES).cast()
    }
}

/// C's `free`.
///
/// # Safety
/// `block` is null or came from [`malloc`] and was not freed since.
#[unsafe(no_mangle)]
unsafe extern "C" fn free(block: *mut c_void) {
    if block.is_null() {
        return;
    }
    // SAFETY: by contract `malloc` wrote the size in front of the block, and gave it this layout.
    unsafe {
        let start = block.cast::<u8>().sub(HEADER_BYTES);
        let block_bytes = start.cast::<usize>().read();
        if let Some(layout) = layout(block_bytes) {
            dealloc(start, layout);
        }
    }
}

/// C's `abort`: libopus found its own state broken. A trap ends this instance of the module.
#[unsafe(no_mangle)]
extern "C" fn abort() -> ! {
    core::arch::wasm32::unreachable()
}

/// C's `lrintf`: to the nearest integer, ties to even, as in C's default rounding mode.
#[unsafe(no_mangle)]
extern "C" fn lrintf(value: f32) -> c_long {
    value.round_ties_even() as c_long
}

/// C's `fprintf`, with the variable arguments as wasm passes them, behind one pointer. libopus
/// speaks only right before it aborts, and nobody on the audio thread could listen.
#[unsafe(no_mangle)]
extern "C" fn fprintf(_stream: *mut c_void, _format: *const c_char, _arguments: *const c_void) -> c_int {
    0
}

/// C's `stderr`: a pointer that libopus passes back to `fprintf` and nobody follows.
#[unsafe(no_mangle)]
static stderr: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
