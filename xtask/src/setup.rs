//! Sets up what the other commands need and skips what is there: the second time takes less than
//! a second. Every check asks the tool itself instead of trusting a note left behind.

mod cargo_tool;
mod compiler;
mod python;
mod system;
mod testing;
mod toolchain;

use crate::Result;
use system::System;

pub(crate) use python::interpreter as python;
pub(crate) use testing::{chromium, firefox, nginx, node_path};

/// What building client and server needs: Rust for wasm32, a C compiler for it (Opus is written
/// in C), wasm-bindgen and Trunk.
///
/// # Errors
/// A sentence that says what is missing and what to do about it.
pub(crate) fn build_tools() -> Result<()> {
    let mut system = System::new();
    compiler::native(&mut system)?;
    toolchain::wasm(&mut system)?;
    compiler::wasm(&mut system)?;
    cargo_tool::wasm_bindgen()?;
    cargo_tool::trunk()
}

/// What linting needs on top: rustfmt and clippy of the toolchain in use.
///
/// # Errors
/// As [`build_tools`].
pub(crate) fn lint_tools() -> Result<()> {
    toolchain::lints(&mut System::new())
}

/// What the tests need on top: rustfmt and clippy, two browsers, node, a virtual sound card, a
/// voice, a reverse proxy, and a Python environment that judges speech.
///
/// # Errors
/// As [`build_tools`].
pub(crate) fn test_tools() -> Result<()> {
    let mut system = System::new();
    toolchain::lints(&mut system)?;
    testing::programs(&mut system)?;
    testing::node_packages()?;
    python::environment(&mut system)
}
