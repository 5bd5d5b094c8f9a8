//! An allocator that counts, so that a target can say what something cost.

#![expect(unsafe_code, reason = "counting allocations means standing in for the allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What a piece of work wanted from the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The most bytes held at once, beyond what was held before. Where a block is made larger, both count.
    pub peak_bytes: usize,
    /// Calls, in either direction.
    pub calls: u64,
}

#[derive(Clone, Copy)]
struct Count {
    held_bytes: usize,
    peak_bytes: usize,
    calls: u64,
}

thread_local! {
    /// Of this thread. What one thread makes and another frees is counted on each for itself.
    static COUNT: Cell<Count> = const { Cell::new(Count { held_bytes: 0, peak_bytes: 0, calls: 0 }) };
}

/// Does `work` and says what it wanted from the allocator on this thread.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    let before = COUNT.get();
    COUNT.set(Count { peak_bytes: before.held_bytes, ..before });
    let result = work();
    let after = COUNT.get();
    let peak_bytes = after.peak_bytes.saturating_sub(before.held_bytes);
    (result, Usage { peak_bytes, calls: after.calls - before.calls })
}

fn count(change: impl FnOnce(&mut Count)) {
    let mut count = COUNT.get();
    count.calls += 1;
    change(&mut count);
    count.peak_bytes = count.peak_bytes.max(count.held_bytes);
    COUNT.set(count);
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the count is a plain cell that needs no allocation itself.
// `realloc` is the trait's own: a new block, a copy, and the old one freed.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(|count| count.held_bytes = count.held_bytes.wrapping_add(layout.size()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(|count| count.held_bytes = count.held_bytes.saturating_sub(layout.size()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
