//! Explores one target with libFuzzer, which owns the command line. `cargo xtask fuzz` builds and starts this.

#![no_main]

use std::sync::OnceLock;

use dais_fuzz::Target;

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

/// The target that the variable `DAIS_FUZZ_TARGET` names.
fn chosen() -> &'static Target {
    let name = std::env::var("DAIS_FUZZ_TARGET").unwrap_or_default();
    Target::named(&name).unwrap_or_else(|| panic!("DAIS_FUZZ_TARGET names no target: `{name}`"))
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| (CHOSEN.get_or_init(chosen).run)(data));
