//! Sets up what the other commands need and skips what is there: the second time takes less than
//! a second. Every check asks the tool itself instead of trusting a note left behind.

mod cargo_tool;
mod compiler;
mod python;
mod system;
mod testing;
mod toolchain;

use crate::{Result, cost};
use system::System;

pub(crate) use python::interpreter as python;
pub(crate) use testing::{chromium, firefox, nginx, node_path};

/// What building client and server needs: Rust for wasm32, a C compiler for it (Opus is written
/// in C).
///
/// # Errors
/// A sentence that says what is missing and what to do about it.
pub(crate) fn build_tools() -> Result<()> {
    let mut system = System::new();
    cost::part("a C compiler", || compiler::native(&mut system))?;
    cost::part("Rust for wasm32", || toolchain::wasm(&mut system))?;
    cost::part("C for wasm32", || compiler::wasm(&mut system))
}

/// What serving the page while it is edited needs on top: Trunk, and the wasm-bindgen that it calls.
///
/// # Errors
/// As [`build_tools`].
pub(crate) fn trunk() -> Result<()> {
    cost::part("wasm-bindgen", cargo_tool::wasm_bindgen)?;
    cost::part("Trunk", cargo_tool::trunk)
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
    cost::part("rustfmt and clippy", || toolchain::lints(&mut system))?;
    cost::part("browsers and sound", || testing::programs(&mut system))?;
    cost::part("the browser driver", testing::node_packages)?;
    cost::part("Python", || python::environment(&mut system))
}
