//! The C side: a compiler and cmake for this machine, and clang with libc headers for wasm32,
//! found by the wrapper scripts in `.cargo/wasm`, which cargo uses as well.

use std::process::Stdio;

use super::system::System;
use crate::{Result, process, project};

/// cc, c++, make and cmake for this machine: Opus is C, built with cmake, and cmake wants both
/// compilers.
pub(super) fn native(system: &mut System) -> Result<()> {
    let mut missing = Vec::new();
    if ["cc", "c++", "make"].iter().any(|program| process::which(program).is_none()) {
        missing.push("build-essential");
    }
    if process::which("cmake").is_none() {
        missing.push("cmake");
    }
    if missing.is_empty() {
        return Ok(());
    }
    system.install(&missing, "they build the Opus codec, which is written in C")
}

/// clang, llvm-ar and headers for wasm32.
pub(super) fn wasm(system: &mut System) -> Result<()> {
    let mut missing = Vec::new();
    if !wrapper_works("cc", "#include <stddef.h>\n") || !wrapper_works("cxx", "#include <stddef.h>\n") {
        missing.extend(system.first_known(&["clang-19", "clang"])?);
    }
    if !process::succeeds(process::command(wrapper("ar")).arg("--version")) {
        missing.extend(system.first_known(&["llvm-19", "llvm"])?);
    }
    if !wrapper_works("cc", HEADERS_OPUS_USES) && !has_headers() {
        missing.push("wasi-libc");
    }
    if !missing.is_empty() {
        system.install(&missing, "they build the Opus codec for the browser")?;
    }
    if wrapper_works("cc", HEADERS_OPUS_USES) {
        return Ok(());
    }
    Err("no clang here compiles C for wasm32: `.cargo/wasm/cc` looks for clang with the wasm32 \
         target and for wasi-libc's headers, and says what it found when started by hand"
        .to_owned())
}

/// Headers of a C library, of which only the declarations are used.
const HEADERS_OPUS_USES: &str = "#include <stdlib.h>\n#include <string.h>\n#include <math.h>\n#include <stdio.h>\n";

fn wrapper(name: &str) -> std::path::PathBuf {
    project::root().join(".cargo/wasm").join(name)
}

/// Whether the headers are there, even if no compiler is.
fn has_headers() -> bool {
    process::succeeds(process::command(wrapper("cc")).arg("--print-wasi-headers"))
}

/// Whether a wrapper compiles this much C.
fn wrapper_works(name: &str, source: &str) -> bool {
    let mut compile = process::command(wrapper(name));
    compile.args(["-x", "c", "-c", "-", "-o", "/dev/null"]);
    compile.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = compile.spawn() else {
        return false;
    };
    if let Some(mut input) = child.stdin.take() {
        // A compiler that does not read its input has failed already.
        let _ = std::io::Write::write_all(&mut input, source.as_bytes());
    }
    child.wait().is_ok_and(|status| status.success())
}
